"""When a call has to be over."""

from __future__ import annotations

import math
import time


class Deadline:
    """A moment until which something may take."""

    __slots__ = ("_at",)

    def __init__(self, seconds: float) -> None:
        if not math.isfinite(seconds):
            raise ValueError(f"a timeout is a number of seconds, not {seconds}: every call has a deadline")
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then; 0 afterwards."""
        return max(0.0, self._at - time.monotonic())
