//! Events that are too old.

use std::time::{Duration, SystemTime};

use report_svc::storage::{Commit, Committed, JobStep, Storage};

use super::{create, event, step};

pub(super) async fn suite(storage: &dyn Storage) {
    drops_the_oldest_and_counts_on(storage).await;
}

async fn drops_the_oldest_and_counts_on(storage: &dyn Storage) {
    let id = create(storage).await;
    let partition = id.partition();
    let events = async |after| storage.events(partition, after, 10_000).await.expect("storage");
    let all = events(0).await;
    let last = all.last().expect("created").position;
    let never = SystemTime::UNIX_EPOCH;
    assert_eq!(storage.trim_events(partition, never, 10_000).await.expect("storage"), 0);
    let made = all.last().expect("created").id.made();
    let older = all.iter().take_while(|event| event.id.made() < made).count();
    if older > 0 {
        assert_eq!(storage.trim_events(partition, made, 1).await.expect("storage"), 1);
        assert_eq!(events(0).await, all[1..]);
    }
    let rest = storage.trim_events(partition, made, 10_000).await.expect("storage");
    assert_eq!(events(0).await, all[older..]);
    assert_eq!(rest, older.saturating_sub(1));

    // Positions are never used twice, also when no event is left.
    let later = made + Duration::from_millis(1);
    let dropped = storage.trim_events(partition, later, 10_000).await.expect("storage");
    assert_eq!(dropped, all.len() - older);
    assert_eq!(events(0).await, []);
    let young = event(&id, b"young");
    let commit = Commit {
        event: Some(young.clone()),
        ..step(&id, 1, b"two", JobStep::Keep)
    };
    assert_eq!(storage.commit(commit).await.expect("storage"), Committed::Done(2));
    let [found] = events(last).await.try_into().expect("one");
    assert!(found.position > last);
    assert_eq!(found.id, young.id);
}
