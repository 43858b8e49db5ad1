"""Every call has a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from conftest import CLIENT_SECRET, KEY
from played import Call, Played, refused, reply, stream

import bonafide
from bonafide.identity.v1 import (
    IMAGE_PURPOSE_SELFIE,
    VERIFICATION_ERROR_CODE_CONSENT_DECLINED,
    VERIFICATION_SESSION_STATUS_CANCELED,
    VERIFICATION_SESSION_STATUS_REQUIRES_INPUT,
    VERIFICATION_TYPE_DOCUMENT,
    DownloadFileResponse,
    File,
    FileLink,
    LeaveVerificationSessionResponse,
    ListFilesResponse,
    ListVerificationReportsResponse,
    ListVerificationSessionsResponse,
    SubmitVerificationSessionResponse,
    VerificationReport,
    VerificationSession,
)

SESSION = VerificationSession(id="vs_1", status=VERIFICATION_SESSION_STATUS_REQUIRES_INPUT, client_secret=CLIENT_SECRET)
CANCELED = VerificationSession(id="vs_1", status=VERIFICATION_SESSION_STATUS_CANCELED)

Do = Callable[[bonafide.Client, float | None], object]

# By method of the contract: seconds when none are given, an answer, and the call.
CALLS: dict[str, tuple[float, object, Do]] = {
    "CreateVerificationSession": (
        10,
        SESSION,
        lambda c, t: c.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, timeout=t),
    ),
    "GetVerificationSession": (10, SESSION, lambda c, t: c.sessions.get("vs_1", timeout=t)),
    "UpdateVerificationSession": (10, SESSION, lambda c, t: c.sessions.update("vs_1", timeout=t)),
    "ListVerificationSessions": (
        10,
        ListVerificationSessionsResponse(),
        lambda c, t: [c.sessions.list(timeout=t), *c.sessions.list_all(timeout=t)],
    ),
    "CancelVerificationSession": (10, SESSION, lambda c, t: c.sessions.cancel("vs_1", timeout=t)),
    "RedactVerificationSession": (10, SESSION, lambda c, t: c.sessions.redact("vs_1", timeout=t)),
    "GetVerificationReport": (10, VerificationReport(), lambda c, t: c.reports.get("vr_1", timeout=t)),
    "ListVerificationReports": (
        10,
        ListVerificationReportsResponse(),
        lambda c, t: [c.reports.list(timeout=t), *c.reports.list_all(timeout=t)],
    ),
    "GetFile": (10, File(), lambda c, t: c.files.get("file_1", timeout=t)),
    "ListFiles": (10, ListFilesResponse(), lambda c, t: c.files.list("vs_1", timeout=t)),
    "DownloadFile": (60, [DownloadFileResponse(file=File())], lambda c, t: c.files.download("file_1", timeout=t)),
    "CreateFileLink": (10, FileLink(), lambda c, t: c.files.create_link("file_1", timeout=t)),
    "SimulateVerification": (10, SESSION, lambda c, t: c.test_helpers.simulate("vs_1", timeout=t)),
    "UploadImage": (60, File(), lambda c, t: c.person(SESSION).upload(IMAGE_PURPOSE_SELFIE, b"", timeout=t)),
    "SubmitVerificationSession": (
        10,
        SubmitVerificationSessionResponse(),
        lambda c, t: c.person(SESSION).submit(timeout=t),
    ),
    "LeaveVerificationSession": (
        10,
        LeaveVerificationSessionResponse(),
        lambda c, t: c.person(SESSION).leave(VERIFICATION_ERROR_CODE_CONSENT_DECLINED, timeout=t),
    ),
}


def is_about(timeout: float | None, most: float) -> bool:
    """Whether it is as long as was said, but for the way, which is slow on a loaded machine, and rounding, which is up."""
    return timeout is not None and most - 9 < timeout <= most + 1


@pytest.mark.parametrize("method", CALLS)
def test_each_call_has_its_deadline_and_its_credential(server: Played, client: bonafide.Client, method: str) -> None:
    usual, answer, call = CALLS[method]
    server.on(method, reply(answer))
    call(client, None)
    call(client, 33)
    with bonafide.Client(server.address, KEY, timeout=44) as patient:
        call(patient, None)
        call(patient, 33)
    per_case = len(server.calls) // 4
    for at, most in enumerate([usual, 33, 44, 33]):
        for got in server.calls[at * per_case : (at + 1) * per_case]:
            assert is_about(got.timeout, most)
    persons = ("UploadImage", "SubmitVerificationSession", "LeaveVerificationSession")
    credential = CLIENT_SECRET if method in persons else KEY
    assert {got.authorization for got in server.calls} == {f"Bearer {credential}"}


def test_streams_of_a_watch_have_one_too(server: Played, client: bonafide.Client) -> None:
    server.on("WatchVerificationSession", stream(CANCELED))
    list(client.sessions.watch("vs_1"))
    list(client.sessions.watch("vs_1", timeout=33))
    client.sessions.wait("vs_1")
    client.sessions.wait("vs_1", timeout=33)
    for got, most in zip(server.calls, [600, 33, 120, 33], strict=True):
        assert is_about(got.timeout, most)


@pytest.fixture
def hanging(server: Played) -> Iterator[Played]:
    """A server that does not answer."""
    released = threading.Event()

    def hang(_: Call) -> VerificationSession:
        released.wait()
        return SESSION

    server.on("GetVerificationSession", hang)
    yield server
    released.set()


def test_a_millisecond_is_a_deadline(hanging: Played, client: bonafide.Client) -> None:
    with pytest.raises(bonafide.DeadlineExceeded) as error:
        client.sessions.get("vs_1", timeout=0.001)
    assert error.value.reason is None
    assert len(hanging.calls) <= 1


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_call_without_time_is_not_made(server: Played, client: bonafide.Client, timeout: float) -> None:
    with pytest.raises(bonafide.DeadlineExceeded):
        client.sessions.get("vs_1", timeout=timeout)
    assert server.calls == []


def test_nor_is_a_retry(server: Played, client: bonafide.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr("bonafide._deadline.time.monotonic", lambda: now)

    def oversleep(seconds: float) -> None:
        nonlocal now
        now += seconds + 60

    monkeypatch.setattr("bonafide._retry.time.sleep", oversleep)
    server.on("GetVerificationSession", refused(grpc.StatusCode.UNAVAILABLE))
    with pytest.raises(bonafide.Unavailable):
        client.sessions.get("vs_1", timeout=30)
    assert len(server.calls) == 1


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), 1e10])
def test_for_ever_is_none(server: Played, client: bonafide.Client, timeout: float) -> None:
    with pytest.raises(ValueError, match="every call has a deadline"):
        client.sessions.get("vs_1", timeout=timeout)
    with pytest.raises(ValueError, match="every call has a deadline"):
        bonafide.Client(server.address, KEY, timeout=timeout)
