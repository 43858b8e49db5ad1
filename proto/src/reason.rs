//! Stable values of `google.rpc.ErrorInfo.reason`, each with its status code, and the domain they belong to.
//!
//! Clients match on these; a value is never renamed or given another meaning. `REASONS.md`, the page for people, says the same: a
//! test here holds both together.

use tonic::Code;

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "bonafide.identity";

/// Why a call could not be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    name: &'static str,
    code: Code,
}

impl Reason {
    /// The value of `ErrorInfo.reason`.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The status code of every error with this reason.
    pub const fn code(self) -> Code {
        self.code
    }

    /// The reason of this name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|reason| reason.name == name)
    }
}

/// One constant for each reason, and all of them.
macro_rules! reasons {
    ($(#[doc = $meaning:literal] $name:ident: $code:ident,)+) => {
        $(
            #[doc = $meaning]
            pub const $name: Reason = Reason {
                name: stringify!($name),
                code: Code::$code,
            };
        )+

        /// Every reason.
        pub const ALL: &[Reason] = &[$($name),+];

        /// What each means, as it stands above.
        #[cfg(test)]
        const MEANINGS: &[&str] = &[$($meaning),+];
    };
}

reasons! {
    /// No credential was sent, or it is not in the form `Bearer …`.
    CREDENTIAL_MISSING: Unauthenticated,
    /// The API key, client secret or service token is not known.
    CREDENTIAL_INVALID: Unauthenticated,
    /// The client secret is older than 24 hours; the backend can retrieve a fresh one.
    CLIENT_SECRET_EXPIRED: Unauthenticated,
    /// The client secret belongs to another session than the one named in the request.
    CLIENT_SECRET_OTHER_SESSION: PermissionDenied,
    /// The call needs an API key with a permission that this one lacks.
    PERMISSION_MISSING: PermissionDenied,
    /// The calling service's certificate does not name one that may make the call.
    CALLER_NOT_ALLOWED: PermissionDenied,
    /// No such session, or it belongs to another account.
    SESSION_NOT_FOUND: NotFound,
    /// No such report, or it belongs to another account.
    REPORT_NOT_FOUND: NotFound,
    /// No such picture, or it belongs to another session or account.
    FILE_NOT_FOUND: NotFound,
    /// The session's status does not allow the call; metadata `status` says which it has.
    SESSION_STATUS: FailedPrecondition,
    /// The call is for test mode, and the API key or the session is a live one.
    LIVE_MODE: FailedPrecondition,
    /// Links to pictures need an address that browsers call, which this deployment was not given.
    PUBLIC_URL_MISSING: FailedPrecondition,
    /// A picture that the session's options ask for was not uploaded.
    IMAGE_MISSING: FailedPrecondition,
    /// The session was submitted as often as is allowed.
    ATTEMPTS_EXHAUSTED: FailedPrecondition,
    /// As many pictures, or bytes of pictures, were uploaded as is allowed; metadata `limit` says which limit it is.
    IMAGES_EXHAUSTED: FailedPrecondition,
    /// Fields of the request are wrong; `BadRequest` lists all of them.
    INVALID_FIELDS: InvalidArgument,
    /// The request has more bytes than the method takes.
    MESSAGE_TOO_LARGE: OutOfRange,
    /// The request cannot be decoded: it is no message of the method.
    MESSAGE_MALFORMED: InvalidArgument,
    /// There is no such method, or the request is compressed in a way that is not known.
    UNIMPLEMENTED: Unimplemented,
    /// The picture has no bytes.
    IMAGE_EMPTY: InvalidArgument,
    /// The picture has more bytes than allowed.
    IMAGE_TOO_LARGE: InvalidArgument,
    /// The bytes are not a JPEG, PNG or WebP file.
    IMAGE_FORMAT: InvalidArgument,
    /// The picture's width or height is outside the limits.
    IMAGE_DIMENSIONS: InvalidArgument,
    /// The picture is cut off or damaged.
    IMAGE_DAMAGED: InvalidArgument,
    /// No face was found in the picture.
    FACE_NOT_FOUND: InvalidArgument,
    /// The same idempotency key was used for another call, or with other parameters.
    IDEMPOTENCY_KEY_REUSED: InvalidArgument,
    /// The lease ended, or another worker has the job.
    LEASE_LOST: FailedPrecondition,
    /// The session has no job in the queue, or none that was set aside.
    JOB_NOT_FOUND: NotFound,
    /// A record is sealed under a master key that report-svc was not given. Operators see it; other callers see `INTERNAL`.
    MASTER_KEY_MISSING: FailedPrecondition,
    /// Others changed the same thing at the same time, each time before this call could; `RetryInfo` says when to try again.
    CONTENDED: Aborted,
    /// Too much work is waiting; `RetryInfo` says when to try again.
    OVERLOADED: ResourceExhausted,
    /// A service or store that the call needs does not answer; `RetryInfo` says when to try again.
    UNAVAILABLE: Unavailable,
    /// The caller's deadline passed.
    DEADLINE: DeadlineExceeded,
    /// The caller ended the call before it was answered.
    CANCELLED: Cancelled,
    /// A defect on our side. The cause is in the service's log, under the trace id.
    INTERNAL: Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What gRPC says of the code (its guide to status codes): these may pass by themselves.
    fn try_again(code: Code) -> bool {
        matches!(
            code,
            Code::Aborted | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Unavailable
        )
    }

    /// A code's name in the protocol, as `SCREAMING_SNAKE_CASE` of its name in Rust.
    fn protocol_name(code: Code) -> String {
        let mut name = String::new();
        for letter in format!("{code:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name
    }

    #[test]
    fn the_page_says_what_the_code_says() {
        let rows = ALL.iter().zip(MEANINGS).map(|(reason, meaning)| {
            let again = if try_again(reason.code) { "yes" } else { "no" };
            let (name, code, meaning) = (reason.name, protocol_name(reason.code), meaning.trim());
            format!("| `{name}` | {code} | {again} | {meaning} |\n")
        });
        let expected: String = rows.collect();
        let page = include_str!("../REASONS.md");
        let found: String = page
            .split_inclusive('\n')
            .filter(|line| line.starts_with("| `"))
            .collect();
        assert!(found == expected, "proto/REASONS.md must have these rows:\n{expected}");
    }

    #[test]
    fn a_reason_is_found_by_its_name() {
        for reason in ALL {
            let same: Vec<_> = ALL.iter().filter(|other| other.name == reason.name).collect();
            assert_eq!(same, [reason], "once");
            assert_eq!(Reason::named(reason.name), Some(*reason));
        }
        assert_eq!(Reason::named("SESSION"), None);
    }
}
