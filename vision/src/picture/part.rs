//! A part of a picture, looked at without a copy.

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::Picture;

/// A rectangle of pixels in a picture, at least 1×1 (see [`Picture::part`]).
#[derive(Debug, Clone, Copy)]
pub struct Part<'picture> {
    pub(super) picture: &'picture Picture,
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Part<'_> {
    /// Column of the picture at which it begins.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Row of the picture at which it begins.
    #[must_use]
    pub fn top(&self) -> u32 {
        self.top
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// A picture of its own, scaled as by [`Picture::resize`]; what lies around the part is not looked at.
    #[must_use]
    pub fn resize(&self, width: u32, height: u32) -> Picture {
        let (width, height) = (width.max(1), height.max(1));
        if (width, height) == (self.width, self.height) {
            return self.copied();
        }
        let mut pixels = vec![0; width as usize * height as usize * 3];
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        let all = TypedImageRef::<U8x3>::from_buffer(self.picture.width, self.picture.height, &self.picture.pixels);
        let target = TypedImage::<U8x3>::from_buffer(width, height, &mut pixels);
        // Both buffers have the size they need, and the part lies inside, by construction: nothing else can go wrong here.
        if let (Ok(all), Ok(mut target)) = (all, target) {
            let done = TypedCroppedImage::from_ref(&all, self.left, self.top, self.width, self.height)
                .is_ok_and(|source| Resizer::new().resize_typed(&source, &mut target, &options).is_ok());
            debug_assert!(done);
        }
        Picture { width, height, pixels }
    }

    fn copied(&self) -> Picture {
        let columns = self.left as usize * 3..(self.left + self.width) as usize * 3;
        let rows = self.picture.rows().skip(self.top as usize).take(self.height as usize);
        let mut pixels = Vec::with_capacity(columns.len() * self.height as usize);
        for row in rows {
            pixels.extend_from_slice(&row[columns.clone()]);
        }
        Picture {
            width: self.width,
            height: self.height,
            pixels,
        }
    }
}
