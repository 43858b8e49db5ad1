//! Whether eyes, nose and mouth of a face can be seen, or something covers them.
//!
//! An embedding is made of what tells people apart, and much of that lies in eyes, nose and mouth. So each is filled in from its
//! surroundings, and the face embedded again: where the part could be seen, the embedding moves; behind a mask, a hand or dark glasses
//! there was nothing of the person to lose. No cover has to be known, nor its colour.
//!
//! Glasses leave a part of it to their frames: dark lenses are told by how dark they are beside the skin, too. What carries a picture
//! of what it covers, and lenses as bright as the skin, are where this ends.

use super::embed::{Embedding, FaceEmbedder};
use super::plane::Plane;
use crate::error::VisionError;
use crate::net::sface::SIDE;
use crate::picture::Picture;

/// How far parts of a face can be seen. Without units: 0 for nothing, larger for more, comparable between faces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visibility {
    /// Of both eyes together: what the embedding loses (1 less the cosine) without one, times how bright its surroundings are over the
    /// skin, at most 1, to the power of 1.5; and the same of the other.
    pub eyes: f64,
    /// The same of the eye alone of which less is seen.
    pub lesser_eye: f64,
    /// What the embedding loses without the nose.
    pub nose: f64,
    /// What the embedding loses without the mouth, times the square root of what it loses without the nose: masks cover both.
    pub mouth: f64,
}

/// A rectangle of an aligned face, both ends without their pixels: columns, rows.
type Part = ([f32; 2], [f32; 2]);

const EYES: [Part; 2] = [([26.0, 50.0], [45.0, 58.0]), ([62.0, 86.0], [45.0, 58.0])];
const NOSE: Part = ([44.0, 68.0], [60.0, 82.0]);
const MOUTH: Part = ([34.0, 78.0], [84.0, 100.0]);

/// Where lenses lie, and skin that nothing but hair and masks covers: cheeks, nose, forehead.
const LENSES: [Part; 2] = [([27.5, 48.5], [49.5, 61.5]), ([63.5, 84.5], [49.5, 61.5])];
const SKIN: [Part; 4] = [
    ([29.5, 46.5], [67.5, 79.5]),
    ([65.5, 82.5], [67.5, 79.5]),
    ([51.5, 60.5], [57.5, 71.5]),
    ([39.5, 72.5], [19.5, 35.5]),
];

/// Softness of a filled part's edge, and how far around it its filling is looked for: standard deviations of Gaussians in pixels.
const EDGE: f32 = 2.5;
const AROUND: f32 = 10.0;

impl Visibility {
    /// Of a face that [`align`](super::align) has turned upright, at its size, with its embedding. Embeds it four times more.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn measure(face: &Picture, embedding: &Embedding, embedder: &FaceEmbedder) -> Result<Visibility, VisionError> {
        let without = |part: &Part| {
            let changed = embedder.embed_aligned(&filled(face, part))?;
            Ok::<_, VisionError>(f64::from(1.0 - embedding.cosine(&changed)).max(0.0))
        };
        let [right_lens, left_lens] = lenses_over_skin(face).map(|ratio| ratio.min(1.0).powf(1.5));
        let (right, left) = (without(&EYES[0])? * right_lens, without(&EYES[1])? * left_lens);
        let nose = without(&NOSE)?;
        Ok(Visibility {
            eyes: right + left,
            lesser_eye: right.min(left),
            nose,
            mouth: without(&MOUTH)? * nose.sqrt(),
        })
    }
}

/// The face with a part as its surroundings are.
fn filled(face: &Picture, &(columns, rows): &Part) -> Picture {
    let (width, height) = (face.width() as usize, face.height() as usize);
    let plane = |value: &dyn Fn(usize) -> f32| Plane {
        width,
        height,
        values: (0..width * height).map(value).collect(),
    };
    let inside = |at: usize| {
        let (x, y) = ((at % width) as f32, (at / width) as f32);
        let within = |[start, end]: [f32; 2], at: f32| start < at && at < end;
        within(columns, x) && within(rows, y)
    };
    let outside = plane(&|at| f32::from(!inside(at))).blurred(EDGE);
    let pixels = face.pixels().as_chunks::<3>().0;
    // What is around a place: a mean over what lies outside the part.
    let weights = outside.blurred(AROUND);
    let around: [Plane; 3] =
        std::array::from_fn(|channel| plane(&|at| outside.values[at] * f32::from(pixels[at][channel])).blurred(AROUND));
    let values = (0..width * height).flat_map(|at| {
        let keep = outside.values[at];
        let weight = weights.values[at].max(f32::EPSILON);
        std::array::from_fn::<u8, 3, _>(|channel| {
            let filling = around[channel].values[at] / weight;
            (keep * f32::from(pixels[at][channel]) + (1.0 - keep) * filling).round() as u8
        })
    });
    Picture::from_rgb(face.width(), face.height(), values.collect()).expect("three values a pixel")
}

/// Grey level where each lens would be over that of the skin: about 1 for a bare eye, a quarter for dark glasses. Three quarters of the
/// lens' place are no brighter, so that frames around clear glass, and lashes and brows, are passed over.
fn lenses_over_skin(face: &Picture) -> [f64; 2] {
    /// Keeps black over black near 1.
    const BLACK: f32 = 4.0;
    let grey = face.luma();
    let level = |part: &Part, share| quantile(&mut within(&grey, part), share);
    let skin = quantile(&mut SKIN.each_ref().map(|part| level(part, 0.5)), 0.5);
    LENSES.map(|lens| f64::from((level(&lens, 0.75) + BLACK) / (skin + BLACK)))
}

/// The values of a plane as wide as an aligned face that lie in a part.
fn within(grey: &[f32], &([left, right], [top, bottom]): &Part) -> Vec<f32> {
    let rows = grey.chunks_exact(SIDE as usize).take(bottom.ceil() as usize);
    let rows = rows.skip(top.ceil() as usize);
    rows.flat_map(|row| &row[left.ceil() as usize..right.ceil() as usize])
        .copied()
        .collect()
}

/// The value that such a share of the others does not exceed.
fn quantile(values: &mut [f32], share: f32) -> f32 {
    values.sort_by(f32::total_cmp);
    let at = (share * (values.len() - 1) as f32).round() as usize;
    values[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_part_is_as_its_surroundings_and_all_else_stays() {
        let bright = |x: u32, y: u32| (46..66).contains(&x) && (90..94).contains(&y);
        let face = Picture::from_fn(SIDE, SIDE, |x, y| if bright(x, y) { [250; 3] } else { [100, 80, 60] });
        let filled = filled(&face, &MOUTH);
        let [red, green, blue] = filled.pixel(56, 92);
        assert!(red.abs_diff(100) < 3 && green.abs_diff(80) < 3 && blue.abs_diff(60) < 3);
        for (x, y) in [(0, 0), (56, 50), (111, 111), (20, 92)] {
            assert_eq!(filled.pixel(x, y), face.pixel(x, y));
        }
    }

    #[test]
    fn dark_lenses_are_darker_than_skin() {
        let glasses = |lens: u8, skin: u8| {
            let face = Picture::from_fn(SIDE, SIDE, |_, y| [if (46..64).contains(&y) { lens } else { skin }; 3]);
            lenses_over_skin(&face)[0]
        };
        assert!((glasses(120, 120) - 1.0).abs() < 1e-6);
        assert!(glasses(20, 120) < 0.25);
        // In the dark nothing is told.
        assert!(glasses(0, 2) > 0.6);
    }
}
