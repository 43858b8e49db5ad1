//! Files that only their owner may read: keys.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Writes a whole file or none, with a line's end after `content`, and leaves one alone that is there: half a key, or two, would
/// lock somebody out.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_once(file: &Path, content: &str) -> io::Result<()> {
    let unfinished = file.with_extension(std::process::id().to_string());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&unfinished)?;
    writeln!(written, "{content}")?;
    written.sync_all()?;
    // A link, unlike a rename, never replaces what another process has made meanwhile.
    let linked = fs::hard_link(&unfinished, file);
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder, and those it is in, where they are missing.
///
/// # Errors
/// When the system does not allow it.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
