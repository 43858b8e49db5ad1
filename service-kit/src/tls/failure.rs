//! What is told of a connection that TLS did not let come about.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

use super::files::Flags;

/// Whoever can reach us can make handshakes fail, as often as they like: for so long nothing is told of the same cause.
const PAUSE: Duration = Duration::from_secs(10);

/// Why there is no TLS. "It" is the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Its certificate has expired.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate has other names than the one that was called.
    OtherName,
    /// Its certificate is of no CA that is trusted here.
    UnknownCa,
    /// Its certificate is for another use.
    OtherUse,
    /// It shows no certificate.
    NoCertificate,
    /// Its certificate is not accepted for another reason.
    OtherCertificate,
    /// It finds our certificate expired, or not valid yet.
    OursExpired,
    /// It does not trust the CA of our certificate.
    OursUnknownCa,
    /// It wants a certificate of ours.
    OursMissing,
    /// It does not accept our certificate for another reason.
    OursRefused,
    /// What it says is no TLS.
    NotTls,
    /// Its certificate names nobody who may call.
    NotAllowed,
    /// It does not speak HTTP/2.
    NotHttp2,
    /// The handshake took too long.
    Slow,
    /// Another reason.
    Other,
}

impl Cause {
    /// What is the matter and what to do about it. `flags` name the files of this side.
    pub fn sentence(self, flags: &Flags) -> Cow<'static, str> {
        let Flags { cert, key, ca } = flags;
        match self {
            Self::Expired => "its certificate has expired: renew it, or set the clock here".into(),
            Self::NotYetValid => "its certificate is not valid yet: compare the clocks of both machines".into(),
            Self::OtherName => {
                "its certificate does not name what was called: call it by one of its names, or have it show a certificate with this one"
                    .into()
            }
            Self::UnknownCa => format!(
                "its certificate is of no CA that is trusted here: name that CA's file with {ca}, or have it show a certificate of ours"
            )
            .into(),
            Self::OtherUse => {
                "its certificate is not meant for this use: have it issued for servers and clients (extended key usage)".into()
            }
            Self::NoCertificate => "it shows no certificate: start it with --tls-cert and --tls-key".into(),
            Self::OtherCertificate => "its certificate is not accepted".into(),
            Self::OursExpired => format!(
                "it says that our certificate has expired or is not valid yet: renew the one of {cert}, or compare the clocks of \
                 both machines"
            )
            .into(),
            Self::OursUnknownCa => format!(
                "it does not know the CA of our certificate: name that CA's file with its --tls-ca, or have the one of {cert} \
                 issued by a CA that it knows"
            )
            .into(),
            Self::OursMissing => {
                format!("it takes no connection without a certificate: name one with {cert} and {key}").into()
            }
            Self::OursRefused => format!(
                "it does not accept our certificate, the one of {cert}: its log says why; most often it is not for the name that \
                 was called"
            )
            .into(),
            Self::NotTls => {
                "it does not speak TLS: addresses with https:// are for servers with a certificate, and those with http:// for \
                 servers without"
                    .into()
            }
            Self::NotAllowed => {
                "its certificate names none of those that may call: have it call with the certificate of one of them".into()
            }
            Self::NotHttp2 => "it does not speak HTTP/2 (ALPN h2)".into(),
            Self::Slow => "it did not finish the handshake in time".into(),
            Self::Other => "the two sides have found no common ground".into(),
        }
    }

    /// Of an error of a connection; `None` where the network is to blame.
    pub fn of(error: &io::Error) -> Option<Self> {
        use rustls::Error::{
            AlertReceived, InvalidCertificate, InvalidMessage, NoApplicationProtocol, NoCertificatesPresented,
        };
        let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(match error {
            InvalidCertificate(error) => match error {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
                // A CA that was made again under its old name has another key.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownCa,
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::OtherUse,
                _ => Self::OtherCertificate,
            },
            NoCertificatesPresented => Self::NoCertificate,
            AlertReceived(alert) => match alert {
                AlertDescription::CertificateExpired => Self::OursExpired,
                AlertDescription::UnknownCA | AlertDescription::DecryptError => Self::OursUnknownCa,
                AlertDescription::CertificateRequired => Self::OursMissing,
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateRevoked
                | AlertDescription::AccessDenied => Self::OursRefused,
                AlertDescription::NoApplicationProtocol => Self::NotHttp2,
                _ => Self::Other,
            },
            InvalidMessage(_) => Self::NotTls,
            NoApplicationProtocol => Self::NotHttp2,
            _ => Self::Other,
        })
    }
}

/// When each cause was told last.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<Cause, Instant>>);

impl Told {
    /// Whether it is time to tell of it, which is then taken as done.
    pub(super) fn is_due(&self, cause: Cause) -> bool {
        let now = Instant::now();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told.get(&cause).is_none_or(|last| now.duration_since(*last) >= PAUSE);
        if due {
            told.insert(cause, now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_cause_is_told_now_and_then() {
        let told = Told::default();
        assert!(told.is_due(Cause::Expired) && told.is_due(Cause::UnknownCa));
        assert!(!told.is_due(Cause::Expired));
        tokio::time::advance(PAUSE).await;
        assert!(told.is_due(Cause::Expired) && !told.is_due(Cause::Expired));
    }
}
