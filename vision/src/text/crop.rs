//! From pictures to what the networks take.

use crate::geometry::{Perspective, Point, Quad};
use crate::net::ppocr_rec::{HEIGHT, STRIDE};
use crate::picture::{Border, Picture, warp_perspective};

/// Widest line in heights, which is some 130 characters; a longer one is squeezed.
const WIDEST: u32 = 54;

/// A line is sampled with at most this many times the pixels' height before it is made smaller.
const TALLEST_SAMPLE: f32 = 4.0;

/// Pixels to which the height of a line is scaled before it is read. The work grows with the square of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineHeight {
    /// 48, for which the network was made.
    #[default]
    Full,
    /// 32. In 60 drawn documents and 30 public specimens no field of print was lost by it.
    Reduced,
}

impl LineHeight {
    pub(super) fn pixels(self) -> u32 {
        match self {
            LineHeight::Full => HEIGHT as u32,
            LineHeight::Reduced => 2 * HEIGHT as u32 / 3,
        }
    }

    /// Shorter lines are padded to this width. The network was trained on lines of 320 pixels.
    pub(super) fn shortest(self) -> u32 {
        match self {
            LineHeight::Full => 320,
            LineHeight::Reduced => 192,
        }
    }

    /// Width in pixels of a line of this height.
    pub(super) fn width_of(self, quad: &Quad) -> u32 {
        let width = self.pixels() as f32 * quad.width() / quad.height().max(1.0);
        // `as` takes what is not a number for 0.
        (width.round() as u32).clamp(STRIDE as u32, WIDEST * self.pixels())
    }
}

/// The line in `quad` as text recognition sees it, upright and of this height. `None` when three of its corners are on one line.
#[must_use]
pub fn cut(picture: &Picture, quad: &Quad, height: LineHeight) -> Option<Picture> {
    let (width, height) = (height.width_of(quad), height.pixels());
    // Sampling at single places would skip pixels of a line that is higher, so that it is sampled at its own size and then scaled
    // with a filter that covers all of them.
    let scale = (quad.height() / height as f32).clamp(1.0, TALLEST_SAMPLE);
    let (sample_width, sample_height) = ((width as f32 * scale) as u32, (height as f32 * scale) as u32);
    let (right, bottom) = (sample_width as f32 - 0.5, sample_height as f32 - 0.5);
    let sample = Quad([
        Point::new(-0.5, -0.5),
        Point::new(right, -0.5),
        Point::new(right, bottom),
        Point::new(-0.5, bottom),
    ]);
    let to_source = Perspective::between(&sample, quad)?;
    let line = warp_perspective(picture, &to_source, sample_width, sample_height, Border::Replicate);
    Some(line.resize(width, height))
}

/// Writes a picture as blue, green and red, −1 to 1, into `values` with rows of `width` pixels. What is to the right of the
/// picture is left as it is.
pub(super) fn write_pixels(picture: &Picture, values: &mut [f32], width: usize) {
    for (row, out) in picture.rows().zip(values.chunks_exact_mut((3 * width).max(1))) {
        for (rgb, bgr) in row.as_chunks::<3>().0.iter().zip(out.as_chunks_mut::<3>().0) {
            let [red, green, blue] = rgb.map(|byte| f32::from(byte) / 127.5 - 1.0);
            *bgr = [blue, green, red];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    #[test]
    fn pixels_are_blue_green_red_and_padded() {
        let picture = Picture::from_rgb(2, 1, vec![255, 0, 51, 0, 255, 102]).unwrap();
        let mut values = vec![0.0; 9];
        write_pixels(&picture, &mut values, 3);
        let expected = [-0.6, -1.0, 1.0, -0.2, 1.0, -1.0, 0.0, 0.0, 0.0];
        for (got, want) in values.iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{values:?}");
        }
    }

    #[test]
    fn a_line_is_cut_out_upright_and_of_its_proportions() {
        // Stripes of 96 by 16 pixels; the second one is red on its left half and green on its right half.
        let picture = Picture::from_fn(96, 48, |x, y| match (y / 16, x / 48) {
            (1, 0) => [255, 0, 0],
            (1, _) => [0, 255, 0],
            _ => [0, 0, 255],
        });
        let quad = Quad::from(Rect::new(-0.5, 15.5, 96.0, 16.0));
        let line = cut(&picture, &quad, LineHeight::Full).unwrap();
        assert_eq!((line.width(), line.height()), (288, 48));
        assert_eq!((line.pixel(20, 24), line.pixel(260, 24)), ([255, 0, 0], [0, 255, 0]));
        let turned = cut(&picture, &super::super::upside_down(&quad), LineHeight::Full).unwrap();
        assert_eq!(
            (turned.pixel(20, 24), turned.pixel(260, 24)),
            ([0, 255, 0], [255, 0, 0])
        );
    }

    #[test]
    fn quads_without_an_inside_give_nothing() {
        let picture = Picture::from_fn(20, 20, |_, _| [0; 3]);
        let nan = Quad([Point::new(f32::NAN, 0.0); 4]);
        for quad in [Quad::default(), nan, Quad([Point::new(1e30, -1e30); 4])] {
            assert!(cut(&picture, &quad, LineHeight::Full).is_none());
        }
        let far = Quad::from(Rect::new(1e6, 1e6, 1e9, 10.0));
        assert_eq!(cut(&picture, &far, LineHeight::Full).unwrap().width(), 48 * WIDEST);
        let reduced = cut(&picture, &far, LineHeight::Reduced).unwrap();
        assert_eq!((reduced.width(), reduced.height()), (32 * WIDEST, 32));
    }
}
