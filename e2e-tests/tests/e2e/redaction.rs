//! What was planted in sessions is found nowhere once they are redacted: not by the API, nor on disk, in logs or in spans.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use cli::client::Submission;
use cli::specimen::{Format, Specimen};
use e2e_tests::stage::{Stage, stage};
use proto::identity::v1::redaction::Status as Redacting;
use proto::identity::v1::{UpdateVerificationSessionRequest, VerificationSession};

const SURNAMES: [&str; 5] = [
    "ARCHAEOPTERYX",
    "BRACHIOSAURUS",
    "COMPSOGNATHUS",
    "DEINONYCHUS",
    "EORAPTORIDAE",
];
const KEPT: &str = "VELOCIRAPTORIS";

/// How long the files of pictures may take to be deleted.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// One person in a session.
struct Planted {
    session: VerificationSession,
    surname: &'static str,
    number: String,
    picture: Vec<u8>,
}

fn plant(stage: &Stage, surname: &'static str, number: usize) -> anyhow::Result<Planted> {
    let number = format!("K7X{number}Q9W2Z");
    let specimen = Specimen {
        surname: surname.to_owned(),
        number: number.clone(),
        ..stage.pictures.specimen(Format::Td3)?
    };
    let picture = stage.pictures.front(&specimen)?;
    let submission = Submission {
        document: picture.clone(),
        ..Submission::default()
    };
    let outcome = stage.run(stage.client()?.verify(submission))?;
    let document = outcome.report.document.expect("checked");
    assert_eq!(
        (document.last_name.as_deref(), document.number.as_deref()),
        (Some(surname), Some(number.as_str()))
    );
    let metadata = UpdateVerificationSessionRequest {
        verification_session: outcome.session.id.clone(),
        metadata: [("name".to_owned(), surname.to_owned())].into(),
        ..Default::default()
    };
    let session = stage.run(stage.backend().update(metadata))?;
    Ok(Planted {
        session,
        surname,
        number,
        picture,
    })
}

/// Everything that lies in a folder.
fn contents(folder: &Path, found: &mut Vec<u8>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            contents(&path, found)?;
        } else {
            found.extend(std::fs::read(path)?);
        }
    }
    Ok(())
}

/// How something may be written: as it is, and in base64 wherever in its triples it begins.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    for before in 0..3 {
        let shifted = [&b"\0\0\0"[..before], value].concat();
        let whole = STANDARD_NO_PAD.encode(&shifted[..shifted.len() / 3 * 3]).into_bytes();
        // What the bytes before it have a part in is left out.
        forms.push(whole[if before == 0 { 0 } else { 4 }..].to_vec());
    }
    forms
}

fn is_in(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

#[test]
fn what_was_planted_is_found_nowhere_after_a_redaction() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let planted: Vec<Planted> = SURNAMES
        .into_iter()
        .enumerate()
        .map(|(number, surname)| plant(stage, surname, number))
        .collect::<Result<_, _>>()?;
    let kept = plant(stage, KEPT, 9)?;
    let api = stage.backend();
    for person in &planted {
        let redacted = stage.run(api.redact(&person.session.id, None))?;
        assert_eq!(
            redacted.redaction.map(|redaction| redaction.status()),
            Some(Redacting::Processing)
        );
    }
    let deadline = Instant::now() + LONGEST_WAIT;
    for Planted { session, surname, .. } in &planted {
        let redacted = loop {
            let read = stage.run(api.session(&session.id, &["last_verification_report", "verified_outputs"]))?;
            if read.redaction.map(|redaction| redaction.status()) == Some(Redacting::Redacted) {
                break read;
            }
            anyhow::ensure!(Instant::now() < deadline, "the redaction does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(!format!("{redacted:?}").contains(surname));
        let receipt = redacted
            .insights
            .and_then(|insights| insights.redaction)
            .expect("redacted");
        let files: Vec<_> = session.insights.iter().flat_map(|insights| &insights.files).collect();
        assert_eq!(
            receipt.files,
            files.iter().map(|file| file.id.as_str()).collect::<Vec<_>>()
        );
        assert_eq!(receipt.reports, session.last_verification_report.as_slice());
    }

    let mut everything = Vec::new();
    contents(stage.data(), &mut everything)?;
    everything.extend(stage.logs().into_bytes());
    everything.extend(stage.spans().iter().flat_map(|span| format!("{span:?}").into_bytes()));
    assert!(
        is_in(&everything, planted[0].session.id.as_bytes()),
        "this test would pass whatever was kept"
    );
    for Planted {
        surname,
        number,
        picture,
        ..
    } in &planted
    {
        let middle = picture.len() / 2;
        for value in [surname.as_bytes(), number.as_bytes(), &picture[middle..middle + 32]] {
            let found = forms(value).iter().any(|form| is_in(&everything, form));
            assert!(!found, "{} bytes of it were found", value.len());
        }
    }
    let files = std::fs::read_dir(stage.data().join("evidence"))?;
    let folders = files
        .filter_map(Result::ok)
        .map(|folder| folder.path())
        .filter(|path| path.is_dir());
    let names: Vec<String> = folders
        .flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten())
        .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    let file_of = |person: &Planted| {
        person
            .session
            .insights
            .as_ref()
            .map(|insights| insights.files[0].id.clone())
    };
    assert!(planted.iter().filter_map(file_of).all(|file| !names.contains(&file)));
    assert!(
        file_of(&kept).is_some_and(|file| names.contains(&file)),
        "another session's stays"
    );

    let untouched = stage.run(api.session(&kept.session.id, &["last_verification_report", "verified_outputs"]))?;
    let outputs = untouched.verified_outputs.expect("verified");
    assert_eq!(outputs.last_name.as_deref(), Some(KEPT));
    assert_eq!(untouched.metadata["name"], KEPT);
    Ok(())
}
