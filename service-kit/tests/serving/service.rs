//! Services that do what each test needs, and callers of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::document::v1::document_check_service_client::DocumentCheckServiceClient;
use proto::document::v1::document_check_service_server::{DocumentCheckService, DocumentCheckServiceServer};
use proto::document::v1::{CheckDocumentRequest, CheckDocumentResponse, DocumentImage};
use proto::identity::v1::capture_service_server::{CaptureService, CaptureServiceServer};
use proto::identity::v1::{
    File, LeaveVerificationSessionRequest, LeaveVerificationSessionResponse, SubmitVerificationSessionRequest,
    SubmitVerificationSessionResponse, UploadImageRequest,
};
use service_kit::client::ServiceChannel;
use service_kit::config::{Exposure, Secret, ServeConfig};
use service_kit::deadline;
use service_kit::health::Health;
use service_kit::serving::plain_http::plain;
use service_kit::serving::{Server, Services};
use service_kit::testing::tell_metrics;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Request, Response, Status};

/// Does what the first picture's name says.
struct Obedient;

#[tonic::async_trait]
impl DocumentCheckService for Obedient {
    async fn check_document(
        &self,
        request: Request<CheckDocumentRequest>,
    ) -> Result<Response<CheckDocumentResponse>, Status> {
        match request.get_ref().images[0].file.as_str() {
            "panic" => panic!("as planned"),
            "hang" => std::future::pending().await,
            "slow" => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                Ok(Response::new(CheckDocumentResponse::default()))
            }
            "deadline" => {
                let left = deadline::remaining().expect("a request always has a deadline");
                Err(Status::failed_precondition(left.as_millis().to_string()))
            }
            _ => Ok(Response::new(CheckDocumentResponse::default())),
        }
    }
}

/// Counts uploads by the sessions that they name.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<HashMap<String, usize>>>);

#[tonic::async_trait]
impl CaptureService for Counting {
    async fn upload_image(&self, request: Request<UploadImageRequest>) -> Result<Response<File>, Status> {
        let name = request.into_inner().verification_session;
        *self.0.lock().expect("no panic").entry(name).or_default() += 1;
        Ok(Response::new(File::default()))
    }

    async fn submit_verification_session(
        &self,
        _: Request<SubmitVerificationSessionRequest>,
    ) -> Result<Response<SubmitVerificationSessionResponse>, Status> {
        Err(Status::unimplemented("no test needs it"))
    }

    async fn leave_verification_session(
        &self,
        _: Request<LeaveVerificationSessionRequest>,
    ) -> Result<Response<LeaveVerificationSessionResponse>, Status> {
        Err(Status::unimplemented("no test needs it"))
    }
}

/// Does what the path of a request over plain HTTP says, and counts.
async fn obey(path: String, orders: Arc<AtomicUsize>) -> http::Response<Body> {
    orders.fetch_add(1, Ordering::Relaxed);
    match path.as_str() {
        "/orders/panic" => panic!("as planned"),
        "/orders/hang" => std::future::pending().await,
        "/orders/slow" => tokio::time::sleep(Duration::from_millis(400)).await,
        _ => {}
    }
    plain(http::StatusCode::OK, "answered\n")
}

pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: JoinHandle<()>,
    counting: Counting,
    orders: Arc<AtomicUsize>,
}

impl Running {
    /// How many requests came over plain HTTP.
    pub(crate) fn orders(&self) -> usize {
        self.orders.load(Ordering::Relaxed)
    }

    /// How many uploads there were.
    pub(crate) fn all_uploads(&self) -> usize {
        self.counting.0.lock().expect("no panic").values().sum()
    }

    /// How many uploads named this session.
    pub(crate) fn uploads(&self, name: &str) -> usize {
        self.counting
            .0
            .lock()
            .expect("no panic")
            .get(name)
            .copied()
            .unwrap_or(0)
    }

    /// How many uploads came.
    pub(crate) fn total(&self) -> usize {
        self.counting.0.lock().expect("no panic").values().sum()
    }
}

/// An internal service, which session-svc may call.
pub(crate) const INTERNAL: Exposure = Exposure::Internal(&["session-svc"]);

/// An internal service that depends on what answers always.
pub(crate) async fn start(config: ServeConfig) -> Running {
    start_as(INTERNAL, config).await
}

pub(crate) async fn start_as(exposure: Exposure, config: ServeConfig) -> Running {
    start_with(exposure, config, Health::new().depends_on("always", || async { true })).await
}

pub(crate) async fn start_with(exposure: Exposure, config: ServeConfig, health: Health) -> Running {
    tell_metrics();
    let server = Server::bind("test-svc", exposure, &config).await.expect("a free port");
    let address = server.url();
    let admin = server.admin_addr();
    let shutdown = CancellationToken::new();
    let counting = Counting::default();
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let most = proto::MAX_IMAGE_MESSAGE_BYTES;
    let services = Services::new()
        .with(DocumentCheckServiceServer::new(Obedient))
        .with(CaptureServiceServer::new(counting.clone()).max_decoding_message_size(most))
        .with_http("/orders/{order}", move |request| {
            obey(request.uri().path().to_owned(), Arc::clone(&counted))
        });
    let serving = server.serve(services, health, shutdown.clone());
    let server = tokio::spawn(async move { serving.await.expect("serves until told to stop") });
    Running {
        address,
        admin,
        shutdown,
        server,
        counting,
        orders,
    }
}

pub(crate) fn client(running: &Running, token: Option<&str>) -> DocumentCheckServiceClient<ServiceChannel> {
    let token = token.map(Secret::new);
    DocumentCheckServiceClient::new(ServiceChannel::new(&running.address, token.as_ref()).expect("an address"))
}

pub(crate) fn order(order: &str) -> CheckDocumentRequest {
    let image = DocumentImage {
        file: order.to_owned(),
        ..DocumentImage::default()
    };
    CheckDocumentRequest {
        images: vec![image],
        ..CheckDocumentRequest::default()
    }
}
