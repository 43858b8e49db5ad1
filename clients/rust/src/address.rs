//! Where a deployment is called.

use std::net::IpAddr;

use tonic::transport::Uri;

use crate::Error;

/// The port of session-svc.
const PORT: u16 = 50051;

/// A complete address: scheme, host and port.
///
/// # Errors
/// When it is none, or plaintext would leave this machine and is not `allowed`.
pub(crate) fn parse(address: &str, allowed: bool) -> Result<Uri, Error> {
    if address.contains('@') {
        // Not repeated: there is a password in it.
        return Err(Error::invalid("an address has no user and no password"));
    }
    let wrong = |why: &str| Error::invalid(format!("{address:?} {why}"));
    let with_scheme = if address.contains("://") {
        address.to_owned()
    } else {
        let host = format!("http://{address}").parse::<Uri>().ok();
        let is_here = host.as_ref().and_then(Uri::host).is_some_and(is_loopback);
        format!("{}://{address}", if is_here { "http" } else { "https" })
    };
    let uri: Uri = with_scheme.parse().map_err(|_| wrong("is no address"))?;
    let scheme = match uri.scheme_str() {
        Some(scheme @ ("http" | "https")) => scheme,
        _ => return Err(wrong("is neither http nor https")),
    };
    let host = uri
        .host()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| wrong("names no host"))?;
    let has_more = uri.path() != "/" || uri.query().is_some();
    if has_more {
        return Err(wrong("must be a host and a port alone"));
    }
    if scheme == "http" && !allowed && !is_loopback(host) {
        return Err(wrong(
            "would carry the API key readable over the network: use https, or allow plaintext by name",
        ));
    }
    let port = uri.port_u16().unwrap_or(PORT);
    format!("{scheme}://{host}:{port}")
        .parse()
        .map_err(|_| wrong("is no address"))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (given, expected) in [
            ("localhost", "http://localhost:50051/"),
            ("127.0.0.1:7", "http://127.0.0.1:7/"),
            ("[::1]:7", "http://[::1]:7/"),
            ("identity.example.com", "https://identity.example.com:50051/"),
            ("https://identity.example.com:443", "https://identity.example.com:443/"),
            ("http://localhost:50051/", "http://localhost:50051/"),
        ] {
            assert_eq!(
                parse(given, false).map(|uri| uri.to_string()).ok().as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for given in [
            "",
            "https://",
            "ftp://localhost",
            "http://localhost/path",
            "https://user:word@localhost",
            "not an address",
        ] {
            assert!(parse(given, false).is_err(), "{given}");
        }
    }

    #[test]
    fn plaintext_leaves_this_machine_by_name_alone() {
        for given in [
            "http://192.0.2.1:50051",
            "http://identity.example.com",
            "http://localhost.example.com",
        ] {
            assert!(parse(given, false).is_err(), "{given}");
            assert!(parse(given, true).is_ok(), "{given}");
        }
    }
}
