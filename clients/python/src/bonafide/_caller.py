"""Calls with one credential."""

from __future__ import annotations

import copy
import threading
import uuid
from typing import TYPE_CHECKING, Protocol, TypeVar

from bonafide._deadline import Deadline, checked
from bonafide._retry import attempt
from bonafide._status import error_of
from bonafide.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc
    from google.protobuf.message import Message

    from bonafide._credential import Credential
    from bonafide.errors import Error

TIMEOUT = 10.0
TRANSFER_TIMEOUT = 60.0
"""Of a call that sends or fetches a picture."""

Request = TypeVar("Request", bound="Message")
Response = TypeVar("Response", bound="Message")
T = TypeVar("T")
Part = TypeVar("Part", covariant=True)


class Stream(Protocol[Part]):
    """Answers as they come."""

    def __iter__(self) -> Iterator[Part]:
        """Itself."""

    def __next__(self) -> Part:
        """The next one; raises grpc.RpcError where the call failed."""

    def cancel(self) -> bool:
        """Ends the call."""


class Caller:
    """A channel and who calls over it. Calls may be made from many threads at the same time."""

    def __init__(
        self, channel: grpc.Channel, credential: Credential, timeout: float | None, reconnect_timeout: float
    ) -> None:
        self.channel = channel
        self.reconnect_timeout = checked(reconnect_timeout)
        self._credential = credential
        self._timeout = None if timeout is None else checked(timeout)
        self._closed = threading.Event()

    def with_credential(self, credential: Credential) -> Caller:
        """Another one over the same channel, which closes with it."""
        caller = copy.copy(self)
        caller._credential = credential
        return caller

    def close(self) -> None:
        """Ends all calls; later ones fail as they do."""
        self._closed.set()
        self.channel.close()

    def timeout_or(self, usual: float) -> float:
        """What was given for the client, else what is usual for a call."""
        return usual if self._timeout is None else self._timeout

    def unary(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        timeout: float | None,
        usual: float = TIMEOUT,
    ) -> Response:
        """The answer to one request."""
        return self.attempt(
            lambda left: self._begin(lambda: method(request, timeout=left, metadata=self._credential.metadata())),
            timeout,
            usual,
        )

    def stream(
        self, method: grpc.UnaryStreamMultiCallable[Request, Response], request: Request, timeout: float
    ) -> Stream[Response]:
        """The answers to one request, of one try."""
        return self._begin(lambda: method(request, timeout=timeout, metadata=self._credential.metadata()))

    def attempt(self, call: Callable[[float], T], timeout: float | None, usual: float) -> T:
        """What `call` answers, which is told how much time is left, with retries."""
        deadline = Deadline(self.timeout_or(usual) if timeout is None else timeout)
        return attempt(lambda: call(deadline.left()), deadline, self.error_of)

    def error_of(self, failure: grpc.RpcError) -> Error:
        """What a call ended with."""
        error = error_of(failure, self._credential)
        return _closed() if isinstance(error, Cancelled) and self._closed.is_set() else error

    def _begin(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except ValueError:
            # What grpcio says of a channel that is closed.
            if not self._closed.is_set():
                raise
            raise _closed() from None


def _closed() -> Cancelled:
    return Cancelled("the client is closed")


def key_or_random(idempotency_key: str | None) -> str:
    """The caller's idempotency key, else one that nobody else has."""
    return str(uuid.uuid4()) if idempotency_key is None else idempotency_key
