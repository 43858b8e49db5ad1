//! What sessions and reports are found by, against a model that looks at all of them.

use std::ops::Range;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use proto::id::{Kind, PARTITIONS};
use proto::identity::v1::VerificationType;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use report_svc::id::Id;
use report_svc::lifecycle::Status;
use report_svc::storage::{
    Commit, Committed, Created, IndexEntry, JobStep, ListQuery, Listed, NewSession, Order, ReferenceTag, Reindex,
    ReportEntry, Scope, SealedReport, Storage,
};

use super::{Subject, create, new_session, report, step};

pub(super) async fn suite(subject: &dyn Subject) {
    lists_what_a_model_lists(subject.storage().as_ref()).await;
    lists_each_session_once_while_others_change(subject).await;
    reads_many_sessions(subject.storage().as_ref()).await;
    tells_what_expired(subject.storage().as_ref()).await;
}

const TYPES: [VerificationType; 3] = [
    VerificationType::Document,
    VerificationType::IdNumber,
    VerificationType::VerificationFlow,
];

/// A session as the model knows it.
struct Known {
    id: Id,
    version: u64,
    entry: IndexEntry,
}

/// Sessions, and what is drawn of them.
struct Model {
    random: ChaCha8Rng,
    /// Accounts that no other test uses, of which one's name begins with the other's.
    accounts: [&'static str; 2],
    sessions: Vec<Known>,
    reports: Vec<(Id, ReportEntry)>,
}

impl Model {
    fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            accounts: ["acct:model", "acct:model:2"],
            sessions: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// One reference of a kind has a tag under each of a few master keys, and a session has one of them.
    fn tag(&mut self, kind: u8) -> ReferenceTag {
        ReferenceTag([4 * kind + self.random.random_range(0..4); 16])
    }

    fn entry(&mut self) -> IndexEntry {
        IndexEntry {
            account: (*self.accounts.choose(&mut self.random).expect("two")).to_owned(),
            references: (0..self.random.random_range(0..3)).map(|kind| self.tag(kind)).collect(),
            status: *Status::ALL.choose(&mut self.random).expect("four"),
        }
    }

    async fn create(&mut self, storage: &dyn Storage) {
        // Of one partition there are many more than a page is likely to have.
        let partition = if self.random.random_bool(0.5) {
            3
        } else {
            self.random.random_range(0..PARTITIONS)
        };
        let id = Id::new(Kind::VerificationSession, partition);
        let entry = self.entry();
        let new = NewSession {
            entry: entry.clone(),
            ..new_session(&id)
        };
        for _ in 0..self.random.random_range(1..=2) {
            assert_eq!(storage.create(new.clone()).await.expect("storage"), Created::New);
        }
        self.sessions.push(Known { id, version: 1, entry });
    }

    /// Changes what a session is found by; some of the time with a version that is not its own, and then nothing is changed.
    async fn change(&mut self, storage: &dyn Storage) {
        let to = self.entry();
        let stale = self.random.random_bool(0.2);
        let index = self.random.random_range(0..self.sessions.len());
        let known = &mut self.sessions[index];
        let to = IndexEntry {
            account: known.entry.account.clone(),
            ..to
        };
        let from = known.entry.clone();
        let reindex = Some(Reindex { from, to: to.clone() });
        let expected = known.version + u64::from(stale);
        let record = expected.to_string();
        let report = self.random.random_bool(0.5).then(|| {
            let id = Id::new(Kind::VerificationReport, known.id.partition());
            let entry = ReportEntry {
                account: to.account.clone(),
                r#type: *TYPES.choose(&mut self.random).expect("three"),
                references: to.references.clone(),
            };
            SealedReport { entry, ..report(&id) }
        });
        if let (Some(report), false) = (&report, stale) {
            self.reports.push((report.id.clone(), report.entry.clone()));
        }
        let commit = Commit {
            reindex,
            reports: report.into_iter().collect(),
            ..step(&known.id, expected, record.as_bytes(), JobStep::Keep)
        };
        let outcome = if stale {
            Committed::Conflict
        } else {
            (known.version, known.entry) = (expected + 1, to);
            Committed::Done(expected + 1)
        };
        for _ in 0..self.random.random_range(1..=2) {
            assert_eq!(storage.commit(commit.clone()).await.expect("storage"), outcome);
        }
    }

    fn query(&mut self) -> ListQuery {
        let scope = if self.random.random_bool(0.5) {
            Scope::Account((*self.accounts.choose(&mut self.random).expect("two")).to_owned())
        } else {
            let kind = self.random.random_range(0..2);
            let mut tags = vec![self.tag(kind), self.tag(kind)];
            tags.dedup();
            Scope::References(tags)
        };
        let bound = |model: &mut Self, otherwise| match model.sessions.choose(&mut model.random) {
            Some(known) if model.random.random_bool(0.5) => known.id.unique(),
            _ => otherwise,
        };
        let start = bound(self, 0);
        let end = bound(self, u128::MAX);
        ListQuery {
            scope,
            listed: match self.random.random_range(0..4) {
                0 => Listed::Reports(None),
                1 => Listed::Reports(TYPES.choose(&mut self.random).copied()),
                2 => Listed::Sessions(None),
                _ => Listed::Sessions(Status::ALL.choose(&mut self.random).copied()),
            },
            between: start..end,
            order: if self.random.random_bool(0.5) {
                Order::NewestFirst
            } else {
                Order::OldestFirst
            },
            limit: *[1, 2, 7, 50, 101].choose(&mut self.random).expect("some"),
        }
    }

    fn list(&self, query: &ListQuery) -> Vec<Id> {
        let in_scope = |account: &str, references: &[ReferenceTag]| match &query.scope {
            Scope::Account(listed) => listed == account,
            Scope::References(tags) => references.iter().any(|tag| tags.contains(tag)),
        };
        let all: Vec<&Id> = match query.listed {
            Listed::Sessions(status) => {
                let sessions = self.sessions.iter();
                sessions
                    .filter(|known| in_scope(&known.entry.account, &known.entry.references))
                    .filter(|known| status.is_none_or(|status| known.entry.status == status))
                    .map(|known| &known.id)
                    .collect()
            }
            Listed::Reports(r#type) => {
                let reports = self.reports.iter();
                reports
                    .filter(|(_, entry)| r#type.is_none_or(|r#type| entry.r#type == r#type))
                    .filter(|(_, entry)| in_scope(&entry.account, &entry.references))
                    .map(|(id, _)| id)
                    .collect()
            }
        };
        let between = all.into_iter().filter(|id| query.between.contains(&id.unique()));
        let mut found: Vec<Id> = between.cloned().collect();
        found.sort_by_key(Id::unique);
        if query.order == Order::NewestFirst {
            found.reverse();
        }
        found.truncate(query.limit);
        found
    }
}

async fn lists_what_a_model_lists(storage: &dyn Storage) {
    let mut model = Model::new(1);
    for _ in 0..8 {
        for _ in 0..20 {
            model.create(storage).await;
        }
        for _ in 0..20 {
            model.change(storage).await;
        }
        for _ in 0..40 {
            let query = model.query();
            let listed = storage.list(&query).await.expect("storage");
            assert_eq!(listed, model.list(&query), "{query:?}");
        }
    }
}

const ALL: Range<u128> = 0..u128::MAX;

/// Pages are read while sessions come and change their status.
async fn lists_each_session_once_while_others_change(subject: &dyn Subject) {
    let account = "acct_busy";
    let entry = |status| IndexEntry {
        account: account.to_owned(),
        references: Vec::new(),
        status,
    };
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut still, mut busy) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let id = Id::new(Kind::VerificationSession, random.random_range(0..PARTITIONS));
        let new = NewSession {
            entry: entry(Status::Verified),
            ..new_session(&id)
        };
        subject.storage().create(new).await.expect("storage");
        if number % 2 == 0 { still.push(id) } else { busy.push(id) }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let changing = {
        let (storage, stop) = (subject.storage(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut states: Vec<(Id, u64, Status)> = busy.into_iter().map(|id| (id, 1, Status::Verified)).collect();
            while !stop.load(Ordering::Relaxed) {
                let index = random.random_range(0..states.len());
                let (id, version, status) = &mut states[index];
                let to = *Status::ALL.choose(&mut random).expect("four");
                let reindex = Some(Reindex {
                    from: entry(*status),
                    to: entry(to),
                });
                let commit = Commit {
                    reindex,
                    ..step(id, *version, version.to_string().as_bytes(), JobStep::Keep)
                };
                *version += 1;
                assert_eq!(
                    storage.commit(commit).await.expect("storage"),
                    Committed::Done(*version)
                );
                *status = to;
                if random.random_bool(0.2) {
                    let id = Id::new(Kind::VerificationSession, random.random_range(0..PARTITIONS));
                    let new = NewSession {
                        entry: entry(Status::Verified),
                        ..new_session(&id)
                    };
                    storage.create(new).await.expect("storage");
                    states.push((id, 1, Status::Verified));
                }
            }
        })
    };
    for walk in 0..40 {
        let order = if walk % 2 == 0 {
            Order::NewestFirst
        } else {
            Order::OldestFirst
        };
        let status = (walk % 4 < 2).then_some(Status::Verified);
        let mut walked = Vec::new();
        let mut query = ListQuery {
            scope: Scope::Account(account.to_owned()),
            listed: Listed::Sessions(status),
            between: ALL,
            order,
            limit: 7,
        };
        loop {
            let page = subject.storage().list(&query).await.expect("storage");
            let Some(last) = page.last() else { break };
            match order {
                Order::NewestFirst => query.between.end = last.unique(),
                Order::OldestFirst => query.between.start = last.unique() + 1,
            }
            walked.extend(page);
        }
        let mut ordered = walked.clone();
        ordered.sort_by_key(Id::unique);
        ordered.dedup();
        if order == Order::NewestFirst {
            ordered.reverse();
        }
        assert_eq!(walked, ordered, "in order, and none twice");
        assert!(still.iter().all(|id| walked.contains(id)), "none is missing");
    }
    stop.store(true, Ordering::Relaxed);
    changing.await.expect("no panic");
}

async fn reads_many_sessions(storage: &dyn Storage) {
    let ids = [
        create(storage).await,
        Id::new(Kind::VerificationSession, 2),
        create(storage).await,
    ];
    let found = storage.sessions(&ids).await.expect("storage");
    let found: Vec<_> = found
        .into_iter()
        .map(|found| found.map(|found| found.version))
        .collect();
    assert_eq!(found, [Some(1), None, Some(1)]);
}

async fn tells_what_expired(storage: &dyn Storage) {
    let partition = 11;
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let ids = [(); 3].map(|()| Id::new(Kind::VerificationSession, partition));
    for (id, expiry) in ids.iter().zip([Some(at(20)), Some(at(10)), None]) {
        let new = NewSession {
            expires: expiry,
            ..new_session(id)
        };
        storage.create(new).await.expect("storage");
    }
    let [late, early, never] = &ids;
    let expired = async |until, limit| storage.expired(partition, at(until), limit).await.expect("storage");
    assert_eq!(expired(9, 10).await, []);
    assert_eq!(expired(10, 10).await, from_ref(early));
    assert_eq!(expired(20, 10).await, [early.clone(), late.clone()]);
    assert_eq!(expired(20, 1).await, from_ref(early));
    let move_to = |id, expires| Commit {
        expires,
        ..step(id, 1, b"two", JobStep::Keep)
    };
    for (id, expires) in [(late, None), (early, Some(at(30))), (never, Some(at(25)))] {
        for _ in 0..2 {
            let outcome = storage.commit(move_to(id, expires)).await.expect("storage");
            assert_eq!(outcome, Committed::Done(2));
        }
    }
    assert_eq!(expired(24, 10).await, []);
    assert_eq!(expired(30, 10).await, [never.clone(), early.clone()]);
    let stale = Commit {
        record: b"stale".to_vec(),
        ..move_to(late, Some(at(1)))
    };
    assert_eq!(storage.commit(stale).await.expect("storage"), Committed::Conflict);
    assert_eq!(expired(5, 10).await, []);
    // Others look at the storage after this test.
    for id in [early, never] {
        let last = Commit {
            expected: 2,
            record: b"three".to_vec(),
            ..move_to(id, None)
        };
        assert_eq!(storage.commit(last).await.expect("storage"), Committed::Done(3));
    }
    assert_eq!(expired(1000, 10).await, []);
}
