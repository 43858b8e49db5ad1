//! Sets of presentations to measure with: photographs of people, the same photographs in disguise, other photographs of the same people
//! made unfit, and bona fide ones. Seeded, so that the same choices make the same set.

mod company;
mod cover;
mod disguise;
mod geometry;
mod kind;
mod overlay;
mod tone;
mod truth;

use std::collections::{BTreeMap, HashSet};
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
use disguise::{Props, Subject, disguise};
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
    /// What to do to them.
    pub kinds: Vec<Kind>,
    /// Photographs for each of these kinds, each of another person.
    pub count: usize,
    /// Most bona fide presentations: two photographs of one person.
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
const OTHERS: u64 = 2;
const UNFIT: u64 = 3;
const FIRST_COPY: u64 = 1 << 16;
const FIRST_UNFIT: u64 = 1 << 24;
const FIRST_BONA_FIDE: u64 = 1 << 32;

/// The streams of one photograph: one for its reference, one for each kind.
const STREAMS: u64 = 64;
const _: () = assert!(Kind::ALL.len() < STREAMS as usize);

/// The photographs that selfies beside one reference are made of.
#[derive(Debug, Clone, Copy)]
struct Sitting<'a> {
    reference: &'a Photograph,
    /// Of the same person: the reference itself, or another one.
    selfie: &'a Photograph,
    /// Of somebody else; none for copies, which need none.
    other: Option<&'a Photograph>,
}

impl Set {
    /// Photographs that [`Set::write`] will make something of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.copies().len() + self.unfit().len() + self.pairs(PAIRS, self.bona_fide).len()
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
        let (of_copies, of_unfit): (Vec<Kind>, Vec<Kind>) = self.kinds.iter().partition(|kind| kind.is_a_copy());
        let streams = |first: u64| (first..).step_by(STREAMS as usize);
        let copies = self.copies().into_iter().zip(streams(FIRST_COPY));
        let unfit = self.unfit().into_iter().zip(streams(FIRST_UNFIT));
        let sittings: Vec<_> = copies.map(|sitting| (sitting, "", &of_copies)).enumerate().collect();
        let unfit = unfit.map(|sitting| (sitting, "unfit-", &of_unfit)).enumerate();
        let sittings = sittings.into_iter().chain(unfit).collect::<Vec<_>>().into_par_iter();
        let attacks = sittings.map(|(number, ((sitting, stream), what, kinds))| {
            let made = studio.attacks(&format!("{number:05}-{what}"), sitting, kinds, stream);
            done();
            made
        });
        let pairs = self.pairs(PAIRS, self.bona_fide).into_par_iter().enumerate();
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

    /// One photograph of each person, to be shown again.
    fn copies(&self) -> Vec<Sitting<'_>> {
        if !self.kinds.iter().any(|kind| kind.is_a_copy()) {
            return Vec::new();
        }
        let mut people = HashSet::new();
        let mut photographs = self.shuffled(PEOPLE);
        photographs.retain(|photograph| people.insert(&photograph.identity));
        photographs.truncate(self.count);
        let sitting = |photograph| Sitting {
            reference: photograph,
            selfie: photograph,
            other: None,
        };
        photographs.into_iter().map(sitting).collect()
    }

    /// Two photographs of each person who has as many, the second to be made unfit.
    fn unfit<'a>(&'a self) -> Vec<Sitting<'a>> {
        if self.kinds.iter().all(|kind| kind.is_a_copy()) {
            return Vec::new();
        }
        let mut people = HashSet::new();
        let mut pairs = self.pairs(UNFIT, usize::MAX);
        pairs.retain(|(reference, _)| people.insert(&reference.identity));
        pairs.truncate(self.count);
        let others = self.shuffled(OTHERS);
        let sitting = |(number, (reference, selfie)): (usize, (&'a Photograph, &'a Photograph))| {
            let mut others = others.iter().cycle().skip(number).take(others.len());
            Some(Sitting {
                reference,
                selfie,
                other: Some(others.find(|other| other.identity != reference.identity)?),
            })
        };
        pairs.into_iter().enumerate().filter_map(sitting).collect()
    }

    /// Two photographs of one person each: a first pair of everybody, then a second one, so that nobody weighs more than they must.
    fn pairs(&self, stream: u64, most: usize) -> Vec<(&Photograph, &Photograph)> {
        let photographs = self.shuffled(stream);
        let mut people: BTreeMap<&str, Vec<&Photograph>> = BTreeMap::new();
        for photograph in &photographs {
            people.entry(&photograph.identity).or_default().push(photograph);
        }
        let mut pairs: Vec<(usize, (&Photograph, &Photograph))> = Vec::new();
        for photographs in people.values() {
            let pairs_of_one = photographs.iter().enumerate().flat_map(|(at, reference)| {
                let later = photographs[at + 1..].iter();
                later.map(|selfie| (*reference, *selfie))
            });
            pairs.extend(pairs_of_one.enumerate());
        }
        pairs.sort_by_key(|(round, _)| *round);
        pairs.truncate(most);
        pairs.into_iter().map(|(_, pair)| pair).collect()
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
    /// A selfie of every kind; nothing where a photograph shows no face.
    fn attacks(
        &self,
        prefix: &str,
        sitting: Sitting<'_>,
        kinds: &[Kind],
        stream: u64,
    ) -> anyhow::Result<Vec<Presentation>> {
        let (file, upright) = self.read(sitting.reference)?;
        let subject = if sitting.selfie == sitting.reference {
            subject(&upright)
        } else {
            subject(&self.read(sitting.selfie)?.1)
        };
        let Some(subject) = subject else {
            return Ok(Vec::new());
        };
        let other = match sitting.other {
            Some(other) => self::subject(&self.read(other)?.1),
            // It is in no copy.
            None => Some(subject.clone()),
        };
        let Some(other) = other else { return Ok(Vec::new()) };
        let dice = &mut Dice::new(self.set.seed, stream);
        let reference = format!("{prefix}reference.jpg");
        self.refer(&reference, &file, &upright, dice)?;
        let props = Props {
            fonts: self.fonts,
            other: &other,
        };
        let present = |&kind: &Kind| {
            let dice = &mut Dice::new(self.set.seed, stream + 1 + kind as u64);
            let (disguised, steps) = disguise(kind, subject.clone(), props, dice);
            let image = format!("{prefix}{}.jpg", name(&kind));
            self.keep(&image, &disguised.picture.encode_jpeg(disguised.quality)?)?;
            Ok(Presentation {
                image,
                reference: reference.clone(),
                identity: sitting.reference.identity.clone(),
                attack: Some(kind),
                steps,
            })
        };
        kinds.iter().map(present).collect()
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

/// A photograph with the face in it; none where it shows none.
fn subject(upright: &Upright) -> Option<Subject> {
    let face = *pipeline::subject(&upright.faces, &upright.picture)?;
    Some(Subject {
        picture: upright.picture.clone(),
        face,
        quality: 92,
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests;
