//! When certificates expire: told in numbers, and by the log while there is time to renew them.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Gauge;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::certificate::Role;
use crate::metrics;

/// Whoever renews certificates does so when a third of their life is left (cert-manager, certbot). When half of that is gone, something
/// has failed: a sixth of the life, which is an hour for one that lasts six and a day for one of Let's Encrypt's that lasts six days.
const PART: u32 = 6;

/// For those that last for months, two weeks are enough to find out what.
const MOST: Duration = Duration::from_secs(14 * 24 * 3600);

/// How often it is said again.
const PAUSE: Duration = Duration::from_secs(24 * 3600);

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Validity {
    /// `None` for what is no certificate. The library tells when one is valid only by refusing it: here at the beginning and the end of
    /// all time.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = EndEntityCert::try_from(certificate).ok()?;
        let refused_at = |seconds| {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            certificate
                .verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None)
                .err()
        };
        let Some(Error::CertExpired { not_after, .. }) = refused_at(u64::MAX) else {
            return None;
        };
        let not_before = match refused_at(0) {
            Some(Error::CertNotValidYet { not_before, .. }) => not_before.as_secs(),
            _ => 0,
        };
        Some(Self {
            not_before: SystemTime::UNIX_EPOCH + Duration::from_secs(not_before),
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(not_after.as_secs()),
        })
    }

    /// From when on it should have been renewed.
    fn renewal_overdue(self) -> SystemTime {
        let life = self.not_after.duration_since(self.not_before).unwrap_or_default();
        self.not_after - (life / PART).min(MOST)
    }
}

/// Tells of one certificate, and of those that take its place.
pub(super) struct Expiry {
    role: Role,
    not_before: Gauge<u64>,
    not_after: Gauge<u64>,
    said: Option<(Validity, SystemTime)>,
}

impl Expiry {
    pub(super) fn new(role: Role) -> Self {
        let meter = metrics::meter();
        let gauge = |name, description| {
            meter
                .u64_gauge(name)
                .with_description(description)
                .with_unit("s")
                .build()
        };
        Self {
            role,
            not_before: gauge(
                "bonafide.tls.certificate.not_before",
                "Since when the certificate is valid, in seconds since 1970",
            ),
            not_after: gauge(
                "bonafide.tls.certificate.not_after",
                "Until when the certificate is valid, in seconds since 1970",
            ),
            said: None,
        }
    }

    /// Looks at what is shown now.
    pub(super) fn look(&mut self, validity: Validity) {
        let role = [KeyValue::new("role", self.role.name())];
        for (gauge, time) in [
            (&self.not_before, validity.not_before),
            (&self.not_after, validity.not_after),
        ] {
            let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            gauge.record(since_1970.as_secs(), &role);
        }
        if let Some(left) = self.due(validity, SystemTime::now()) {
            let flag = self.role.flags().cert;
            let not_after = humantime::format_rfc3339_seconds(validity.not_after);
            if left.is_zero() {
                tracing::warn!(%not_after, "the certificate of {flag} has expired: nobody takes it until it is renewed");
            } else {
                let left = humantime::format_duration(Duration::from_secs(left.as_secs() / 60 * 60));
                tracing::warn!(%not_after, "the certificate of {flag} expires in {left}: see why it has not been renewed");
            }
        }
    }

    /// What is left of its life, when it is time to say so, which is then taken as done.
    fn due(&mut self, validity: Validity, now: SystemTime) -> Option<Duration> {
        let just_said = self
            .said
            .is_some_and(|(of, at)| of == validity && now.duration_since(at).is_ok_and(|since| since < PAUSE));
        if just_said || now < validity.renewal_overdue() {
            return None;
        }
        self.said = Some((validity, now));
        Some(validity.not_after.duration_since(now).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use time::OffsetDateTime;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn at(days: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + days * DAY
    }

    fn issued(not_before: SystemTime, not_after: SystemTime) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["test-svc".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (OffsetDateTime::from(not_before), OffsetDateTime::from(not_after));
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("signed").der().clone()
    }

    #[test]
    fn a_certificate_says_when_it_is_valid() {
        for (not_before, not_after) in [(at(20_000), at(20_090)), (SystemTime::UNIX_EPOCH, at(40_000))] {
            let validity = Validity::of(&issued(not_before, not_after));
            assert_eq!(validity, Some(Validity { not_before, not_after }));
        }
        assert_eq!(Validity::of(&CertificateDer::from_slice(b"rubbish")), None);
    }

    #[test]
    fn renewal_is_overdue_when_a_sixth_is_left_and_two_weeks_at_the_most() {
        let left_of = |life: Duration| {
            let validity = Validity {
                not_before: at(20_000),
                not_after: at(20_000) + life,
            };
            let overdue = validity.renewal_overdue();
            validity.not_after.duration_since(overdue).expect("before its end")
        };
        assert_eq!(left_of(6 * HOUR), HOUR);
        assert_eq!(left_of(6 * DAY), DAY);
        assert_eq!(left_of(84 * DAY), 14 * DAY);
        assert_eq!(left_of(365 * DAY), 14 * DAY);
    }

    #[test]
    fn it_is_said_once_a_day_and_of_each_certificate() {
        let mut expiry = Expiry::new(Role::Server);
        let old = Validity {
            not_before: at(0),
            not_after: at(60),
        };
        assert_eq!(expiry.due(old, at(49)), None);
        assert_eq!(expiry.due(old, at(50)), Some(10 * DAY));
        assert_eq!(expiry.due(old, at(51) - HOUR), None);
        assert_eq!(expiry.due(old, at(51)), Some(9 * DAY));
        assert_eq!(expiry.due(old, at(61)), Some(Duration::ZERO));
        let renewed = Validity {
            not_before: at(61),
            not_after: at(121),
        };
        assert_eq!(expiry.due(renewed, at(61)), None);
        assert_eq!(expiry.due(renewed, at(111)), Some(10 * DAY));
    }

    #[test]
    fn the_times_are_told_in_numbers() {
        crate::testing::tell_metrics();
        Expiry::new(Role::Client).look(Validity {
            not_before: at(20_000),
            not_after: at(40_000),
        });
        let told = crate::testing::scraped().expect("what Prometheus reads");
        for (name, days) in [("not_before", 20_000.0), ("not_after", 40_000.0)] {
            let name = format!("bonafide_tls_certificate_{name}_seconds");
            assert_eq!(told.sum(&name, &[("role", "client")]), Some(days * 24.0 * 3600.0));
        }
    }
}
