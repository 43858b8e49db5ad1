//! Pictures to submit: specimens and the samples of the demonstration.

use anyhow::Context as _;
use cli::specimen::{Fonts, Format, Pages, Specimen};
use service_kit::testing::skipped;
use vision::models::{Item, ModelStore, Sample, Silent, State};
use vision::picture::{Limits, Picture};

/// Width of a specimen in pixels: small, and still 20 pixels for each character of the machine-readable zone.
const WIDTH: u32 = 1000;

/// Draws specimens and hands out samples.
pub struct Pictures {
    store: ModelStore,
    fonts: Fonts,
}

impl Pictures {
    /// `None`, and a printed line, where the networks, samples or fonts were not fetched.
    pub fn open() -> Option<Self> {
        let store = ModelStore::open_default().ok()?;
        if Item::required().any(|item| store.state(item) != State::Ready) {
            skipped("models, samples or fonts are not installed (bonafide models fetch)");
            return None;
        }
        let fonts = Fonts::load(&store, &Silent).expect("the fonts are ready");
        Some(Self { store, fonts })
    }

    /// The store that they come from.
    pub fn store(&self) -> &ModelStore {
        &self.store
    }

    /// A sample's file.
    pub fn sample(&self, sample: Sample) -> anyhow::Result<Vec<u8>> {
        Ok(self.store.sample(sample)?)
    }

    /// A valid specimen with the portrait of obama.jpg.
    pub fn specimen(&self, format: Format) -> anyhow::Result<Specimen> {
        let portrait = self.decoded(Sample::Obama)?;
        Ok(Specimen {
            portrait: Some(portrait),
            ..Specimen::example(format)
        })
    }

    /// A sample's pixels.
    pub fn decoded(&self, sample: Sample) -> anyhow::Result<Picture> {
        Ok(Picture::decode(&self.sample(sample)?, &Limits::default())?)
    }

    /// The specimen's pages.
    pub fn draw(&self, specimen: &Specimen) -> anyhow::Result<Pages> {
        specimen.draw(&self.fonts, WIDTH).context("the specimen can be drawn")
    }

    /// The front of a specimen as a JPEG file.
    pub fn front(&self, specimen: &Specimen) -> anyhow::Result<Vec<u8>> {
        Ok(self.draw(specimen)?.front.encode_jpeg(90)?)
    }

    /// A valid passport with the portrait of obama.jpg.
    pub fn passport(&self) -> anyhow::Result<Vec<u8>> {
        self.front(&self.specimen(Format::Td3)?)
    }
}

/// `picture` in the middle of a grey table, as a camera of `width`×`height` pixels sees it.
pub fn on_table(picture: &Picture, width: u32, height: u32) -> Picture {
    let (left, top) = (
        width.saturating_sub(picture.width()) / 2,
        height.saturating_sub(picture.height()) / 2,
    );
    Picture::from_fn(width, height, |x, y| match (x.checked_sub(left), y.checked_sub(top)) {
        (Some(x), Some(y)) if x < picture.width() && y < picture.height() => picture.pixel(x, y),
        _ => [96, 92, 88],
    })
}

/// Several pictures side by side, scaled to one height.
pub fn side_by_side(pictures: &[Picture], height: u32) -> Picture {
    let scaled: Vec<Picture> = pictures
        .iter()
        .map(|picture| {
            let width = u64::from(picture.width()) * u64::from(height) / u64::from(picture.height());
            picture.resize(width as u32, height)
        })
        .collect();
    let width = scaled.iter().map(Picture::width).sum();
    Picture::from_fn(width, height, |mut x, y| {
        for picture in &scaled {
            if x < picture.width() {
                return picture.pixel(x, y);
            }
            x -= picture.width();
        }
        [0; 3]
    })
}
