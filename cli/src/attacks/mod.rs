//! Sets of presentation attacks to measure with: photographs of people, the same photographs in disguise, and bona fide presentations
//! of the same people. Seeded, so that the same choices make the same set.

mod disguise;
mod geometry;
mod kind;
mod overlay;
mod tone;
mod truth;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use selfie_svc::pipeline::{self, FaceFinder, Upright};
use time::Date;
use vision::picture::{Limits, Picture};

use crate::dataset::{self, Plan, name};
use crate::specimen::dice::Dice;
use crate::specimen::holder::{self, Standing};
use crate::specimen::{DEFAULT_WIDTH, Fonts, Format, State, frame};
use disguise::{Subject, disguise};
pub use kind::Kind;
pub use truth::{Half, Presentation};

/// What a selfie is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum References {
    /// The photograph itself
    Pictures,
    /// A specimen document that shows the photograph, itself photographed as by `bonafide specimen --degrade moderate`
    Documents,
}

/// A photograph and who is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photograph {
    /// Its file.
    pub path: PathBuf,
    /// Who is on it.
    pub identity: String,
}

/// A set to write.
#[derive(Debug, Clone)]
pub struct Set {
    /// What there is to choose from.
    pub photographs: Vec<Photograph>,
    /// The disguises.
    pub kinds: Vec<Kind>,
    /// Photographs to disguise in each of these ways, each of another person.
    pub count: usize,
    /// Most bona fide presentations.
    pub bona_fide: usize,
    /// What selfies are compared with.
    pub references: References,
    /// The people to choose from; all without.
    pub half: Option<Half>,
    /// The seed of all choices.
    pub seed: u64,
    /// The day on which documents are valid.
    pub today: Date,
}

/// Streams of a seed's choices.
const PEOPLE: u64 = 0;
const PAIRS: u64 = 1;
const FIRST_ATTACK: u64 = 1 << 16;
const FIRST_BONA_FIDE: u64 = 1 << 32;

impl Set {
    /// Pictures that [`Set::write`] will make something of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.to_disguise().len() + self.pairs().len()
    }

    /// Whether there is nothing to choose from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the set into a folder: pictures, and `truth.jsonl`. `done` is called after each photograph. One without a face is left
    /// out. Answers how many were.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn write(
        &self,
        finder: &FaceFinder,
        fonts: &Fonts,
        folder: &Path,
        done: impl Fn() + Sync,
    ) -> anyhow::Result<usize> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let studio = Studio {
            set: self,
            finder,
            fonts,
            folder,
        };
        let attacks = self.to_disguise().into_par_iter().enumerate();
        let attacks = attacks.map(|(number, photograph)| {
            let made = studio.attacks(number, photograph);
            done();
            made
        });
        let pairs = self.pairs().into_par_iter().enumerate();
        let bona_fide = pairs.map(|(number, (reference, selfie))| {
            let made = studio.bona_fide(number, reference, selfie);
            done();
            made.map(|made| made.into_iter().collect())
        });
        let made: Vec<Vec<Presentation>> = attacks.chain(bona_fide).collect::<anyhow::Result<_>>()?;
        let without_face = made.iter().filter(|made| made.is_empty()).count();
        dataset::write(&folder.join("truth.jsonl"), &made.concat())?;
        Ok(without_face)
    }

    /// The photographs of the wanted half in an order that the seed chooses.
    fn shuffled(&self, stream: u64) -> Vec<&Photograph> {
        let mut dice = Dice::new(self.seed, stream);
        let wanted = |photograph: &&Photograph| self.half.is_none_or(|half| Half::of(&photograph.identity) == half);
        let mut photographs: Vec<&Photograph> = self.photographs.iter().filter(wanted).collect();
        photographs.sort_by_cached_key(|_| dice.bits());
        photographs
    }

    fn to_disguise(&self) -> Vec<&Photograph> {
        let mut people = std::collections::HashSet::new();
        let mut photographs = self.shuffled(PEOPLE);
        photographs.retain(|photograph| people.insert(&photograph.identity));
        photographs.truncate(self.count);
        photographs
    }

    /// Two photographs of one person each.
    fn pairs(&self) -> Vec<(&Photograph, &Photograph)> {
        let photographs = self.shuffled(PAIRS);
        let pairs = photographs.iter().enumerate().flat_map(|(index, reference)| {
            let later = photographs[index + 1..].iter();
            let same = later.filter(|selfie| selfie.identity == reference.identity);
            same.map(|selfie| (*reference, *selfie))
        });
        pairs.take(self.bona_fide).collect()
    }
}

/// What pictures are made with.
struct Studio<'a> {
    set: &'a Set,
    finder: &'a FaceFinder,
    fonts: &'a Fonts,
    folder: &'a Path,
}

impl Studio<'_> {
    /// Every disguise of a photograph; nothing where it shows no face.
    fn attacks(&self, number: usize, photograph: &Photograph) -> anyhow::Result<Vec<Presentation>> {
        let (file, upright) = self.read(photograph)?;
        let Some(face) = pipeline::subject(&upright.faces, &upright.picture) else {
            return Ok(Vec::new());
        };
        let stream = FIRST_ATTACK + (number * (Kind::ALL.len() + 1)) as u64;
        let dice = &mut Dice::new(self.set.seed, stream);
        let reference = format!("{number:05}-reference.jpg");
        self.refer(&reference, &file, &upright, dice)?;
        let present = |&kind: &Kind| {
            let dice = &mut Dice::new(self.set.seed, stream + 1 + kind as u64);
            let subject = Subject {
                picture: upright.picture.clone(),
                face: *face,
                quality: 92,
            };
            let (disguised, steps) = disguise(kind, subject, self.fonts, dice);
            let image = format!("{number:05}-{}.jpg", name(&kind));
            self.keep(&image, &disguised.picture.encode_jpeg(disguised.quality)?)?;
            Ok(Presentation {
                image,
                reference: reference.clone(),
                identity: photograph.identity.clone(),
                attack: Some(kind),
                steps,
            })
        };
        self.set.kinds.iter().map(present).collect()
    }

    /// A person's photograph beside another of the same person; nothing where the document would show no face.
    fn bona_fide(
        &self,
        number: usize,
        reference: &Photograph,
        selfie: &Photograph,
    ) -> anyhow::Result<Option<Presentation>> {
        let (file, upright) = self.read(reference)?;
        if upright.faces.is_empty() {
            return Ok(None);
        }
        let dice = &mut Dice::new(self.set.seed, FIRST_BONA_FIDE + number as u64);
        let presentation = Presentation {
            image: format!("{number:05}-bona-fide.jpg"),
            reference: format!("{number:05}-bona-fide-reference.jpg"),
            identity: reference.identity.clone(),
            attack: None,
            steps: Vec::new(),
        };
        self.refer(&presentation.reference, &file, &upright, dice)?;
        self.keep(&presentation.image, &read(&selfie.path)?)?;
        Ok(Some(presentation))
    }

    fn read(&self, photograph: &Photograph) -> anyhow::Result<(Vec<u8>, Upright)> {
        let file = read(&photograph.path)?;
        let decoded = Picture::decode(&file, &Limits::default());
        let picture = decoded.with_context(|| format!("cannot use {}", photograph.path.display()))?;
        Ok((file, self.finder.upright(picture)?))
    }

    /// Writes what a selfie is compared with.
    fn refer(&self, name: &str, file: &[u8], upright: &Upright, dice: &mut Dice) -> anyhow::Result<()> {
        if self.set.references == References::Pictures {
            return self.keep(name, file);
        }
        let format = [Format::Td1, Format::Td2, Format::Td3][dice.whole(0, 2)];
        let state = State::of(dice.whole(0, State::COUNT - 1));
        let (mut specimen, _) = holder::draw(dice, format, state, Standing::Valid, self.set.today);
        let portrait = pipeline::portrait(&upright.faces).map(|face| frame(face.bounds, &upright.picture));
        specimen.portrait = portrait.and_then(|part| upright.picture.crop(part));
        let page = specimen.draw(self.fonts, DEFAULT_WIDTH)?.front;
        let (recipe, _) = Plan::Moderate.decide(0, dice);
        let zone = format != Format::Td1;
        let photograph = recipe.photograph(&page, specimen.zone_place(), zone, None, dice);
        self.keep(name, &photograph.picture.encode_jpeg(photograph.quality)?)
    }

    fn keep(&self, name: &str, file: &[u8]) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        std::fs::write(&path, file).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests;
