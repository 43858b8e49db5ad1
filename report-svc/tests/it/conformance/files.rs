//! Files lead to their session.

use proto::id::Kind;
use report_svc::id::Id;
use report_svc::storage::{Commit, Committed, FileEntries, JobStep, Storage};

use super::{create, step};

pub(super) async fn suite(storage: &dyn Storage) {
    a_file_leads_to_its_session(storage).await;
    a_step_that_does_not_happen_leads_nowhere(storage).await;
}

fn file(session: &Id) -> Id {
    Id::new(Kind::File, session.partition())
}

fn attaching(session: &Id, expected: u64, record: &[u8], added: &[&Id], removed: &[&Id]) -> Commit {
    Commit {
        files: FileEntries {
            added: added.iter().map(|file| (*file).clone()).collect(),
            removed: removed.iter().map(|file| (*file).clone()).collect(),
        },
        ..step(session, expected, record, JobStep::Keep)
    }
}

async fn commit(storage: &dyn Storage, step: Commit) -> Committed {
    storage.commit(step).await.expect("storage")
}

async fn leads_to(storage: &dyn Storage, file: &Id) -> Option<Id> {
    storage.session_of_file(file).await.expect("storage")
}

async fn a_file_leads_to_its_session(storage: &dyn Storage) {
    let (session, other) = (create(storage).await, create(storage).await);
    let [front, back, face, again] = [(); 4].map(|()| file(&session));
    let others = file(&other);
    assert_eq!(leads_to(storage, &front).await, None);

    let first = attaching(&session, 1, b"front", &[&front], &[]);
    assert_eq!(commit(storage, first.clone()).await, Committed::Done(2));
    assert_eq!(commit(storage, first).await, Committed::Done(2), "sent again");
    let second = attaching(&session, 2, b"back", &[&back, &face], &[]);
    assert_eq!(commit(storage, second.clone()).await, Committed::Done(3));
    let third = attaching(&other, 1, b"others", &[&others], &[]);
    assert_eq!(commit(storage, third).await, Committed::Done(2));
    for file in [&front, &back, &face] {
        assert_eq!(leads_to(storage, file).await, Some(session.clone()));
    }
    assert_eq!(leads_to(storage, &others).await, Some(other.clone()));

    // Whatever else happens to the session.
    let kept = step(&session, 3, b"kept", JobStep::Keep);
    assert_eq!(commit(storage, kept).await, Committed::Done(4));
    assert_eq!(leads_to(storage, &front).await, Some(session.clone()));

    let replacing = attaching(&session, 4, b"again", &[&again], &[&front]);
    assert_eq!(commit(storage, replacing.clone()).await, Committed::Done(5));
    assert_eq!(commit(storage, replacing).await, Committed::Done(5), "sent again");
    assert_eq!(
        commit(storage, second).await,
        Committed::Conflict,
        "sent again too late"
    );
    assert_eq!(leads_to(storage, &front).await, None);
    for file in [&back, &face, &again] {
        assert_eq!(leads_to(storage, file).await, Some(session.clone()));
    }

    let all = FileEntries {
        added: Vec::new(),
        removed: vec![back.clone(), face.clone(), again.clone(), front],
    };
    let removing = Commit {
        files: all,
        ..step(&session, 5, b"none", JobStep::Keep)
    };
    assert_eq!(commit(storage, removing).await, Committed::Done(6));
    for file in [&back, &face, &again] {
        assert_eq!(leads_to(storage, file).await, None);
    }
    assert_eq!(leads_to(storage, &others).await, Some(other));
}

async fn a_step_that_does_not_happen_leads_nowhere(storage: &dyn Storage) {
    let session = create(storage).await;
    let (held, never) = (file(&session), file(&session));
    let first = attaching(&session, 1, b"first", &[&held], &[]);
    assert_eq!(commit(storage, first).await, Committed::Done(2));
    let stale = attaching(&session, 1, b"stale", &[&never], &[&held]);
    assert_eq!(commit(storage, stale).await, Committed::Conflict);
    let lost = Commit {
        job: JobStep::FinishDeadLetter { attempt: 1 },
        ..attaching(&session, 2, b"lost", &[&never], &[&held])
    };
    assert_eq!(commit(storage, lost).await, Committed::JobLost);
    assert_eq!(leads_to(storage, &never).await, None);
    assert_eq!(leads_to(storage, &held).await, Some(session));
}
