//! Pictures: safe decoding and the few whole-picture operations that checks need.
//!
//! A [`Picture`] is always 8-bit RGB, upright (the file's orientation has been applied) and at least 1×1. Its `Debug` output
//! shows its size only: pixels are personal data.

mod decode;
mod encode;
mod part;
mod reduced;
mod warp;
mod webp;

use std::fmt;

pub use decode::{DecodeError, Limits};
pub use encode::EncodeError;
pub use part::Part;
pub use warp::{Border, warp_affine, warp_perspective};

use crate::geometry::Rect;

/// An upright picture of 8-bit RGB pixels, row by row from the top left, without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture from its pixels: red, green and blue bytes, row by row. `None` when a side is zero or the number of bytes is
    /// not `width * height * 3`.
    #[must_use]
    pub fn from_rgb(width: u32, height: u32, pixels: Vec<u8>) -> Option<Picture> {
        let expected = usize::try_from(u64::from(width) * u64::from(height))
            .ok()?
            .checked_mul(3)?;
        (expected > 0 && pixels.len() == expected).then_some(Picture { width, height, pixels })
    }

    /// A picture whose pixel at (column, row) is `pixel(column, row)`. A side of zero is taken as one.
    #[must_use]
    pub fn from_fn(width: u32, height: u32, mut pixel: impl FnMut(u32, u32) -> [u8; 3]) -> Picture {
        let (width, height) = (width.max(1), height.max(1));
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
        for y in 0..height {
            for x in 0..width {
                pixels.extend_from_slice(&pixel(x, y));
            }
        }
        Picture { width, height, pixels }
    }

    /// Width in pixels, at least 1.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The longer side in pixels.
    #[must_use]
    pub fn longest_side(&self) -> u32 {
        self.width.max(self.height)
    }

    /// Red, green and blue bytes, row by row, `width * height * 3` of them.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The rows from the top, each of `width * 3` bytes.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.pixels.chunks_exact(self.width as usize * 3)
    }

    /// The pixel at a column and row; beyond the border, the nearest pixel of the border.
    #[must_use]
    #[inline]
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let (x, y) = (x.min(self.width - 1) as usize, y.min(self.height - 1) as usize);
        let start = (y * self.width as usize + x) * 3;
        match self.pixels.get(start..start + 3) {
            Some(&[r, g, b]) => [r, g, b],
            _ => [0; 3],
        }
    }

    /// The part inside `rect`, its edges rounded to whole pixels and cut at the border. `None` when nothing of it is inside.
    #[must_use]
    pub fn part(&self, rect: Rect) -> Option<Part<'_>> {
        // `as` saturates, so that a rectangle far outside, or one that is not a number, leaves nothing.
        let edge = |value: f32, end: u32| (value.round() as u32).min(end);
        let (left, right) = (edge(rect.x, self.width), edge(rect.right(), self.width));
        let (top, bottom) = (edge(rect.y, self.height), edge(rect.bottom(), self.height));
        (left < right && top < bottom).then(|| Part {
            picture: self,
            left,
            top,
            width: right - left,
            height: bottom - top,
        })
    }

    /// A picture of its own of the part inside `rect` (see [`Picture::part`]).
    #[must_use]
    pub fn crop(&self, rect: Rect) -> Option<Picture> {
        self.part(rect).map(|part| part.resize(part.width, part.height))
    }

    /// Scaled to a new size with a triangle filter that covers all source pixels (no aliasing when made smaller, bilinear when
    /// made larger). A side of zero is taken as one.
    #[must_use]
    pub fn resize(&self, width: u32, height: u32) -> Picture {
        let all = Part {
            picture: self,
            left: 0,
            top: 0,
            width: self.width,
            height: self.height,
        };
        all.resize(width, height)
    }

    /// Scaled, with its proportions kept, so that the longer side is `side` pixels.
    #[must_use]
    pub fn resize_longest(&self, side: u32) -> Picture {
        let scale = f64::from(side) / f64::from(self.longest_side());
        let scaled = |length: u32| (f64::from(length) * scale).round() as u32;
        self.resize(scaled(self.width), scaled(self.height))
    }

    /// Turned clockwise by 90°.
    #[must_use]
    pub fn rotate90(&self) -> Picture {
        self.arranged(self.height, self.width, |x, y| (y, self.height - 1 - x))
    }

    /// Turned by 180°.
    #[must_use]
    pub fn rotate180(&self) -> Picture {
        self.arranged(self.width, self.height, |x, y| {
            (self.width - 1 - x, self.height - 1 - y)
        })
    }

    /// Turned clockwise by 270°, which is counter-clockwise by 90°.
    #[must_use]
    pub fn rotate270(&self) -> Picture {
        self.arranged(self.height, self.width, |x, y| (self.width - 1 - y, x))
    }

    /// Mirrored: left and right exchanged.
    #[must_use]
    pub fn mirror(&self) -> Picture {
        self.arranged(self.width, self.height, |x, y| (self.width - 1 - x, y))
    }

    /// The same pixels at other places: that at (x, y) comes from `source(x, y)`.
    fn arranged(&self, width: u32, height: u32, source: impl Fn(u32, u32) -> (u32, u32)) -> Picture {
        /// Side of the squares in which pixels move. Where rows become columns, what a cache line brings is then used whole.
        const SIDE: usize = 32;
        let mut pixels = vec![0; width as usize * height as usize * 3];
        let columns = width as usize;
        let from = self.pixels.as_chunks::<3>().0;
        let all = pixels.as_chunks_mut::<3>().0;
        for (strip, top) in all.chunks_mut(SIDE * columns).zip((0..height).step_by(SIDE)) {
            for left in (0..width).step_by(SIDE) {
                for (row, y) in strip.chunks_exact_mut(columns).zip(top..) {
                    for (to, x) in row.iter_mut().skip(left as usize).take(SIDE).zip(left..) {
                        let (x, y) = source(x, y);
                        *to = from[y as usize * self.width as usize + x as usize];
                    }
                }
            }
        }
        Picture { width, height, pixels }
    }

    /// The luma of every pixel, row by row, 0 to 255 (ITU-R BT.601 weights, as JPEG and OpenCV use them).
    #[must_use]
    pub fn luma(&self) -> Vec<f32> {
        let rgb = self.pixels.as_chunks::<3>().0;
        rgb.iter()
            .map(|&[r, g, b]| 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b))
            .collect()
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture in which every pixel tells where it was.
    fn numbered(width: u32, height: u32) -> Picture {
        Picture::from_fn(width, height, |x, y| [x as u8, y as u8, 7])
    }

    #[test]
    fn turning_moves_the_corners() {
        let picture = numbered(5, 3);
        let turned = picture.rotate90();
        assert_eq!((turned.width(), turned.height()), (3, 5));
        assert_eq!(turned.pixel(2, 0), [0, 0, 7], "top left goes to the top right");
        assert_eq!(turned.pixel(0, 0), [0, 2, 7], "bottom left goes to the top left");
        assert_eq!(picture.rotate90().rotate270(), picture);
        assert_eq!(picture.rotate90().rotate90(), picture.rotate180());
        assert_eq!(picture.mirror().pixel(0, 1), [4, 1, 7]);
    }

    #[test]
    fn turning_moves_every_pixel() {
        // Of neither side a multiple of the squares in which pixels move.
        let (width, height) = (67, 41);
        let picture = numbered(width, height);
        let quarter = Picture::from_fn(height, width, |x, y| picture.pixel(y, height - 1 - x));
        let half = Picture::from_fn(width, height, |x, y| picture.pixel(width - 1 - x, height - 1 - y));
        assert!(picture.rotate90() == quarter && picture.rotate180() == half);
        assert!(picture.rotate270().rotate90() == picture && picture.mirror().mirror() == picture);
        assert!(picture.mirror() != picture);
    }

    #[test]
    fn cropping_stays_inside() {
        let picture = numbered(10, 8);
        let part = picture.crop(Rect::new(2.4, 3.0, 4.0, 2.0)).unwrap();
        assert_eq!((part.width(), part.height()), (4, 2));
        assert_eq!(part.pixel(0, 0), [2, 3, 7]);
        let cut = picture.crop(Rect::new(-5.0, -5.0, 7.0, 100.0)).unwrap();
        assert_eq!((cut.width(), cut.height()), (2, 8));
        assert_eq!(picture.crop(Rect::new(10.0, 0.0, 5.0, 5.0)), None);
        assert_eq!(picture.crop(Rect::new(f32::NAN, 0.0, f32::INFINITY, 5.0)), None);
    }

    #[test]
    fn resizing_keeps_the_mean() {
        let picture = Picture::from_fn(640, 480, |x, y| {
            [(x % 256) as u8, (y % 256) as u8, if (x + y) % 2 == 0 { 255 } else { 0 }]
        });
        let small = picture.resize_longest(64);
        assert_eq!((small.width(), small.height()), (64, 48));
        // A checkerboard must become grey, not a random choice of black and white.
        for pixel in small.pixels().as_chunks::<3>().0 {
            assert!((pixel[2] as i32 - 128).abs() <= 2, "{pixel:?}");
        }
    }

    #[test]
    fn pixels_must_fit_the_size() {
        assert!(Picture::from_rgb(0, 3, vec![]).is_none());
        assert!(Picture::from_rgb(2, 2, vec![0; 11]).is_none());
        assert!(Picture::from_rgb(2, 2, vec![0; 12]).is_some());
        assert!(Picture::from_rgb(u32::MAX, u32::MAX, vec![0; 12]).is_none());
    }

    #[test]
    fn debug_output_shows_no_pixels() {
        assert_eq!(format!("{:?}", numbered(3, 2)), "Picture(3x2)");
    }
}
