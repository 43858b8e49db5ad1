//! `bonafide evaluate faces`: how often the comparison of faces errs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use selfie_svc::pipeline::{FacePipeline, MODELS};
use serde::Serialize;
use service_kit::compute::Caller;
use service_kit::config::Device;
use vision::device;
use vision::face::Embedding;
use vision::face::metrics::Roc;
use vision::models::{Console, ModelStore};
use vision::picture::{Limits, Picture};

use super::output::{create_folder, require_folder, write_rows, write_summary};
use super::pairs::{Labelled, Pair, read_identities, read_pairs};
use super::pictures::each;
use super::tail::{Row, Tail};
use crate::stdout::print_json;

/// What to evaluate.
#[derive(Debug, clap::Args)]
pub struct Faces {
    /// Folder of the pictures
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Pairs to compare: a CSV file with the columns left, right, same (1 or 0)
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// Who is on each picture: a CSV file with the columns image, identity. Compares all combinations of the pictures for the
    /// false non-match rates
    #[arg(long, value_name = "FILE")]
    identities: Option<PathBuf>,
    /// Folder for pairs.csv and summary.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the networks run on: cpu, or cuda:N where the program was built with CUDA
    #[arg(long, env = "BONAFIDE_DEVICE", default_value_t)]
    device: Device,
}

/// A line of the answer's `pairs.csv`.
#[derive(Serialize)]
struct Compared<'a> {
    left: &'a str,
    right: &'a str,
    same: u8,
    /// Cosine, -1 to 1; empty when one of the pictures failed.
    similarity: Option<f32>,
    /// Why there is no similarity.
    failure: Option<String>,
}

/// `summary.json`. Pairs with a picture that failed count in no rate.
#[derive(Serialize)]
struct Summary {
    /// Pairs in `pairs.csv`.
    pairs: usize,
    /// Different pictures.
    pictures: usize,
    /// Pictures without a face that could be used: none was found, or the file could not be read.
    not_found: usize,
    /// Largest share of the pairs that one threshold gets right. Null without pairs of both kinds.
    accuracy: Option<f64>,
    /// Equal error rate over the pairs. Null without pairs of both kinds.
    eer: Option<f64>,
    /// Over all combinations of the pictures when identities are given, otherwise over the pairs.
    fnmr: Vec<Row>,
}

type Embeddings = BTreeMap<String, Result<Embedding, String>>;

impl Faces {
    /// Measures and writes the results.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<()> {
        let pairs = read_pairs(&self.pairs)?;
        let identities = self.identities.as_deref().map(read_identities).transpose()?;
        require_folder(&self.images)?;
        create_folder(&self.out)?;
        store.ensure(&MODELS, &Console::default())?;
        let pipeline = FacePipeline::load(store, &device::open(self.device.gpu())?)?;

        let names: BTreeSet<String> = pairs
            .iter()
            .flat_map(|pair| [&pair.left, &pair.right])
            .chain(identities.iter().flatten().map(|labelled| &labelled.image))
            .cloned()
            .collect();
        let pipeline = Arc::new(pipeline);
        let images = self.images.clone();
        let work = move |name: &String, _: &Caller| embed(&pipeline, &images.join(name));
        let results = each(names.clone(), work).await?;
        let embeddings: Embeddings = names.into_iter().zip(results).collect();

        let compared: Vec<Compared<'_>> = pairs.iter().map(|pair| compare(pair, &embeddings)).collect();
        write_rows(&self.out.join("pairs.csv"), &compared)?;
        let of = |same: u8| {
            compared
                .iter()
                .filter(move |pair| pair.same == same)
                .filter_map(|pair| pair.similarity)
        };
        let roc = Roc::new(of(1).collect(), of(0).collect());
        let summary = Summary {
            pairs: pairs.len(),
            pictures: embeddings.len(),
            not_found: embeddings.values().filter(|embedding| embedding.is_err()).count(),
            accuracy: roc.as_ref().map(|roc| roc.best_accuracy().0),
            eer: roc.as_ref().map(Roc::eer),
            fnmr: match &identities {
                Some(identities) => combinations(identities, &embeddings).rows(),
                None => of_pairs(&compared).rows(),
            },
        };
        write_summary(&self.out, &summary)?;
        print_json(&summary)
    }
}

/// The face that the selfie check would take.
fn embed(pipeline: &FacePipeline, path: &Path) -> Result<Embedding, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let picture = Picture::decode(&bytes, &Limits::default()).map_err(|error| error.to_string())?;
    let face = pipeline.subject(picture).map_err(|error| error.to_string())?;
    face.map(|face| face.embedding)
        .ok_or_else(|| "no face found".to_owned())
}

fn compare<'a>(pair: &'a Pair, embeddings: &Embeddings) -> Compared<'a> {
    let of = |name: &str| match embeddings.get(name) {
        Some(Ok(embedding)) => Ok(embedding),
        Some(Err(reason)) => Err(format!("{name}: {reason}")),
        None => Err(format!("{name}: not read")),
    };
    let similarity = of(&pair.left).and_then(|left| Ok(left.cosine(of(&pair.right)?)));
    let (similarity, failure) = match similarity {
        Ok(similarity) => (Some(similarity), None),
        Err(failure) => (None, Some(failure)),
    };
    Compared {
        left: &pair.left,
        right: &pair.right,
        same: pair.same.into(),
        similarity,
        failure,
    }
}

fn of_pairs(compared: &[Compared<'_>]) -> Tail {
    let impostors = compared
        .iter()
        .filter(|pair| pair.same == 0 && pair.similarity.is_some())
        .count();
    let mut tail = Tail::of(impostors as u64);
    for pair in compared {
        if let Some(similarity) = pair.similarity {
            tail.add(similarity, pair.same == 1);
        }
    }
    tail
}

/// Compares every picture with every other one.
fn combinations(identities: &[Labelled], embeddings: &Embeddings) -> Tail {
    let usable: Vec<(&Embedding, &str)> = identities
        .iter()
        .filter_map(|labelled| {
            Some((
                embeddings.get(&labelled.image)?.as_ref().ok()?,
                labelled.identity.as_str(),
            ))
        })
        .collect();
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    usable
        .iter()
        .for_each(|(_, identity)| *sizes.entry(identity).or_default() += 1);
    let pairs = |count: u64| count * count.saturating_sub(1) / 2;
    let impostors = pairs(usable.len() as u64) - sizes.into_values().map(pairs).sum::<u64>();

    let compare_with_earlier = |mut tail: Tail, index: usize| {
        let (earlier, rest) = usable.split_at(index);
        if let Some((embedding, identity)) = rest.first() {
            for (other, owner) in earlier {
                tail.add(embedding.cosine(other), owner == identity);
            }
        }
        tail
    };
    (0..usable.len())
        .into_par_iter()
        .fold(|| Tail::of(impostors), compare_with_earlier)
        .reduce(|| Tail::of(impostors), Tail::merge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(angle: f32) -> Embedding {
        let mut values = [0.0; 128];
        values[0] = angle.cos();
        values[1] = angle.sin();
        Embedding::new(&values).expect("128 numbers")
    }

    #[test]
    fn every_picture_meets_every_other_once() {
        let mut identities = Vec::new();
        let mut embeddings = Embeddings::new();
        for person in 0..150 {
            for picture in 0..2 {
                let image = format!("{person}-{picture}.jpg");
                let angle = person as f32 * 0.01 + picture as f32 * 0.001;
                embeddings.insert(image.clone(), Ok(embedding(angle)));
                identities.push(Labelled {
                    image,
                    identity: person.to_string(),
                });
            }
        }
        embeddings.insert("broken.jpg".to_owned(), Err("damaged".to_owned()));
        identities.push(Labelled {
            image: "broken.jpg".to_owned(),
            identity: "0".to_owned(),
        });
        let rows = combinations(&identities, &embeddings).rows();
        assert_eq!((rows[0].genuine, rows[0].impostor), (150, 300 * 299 / 2 - 150));
        assert_eq!(
            rows[0].fnmr, 0.0,
            "two pictures of one person are nearer than any other two"
        );
    }

    #[test]
    fn a_failed_picture_is_a_row() {
        let mut embeddings = Embeddings::new();
        embeddings.insert("a".to_owned(), Ok(embedding(0.0)));
        embeddings.insert("b".to_owned(), Err("no face found".to_owned()));
        let pair = |right: &str| Pair {
            left: "a".to_owned(),
            right: right.to_owned(),
            same: true,
        };
        let (same, failed) = (pair("a"), pair("b"));
        assert_eq!(compare(&same, &embeddings).similarity, Some(1.0));
        let failed = compare(&failed, &embeddings);
        assert_eq!(failed.similarity, None);
        assert_eq!(failed.failure.as_deref(), Some("b: no face found"));
    }
}
