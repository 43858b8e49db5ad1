// From the status of a call to an error of ours.
import { type ServiceError, status } from "@grpc/grpc-js";

import { toMilliseconds } from "./duration.js";
import * as errors from "./errors.js";
import { BadRequest, ErrorInfo, RetryInfo } from "./gen/google/rpc/error_details.js";
import { Status } from "./gen/google/rpc/status.js";

/** Whose reasons ours are: a proxy's error may carry an `ErrorInfo`, too. */
const DOMAIN = "bonafide.identity";

/** The trailer with the details. */
const DETAILS = "grpc-status-details-bin";

/** What grpc-js says of some connections that broke under a call, such as `write EPIPE`, instead of UNAVAILABLE. */
const BROKEN = /^Received RST_STREAM with code \d+ triggered by internal client error: (?:read|write) E[A-Z]+/;

const CLASSES = {
  CANCELLED: errors.CancelledError,
  UNKNOWN: errors.UnknownError,
  INVALID_ARGUMENT: errors.InvalidArgumentError,
  DEADLINE_EXCEEDED: errors.DeadlineExceededError,
  NOT_FOUND: errors.NotFoundError,
  ALREADY_EXISTS: errors.AlreadyExistsError,
  PERMISSION_DENIED: errors.PermissionDeniedError,
  RESOURCE_EXHAUSTED: errors.ResourceExhaustedError,
  FAILED_PRECONDITION: errors.FailedPreconditionError,
  ABORTED: errors.AbortedError,
  OUT_OF_RANGE: errors.OutOfRangeError,
  UNIMPLEMENTED: errors.UnimplementedError,
  INTERNAL: errors.InternalError,
  UNAVAILABLE: errors.UnavailableError,
  DATA_LOSS: errors.DataLossError,
  UNAUTHENTICATED: errors.UnauthenticatedError,
} as const satisfies Record<errors.Code, new (message: string, details?: errors.ErrorDetails) => errors.BonafideError>;

/** The error that a call with this credential ended with; what is no status of a call stays what it is. */
export function fromGrpc(error: unknown, credential: string): unknown {
  if (!isServiceError(error)) {
    return error;
  }
  const code = codeOf(error);
  // A server may have repeated it.
  const hide: Hide = (text) => text.replaceAll(credential, "***");
  return new CLASSES[code](hide(error.details || code), detailsOf(error, hide));
}

/** A text without the credential. */
type Hide = (text: string) => string;

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error;
}

function codeOf(error: ServiceError): errors.Code {
  if (error.code === status.INTERNAL && BROKEN.test(error.details)) {
    return "UNAVAILABLE";
  }
  const name = status[error.code];
  // gRPC has clients read a code that they do not know as UNKNOWN.
  return name === undefined || name === "OK" ? "UNKNOWN" : (name as errors.Code);
}

function detailsOf(error: ServiceError, hide: Hide): errors.ErrorDetails {
  const details: errors.ErrorDetails = {};
  const [trailer] = error.metadata.get(DETAILS);
  if (!(trailer instanceof Buffer)) {
    return details;
  }
  try {
    for (const { typeUrl, value } of Status.decode(trailer).details) {
      read(details, typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value, hide);
    }
  } catch {
    // Something between us and the service damaged them: the code still says what happened.
  }
  return details;
}

function read(details: errors.ErrorDetails, type: string, value: Uint8Array, hide: Hide): void {
  switch (type) {
    case "google.rpc.ErrorInfo": {
      const info = ErrorInfo.decode(value);
      if (info.domain === DOMAIN) {
        details.reason = info.reason;
        details.metadata = Object.fromEntries(Object.entries(info.metadata).map(([key, text]) => [key, hide(text)]));
      }
      break;
    }
    case "google.rpc.BadRequest":
      details.violations = BadRequest.decode(value).fieldViolations.map(({ field, description }) => ({
        field,
        description: hide(description),
      }));
      break;
    case "google.rpc.RetryInfo": {
      const { retryDelay } = RetryInfo.decode(value);
      details.retryAfterMs = retryDelay && Math.max(0, toMilliseconds(retryDelay));
      break;
    }
  }
}
