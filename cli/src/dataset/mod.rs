//! Sets of drawn documents with everything that is known of them, to measure with.

mod forge;
mod plan;
mod substitution;
mod truth;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use doc_check_svc::mrz::Mrz;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use time::Date;

use crate::degrade::{Degradation, Photograph};
use crate::specimen::dice::Dice;
use crate::specimen::holder::{self, Standing};
use crate::specimen::{Fonts, Format, Label, STATE, Specimen, State, paint};
pub use forge::Forgery;
pub use plan::Plan;
pub use truth::{Field, Truth, Value, read};
pub(crate) use truth::{name, write};

/// A set to draw. The same set is drawn from the same values, on every machine.
#[derive(Debug, Clone)]
pub struct Set {
    /// How many documents.
    pub count: usize,
    /// The seed of all choices.
    pub seed: u64,
    /// Their formats, in turn.
    pub formats: Vec<Format>,
    /// What is done to them, in turn.
    pub plans: Vec<Plan>,
    /// The share of documents that have expired, 0 to 1.
    pub expired: f32,
    /// The share of documents of minors, 0 to 1.
    pub minors: f32,
    /// The day on which the others are valid.
    pub today: Date,
    /// Width of a page in pixels.
    pub width: u32,
}

impl Set {
    /// Draws the set into a folder: pictures, and `truth.jsonl`. `drawn` is called after each document.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn draw(&self, fonts: &Fonts, folder: &Path, drawn: impl Fn() + Sync) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let truths: Vec<Truth> = (0..self.count)
            .into_par_iter()
            .map(|number| {
                let truth = self.document(number, fonts, folder);
                drawn();
                truth
            })
            .collect::<anyhow::Result<_>>()?;
        write(&folder.join("truth.jsonl"), &truths)
    }

    fn document(&self, number: usize, fonts: &Fonts, folder: &Path) -> anyhow::Result<Truth> {
        let dice = &mut Dice::new(self.seed, number as u64);
        let format = self.formats[number % self.formats.len()];
        // Every plan meets every format.
        let turn = number / self.formats.len();
        let (recipe, forgery) = self.plans[turn % self.plans.len()].decide(turn / self.plans.len(), dice);
        let share = dice.unit();
        let standing = match share {
            share if share < self.expired => Standing::Expired,
            share if share < self.expired + self.minors => Standing::Minor,
            _ => Standing::Valid,
        };
        let state = State::of(dice.whole(0, State::COUNT - 1));
        let person = |dice: &mut Dice| {
            let (mut specimen, language) = holder::draw(dice, format, state, standing, self.today);
            let age = self.today.year() - specimen.birth.year();
            specimen.portrait = Some(paint(dice, specimen.sex, age));
            (specimen, language)
        };
        let (genuine, language) = person(dice);
        let (other, _) = person(dice);
        let specimen = match forgery {
            Some(forgery) => forgery.alter(&genuine, &other, dice)?,
            None => genuine,
        };
        let mut pages = specimen.draw(fonts, self.width)?;
        if let (Some(forgery), Some(portrait)) = (forgery, &other.portrait) {
            forgery.tamper(&specimen, &mut pages, portrait, dice)?;
        }
        let beside = if recipe.needs_another() {
            Some(other.draw(fonts, self.width)?.front)
        } else {
            None
        };

        let mut degradations = Vec::new();
        let mut covered = Vec::new();
        let sides = [("front", Some(&pages.front)), ("back", pages.back.as_ref())];
        let mut names = Vec::new();
        for (side, page) in sides {
            let Some(page) = page else { continue };
            let zone = pages.back.is_none() || side == "back";
            let mut photograph: Photograph =
                recipe.photograph(page, specimen.zone_place(), zone, beside.as_ref(), dice);
            if let (Some(forgery), Some(portrait), "front") = (forgery, &other.portrait, side) {
                forgery.retouch(&mut photograph, format, portrait, dice)?;
            }
            let name = format!("{number:05}-{side}.jpg");
            let path = folder.join(&name);
            let file = photograph.picture.encode_jpeg(photograph.quality)?;
            std::fs::write(&path, file).with_context(|| format!("cannot write {}", path.display()))?;
            names.push(name);
            let of_side = |degradation: Degradation| Degradation {
                side: Some(side.to_owned()),
                ..degradation
            };
            degradations.extend(photograph.degradations.into_iter().map(of_side));
            covered.extend(photograph.covered);
        }
        let mut names = names.into_iter();
        let mrz = specimen.lines()?;
        Ok(Truth {
            image: names.next().unwrap_or_default(),
            back: names.next(),
            check_digits_valid: Some(Mrz::parse(&mrz, self.today).is_ok_and(|mrz| mrz.check_digits_hold())),
            format: Some(format),
            language: Some(language.to_owned()),
            fields: fields(&specimen, &mrz, self.today),
            mrz,
            degradations,
            covered,
            forgery,
        })
    }
}

/// What stands on a document.
fn fields(specimen: &Specimen, lines: &[String], today: Date) -> BTreeMap<Field, Value> {
    let zone = Mrz::parse(lines, today).ok();
    let values = Field::ALL.into_iter().filter_map(|field| {
        let (value, label) = stated(specimen, field);
        let printed = label.filter(|_| specimen.printed).map(|label| specimen.print(label));
        let zone = zone.as_ref().and_then(|zone| in_zone(zone, field));
        (printed.is_some() || zone.is_some()).then_some((field, Value { value, printed, zone }))
    });
    values.collect()
}

/// What a document says in a field, and under which label it prints it.
fn stated(specimen: &Specimen, field: Field) -> (String, Option<Label>) {
    let visa = matches!(specimen.format, Format::MrvA | Format::MrvB);
    match field {
        Field::Surname => (specimen.surname.clone(), Some(Label::Surname)),
        Field::GivenNames => (specimen.given_names.clone(), Some(Label::GivenNames)),
        Field::Number => (specimen.number.clone(), Some(Label::Number)),
        Field::Nationality => (STATE.to_owned(), Some(Label::Nationality)),
        Field::IssuingState => {
            let coded = visa || specimen.format == Format::Td3;
            (STATE.to_owned(), coded.then_some(Label::Code))
        }
        Field::BirthDate => (specimen.birth.to_string(), Some(Label::Birth)),
        Field::Sex => (specimen.sex.letter().to_owned(), Some(Label::Sex)),
        Field::ExpiryDate => (specimen.expiry.to_string(), Some(Label::Expiry)),
        Field::IssueDate => (specimen.issue.to_string(), Some(Label::Issue)),
        Field::BirthPlace => (specimen.birth_place.clone(), (!visa).then_some(Label::BirthPlace)),
    }
}

fn in_zone(zone: &Mrz, field: Field) -> Option<String> {
    match field {
        Field::Surname => Some(zone.name.surname.clone()),
        Field::GivenNames => Some(zone.name.given_names.clone()),
        Field::Number => Some(zone.number.clone()),
        Field::Nationality => Some(zone.nationality.clone()),
        Field::IssuingState => Some(zone.issuing_state.clone()),
        Field::BirthDate => zone.birth_date.map(doc_check_svc::mrz::Date::to_field),
        Field::Sex => zone.sex_mark.map(String::from),
        Field::ExpiryDate => zone.expiry_date.map(doc_check_svc::mrz::Date::to_field),
        Field::IssueDate | Field::BirthPlace => None,
    }
}

#[cfg(test)]
mod tests;
