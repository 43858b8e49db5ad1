"""When a call has to be over."""

from __future__ import annotations

import time

LONGEST = 366.0 * 86400
"""grpcio takes far longer ones for none at all."""


def checked(seconds: float) -> float:
    """A timeout that a call can have."""
    # Not a number either.
    if not seconds <= LONGEST:
        raise ValueError(
            f"a timeout is a number of seconds, a year's at the most, not {seconds}: every call has a deadline"
        )
    return seconds


class Deadline:
    """A moment until which something may take."""

    __slots__ = ("_at",)

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + checked(seconds)

    def left(self) -> float:
        """Seconds until then; 0 afterwards."""
        return max(0.0, self._at - time.monotonic())
