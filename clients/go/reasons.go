package bonafide

// Reason says for programs why a call failed. A newer deployment may know more of them than these.
type Reason string

// The reasons of Bonafide's services. The status code that each comes with is in parentheses.
const (
	// No credential was sent, or it is not in the form Bearer … (Unauthenticated).
	ReasonCredentialMissing Reason = "CREDENTIAL_MISSING"
	// The API key, client secret or service token is not known (Unauthenticated).
	ReasonCredentialInvalid Reason = "CREDENTIAL_INVALID"
	// The client secret is older than 24 hours; the backend can retrieve a fresh one (Unauthenticated).
	ReasonClientSecretExpired Reason = "CLIENT_SECRET_EXPIRED"
	// The client secret belongs to another session than the one named in the request (PermissionDenied).
	ReasonClientSecretOtherSession Reason = "CLIENT_SECRET_OTHER_SESSION"
	// The call needs an API key with a permission that this one lacks (PermissionDenied).
	ReasonPermissionMissing Reason = "PERMISSION_MISSING"
	// The calling service's certificate does not name one that may make the call (PermissionDenied).
	ReasonCallerNotAllowed Reason = "CALLER_NOT_ALLOWED"
	// No such session, or it belongs to another account (NotFound).
	ReasonSessionNotFound Reason = "SESSION_NOT_FOUND"
	// No such report, or it belongs to another account (NotFound).
	ReasonReportNotFound Reason = "REPORT_NOT_FOUND"
	// No such picture, or it belongs to another session or account (NotFound).
	ReasonFileNotFound Reason = "FILE_NOT_FOUND"
	// The session's status does not allow the call; metadata status says which it has (FailedPrecondition).
	ReasonSessionStatus Reason = "SESSION_STATUS"
	// The call is for test mode, and the API key or the session is a live one (FailedPrecondition).
	ReasonLiveMode Reason = "LIVE_MODE"
	// Links to pictures need an address that browsers call, which this deployment was not given (FailedPrecondition).
	ReasonPublicURLMissing Reason = "PUBLIC_URL_MISSING"
	// A picture that the session's options ask for was not uploaded (FailedPrecondition).
	ReasonImageMissing Reason = "IMAGE_MISSING"
	// The session was submitted as often as is allowed (FailedPrecondition).
	ReasonAttemptsExhausted Reason = "ATTEMPTS_EXHAUSTED"
	// As many pictures, or bytes of pictures, were uploaded as is allowed; metadata limit says which limit it is (FailedPrecondition).
	ReasonImagesExhausted Reason = "IMAGES_EXHAUSTED"
	// Fields of the request are wrong; the violations are all of them (InvalidArgument).
	ReasonInvalidFields Reason = "INVALID_FIELDS"
	// The picture has no bytes (InvalidArgument).
	ReasonImageEmpty Reason = "IMAGE_EMPTY"
	// The picture has more bytes than allowed (InvalidArgument).
	ReasonImageTooLarge Reason = "IMAGE_TOO_LARGE"
	// The request has more bytes than the method takes (OutOfRange).
	ReasonMessageTooLarge Reason = "MESSAGE_TOO_LARGE"
	// The request cannot be decoded: it is no message of the method (InvalidArgument).
	ReasonMessageMalformed Reason = "MESSAGE_MALFORMED"
	// There is no such method, or the request is compressed in a way that is not known (Unimplemented).
	ReasonUnimplemented Reason = "UNIMPLEMENTED"
	// The bytes are not a JPEG, PNG or WebP file (InvalidArgument).
	ReasonImageFormat Reason = "IMAGE_FORMAT"
	// The picture's width or height is outside the limits (InvalidArgument).
	ReasonImageDimensions Reason = "IMAGE_DIMENSIONS"
	// The picture is cut off or damaged (InvalidArgument).
	ReasonImageDamaged Reason = "IMAGE_DAMAGED"
	// No face was found in the picture (InvalidArgument).
	ReasonFaceNotFound Reason = "FACE_NOT_FOUND"
	// The same idempotency key was used for another call, or with other parameters (InvalidArgument).
	ReasonIdempotencyKeyReused Reason = "IDEMPOTENCY_KEY_REUSED"
	// The lease ended, or another worker has the job (FailedPrecondition).
	ReasonLeaseLost Reason = "LEASE_LOST"
	// The session has no job in the queue, or none that was set aside (NotFound).
	ReasonJobNotFound Reason = "JOB_NOT_FOUND"
	// A record is sealed under a master key that report-svc was not given. Operators see it; others see INTERNAL (FailedPrecondition).
	ReasonMasterKeyMissing Reason = "MASTER_KEY_MISSING"
	// Others changed the same thing at the same time, each time before this call could; RetryAfter says when to try again (Aborted).
	ReasonContended Reason = "CONTENDED"
	// Too much work is waiting; RetryAfter says when to try again (ResourceExhausted).
	ReasonOverloaded Reason = "OVERLOADED"
	// A service or store that the call needs does not answer; RetryAfter says when to try again (Unavailable).
	ReasonUnavailable Reason = "UNAVAILABLE"
	// The caller's deadline passed (DeadlineExceeded).
	ReasonDeadline Reason = "DEADLINE"
	// The caller ended the call before it was answered (Canceled).
	ReasonCancelled Reason = "CANCELLED"
	// A defect of the deployment. The cause is in the service's log, under the trace id (Internal).
	ReasonInternal Reason = "INTERNAL"
)
