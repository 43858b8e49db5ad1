// What goes wrong with a call: one class for each status code, under a common one.

/** The status codes of gRPC that stand for an error. */
export type Code =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

/** A field of the request that is wrong. */
export interface Violation {
  /** Its path in the request, `options.document.allowed_types`. */
  readonly field: string;
  /** What it must be. */
  readonly description: string;
}

/** What an error tells beside its code and message. */
export interface ErrorDetails {
  reason?: string | undefined;
  violations?: readonly Violation[] | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
  retryAfterMs?: number | undefined;
  /** What led to the error: the reason of a signal that aborted. */
  cause?: unknown;
}

/** A call that was not answered as asked. Match on `reason`, or on the class or `code` where there is none. */
export class BonafideError extends Error {
  /** The status code. */
  readonly code: Code;
  /** Why, one of those of `REASONS.md`, which never changes. Undefined where no service of Bonafide answered. */
  readonly reason: string | undefined;
  /** All fields of the request that are wrong. */
  readonly violations: readonly Violation[];
  /** What belongs to the reason, such as the `status` that a session has. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How long the server asks to wait before the call is sent again. */
  readonly retryAfterMs: number | undefined;

  static {
    named(this, "BonafideError");
  }

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reason = details.reason;
    this.violations = details.violations ?? [];
    this.metadata = details.metadata ?? {};
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The caller ended the call, by its signal or by closing the client. */
export class CancelledError extends BonafideError {
  declare readonly code: "CANCELLED";

  static {
    named(this, "CancelledError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("CANCELLED", message, details);
  }
}

/** Something between here and the service failed and did not say what. */
export class UnknownError extends BonafideError {
  declare readonly code: "UNKNOWN";

  static {
    named(this, "UnknownError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("UNKNOWN", message, details);
  }
}

/** The request is wrong, whatever the state of the session. */
export class InvalidArgumentError extends BonafideError {
  declare readonly code: "INVALID_ARGUMENT";

  static {
    named(this, "InvalidArgumentError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("INVALID_ARGUMENT", message, details);
  }
}

/** The deadline passed. The call may have been done all the same. */
export class DeadlineExceededError extends BonafideError {
  declare readonly code: "DEADLINE_EXCEEDED";

  static {
    named(this, "DeadlineExceededError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("DEADLINE_EXCEEDED", message, details);
  }
}

/** There is no such session, report or picture, or it belongs to another account. */
export class NotFoundError extends BonafideError {
  declare readonly code: "NOT_FOUND";

  static {
    named(this, "NotFoundError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("NOT_FOUND", message, details);
  }
}

/** What was to be made is there. No service of Bonafide answers so. */
export class AlreadyExistsError extends BonafideError {
  declare readonly code: "ALREADY_EXISTS";

  static {
    named(this, "AlreadyExistsError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("ALREADY_EXISTS", message, details);
  }
}

/** The credential is known, and not enough. */
export class PermissionDeniedError extends BonafideError {
  declare readonly code: "PERMISSION_DENIED";

  static {
    named(this, "PermissionDeniedError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("PERMISSION_DENIED", message, details);
  }
}

/** Too much work is waiting, or the message is too large. */
export class ResourceExhaustedError extends BonafideError {
  declare readonly code: "RESOURCE_EXHAUSTED";

  static {
    named(this, "ResourceExhaustedError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("RESOURCE_EXHAUSTED", message, details);
  }
}

/** The session, or what the deployment was given, does not allow the call now. */
export class FailedPreconditionError extends BonafideError {
  declare readonly code: "FAILED_PRECONDITION";

  static {
    named(this, "FailedPreconditionError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("FAILED_PRECONDITION", message, details);
  }
}

/** Others changed the same thing at the same time. */
export class AbortedError extends BonafideError {
  declare readonly code: "ABORTED";

  static {
    named(this, "AbortedError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("ABORTED", message, details);
  }
}

/** Past the end of something. No service of Bonafide answers so. */
export class OutOfRangeError extends BonafideError {
  declare readonly code: "OUT_OF_RANGE";

  static {
    named(this, "OutOfRangeError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("OUT_OF_RANGE", message, details);
  }
}

/** Whatever answers at the address does not know the call: an older deployment, or no Bonafide. */
export class UnimplementedError extends BonafideError {
  declare readonly code: "UNIMPLEMENTED";

  static {
    named(this, "UnimplementedError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("UNIMPLEMENTED", message, details);
  }
}

/** A defect of the service; its log has the cause. */
export class InternalError extends BonafideError {
  declare readonly code: "INTERNAL";

  static {
    named(this, "InternalError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("INTERNAL", message, details);
  }
}

/** Nothing answers at the address, or what a service needs does not answer. */
export class UnavailableError extends BonafideError {
  declare readonly code: "UNAVAILABLE";

  static {
    named(this, "UnavailableError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("UNAVAILABLE", message, details);
  }
}

/** A picture did not arrive whole, or a list cannot be read on. */
export class DataLossError extends BonafideError {
  declare readonly code: "DATA_LOSS";

  static {
    named(this, "DataLossError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("DATA_LOSS", message, details);
  }
}

/** The credential is missing, not known or too old. */
export class UnauthenticatedError extends BonafideError {
  declare readonly code: "UNAUTHENTICATED";

  static {
    named(this, "UnauthenticatedError");
  }

  constructor(message: string, details?: ErrorDetails) {
    super("UNAUTHENTICATED", message, details);
  }
}

/** The name that stacks and logs show; of the prototype, so that it is no field of each error, and survives minification. */
function named(type: { prototype: Error }, name: string): void {
  Object.defineProperty(type.prototype, "name", { value: name, configurable: true, writable: true });
}
