//! Who calls.

use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// What a connection tells of who calls over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody was asked to show a certificate.
    Unidentified,
    /// A service that may call.
    Allowed,
    /// Somebody else with a certificate of our CA.
    NotAllowed,
}

/// The DNS names of a certificate.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let certificate = EndEntityCert::try_from(certificate);
    certificate.map_or_else(
        |_| Vec::new(),
        |certificate| certificate.valid_dns_names().map(str::to_owned).collect(),
    )
}

/// Whether one of the names is that of a service among `allowed`: the first label counts.
pub(super) fn is_allowed(names: &[String], allowed: &[&str]) -> bool {
    names.iter().any(|name| {
        let label = name.split('.').next().unwrap_or_default();
        allowed.iter().any(|allowed| label.eq_ignore_ascii_case(allowed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_label_is_the_service() {
        let allowed = |name: &str| is_allowed(&[name.to_owned()], &["session-svc", "bonafide"]);
        for name in [
            "session-svc",
            "session-svc.bonafide.svc",
            "Session-Svc.example.com",
            "bonafide",
        ] {
            assert!(allowed(name), "{name}");
        }
        for name in [
            "",
            "localhost",
            "*.bonafide.svc",
            "selfie-svc.bonafide.svc",
            "session-svc2",
            "svc.session-svc",
            "my-session-svc.bonafide.svc",
        ] {
            assert!(!allowed(name), "{name}");
        }
        assert!(!is_allowed(&[], &["session-svc"]));
        assert!(is_allowed(
            &["localhost".to_owned(), "bonafide".to_owned()],
            &["bonafide"]
        ));
    }
}
