//! What befalls a document on its way from the printer to a file: covers, a table, a camera, a copier, a screen. Seeded, so that the
//! same choices make the same picture, and every degradation says how strong it was.

mod camera;
pub(crate) mod copy;
mod cover;
mod kind;
pub(crate) mod optics;
mod table;

use serde::{Deserialize, Serialize};
use vision::geometry::{Perspective, Rect};
use vision::picture::Picture;

use crate::specimen::ZonePlace;
use crate::specimen::dice::Dice;
use camera::Camera;
pub(crate) use camera::sample;
use cover::Cover;
pub use kind::Kind;

/// One degradation of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Degradation {
    /// Which.
    pub kind: Kind,
    /// How strong, from 0 (hardly seen) to 1 (hardly legible).
    pub strength: f32,
    /// The same as a physical quantity.
    pub amount: f32,
    /// Its unit.
    pub unit: String,
    /// The side of the document, `front` or `back`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
}

impl Degradation {
    fn new(kind: Kind, strength: f32, amount: f32, unit: &str) -> Degradation {
        Degradation {
            kind,
            strength,
            amount,
            unit: unit.to_owned(),
            side: None,
        }
    }
}

/// Characters of the zone that something lies over, counted from 1 as the standard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Line.
    pub line: usize,
    /// First position.
    pub first: usize,
    /// Last position.
    pub last: usize,
    /// What lies over them.
    pub by: Kind,
}

/// What is to be done to one side of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recipe(pub(crate) Vec<(Kind, f32)>);

/// One side as it was photographed.
pub(crate) struct Photograph {
    /// The picture.
    pub(crate) picture: Picture,
    /// Quality of its JPEG file.
    pub(crate) quality: u8,
    /// From its pixels to the page, in millimetres from the page's top left corner.
    pub(crate) to_page: Perspective,
    /// What was done.
    pub(crate) degradations: Vec<Degradation>,
    /// Which characters of the zone are covered or outside of the picture.
    pub(crate) covered: Vec<Covered>,
}

impl Recipe {
    fn strength(&self, kind: Kind) -> Option<f32> {
        self.0
            .iter()
            .find(|(each, _)| *each == kind)
            .map(|(_, strength)| *strength)
    }

    /// Whether another document is in the picture.
    pub(crate) fn needs_another(&self) -> bool {
        self.strength(Kind::TwoDocuments).is_some()
    }

    /// Photographs `page`, a side of a document whose zone is at `place`, that has the zone or not. `other` is a page that may lie beside it.
    pub(crate) fn photograph(
        &self,
        page: &Picture,
        place: ZonePlace,
        zone: bool,
        other: Option<&Picture>,
        dice: &mut Dice,
    ) -> Photograph {
        let mut done = Vec::new();
        let mut page = page.clone();
        let scale = page.width() as f32 / place.format.size().0;

        // What lies on the page itself, then copies of it.
        let covers: Vec<Cover> = self
            .0
            .iter()
            .filter(|(kind, _)| zone && kind.is_cover())
            .map(|&(kind, strength)| Cover::over(kind, strength, place, dice))
            .collect();
        let mut covered = Vec::new();
        for cover in &covers {
            let positions = cover.positions(place);
            let under: usize = positions.iter().map(|each| each.last - each.first + 1).sum();
            done.push(Degradation::new(cover.kind, cover.strength, under as f32, "characters"));
            covered.extend(positions);
            page = cover.on_page(page, scale);
        }
        if let Some(strength) = self.strength(Kind::GreyCopy) {
            page = copy::grey(&page, strength, dice);
            done.push(Degradation::new(Kind::GreyCopy, strength, 1.0 + strength, "contrast"));
        }
        if let Some(strength) = self.strength(Kind::PrintedCopy) {
            page = copy::printed(&page, strength, scale, dice);
            done.push(Degradation::new(
                Kind::PrintedCopy,
                strength,
                0.16 + 0.2 * strength,
                "mm dot pitch",
            ));
        }

        let crop = covers.iter().find_map(|cover| cover.crop(place.format));
        let camera = Camera::aim(self, place.format, scale, crop, dice, &mut done);
        covered.extend(camera.outside(place).into_iter().filter(|_| zone));
        let mut picture = camera.take(&page, other, &covers, dice);

        // Light and the sensor. Blur is measured in characters, so that it means the same at every size.
        let pitch = camera.pitch();
        if let Some(strength) = self.strength(Kind::Shadow) {
            picture = optics::shadow(&picture, 0.2 + 0.55 * strength, dice);
            done.push(Degradation::new(
                Kind::Shadow,
                strength,
                100.0 * (0.2 + 0.55 * strength),
                "% darker",
            ));
        }
        if let Some(strength) = self.strength(Kind::LowContrast) {
            let kept = 1.0 - 0.82 * strength;
            picture = optics::contrast(&picture, kept, dice);
            done.push(Degradation::new(
                Kind::LowContrast,
                strength,
                100.0 * kept,
                "% of contrast",
            ));
        }
        if let Some(strength) = self.strength(Kind::Defocus) {
            let sigma = 0.03 + 0.19 * strength;
            picture = optics::blur(&picture, sigma * pitch);
            done.push(Degradation::new(Kind::Defocus, strength, sigma, "characters sigma"));
        }
        if let Some(strength) = self.strength(Kind::MotionBlur) {
            let length = 0.08 + 0.72 * strength;
            picture = optics::motion(&picture, length * pitch, dice.between(0.0, std::f32::consts::PI));
            done.push(Degradation::new(Kind::MotionBlur, strength, length, "characters"));
        }
        if let Some(strength) = self.strength(Kind::Noise) {
            let sigma = 2.0 + 26.0 * strength;
            picture = optics::noise(&picture, sigma, dice.bits());
            done.push(Degradation::new(Kind::Noise, strength, sigma, "levels sigma"));
        }
        let mut quality = 93;
        if let Some(strength) = self.strength(Kind::Jpeg) {
            quality = (92.0 - 80.0 * strength) as u8;
            done.push(Degradation::new(Kind::Jpeg, strength, f32::from(quality), "quality"));
        }
        Photograph {
            picture,
            quality,
            to_page: camera.to_page(),
            degradations: done,
            covered,
        }
    }
}

/// The characters of the zone of which at least `least` is hidden, by `hidden` at places in millimetres; runs, counted from 1.
fn runs(place: ZonePlace, by: Kind, least: f32, hidden: impl Fn(f32, f32) -> bool) -> Vec<Covered> {
    const ACROSS: usize = 8;
    const DOWN: usize = 10;
    let lost = |cell: Rect| {
        // Print fills about the middle two thirds of its cell's width.
        let points = (0..ACROSS * DOWN).filter(|at| {
            let x = cell.x + cell.width * (0.17 + 0.66 * ((at % ACROSS) as f32 + 0.5) / ACROSS as f32);
            let y = cell.y + cell.height * ((at / ACROSS) as f32 + 0.5) / DOWN as f32;
            hidden(x, y)
        });
        points.count() as f32 / (ACROSS * DOWN) as f32 >= least
    };
    let format = place.format.zone();
    let mut runs: Vec<Covered> = Vec::new();
    for line in 0..format.lines() {
        for position in 0..format.line_length() {
            if !lost(place.cell(line, position)) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.line == line + 1 && run.last == position => run.last += 1,
                _ => runs.push(Covered {
                    line: line + 1,
                    first: position + 1,
                    last: position + 1,
                    by,
                }),
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests;
