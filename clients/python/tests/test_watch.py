"""Watches and waits."""

from __future__ import annotations

import gc
import threading
import time

import grpc
import pytest
from conftest import KEY
from played import Answer, Call, Played, Relay, refused, retry_after, stream

import bonafide
from bonafide import _watch
from bonafide.identity.v1 import (
    VERIFICATION_ERROR_CODE_CONSENT_DECLINED,
    VERIFICATION_SESSION_STATUS_CANCELED,
    VERIFICATION_SESSION_STATUS_PROCESSING,
    VERIFICATION_SESSION_STATUS_REQUIRES_INPUT,
    VERIFICATION_SESSION_STATUS_VERIFIED,
    Redaction,
    SessionInsights,
    VerificationError,
    VerificationSession,
    VerificationSessionStatus,
)

WATCH = "WatchVerificationSession"


def session(
    status: VerificationSessionStatus.ValueType,
    *,
    attempts: int = 0,
    redaction: Redaction.Status.ValueType = Redaction.STATUS_UNSPECIFIED,
    client_secret: str | None = None,
) -> VerificationSession:
    """A session in this state."""
    return VerificationSession(
        id="vs_1",
        status=status,
        insights=SessionInsights(attempts=attempts),
        redaction=Redaction(status=redaction) if redaction else None,
        client_secret=client_secret,
    )


WAITING = session(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT)
PROCESSING = session(VERIFICATION_SESSION_STATUS_PROCESSING, attempts=1)
FAILED = session(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT, attempts=1)
VERIFIED = session(VERIFICATION_SESSION_STATUS_VERIFIED, attempts=1)
CANCELED = session(VERIFICATION_SESSION_STATUS_CANCELED)
UNAVAILABLE = refused(grpc.StatusCode.UNAVAILABLE)


def test_it_yields_each_state_until_the_session_is_canceled(server: Played, client: bonafide.Client) -> None:
    # The server itself goes on: the session may still be redacted.
    server.on(WATCH, stream(WAITING, PROCESSING, FAILED, CANCELED, hold=threading.Event()))
    assert list(client.sessions.watch("vs_1")) == [WAITING, PROCESSING, FAILED, CANCELED]
    assert server.requests(WATCH)[0].verification_session == "vs_1"


@pytest.mark.parametrize("over", [Redaction.STATUS_REDACTED, Redaction.STATUS_VALIDATED])
def test_it_ends_when_the_session_is_redacted(
    server: Played, client: bonafide.Client, over: Redaction.Status.ValueType
) -> None:
    under_way = session(VERIFICATION_SESSION_STATUS_VERIFIED, redaction=Redaction.STATUS_PROCESSING)
    redacted = session(VERIFICATION_SESSION_STATUS_VERIFIED, redaction=over)
    server.on(WATCH, stream(VERIFIED, under_way, redacted))
    states = client.sessions.watch("vs_1")
    assert list(states) == [VERIFIED, under_way, redacted]
    assert list(states) == []
    assert len(server.calls) == 1


def test_it_goes_on_when_the_server_ends_it(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, stream(WAITING), stream(WAITING, PROCESSING), stream(), stream(PROCESSING, VERIFIED, CANCELED))
    assert list(client.sessions.watch("vs_1")) == [WAITING, PROCESSING, VERIFIED, CANCELED]
    assert len(server.calls) == 4


def test_a_fresh_client_secret_is_no_change(server: Played, client: bonafide.Client) -> None:
    first, second = (
        session(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT, client_secret=secret) for secret in ("one", "two")
    )
    server.on(WATCH, stream(first), stream(second, CANCELED))
    assert list(client.sessions.watch("vs_1")) == [first, CANCELED]


def test_a_state_that_comes_back_is_one(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, stream(WAITING, PROCESSING), stream(WAITING, CANCELED))
    assert list(client.sessions.watch("vs_1")) == [WAITING, PROCESSING, WAITING, CANCELED]


def test_it_goes_on_when_the_connection_breaks(server: Played, relay: Relay) -> None:
    server.on(WATCH, stream(WAITING, hold=threading.Event()), stream(WAITING, PROCESSING, CANCELED))
    with bonafide.Client(relay.address, KEY) as client:
        states = client.sessions.watch("vs_1")
        assert next(states) == WAITING
        relay.cut()
        assert list(states) == [PROCESSING, CANCELED]


def test_it_goes_on_after_errors_that_pass(server: Played, client: bonafide.Client) -> None:
    breaks = refused(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", retry_after(0))

    server.on(WATCH, *[breaks] * 4, stream(WAITING, then=breaks), *[breaks] * 3, stream(WAITING, CANCELED))
    assert list(client.sessions.watch("vs_1")) == [WAITING, CANCELED]
    assert len(server.calls) == 9


def test_it_outlives_an_outage(server: Played, relay: Relay) -> None:
    server.on(WATCH, stream(PROCESSING, hold=threading.Event()), stream(CANCELED))
    with bonafide.Client(relay.address, KEY) as client:
        states = client.sessions.watch("vs_1")
        assert next(states) == PROCESSING
        relay.leave()
        # Longer than a call is tried: four pauses are 1.5 seconds at most.
        threading.Timer(2, relay.come_back).start()
        assert list(states) == [CANCELED]
    assert len(server.calls) == 2


def test_it_ends_with_an_outage_that_is_too_long(server: Played, relay: Relay) -> None:
    server.on(WATCH, stream(PROCESSING, hold=threading.Event()))
    with bonafide.Client(relay.address, KEY, reconnect_timeout=1) as client:
        states = client.sessions.watch("vs_1")
        assert next(states) == PROCESSING
        left = time.monotonic()
        relay.leave()
        with pytest.raises(bonafide.Unavailable) as error:
            next(states)
        assert error.value.reason is None
        assert time.monotonic() - left >= 1
        assert list(states) == []


def test_it_does_not_wait_for_hours(server: Played) -> None:
    hours = retry_after(5 * 3600)
    lost = refused(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", hours)
    server.on(WATCH, stream(PROCESSING, then=lost), lost)
    with bonafide.Client(server.address, KEY, reconnect_timeout=1) as client:
        states = client.sessions.watch("vs_1")
        assert next(states) == PROCESSING
        with pytest.raises(bonafide.Unavailable) as error:
            next(states)
    assert error.value.retry_after == 5 * 3600
    # A last time when its own time is over.
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, ""),
        (grpc.StatusCode.CANCELLED, ""),
        (grpc.StatusCode.UNKNOWN, ""),
        (grpc.StatusCode.INTERNAL, ""),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ""),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE"),
        (grpc.StatusCode.ABORTED, "CONTENDED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    ],
)
def test_it_goes_on_after_what_cuts_a_stream_off(
    server: Played, client: bonafide.Client, code: grpc.StatusCode, reason: str
) -> None:
    server.on(WATCH, stream(PROCESSING, then=refused(code, reason)), stream(CANCELED))
    assert list(client.sessions.watch("vs_1")) == [PROCESSING, CANCELED]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.CANCELLED, "CANCELLED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
        (grpc.StatusCode.PERMISSION_DENIED, ""),
    ],
)
def test_it_ends_with_every_other_error(
    server: Played, client: bonafide.Client, code: grpc.StatusCode, reason: str
) -> None:
    server.on(WATCH, stream(PROCESSING, then=refused(code, reason)))
    states = client.sessions.watch("vs_1")
    assert next(states) == PROCESSING
    with pytest.raises(bonafide.Error) as error:
        next(states)
    assert error.value.code == code
    assert len(server.calls) == 1


@pytest.mark.parametrize("end", [UNAVAILABLE, stream()])
def test_one_that_is_never_answered_has_as_long_as_a_call(server: Played, end: Answer) -> None:
    server.on(WATCH, end)
    with bonafide.Client(server.address, KEY, timeout=1) as client:
        began = time.monotonic()
        states = client.sessions.watch("vs_1")
        with pytest.raises(bonafide.Unavailable):
            next(states)
        assert time.monotonic() - began >= 1
        assert list(states) == []
    assert len(server.calls) > 2


def test_one_whose_streams_end_at_once_ends_with_its_deadline(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, stream(PROCESSING))
    with pytest.raises(bonafide.DeadlineExceeded):
        client.sessions.wait("vs_1", timeout=1)
    # With pauses, which double.
    assert 2 <= len(server.calls) < 100


def test_the_close_of_the_client_ends_it(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, stream(PROCESSING, hold=threading.Event()))
    states = client.sessions.watch("vs_1")
    assert next(states) == PROCESSING
    client.close()
    with pytest.raises(bonafide.Cancelled, match="the client is closed"):
        next(states)
    assert list(states) == []


def test_another_error_ends_it(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, refused(grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"))
    with pytest.raises(bonafide.NotFound) as error:
        next(client.sessions.watch("vs_1"))
    assert error.value.reason == "SESSION_NOT_FOUND"
    assert len(server.calls) == 1


def test_it_ends_with_its_deadline(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, stream(WAITING, hold=threading.Event()))
    states = client.sessions.watch("vs_1", timeout=2)
    assert next(states) == WAITING
    with pytest.raises(bonafide.DeadlineExceeded):
        next(states)
    assert list(states) == []


def test_without_time_it_does_not_begin(server: Played, client: bonafide.Client) -> None:
    states = client.sessions.watch("vs_1", timeout=0)
    with pytest.raises(bonafide.DeadlineExceeded):
        next(states)
    assert list(states) == []
    assert server.calls == []


def test_no_stream_is_for_ever(server: Played, client: bonafide.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "LONGEST_STREAM", 0.5)
    server.on(WATCH, stream(WAITING, hold=threading.Event()), stream(WAITING, CANCELED))
    # With a deadline and without one.
    assert list(client.sessions.watch("vs_1", timeout=60)) == [WAITING, CANCELED]
    server.on(WATCH, stream(WAITING, hold=threading.Event()), stream(WAITING, CANCELED))
    assert list(client.sessions.watch("vs_1")) == [WAITING, CANCELED]


def held(server: Played) -> threading.Event:
    """Sends one state, and tells when the caller has ended the call."""
    ended = threading.Event()
    server.on(WATCH, stream(WAITING, hold=ended))
    return ended


def test_the_caller_stops_with_break(server: Played, client: bonafide.Client) -> None:
    ended = held(server)
    for state in client.sessions.watch("vs_1"):
        assert state == WAITING
        break
    # Not the interpreter's promise, but what its counting of references does.
    gc.collect()
    assert ended.wait(60)


def test_the_caller_stops_with_the_block(server: Played, client: bonafide.Client) -> None:
    ended = held(server)
    with client.sessions.watch("vs_1") as states:
        assert next(states) == WAITING
    assert ended.wait(60)
    assert list(states) == []
    assert len(server.calls) == 1


def test_another_thread_stops(server: Played, client: bonafide.Client) -> None:
    ended = held(server)
    states = client.sessions.watch("vs_1")
    got: list[VerificationSession] = []
    first = threading.Event()

    def read() -> None:
        for state in states:
            got.append(state)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(60)
    states.close()
    reader.join(60)
    assert not reader.is_alive()
    assert got == [WAITING]
    assert ended.wait(60)


def test_another_thread_stops_between_tries(server: Played, client: bonafide.Client) -> None:
    asked = threading.Event()

    def later(call: Call) -> None:
        asked.set()
        refused(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", retry_after(500))(call)

    server.on(WATCH, later)
    states = client.sessions.watch("vs_1")
    reader = threading.Thread(target=lambda: list(states))
    reader.start()
    assert asked.wait(60)
    states.close()
    reader.join(60)
    assert not reader.is_alive()
    assert len(server.calls) == 1


def test_a_wait_ends_with_the_checks(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, stream(WAITING, PROCESSING, VERIFIED, hold=threading.Event()))
    assert client.sessions.wait("vs_1") == VERIFIED
    server.on(WATCH, stream(PROCESSING), UNAVAILABLE, stream(PROCESSING, FAILED, hold=threading.Event()))
    assert client.sessions.wait("vs_1") == FAILED


@pytest.mark.parametrize("ended", [VERIFIED, FAILED, CANCELED])
def test_a_wait_for_what_has_ended_is_none(server: Played, client: bonafide.Client, ended: VerificationSession) -> None:
    server.on(WATCH, stream(ended, hold=threading.Event()))
    assert client.sessions.wait("vs_1") == ended


def test_a_wait_ends_its_watch(server: Played, client: bonafide.Client) -> None:
    ended = threading.Event()
    server.on(WATCH, stream(VERIFIED, hold=ended))
    client.sessions.wait("vs_1")
    assert ended.wait(60)


def test_a_person_who_left_may_come_back(server: Played, client: bonafide.Client) -> None:
    left = session(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT)
    left.last_error.CopyFrom(VerificationError(code=VERIFICATION_ERROR_CODE_CONSENT_DECLINED))
    server.on(WATCH, stream(WAITING, left, PROCESSING, VERIFIED, hold=threading.Event()))
    assert client.sessions.wait("vs_1") == VERIFIED


def test_a_wait_has_a_deadline(server: Played, client: bonafide.Client) -> None:
    server.on(WATCH, stream(PROCESSING, hold=threading.Event()))
    with pytest.raises(bonafide.DeadlineExceeded):
        client.sessions.wait("vs_1", timeout=0.5)
