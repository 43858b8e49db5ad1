//! How well documents are read: over a folder of pictures with known zones, through the same code as the service.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use vision::picture::{Limits, Picture};

use crate::mrz::Mrz;
use crate::reader::{DocumentReader, ReadError, Spent, Zone};

/// One line of `truth.jsonl`.
#[derive(Clone, Deserialize)]
pub struct Truth {
    /// File name of the picture in the folder.
    pub image: String,
    /// The lines as printed; empty for a picture without a zone.
    #[serde(default)]
    pub mrz: Vec<String>,
}

/// One row of `results.csv`. Lines of a zone are separated by spaces, which no zone has.
#[derive(Clone, Serialize)]
pub struct Row {
    /// File name of the picture.
    pub image: String,
    /// Why the picture has no result; empty when it has one.
    pub failure: String,
    /// The lines read; empty when no zone was found.
    pub mrz: String,
    /// The lines are those of the truth.
    pub exact: bool,
    /// Every check digit of the lines read holds.
    pub check_digits_valid: bool,
    /// Format of the zone read.
    pub format: String,
    /// Document code.
    pub document_code: String,
    /// Code of the issuing state.
    pub issuing_state: String,
    /// Primary identifier.
    pub surname: String,
    /// Secondary identifiers.
    pub given_names: String,
    /// Document number.
    pub number: String,
    /// Code of the nationality.
    pub nationality: String,
    /// Date of birth, YYMMDD.
    pub birth_date: String,
    /// Mark of the sex.
    pub sex: String,
    /// Date of expiry, YYMMDD.
    pub expiry_date: String,
    /// Clockwise turn in degrees that brought the picture upright.
    pub rotation: u32,
    /// Symbols changed after text recognition.
    pub corrected: usize,
    /// Mean confidence of text recognition.
    pub confidence: f32,
    /// Milliseconds from the bytes to the result.
    pub ms: f64,
}

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Pictures in the truth.
    pub pictures: usize,
    /// Pictures in which a zone was found.
    pub with_mrz: usize,
    /// Pictures whose lines were read exactly.
    pub mrz_exact: usize,
    /// Pictures whose lines, as read, have check digits that all hold.
    pub check_digits_valid: usize,
    /// Median of the milliseconds per picture.
    pub median_ms: f64,
}

/// Why an evaluation could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be {action}")]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the truth is not as described.
    #[error("line {line} of {path} is not a JSON object with `image` and `mrz`")]
    Truth {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The results could not be put into their format.
    #[error("the results cannot be written")]
    Format(#[from] csv::Error),
    /// The summary could not be put into its format.
    #[error("the summary cannot be written")]
    Json(#[from] serde_json::Error),
}

/// The lines of `truth.jsonl`.
///
/// # Errors
/// When the file cannot be read or a line is no such object.
pub fn read_truth(path: &Path) -> Result<Vec<Truth>, EvaluateError> {
    let text = fs::read_to_string(path).map_err(|source| EvaluateError::File {
        path: path.into(),
        action: "read",
        source,
    })?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| EvaluateError::Truth {
                path: path.into(),
                line: index + 1,
                source,
            })
        })
        .collect()
}

/// Reads every picture of the truth in `images` and writes `results.csv` and `summary.json` into `out`. A picture that fails is a
/// row. `progress` is called with each row as it is done.
///
/// # Errors
/// When the truth cannot be read or the results cannot be written.
pub fn evaluate(
    reader: &DocumentReader,
    images: &Path,
    truth: &Path,
    out: &Path,
    today: time::Date,
    mut progress: impl FnMut(&Row),
) -> Result<Summary, EvaluateError> {
    let truth = read_truth(truth)?;
    fs::create_dir_all(out).map_err(|source| EvaluateError::File {
        path: out.into(),
        action: "written",
        source,
    })?;
    let mut table = csv::Writer::from_path(out.join("results.csv"))?;
    let mut rows = Vec::with_capacity(truth.len());
    for truth in &truth {
        let row = row(reader, images, truth, today);
        table.serialize(&row)?;
        progress(&row);
        rows.push(row);
    }
    table.flush().map_err(|source| EvaluateError::File {
        path: out.join("results.csv"),
        action: "written",
        source,
    })?;
    let summary = summarize(&rows);
    let path = out.join("summary.json");
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    fs::write(&path, text).map_err(|source| EvaluateError::File {
        path,
        action: "written",
        source,
    })?;
    Ok(summary)
}

/// Totals of the rows.
#[must_use]
pub fn summarize(rows: &[Row]) -> Summary {
    let count = |wanted: fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let mut times: Vec<f64> = rows.iter().map(|row| row.ms).collect();
    times.sort_by(f64::total_cmp);
    let middle = |index: usize| times.get(index).copied().unwrap_or(0.0);
    Summary {
        pictures: rows.len(),
        with_mrz: count(|row| !row.mrz.is_empty()),
        mrz_exact: count(|row| row.exact),
        check_digits_valid: count(|row| row.check_digits_valid),
        median_ms: (middle(times.len().saturating_sub(1) / 2) + middle(times.len() / 2)) / 2.0,
    }
}

fn row(reader: &DocumentReader, images: &Path, truth: &Truth, today: time::Date) -> Row {
    let started = Instant::now();
    let (zone, failure) = match read(reader, &images.join(&truth.image), today) {
        Ok(zone) => (zone, String::new()),
        Err(failure) => (None, failure),
    };
    let ms = started.elapsed().as_secs_f64() * 1e3;
    let mrz = zone.as_ref().map(|zone| &zone.mrz);
    let text = |field: fn(&Mrz) -> &str| mrz.map(|mrz| field(mrz).to_owned()).unwrap_or_default();
    let date = |date: fn(&Mrz) -> Option<crate::mrz::Date>| {
        mrz.and_then(date).map(crate::mrz::Date::to_field).unwrap_or_default()
    };
    let lines = mrz.map(|mrz| mrz.lines.clone()).unwrap_or_default();
    Row {
        image: truth.image.clone(),
        exact: failure.is_empty() && !truth.mrz.is_empty() && lines == truth.mrz,
        failure,
        mrz: lines.join(" "),
        check_digits_valid: mrz.is_some_and(Mrz::check_digits_hold),
        format: mrz.map(|mrz| format!("{:?}", mrz.format)).unwrap_or_default(),
        document_code: text(|mrz| &mrz.document_code),
        issuing_state: text(|mrz| &mrz.issuing_state),
        surname: text(|mrz| &mrz.name.surname),
        given_names: text(|mrz| &mrz.name.given_names),
        number: text(|mrz| &mrz.number),
        nationality: text(|mrz| &mrz.nationality),
        birth_date: date(|mrz| mrz.birth_date),
        sex: mrz.and_then(|mrz| mrz.sex_mark).map(String::from).unwrap_or_default(),
        expiry_date: date(|mrz| mrz.expiry_date),
        rotation: zone.as_ref().map_or(0, |zone| zone.rotation),
        corrected: zone.as_ref().map_or(0, |zone| zone.posterior.repaired()),
        confidence: zone.as_ref().map_or(0.0, |zone| zone.posterior.probability() as f32),
        ms,
    }
}

fn read(reader: &DocumentReader, path: &Path, today: time::Date) -> Result<Option<Zone>, String> {
    let bytes = fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    let picture = Picture::decode(&bytes, &Limits::default()).map_err(|error| error.reason().to_owned())?;
    reader
        .read(&[(0, &picture)], today, &|| false, &mut Spent::default())
        .map_err(|error: ReadError| error.to_string())
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
mod tests;
