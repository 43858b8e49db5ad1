//! The face with a share of what is around it, as the networks were trained on it.

use crate::geometry::{Affine, Rect};
use crate::picture::{Border, Picture, warp_affine};

/// The part of a picture `scale` times as wide and high as `bounds`, about their centre, as a picture of `side` × `side` pixels. Where
/// so much does not fit into the picture, less is taken, and where it reaches beyond the border, it is moved inside.
///
/// Proportions are not kept, and what is made smaller is not smoothed first: so were the pictures that the networks learnt from.
#[must_use]
pub fn crop(picture: &Picture, bounds: Rect, scale: f64, side: u32) -> Picture {
    let [width, height] = [picture.width(), picture.height()].map(f64::from);
    let [box_width, box_height] = [bounds.width, bounds.height].map(|side| f64::from(side).max(1.0));
    let scale = scale.min((width - 1.0) / box_width).min((height - 1.0) / box_height);
    let centre = bounds.centre();
    let (left, columns) = span(f64::from(centre.x), box_width * scale, width);
    let (top, rows) = span(f64::from(centre.y), box_height * scale, height);

    // Centres of pixels lie on centres of pixels.
    let [x, y] = [columns, rows].map(|length| length / f64::from(side));
    let to_source = Affine([x, 0.0, left + (x - 1.0) / 2.0, 0.0, y, top + (y - 1.0) / 2.0]);
    warp_affine(picture, &to_source, side, side, Border::Replicate)
}

/// First pixel, and how many, of a length about a centre in a picture that is `whole` long.
fn span(centre: f64, length: f64, whole: f64) -> (f64, f64) {
    let last = whole - 1.0;
    let first = (centre - length / 2.0).min(last - length).max(0.0);
    let (first, end) = (first.floor(), (first + length).min(last).floor());
    (first, end - first + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture in which every pixel tells where it is.
    fn numbered(width: u32, height: u32) -> Picture {
        Picture::from_fn(width, height, |x, y| [x as u8, y as u8, 0])
    }

    #[test]
    fn what_fits_is_taken_about_the_centre() {
        // 60 × 60 pixels from (70, 40), and one more, as the crop's both ends are in it.
        let crop = crop(&numbered(200, 150), Rect::new(90.0, 60.0, 20.0, 20.0), 3.0, 61);
        assert_eq!(crop.pixel(0, 0), [70, 40, 0]);
        assert_eq!(crop.pixel(60, 60), [130, 100, 0]);
    }

    #[test]
    fn what_reaches_beyond_the_border_is_moved_inside() {
        let crop = crop(&numbered(200, 150), Rect::new(180.0, -5.0, 20.0, 20.0), 3.0, 61);
        assert_eq!(crop.pixel(0, 0), [139, 0, 0]);
        assert_eq!(crop.pixel(60, 60), [199, 60, 0]);
    }

    #[test]
    fn no_more_is_taken_than_there_is() {
        let crop = crop(&numbered(200, 150), Rect::new(50.0, 20.0, 100.0, 100.0), 4.0, 150);
        assert_eq!(crop.pixel(0, 0), [25, 0, 0]);
        assert_eq!(crop.pixel(149, 149), [174, 149, 0]);
        // One pixel has nothing around it, and a box need not lie in the picture.
        for bounds in [Rect::new(0.0, 0.0, 9.0, 9.0), Rect::new(f32::NAN, 1e9, f32::NAN, 0.0)] {
            assert_eq!(super::crop(&numbered(1, 1), bounds, 4.0, 2).pixel(1, 1), [0; 3]);
        }
    }
}
