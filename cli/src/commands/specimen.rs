//! `bonafide specimen`: draws documents that nobody could take for real ones.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use vision::models::{Console, ModelStore};
use vision::picture::{Limits, Picture};

use crate::dataset::{Plan, Set};
use crate::progress::bar;
use crate::specimen::{DEFAULT_WIDTH, Fonts, Format, Sex, Specimen, State, head_and_shoulders};

/// Draw specimen documents of the fictional state Utopia (UTO), with valid check digits and the word SPECIMEN across them
///
/// One document with --output; a seeded set of documents of random holders, with truth for every field, with --draw and --out.
#[derive(Args)]
pub struct DrawSpecimen {
    /// Width of a page in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = DEFAULT_WIDTH, value_parser = clap::value_parser!(u32).range(200..=10_000))]
    width: u32,
    /// Size and kind; several of a set, separated by commas, take turns [default: td3; of a set: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    format: Vec<Format>,
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    set: Many,
}

/// One document.
#[derive(Args)]
#[command(next_help_heading = "One document")]
struct One {
    /// Surname [default: that of the standard's own specimen]
    #[arg(long)]
    surname: Option<String>,
    /// Given names [default: those of the standard's own specimen]
    #[arg(long)]
    given_names: Option<String>,
    /// Document number
    #[arg(long)]
    number: Option<String>,
    /// Date of birth, YYYY-MM-DD
    #[arg(long, value_parser = parse_date, value_name = "DATE")]
    date_of_birth: Option<Date>,
    /// Last day of validity, YYYY-MM-DD
    #[arg(long, value_parser = parse_date, value_name = "DATE")]
    date_of_expiry: Option<Date>,
    /// Sex
    #[arg(long, value_enum, ignore_case = true)]
    sex: Option<Sex>,
    /// In which of the fictional administrations' manner
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=State::COUNT as i64))]
    manner: u8,
    /// Photograph of the holder, of which head and shoulders are shown: JPEG, PNG or WebP [default: the outline of a person]
    #[arg(long, value_name = "FILE")]
    portrait: Option<PathBuf>,
    /// A line of the machine-readable zone to print as it is; give as many as the format has
    #[arg(long, value_name = "LINE", num_args = 1.., allow_hyphen_values = false)]
    mrz: Vec<String>,
    /// File to write, .jpg or .png; the back of a card goes to a file beside it whose name ends in -back
    #[arg(long, short, value_name = "FILE", value_parser = parse_output, required_unless_present = "draw")]
    output: Option<PathBuf>,
}

/// A set of documents.
#[derive(Args)]
#[command(next_help_heading = "A set of documents")]
struct Many {
    /// Draw so many documents of random holders into --out, with truth.jsonl
    #[arg(long, value_name = "COUNT", requires = "out", conflicts_with_all = ["output", "surname", "given_names", "number", "date_of_birth", "date_of_expiry", "sex", "manner", "portrait", "mrz"])]
    draw: Option<usize>,
    /// Seed of all choices: the same seed draws the same set
    #[arg(long, default_value_t = 1, requires = "draw")]
    seed: u64,
    /// Folder of the set
    #[arg(long, value_name = "DIR", requires = "draw")]
    out: Option<PathBuf>,
    /// What befalls the documents, in turn: none, covered, moderate, heavy, forged, or single kinds, each with a strength from 0 to 1
    /// if one is wanted, as in `glare,motion_blur:0.5`
    #[arg(
        long,
        value_name = "PLAN",
        value_delimiter = ',',
        default_value = "none",
        requires = "draw"
    )]
    degrade: Vec<Plan>,
    /// How many of a hundred documents have expired
    #[arg(long, value_name = "PERCENT", default_value_t = 0, requires = "draw", value_parser = clap::value_parser!(u8).range(0..=100))]
    expired: u8,
    /// How many of a hundred documents are those of minors
    #[arg(long, value_name = "PERCENT", default_value_t = 0, requires = "draw", value_parser = clap::value_parser!(u8).range(0..=100))]
    minors: u8,
    /// The day on which the documents are valid, YYYY-MM-DD [default: today]
    #[arg(long, value_parser = parse_date, value_name = "DATE", requires = "draw")]
    today: Option<Date>,
}

impl DrawSpecimen {
    /// Draws and says which files were written.
    ///
    /// # Errors
    /// When a value does not fit the document, a file cannot be read or written, or the fonts cannot be fetched.
    pub fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        match (self.set.draw, &self.set.out) {
            (Some(count), Some(folder)) => {
                let fonts = Fonts::load(store, &Console::default())?;
                let set = Set {
                    count,
                    seed: self.set.seed,
                    formats: if self.format.is_empty() {
                        Format::ALL.to_vec()
                    } else {
                        self.format
                    },
                    plans: self.set.degrade,
                    expired: f32::from(self.set.expired) / 100.0,
                    minors: f32::from(self.set.minors) / 100.0,
                    today: self.set.today.unwrap_or_else(|| OffsetDateTime::now_utc().date()),
                    width: self.width,
                };
                let bar = bar(count);
                set.draw(&fonts, folder, || bar.inc(1))?;
                bar.finish_and_clear();
                writeln!(stdout(), "{}", folder.join("truth.jsonl").display())?;
            }
            _ => self.one.draw(&self.format, self.width, store)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl One {
    fn draw(self, formats: &[Format], width: u32, store: &ModelStore) -> anyhow::Result<()> {
        let format = match formats {
            [] => Format::Td3,
            [format] => *format,
            _ => anyhow::bail!("one document has one format: give one, or draw a set with --draw"),
        };
        let Some(output) = self.output else {
            anyhow::bail!("--output names the file to write");
        };
        let portrait = self
            .portrait
            .as_deref()
            .map(|path| read_portrait(path, store))
            .transpose()?;
        let fonts = Fonts::load(store, &Console::default())?;
        let example = Specimen::example(format);
        let specimen = Specimen {
            state: State::of(usize::from(self.manner) - 1),
            surname: self.surname.unwrap_or(example.surname),
            given_names: self.given_names.unwrap_or(example.given_names),
            number: self.number.unwrap_or(example.number),
            birth: self.date_of_birth.unwrap_or(example.birth),
            sex: self.sex.unwrap_or(example.sex),
            expiry: self.date_of_expiry.unwrap_or(example.expiry),
            portrait,
            mrz: (!self.mrz.is_empty()).then_some(self.mrz),
            ..example
        };
        let pages = specimen.draw(&fonts, width)?;
        write_picture(&output, &pages.front)?;
        if let Some(back) = pages.back {
            write_picture(&back_of(&output), &back)?;
        }
        Ok(())
    }
}

fn read_portrait(path: &Path, store: &ModelStore) -> anyhow::Result<Picture> {
    let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let picture = Picture::decode(&file, &Limits::default())
        .with_context(|| format!("cannot use {} as a portrait", path.display()))?;
    Ok(head_and_shoulders(&picture, store, &Console::default())?)
}

fn write_picture(path: &Path, picture: &Picture) -> anyhow::Result<()> {
    let file = if is_png(path) {
        picture.encode_png()
    } else {
        picture.encode_jpeg(92)
    };
    fs::write(path, file?).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(stdout(), "{}", path.display())?;
    Ok(())
}

fn is_png(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
}

/// The file beside `front` for the back of the document.
fn back_of(front: &Path) -> PathBuf {
    let mut name = front.file_stem().unwrap_or_default().to_owned();
    name.push("-back.");
    name.push(front.extension().unwrap_or_default());
    front.with_file_name(name)
}

pub(super) fn parse_date(text: &str) -> Result<Date, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "write it as YYYY-MM-DD".to_owned())
}

fn parse_output(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("png" | "jpg" | "jpeg") => Ok(path),
        _ => Err("its name must end in .png, .jpg or .jpeg".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_lies_beside_the_front() {
        assert_eq!(back_of(Path::new("a/card.v1.png")), Path::new("a/card.v1-back.png"));
        assert_eq!(back_of(Path::new("card.JPG")), Path::new("card-back.JPG"));
    }

    #[test]
    fn dates_and_file_names_are_checked() {
        assert!(parse_date("2001-02-29").is_err() && parse_date("29/02/2004").is_err());
        assert_eq!(parse_date("2004-02-29").unwrap().ordinal(), 60);
        assert!(parse_output("card.pdf").is_err() && parse_output("card").is_err());
    }
}
