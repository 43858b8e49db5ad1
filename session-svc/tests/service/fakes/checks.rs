//! The two checks: they answer what they are told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use proto::document::v1::document_check_service_server::DocumentCheckService;
use proto::document::v1::{CheckDocumentRequest, CheckDocumentResponse};
use proto::selfie::v1::selfie_check_service_server::SelfieCheckService;
use proto::selfie::v1::{CheckSelfieRequest, CheckSelfieResponse};
use tokio::sync::{Notify, watch};
use tonic::{Request, Response, Status};

pub(crate) enum Answer {
    Refuse(Status),
    Panic,
    /// Does not answer before it is notified.
    After(Arc<Notify>),
}

/// A check's answers, and the requests it got. With no answer left it answers well.
pub(crate) struct Script<R> {
    answers: Mutex<VecDeque<Answer>>,
    requests: watch::Sender<Vec<R>>,
}

impl<R> Script<R> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::default(),
            requests: watch::Sender::new(Vec::new()),
        })
    }

    pub(crate) fn next(&self, answer: Answer) {
        self.answers.lock().expect("no panic").push_back(answer);
    }

    pub(crate) fn requests(&self) -> Vec<R>
    where
        R: Clone,
    {
        self.requests.borrow().clone()
    }

    /// Waits for the first request.
    pub(crate) async fn asked(&self) {
        let mut requests = self.requests.subscribe();
        let asked = requests.wait_for(|requests| !requests.is_empty()).await;
        asked.expect("the check is there");
    }

    async fn play(&self, request: R) -> Result<(), Status> {
        self.requests.send_modify(|requests| requests.push(request));
        let answer = self.answers.lock().expect("no panic").pop_front();
        match answer {
            None => Ok(()),
            Some(Answer::Refuse(status)) => Err(status),
            Some(Answer::Panic) => panic!("as planned"),
            Some(Answer::After(notify)) => {
                notify.notified().await;
                Ok(())
            }
        }
    }
}

#[derive(Clone)]
pub(crate) struct FakeDocument(pub(crate) Arc<Script<CheckDocumentRequest>>);

#[derive(Clone)]
pub(crate) struct FakeSelfie(pub(crate) Arc<Script<CheckSelfieRequest>>);

impl FakeDocument {
    pub(crate) fn new() -> Self {
        Self(Script::new())
    }
}

impl FakeSelfie {
    pub(crate) fn new() -> Self {
        Self(Script::new())
    }
}

#[tonic::async_trait]
impl DocumentCheckService for FakeDocument {
    async fn check_document(
        &self,
        request: Request<CheckDocumentRequest>,
    ) -> Result<Response<CheckDocumentResponse>, Status> {
        self.0.play(request.into_inner()).await?;
        Ok(Response::new(CheckDocumentResponse::default()))
    }
}

#[tonic::async_trait]
impl SelfieCheckService for FakeSelfie {
    async fn check_selfie(
        &self,
        request: Request<CheckSelfieRequest>,
    ) -> Result<Response<CheckSelfieResponse>, Status> {
        let request = request.into_inner();
        let faces = request.with_face_crops;
        self.0.play(request).await?;
        Ok(Response::new(CheckSelfieResponse {
            document_face: faces.then(|| b"portrait".to_vec()),
            selfie_face: faces.then(|| b"selfie".to_vec()),
            ..CheckSelfieResponse::default()
        }))
    }
}
