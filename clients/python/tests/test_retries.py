"""Which calls are sent again, when, and what is the same each time."""

from __future__ import annotations

import time
import uuid
from typing import Any

import grpc
import pytest
from conftest import KEY
from google.rpc.error_details_pb2 import RetryInfo
from played import Call, Played, Relay, refused, retry_after

import bonafide
from bonafide._retry import backoff, pause_before
from bonafide.identity.v1 import VERIFICATION_TYPE_DOCUMENT, VerificationSession

SESSION = VerificationSession(id="vs_1")
UNAVAILABLE = refused(grpc.StatusCode.UNAVAILABLE)
CREATE = "CreateVerificationSession"


def test_an_unavailable_server_is_asked_again_under_the_same_key(server: Played, client: bonafide.Client) -> None:
    by_service = refused(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    server.on(CREATE, UNAVAILABLE, by_service, SESSION)
    assert client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT) == SESSION
    keys = [request.idempotency_key for request in server.requests(CREATE)]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert uuid.UUID(keys[0]).version == 4


def test_each_call_has_a_key_of_its_own(server: Played, client: bonafide.Client) -> None:
    server.on("CancelVerificationSession", SESSION)
    client.sessions.cancel("vs_1")
    client.sessions.cancel("vs_1")
    client.sessions.cancel("vs_1", idempotency_key="mine")
    first, second, given = (request.idempotency_key for request in server.requests("CancelVerificationSession"))
    assert first != second
    assert given == "mine"


@pytest.mark.parametrize(
    ("code", "reason"),
    [(grpc.StatusCode.ABORTED, "CONTENDED"), (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")],
)
def test_a_busy_server_is_asked_again(
    server: Played, client: bonafide.Client, code: grpc.StatusCode, reason: str
) -> None:
    server.on(CREATE, refused(code, reason), SESSION)
    assert client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT) == SESSION
    first, second = server.requests(CREATE)
    assert first == second


def test_the_server_says_when(server: Played, client: bonafide.Client) -> None:
    times = []

    def overloaded(call: Call) -> Any:
        times.append(time.monotonic())
        return refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", retry_after(0.5))(call)

    def better(_: Call) -> VerificationSession:
        times.append(time.monotonic())
        return SESSION

    server.on("GetVerificationSession", overloaded, better)
    assert client.sessions.get("vs_1") == SESSION
    # Its own pause would be 0.1 s at most.
    assert times[1] - times[0] >= 0.45


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS"),
        (grpc.StatusCode.ABORTED, ""),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
        (grpc.StatusCode.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE"),
        (grpc.StatusCode.UNKNOWN, ""),
    ],
)
def test_another_error_is_one(server: Played, client: bonafide.Client, code: grpc.StatusCode, reason: str) -> None:
    # Even if it says when.
    server.on(CREATE, refused(code, reason, retry_after(0)), SESSION)
    with pytest.raises(bonafide.Error) as error:
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT)
    assert error.value.code == code
    assert len(server.calls) == 1


def test_others_reasons_count_for_nothing(server: Played, client: bonafide.Client) -> None:
    server.on(CREATE, refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", domain="proxy.example"), SESSION)
    with pytest.raises(bonafide.ResourceExhausted) as error:
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT)
    assert error.value.reason is None
    assert len(server.calls) == 1


def test_four_retries_are_the_most(server: Played, client: bonafide.Client) -> None:
    server.on(CREATE, refused(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", retry_after(0)))
    with pytest.raises(bonafide.Unavailable):
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT)
    assert len(server.calls) == 5


@pytest.mark.parametrize(("asked", "heard"), [(RetryInfo(), None), (retry_after(-3600), 0.0)])
def test_what_cannot_be_waited_for_is_not(
    server: Played, client: bonafide.Client, asked: RetryInfo, heard: float | None
) -> None:
    server.on(CREATE, refused(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", asked))
    with pytest.raises(bonafide.Unavailable) as error:
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT)
    assert error.value.retry_after == heard
    assert len(server.calls) == 5


def test_no_wait_outlasts_the_deadline(server: Played, client: bonafide.Client) -> None:
    server.on(CREATE, refused(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", retry_after(3600)))
    with pytest.raises(bonafide.Unavailable) as error:
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, timeout=30)
    assert error.value.retry_after == 3600
    assert len(server.calls) == 1


def test_retries_share_one_deadline(server: Played, client: bonafide.Client) -> None:
    server.on(CREATE, refused(grpc.StatusCode.UNAVAILABLE, "", retry_after(1.2)), SESSION)
    client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, timeout=30)
    first, second = (call.timeout for call in server.calls)
    assert first is not None
    assert second is not None
    # On the wire it is rounded up.
    assert second <= first - 0.5


def test_a_lost_answer_is_asked_for_again(server: Played, relay: Relay) -> None:
    done: dict[str, VerificationSession] = {}

    def create(call: Call) -> VerificationSession:
        return done.setdefault(call.request.idempotency_key, VerificationSession(id=f"vs_{len(done)}"))

    def create_and_break(call: Call) -> VerificationSession:
        session = create(call)
        relay.cut()
        return session

    server.on(CREATE, create_and_break, create)
    with bonafide.Client(relay.address, KEY) as client:
        assert client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT).id == "vs_0"
    assert len(server.calls) == 2
    assert len(done) == 1


def test_a_certificate_that_is_not_trusted_is_not_hidden(server: Played, client: bonafide.Client) -> None:
    untrusted = refused(grpc.StatusCode.UNAVAILABLE, message="handshake failed: CERTIFICATE_VERIFY_FAILED")
    server.on(CREATE, untrusted, refused(grpc.StatusCode.UNAVAILABLE, message="connection refused"))
    with pytest.raises(bonafide.Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT)
    # Unless a service answered in the end.
    server.on(CREATE, untrusted, refused(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS"))
    with pytest.raises(bonafide.InvalidArgument):
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT)


def test_a_client_that_is_closed_says_so(server: Played, client: bonafide.Client) -> None:
    server.on(CREATE, lambda _: client.close())
    # Of a call that is under way, and of a later one.
    for _ in range(2):
        with pytest.raises(bonafide.Cancelled, match="the client is closed"):
            client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT)
    with pytest.raises(bonafide.Cancelled, match="the client is closed"):
        next(client.sessions.watch("vs_1"))
    client.close()
    assert len(server.calls) == 1


def test_pauses_double_up_to_two_seconds() -> None:
    for retry, most in enumerate([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]):
        pauses = [backoff(retry) for _ in range(1000)]
        assert all(0 <= pause <= most for pause in pauses)
        # Spread over all of it: that none of 1,000 is in an outer tenth happens once in 10^45.
        assert min(pauses) < most / 10
        assert max(pauses) > most * 9 / 10


@pytest.mark.parametrize("asked", [0.0, 0.999])
def test_what_is_asked_for_is_waited_for(asked: float) -> None:
    assert pause_before(0, bonafide.Unavailable("", retry_after=asked), 1.0) == asked
    assert pause_before(3, bonafide.Unavailable("", retry_after=asked), 1.0) == asked
    assert pause_before(4, bonafide.Unavailable("", retry_after=asked), 1.0) is None


def test_a_pause_fits_into_what_is_left() -> None:
    assert pause_before(0, bonafide.Unavailable("", retry_after=1.0), 1.0) is None
    assert pause_before(0, bonafide.Unavailable(""), 0.0) is None
