//! `bonafide files`: the calls about pictures that were collected, for backends with a restricted key.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;
use tempfile::NamedTempFile;

use super::backend::{Backend, Format};
use crate::render::{Style, json, text};
use crate::stdout::{print, print_json};

/// List and read the pictures of a session. Needs a restricted key
#[derive(Debug, clap::Args)]
pub struct Files {
    #[command(flatten)]
    backend: Backend,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the pictures of a session, those of earlier attempts too
    List {
        #[arg(value_name = "SESSION")]
        session: String,
    },
    /// Read what is known of a picture
    Get {
        #[arg(value_name = "FILE")]
        file: String,
    },
    /// Save a picture as it was uploaded
    Download {
        #[arg(value_name = "FILE")]
        file: String,
        /// Where to; only its owner may read it there
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
    },
    /// Make an address at which a browser can open a picture for 30 seconds, without a key
    Link {
        #[arg(value_name = "FILE")]
        file: String,
    },
}

impl Files {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let deployed = self.backend.open()?;
        match self.action {
            Action::List { session } => {
                let listed = deployed.api.list_files(&session).await;
                let files = deployed.answered("list the pictures", listed)?;
                match self.backend.format {
                    Format::Text => print(&text::files(&files))?,
                    Format::Json => {
                        let data: Vec<_> = files.iter().map(json::file).collect();
                        print_json(&json!({ "object": "list", "data": data, "has_more": false }))?;
                    }
                }
            }
            Action::Get { file } => {
                let read = deployed.api.file(&file).await;
                let file = deployed.answered("read what is known of the picture", read)?;
                match self.backend.format {
                    Format::Text => print(&text::file(&file, Style::of_stdout()))?,
                    Format::Json => print_json(&json::file(&file))?,
                }
            }
            Action::Download { file, out } => {
                let downloaded = deployed.api.download(&file).await;
                save(&out, &deployed.answered("download the picture", downloaded)?)?;
            }
            Action::Link { file } => {
                let made = deployed.api.link(&file).await;
                let link = deployed.answered("make a link", made)?;
                match self.backend.format {
                    Format::Text => print(&format!("{}\n", link.url))?,
                    Format::Json => print_json(&json::file_link(&link))?,
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// All of it or nothing.
fn save(path: &Path, picture: &[u8]) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(context)?;
    file.write_all(picture).with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}
