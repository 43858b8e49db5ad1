"""Which calls are sent again, and when."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, TypeVar

import grpc

from bonafide.errors import Cancelled, DeadlineExceeded, Error, Internal, Unavailable, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from bonafide._deadline import Deadline

MOST_RETRIES = 4

_REASONS = frozenset({"CONTENDED", "OVERLOADED"})
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0

T = TypeVar("T")


def attempt(call: Callable[[], T], deadline: Deadline, error_of: Callable[[grpc.RpcError], Error]) -> T:
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
                # Not from the failure: what it shows is the server's, word for word.
                raise (untrusted if untrusted and nobody_answered else error) from None
        time.sleep(pause)
    raise AssertionError


def pause_before(retry: int, error: Error, left: float) -> float | None:
    """Seconds to wait before this retry, the first of which is 0; None when there is to be none."""
    if retry >= MOST_RETRIES or not _may_pass(error):
        return None
    pause = backoff(retry) if error.retry_after is None else error.retry_after
    return pause if pause < left else None


def is_cut_off(error: Error) -> bool:
    """Whether a stream ended by what happened to the connection or the replica, and not to what it is about."""
    # As libraries and gateways call it: a service gives a reason.
    if isinstance(error, Cancelled | Unknown | Internal):
        return error.reason is None
    return isinstance(error, DeadlineExceeded) or _may_pass(error)


def _may_pass(error: Error) -> bool:
    return isinstance(error, Unavailable) or error.reason in _REASONS


def backoff(retry: int) -> float:
    """A random time, so that many callers do not come back at once."""
    # The longest is reached long before the power could be too large.
    return random.uniform(0, min(_FIRST_PAUSE * 2 ** min(retry, 10), _LONGEST_PAUSE))  # noqa: S311
