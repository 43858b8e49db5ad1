//! The gRPC side: a request in, work onto the pool, an answer out.

use std::sync::Arc;
use std::time::Duration;

use proto::document::v1::document_check_service_server::DocumentCheckService;
use proto::document::v1::{CheckDocumentRequest, CheckDocumentResponse};
use proto::identity::v1::{CheckDetail, CheckStatus, DocumentInsights, VerificationError, VerificationErrorCode};
use service_kit::compute::{Caller, Pool};
use service_kit::{insights, stage};
use tonic::{Request, Response, Status};
use vision::picture::{DecodeError, Limits, Picture};

use crate::error::Error;
use crate::evidence::PrintSays;
use crate::inspection::{Inspection, inspect};
use crate::message;
use crate::policy::Code;
use crate::reader::{DocumentReader, Spent, Zone};
use crate::request::Check;
use crate::rules::{Reading, evaluate};

/// The service of doc-check-svc. Clones share everything.
#[derive(Clone)]
pub(crate) struct Documents {
    shared: Arc<Shared>,
    pool: Pool,
}

/// The check itself, without the calls.
pub(crate) struct Shared {
    reader: DocumentReader,
    limits: Limits,
}

impl Documents {
    pub(crate) fn new(reader: DocumentReader, pool: Pool) -> Self {
        Self {
            shared: Arc::new(Shared::new(reader)),
            pool,
        }
    }
}

#[tonic::async_trait]
impl DocumentCheckService for Documents {
    async fn check_document(
        &self,
        request: Request<CheckDocumentRequest>,
    ) -> Result<Response<CheckDocumentResponse>, Status> {
        let check = Check::try_from(request.into_inner())?;
        let shared = Arc::clone(&self.shared);
        let (answer, _) = self
            .pool
            .run(move |caller| shared.check(&check, caller))
            .await
            .map_err(Error::from)??;
        Ok(Response::new(answer))
    }
}

impl Shared {
    pub(crate) fn new(reader: DocumentReader) -> Self {
        Self {
            reader,
            limits: Limits::default(),
        }
    }

    /// The answer, and the zone that it rests on.
    pub(crate) fn check(&self, check: &Check, caller: &Caller) -> Result<(CheckDocumentResponse, Option<Zone>), Error> {
        let mut decode = Duration::ZERO;
        let decoded: Vec<Result<Picture, DecodeError>> = stage::timed("decode", &mut decode, || {
            let decoded = check
                .images
                .iter()
                .map(|image| Picture::decode(&image.data, &self.limits));
            decoded.collect()
        });
        let pictures: Vec<(usize, &Picture)> = decoded
            .iter()
            .enumerate()
            .filter_map(|(index, picture)| Some((index, picture.as_ref().ok()?)))
            .collect();
        let mut spent = Spent::default();
        let completion = check.requirements.completion;
        let zone = self
            .reader
            .read(&pictures, check.today, completion, &|| caller.gone(), &mut spent)?;

        let Inspection { findings, order } = stage::span("inspection")
            .in_scope(|| zone.as_ref().map(|zone| inspect(zone, &pictures)))
            .unwrap_or_default();

        let unreadable: Vec<DecodeError> = decoded.into_iter().filter_map(Result::err).collect();
        let mrz = zone.as_ref().map(|zone| &zone.mrz);
        let reading = Reading {
            pictures: check.images.len(),
            unreadable: &unreadable,
            mrz,
            fit: zone.as_ref().map_or(0.0, |zone| zone.fit),
            fields: zone.as_ref().map_or(&[], |zone| zone.fields.as_slice()),
            nationality: zone
                .as_ref()
                .map_or_else(PrintSays::default, |zone| (&zone.printed.nationality).into()),
            says_specimen: zone.as_ref().is_some_and(Zone::says_specimen),
            issued: zone
                .as_ref()
                .and_then(|zone| Some(zone.printed.issue_date.as_ref()?.value)),
        };
        let evaluation = evaluate(&reading, findings, &check.requirements, check.today);

        let mut report = zone.as_ref().map(message::report).unwrap_or_default();
        // A picture that could not be opened has no side: it comes last.
        let unordered = (0..check.images.len()).filter(|index| !order.contains(index));
        let files = order
            .iter()
            .copied()
            .chain(unordered)
            .filter_map(|index| check.images.get(index));
        report.files = files.map(|image| image.file.clone()).collect();
        report.status = match evaluation.refusal {
            None => CheckStatus::Verified,
            Some(_) => CheckStatus::Unverified,
        }
        .into();
        let error = |code: fn(Code) -> VerificationErrorCode| {
            evaluation.refusal.map(|refusal| VerificationError {
                code: code(refusal.code).into(),
                reason: refusal.sentence.to_owned(),
            })
        };
        report.error = error(Code::of_report);
        let session_error = error(Code::of_session).filter(|of_session| Some(of_session) != report.error.as_ref());
        let insights = DocumentInsights {
            machine_readable_zone: zone.as_ref().map(|zone| {
                let file = check.images.get(zone.picture).map(|image| image.file.clone());
                message::zone(zone, file.unwrap_or_default())
            }),
            fields: zone
                .iter()
                .flat_map(|zone| zone.fields.iter().map(message::field))
                .collect(),
            checks: evaluation.findings.into_iter().map(CheckDetail::from).collect(),
            timings: stage::timings(&[
                ("decode", decode),
                ("text_detection", spent.detect),
                ("text_recognition", spent.recognize),
                ("mrz_correction", spent.correct),
                ("print_recognition", spent.print),
            ]),
            models: self.reader.models().iter().map(insights::model).collect(),
        };
        let answer = CheckDocumentResponse {
            document: Some(report),
            insights: Some(insights),
            session_error,
        };
        Ok((answer, zone))
    }
}
