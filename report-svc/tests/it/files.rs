//! Pictures that are found by their ids alone, on both storages.

use std::time::Duration;

use proto::id::{self, Kind};
use proto::identity::v1::{File, ImagePurpose, VerificationErrorCode};
use proto::reason::{self, Reason};
use proto::store::v1::{GetFileRequest, ListFilesRequest, ReadFileRequest};
use tonic::Status;

use crate::deployment::{
    ACCOUNT, Client, Deployment, completion, create, lease, on_both, put, reason_of, submission, submitted,
};

const LEASE: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

async fn file(client: &mut Client, file: &str, account: &str) -> Result<File, Status> {
    let request = GetFileRequest {
        file: file.to_owned(),
        account: account.to_owned(),
    };
    Ok(client.get_file(request).await?.into_inner())
}

/// What is known of a picture, and the picture.
async fn read(client: &mut Client, file: &str, account: Option<&str>) -> Result<(File, Vec<u8>), Status> {
    let request = ReadFileRequest {
        file: file.to_owned(),
        account: account.map(str::to_owned),
    };
    let read = client.read_file(request).await?.into_inner();
    Ok((read.file.expect("always set"), read.data))
}

async fn files(client: &mut Client, session: &str, account: &str) -> Result<Vec<File>, Status> {
    let request = ListFilesRequest {
        verification_session: session.to_owned(),
        account: account.to_owned(),
    };
    Ok(client.list_files(request).await?.into_inner().data)
}

/// Ids and the attempts that used them.
fn used(files: &[File]) -> Vec<(&str, &[u32])> {
    files
        .iter()
        .map(|file| (file.id.as_str(), file.attempts.as_slice()))
        .collect()
}

fn refusal<T>(answer: Result<T, Status>) -> Reason {
    reason_of(&answer.err().expect("must be refused"))
}

/// Ends the session's attempt without success.
async fn fail(client: &mut Client, session: &str) {
    client.submit_session(submission(session)).await.expect("submitted");
    let job = lease(client, LEASE, LONGEST_WAIT).await.expect("queued");
    let mismatch = Some(VerificationErrorCode::SelfieFaceMismatch);
    client
        .complete_verification(completion(&job, None, mismatch))
        .await
        .expect("done");
}

#[tokio::test]
async fn a_picture_tells_the_attempts_that_used_it() {
    on_both(|Deployment { mut client, .. }| async move {
        let client = &mut client;
        let session = create(client, true).await;
        assert_eq!(files(client, &session, ACCOUNT).await.expect("its own"), []);
        let replaced = put(client, &session, ImagePurpose::Selfie, b"blurred").await;
        let front = put(client, &session, ImagePurpose::DocumentFront, b"front").await;
        let first = put(client, &session, ImagePurpose::Selfie, b"first").await;
        let listed = files(client, &session, ACCOUNT).await.expect("its own");
        assert_eq!(used(&listed), [(front.as_str(), [].as_slice()), (&first, &[])]);
        assert_eq!(refusal(file(client, &replaced, ACCOUNT).await), reason::FILE_NOT_FOUND);

        fail(client, &session).await;
        fail(client, &session).await;
        let second = put(client, &session, ImagePurpose::Selfie, b"second").await;
        let listed = files(client, &session, ACCOUNT).await.expect("its own");
        let expected: [(&str, &[u32]); 3] = [(&front, &[1, 2]), (&first, &[1, 2]), (&second, &[])];
        assert_eq!(used(&listed), expected);
        client.submit_session(submission(&session)).await.expect("submitted");
        let listed = files(client, &session, ACCOUNT).await.expect("its own");
        let expected: [(&str, &[u32]); 3] = [(&front, &[1, 2, 3]), (&first, &[1, 2]), (&second, &[3])];
        assert_eq!(used(&listed), expected, "the one that runs counts");

        for (known, picture) in listed.iter().zip([b"front".as_slice(), b"first", b"second"]) {
            assert_eq!(known.verification_session.as_ref(), Some(&session));
            assert_eq!(known.size, picture.len() as u64);
            assert_eq!(file(client, &known.id, ACCOUNT).await.expect("its own"), *known);
            for account in [Some(ACCOUNT), None] {
                let (told, data) = read(client, &known.id, account).await.expect("its own");
                assert!(told == *known && data == picture);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn other_accounts_find_nothing() {
    on_both(|Deployment { mut client, .. }| async move {
        let client = &mut client;
        let session = submitted(client).await;
        let known = files(client, &session, ACCOUNT).await.expect("its own").remove(0);
        let others = file(client, &known.id, "acct_2").await.expect_err("another's");
        let unknown = id::format(Kind::File, 3, 1);
        let unknown = file(client, &unknown, ACCOUNT).await.expect_err("unknown");
        for status in [&others, &unknown] {
            assert_eq!(reason_of(status), reason::FILE_NOT_FOUND);
            assert_eq!(
                (status.message(), status.details()),
                (others.message(), others.details())
            );
        }
        for malformed in ["", "file_", &session] {
            assert_eq!(refusal(file(client, malformed, ACCOUNT).await), reason::FILE_NOT_FOUND);
            assert_eq!(refusal(read(client, malformed, None).await), reason::FILE_NOT_FOUND);
        }
        let answer = read(client, &known.id, Some("acct_2")).await;
        assert_eq!(refusal(answer), reason::FILE_NOT_FOUND);
        let answer = files(client, &session, "acct_2").await;
        assert_eq!(refusal(answer), reason::SESSION_NOT_FOUND);
        read(client, &known.id, Some(ACCOUNT)).await.expect("its own");
    })
    .await;
}
