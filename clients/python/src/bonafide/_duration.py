"""Durations of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration

if TYPE_CHECKING:
    from datetime import timedelta


def duration(time: timedelta | None) -> Duration | None:
    """As messages have it."""
    if time is None:
        return None
    message = Duration()
    message.FromTimedelta(time)
    return message
