//! What a person submits.

use cli::client::Submission;
use cli::specimen::{Fonts, Format, Specimen};
use service_kit::testing::skipped;
use vision::models::{Item, ModelStore, Sample, Silent, State};
use vision::picture::{Limits, Picture};

/// A passport and a selfie of the same person; `None`, and a printed line, where the networks were not fetched.
pub(crate) fn submission() -> anyhow::Result<Option<Submission>> {
    let store = ModelStore::open_default()?;
    if Item::required().any(|item| store.state(item) != State::Ready) {
        skipped("models, samples or fonts are not installed (bonafide models fetch)");
        return Ok(None);
    }
    let portrait = Picture::decode(&store.sample(Sample::Obama)?, &Limits::default())?;
    let specimen = Specimen {
        portrait: Some(portrait),
        ..Specimen::example(Format::Td3)
    };
    let page = specimen.draw(&Fonts::load(&store, &Silent)?, 1000)?.front;
    let document = page.encode_jpeg(90)?;
    Ok(Some(Submission {
        document,
        selfie: Some(store.sample(Sample::Obama2)?),
        ..Submission::default()
    }))
}
