//! Processes: report-svc's own, how it ends when it cannot start; and those that tests start.

use std::process::{Child, Command};

/// A process that is stopped when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_start_that_fails_says_why_in_one_line() {
    let data = tempfile::tempdir().expect("a folder");
    let ended = Command::new(env!("CARGO_BIN_EXE_report-svc"))
        .env_clear()
        .args([
            "--listen",
            "127.0.0.1:0",
            "--redis-url",
            "redis://127.0.0.1:1",
            "--data",
        ])
        .arg(data.path())
        .output()
        .expect("runs");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).expect("text");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("report-svc: redis needs --master-keys"), "{said}");
}
