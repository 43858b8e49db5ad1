"""Watches of sessions, which outlast the streams that they are made of."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import grpc

from bonafide._caller import TIMEOUT
from bonafide._retry import backoff, is_cut_off
from bonafide.errors import DeadlineExceeded, Error, Unavailable
from bonafide.identity.v1 import (
    VERIFICATION_SESSION_STATUS_CANCELED,
    Redaction,
    VerificationSession,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from bonafide._caller import Caller, Stream
    from bonafide._deadline import Deadline

LONGEST_STREAM = 600.0
"""Seconds after which a stream is replaced that no server has ended, so that none is for ever."""

LASTING = 10.0
"""Seconds after which a stream is none of a row of streams that bring nothing."""

LONGEST_WAIT = 30.0
"""Seconds that a server can have a watch wait."""


class Watch:
    """An iterator over the states of a session: first as it is, then after each change. Made by `Sessions.watch`.

    It ends after a session that is canceled or redacted, and when it is closed, which any thread may do. A watch that is no longer
    referred to, as after a `break`, is closed, too.
    """

    def __init__(
        self,
        caller: Caller,
        verification_session: str,
        stream: Callable[[float], Stream[VerificationSession]],
        deadline: Deadline | None,
    ) -> None:
        self._caller = caller
        self._verification_session = verification_session
        self._new_stream = stream
        self._deadline = deadline
        self._stream: Stream[VerificationSession] | None = None
        # When it began, and whether anything came.
        self._began = 0.0
        self._answered = False
        # When the last stream ended that was answered, or the watch was made.
        self._silent_since = time.monotonic()
        # Streams in a row that were short and brought nothing new.
        self._fruitless = 0
        self._last: VerificationSession | None = None
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
        try:
            while (session := self._receive()) is not None:
                comparable = _comparable(session)
                if comparable != self._last:
                    self._last = comparable
                    self._fruitless = 0
                    if _is_over(session):
                        self.close()
                    return session
        except Error:
            self.close()
            raise
        raise StopIteration

    def _receive(self) -> VerificationSession | None:
        """The next message, of a new stream where one ended; None when the watch is closed."""
        while (stream := self._open()) is not None:
            error = None
            try:
                session = next(stream)
            except StopIteration:
                # In order.
                pass
            except grpc.RpcError as failure:
                if self._closed.is_set():
                    return None
                error = self._caller.error_of(failure)
                if not is_cut_off(error):
                    raise error from None
            else:
                self._answered = True
                return session
            self._stream = None
            self._closed.wait(self._pause_after(error))
        return None

    def _open(self) -> Stream[VerificationSession] | None:
        with self._lock:
            if self._closed.is_set():
                return None
            if self._stream is None:
                left = LONGEST_STREAM if self._deadline is None else self._deadline.left()
                # A stream that has no time may begin all the same.
                if left == 0.0:
                    raise DeadlineExceeded("no time is left for the watch")
                self._began = time.monotonic()
                self._stream = self._new_stream(min(left, LONGEST_STREAM))
            return self._stream

    def _pause_after(self, error: Error | None) -> float:
        """Seconds until another stream may be opened, where one ended: with an error, or in order."""
        now = time.monotonic()
        if self._answered:
            self._answered = False
            self._silent_since = now
        if now - self._began >= LASTING:
            self._fruitless = 0
        # It is a call as others until it is answered.
        patience = self._caller.timeout_or(TIMEOUT) if self._last is None else self._caller.reconnect_timeout
        left = patience - (now - self._silent_since)
        if left <= 0.0:
            raise error or Unavailable("the server ended the watch without an answer")
        asked = 0.0 if error is None or error.retry_after is None else min(error.retry_after, LONGEST_WAIT)
        # Not at once where that is asked for: it may be each time.
        pause = min(max(asked, backoff(self._fruitless)), left)
        if self._deadline is not None and pause >= self._deadline.left():
            raise error or DeadlineExceeded("no time is left for the watch")
        self._fruitless += 1
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
