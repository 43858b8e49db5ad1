//! A bare tonic server that answers what session-svc does and does nothing for it: what `make load` compares session-svc with.
//!
//!     echo LISTEN ADDRESS API_KEY_FILE SESSION [CA]
//!
//! Asks the deployment at `ADDRESS` for one session once, and answers every CreateVerificationSession and GetVerificationSession on
//! `LISTEN` with it, in plaintext.

use std::net::SocketAddr;

use anyhow::Context as _;
use cli::api::Api;
use proto::identity::v1::verification_session_service_server::{
    VerificationSessionService, VerificationSessionServiceServer,
};
use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, GetVerificationSessionRequest,
    ListVerificationSessionsRequest, ListVerificationSessionsResponse, RedactVerificationSessionRequest,
    UpdateVerificationSessionRequest, VerificationSession, WatchVerificationSessionRequest,
};
use service_kit::config::Secret;
use service_kit::tls::{ClientTls, TlsConfig};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut word = |name: &'static str| words.next().with_context(|| format!("{name} is missing"));
    let listen: SocketAddr = word("LISTEN")?.parse()?;
    let (address, key, session) = (word("ADDRESS")?, word("API_KEY_FILE")?, word("SESSION")?);
    let tls = TlsConfig {
        ca: word("CA").ok().map(Into::into),
        ..TlsConfig::default()
    };
    let key = std::fs::read_to_string(key)?;
    let api = Api::new(&address, &Secret::new(key.trim()), &ClientTls::open(&tls)?)?;
    let answer = api.session(&session, &[]).await?;
    println!("ready");
    Server::builder()
        .add_service(VerificationSessionServiceServer::new(Echo { answer }))
        .serve(listen)
        .await?;
    Ok(())
}

struct Echo {
    answer: VerificationSession,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl VerificationSessionService for Echo {
    async fn create_verification_session(
        &self,
        _: Request<CreateVerificationSessionRequest>,
    ) -> Answer<VerificationSession> {
        Ok(Response::new(self.answer.clone()))
    }

    async fn get_verification_session(&self, _: Request<GetVerificationSessionRequest>) -> Answer<VerificationSession> {
        Ok(Response::new(self.answer.clone()))
    }

    async fn update_verification_session(
        &self,
        _: Request<UpdateVerificationSessionRequest>,
    ) -> Answer<VerificationSession> {
        Err(not_here())
    }

    async fn list_verification_sessions(
        &self,
        _: Request<ListVerificationSessionsRequest>,
    ) -> Answer<ListVerificationSessionsResponse> {
        Err(not_here())
    }

    async fn cancel_verification_session(
        &self,
        _: Request<CancelVerificationSessionRequest>,
    ) -> Answer<VerificationSession> {
        Err(not_here())
    }

    async fn redact_verification_session(
        &self,
        _: Request<RedactVerificationSessionRequest>,
    ) -> Answer<VerificationSession> {
        Err(not_here())
    }

    type WatchVerificationSessionStream = tonic::codegen::BoxStream<VerificationSession>;

    async fn watch_verification_session(
        &self,
        _: Request<WatchVerificationSessionRequest>,
    ) -> Answer<Self::WatchVerificationSessionStream> {
        Err(not_here())
    }
}

fn not_here() -> Status {
    Status::unimplemented("two calls are answered here")
}
