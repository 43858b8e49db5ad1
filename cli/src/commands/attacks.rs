//! `bonafide attacks`: writes photographs in disguise, to measure with.

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use candle_core::Device;
use clap::Args;
use selfie_svc::pipeline::FaceFinder;
use time::{Date, OffsetDateTime};
use vision::models::{Console, Model, ModelStore};

use super::specimen::parse_date;
use crate::attacks::{Half, Kind, Photograph, References, Set};
use crate::evaluate::pairs::read_identities;
use crate::progress::bar;
use crate::specimen::Fonts;

/// Write a seeded set of presentations with truth.jsonl: photographs of people of your own in disguise, each beside the photograph
/// itself or a specimen document that shows it, others of the same people made unfit, and bona fide ones
#[derive(Args)]
pub struct WriteAttacks {
    /// Folder of the photographs
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Who is on each photograph: a CSV file with the columns image, identity
    #[arg(long, value_name = "FILE")]
    identities: PathBuf,
    /// Folder of the set
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Photographs for each kind, each of another person
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    count: usize,
    /// Disguises, and what makes a selfie unfit, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Most bona fide presentations: pairs of different photographs of one person
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    bona_fide: usize,
    /// What selfies are compared with
    #[arg(long, value_enum, default_value_t = References::Documents)]
    references: References,
    /// Half of the people to choose from [default: both]
    #[arg(long, value_enum)]
    half: Option<Half>,
    /// Seed of all choices: the same seed writes the same set
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Day on which documents are valid, YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    today: Option<Date>,
}

impl WriteAttacks {
    /// Writes the set and says where its truth is.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the face detector or the fonts cannot be fetched.
    pub fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        let labelled = read_identities(&self.identities)?.into_iter();
        let set = Set {
            photographs: labelled
                .map(|labelled| Photograph {
                    path: self.images.join(labelled.image),
                    identity: labelled.identity,
                })
                .collect(),
            kinds: if self.kinds.is_empty() {
                Kind::ALL.to_vec()
            } else {
                self.kinds
            },
            count: self.count,
            bona_fide: self.bona_fide,
            references: self.references,
            half: self.half,
            seed: self.seed,
            today: self.today.unwrap_or_else(|| OffsetDateTime::now_utc().date()),
        };
        let fonts = Fonts::load(store, &Console::default())?;
        store.ensure(&[Model::YuNet], &Console::default())?;
        let finder = FaceFinder::new(&store.weights(Model::YuNet, &Device::Cpu)?, &Device::Cpu)?;
        let bar = bar(set.len());
        let without_face = set.write(&finder, &fonts, &self.out, || bar.inc(1))?;
        bar.finish_and_clear();
        if without_face > 0 {
            eprintln!("{without_face} photographs show no face and were left out");
        }
        writeln!(stdout(), "{}", self.out.join("truth.jsonl").display())?;
        Ok(ExitCode::SUCCESS)
    }
}
