//! Our side of `make bench-peers`, which measures us beside what can be installed with pip: `scripts/bench_peers.py` starts this
//! program and decides what runs when, so that both sides take turns on one machine.
//!
//! It reads commands from standard input, one a line, and answers each with one line of JSON on standard output:
//!
//! * `pictures DIR` writes the pictures that are worked on into DIR, where the other side reads them;
//! * `WORK THREADS` does a work once, with so many threads, and answers how long it took. The works are in [`Bench::work`];
//! * `WORK at once CALLERS` has so many callers, each with one thread, do a work again and again for a while, as the services do
//!   under load, and answers how much time passed for each work that was done.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::hint::black_box;
use std::io::{self, BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use candle_core::{Device, Tensor};
use cli::specimen::Format;
use doc_check_svc::evidence::Completion;
use doc_check_svc::reader::{self, DocumentReader};
use e2e_tests::pictures::{Pictures, on_table};
use rayon::ThreadPool;
use rustix::time::{ClockId, clock_gettime};
use selfie_svc::pipeline::{self, FacePipeline, Upright};
use serde_json::{Value, json};
use service_kit::threads;
use time::OffsetDateTime;
use vision::face::{DetectOptions, EmbedOptions, FaceDetector, FaceEmbedder, align};
use vision::models::{Console, Item, Model, ModelStore, Sample};
use vision::net::ppocr_det::PpOcrDet;
use vision::net::ppocr_rec::{CtcHead, PpOcrRec};
use vision::net::yunet::YuNet;
use vision::ops::Precision;
use vision::picture::{Limits, Picture};
use vision::text::{self, Precisions, TextReader};

/// Classes that text recognition tells apart.
const CLASSES: usize = 18_710;

fn main() -> anyhow::Result<()> {
    let bench = Bench::load()?;
    let mut pools = HashMap::new();
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = answer(&bench, &mut pools, &line?)?;
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

fn answer(bench: &Bench, pools: &mut HashMap<NonZeroUsize, ThreadPool>, command: &str) -> anyhow::Result<Value> {
    let (word, argument) = command.split_once(' ').context("two words are a command")?;
    if word == "pictures" {
        bench.views.write(Path::new(argument))?;
        return Ok(json!({ "pictures": argument }));
    }
    if let Some(callers) = argument.strip_prefix("at once ") {
        let callers = callers.parse()?;
        let per_second = bench.at_once(word, callers)?;
        return Ok(json!({ "work": word, "at_once": callers, "ms": 1e3 / per_second }));
    }
    let threads = argument.parse()?;
    let pool = match pools.entry(threads) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(threads::pool("bench", threads)?),
    };
    let (cpu, started) = (cpu_seconds(), Instant::now());
    let result = pool.install(|| bench.work(word))?;
    let (ms, cpu) = (started.elapsed().as_secs_f64() * 1e3, cpu_seconds() - cpu);
    Ok(json!({ "work": word, "threads": threads, "ms": ms, "cpu_s": cpu, "result": result }))
}

/// What all threads of this process have computed so far.
fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 * 1e-9
}

/// Everything that is worked on.
struct Views {
    /// An aligned face of 112×112 pixels.
    face: Picture,
    /// A portrait of 640×640 pixels, and of 320×320.
    portraits: [Picture; 2],
    /// A page of 960×640 pixels.
    page: Picture,
    /// A line of text of 640×48 pixels.
    line: Picture,
    /// A JPEG file of 1600×1200 pixels that shows a passport.
    document: Vec<u8>,
    /// A JPEG file that shows its holder.
    selfie: Vec<u8>,
}

impl Views {
    fn draw(pictures: &Pictures, faces: &FaceDetector, text: &TextReader) -> anyhow::Result<Self> {
        let photo = pictures.decoded(Sample::Obama)?;
        let found = faces.detect(&photo, &DetectOptions::default())?;
        let passport = pictures.draw(&pictures.specimen(Format::Td3)?)?.front;
        let document = on_table(&passport.resize_longest(1400), 1600, 1200);
        let lines = text.detect(&document, &text::DetectOptions::default())?;
        let longest = lines.iter().max_by(|a, b| a.width().total_cmp(&b.width()));
        let line = longest.and_then(|line| document.crop(line.bounds()));
        Ok(Self {
            face: align(&photo, &found.first().context("a face")?.landmarks)?,
            portraits: [640, 320].map(|side| on_table(&photo.resize_longest(side), side, side)),
            page: on_table(&passport.resize_longest(840), 960, 640),
            line: line.context("a line of text")?.resize(640, 48),
            document: document.encode_jpeg(90)?,
            selfie: pictures.sample(Sample::Obama2)?,
        })
    }

    fn write(&self, to: &Path) -> anyhow::Result<()> {
        let [large, small] = &self.portraits;
        let pictures = [
            ("sface", &self.face),
            ("yunet_640", large),
            ("yunet_320", small),
            ("text_det_640x960", &self.page),
            ("text_rec_48x640", &self.line),
        ];
        for (name, picture) in pictures {
            fs::write(to.join(name).with_extension("png"), picture.encode_png()?)?;
        }
        fs::write(to.join("document.jpg"), &self.document)?;
        fs::write(to.join("selfie.jpg"), &self.selfie)?;
        Ok(())
    }
}

/// The networks, and what they work on.
struct Bench {
    views: Views,
    /// In `f32`, and with the products that the services make: of bytes.
    embedders: [FaceEmbedder; 2],
    /// With products of `f32` and of bfloat16, as selfie-svc has it.
    detectors: [FaceDetector; 2],
    /// The detector's network alone, and what it takes: 640 and 320 pixels.
    face_network: YuNet,
    portraits: [Tensor; 2],
    /// In `f32`, and with the products that the services make: of bfloat16 in detection, of bytes in recognition.
    text_detectors: [PpOcrDet; 2],
    text_recognizers: [(PpOcrRec, CtcHead); 2],
    page: Tensor,
    line: Tensor,
    reader: DocumentReader,
    faces: FacePipeline,
}

impl Bench {
    fn load() -> anyhow::Result<Self> {
        let device = Device::Cpu;
        let store = ModelStore::open_default()?;
        let items: Vec<Item> = Item::required().collect();
        store.ensure(&items, &Console::default())?;
        let weights = |model| store.weights(model, &device);
        let (det, rec) = (weights(Model::PpOcrDet)?, weights(Model::PpOcrRec)?);
        let pictures = Pictures::open().context("the networks, samples and fonts are not here")?;
        let detector = |precision| FaceDetector::new(&weights(Model::YuNet)?, &device, precision);
        let detectors = [detector(Precision::Single)?, detector(Precision::Half)?];
        let views = Views::draw(
            &pictures,
            &detectors[0],
            &TextReader::new(&det, &rec, &device, Precisions::default())?,
        )?;
        let embedder = |precision| {
            let options = EmbedOptions {
                precision,
                ..EmbedOptions::default()
            };
            FaceEmbedder::new(&weights(Model::SFace)?, &device, options).context("the embedder does not load")
        };
        Ok(Self {
            embedders: [embedder(Precision::Single)?, embedder(Precision::Byte)?],
            detectors,
            face_network: YuNet::load(&weights(Model::YuNet)?, Precision::Single)?,
            portraits: [face_input(&views.portraits[0])?, face_input(&views.portraits[1])?],
            text_detectors: [
                PpOcrDet::load(&det, Precision::Single)?,
                PpOcrDet::load(&det, Precision::Half)?,
            ],
            text_recognizers: [
                PpOcrRec::load(&rec, CLASSES, Precision::Single)?,
                PpOcrRec::load(&rec, CLASSES, Precision::Byte)?,
            ],
            page: text_input(&views.page)?,
            line: text_input(&views.line)?,
            reader: DocumentReader::load(&store, &device)?,
            faces: FacePipeline::load(&store, &device)?,
            views,
        })
    }

    /// Does a work once. Answers what it found, where that shows whether the work was done.
    fn work(&self, name: &str) -> anyhow::Result<Value> {
        let [large, small] = &self.views.portraits;
        match name {
            // From the picture to the embedding.
            "sface" | "sface_int8" => {
                let [single, byte] = &self.embedders;
                let embedder = if name == "sface" { single } else { byte };
                let embedding = embedder.embed_aligned(&self.views.face)?;
                Ok(json!(embedding.values().as_slice()))
            }
            // From the picture to faces.
            "yunet_640" => self.detect(0, large),
            "yunet_320" => self.detect(0, small),
            "yunet_640_bf16" => self.detect(1, large),
            "yunet_320_bf16" => self.detect(1, small),
            // The networks alone.
            "yunet_640_network" => self.look(0),
            "yunet_320_network" => self.look(1),
            "text_det_640x960" | "text_det_bf16" => {
                let [single, half] = &self.text_detectors;
                let network = if name == "text_det_bf16" { half } else { single };
                black_box(network.forward(&self.page)?);
                Ok(Value::Null)
            }
            "text_rec_48x640" | "text_rec_int8" => {
                let [single, byte] = &self.text_recognizers;
                let (network, head) = if name == "text_rec_int8" { byte } else { single };
                black_box(head.forward(&network.forward(&self.line)?)?);
                Ok(Value::Null)
            }
            // From two files to whether a passport and its holder were recognised.
            "verification" => self.verify(),
            _ => bail!("there is no work of the name {name}"),
        }
    }

    /// Works that so many callers do in a second.
    fn at_once(&self, name: &str, callers: NonZeroUsize) -> anyhow::Result<f64> {
        const WHILE: Duration = Duration::from_secs(2);
        let all_here = Barrier::new(callers.get());
        let call = || {
            let pool = threads::pool_around_this("caller", NonZeroUsize::MIN);
            // The first time its buffers are made.
            let warm = self.work(name);
            all_here.wait();
            // Kept: what is parallel in this thread runs in its own pool.
            let _pool = pool?;
            warm?;
            let (started, mut done) = (Instant::now(), 0u32);
            while started.elapsed() < WHILE {
                self.work(name)?;
                done += 1;
            }
            anyhow::Ok(f64::from(done) / started.elapsed().as_secs_f64())
        };
        thread::scope(|scope| {
            let callers: Vec<_> = (0..callers.get()).map(|_| scope.spawn(call)).collect();
            let rates = callers.into_iter().map(|caller| caller.join().expect("no panic"));
            rates.sum()
        })
    }

    fn look(&self, portrait: usize) -> anyhow::Result<Value> {
        black_box(self.face_network.forward(&self.portraits[portrait])?);
        Ok(Value::Null)
    }

    fn detect(&self, detector: usize, picture: &Picture) -> anyhow::Result<Value> {
        let faces = self.detectors[detector].detect(picture, &DetectOptions::default())?;
        Ok(json!(faces.len()))
    }

    /// What doc-check-svc and selfie-svc do, one after the other.
    fn verify(&self) -> anyhow::Result<Value> {
        let decode = |file| Picture::decode(file, &Limits::default());
        let document = decode(&self.views.document)?;
        let today = OffsetDateTime::now_utc().date();
        let mut spent = reader::Spent::default();
        let zone = self
            .reader
            .read(&[(0, &document)], today, Completion::default(), &|| false, &mut spent)?;
        let zone = zone.context("the passport's zone can be read")?;

        // Each of the services decodes for itself.
        let Upright {
            picture: document,
            faces,
            ..
        } = self.faces.finder().upright(decode(&self.views.document)?)?;
        let portrait = pipeline::portrait(&faces).context("a portrait")?;
        let portrait = self.faces.examine(&document, portrait)?;
        let Upright {
            picture: selfie, faces, ..
        } = self.faces.finder().upright(decode(&self.views.selfie)?)?;
        let subject = pipeline::subject(&faces, &selfie).context("a face")?;
        let subject = self.faces.examine(&selfie, subject)?;
        Ok(json!({
            "lines": zone.mrz.lines,
            "similarity": portrait.embedding.cosine(&subject.embedding),
        }))
    }
}

/// (1, height, width, 3), red, green, blue, 0 to 255.
fn face_input(picture: &Picture) -> anyhow::Result<Tensor> {
    input(picture, |rgb| rgb.map(f32::from))
}

/// (1, height, width, 3), blue, green, red, −1 to 1.
fn text_input(picture: &Picture) -> anyhow::Result<Tensor> {
    input(picture, |[r, g, b]| {
        [b, g, r].map(|value| f32::from(value) / 127.5 - 1.0)
    })
}

fn input(picture: &Picture, channels: impl Fn([u8; 3]) -> [f32; 3]) -> anyhow::Result<Tensor> {
    let pixels = picture.pixels().as_chunks::<3>().0.iter();
    let values: Vec<f32> = pixels.flat_map(|&pixel| channels(pixel)).collect();
    let shape = (1, picture.height() as usize, picture.width() as usize, 3);
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}
