//! The tables that an evaluation of faces starts from.

use std::path::Path;

use anyhow::{Context as _, bail};

/// One line of `pairs.csv`.
#[derive(Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) left: String,
    pub(super) right: String,
    /// Whether both show the same person.
    pub(super) same: bool,
}

/// One line of `identities.csv`.
#[derive(Debug, PartialEq)]
pub(crate) struct Labelled {
    pub(crate) image: String,
    pub(crate) identity: String,
}

/// Reads `left,right,same`; `same` is 1 or 0.
pub(super) fn read_pairs(path: &Path) -> anyhow::Result<Vec<Pair>> {
    let pair = |[left, right, same]: [String; 3]| {
        let same = match same.as_str() {
            "1" => true,
            "0" => false,
            _ => bail!("`same` must be 1 or 0"),
        };
        Ok(Pair { left, right, same })
    };
    read(path, ["left", "right", "same"], pair)
}

/// Reads `image,identity`.
pub(crate) fn read_identities(path: &Path) -> anyhow::Result<Vec<Labelled>> {
    read(path, ["image", "identity"], |[image, identity]| {
        Ok(Labelled { image, identity })
    })
}

fn read<const N: usize, T>(
    path: &Path,
    columns: [&str; N],
    row: impl Fn([String; N]) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let file = path.display();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("cannot read {file}"))?;
    let headers = reader.headers().with_context(|| format!("cannot read {file}"))?.clone();
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        match headers.iter().position(|header| header == column) {
            Some(found) => *place = found,
            None => bail!(
                "{file} has no column `{column}`: its first line must name {}",
                columns.join(",")
            ),
        }
    }
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("cannot read {file}"))?;
        let fields = places.map(|place| record.get(place).unwrap_or_default().to_owned());
        rows.push(row(fields).with_context(|| format!("{file}, row {}", index + 1))?);
    }
    if rows.is_empty() {
        bail!("{file} has no rows");
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("written");
        file
    }

    #[test]
    fn columns_are_found_by_name() {
        let table = file("same, right ,left,note\n1,b.jpg,a.jpg,x\n0,d.jpg,c.jpg,y\n");
        let pairs = read_pairs(table.path()).expect("well-formed");
        let pair = |left: &str, right: &str, same| Pair {
            left: left.to_owned(),
            right: right.to_owned(),
            same,
        };
        assert_eq!(pairs, [pair("a.jpg", "b.jpg", true), pair("c.jpg", "d.jpg", false)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (content, expected) in [
            ("left,right\na,b\n", "has no column `same`"),
            ("left,right,same\na,b,yes\n", "`same` must be 1 or 0"),
            ("left,right,same\na,b\n", "cannot read"),
            ("left,right,same\n", "has no rows"),
        ] {
            let table = file(content);
            let error = format!("{:#}", read_pairs(table.path()).expect_err(content));
            assert!(error.contains(expected), "{error}");
        }
        let error = format!("{:#}", read_pairs(Path::new("no-such-file.csv")).expect_err("absent"));
        assert!(error.contains("cannot read no-such-file.csv"), "{error}");
    }
}
