//! What documents lie on.

use vision::picture::Picture;

use crate::specimen::dice::Dice;

/// A kind of ground.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    Plain,
    Wood,
    Stone,
    Cloth,
    Tiles,
    /// A printed sheet: rows of words.
    Print,
}

impl Table {
    pub(super) fn choose(dice: &mut Dice) -> Table {
        [
            Table::Plain,
            Table::Wood,
            Table::Stone,
            Table::Cloth,
            Table::Tiles,
            Table::Print,
        ][dice.whole(0, 5)]
    }

    /// The ground under a photograph of a size, at half its size: it is out of focus anyway.
    pub(super) fn texture(self, width: u32, height: u32, dice: &mut Dice) -> Picture {
        let seed = dice.bits();
        let light = dice.between(0.35, 1.0);
        let [r, g, b] = match self {
            Table::Wood => [(196.0, 150.0, 104.0), (120.0, 78.0, 50.0), (214.0, 184.0, 148.0)][dice.whole(0, 2)].into(),
            Table::Print => [232.0, 230.0, 224.0],
            _ => [
                [200.0, 200.0, 198.0],
                [92.0, 104.0, 118.0],
                [150.0, 60.0, 54.0],
                [70.0, 92.0, 76.0],
                [52.0, 52.0, 58.0],
                [224.0, 218.0, 206.0],
            ][dice.whole(0, 5)],
        };
        let (sin, cos) = dice.between(0.0, 3.0).sin_cos();
        let grain = dice.between(0.7, 1.4);
        Picture::from_fn(width.div_ceil(2), height.div_ceil(2), |x, y| {
            let (x, y) = (x as f32 * grain, y as f32 * grain);
            let (s, t) = (x * cos + y * sin, y * cos - x * sin);
            let tone = match self {
                Table::Plain => 1.0 + 0.03 * noise(s / 90.0, t / 90.0, seed),
                Table::Wood => {
                    let ring = noise(s / 210.0, t / 14.0, seed) * 3.0 + t / 40.0;
                    1.0 + 0.14 * (ring * 3.0).sin() + 0.10 * noise(s / 60.0, t / 1.6, seed ^ 1)
                }
                Table::Stone => {
                    let coarse = noise(s / 34.0, t / 34.0, seed) + 0.6 * noise(s / 9.0, t / 9.0, seed ^ 1);
                    1.0 + 0.16 * coarse + 0.12 * noise(s / 1.7, t / 1.7, seed ^ 2)
                }
                Table::Cloth => {
                    let weave = (s * 1.1).sin() * 0.5 + (t * 1.1).sin() * 0.5;
                    let stripe = if (t / 46.0).rem_euclid(2.0) < 0.35 { 0.25 } else { 0.0 };
                    1.0 + 0.12 * weave + 0.10 * noise(s / 30.0, t / 30.0, seed) - stripe
                }
                Table::Tiles => {
                    let joint = |at: f32| (at / 96.0).rem_euclid(1.0) < 0.03;
                    let shade = if joint(s) || joint(t) { 0.55 } else { 1.0 };
                    shade + 0.05 * noise(s / 20.0, t / 20.0, seed)
                }
                Table::Print => {
                    // Words of random length with gaps, in rows.
                    let row = (t / 9.0).floor();
                    let word = hash((s / 7.0).floor() as i64, row as i64, seed) > -0.4;
                    let ink = (t / 9.0).rem_euclid(1.0) < 0.45
                        && word
                        && hash((s / 1.4).floor() as i64, row as i64, seed ^ 1) > -0.3;
                    if ink { 0.35 } else { 1.0 }
                }
            };
            [r, g, b].map(|channel: f32| (channel * tone * light).clamp(0.0, 255.0) as u8)
        })
    }
}

/// A number from -1 to 1 for every point of a lattice.
fn hash(x: i64, y: i64, seed: u64) -> f32 {
    let mut bits =
        (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f) ^ seed;
    bits = (bits ^ (bits >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    bits ^= bits >> 32;
    (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Smooth noise from -1 to 1 that changes over a distance of about 1.
fn noise(x: f32, y: f32, seed: u64) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (ease(x - left), ease(y - top));
    let (left, top) = (left as i64, top as i64);
    let upper = hash(left, top, seed) * (1.0 - fx) + hash(left + 1, top, seed) * fx;
    let lower = hash(left, top + 1, seed) * (1.0 - fx) + hash(left + 1, top + 1, seed) * fx;
    upper * (1.0 - fy) + lower * fy
}
