//! Files that only their owner may read: keys.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a whole file or none, with a line's end after `content`, and leaves one alone that is there, whoever has written it
/// meanwhile: half a key, or two, would lock somebody out. What the file holds is known by reading it.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_once(file: &Path, content: &str) -> io::Result<()> {
    let folder = file.parent().ok_or(ErrorKind::InvalidInput)?;
    // Of a name of its own, and for the owner's eyes only from the beginning.
    let mut unfinished = NamedTempFile::new_in(folder)?;
    writeln!(unfinished, "{content}")?;
    unfinished.as_file().sync_all()?;
    match unfinished.persist_noclobber(file) {
        Err(failed) if failed.error.kind() != ErrorKind::AlreadyExists => return Err(failed.error),
        _ => {}
    }
    // The folder's entry, too, outlives a power failure.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    #[test]
    fn of_many_writers_at_once_one_wins_and_none_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        for round in 0..50 {
            let file = &folder.path().join(format!("key{round}"));
            let read = thread::scope(|scope| {
                let write = |writer: usize| {
                    scope.spawn(move || {
                        write_once(file, &format!("key of {writer}")).expect("written");
                        fs::read_to_string(file).expect("read")
                    })
                };
                let writers = [0, 1, 2].map(write);
                writers.map(|writer| writer.join().expect("no panic"))
            });
            // Whoever has written goes on with what is there.
            let stays = fs::read_to_string(file).expect("read");
            assert!(stays.starts_with("key of ") && stays.ends_with('\n'), "{stays:?}");
            assert!(read.iter().all(|read| *read == stays), "{read:?}");
        }
        let files = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 50, "nothing unfinished is left");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("keys/of/mine");
        create_folder(&inside).expect("made");
        write_once(&inside.join("key"), "secret").expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&inside), mode(&inside.join("key"))), (0o700, 0o600));
    }
}
