//! What events tell, and that they tell it in order.

use std::sync::Arc;
use std::time::SystemTime;

use proto::identity::v1::{CreateVerificationSessionRequest, ImagePurpose, VerificationSessionStatus as Status};
use report_svc::assemble::Findings;
use report_svc::evidence::Evidence;
use report_svc::seal::Keyring;
use report_svc::storage::embedded::Embedded;
use report_svc::store::Store;

use crate::deployment::{ACCOUNT, completion};

#[tokio::test]
async fn events_tell_every_change_of_status_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = Embedded::open(&folder.path().join("state.redb"), Arc::new(SystemTime::now)).expect("opens");
    let keyring = Keyring::parse(&Keyring::generate("k1").expect("random numbers")).expect("just made");
    let store = Store::new(Arc::new(storage), Evidence::in_memory(), keyring, 5);

    let session = store
        .create(ACCOUNT, false, CreateVerificationSessionRequest::default())
        .await
        .expect("created")
        .id;
    let id = session.as_str();
    store
        .put_image(id, None, ImagePurpose::DocumentFront, b"front".to_vec())
        .await
        .expect("stored");
    for attempt in 1..=2 {
        store.submit(id, None, Default::default()).await.expect("submitted");
        let answer = completion(id, attempt, None, None);
        let findings = match attempt {
            1 => Findings::default(),
            _ => Findings {
                document: answer.document,
                ..Findings::default()
            },
        };
        assert!(store.complete(id, attempt, findings).await.expect("done").completed_now);
    }

    let events = store.events(session.partition(), 0, 100).await.expect("storage");
    let told: Vec<_> = events
        .iter()
        .map(|(_, event)| {
            let session = event.session.as_ref().expect("set");
            assert_eq!((session.id.as_str(), event.account.as_str()), (id, ACCOUNT));
            assert_eq!(session.verified_outputs, None, "events are sent to whoever listens");
            (
                event.r#type.trim_start_matches("identity.verification_session."),
                session.status(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("created", Status::RequiresInput),
            ("processing", Status::Processing),
            ("requires_input", Status::RequiresInput),
            ("processing", Status::Processing),
            ("verified", Status::Verified),
        ]
    );
    assert!(
        events.windows(2).all(|pair| pair[0].1.id < pair[1].1.id),
        "ids are time-ordered"
    );
}
