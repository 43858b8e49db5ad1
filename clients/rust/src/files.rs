//! Calls about pictures.

use std::time::Duration;

use crate::Error;
use crate::call::Calls;
use crate::client::{CALL, TRANSFER};
use crate::v1::file_service_client::FileServiceClient;
use crate::v1::{CreateFileLinkRequest, DownloadFileRequest, File, FileLink, GetFileRequest, ListFilesRequest};

/// Calls about the pictures that were collected. They need a restricted key.
#[derive(Clone)]
pub struct Files {
    calls: Calls,
}

impl Files {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { calls }
    }

    /// What is known of a picture.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn get(&self, id: &str) -> Result<File, Error> {
        let request = GetFileRequest { file: id.to_owned() };
        self.calls
            .unary(CALL, request, |channel, request| async move {
                FileServiceClient::new(channel).get_file(request).await
            })
            .await
    }

    /// The pictures of a session.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn list(&self, session: &str) -> Result<Vec<File>, Error> {
        let request = ListFilesRequest {
            verification_session: session.to_owned(),
        };
        let listed = self.calls.unary(CALL, request, |channel, request| async move {
            FileServiceClient::new(channel).list_files(request).await
        });
        Ok(listed.await?.data)
    }

    /// The picture as it was uploaded, all of it.
    ///
    /// # Errors
    /// When it is refused, does not arrive whole or not in time.
    pub async fn download(&self, id: &str) -> Result<Vec<u8>, Error> {
        self.calls.within(TRANSFER, |left| self.download_within(id, left)).await
    }

    async fn download_within(&self, id: &str, left: Duration) -> Result<Vec<u8>, Error> {
        let request = DownloadFileRequest { file: id.to_owned() };
        let parts = self.calls.stream(left, request, |channel, request| async move {
            FileServiceClient::new(channel).download_file(request).await
        });
        let mut parts = parts.await?;
        let (mut size, mut picture) = (None, Vec::new());
        while let Some(part) = parts.message().await.map_err(|status| self.calls.error(&status))? {
            size = size.or(part.file.map(|file| file.size));
            picture.extend_from_slice(&part.data);
        }
        if size == Some(picture.len() as u64) {
            Ok(picture)
        } else {
            Err(Error::incomplete("the picture did not arrive whole"))
        }
    }

    /// An address at which a picture can be read without a key, for 30 seconds at most.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn create_link(&self, request: CreateFileLinkRequest) -> Result<FileLink, Error> {
        self.calls
            .unary(CALL, request, |channel, request| async move {
                FileServiceClient::new(channel).create_file_link(request).await
            })
            .await
    }
}
