"""Which calls are sent again, and when."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, TypeVar

import grpc

from bonafide._status import error_of
from bonafide.errors import DeadlineExceeded, Error, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from bonafide._deadline import Deadline

MOST_RETRIES = 4

_REASONS = frozenset({"CONTENDED", "OVERLOADED"})
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0

T = TypeVar("T")


def attempt(call: Callable[[], T], deadline: Deadline) -> T:
    """Calls until there is an answer, or an error that another try would not mend within the deadline.

    Raises:
        Error: The call failed.
    """
    error: Error = DeadlineExceeded("no time is left for the call")
    untrusted: Error | None = None
    for retry in itertools.count():
        # A call that has no time may be made all the same, and a pause may take longer than it was to.
        if deadline.left() == 0.0:
            raise error
        try:
            return call()
        except grpc.RpcError as failure:
            error = error_of(failure)
            pause = pause_before(retry, error, deadline.left())
            # Where a name has several addresses grpcio tells of one at a time: that nothing listens at the other hides the cause.
            if "CERTIFICATE_VERIFY_FAILED" in error.message:
                untrusted = error
            if pause is None:
                nobody_answered = isinstance(error, Unavailable) and error.reason is None
                raise (untrusted if untrusted and nobody_answered else error) from failure
        time.sleep(pause)
    raise AssertionError


def pause_before(retry: int, error: Error, left: float) -> float | None:
    """Seconds to wait before this retry, the first of which is 0; None when there is to be none."""
    if retry >= MOST_RETRIES or not (isinstance(error, Unavailable) or error.reason in _REASONS):
        return None
    pause = backoff(retry) if error.retry_after is None else max(0.0, error.retry_after)
    return pause if pause < left else None


def backoff(retry: int) -> float:
    """A random time, so that many callers do not come back at once."""
    return random.uniform(0, min(_FIRST_PAUSE * 2**retry, _LONGEST_PAUSE))  # noqa: S311
