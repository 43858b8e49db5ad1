//! The service over real gRPC, with the real networks and pictures drawn here. Skips where models are not installed.

use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};
use doc_check_svc::config::Config;
use doc_check_svc::mrz::{Date, Fields, Format, Sex, compose};
use doc_check_svc::reader::MODELS;
use doc_check_svc::server::DocCheckSvc;
use proto::document::v1::document_check_service_client::DocumentCheckServiceClient;
use proto::document::v1::{CheckDocumentRequest, CheckDocumentResponse, DocumentImage, DocumentPolicy};
use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::{
    CheckStatus, Date as DateMessage, DocumentOptions, DocumentReport, DocumentType, ImagePurpose, Sex as SexMessage,
    VerificationErrorCode,
};
use service_kit::client::ServiceChannel;
use service_kit::config::ComputeConfig;
use service_kit::service::Service as _;
use service_kit::status;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use vision::models::{Font, ModelStore, State};
use vision::picture::Picture;

struct Running {
    runtime: Runtime,
    channel: ServiceChannel,
    font: Vec<u8>,
}

/// One service for all tests of this binary: loading the networks takes longer than most tests.
fn running() -> Option<&'static Running> {
    static RUNNING: OnceLock<Option<Running>> = OnceLock::new();
    let running = RUNNING.get_or_init(|| {
        let store = ModelStore::open_default().ok()?;
        let ready = |item| store.state(item) == State::Ready;
        if !MODELS.into_iter().all(|model| ready(model.into())) || !ready(Font::OcrB.into()) {
            return None;
        }
        let font = store.font(Font::OcrB).ok()?;
        let runtime = Runtime::new().expect("a runtime");
        let config = Config {
            compute: ComputeConfig {
                queue: Some(64),
                ..ComputeConfig::default()
            },
            ..Config::default()
        };
        let service = runtime.block_on(DocCheckSvc::bind(config)).expect("starts");
        let address = format!("http://{}", service.local_addr());
        runtime.spawn(service.serve(CancellationToken::new()));
        let channel = {
            let _inside = runtime.enter();
            ServiceChannel::new(&address, None).expect("an address")
        };
        Some(Running { runtime, channel, font })
    });
    if running.is_none() {
        service_kit::testing::skipped("models or fonts are not installed (bonafide models fetch)");
    }
    running.as_ref()
}

const TODAY: DateMessage = DateMessage {
    day: Some(22),
    month: Some(11),
    year: Some(2026),
};

impl Running {
    fn call(&self, request: CheckDocumentRequest) -> Result<CheckDocumentResponse, Status> {
        let mut client = DocumentCheckServiceClient::new(self.channel.clone())
            .max_encoding_message_size(proto::MAX_CHECK_MESSAGE_BYTES);
        self.runtime
            .block_on(client.check_document(request))
            .map(tonic::Response::into_inner)
    }

    /// Checks one picture of the front, and one of the back where there is one. Specimens are allowed.
    fn check(&self, pictures: &[&[u8]], allowed: &[DocumentType]) -> CheckDocumentResponse {
        let policy = DocumentPolicy {
            allow_specimens: true,
            ..DocumentPolicy::default()
        };
        self.check_by(Some(policy), pictures, allowed)
    }

    fn check_by(
        &self,
        policy: Option<DocumentPolicy>,
        pictures: &[&[u8]],
        allowed: &[DocumentType],
    ) -> CheckDocumentResponse {
        let purposes = [ImagePurpose::DocumentFront, ImagePurpose::DocumentBack];
        let images = pictures.iter().zip(purposes).map(|(data, purpose)| DocumentImage {
            file: format!("file_{}", purpose.as_str_name().to_lowercase()),
            purpose: purpose.into(),
            data: data.to_vec(),
        });
        let request = CheckDocumentRequest {
            images: images.collect(),
            options: Some(DocumentOptions {
                allowed_types: allowed.iter().map(|kind| i32::from(*kind)).collect(),
                ..DocumentOptions::default()
            }),
            today: Some(TODAY),
            policy,
        };
        self.call(request).expect("a result, whatever the pictures")
    }

    /// A page that carries these lines at its foot in the size and pitch of the standard, and this print above, beside a portrait's
    /// place, as a picture 1,200 pixels wide. It is Utopia's.
    fn page(&self, lines: &[String], print: &[(&str, &str)]) -> Picture {
        let font = FontRef::try_from_slice(&self.font).expect("a font");
        let length = lines.iter().map(String::len).max().unwrap_or(30) as f32;
        let pitch = 1100.0 / length;
        let (width, height) = (1200, 890);
        let mut ink = Ink {
            font,
            width,
            dark: vec![0.0; width * height],
        };
        for (row, line) in lines.iter().enumerate() {
            let y = height as f32 - 2.2 * pitch * (lines.len() - row) as f32;
            ink.write(line, 50.0, y, pitch);
        }
        ink.write("UTOPIA", 850.0, 300.0, 24.0);
        for (row, (label, value)) in print.iter().enumerate() {
            let y = 100.0 + 82.0 * row as f32;
            ink.write(label, 400.0, y, 13.0);
            ink.write(value, 400.0, y + 38.0, 21.0);
        }
        Picture::from_fn(width as u32, height as u32, |x, y| {
            let cover = ink.dark[y as usize * width + x as usize].min(1.0);
            let paper = match (x, y) {
                (60..360, 170..600) => shades(x, y),
                // A band of colour, as documents have.
                (_, ..50) => [60.0, 90.0, 170.0],
                _ => [205.0, 222.0, 225.0],
            };
            paper.map(|paper| (paper * (1.0 - 0.85 * cover)) as u8)
        })
    }

    fn specimen(&self, format: Format, expiry: i32) -> Picture {
        self.page(&lines(format, expiry), &print(format, &format!("15 APR {expiry}")))
    }
}

/// What a portrait has for a page, without a person: soft shades of light and dark.
fn shades(x: u32, y: u32) -> [f32; 3] {
    let wave = |at: u32, length: f32| (at as f32 / length).sin();
    let light = 0.6 + 0.35 * wave(x, 45.0) * wave(y, 60.0);
    [230.0, 190.0, 165.0].map(|channel| channel * light)
}

/// What is drawn on a page.
struct Ink<'a> {
    font: FontRef<'a>,
    width: usize,
    dark: Vec<f32>,
}

impl Ink<'_> {
    /// Writes a line on the baseline `y`, a character every `pitch` pixels.
    fn write(&mut self, line: &str, x: f32, y: f32, pitch: f32) {
        let unit = self
            .font
            .as_scaled(PxScale::from(100.0))
            .h_advance(self.font.glyph_id('A'));
        let scale = PxScale::from(pitch / unit * 100.0);
        for (column, symbol) in line.chars().enumerate() {
            let place = point(x + column as f32 * pitch, y);
            let glyph = self.font.glyph_id(symbol).with_scale_and_position(scale, place);
            let Some(outline) = self.font.outline_glyph(glyph) else {
                continue;
            };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, cover| {
                let (x, y) = (bounds.min.x as usize + dx as usize, bounds.min.y as usize + dy as usize);
                if let Some(place) = self.dark.get_mut(y * self.width + x) {
                    *place = place.max(cover);
                }
            });
        }
    }
}

/// The print of the document of [`lines`].
fn print(format: Format, expiry: &str) -> [(&'static str, &str); 6] {
    [
        ("Surname", "ERIKSSON"),
        ("Given names", "ANNA MARIA"),
        ("Document no.", number(format)),
        ("Date of birth", "12 AUG 1974"),
        ("Sex", "F"),
        ("Date of expiry", expiry),
    ]
}

fn number(format: Format) -> &'static str {
    match format {
        Format::Td1 => "D23145890734",
        Format::Td2 => "D23145890",
        Format::Td3 | Format::MrvA | Format::MrvB => "L898902C3",
    }
}

fn lines(format: Format, expiry: i32) -> Vec<String> {
    let document_code = match format {
        Format::Td1 | Format::Td2 => "I",
        Format::Td3 => "P",
        Format::MrvA | Format::MrvB => "V",
    };
    compose(&Fields {
        format,
        document_code,
        issuing_state: "UTO",
        surname: "Eriksson",
        given_names: "Anna Maria",
        number: number(format),
        nationality: "UTO",
        birth_date: Date::new(Some(1974), Some(8), Some(12)).expect("a date"),
        sex: Sex::Female,
        expiry_date: Date::new(Some(expiry), Some(4), Some(15)).expect("a date"),
        optional: "",
        second_optional: "",
    })
    .expect("fields that fit")
}

fn png(picture: &Picture) -> Vec<u8> {
    picture.encode_png().expect("encodes")
}

fn grey(width: u32, height: u32) -> Vec<u8> {
    png(&Picture::from_fn(width, height, |_, _| [128; 3]))
}

fn report(response: &CheckDocumentResponse) -> &DocumentReport {
    response.document.as_ref().expect("a report")
}

fn code(response: &CheckDocumentResponse) -> Option<VerificationErrorCode> {
    report(response).error.as_ref().map(|error| error.code())
}

#[test]
fn reads_a_passport() {
    let Some(running) = running() else { return };
    let response = running.check(&[&png(&running.specimen(Format::Td3, 2032))], &[DocumentType::Passport]);
    let report = report(&response);
    assert_eq!((report.status(), code(&response)), (CheckStatus::Verified, None));
    assert_eq!(report.r#type(), DocumentType::Passport);
    assert_eq!(report.first_name.as_deref(), Some("ANNA MARIA"));
    assert_eq!(report.last_name.as_deref(), Some("ERIKSSON"));
    assert_eq!(report.number.as_deref(), Some("L898902C3"));
    assert_eq!(report.issuing_country.as_deref(), Some("UTO"));
    assert_eq!(
        (report.sex(), report.unparsed_sex.as_deref()),
        (SexMessage::Female, Some("F"))
    );
    let day = |day, month, year| DateMessage {
        day: Some(day),
        month: Some(month),
        year: Some(year),
    };
    assert_eq!(report.dob, Some(day(12, 8, 1974)));
    assert_eq!(report.expiration_date, Some(day(15, 4, 2032)));
    assert_eq!(report.files, ["file_image_purpose_document_front"]);
    let insights = response.insights.as_ref().expect("insights");
    let zone = insights.machine_readable_zone.as_ref().expect("a zone");
    assert!(zone.check_digits_valid && zone.rotation == 0 && zone.confidence > 0.8);
    let others = insights
        .checks
        .iter()
        .filter(|check| check.outcome() != Outcome::Passed);
    let others: Vec<_> = others.map(|check| (check.name.as_str(), check.outcome())).collect();
    let expected = ["document_not_specimen", "issue_date_plausible"];
    assert_eq!(others, expected.map(|name| (name, Outcome::NotAvailable)));
    assert_eq!((insights.models.len(), insights.timings.len()), (2, 5));
}

#[test]
fn reads_a_card_from_its_back_that_lies_on_its_side() {
    let Some(running) = running() else { return };
    let back = running.specimen(Format::Td1, 2032);
    for (turned, rotation) in [(back.rotate90(), 270), (back.rotate180(), 180)] {
        let response = running.check(&[&grey(900, 600), &png(&turned)], &[]);
        assert_eq!(code(&response), None);
        assert_eq!(report(&response).r#type(), DocumentType::IdCard);
        assert_eq!(report(&response).number.as_deref(), Some("D23145890734"));
        let zone = response
            .insights
            .and_then(|insights| insights.machine_readable_zone)
            .expect("a zone");
        assert_eq!(
            (zone.rotation, zone.file.as_str()),
            (rotation, "file_image_purpose_document_back")
        );
    }
}

#[test]
fn says_why_a_document_fails() {
    let Some(running) = running() else { return };
    let expired = running.check(&[&png(&running.specimen(Format::Td3, 2026))], &[]);
    assert_eq!(code(&expired), Some(VerificationErrorCode::DocumentExpired));
    let allowed = [DocumentType::Passport];
    let card = running.check(&[&png(&running.specimen(Format::Td2, 2032))], &allowed);
    assert_eq!(code(&card), Some(VerificationErrorCode::DocumentTypeNotSupported));
    let visa = running.check(&[&png(&running.specimen(Format::MrvA, 2032))], &[]);
    assert_eq!(code(&visa), Some(VerificationErrorCode::DocumentTypeNotSupported));
    // One digit of the number altered, its check digits left as they were.
    let mut altered = lines(Format::Td3, 2032);
    altered[1].replace_range(3..4, "4");
    let altered = running.check(
        &[&png(&running.page(&altered, &print(Format::Td3, "15 APR 2032")))],
        &[],
    );
    assert_eq!(code(&altered), Some(VerificationErrorCode::DocumentUnverifiedOther));
    assert_eq!(
        report(&altered).number,
        None,
        "what the check digit contradicts is not told"
    );
    assert_eq!(report(&altered).last_name.as_deref(), Some("ERIKSSON"));
}

#[test]
fn the_operators_policy_decides_and_codes_for_sessions_stay_out_of_the_report() {
    let Some(running) = running() else { return };
    let page = png(&running.specimen(Format::Td3, 2032));
    let strict = running.check_by(None, &[&page], &[]);
    assert_eq!(
        code(&strict),
        Some(VerificationErrorCode::DocumentUnverifiedOther),
        "a specimen"
    );
    assert_eq!(strict.session_error, None);
    let lenient = || DocumentPolicy {
        allow_specimens: true,
        ..DocumentPolicy::default()
    };
    let elsewhere = DocumentPolicy {
        allowed_countries: vec!["SE".to_owned()],
        ..lenient()
    };
    let older = DocumentPolicy {
        least_age: Some(60),
        ..lenient()
    };
    for (policy, expected) in [
        (elsewhere, VerificationErrorCode::CountryNotSupported),
        (older, VerificationErrorCode::UnderSupportedAge),
    ] {
        let response = running.check_by(Some(policy), &[&page], &[]);
        assert_eq!(code(&response), Some(VerificationErrorCode::DocumentUnverifiedOther));
        let of_session = response.session_error.as_ref().expect("a code of its own");
        assert_eq!(of_session.code(), expected);
        assert_eq!(
            Some(&of_session.reason),
            report(&response).error.as_ref().map(|error| &error.reason)
        );
    }
}

#[test]
fn a_bad_picture_is_a_result() {
    let Some(running) = running() else { return };
    let whole = png(&running.specimen(Format::Td3, 2032));
    let huge = vec![0xFF; proto::MAX_IMAGE_BYTES + 1];
    let pictures: [(&str, &[u8]); 6] = [
        ("empty", &[]),
        ("truncated", &whole[..whole.len() / 2]),
        ("huge", &huge),
        ("not a picture", b"GIF89a, or so it says"),
        ("one pixel", &grey(1, 1)),
        ("no zone", &grey(800, 600)),
    ];
    for (name, bytes) in pictures {
        let response = running.check(&[bytes], &[]);
        assert_eq!(
            code(&response),
            Some(VerificationErrorCode::DocumentUnverifiedOther),
            "{name}"
        );
        assert_eq!(report(&response).number, None, "{name}");
        let error = report(&response).error.as_ref().expect("an error");
        assert!(error.reason.ends_with('.'), "{name}: a sentence");
    }
    // One bad picture beside a good one does no harm.
    let response = running.check(&[&[], &whole], &[]);
    assert_eq!(code(&response), None);
}

#[test]
fn a_wrong_request_is_refused_with_every_violation() {
    let Some(running) = running() else { return };
    let image = |purpose: ImagePurpose| DocumentImage {
        file: String::new(),
        purpose: purpose.into(),
        data: Vec::new(),
    };
    let refused = |request| {
        let status = running.call(request).expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status::reason(&status), Some(proto::reason::INVALID_FIELDS));
        let violations = status.get_details_bad_request().expect("violations").field_violations;
        violations
            .into_iter()
            .map(|violation| violation.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(refused(CheckDocumentRequest::default()), ["images"]);
    let request = CheckDocumentRequest {
        images: vec![image(ImagePurpose::Selfie)],
        options: Some(DocumentOptions {
            allowed_types: vec![0, 1, 77],
            ..DocumentOptions::default()
        }),
        today: Some(DateMessage {
            day: Some(31),
            month: Some(2),
            year: Some(2026),
        }),
        policy: Some(DocumentPolicy {
            allowed_countries: vec!["SE".to_owned(), "UK".to_owned()],
            ..DocumentPolicy::default()
        }),
    };
    assert_eq!(
        refused(request),
        [
            "images[0].purpose",
            "options.allowed_types[0]",
            "options.allowed_types[2]",
            "policy.allowed_countries[1]",
            "today"
        ]
    );
    let twice = CheckDocumentRequest {
        images: vec![image(ImagePurpose::DocumentFront), image(ImagePurpose::DocumentFront)],
        ..CheckDocumentRequest::default()
    };
    assert_eq!(refused(twice), ["images"]);
}

#[test]
fn refuses_more_than_it_can_queue() {
    let Some(running) = running() else { return };
    let page = png(&running.specimen(Format::Td3, 2032));
    let outcomes = running.runtime.block_on(async {
        let one = std::num::NonZeroUsize::MIN;
        let config = Config {
            compute: ComputeConfig {
                workers: Some(one),
                queue: Some(1),
                ..ComputeConfig::default()
            },
            ..Config::default()
        };
        let service = DocCheckSvc::bind(config).await.expect("starts");
        let address = format!("http://{}", service.local_addr());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(service.serve(stop.clone()));
        let channel = ServiceChannel::new(&address, None).expect("an address");
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let mut client = DocumentCheckServiceClient::new(channel.clone());
            let image = DocumentImage {
                file: "file_front".to_owned(),
                purpose: ImagePurpose::DocumentFront.into(),
                data: page.clone(),
            };
            calls.spawn(async move {
                let request = CheckDocumentRequest {
                    images: vec![image],
                    ..CheckDocumentRequest::default()
                };
                client.check_document(request).await.map(|_| ())
            });
        }
        let outcomes = calls.join_all().await;
        stop.cancel();
        serving.await.expect("no panic").expect("served to the end");
        outcomes
    });
    // One runs and one waits; whoever comes while both are there is told to try later. The first to come still waits in the queue
    // when the others arrive at the same moment.
    let refused: Vec<&Status> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!((1..=5).contains(&refused.len()), "{} of 6 refused", refused.len());
    for status in refused {
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status::reason(status), Some(proto::reason::OVERLOADED));
        assert!(status::retry_after(status).is_some());
    }
}
