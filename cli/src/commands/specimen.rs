//! `bonafide specimen`: draws a document that nobody could take for a real one.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use time::Date;
use time::macros::format_description;
use vision::models::{Console, ModelStore};
use vision::picture::{Limits, Picture};

use crate::specimen::{DEFAULT_WIDTH, Fonts, Format, Sex, Specimen, head_and_shoulders};

/// Draw a specimen document of the fictional state Utopia (UTO), with valid check digits and the word SPECIMEN across it
#[derive(Args)]
pub struct DrawSpecimen {
    /// Size and kind
    #[arg(long, value_enum, default_value = "td3")]
    format: Format,
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
    /// Photograph of the holder, of which head and shoulders are shown: JPEG, PNG or WebP [default: the outline of a person]
    #[arg(long, value_name = "FILE")]
    portrait: Option<PathBuf>,
    /// A line of the machine-readable zone to print as it is; give as many as the format has
    #[arg(long, value_name = "LINE", num_args = 1.., allow_hyphen_values = false)]
    mrz: Vec<String>,
    /// Width of the picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = DEFAULT_WIDTH, value_parser = clap::value_parser!(u32).range(200..=10_000))]
    width: u32,
    /// File to write, .jpg or .png; the back of a card goes to a file beside it whose name ends in -back
    #[arg(long, short, value_name = "FILE", value_parser = parse_output)]
    output: PathBuf,
}

impl DrawSpecimen {
    /// Draws the document and says which files it wrote.
    ///
    /// # Errors
    /// When a value does not fit the document, a file cannot be read or written, or the fonts cannot be fetched.
    pub fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        let portrait = self
            .portrait
            .as_deref()
            .map(|path| read_portrait(path, store))
            .transpose()?;
        let fonts = Fonts::load(store, &Console::default())?;
        let example = Specimen::example(self.format);
        let specimen = Specimen {
            format: self.format,
            surname: self.surname.unwrap_or(example.surname),
            given_names: self.given_names.unwrap_or(example.given_names),
            number: self.number.unwrap_or(example.number),
            birth: self.date_of_birth.unwrap_or(example.birth),
            sex: self.sex.unwrap_or(example.sex),
            expiry: self.date_of_expiry.unwrap_or(example.expiry),
            portrait,
            mrz: (!self.mrz.is_empty()).then_some(self.mrz),
        };
        let pages = specimen.draw(&fonts, self.width)?;
        write_picture(&self.output, &pages.front)?;
        if let Some(back) = pages.back {
            write_picture(&back_of(&self.output), &back)?;
        }
        Ok(ExitCode::SUCCESS)
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

fn parse_date(text: &str) -> Result<Date, String> {
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
