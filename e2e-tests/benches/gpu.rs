//! Our side of `make bench-gpu`, which measures embeddings per second on a GPU beside PyTorch: `scripts/bench_gpu.py` starts this
//! program and decides what runs when.
//!
//! It reads commands from standard input, one a line, and answers each with one line of JSON on standard output:
//!
//! * `weights` answers the file of SFace's weights, which the other side reads, too;
//! * `open DEVICE FILE` loads the network onto `cpu` or `cuda:N`, and faces from a file of 112×112 times three bytes each;
//! * `embed PRECISION BATCH ROUNDS` embeds the first faces so many times, in `single` or `half` precision, and answers the
//!   milliseconds of one round and the embeddings. The faces are on the device before, the embeddings on the host after all rounds.

use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use vision::models::{Console, Model, ModelStore};
use vision::net::sface::{SFace, SIDE};
use vision::ops::Precision;

/// Bytes of a face.
const FACE: usize = SIDE as usize * SIDE as usize * 3;

fn main() -> anyhow::Result<()> {
    let store = ModelStore::open_default()?;
    store.ensure(&[Model::SFace], &Console::default())?;
    let mut bench = None;
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match (words.as_slice(), &bench) {
            (["weights"], _) => json!({ "weights": store.path(Model::SFace.into()) }),
            (["open", device, file], _) => {
                let opened = bench.insert(Bench::open(&store, device, file)?);
                json!({ "faces": opened.faces.dim(0)? })
            }
            (["embed", precision, batch, rounds], Some(bench)) => {
                bench.embed(precision, batch.parse()?, rounds.parse()?)?
            }
            _ => bail!("not a command, or one too early: {line}"),
        };
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

/// The networks and what they work on.
struct Bench {
    device: Device,
    single: SFace,
    half: SFace,
    /// (faces, 112, 112, 3)
    faces: Tensor,
}

impl Bench {
    fn open(store: &ModelStore, device: &str, file: &str) -> anyhow::Result<Self> {
        let device: service_kit::config::Device = device.parse()?;
        let device = vision::device::open(device.gpu())?;
        let weights = store.weights(Model::SFace, &device)?;
        let values: Vec<f32> = fs::read(file)?.into_iter().map(f32::from).collect();
        let side = SIDE as usize;
        Ok(Self {
            single: SFace::load(&weights, Precision::Single)?,
            half: SFace::load(&weights, Precision::Half)?,
            faces: Tensor::from_vec(values, ((), side, side, 3), &device)
                .with_context(|| format!("the file must have {FACE} bytes a face"))?,
            device,
        })
    }

    fn embed(&self, precision: &str, batch: usize, rounds: usize) -> anyhow::Result<Value> {
        let network = match precision {
            "single" => &self.single,
            "half" => &self.half,
            _ => bail!("there is no precision {precision}"),
        };
        ensure!(rounds > 0, "no round has no embeddings");
        let faces = self.faces.narrow(0, 0, batch)?.contiguous()?;
        self.device.synchronize()?;
        let started = Instant::now();
        let mut embeddings = network.forward(&faces)?;
        for _ in 1..rounds {
            embeddings = network.forward(&faces)?;
        }
        let embeddings = embeddings.to_vec2::<f32>()?;
        let ms = started.elapsed().as_secs_f64() * 1e3 / rounds as f64;
        Ok(json!({ "ms": ms, "embeddings": embeddings }))
    }
}
