"""Watches of sessions, which outlast the streams that they are made of."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import grpc

from bonafide._retry import MOST_RETRIES, backoff, pause_before
from bonafide._status import error_of
from bonafide.errors import DeadlineExceeded
from bonafide.identity.v1 import (
    VERIFICATION_SESSION_STATUS_CANCELED,
    Redaction,
    VerificationSession,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from bonafide._caller import Stream
    from bonafide._deadline import Deadline

LONGEST_STREAM = 600.0
"""Seconds after which a stream is replaced that no server has ended, so that none is for ever."""


class Watch:
    """An iterator over the states of a session: first as it is, then after each change. Made by `Sessions.watch`.

    It ends after a session that is canceled or redacted, and when it is closed, which any thread may do. A watch that is no longer
    referred to, as after a `break`, is closed, too.
    """

    def __init__(
        self,
        verification_session: str,
        stream: Callable[[float], Stream[VerificationSession]],
        deadline: Deadline | None,
    ) -> None:
        self._verification_session = verification_session
        self._new_stream = stream
        self._deadline = deadline
        self._stream: Stream[VerificationSession] | None = None
        # Whether the stream may take as long as is left of the watch.
        self._is_last = False
        self._last: VerificationSession | None = None
        # Since the last message, and since the last news.
        self._failures = 0
        self._ends = 0
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Ends the watch; whoever waits for the next state gets none. May be called again."""
        with self._lock:
            self._closed.set()
            if self._stream is not None:
                self._stream.cancel()

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> VerificationSession:
        while (session := self._receive()) is not None:
            comparable = _comparable(session)
            if comparable != self._last:
                self._last = comparable
                self._ends = 0
                if _is_over(session):
                    self.close()
                return session
        raise StopIteration

    def _receive(self) -> VerificationSession | None:
        """The next message, of a new stream where one ended; None when the watch is closed."""
        while (stream := self._open()) is not None:
            try:
                session = next(stream)
            except StopIteration:
                # In order. Not at once: a server may end streams as fast as they are opened.
                pause = backoff(self._ends)
                self._ends += 1
            except grpc.RpcError as failure:
                if self._closed.is_set():
                    return None
                pause = self._pause_after(failure)
            else:
                self._failures = 0
                return session
            self._stream = None
            self._closed.wait(pause)
        return None

    def _open(self) -> Stream[VerificationSession] | None:
        with self._lock:
            if self._closed.is_set():
                return None
            if self._stream is None:
                left = LONGEST_STREAM if self._deadline is None else self._deadline.left()
                # A stream that has no time may begin all the same.
                if left == 0.0:
                    self._closed.set()
                    raise DeadlineExceeded("no time is left for the watch")
                self._is_last = self._deadline is not None and left <= LONGEST_STREAM
                self._stream = self._new_stream(min(left, LONGEST_STREAM))
            return self._stream

    def _pause_after(self, failure: grpc.RpcError) -> float:
        error = error_of(failure)
        if isinstance(error, DeadlineExceeded) and not self._is_last and self._failures < MOST_RETRIES:
            # The stream's time is over, and not the watch's.
            pause: float | None = backoff(self._failures)
        else:
            left = math.inf if self._deadline is None else self._deadline.left()
            pause = pause_before(self._failures, error, left)
        if pause is None:
            self.close()
            raise error from failure
        self._failures += 1
        # A server may answer each time, and break each time.
        if error.retry_after is None:
            pause = max(pause, backoff(self._ends))
        self._ends += 1
        return pause

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<bonafide.Watch of {self._verification_session}>"


def _comparable(session: VerificationSession) -> VerificationSession:
    """Without the client secret: each answer has a fresh one."""
    comparable = VerificationSession()
    comparable.CopyFrom(session)
    comparable.ClearField("client_secret")
    return comparable


def _is_over(session: VerificationSession) -> bool:
    """Whether nothing more is to come, or nothing that a watch is for."""
    if session.HasField("redaction"):
        return session.redaction.status != Redaction.STATUS_PROCESSING
    return session.status == VERIFICATION_SESSION_STATUS_CANCELED
