//! Stable values of `google.rpc.ErrorInfo.reason`, and the domain they belong to.
//!
//! Clients match on these; a value is never renamed or given another meaning.

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "bonafide.identity";

/// No credential was sent, or it is not in the form `Bearer …`.
pub const CREDENTIAL_MISSING: &str = "CREDENTIAL_MISSING";
/// The API key, client secret or service token is not known.
pub const CREDENTIAL_INVALID: &str = "CREDENTIAL_INVALID";
/// The client secret is older than 24 hours; the backend can retrieve a fresh one.
pub const CLIENT_SECRET_EXPIRED: &str = "CLIENT_SECRET_EXPIRED";
/// The client secret belongs to another session than the one named in the request.
pub const CLIENT_SECRET_OTHER_SESSION: &str = "CLIENT_SECRET_OTHER_SESSION";
/// The call needs an API key with a permission that this one lacks.
pub const PERMISSION_MISSING: &str = "PERMISSION_MISSING";
/// No such session, or it belongs to another account.
pub const SESSION_NOT_FOUND: &str = "SESSION_NOT_FOUND";
/// No such report, or it belongs to another account.
pub const REPORT_NOT_FOUND: &str = "REPORT_NOT_FOUND";
/// No such picture in this session.
pub const FILE_NOT_FOUND: &str = "FILE_NOT_FOUND";
/// The session's status does not allow the call; metadata `status` says which it has.
pub const SESSION_STATUS: &str = "SESSION_STATUS";
/// A picture that the session's options ask for was not uploaded.
pub const IMAGE_MISSING: &str = "IMAGE_MISSING";
/// The session was submitted as often as is allowed.
pub const ATTEMPTS_EXHAUSTED: &str = "ATTEMPTS_EXHAUSTED";
/// As many pictures, or bytes of pictures, were uploaded as is allowed; metadata `limit` says which limit it is.
pub const IMAGES_EXHAUSTED: &str = "IMAGES_EXHAUSTED";
/// Fields of the request are wrong; `BadRequest` lists all of them.
pub const INVALID_FIELDS: &str = "INVALID_FIELDS";
/// The picture has no bytes.
pub const IMAGE_EMPTY: &str = "IMAGE_EMPTY";
/// The picture has more bytes than allowed.
pub const IMAGE_TOO_LARGE: &str = "IMAGE_TOO_LARGE";
/// The bytes are not a JPEG, PNG or WebP file.
pub const IMAGE_FORMAT: &str = "IMAGE_FORMAT";
/// The picture's width or height is outside the limits.
pub const IMAGE_DIMENSIONS: &str = "IMAGE_DIMENSIONS";
/// The picture is cut off or damaged.
pub const IMAGE_DAMAGED: &str = "IMAGE_DAMAGED";
/// No face was found in the picture.
pub const FACE_NOT_FOUND: &str = "FACE_NOT_FOUND";
/// The same idempotency key was used with other parameters.
pub const IDEMPOTENCY_KEY_REUSED: &str = "IDEMPOTENCY_KEY_REUSED";
/// The lease ended, or another worker has the job.
pub const LEASE_LOST: &str = "LEASE_LOST";
/// The session has no job in the queue, or none that was set aside.
pub const JOB_NOT_FOUND: &str = "JOB_NOT_FOUND";
/// The session is sealed under a master key that report-svc was not given.
pub const MASTER_KEY_MISSING: &str = "MASTER_KEY_MISSING";
/// Too much work is waiting; `RetryInfo` says when to try again.
pub const OVERLOADED: &str = "OVERLOADED";
/// A service or store that the call needs does not answer; `RetryInfo` says when to try again.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// The caller's deadline passed.
pub const DEADLINE: &str = "DEADLINE";
/// A defect on our side. The cause is in the service's log, under the trace id.
pub const INTERNAL: &str = "INTERNAL";
