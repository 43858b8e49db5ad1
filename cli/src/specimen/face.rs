//! Portraits of nobody: painted from ellipses and soft light, different for every choice of the dice.

use vision::picture::Picture;

use super::Sex;
use super::canvas::{Colour, mix};
use super::dice::Dice;
use super::portrait::PROPORTION;

/// Height of a painted portrait in pixels.
const HEIGHT: u32 = 540;

/// From light to dark.
const SKINS: [Colour; 7] = [
    [243, 213, 193],
    [236, 196, 170],
    [226, 180, 148],
    [205, 156, 122],
    [172, 122, 90],
    [134, 90, 64],
    [98, 64, 48],
];
/// The common ones first.
const HAIRS: [Colour; 6] = [
    [34, 28, 28],
    [62, 42, 32],
    [98, 66, 42],
    [140, 98, 56],
    [190, 154, 98],
    [124, 58, 34],
];
const IRISES: [Colour; 5] = [
    [74, 50, 34],
    [98, 70, 42],
    [92, 110, 72],
    [86, 118, 150],
    [104, 116, 124],
];
const CLOTHES: [Colour; 6] = [
    [40, 46, 64],
    [84, 40, 48],
    [50, 74, 66],
    [110, 104, 96],
    [176, 168, 158],
    [60, 60, 62],
];

/// What one face looks like. Lengths are parts of the portrait's height.
struct Face {
    skin: Colour,
    hair: Colour,
    iris: Colour,
    cloth: Colour,
    ground: Colour,
    width: f32,
    jaw: f32,
    eyes: f32,
    eye: f32,
    brow: f32,
    nose: f32,
    mouth: f32,
    lips: f32,
    /// Height of the hairline at its middle.
    hairline: f32,
    parting: f32,
    /// How far long hair hangs down; 0 for short hair.
    long: f32,
    beard: f32,
    glasses: bool,
    light: f32,
    grain: u64,
}

/// A portrait of somebody who does not exist, of that sex and about that old.
#[must_use]
pub fn paint(dice: &mut Dice, sex: Sex, age: i32) -> Picture {
    let woman = match sex {
        Sex::F => true,
        Sex::M => false,
        Sex::X => dice.chance(0.5),
    };
    let any = |dice: &mut Dice, colours: &[Colour]| colours[dice.whole(0, colours.len() - 1)];
    let grey = ((age as f32 - 38.0) / 35.0).clamp(0.0, 1.0) * dice.between(0.3, 1.0);
    let tint = dice.between(-8.0, 8.0);
    // The darker the skin, the darker the hair.
    let tone = dice.whole(0, SKINS.len() - 1);
    let hairs = [6, 6, 6, 3, 2, 2, 1][tone];
    let face = Face {
        skin: SKINS[tone].map(|channel| (f32::from(channel) + tint) as u8),
        hair: mix(any(dice, &HAIRS[..hairs]), [196, 194, 192], grey),
        iris: any(dice, &IRISES),
        cloth: any(dice, &CLOTHES),
        ground: mix([214, 220, 224], [236, 234, 228], dice.unit()),
        width: if woman {
            dice.between(0.178, 0.198)
        } else {
            dice.between(0.19, 0.212)
        },
        jaw: if woman {
            dice.between(0.26, 0.36)
        } else {
            dice.between(0.16, 0.27)
        },
        eyes: dice.between(0.083, 0.094),
        eye: if woman {
            dice.between(0.038, 0.043)
        } else {
            dice.between(0.034, 0.039)
        },
        brow: if woman {
            dice.between(0.006, 0.009)
        } else {
            dice.between(0.010, 0.014)
        },
        nose: dice.between(0.026, 0.037),
        mouth: dice.between(0.058, 0.074),
        lips: if woman {
            dice.between(0.8, 1.0)
        } else {
            dice.between(0.3, 0.5)
        },
        hairline: dice.between(0.225, 0.265) - if woman { 0.0 } else { 0.03 * grey },
        parting: dice.between(-0.12, 0.12),
        long: if woman && dice.chance(0.8) {
            dice.between(0.25, 0.6)
        } else {
            0.0
        },
        beard: if woman || !dice.chance(0.45) {
            0.0
        } else {
            dice.between(0.25, 0.85)
        },
        glasses: dice.chance(0.2),
        light: dice.between(-0.5, 0.5),
        grain: dice.bits(),
    };
    let width = (HEIGHT as f32 * PROPORTION) as u32;
    Picture::from_fn(width, HEIGHT, |x, y| {
        let (across, down) = (
            (x as f32 + 0.5) / HEIGHT as f32 - PROPORTION / 2.0,
            (y as f32 + 0.5) / HEIGHT as f32,
        );
        let noise = grain(x, y, face.grain) * 5.0;
        face.colour(across, down)
            .map(|channel| (channel + noise).clamp(0.0, 255.0) as u8)
    })
}

/// A number from -1 to 1 for every pixel.
fn grain(x: u32, y: u32, seed: u64) -> f32 {
    let mut bits = (u64::from(x) << 32 | u64::from(y)) ^ seed;
    bits = (bits ^ (bits >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// How much of a point lies inside an ellipse whose edge is `soft` wide.
fn inside(x: f32, y: f32, ellipse: [f32; 4], soft: f32) -> f32 {
    let [cx, cy, rx, ry] = ellipse;
    let (dx, dy) = ((x - cx) / rx, (y - cy) / ry);
    let off = ((dx * dx + dy * dy).sqrt() - 1.0) * rx.min(ry);
    step(-off, soft)
}

/// From 0 to 1 while `value` goes from `-soft` to `soft`.
fn step(value: f32, soft: f32) -> f32 {
    let t = (value / (2.0 * soft) + 0.5).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

const EDGE: f32 = 0.0025;

/// Layers of paint, in floating point.
struct Paint([f32; 3]);

impl Paint {
    fn over(&mut self, colour: Colour, opacity: f32) {
        for (below, above) in self.0.iter_mut().zip(colour) {
            *below += (f32::from(above) - *below) * opacity;
        }
    }

    fn shade(&mut self, by: f32) {
        self.0 = self.0.map(|channel| channel * (1.0 - by));
    }
}

impl Face {
    /// The colour at a place: `x` from the middle, `y` from the top.
    fn colour(&self, x: f32, y: f32) -> [f32; 3] {
        let mut paint = Paint(self.ground.map(f32::from));
        paint.shade(0.10 * y + 0.25 * x * self.light * 0.5);
        self.body(&mut paint, x, y);
        // The face narrows towards the chin.
        let low = ((y - 0.50) / 0.27).clamp(0.0, 1.0);
        let taper = 1.0 - self.jaw * low * low;
        let head = inside(x / taper, y, [0.0, 0.46, self.width, 0.295], EDGE);
        for side in [-1.0, 1.0] {
            let ear = inside(x, y, [side * (self.width + 0.004), 0.485, 0.022, 0.052], EDGE);
            paint.over(
                mix(self.skin, [150, 70, 60], 0.18),
                ear * (1.0 - self.long.min(0.05) * 20.0),
            );
        }
        if head > 0.0 {
            let mut skin = Paint(self.skin.map(f32::from));
            self.features(&mut skin, x, y, taper);
            for (below, above) in paint.0.iter_mut().zip(skin.0) {
                *below += (above - *below) * head;
            }
        }
        self.hair(&mut paint, x, y);
        if self.glasses {
            for side in [-1.0, 1.0] {
                let ring = inside(x, y, [side * self.eyes, 0.455, 0.066, 0.052], EDGE)
                    - inside(x, y, [side * self.eyes, 0.455, 0.060, 0.046], EDGE);
                paint.over([48, 42, 40], ring.max(0.0) * 0.9);
            }
            let bridge = step(0.022 - x.abs(), EDGE) * step(0.003 - (y - 0.443).abs(), EDGE);
            paint.over([48, 42, 40], bridge * 0.9);
        }
        paint.0
    }

    fn body(&self, paint: &mut Paint, x: f32, y: f32) {
        if self.long > 0.0 {
            let fall = 0.42 + self.long * 0.75;
            let sides = inside(x, y, [0.0, 0.44, self.width + 0.055, 0.335], EDGE).max(
                step(self.width + 0.05 - x.abs() - 0.03 * ((y * 9.0).sin()), EDGE)
                    * step(y - 0.42, 0.02)
                    * step(fall + 0.18 - y, 0.03),
            );
            paint.over(mix(self.hair, [0, 0, 0], 0.25), sides);
        }
        let neck = step(0.098 - x.abs() + 0.12 * (y - 0.8).max(0.0), EDGE) * step(y - 0.62, EDGE);
        paint.over(mix(self.skin, [110, 60, 50], 0.25), neck);
        paint.shade(0.28 * neck * step(0.83 - y, 0.07));
        let shoulders = inside(x, y, [0.0, 1.16, 0.43, 0.30], EDGE);
        let open = step(0.085 - x.abs() - (y - 0.86) * 0.75, EDGE);
        paint.over(self.cloth, shoulders * (1.0 - open));
        paint.shade(shoulders * (1.0 - open) * 0.35 * (x.abs() * 2.2).min(1.0));
        let collar = step(0.012 - (x.abs() + (y - 0.86) * 0.75 - 0.098).abs(), EDGE) * shoulders;
        paint.over(mix(self.cloth, [255, 255, 255], 0.35), collar * 0.8);
    }

    fn features(&self, skin: &mut Paint, x: f32, y: f32, taper: f32) {
        // Light from one side and from above; darker where the head turns away.
        let turn = (x / (self.width * taper)).clamp(-1.0, 1.0);
        let round = 0.34 * (turn.abs().powi(3)) + 0.10 * turn * self.light;
        skin.shade(round + 0.16 * ((y - 0.62) / 0.15).clamp(0.0, 1.0) - 0.05 * step(0.42 - y, 0.1));
        for side in [-1.0, 1.0] {
            let cheek = inside(x, y, [side * 0.105, 0.565, 0.062, 0.050], 0.05);
            skin.over(mix(self.skin, [206, 92, 84], 0.35), cheek * 0.42);
            let socket = inside(x, y, [side * self.eyes, 0.445, 0.060, 0.034], 0.03);
            skin.shade(socket * 0.20);
            self.eye(skin, x - side * self.eyes, y - 0.457, side);
        }
        // The nose: a ridge of light, a shadow at its side and below.
        let down = ((y - 0.44) / 0.13).clamp(0.0, 1.0);
        let ridge = step(0.010 + 0.006 * down - x.abs(), 0.012) * step(0.565 - y, 0.02) * step(y - 0.44, 0.03);
        skin.over([255, 244, 236], ridge * 0.16);
        let side = step(0.014 - (x - self.nose * (0.5 + 0.4 * down)).abs(), 0.014)
            * step(0.57 - y, 0.02)
            * step(y - 0.42, 0.03);
        skin.shade(side * 0.13);
        let tip = inside(x, y, [0.0, 0.578, self.nose + 0.010, 0.017], 0.012);
        skin.shade(tip * 0.14);
        for nostril in [-1.0, 1.0] {
            let hole = inside(x, y, [nostril * self.nose * 0.55, 0.586, 0.010, 0.0052], 0.004);
            skin.over([70, 34, 30], hole * 0.72);
        }
        // The mouth: two lips and the line between them.
        let curve = 0.662 - 0.10 * x * x / self.mouth.max(0.01) * 0.9;
        let reach = (1.0 - (x / self.mouth).powi(2)).max(0.0).sqrt();
        let lip = mix(self.skin, [176, 62, 70], 0.30 + 0.35 * self.lips);
        let bow = 0.7 + 0.3 * (1.0 - (-(x * x) / 0.0002).exp());
        let upper = step(0.017 * reach * bow - (curve - y), EDGE) * step(curve - y, EDGE) * step(reach - 0.05, 0.1);
        let lower = step(0.024 * reach - (y - curve), EDGE) * step(y - curve, EDGE) * step(reach - 0.05, 0.1);
        skin.over(mix(lip, [60, 20, 30], 0.14), upper * 0.9);
        skin.over(mix(lip, [255, 220, 210], 0.10), lower * 0.85);
        skin.over(
            [84, 34, 36],
            step(0.0026 - (y - curve).abs(), 0.0022) * step(self.mouth * 0.97 - x.abs(), 0.006) * 0.8,
        );
        skin.shade(inside(x, y, [0.0, 0.703, 0.045, 0.009], 0.012) * 0.14);
        if self.beard > 0.0 {
            let cheeks = step(y - 0.55 - 0.10 * (1.0 - turn.abs()), 0.05);
            let bare = inside(x, y, [0.0, 0.662, self.mouth * 0.85, 0.02], 0.008);
            skin.over(
                mix(self.hair, self.skin, 0.15),
                cheeks * (1.0 - bare) * self.beard * 0.85,
            );
        }
    }

    /// An eye around the origin; `side` is -1 for the one on the left of the picture.
    fn eye(&self, skin: &mut Paint, x: f32, y: f32, side: f32) {
        let size = self.eye;
        // Between two arcs.
        let t = (x / size).clamp(-1.0, 1.0);
        let arc = (1.0 - t * t).max(0.0);
        let (lid, low) = (-0.46 * size * arc.powf(0.7) - 0.03 * size * t * side, 0.34 * size * arc);
        let open = step(y - lid, EDGE) * step(low - y, EDGE) * step(size - x.abs(), EDGE);
        skin.over([238, 234, 230], open);
        let iris = inside(x, y, [0.0, -0.02 * size, 0.40 * size, 0.40 * size], EDGE);
        skin.over(self.iris, iris * open);
        let pupil = inside(x, y, [0.0, -0.02 * size, 0.18 * size, 0.18 * size], EDGE);
        skin.over([14, 12, 14], pupil * open);
        let spark = inside(x, y, [-0.10 * size, -0.13 * size, 0.07 * size, 0.07 * size], EDGE);
        skin.over([255, 255, 255], spark * open * 0.9);
        let within = step(size * 1.04 - x.abs(), 0.004);
        skin.over([44, 30, 28], step(0.0030 - (y - lid).abs(), 0.0022) * within * 0.92);
        skin.over([110, 70, 60], step(0.0014 - (y - low).abs(), 0.0022) * within * 0.5);
        skin.shade(step(0.0016 - (y - lid + 0.011).abs(), 0.003) * within * 0.25);
        let outer = x * side;
        let brow = -0.048 - 0.010 * (1.0 - ((outer - 0.012) / (size * 1.25)).powi(2));
        let thick = self.brow * (1.0 - 0.55 * ((outer + size) / (2.2 * size)).clamp(0.0, 1.0));
        let along = step(size * 1.28 - x.abs(), 0.006);
        skin.over(
            mix(self.hair, [20, 16, 16], 0.35),
            step(thick - (y - brow).abs(), 0.004) * along * 0.85,
        );
    }

    fn hair(&self, paint: &mut Paint, x: f32, y: f32) {
        let cap = inside(x, y, [0.0, 0.40, self.width + 0.022, 0.272], 0.004);
        // The hairline rises at the parting and falls to the temples.
        let line = self.hairline + 1.7 * (x - self.parting * 0.3).powi(2) * if self.long > 0.0 { 2.4 } else { 1.5 };
        let temples = step(x.abs() - self.width * 0.90, 0.006) * step(0.47 + self.long - y, 0.02);
        let front = step(line - y, 0.005).max(temples);
        let falls = if self.long > 0.0 {
            let inner = self.width * (0.93 - 0.10 * ((y - 0.45) / 0.3).clamp(0.0, 1.0));
            step(x.abs() - inner, 0.006)
                * step(self.width + 0.048 - x.abs(), 0.004)
                * step(y - 0.36, 0.03)
                * step(0.50 + self.long * 0.75 - y, 0.04)
        } else {
            0.0
        };
        let cover = (cap * front).max(falls);
        if cover > 0.0 {
            let strand = ((x - self.parting) * 190.0 + (y * 21.0).sin() * 4.0).sin()
                * ((x * 1.7 - self.parting) * 77.0 + y * 9.0).sin();
            let shine = (1.0 - ((y - 0.20 - x * x * 1.5) / 0.05).powi(2)).max(0.0) * 0.16;
            let tone = mix(self.hair, [0, 0, 0], (0.14 + 0.10 * strand).clamp(0.0, 1.0));
            paint.over(mix(tone, [255, 250, 240], shine), cover);
        }
    }
}
