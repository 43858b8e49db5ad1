//! Where links begin.

use std::fmt;
use std::str::FromStr;
use std::task::{Context, Poll};

use http::{Request, Uri};
use service_kit::tls::is_loopback;
use tonic::server::NamedService;
use tower::Service;

/// An address that browsers call: `https://identity.example.com`, with a path where a proxy in front takes one away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// It is none.
#[derive(Debug, thiserror::Error)]
#[error("must be an address such as https://identity.example.com, without a query")]
pub struct NoPublicUrl;

impl FromStr for PublicUrl {
    type Err = NoPublicUrl;

    fn from_str(text: &str) -> Result<Self, NoPublicUrl> {
        let address: Uri = text.parse().map_err(|_| NoPublicUrl)?;
        let scheme = matches!(address.scheme_str(), Some("http" | "https"));
        let host = address.authority().and_then(host_and_port).is_some();
        if !scheme || !host || address.query().is_some() || text.contains('#') {
            return Err(NoPublicUrl);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Without what may stand before it, a name and a password.
fn host_and_port(authority: &http::uri::Authority) -> Option<&str> {
    let all = authority.as_str();
    (!authority.host().is_empty() && !all.contains('@')).then_some(all)
}

/// The address that a call was made to, as its caller had it. A link that begins there goes where its caller can reach.
#[derive(Clone, Debug)]
pub(super) struct CalledAt(pub(super) PublicUrl);

/// Notes where each call was made to, for the service behind it.
#[derive(Clone)]
pub(crate) struct NotesAddress<S> {
    inner: S,
    /// Whether connections end here that are protected; a proxy may have calls say otherwise.
    tls: bool,
}

impl<S> NotesAddress<S> {
    pub(crate) fn new(inner: S, tls: bool) -> Self {
        Self { inner, tls }
    }

    fn address(&self, called: &Uri) -> Option<PublicUrl> {
        let host = called.authority().and_then(host_and_port)?;
        if self.tls || called.scheme_str() == Some("https") {
            return Some(PublicUrl(format!("https://{host}")));
        }
        // Nobody sends a link over a network that others read, nor to a proxy that answers no browsers.
        is_loopback(called.host()?).then(|| PublicUrl(format!("http://{host}")))
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for NotesAddress<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(address) = self.address(request.uri()) {
            request.extensions_mut().insert(CalledAt(address));
        }
        self.inner.call(request)
    }
}

impl<S: NamedService> NamedService for NotesAddress<S> {
    const NAME: &'static str = S::NAME;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_browsers() {
        for (text, shown) in [
            ("https://identity.example.com", "https://identity.example.com"),
            ("https://identity.example.com/", "https://identity.example.com"),
            ("http://127.0.0.1:50051", "http://127.0.0.1:50051"),
            ("https://[::1]:8443/identity/", "https://[::1]:8443/identity"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().expect("an address").to_string(), shown);
        }
        for text in [
            "",
            "identity.example.com",
            "/identity",
            "ftp://identity.example.com",
            "https://",
            "https://name:password@identity.example.com",
            "https://identity.example.com?a=b",
            "https://identity.example.com/#there",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_call_tells_where_it_was_made_to() {
        let at = |tls, called: &'static str| {
            let address = NotesAddress::new((), tls).address(&Uri::from_static(called));
            address.map(|address| address.to_string())
        };
        let path = "/bonafide.identity.v1.FileService/CreateFileLink";
        assert_eq!(at(false, path), None);
        for (tls, called, expected) in [
            (false, "http://127.0.0.1:50051/s/m", "http://127.0.0.1:50051"),
            (true, "http://identity.example.com/s/m", "https://identity.example.com"),
            (
                false,
                "https://identity.example.com:8443/s/m",
                "https://identity.example.com:8443",
            ),
        ] {
            assert_eq!(at(tls, called).as_deref(), Some(expected));
        }
        assert_eq!(
            at(false, "http://[::1]:50051/s/m").as_deref(),
            Some("http://[::1]:50051")
        );
        assert_eq!(at(false, "http://localhost/s/m").as_deref(), Some("http://localhost"));
        for elsewhere in [
            "http://name@example.com/s/m",
            "http://example.com/s/m",
            "http://10.0.0.1:50051/s/m",
        ] {
            assert_eq!(at(false, elsewhere), None, "{elsewhere}");
        }
    }
}
