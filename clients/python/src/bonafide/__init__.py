"""Client of Bonafide, a self-hosted system for identity verification.

`Client` is where to begin. Messages and enums are in `bonafide.identity.v1`, errors in `bonafide.errors` and here.
"""

from bonafide._client import Client
from bonafide._files import Files
from bonafide._person import Person
from bonafide._reports import Reports
from bonafide._sessions import Sessions
from bonafide._test_helpers import TestHelpers
from bonafide._version import __version__
from bonafide._watch import Watch
from bonafide.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    Error,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unknown,
    Violation,
)

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Cancelled",
    "Client",
    "DataLoss",
    "DeadlineExceeded",
    "Error",
    "FailedPrecondition",
    "Files",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "Person",
    "Reports",
    "ResourceExhausted",
    "Sessions",
    "TestHelpers",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unknown",
    "Violation",
    "Watch",
    "__version__",
]
