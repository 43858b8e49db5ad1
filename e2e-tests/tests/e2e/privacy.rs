//! Nothing personal, and no key, is found in any log line, span or metric.

use cli::client::Submission;
use cli::specimen::{Format, Sex, Specimen};
use e2e_tests::stage::stage;
use time::macros::date;
use vision::models::Sample;

const SURNAME: &str = "QUETZALCOATLUS";
const GIVEN_NAME: &str = "WILHELMVINA";
const NUMBER: &str = "X7K9Q2W4Z";

#[test]
fn a_planted_name_and_number_stay_out_of_logs_and_spans() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let planted = Specimen {
        surname: SURNAME.to_owned(),
        given_names: GIVEN_NAME.to_owned(),
        number: NUMBER.to_owned(),
        birth: date!(1961 - 11 - 23),
        expiry: date!(2037 - 02 - 19),
        sex: Sex::M,
        ..stage.pictures.specimen(Format::Td3)?
    };
    let submission = Submission {
        document: stage.pictures.front(&planted)?,
        selfie: Some(stage.pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    };
    let (outcome, _) = stage.verify_traced(submission)?;
    // It was read, so that it could have been told.
    let document = outcome.report.document.expect("checked");
    assert_eq!(document.last_name.as_deref(), Some(SURNAME));
    assert_eq!(document.number.as_deref(), Some(NUMBER));

    // Its pictures are read over links, which nobody writes down.
    let links = stage.run(stage.client()?.links(&outcome.session))?;
    assert_eq!(links.len(), 4, "with the face crops");
    let mut signatures = Vec::new();
    for (_, link) in &links {
        let address = stage.deployment.address();
        let path = link.url.strip_prefix(address).expect("at the address that was called");
        let socket = address.trim_start_matches("http://").parse()?;
        assert_eq!(stage.run(service_kit::testing::get(socket, path))?.0, 200);
        let (_, signature) = link.url.rsplit_once('=').expect("a signature");
        signatures.push(signature.to_owned());
    }

    let spans: Vec<String> = stage.spans().iter().map(|span| format!("{span:?}")).collect();
    let told = format!("{}\n{}\n{:?}", stage.logs(), spans.join("\n"), stage.metrics()?).to_uppercase();
    for service in ["SESSION-SVC", "REPORT-SVC", "DOC-CHECK-SVC", "SELFIE-SVC"] {
        assert!(
            told.contains(service),
            "{service} tells nothing, so that this test would pass whatever it told"
        );
    }

    let keys = stage.deployment.keys();
    let secrets = [
        &keys.api_key,
        &keys.restricted_api_key,
        &keys.test_api_key,
        &keys.restricted_test_api_key,
        &keys.client_secret_key,
        &keys.master_key,
        &keys.service_token,
    ];
    let mut forbidden: Vec<String> = secrets.map(|key| key.expose().to_owned()).into();
    forbidden.extend(signatures);
    // Pieces of six characters: a truncated or wrapped name is a leak as well.
    forbidden.extend([SURNAME, GIVEN_NAME, NUMBER].into_iter().flat_map(pieces));
    // Dates as the zone, a report and a person write them, and the lines of the zone. Six digits alone would be found in ids.
    let written = [
        "UTO611123",
        "M370219",
        "1961-11-23",
        "2037-02-19",
        "23 NOV",
        "23.11.1961",
        "P<UTO",
        "<<<<",
    ];
    forbidden.extend(written.map(str::to_owned));
    for value in forbidden {
        assert!(
            !told.contains(&value.to_uppercase()),
            "{} characters of it were told",
            value.len()
        );
    }
    Ok(())
}

fn pieces(text: &str) -> impl Iterator<Item = String> {
    let letters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = letters.windows(6).map(|piece| piece.iter().collect()).collect();
    pieces.into_iter()
}
