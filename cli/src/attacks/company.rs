//! Selfies with another face beside the person's own.

use vision::geometry::Rect;
use vision::picture::Picture;

use super::disguise::Subject;
use super::geometry;
use super::overlay::laid;
use crate::specimen::dice::Dice;

/// Pixels between the eyes of a selfie with a card.
const EYES: f32 = 110.0;

/// Somebody beside the person, a little nearer to the camera or farther from it.
pub(super) fn second_person(subject: &Subject, other: &Subject, dice: &mut Dice) -> Picture {
    let picture = &subject.picture;
    let head = scaled(other, dice.between(0.45, 1.05) * subject.eyes(), 0.35);
    let is_left = dice.chance(0.5);
    let (width, height) = (picture.width() + head.width(), picture.height().max(head.height()));
    let top = dice.whole(0, (height - head.height()) as usize) as u32;
    let (mine, theirs) = if is_left {
        (head.width(), 0)
    } else {
        (0, picture.width())
    };
    let ground = picture.pixel(picture.width() / 2, 0);
    laid(
        &laid(&Picture::from_fn(width, height, |_, _| ground), picture, mine, 0),
        &head,
        theirs,
        top,
    )
}

/// A card with another's photo, held up on one of the four sides of the face.
pub(super) fn held_portrait(subject: &Subject, other: &Subject, dice: &mut Dice) -> Picture {
    // As near as selfies are taken: the small face needs pixels, too.
    let picture = geometry::enlarged(subject, EYES);
    let scale = picture.width() as f32 / subject.picture.width() as f32;
    let (face, eyes) = (subject.face.scaled(scale, scale).bounds, scale * subject.eyes());
    let photo = scaled(other, dice.between(0.12, 0.3) * eyes, 0.15);
    let border = (0.12 * eyes).round().max(1.0) as u32;
    let (card_width, card_height) = (photo.width() * 5 / 2 + 2 * border, photo.height() + 2 * border);
    let card = Picture::from_fn(card_width, card_height, |_, y| [235, 238, 240 - (y % 16) as u8]);
    let card = laid(&card, &photo, border, border);
    let gap = dice.between(0.05, 0.4) * eyes;
    let along = dice.between(-0.5, 0.5);
    let (card_across, card_down) = (card_width as f32, card_height as f32);
    let (left, top) = match dice.whole(0, 3) {
        0 => (face.x - gap - card_across, face.centre().y + (along - 0.5) * card_down),
        1 => (face.right() + gap, face.centre().y + (along - 0.5) * card_down),
        2 => (face.centre().x + (along - 0.5) * card_across, face.y - gap - card_down),
        _ => (face.centre().x + (along - 0.5) * card_across, face.bottom() + gap),
    };
    // There is room for the card around every picture.
    let (before, above) = ((-left).max(0.0).ceil(), (-top).max(0.0).ceil());
    let (left, top) = ((left + before) as u32, (top + above) as u32);
    let (before, above) = (before as u32, above as u32);
    let (width, height) = (
        (before + picture.width()).max(left + card_width),
        (above + picture.height()).max(top + card_height),
    );
    let ground = Picture::from_fn(width, height, |_, _| [60, 62, 70]);
    laid(&laid(&ground, &picture, before, above), &card, left, top)
}

/// The head of a subject with something around it, so large that its eyes are so far apart.
fn scaled(subject: &Subject, eyes: f32, margin: f32) -> Picture {
    let Rect { width, height, .. } = subject.face.bounds;
    let head = subject.picture.part(subject.face.bounds.grown(margin));
    let scale = eyes / subject.eyes();
    let size = |length: f32| ((1.0 + 2.0 * margin) * length * scale).round().max(1.0) as u32;
    head.map_or_else(
        || subject.picture.clone(),
        |head| head.resize(size(width), size(height)),
    )
}
