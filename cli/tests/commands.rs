//! What the command says and which exit code it ends with.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use cli::specimen::{Fonts, Format, Specimen};
use serde_json::Value;
use service_kit::testing::skipped;
use vision::models::{Item, ModelStore, Silent, State};
use vision::picture::Picture;

fn bonafide(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bonafide"));
    command
        .args(arguments)
        .env("BONAFIDE_API_KEY", format!("sk_live_{}", "0".repeat(64)));
    command.output().expect("the command runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Exit code 2 and one sentence on standard error.
fn could_not_run(arguments: &[&str], expected: &str) {
    let output = bonafide(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{arguments:?}: {said}");
    assert!(said.contains(expected), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

#[test]
fn what_cannot_run_says_why_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("bound").to_string();
    let data = folder.path().join("data");
    could_not_run(&["up", "--listen", &taken, "--data", text(&data)], "cannot listen on");

    could_not_run(
        &["up", "--listen", "0.0.0.0:0", "--data", text(&data)],
        "0.0.0.0:0 needs TLS",
    );

    could_not_run(
        &["verify", "--document", "no-such-file.jpg"],
        "cannot read no-such-file.jpg",
    );
    let large = file("large.jpg", &vec![0; proto::MAX_IMAGE_BYTES + 1]);
    could_not_run(&["verify", "--document", text(&large)], "more than the 10 MiB");
    let picture = file("picture.jpg", b"not looked at before it is sent");
    // Port 1 (tcpmux) is nobody's on a machine of our days.
    let nowhere = ["verify", "--document", text(&picture), "--address", "127.0.0.1:1"];
    could_not_run(&nowhere, "nothing answers there");
    could_not_run(
        &["verify", "--document", text(&picture), "--address", "not an address"],
        "is not an address",
    );

    // A key is for a deployment: the local one, where no other is named.
    let no_key = ["verify", "--document", text(&picture), "--api-key-file", "no-such-key"];
    could_not_run(&no_key, "no-such-key");
    could_not_run(&["sessions", "list", "--api-key-file", "no-such-key"], "no-such-key");

    could_not_run(&["queue", "list"], "name report-svc with --address");
    let nowhere = ["queue", "list", "--address", "127.0.0.1:1"];
    could_not_run(&nowhere, "nothing answers there");

    let table = file("pairs.csv", b"left,right\na,b\n");
    let images = text(folder.path());
    let faces = ["evaluate", "faces", "--images", images, "--out", images, "--pairs"];
    could_not_run(&[&faces[..], &[text(&table)]].concat(), "has no column `same`");
}

#[test]
fn the_operators_policy_decides() -> anyhow::Result<()> {
    let store = ModelStore::open_default()?;
    if Item::required().any(|item| store.state(item) != State::Ready) {
        skipped("models, samples or fonts are not installed (bonafide models fetch)");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("passport.png");
    let page = Specimen::example(Format::Td3)
        .draw(&Fonts::load(&store, &Silent)?, 1000)?
        .front;
    std::fs::write(&path, page.encode_png()?)?;
    for (flags, expected) in [
        (&["--allow-specimens"][..], None),
        (&[], Some("document_unverified_other")),
        (
            &["--allow-specimens", "--allowed-countries", "SE,DE"],
            Some("country_not_supported"),
        ),
        (&["--allow-specimens", "--least-age", "60"], Some("under_supported_age")),
    ] {
        let arguments = [&["verify", "--document", text(&path), "--format", "json"], flags].concat();
        let output = bonafide(&arguments);
        let printed: Value = serde_json::from_slice(&output.stdout)?;
        let (error, report) = (&printed["session"]["last_error"], &printed["report"]["document"]);
        assert_eq!(error["code"].as_str(), expected, "{flags:?}");
        assert_eq!(output.status.code(), Some(i32::from(expected.is_some())), "{flags:?}");
        // Countries and age have codes for sessions only.
        let of_report = expected.map(|_| "document_unverified_other");
        assert_eq!(report["error"]["code"].as_str(), of_report, "{flags:?}");
        assert_eq!(report["error"]["reason"], error["reason"], "{flags:?}");
    }
    Ok(())
}

#[test]
fn an_unverified_document_ends_with_1_and_its_reason() {
    let ready = |store: ModelStore| Item::required().all(|item| store.state(item) == State::Ready);
    if !ModelStore::open_default().is_ok_and(ready) {
        skipped("models, samples or fonts are not installed (bonafide models fetch)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let wall = Picture::from_fn(320, 240, |x, y| [x as u8, y as u8, 128]);
    let path = folder.path().join("wall.png");
    std::fs::write(&path, wall.encode_png().expect("a file")).expect("written");

    let output = bonafide(&["verify", "--document", text(&path), "--format", "json"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    assert_eq!(printed["session"]["object"], "identity.verification_session");
    assert_eq!(printed["session"]["status"], "requires_input");
    assert_eq!(printed["session"]["last_error"]["code"], "document_unverified_other");
    assert_eq!(printed["report"]["object"], "identity.verification_report");
    assert_eq!(printed["report"]["document"]["status"], "unverified");
    assert_eq!(printed["report"]["verification_session"], printed["session"]["id"]);

    std::fs::write(&path, "not a picture").expect("written");
    could_not_run(&["verify", "--document", text(&path)], "IMAGE_FORMAT");
}
