"""Errors of calls: `Error`, and a subclass for each status code of gRPC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import grpc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Violation:
    """A field of the request that is wrong."""

    field: str
    """Its name, with dots between the parts: `options.document.allowed_types`."""
    description: str
    """What is wrong with it."""


class Error(Exception):
    """A call that failed. No text here holds a key, a client secret or a picture."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN
    """The status code, which the subclass stands for."""
    message: str
    """For people; it may change."""
    reason: str | None
    """For programs: one of REASONS.md. None where no service of Bonafide answered."""
    violations: tuple[Violation, ...]
    """All fields of the request that are wrong."""
    metadata: dict[str, str]
    """What belongs to the reason, e.g. the `status` that a session has."""
    retry_after: float | None
    """Seconds after which the server asks to be called again."""

    def __init__(
        self,
        message: str,
        reason: str | None = None,
        violations: Iterable[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = message
        self.reason = reason
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        # The arguments in their order: errors are copied and pickled by them, on their way between processes for one.
        super().__init__(message, reason, self.violations, self.metadata, retry_after)

    def __str__(self) -> str:
        said = f"{self.message} ({self.reason or self.code.name})"
        return "; ".join([said, *(f"{violation.field}: {violation.description}" for violation in self.violations)])


class Cancelled(Error):
    """CANCELLED: the call was ended before it was answered."""

    code = grpc.StatusCode.CANCELLED


class Unknown(Error):
    """UNKNOWN: what answered did not say what went wrong, or in a way that is not known here."""

    code = grpc.StatusCode.UNKNOWN


class InvalidArgument(Error):
    """INVALID_ARGUMENT: the request is wrong; `violations` has the fields."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class DeadlineExceeded(Error):
    """DEADLINE_EXCEEDED: the time of the call was over. It may have been done all the same."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class NotFound(Error):
    """NOT_FOUND: there is none, or it belongs to another account."""

    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(Error):
    """ALREADY_EXISTS: it is there already."""

    code = grpc.StatusCode.ALREADY_EXISTS


class PermissionDenied(Error):
    """PERMISSION_DENIED: the credential does not allow the call."""

    code = grpc.StatusCode.PERMISSION_DENIED


class ResourceExhausted(Error):
    """RESOURCE_EXHAUSTED: too much at once, or a message that is too large."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class FailedPrecondition(Error):
    """FAILED_PRECONDITION: something else has to happen first, or cannot any more."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class Aborted(Error):
    """ABORTED: others changed the same thing at the same time."""

    code = grpc.StatusCode.ABORTED


class OutOfRange(Error):
    """OUT_OF_RANGE: past the end."""

    code = grpc.StatusCode.OUT_OF_RANGE


class Unimplemented(Error):
    """UNIMPLEMENTED: what answers does not have the call."""

    code = grpc.StatusCode.UNIMPLEMENTED


class Internal(Error):
    """INTERNAL: a defect of the server, or of the connection."""

    code = grpc.StatusCode.INTERNAL


class Unavailable(Error):
    """UNAVAILABLE: nothing answers there, or it cannot now; tried again already."""

    code = grpc.StatusCode.UNAVAILABLE


class DataLoss(Error):
    """DATA_LOSS: something did not arrive whole."""

    code = grpc.StatusCode.DATA_LOSS


class Unauthenticated(Error):
    """UNAUTHENTICATED: the credential is missing, not known or too old."""

    code = grpc.StatusCode.UNAUTHENTICATED
