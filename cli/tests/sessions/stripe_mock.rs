//! A running stripe-mock: it answers as the Stripe API does, by its OpenAPI description, and refuses parameters that are not in it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;
use service_kit::testing::skipped;

const PROGRAM: &str = "stripe-mock";
const DESCRIPTION: &str = "spec3.json";

/// What it says before its address.
const LISTENS: &str = "Listening for HTTP at address: ";

/// On a free port of loopback; ends when dropped.
pub(crate) struct StripeMock {
    process: Child,
    /// It ends when nobody can read what it says.
    said: BufReader<ChildStdout>,
    address: String,
    folder: PathBuf,
}

impl Drop for StripeMock {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl StripeMock {
    /// Starts one; `None`, and a line that says so, where it is not installed as `make stripe-mock` does.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let has_both = |folder: &PathBuf| [PROGRAM, DESCRIPTION].iter().all(|file| folder.join(file).is_file());
        let Some(folder) = std::env::split_paths(&path).find(has_both) else {
            skipped("stripe-mock is not installed (make stripe-mock)");
            return Ok(None);
        };
        let mut process = Command::new(folder.join(PROGRAM))
            // With one of them alone it listens for the other at a fixed port, on all addresses.
            .args(["-http-addr", "127.0.0.1:", "-https-addr", "127.0.0.1:"])
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(process.stdout.take().context("a pipe")?);
        let mut mock = Self {
            process,
            said,
            address: String::new(),
            folder,
        };
        let mut line = String::new();
        while mock.address.is_empty() {
            line.clear();
            anyhow::ensure!(mock.said.read_line(&mut line)? > 0, "stripe-mock does not start");
            if let Some(address) = line.trim_end().strip_prefix(LISTENS) {
                mock.address = address.to_owned();
            }
        }
        Ok(Some(mock))
    }

    /// What it answers by.
    pub(crate) fn description(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.folder.join(DESCRIPTION))?)?)
    }

    /// Calls with parameters, which need no escapes: the status, and the object that is answered.
    pub(crate) fn ask(&self, method: &str, path: &str, parameters: &str) -> anyhow::Result<(u16, Value)> {
        let (query, form) = match method {
            "GET" => (format!("?{parameters}"), ""),
            _ => (String::new(), parameters),
        };
        let request = format!(
            "{method} /v1/identity/{path}{query} HTTP/1.0\r\nAuthorization: Bearer sk_test_1\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let mut socket = TcpStream::connect(&self.address)?;
        socket.write_all(request.as_bytes())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let status = answer.get(9..12).context("a status")?.parse()?;
        let (_, body) = answer.split_once("\r\n\r\n").context("a body")?;
        Ok((status, serde_json::from_str(body)?))
    }
}
