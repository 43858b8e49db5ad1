//! Where results go.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// Makes the folder for results.
pub(super) fn create_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// Checks that pictures can be looked for in a folder.
pub(super) fn require_folder(folder: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        folder.is_dir(),
        "{} is not a folder: --images names the folder of the pictures",
        folder.display()
    );
    Ok(())
}

/// Writes rows as a CSV file with a header.
pub(super) fn write_rows<T: Serialize>(path: &Path, rows: impl IntoIterator<Item = T>) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut writer = csv::Writer::from_path(path).with_context(context)?;
    for row in rows {
        writer.serialize(row).with_context(context)?;
    }
    writer.flush().with_context(context)
}

/// Writes the summary.
pub(super) fn write_summary(folder: &Path, summary: &impl Serialize) -> anyhow::Result<()> {
    let path = folder.join("summary.json");
    let text = serde_json::to_string_pretty(summary)?;
    std::fs::write(&path, format!("{text}\n")).with_context(|| format!("cannot write {}", path.display()))
}
