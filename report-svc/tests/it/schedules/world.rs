//! The store, all that is asked of it at once, and what must hold whatever comes in between.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::identity::v1::redaction::Status as Redacting;
use proto::identity::v1::{
    CreateVerificationSessionRequest, ImagePurpose, VerificationErrorCode as ErrorCode,
    VerificationSessionStatus as Status,
};
use report_svc::error::Error;
use report_svc::evidence::Evidence;
use report_svc::id::Id;
use report_svc::lifecycle::Status as LifecycleStatus;
use report_svc::limits::Limits;
use report_svc::reference::Reference;
use report_svc::seal::Keyring;
use report_svc::storage::{Job, JobState, Lease, ListQuery, Listed, Nonce, Order, Scope, Storage};
use report_svc::store::Store;

use super::gate::{Gate, Gated};
use super::operation::{Answer, Operation, entry, worker};
use crate::clock::Hand;
use crate::deployment::ACCOUNT;
use crate::hooked::{Hooked, Sent};

pub(super) const LEASE: Duration = Duration::from_secs(30);

/// Sessions of a schedule.
const SESSIONS: usize = 2;

/// The reference of the first session; the others have none.
const REFERENCE: &str = "order 12";

/// So few deliveries that jobs are given up often, and no end of attempts.
const LIMITS: Limits = Limits {
    deliveries: 1,
    attempts: u32::MAX,
    images_per_attempt: u32::MAX,
    images: u32::MAX,
    image_bytes: u64::MAX,
};

/// What must not be, and is.
pub(super) type Violation = String;

/// Master keys of replicas, made once: making them takes longer than a step.
pub(super) struct Keys {
    all: Keyring,
    lacking: Keyring,
}

impl Keys {
    pub(super) fn new() -> Self {
        let [all, lacking] = ["k1", "k2"].map(|id| {
            let key = Keyring::generate(id).expect("random numbers");
            Keyring::parse(&key).expect("just made")
        });
        Self { all, lacking }
    }
}

/// An operation on its way.
struct Running {
    number: usize,
    operation: Operation,
    gated: Gated<Answer>,
}

/// A session and its job as they were after the last step.
#[derive(Clone, Debug)]
struct Seen {
    session: Id,
    version: u64,
    status: LifecycleStatus,
    processing: bool,
    attempts: u32,
    reports: usize,
    metadata: HashSet<String>,
    images: usize,
    /// Nobody came.
    abandoned: bool,
    redaction: Option<Redacting>,
    job: Option<Job>,
}

/// A storage as operations get it, which stand at their gates before its steps.
pub(super) type GatedStorage = Box<dyn Fn(&Gate) -> Arc<dyn Storage>>;

/// One schedule's store and what is known of it.
pub(super) struct World<'a> {
    storage: Arc<dyn Storage>,
    gated: GatedStorage,
    hand: Hand,
    keys: &'a Keys,
    evidence: Evidence,
    /// Sees everything, one step at a time.
    store: Store,
    seen: Vec<Seen>,
    running: Vec<Running>,
    asked: usize,
    /// Every lease that was answered.
    pub(super) leases: Vec<Lease>,
    /// By which operation each lease was taken.
    taken: HashMap<Nonce, Operation>,
    /// The report of each attempt, as it was answered.
    reports: HashMap<(Id, u32), String>,
    /// The entries of metadata of which somebody was told that they are set.
    set: HashSet<(Id, String)>,
    /// Attempts that somebody was told that he completed.
    completed: HashSet<(Id, u32)>,
    /// How often each session was abandoned.
    abandoned: HashMap<Id, usize>,
    /// What was done, for whoever must understand it.
    pub(super) steps: Vec<String>,
    /// What happened, and how often.
    pub(super) happened: BTreeMap<&'static str, usize>,
}

/// Everything that is known to happen in schedules: one in which some of it never happens checks less than it seems to.
pub(super) const HAPPENINGS: [&str; 14] = [
    "abandoned",
    "answered with the report that exists",
    "completed",
    "completed though the lease had lapsed",
    "ended by an operator",
    "given up",
    "handed back",
    "leased again after the lease had lapsed",
    "leased once for a request that was sent again",
    "queued again",
    "redacted",
    "redacted to the end",
    "set aside",
    "updated",
];

impl<'a> World<'a> {
    /// On an empty storage.
    pub(super) async fn new(
        seed: u64,
        storage: Arc<dyn Storage>,
        gated: GatedStorage,
        hand: Hand,
        keys: &'a Keys,
    ) -> Self {
        let evidence = Evidence::in_memory();
        let store = Store::new(Arc::clone(&storage), evidence.clone(), keys.all.clone(), LIMITS);
        let mut world = Self {
            storage,
            gated,
            hand,
            keys,
            evidence,
            store,
            seen: Vec::new(),
            running: Vec::new(),
            asked: 0,
            leases: Vec::new(),
            taken: HashMap::new(),
            reports: HashMap::new(),
            set: HashSet::new(),
            completed: HashSet::new(),
            abandoned: HashMap::new(),
            steps: Vec::new(),
            happened: BTreeMap::new(),
        };
        for number in 0..SESSIONS {
            // The key decides on the partition, which would be drawn at random.
            let request = CreateVerificationSessionRequest {
                idempotency_key: Some(format!("{seed}/{number}")),
                client_reference_id: (number == 0).then(|| REFERENCE.to_owned()),
                ..CreateVerificationSessionRequest::default()
            };
            let session = world.store.create(ACCOUNT, true, request).await.expect("created").id;
            let front = b"front".to_vec();
            let put = world
                .store
                .put_image(session.as_str(), None, ImagePurpose::DocumentFront, front);
            put.await.expect("stored");
            let seen = world.look(&session).await;
            world.seen.push(seen);
        }
        world
    }

    /// The sessions, and how often each was submitted.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (&Id, u32)> {
        self.seen.iter().map(|seen| (&seen.session, seen.attempts))
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// What is under way.
    pub(super) fn under_way(&self) -> impl Iterator<Item = &Operation> {
        self.running.iter().map(|running| &running.operation)
    }

    /// Something is asked; nothing happens yet.
    pub(super) fn ask(&mut self, operation: Operation) {
        let keys = match operation {
            Operation::Lease { without_key: true, .. } => &self.keys.lacking,
            _ => &self.keys.all,
        };
        let gate = Gate::default();
        let storage = Hooked {
            storage: (self.gated)(&gate),
            hook: gate.clone(),
        };
        let store = Store::new(Arc::new(storage), self.evidence.clone(), keys.clone(), LIMITS);
        self.asked += 1;
        self.steps.push(format!("#{} {operation}", self.asked));
        self.running.push(Running {
            number: self.asked,
            gated: Gated::new(gate, operation.clone().ask(store)),
            operation,
        });
    }

    /// Whoever works on an operation dies: it goes no further, and nobody gets an answer.
    pub(super) fn kill(&mut self, index: usize) {
        let killed = self.running.swap_remove(index);
        self.steps.push(format!("#{} dies", killed.number));
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.steps.push(format!("{time:?} pass"));
        self.hand.advance(time);
    }

    /// One operation takes one step.
    pub(super) async fn step(&mut self, index: usize, sent: Sent) -> Result<(), Violation> {
        let now = self.hand.now();
        let running = &mut self.running[index];
        let operation = running.operation.clone();
        let answer = running.gated.step(sent).await;
        let again = if sent == Sent::Twice { " and does it again" } else { "" };
        self.steps.push(match &answer {
            Some(answer) => format!("#{} goes on{again}: {answer}", running.number),
            None => format!("#{} goes on{again}", running.number),
        });
        let ended = answer.is_some();
        self.check(&operation, now).await?;
        if let Some(answer) = answer {
            self.answered(&operation, answer)?;
        }
        if ended {
            self.running.swap_remove(index);
        }
        Ok(())
    }

    /// Nothing more is asked: what runs ends, what was set aside comes back, and workers that never fail do all that is left. Then
    /// every attempt must have ended.
    pub(super) async fn drain(&mut self) -> Result<(), Violation> {
        while !self.running.is_empty() {
            self.step(0, Sent::Once).await?;
        }
        for seen in self.seen.clone() {
            let attempt = seen.attempts;
            self.run(Operation::Requeue {
                session: seen.session,
                attempt,
            })
            .await?;
        }
        for request in 0.. {
            let Some(Seen { session, .. }) = self.seen.iter().find(|seen| seen.processing) else {
                break;
            };
            if request > 2 * SESSIONS {
                return Err(format!("{session} is stranded"));
            }
            self.advance(4 * LEASE);
            let leased = self.leases.len();
            let request = 1_000_000 + request;
            self.run(Operation::Lease {
                request,
                without_key: false,
            })
            .await?;
            if let Some(lease) = self.leases.get(leased).cloned() {
                self.run(Operation::Complete { lease, passes: false }).await?;
            }
        }
        for seen in self.seen.clone() {
            let session = seen.session;
            self.run(Operation::Expire { session, late: false }).await?;
        }
        if let Some(seen) = self
            .seen
            .iter()
            .find(|seen| seen.redaction == Some(Redacting::Processing))
        {
            return Err(format!("{}: the redaction does not end", seen.session));
        }
        self.events().await
    }

    async fn run(&mut self, operation: Operation) -> Result<(), Violation> {
        self.ask(operation);
        while !self.running.is_empty() {
            self.step(0, Sent::Once).await?;
        }
        Ok(())
    }

    async fn look(&self, session: &Id) -> Seen {
        let found = self.store.session(session.as_str(), None).await.expect("is there");
        let mut reports = 0;
        for attempt in 1..=found.attempts {
            let report = self.storage.attempt(session, attempt).await.expect("storage");
            reports += usize::from(report.is_some());
        }
        Seen {
            session: session.clone(),
            version: found.version,
            status: found.state().expect("has one").status,
            processing: found.public.status() == Status::Processing,
            attempts: found.attempts,
            reports,
            images: found.files().len(),
            abandoned: found.public.last_error.map(|error| error.code()) == Some(ErrorCode::Abandoned),
            redaction: found.public.redaction.map(|redaction| redaction.status()),
            metadata: found.public.metadata.into_keys().collect(),
            job: self.storage.job(session).await.expect("storage"),
        }
    }

    /// What must hold after every step, and between what was before and what is now.
    async fn check(&mut self, operation: &Operation, now: SystemTime) -> Result<(), Violation> {
        let mut holders = HashSet::new();
        let mut changed = false;
        for index in 0..self.seen.len() {
            let before = self.seen[index].clone();
            let after = self.look(&before.session).await;
            let job = after.job.as_ref().map(|job| job.attempt);
            let expected = after.processing.then_some(after.attempts);
            if job != expected {
                return Err(format!(
                    "{}: {after:?} should have the job of {expected:?}",
                    after.session
                ));
            }
            let finished = after.attempts as usize - usize::from(after.processing);
            if after.reports != finished {
                return Err(format!(
                    "{}: {} reports of {finished} attempts",
                    after.session, after.reports
                ));
            }
            if let Some(JobState::Leased { worker, .. }) = after.job.as_ref().map(|job| &job.state)
                && !holders.insert(worker.clone())
            {
                return Err(format!("{worker} has two jobs"));
            }
            let mut set = self.set.iter().filter(|_| after.redaction.is_none());
            let lost = set.find(|(session, set)| *session == after.session && !after.metadata.contains(set));
            if let Some((_, lost)) = lost {
                return Err(format!("{}: {lost} was set and is not there", after.session));
            }
            self.check_redaction(&before, &after)?;
            self.check_lease(operation, now, &before, &after)?;
            self.note(operation, now, &before, &after);
            changed |= before.version != after.version;
            self.seen[index] = after;
        }
        if changed { self.check_index().await } else { Ok(()) }
    }

    /// A redacted session has nothing that is personal, and comes to an end alone.
    fn check_redaction(&mut self, before: &Seen, after: &Seen) -> Result<(), Violation> {
        if after.redaction.is_some() && (after.images > 0 || !after.metadata.is_empty()) {
            return Err(format!("{}: redacted, and has {after:?}", after.session));
        }
        match (before.redaction, after.redaction) {
            (before, after) if before == after => {}
            (None, Some(Redacting::Processing)) => self.count("redacted"),
            (Some(Redacting::Processing), Some(Redacting::Redacted)) => self.count("redacted to the end"),
            _ => return Err(format!("{}: from {before:?} to {after:?}", after.session)),
        }
        if after.abandoned && !before.abandoned {
            self.count("abandoned");
            *self.abandoned.entry(after.session.clone()).or_default() += 1;
        }
        Ok(())
    }

    /// The lists have what a look at every session says, and so have the sessions that expire.
    async fn check_index(&self) -> Result<(), Violation> {
        let tags = self.keys.all.reference_tags(ACCOUNT, Reference::client(REFERENCE));
        let scopes = [
            (Scope::Account(ACCOUNT.to_owned()), SESSIONS),
            (Scope::References(tags), 1),
        ];
        for (scope, sessions) in scopes {
            for status in LifecycleStatus::ALL.map(Some).into_iter().chain([None]) {
                let by_account = matches!(scope, Scope::Account(_));
                let in_list = |seen: &&Seen| {
                    status.is_none_or(|status| seen.status == status) && (by_account || seen.redaction.is_none())
                };
                let expected = self.seen[..sessions].iter().filter(in_list);
                let expected: Vec<&Id> = expected.map(|seen| &seen.session).collect();
                let query = ListQuery {
                    scope: scope.clone(),
                    listed: Listed::Sessions(status),
                    between: 0..u128::MAX,
                    order: Order::OldestFirst,
                    limit: 2 * SESSIONS,
                };
                let listed = self.storage.list(&query).await.expect("storage");
                if listed.iter().collect::<Vec<_>>() != expected {
                    return Err(format!("{query:?} lists {listed:?} instead of {expected:?}"));
                }
            }
        }
        let reports = ListQuery {
            scope: Scope::Account(ACCOUNT.to_owned()),
            listed: Listed::Reports(None),
            between: 0..u128::MAX,
            order: Order::NewestFirst,
            limit: 1000,
        };
        let listed = self.storage.list(&reports).await.expect("storage").len();
        let made: usize = self.seen.iter().map(|seen| seen.reports).sum();
        if listed != made {
            return Err(format!("{listed} of {made} reports are listed"));
        }
        let far = SystemTime::now() + Duration::from_secs(1_000_000);
        for seen in &self.seen {
            let expired = self
                .storage
                .expired(seen.session.partition(), far, 10)
                .await
                .expect("storage");
            let waits = seen.status == LifecycleStatus::RequiresInput && !seen.abandoned;
            let expires = waits || seen.redaction == Some(Redacting::Processing);
            if expired.contains(&seen.session) != expires {
                return Err(format!(
                    "{}: in {:?}, and {expired:?} expire",
                    seen.session, seen.status
                ));
            }
        }
        Ok(())
    }

    /// A lease is new when it is given, and ends by what its holder does, or by another one when its time has passed.
    fn check_lease(
        &mut self,
        operation: &Operation,
        now: SystemTime,
        before: &Seen,
        after: &Seen,
    ) -> Result<(), Violation> {
        let (held, holds) = (lease_of(before), lease_of(after));
        let (held_nonce, nonce) = (held.map(|(nonce, _)| nonce), holds.map(|(nonce, _)| nonce));
        if held_nonce == nonce {
            return Ok(());
        }
        if let Some((held, until)) = held {
            let ended_by_holder = match operation {
                Operation::Release { lease, .. } | Operation::Complete { lease, .. } => lease.nonce == held,
                // It leased it and found that it can be given to nobody.
                Operation::Lease { request, .. } if nonce.is_none() => {
                    let taken = self.taken.get(&held);
                    matches!(taken, Some(Operation::Lease { request: taken, .. }) if taken == request)
                }
                _ => false,
            };
            let lapsed = nonce.is_some() && until <= now;
            if !ended_by_holder && !lapsed {
                return Err(format!("{}: {held} was taken from its holder", before.session));
            }
        }
        if let Some(nonce) = nonce {
            if !matches!(operation, Operation::Lease { .. }) {
                return Err(format!("{}: {nonce} was given to nobody", after.session));
            }
            if self.taken.insert(nonce, operation.clone()).is_some() {
                return Err(format!("{}: {nonce} was given twice", after.session));
            }
        }
        Ok(())
    }

    /// Counts what happened in a step.
    fn note(&mut self, operation: &Operation, now: SystemTime, before: &Seen, after: &Seen) {
        let state = |seen: &Seen| seen.job.as_ref().map(|job| job.state.clone());
        let happening = match (state(before), state(after), operation) {
            (Some(JobState::Leased { .. }), None, Operation::Lease { .. }) => "given up",
            (Some(JobState::Leased { until, .. }), None, _) if until <= now => "completed though the lease had lapsed",
            (Some(JobState::Leased { .. }), None, _) => "completed",
            (Some(JobState::Leased { .. }), Some(JobState::Waiting { .. }), _) => "handed back",
            (Some(JobState::Leased { nonce, .. }), Some(JobState::Leased { nonce: other, .. }), _)
                if nonce != other =>
            {
                "leased again after the lease had lapsed"
            }
            (Some(JobState::Leased { .. }), Some(JobState::DeadLettered { .. }), _) => "set aside",
            (Some(JobState::DeadLettered { .. }), Some(JobState::Waiting { .. }), _) => "queued again",
            (Some(JobState::DeadLettered { .. }), None, _) => "ended by an operator",
            _ => return,
        };
        self.count(happening);
    }

    fn count(&mut self, happening: &'static str) {
        *self.happened.entry(happening).or_default() += 1;
    }

    fn answered(&mut self, operation: &Operation, answer: Answer) -> Result<(), Violation> {
        match (operation, answer) {
            (Operation::Lease { request, .. }, Answer::Leased(Some(lease))) => {
                let taken = self.taken.get(&lease.nonce);
                if !matches!(taken, Some(Operation::Lease { request: taken, .. }) if taken == request) {
                    return Err(format!(
                        "{} got the lease of another request: {lease}",
                        worker(*request)
                    ));
                }
                if self.leases.contains(&lease) {
                    self.count("leased once for a request that was sent again");
                } else {
                    self.leases.push(lease);
                }
            }
            (Operation::Complete { lease, .. }, Answer::Completed { report, attempt, now }) => {
                if attempt != lease.attempt {
                    return Err(format!("{lease} was answered with the report of attempt {attempt}"));
                }
                let key = (lease.session.clone(), attempt);
                let first = self.reports.entry(key.clone()).or_insert_with(|| report.clone());
                if *first != report {
                    return Err(format!("{lease} has two reports: {first} and {report}"));
                }
                if !now {
                    self.count("answered with the report that exists");
                } else if !self.completed.insert(key) {
                    return Err(format!("{lease}: the attempt was completed twice"));
                }
            }
            (Operation::Update { session, request }, Answer::Done) => {
                self.set.insert((session.clone(), entry(*request)));
                self.count("updated");
            }
            (_, Answer::Refused(error)) if !is_refusal(&error) => return Err(format!("{operation}: {error}")),
            _ => {}
        }
        Ok(())
    }

    /// Every attempt was begun and ended once, as far as listeners can tell.
    async fn events(&self) -> Result<(), Violation> {
        for seen in &self.seen {
            let events = self
                .store
                .events(seen.session.partition(), 0, 10_000)
                .await
                .expect("storage");
            let of_session = events
                .iter()
                .filter(|event| event.verification_session == seen.session.as_str());
            let mut told: BTreeMap<&str, usize> = BTreeMap::new();
            for event in of_session {
                *told
                    .entry(event.r#type.rsplit('.').next().unwrap_or_default())
                    .or_default() += 1;
            }
            let count = |name| told.get(name).copied().unwrap_or(0);
            let attempts = seen.attempts as usize;
            let abandoned = self.abandoned.get(&seen.session).copied().unwrap_or(0);
            let ended = count("verified") + count("requires_input");
            if (count("created"), count("processing"), ended) != (1, attempts, attempts + abandoned) {
                return Err(format!("{}: {attempts} attempts, {told:?}", seen.session));
            }
            let redacted = usize::from(seen.redaction.is_some());
            let canceled = usize::from(seen.status == LifecycleStatus::Canceled);
            if (count("redacted"), count("canceled")) != (redacted, canceled) {
                return Err(format!("{}: {:?} and {told:?}", seen.session, seen.status));
            }
        }
        Ok(())
    }
}

/// The lease that a job is held under, and when it lapses.
fn lease_of(seen: &Seen) -> Option<(Nonce, SystemTime)> {
    match seen.job.as_ref()?.state {
        JobState::Leased { nonce, until, .. } => Some((nonce, until)),
        JobState::Waiting { .. } | JobState::DeadLettered { .. } => None,
    }
}

/// What the store may answer whoever comes too late.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Refused(_) | Error::LeaseLost | Error::JobNotFound)
}
