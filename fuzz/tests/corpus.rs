//! Every kept input, and neighbours of it, through its check: what was mended stays mended, and what is new is tried a little.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzz::{TARGETS, Target};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Longest input that is tried.
const LONGEST: usize = 1 << 14;

/// One test for all: the limits on memory are those of a process that does nothing else.
#[test]
fn the_kept_inputs_and_their_neighbours_break_no_promise() {
    for target in &TARGETS {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        for input in &corpus {
            check(target, input);
        }
        let mut choices = ChaCha8Rng::seed_from_u64(11);
        for round in 0..neighbours(target) {
            let input = neighbour(&corpus, round % corpus.len(), &mut choices);
            check(target, &input);
        }
    }
}

/// As many as take some seconds.
fn neighbours(target: &Target) -> usize {
    match target.name {
        "lattice" => 200,
        _ => 2000,
    }
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let files = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a file")).collect()
}

/// Passes the input on, and shows it where the check fails: cargo-fuzz takes it from a file.
fn check(target: &Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| (target.check)(input))).is_err() {
        panic!("{} fails on \"{}\"", target.name, input.escape_ascii());
    }
}

/// The input with a few bytes changed, added, left out, doubled, or exchanged for another input's.
fn neighbour(corpus: &[Vec<u8>], of: usize, choices: &mut ChaCha8Rng) -> Vec<u8> {
    let mut input = corpus[of].clone();
    for _ in 0..choices.random_range(1..=4) {
        let other = &corpus[choices.random_range(0..corpus.len())];
        let from = choices.random_range(0..=input.len());
        let to = (from + choices.random_range(0..=8)).min(input.len());
        let stretch: Vec<u8> = match choices.random_range(0..5) {
            0 => (from..to.max(from + 1)).map(|_| choices.random()).collect(),
            1 => Vec::new(),
            2 => input[from..to].repeat(2),
            3 => vec![
                *[0, b'<', b' ', b'\n', 0x7F, 0xFF]
                    .get(choices.random_range(0..6))
                    .unwrap_or(&0);
                to - from
            ],
            _ => {
                let start = choices.random_range(0..=other.len());
                other[start..(start + choices.random_range(0..=16)).min(other.len())].to_vec()
            }
        };
        input.splice(from..to, stretch);
    }
    input.truncate(LONGEST);
    input
}
