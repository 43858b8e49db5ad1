//! Reading the characters of lines.

use candle_core::{Device, Tensor};

use super::alphabet::{Alphabet, Dictionary};
use super::crop::{LineHeight, cut, write_pixels};
use super::ctc;
use super::frames::Frames;
use super::line::TextLine;
use crate::VisionError;
use crate::geometry::Quad;
use crate::models::Weights;
use crate::net::ppocr_rec::{CtcHead, PpOcrRec, STRIDE};
use crate::ops::Precision;
use crate::picture::Picture;

/// Lines are padded to a multiple of this width, so that lines of similar length can be read together, and each gets the same
/// padding whatever it is read with: the network's answer depends on it.
const WIDTH_STEP: u32 = 64;

/// Pixels of width that are read together at most. Bounds memory: the scores of 8 pixels are 75 kB.
const BATCH_WIDTH: u32 = 2560;

/// How lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecognizeOptions {
    /// Which characters there may be.
    pub alphabet: Alphabet,
    /// How high lines are made.
    pub height: LineHeight,
}

/// Text recognition by PP-OCRv6.
pub struct TextRecognizer {
    network: PpOcrRec,
    any: Reading,
    letters: Reading,
    mrz: Reading,
    device: Device,
}

/// The last layer for an alphabet, and what its classes mean.
struct Reading {
    dictionary: Dictionary,
    head: CtcHead,
}

impl Reading {
    fn select(&self, alphabet: Alphabet) -> Result<Reading, candle_core::Error> {
        let (dictionary, classes) = self.dictionary.select(alphabet);
        Ok(Reading {
            dictionary,
            head: self.head.select(&classes)?,
        })
    }
}

/// A line to be read: its number, its quad, its own width and that with padding.
struct Job<'a> {
    index: usize,
    quad: &'a Quad,
    width: u32,
    padded: u32,
}

impl TextRecognizer {
    /// A recogniser with the weights of [`crate::models::Model::PpOcrRec`], whose products are made with `precision`.
    ///
    /// # Errors
    /// When the weights are those of another network.
    pub fn new(weights: &Weights, device: &Device, precision: Precision) -> Result<TextRecognizer, VisionError> {
        let dictionary = Dictionary::load(weights)?;
        let (network, head) = PpOcrRec::load(weights, dictionary.classes(), precision)?;
        let any = Reading { dictionary, head };
        Ok(TextRecognizer {
            network,
            letters: any.select(Alphabet::Letters)?,
            mrz: any.select(Alphabet::Mrz)?,
            any,
            device: device.clone(),
        })
    }

    /// Reads the lines in `quads`, whose first edge is the upper one of the text. There is one [`TextLine`] per quad, in the same
    /// order; one without characters where nothing can be read or the quad has no inside.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn recognize(
        &self,
        picture: &Picture,
        quads: &[Quad],
        options: RecognizeOptions,
    ) -> Result<Vec<TextLine>, VisionError> {
        let reading = self.reading(options.alphabet);
        self.scores(picture, quads, options, |quad, scores, places| {
            TextLine::new(*quad, ctc::decode(scores, &reading.dictionary, places))
        })
    }

    /// What the network sees at each place along the lines in `quads`, in the same order, before characters are put together.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn frames(
        &self,
        picture: &Picture,
        quads: &[Quad],
        options: RecognizeOptions,
    ) -> Result<Vec<Frames>, VisionError> {
        let reading = self.reading(options.alphabet);
        self.scores(picture, quads, options, |quad, scores, places| {
            Frames::new(*quad, scores, &reading.dictionary, places)
        })
    }

    fn reading(&self, alphabet: Alphabet) -> &Reading {
        match alphabet {
            Alphabet::Any => &self.any,
            Alphabet::Letters => &self.letters,
            Alphabet::Mrz => &self.mrz,
        }
    }

    /// Runs the network over the lines and hands each one's quad, scores and number of places to `finish`. A line that cannot be
    /// cut out has no scores.
    fn scores<T>(
        &self,
        picture: &Picture,
        quads: &[Quad],
        options: RecognizeOptions,
        finish: impl Fn(&Quad, &[f32], f32) -> T,
    ) -> Result<Vec<T>, VisionError> {
        let mut jobs: Vec<Job<'_>> = quads
            .iter()
            .enumerate()
            .map(|(index, quad)| {
                let width = options.height.width_of(quad);
                let padded = width.max(options.height.shortest()).next_multiple_of(WIDTH_STEP);
                Job {
                    index,
                    quad,
                    width,
                    padded,
                }
            })
            .collect();
        jobs.sort_by_key(|job| job.padded);

        let mut lines: Vec<(usize, T)> = Vec::with_capacity(quads.len());
        for jobs in jobs.chunk_by(|a, b| a.padded == b.padded) {
            let batch = jobs.first().map_or(1, |job| (BATCH_WIDTH / job.padded).max(1));
            for jobs in jobs.chunks(batch as usize) {
                let (scores, visible) = self.batch(picture, jobs, options)?;
                for (index, (job, visible)) in jobs.iter().zip(visible).enumerate() {
                    let scores = if visible {
                        scores.get(index)?.flatten_all()?.to_vec1::<f32>()?
                    } else {
                        Vec::new()
                    };
                    let places = job.width as f32 / STRIDE as f32;
                    lines.push((job.index, finish(job.quad, &scores, places)));
                }
            }
        }
        lines.sort_by_key(|(index, _)| *index);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    /// The scores of lines of one padded width, and which of the lines could be cut out.
    fn batch(
        &self,
        picture: &Picture,
        jobs: &[Job<'_>],
        options: RecognizeOptions,
    ) -> Result<(Tensor, Vec<bool>), candle_core::Error> {
        let width = jobs.first().map_or(0, |job| job.padded as usize);
        let height = options.height.pixels() as usize;
        let mut pixels = vec![0.0; jobs.len() * height * width * 3];
        let mut visible = Vec::with_capacity(jobs.len());
        for (job, pixels) in jobs.iter().zip(pixels.chunks_exact_mut(height * width * 3)) {
            let line = cut(picture, job.quad, options.height);
            visible.push(line.is_some());
            if let Some(line) = line {
                write_pixels(&line, pixels, width);
            }
        }
        let input = Tensor::from_vec(pixels, (jobs.len(), height, width, 3), &self.device)?;
        let scores = self
            .reading(options.alphabet)
            .head
            .forward(&self.network.forward(&input)?)?;
        Ok((scores, visible))
    }
}
