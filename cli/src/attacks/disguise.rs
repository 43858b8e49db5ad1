//! One picture in disguise, or with what makes it unfit. All lengths are in distances between the eyes, so that they mean the same at
//! every size.

use vision::face::Face;
use vision::picture::Picture;

use super::Kind;
use super::{company, cover, geometry, overlay, tone};
use crate::degrade::{copy, optics};
use crate::specimen::Fonts;
use crate::specimen::dice::Dice;

/// Pixels between the eyes of a picture on a screen or on paper, where they are 14 mm apart: as large as a telephone shows a face.
const SHOWN_EYES: f32 = 110.0;
const PRINTED_EYES: f32 = 90.0;

/// A picture with a face, where that face is, and how the file of it will be compressed.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) picture: Picture,
    pub(super) face: Face,
    /// Quality of the JPEG file.
    pub(super) quality: u8,
}

impl Subject {
    pub(super) fn eyes(&self) -> f32 {
        self.face.landmarks.eye_distance()
    }
}

/// What pictures are changed with.
#[derive(Clone, Copy)]
pub(super) struct Props<'a> {
    pub(super) fonts: &'a Fonts,
    /// Somebody else.
    pub(super) other: &'a Subject,
}

/// Changes a picture; answers it and what was done to it.
pub(super) fn disguise(kind: Kind, subject: Subject, props: Props<'_>, dice: &mut Dice) -> (Subject, Vec<Kind>) {
    let kinds = match kind {
        Kind::Combined => combination(dice),
        Kind::MirroredPerspective => vec![Kind::Mirrored, Kind::Perspective],
        kind => vec![kind],
    };
    let disguised = kinds
        .iter()
        .fold(subject, |subject, &kind| once(kind, subject, props, dice));
    (disguised, kinds)
}

/// First what leaves the face where it is; a picture is moved and turned last.
fn combination(dice: &mut Dice) -> Vec<Kind> {
    let tone = [Kind::Gamma, Kind::WhiteBalance, Kind::Grey, Kind::Curve, Kind::Shadow][dice.whole(0, 4)];
    let harm = [Kind::Noise, Kind::Blur, Kind::Pattern, Kind::Text, Kind::Sticker][dice.whole(0, 4)];
    let shape = [
        Kind::Turned,
        Kind::Perspective,
        Kind::Stretched,
        Kind::Cropped,
        Kind::Lens,
    ][dice.whole(0, 4)];
    let mut kinds = vec![tone, harm];
    if dice.chance(0.5) {
        kinds.push(Kind::Mirrored);
    }
    kinds.push(shape);
    kinds
}

fn once(kind: Kind, mut subject: Subject, props: Props<'_>, dice: &mut Dice) -> Subject {
    let eyes = subject.eyes();
    let picture = &subject.picture;
    subject.picture = match kind {
        Kind::Mirrored => return geometry::mirrored(subject),
        Kind::Cropped => geometry::cropped(&subject, dice),
        Kind::Turned => geometry::turned(&subject, dice),
        Kind::Rescaled => geometry::rescaled(&subject, dice),
        Kind::Stretched => geometry::stretched(picture, dice),
        Kind::Perspective => geometry::perspective(picture, dice),
        Kind::Lens => geometry::lens(&subject, dice),
        Kind::Gamma => tone::gamma(picture, dice),
        Kind::WhiteBalance => tone::white_balance(picture, dice),
        Kind::Grey => tone::grey(picture, dice),
        Kind::Curve => tone::curve(picture, dice),
        Kind::Shadow => optics::shadow(picture, dice.between(0.3, 0.75), dice),
        Kind::Noise => optics::noise(picture, dice.between(8.0, 32.0), dice.bits()),
        Kind::Blur => optics::blur(picture, dice.between(0.02, 0.07) * eyes),
        Kind::MotionBlur => {
            let length = dice.between(0.06, 0.2) * eyes;
            optics::motion(picture, length, dice.between(0.0, std::f32::consts::PI))
        }
        Kind::Jpeg => {
            subject.quality = dice.whole(6, 25) as u8;
            return subject;
        }
        Kind::Pattern => overlay::pattern(&subject, dice),
        Kind::Text => overlay::text(&subject, props.fonts, dice),
        Kind::Sticker => overlay::sticker(&subject, dice),
        Kind::Frame => overlay::frame(picture, dice),
        Kind::CutOut => overlay::cut_out(&subject, dice),
        Kind::Screen => {
            let shown = geometry::enlarged(&subject, SHOWN_EYES);
            copy::shown(&shown, dice.unit(), SHOWN_EYES / 14.0, dice)
        }
        Kind::Printed => {
            let page = geometry::enlarged(&subject, PRINTED_EYES);
            copy::printed(&page, dice.between(0.0, 0.6), PRINTED_EYES / 14.0, dice)
        }
        Kind::UnderExposed => tone::under_exposed(picture, dice),
        Kind::OverExposed => tone::over_exposed(picture, dice),
        Kind::Mask => cover::mask(&subject, dice),
        Kind::DarkGlasses => cover::dark_glasses(&subject, dice),
        Kind::Hand => cover::hand(&subject, dice),
        Kind::EyePatch => cover::eye_patch(&subject, dice),
        Kind::HalfCovered => cover::half_covered(&subject, dice),
        Kind::CutOff => cover::cut_off(&subject, dice),
        Kind::SecondPerson => company::second_person(&subject, props.other, dice),
        Kind::HeldPortrait => company::held_portrait(&subject, props.other, dice),
        // Taken apart before.
        Kind::MirroredPerspective | Kind::Combined => return subject,
    };
    subject
}
