//! Drawing a picture through a map, with bilinear sampling.

use super::Picture;
use crate::geometry::{Affine, Perspective};

/// What lies beyond the border of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// Black, fading in over the last pixel (OpenCV's `BORDER_CONSTANT` with 0).
    Black,
    /// The nearest pixel of the border (OpenCV's `BORDER_REPLICATE`).
    Replicate,
}

/// The picture of `width` × `height` whose pixel (x, y) is that of `picture` at `to_source` of (x, y), as OpenCV's `warpAffine`
/// with `WARP_INVERSE_MAP` and `INTER_LINEAR`. A side of zero is taken as one.
#[must_use]
pub fn warp_affine(picture: &Picture, to_source: &Affine, width: u32, height: u32, border: Border) -> Picture {
    let [a, b, c, d, e, f] = to_source.0;
    Picture::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        sample(picture, a * x + b * y + c, d * x + e * y + f, border)
    })
}

/// The same through a homography, as OpenCV's `warpPerspective`.
#[must_use]
pub fn warp_perspective(
    picture: &Picture,
    to_source: &Perspective,
    width: u32,
    height: u32,
    border: Border,
) -> Picture {
    Picture::from_fn(width, height, |x, y| {
        let (x, y) = to_source.apply_f64(f64::from(x), f64::from(y));
        sample(picture, x, y, border)
    })
}

/// The colour at a place between pixels: the four nearest pixels weighted by their nearness.
#[inline]
fn sample(picture: &Picture, x: f64, y: f64, border: Border) -> [u8; 3] {
    let (last_x, last_y) = (f64::from(picture.width() - 1), f64::from(picture.height() - 1));
    let (x, y) = match border {
        Border::Replicate => (x.clamp(0.0, last_x), y.clamp(0.0, last_y)),
        Border::Black => (x, y),
    };
    // Also where a coordinate is not a number.
    if !(x > -1.0 && y > -1.0 && x < last_x + 1.0 && y < last_y + 1.0) {
        return [0; 3];
    }
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = ((x - left) as f32, (y - top) as f32);
    let (left, top) = (left as i64, top as i64);
    let at = |x: i64, y: i64| match (u32::try_from(x), u32::try_from(y)) {
        (Ok(x), Ok(y)) if border == Border::Replicate || (x < picture.width() && y < picture.height()) => {
            picture.pixel(x, y).map(f32::from)
        }
        _ => [0.0; 3],
    };
    let corners = [
        at(left, top),
        at(left + 1, top),
        at(left, top + 1),
        at(left + 1, top + 1),
    ];
    let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
    let mut sum = [0.5f32; 3];
    for (corner, weight) in corners.into_iter().zip(weights) {
        for (s, value) in sum.iter_mut().zip(corner) {
            *s += value * weight;
        }
    }
    sum.map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Quad, Rect};
    use proptest::prelude::*;

    /// A picture whose colours are linear in the place, so that bilinear sampling is exact.
    fn slope(width: u32, height: u32) -> Picture {
        Picture::from_fn(width, height, |x, y| [(2 * x) as u8, (3 * y) as u8, (x + y) as u8])
    }

    proptest! {
        #[test]
        fn samples_a_slope_exactly(angle in -3.1f64..3.1, scale in 0.3f64..2.0, tx in 0f64..80.0, ty in 0f64..60.0) {
            let picture = slope(80, 60);
            let map = Affine([scale * angle.cos(), -scale * angle.sin(), tx, scale * angle.sin(), scale * angle.cos(), ty]);
            let out = warp_affine(&picture, &map, 31, 17, Border::Black);
            for y in 0..17 {
                for x in 0..31 {
                    let p = map.apply(Point::new(x as f32, y as f32));
                    if p.x >= 0.0 && p.y >= 0.0 && p.x <= 79.0 && p.y <= 59.0 {
                        let expected = [2.0 * p.x, 3.0 * p.y, p.x + p.y];
                        for (got, want) in out.pixel(x, y).into_iter().zip(expected) {
                            prop_assert!((f32::from(got) - want).abs() <= 0.51);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_identity_changes_nothing() {
        let picture = slope(20, 10);
        let identity = Affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(warp_affine(&picture, &identity, 20, 10, Border::Black), picture);
        let all = Quad::from(Rect::new(0.0, 0.0, 19.0, 9.0));
        let same = Perspective::between(&all, &all).unwrap();
        assert_eq!(warp_perspective(&picture, &same, 20, 10, Border::Replicate), picture);
    }

    #[test]
    fn beyond_the_border() {
        let picture = Picture::from_fn(4, 4, |_, _| [200; 3]);
        let half_out = Affine([1.0, 0.0, -2.5, 0.0, 1.0, 0.0]);
        let black = warp_affine(&picture, &half_out, 4, 1, Border::Black);
        assert_eq!([0, 1, 2, 3].map(|x| black.pixel(x, 0)[0]), [0, 0, 100, 200]);
        let replicated = warp_affine(&picture, &half_out, 4, 1, Border::Replicate);
        assert!((0..4).all(|x| replicated.pixel(x, 0)[0] == 200));
        let nowhere = Affine([f64::NAN; 6]);
        assert_eq!(warp_affine(&picture, &nowhere, 2, 2, Border::Black).pixel(1, 1), [0; 3]);
        assert_eq!(
            warp_affine(&picture, &Affine([1e300; 6]), 2, 2, Border::Replicate).pixel(1, 1),
            [200; 3]
        );
    }
}
