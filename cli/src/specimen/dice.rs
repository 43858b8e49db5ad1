//! Choices that are the same for the same seed, on every machine.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};

/// A seeded source of choices: ChaCha8, whose stream is specified.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The choices of a seed. Each `stream` of a seed is independent of all others, so that one more choice in one document changes no
    /// other document.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// Choices that follow from a text, for what must look the same whenever the same is drawn.
    pub(crate) fn of(text: &str) -> Dice {
        // FNV-1a.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Dice::new(hash, 0)
    }

    /// A number from `low` to `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A number from 0 to 1.
    pub(crate) fn unit(&mut self) -> f32 {
        self.0.random()
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        self.0.random_range(low..=high.max(low))
    }

    /// True in a `share` of all cases.
    pub(crate) fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// One of the items.
    pub(crate) fn pick<'items, T: ?Sized>(&mut self, items: &[&'items T]) -> &'items T {
        items[self.whole(0, items.len() - 1)]
    }

    /// Sixty-four random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }
}
