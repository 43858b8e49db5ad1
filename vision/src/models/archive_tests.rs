use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::Origin;
use super::*;

static WHEEL: Package = Package {
    name: "demo",
    version: "1",
    file: "demo-1-py3-none-any.whl",
    size: 0,
    sha256: "",
};
static SDIST: Package = Package {
    name: "demo",
    version: "1",
    file: "demo-1.tar.gz",
    size: 0,
    sha256: "",
};

fn source(package: &'static Package, path: &'static str, content: &[u8]) -> Source {
    let sha256 = digest::of_bytes(content).leak();
    Source {
        origin: Origin::Package(package),
        path,
        size: content.len() as u64,
        sha256,
        licence: "MIT",
    }
}

fn content() -> Vec<u8> {
    (0..50_000u32).flat_map(|index| (index * index).to_le_bytes()).collect()
}

fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, content) in files {
        zip.start_file(*path, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sdist(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn extract_from(archive: &[u8], package: &Package, sources: &[&Source]) -> Result<Vec<Vec<u8>>, ModelError> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(package.file);
    std::fs::write(&path, archive).unwrap();
    extract(&path, package, sources)
}

/// A way to pack files, and the package whose archive that makes.
type Kind = (fn(&[(&str, &[u8])]) -> Vec<u8>, &'static Package);

const KINDS: [Kind; 2] = [(wheel, &WHEEL), (sdist, &SDIST)];

#[test]
fn files_come_out_in_the_order_asked_for() {
    for (pack, package) in KINDS {
        let archive = pack(&[
            ("demo/a.bin", b"first"),
            ("demo/other", b"x"),
            ("demo/b.bin", &content()),
        ]);
        let (a, b) = (
            source(package, "demo/a.bin", b"first"),
            source(package, "demo/b.bin", &content()),
        );
        assert_eq!(
            extract_from(&archive, package, &[&b, &a]).unwrap(),
            [content(), b"first".to_vec()]
        );
    }
}

#[test]
fn truncated_archives_are_errors() {
    for (pack, package) in KINDS {
        let archive = pack(&[("demo/b.bin", &content())]);
        let b = source(package, "demo/b.bin", &content());
        for length in [0, 1, 100, archive.len() / 2, archive.len() - 30] {
            let outcome = extract_from(&archive[..length], package, &[&b]);
            assert!(
                matches!(outcome, Err(ModelError::Archive { .. })),
                "{} cut to {length}",
                package.file
            );
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    for (pack, package) in KINDS {
        let b = source(package, "demo/b.bin", b"");
        let outcome = extract_from(&pack(&[("demo/a.bin", b"first")]), package, &[&b]);
        assert!(matches!(outcome, Err(ModelError::Archive { detail, .. }) if detail.contains("demo/b.bin")));
    }
}

#[test]
fn other_content_is_refused_even_when_it_is_longer_than_pinned() {
    for (pack, package) in KINDS {
        let a = source(package, "demo/a.bin", b"first");
        for other in [b"farst".as_slice(), b"first and more", &content()] {
            let outcome = extract_from(&pack(&[("demo/a.bin", other)]), package, &[&a]);
            assert!(matches!(outcome, Err(ModelError::WrongHash { file, .. }) if file == "a.bin"));
        }
    }
}
