//! Answers file links, over plain HTTP.
//!
//! The address of a request is a credential: nothing here writes it down. A link that is wrong, one that has ended and one whose picture
//! is gone are answered alike.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use proto::store::v1::{ReadFileRequest, ReadFileResponse};
use service_kit::serving::plain_http::{again, plain};
use tonic::body::Body;
use tonic::{Code, Status};

use super::range::{self, Asked};
use super::sending::{DownloadLimiter, DownloadPermit};
use crate::auth::FileLinks;
use crate::limits::KeyedLimiter;
use crate::validate::Format;
use crate::{Store, upstream};

/// What every answer says: keep it nowhere, tell nobody where it came from, take it for nothing else and run nothing in it. (Browsers show
/// a picture on a page of their own making, which needs styles.) Pages of other sites may show it: who has the address may see it.
const HEADERS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
];

/// Answers at once by links to one picture: browsers ask twice.
const READERS_OF_FILE: NonZeroUsize = NonZeroUsize::new(2).unwrap();

#[derive(Clone)]
pub(crate) struct LinkedFiles {
    store: Store,
    links: Arc<FileLinks>,
    downloads: DownloadLimiter,
    /// Whoever has a link to a picture needs no key.
    readers: KeyedLimiter,
}

impl LinkedFiles {
    pub(crate) fn new(store: Store, links: Arc<FileLinks>, downloads: DownloadLimiter) -> Self {
        Self {
            store,
            links,
            downloads,
            readers: KeyedLimiter::new(READERS_OF_FILE),
        }
    }

    /// Answers a request whose path begins as a link's does.
    pub(crate) async fn answer(self, request: Request<Body>) -> Response<Body> {
        let mut response = self
            .contents(request.into_parts().0)
            .await
            .unwrap_or_else(|refusal| refusal);
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    async fn contents(&self, request: Parts) -> Result<Response<Body>, Response<Body>> {
        let is_head = request.method == Method::HEAD;
        if !is_head && request.method != Method::GET {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            refusal.headers_mut().insert(ALLOW, allowed);
            return Err(refusal);
        }
        let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
        let file = self
            .links
            .verify(path, query, SystemTime::now())
            .ok_or_else(not_found)?;
        let reader = self.readers.try_acquire(file).ok_or_else(busy)?;
        let permit = self.downloads.acquire(file).await.map_err(|_| busy())?.held_by(reader);
        let read = ReadFileRequest {
            file: file.to_owned(),
            account: None,
        };
        let read = self.store.clone().read_file(read).await.map_err(refused)?;
        let ReadFileResponse { data, .. } = read.into_inner();
        // A range is one of GET's.
        let asked = if is_head {
            Asked::Whole
        } else {
            range::asked(&request.headers, data.len())
        };
        answer(file, Bytes::from(data), asked, (!is_head).then_some(permit)).map_err(|_| not_found())
    }
}

/// A picture or a part of it; without a permit to send it only what there is to say of it.
fn answer(
    file: &str,
    picture: Bytes,
    asked: Asked,
    permit: Option<DownloadPermit>,
) -> Result<Response<Body>, http::Error> {
    let whole = picture.len();
    let (status, part) = match asked {
        Asked::Whole => (StatusCode::OK, 0..whole),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Nothing => {
            return Response::builder()
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(CONTENT_RANGE, format!("bytes */{whole}"))
                .body(Body::empty());
        }
    };
    let (content_type, extension) = match Format::of(&picture) {
        Some(Format::Jpeg) => ("image/jpeg", ".jpg"),
        Some(Format::Png) => ("image/png", ".png"),
        Some(Format::WebP) => ("image/webp", ".webp"),
        None => ("application/octet-stream", ""),
    };
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, part.len())
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_DISPOSITION, format!("inline; filename=\"{file}{extension}\""));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = part.end.saturating_sub(1);
        response = response.header(CONTENT_RANGE, format!("bytes {}-{last}/{whole}", part.start));
    }
    response.body(match permit {
        Some(permit) => Body::new(StreamBody::new(permit.send(picture.slice(part)).map_ok(Frame::data))),
        None => Body::empty(),
    })
}

fn busy() -> Response<Body> {
    again("too many downloads at once\n")
}

fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "not found\n")
}

/// What report-svc's refusal means to a browser; what is about us is logged.
fn refused(status: Status) -> Response<Body> {
    let status = upstream::for_caller(status);
    if status.code() == Code::NotFound {
        not_found()
    } else if upstream::is_transient(&status) {
        again("the picture cannot be read now: try again\n")
    } else {
        plain(StatusCode::INTERNAL_SERVER_ERROR, "the request failed\n")
    }
}
