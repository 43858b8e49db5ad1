//! The pictures that were collected, for backends with a restricted key; and links by which they are read without one.

mod address;
mod link;
mod range;
mod sending;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use proto::identity::v1::file_service_server::FileService;
use proto::identity::v1::{
    CreateFileLinkRequest, DownloadFileRequest, DownloadFileResponse, File, FileLink, GetFileRequest, ListFilesRequest,
    ListFilesResponse,
};
use proto::store::v1::{self as store, ReadFileResponse};
use service_kit::deadline;
use tonic::{Request, Response, Status};

use address::CalledAt;
pub(crate) use address::NotesAddress;
pub use address::{NoPublicUrl, PublicUrl};
pub(crate) use link::LinkedFiles;
pub(crate) use sending::DownloadLimiter;

use crate::auth::{Backend, FileLinks};
use crate::error::Error;
use crate::{Store, validate};

pub(crate) struct Files {
    store: Store,
    links: Arc<FileLinks>,
    downloads: DownloadLimiter,
    public_url: Option<PublicUrl>,
}

/// The stream that a backend reads.
type Download = Pin<Box<dyn Stream<Item = Result<DownloadFileResponse, Status>> + Send>>;

impl Files {
    pub(crate) fn new(
        store: Store,
        links: Arc<FileLinks>,
        downloads: DownloadLimiter,
        public_url: Option<PublicUrl>,
    ) -> Self {
        Self {
            store,
            links,
            downloads,
            public_url,
        }
    }

    /// What report-svc knows of a file of this backend's account.
    async fn known(&self, file: String, backend: &Backend) -> Result<File, Error> {
        validate::file_id(&file)?;
        let request = store::GetFileRequest {
            file,
            account: backend.account.to_string(),
        };
        Ok(self.store.clone().get_file(request).await?.into_inner())
    }

    async fn list(&self, request: Request<ListFilesRequest>) -> Result<ListFilesResponse, Error> {
        let backend = Backend::of(&request)?;
        let verification_session = request.into_inner().verification_session;
        validate::session_id(&verification_session)?;
        let request = store::ListFilesRequest {
            verification_session,
            account: backend.account.to_string(),
        };
        Ok(self.store.clone().list_files(request).await?.into_inner())
    }

    async fn download(&self, request: Request<DownloadFileRequest>) -> Result<Download, Error> {
        let backend = Backend::of(&request)?;
        let file = request.into_inner().file;
        validate::file_id(&file)?;
        let permit = self.downloads.acquire(&backend.account).await?;
        let request = store::ReadFileRequest {
            file,
            account: Some(backend.account.to_string()),
        };
        let ReadFileResponse { file, data } = self.store.clone().read_file(request).await?.into_inner();
        let head = DownloadFileResponse {
            file: Some(file.ok_or(Error::Incomplete("file"))?),
            data: Vec::new(),
        };
        let parts = permit.send(Bytes::from(data)).map(|part| {
            let data = part.map_err(|_late| deadline::passed())?.into();
            Ok(DownloadFileResponse { file: None, data })
        });
        Ok(Box::pin(stream::iter([Ok(head)]).chain(parts)))
    }

    async fn link(&self, request: Request<CreateFileLinkRequest>) -> Result<FileLink, Error> {
        let backend = Backend::of(&request)?;
        let called = request.extensions().get().map(|CalledAt(address)| address.clone());
        let request = request.into_inner();
        let lifetime = validate::file_link(&request)?;
        let file = self.known(request.file, &backend).await?.id;
        let base = self.public_url.clone().or(called).ok_or(Error::NoAddress)?;
        let created = to_the_millisecond(SystemTime::now());
        let expires = to_the_millisecond(created + lifetime);
        Ok(FileLink {
            url: format!("{base}{}", self.links.issue(&file, expires)),
            file,
            created: Some(created.into()),
            expires_at: Some(expires.into()),
        })
    }
}

/// As an expiry is written.
fn to_the_millisecond(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::new(since.as_secs(), since.subsec_millis() * 1_000_000)
}

#[tonic::async_trait]
impl FileService for Files {
    async fn get_file(&self, request: Request<GetFileRequest>) -> Result<Response<File>, Status> {
        let backend = Backend::of(&request)?;
        Ok(Response::new(self.known(request.into_inner().file, &backend).await?))
    }

    async fn list_files(&self, request: Request<ListFilesRequest>) -> Result<Response<ListFilesResponse>, Status> {
        Ok(Response::new(self.list(request).await?))
    }

    type DownloadFileStream = Download;

    async fn download_file(&self, request: Request<DownloadFileRequest>) -> Result<Response<Download>, Status> {
        Ok(Response::new(self.download(request).await?))
    }

    async fn create_file_link(&self, request: Request<CreateFileLinkRequest>) -> Result<Response<FileLink>, Status> {
        Ok(Response::new(self.link(request).await?))
    }
}
