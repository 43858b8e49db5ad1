"""Against a deployment, which clients/test starts."""

from __future__ import annotations

import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from live import ADDRESS, connect, key, needs_deployment, path

import bonafide
from bonafide.identity.v1 import (
    IMAGE_PURPOSE_DOCUMENT_FRONT,
    IMAGE_PURPOSE_SELFIE,
    VERIFICATION_ERROR_CODE_CONSENT_DECLINED,
    VERIFICATION_ERROR_CODE_DOCUMENT_EXPIRED,
    VERIFICATION_ERROR_CODE_SELFIE_FACE_MISMATCH,
    VERIFICATION_ERROR_CODE_UNDER_SUPPORTED_AGE,
    VERIFICATION_SESSION_STATUS_CANCELED,
    VERIFICATION_SESSION_STATUS_PROCESSING,
    VERIFICATION_SESSION_STATUS_REQUIRES_INPUT,
    VERIFICATION_SESSION_STATUS_VERIFIED,
    VERIFICATION_TYPE_DOCUMENT,
    ProvidedDetails,
    Redaction,
    VerificationErrorCode,
    VerificationSession,
)

pytestmark = needs_deployment

EXAMPLE = Path(__file__).parent.parent / "example.py"
ANOTHER_CA = Path(__file__).parent / "another_ca.pem"


@pytest.fixture(scope="module")
def live() -> Iterator[bonafide.Client]:
    """A backend with a restricted key of live mode."""
    with connect(key("RESTRICTED_API_KEY")) as client:
        yield client


@pytest.fixture(scope="module")
def testing() -> Iterator[bonafide.Client]:
    """A backend with a key of test mode."""
    with connect(key("TEST_API_KEY")) as client:
        yield client


def create(client: bonafide.Client, reference: str | None = None) -> VerificationSession:
    """A session of a document."""
    return client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, client_reference_id=reference)


@pytest.mark.parametrize("run", ["first", "second"])
def test_the_example_verifies_a_person(tmp_path: Path, run: str) -> None:
    pictures = [path("DOCUMENT"), path("SELFIE")]
    arguments = [EXAMPLE, ADDRESS, path("API_KEY_FILE"), *pictures, path("CA")]
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == "", run
    status, name, similarity = done.stdout.splitlines()
    assert status == "status: VERIFICATION_SESSION_STATUS_VERIFIED"
    assert name == "name: ANNA MARIA ERIKSSON"
    assert float(similarity.removeprefix("similarity: ")) > 0.425
    assert done.returncode == 0


def test_the_example_says_what_is_wrong(tmp_path: Path) -> None:
    pictures = [path("DOCUMENT"), path("SELFIE")]
    arguments = [EXAMPLE, ADDRESS, path("API_KEY_FILE"), *pictures, ANOTHER_CA]
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    # Other lines are grpcio's own.
    assert [line for line in done.stderr.splitlines() if line.startswith("example.py: ")]
    assert "Traceback" not in done.stderr


def test_test_mode_verifies(testing: bonafide.Client) -> None:
    session = create(testing)
    assert not session.livemode
    chosen = testing.test_helpers.simulate(session.id, delay=timedelta(milliseconds=300))
    assert chosen.status == VERIFICATION_SESSION_STATUS_PROCESSING
    session = testing.sessions.wait(session.id)
    assert session.status == VERIFICATION_SESSION_STATUS_VERIFIED
    report = testing.reports.get(session.last_verification_report)
    assert report.document.last_name == "ERIKSSON"


@pytest.mark.parametrize(
    "code",
    [
        VERIFICATION_ERROR_CODE_DOCUMENT_EXPIRED,
        VERIFICATION_ERROR_CODE_SELFIE_FACE_MISMATCH,
        VERIFICATION_ERROR_CODE_UNDER_SUPPORTED_AGE,
    ],
)
def test_test_mode_fails_as_it_is_told(testing: bonafide.Client, code: VerificationErrorCode.ValueType) -> None:
    session = create(testing)
    testing.test_helpers.simulate(session.id, error=code)
    session = testing.sessions.wait(session.id)
    assert session.status == VERIFICATION_SESSION_STATUS_REQUIRES_INPUT
    assert session.last_error.code == code
    assert session.last_error.reason
    # Again, and well.
    testing.test_helpers.simulate(session.id, delay=timedelta(milliseconds=1))
    states = [state.status for state in until_verified(testing, session.id)]
    assert states[-1] == VERIFICATION_SESSION_STATUS_VERIFIED


def until_verified(client: bonafide.Client, session: str) -> Iterator[VerificationSession]:
    """What a watch yields until then."""
    with client.sessions.watch(session, timeout=120) as states:
        for state in states:
            yield state
            if state.status == VERIFICATION_SESSION_STATUS_VERIFIED:
                return


def test_a_person_without_pictures_submits_and_leaves(testing: bonafide.Client) -> None:
    session = create(testing)
    person = testing.person(session)
    left = person.leave(VERIFICATION_ERROR_CODE_CONSENT_DECLINED)
    assert left.status == VERIFICATION_SESSION_STATUS_REQUIRES_INPUT
    again = testing.sessions.get(session.id)
    assert again.last_error.code == VERIFICATION_ERROR_CODE_CONSENT_DECLINED
    # Nothing was submitted yet, so a wait goes on.
    with pytest.raises(bonafide.DeadlineExceeded):
        testing.sessions.wait(session.id, timeout=1)
    # A fresh client secret is as good.
    testing.person(again).submit()
    assert testing.sessions.wait(session.id).status == VERIFICATION_SESSION_STATUS_VERIFIED


def test_a_call_that_is_sent_again_has_one_effect(testing: bonafide.Client) -> None:
    first, second = (
        testing.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, idempotency_key=f"{create(testing).id} again")
        for _ in range(2)
    )
    assert first.id != second.id
    same, again = (
        testing.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, idempotency_key=f"{first.id} again") for _ in range(2)
    )
    assert same.id == again.id
    with pytest.raises(bonafide.InvalidArgument) as error:
        testing.sessions.cancel(first.id, idempotency_key=f"{first.id} again")
    assert error.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_a_live_key_chooses_nothing(live: bonafide.Client) -> None:
    session = create(live)
    with pytest.raises(bonafide.FailedPrecondition) as error:
        live.test_helpers.simulate(session.id)
    assert error.value.reason == "LIVE_MODE"


def test_a_wrong_key_is_refused() -> None:
    with connect("sk_live_nobodys") as client, pytest.raises(bonafide.Unauthenticated) as error:
        create(client)
    assert error.value.code is grpc.StatusCode.UNAUTHENTICATED
    assert error.value.reason == "CREDENTIAL_INVALID"
    assert "nobodys" not in str(error.value)


def test_a_deployment_that_another_ca_vouches_for_gets_no_key() -> None:
    # One address of the name: nothing may listen at another.
    address = ADDRESS.replace("localhost", "127.0.0.1")
    # Nor do the system's vouch for it.
    for ca_file in (ANOTHER_CA, None):
        with (
            bonafide.Client(address, "sk_live_any", ca_file=ca_file) as client,
            pytest.raises(bonafide.Unavailable) as error,
        ):
            create(client)
        assert error.value.reason is None
        assert "CERTIFICATE_VERIFY_FAILED" in error.value.message


def test_cas_of_the_system_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(path("CA")))
    with bonafide.Client(ADDRESS, key("TEST_API_KEY")) as client:
        assert create(client).id


def test_violations_come_all_at_once(testing: bonafide.Client) -> None:
    with pytest.raises(bonafide.InvalidArgument) as error:
        testing.sessions.create(
            type=VERIFICATION_TYPE_DOCUMENT, metadata={"k" * 41: "v"}, client_reference_id="r" * 256
        )
    assert error.value.reason == "INVALID_FIELDS"
    assert len(error.value.violations) == 2
    assert "client_reference_id" in {violation.field for violation in error.value.violations}


def test_a_session_is_updated_canceled_and_redacted(testing: bonafide.Client) -> None:
    session = create(testing, "order 1007")
    updated = testing.sessions.update(
        session.id, metadata={"a": "1"}, provided_details=ProvidedDetails(email="a@example.com")
    )
    assert dict(updated.metadata) == {"a": "1"}
    assert testing.sessions.get(session.id).provided_details.email == "a@example.com"

    assert testing.sessions.cancel(session.id).status == VERIFICATION_SESSION_STATUS_CANCELED
    with pytest.raises(bonafide.FailedPrecondition) as error:
        testing.sessions.cancel(session.id)
    assert error.value.reason == "SESSION_STATUS"
    assert error.value.metadata["status"] == "canceled"
    assert [state.status for state in testing.sessions.watch(session.id, timeout=60)] == [
        VERIFICATION_SESSION_STATUS_CANCELED
    ]

    assert testing.sessions.redact(session.id).HasField("redaction")
    with pytest.raises(bonafide.FailedPrecondition):
        testing.sessions.redact(session.id)


def test_a_watch_ends_with_the_redaction(testing: bonafide.Client) -> None:
    session = create(testing)
    testing.test_helpers.simulate(session.id)
    testing.sessions.wait(session.id)
    with testing.sessions.watch(session.id, timeout=120) as states:
        assert next(states).status == VERIFICATION_SESSION_STATUS_VERIFIED
        testing.sessions.redact(session.id)
        assert list(states)[-1].redaction.status == Redaction.STATUS_REDACTED


def test_lists_have_all_pages(testing: bonafide.Client) -> None:
    reference = f"list of {create(testing).id}"
    oldest_first = [create(testing, reference).id for _ in range(5)]
    page = testing.sessions.list(client_reference_id=reference, limit=2)
    assert [session.id for session in page.data] == oldest_first[:2:-1]
    assert page.has_more
    every = testing.sessions.list_all(client_reference_id=reference, limit=2)
    assert [session.id for session in every] == oldest_first[::-1]
    newer = testing.sessions.list_all(client_reference_id=reference, limit=2, ending_before=oldest_first[0])
    assert [session.id for session in newer] == oldest_first[1:]

    for session in oldest_first[:3]:
        testing.test_helpers.simulate(session)
        testing.sessions.wait(session)
    reports = testing.reports.list_all(client_reference_id=reference, limit=1)
    assert [report.verification_session for report in reports] == oldest_first[2::-1]


def test_files_are_as_they_were_uploaded(live: bonafide.Client) -> None:
    session = create(live)
    person = live.person(session)
    pictures = {
        IMAGE_PURPOSE_DOCUMENT_FRONT: path("DOCUMENT").read_bytes(),
        IMAGE_PURPOSE_SELFIE: path("SELFIE").read_bytes(),
    }
    for purpose, data in pictures.items():
        assert person.upload(purpose, data).size == len(data)
    files = live.files.list(session.id).data
    assert [file.purpose for file in files] == list(pictures)
    for file in files:
        assert live.files.get(file.id) == file
        assert live.files.download(file.id) == pictures[file.purpose]
        link = live.files.create_link(file.id, lifetime=timedelta(seconds=20))
        assert link.file == file.id
        assert urllib.parse.urlsplit(link.url).netloc == urllib.parse.urlsplit(ADDRESS).netloc
        assert link.expires_at.ToDatetime() - link.created.ToDatetime() <= timedelta(seconds=20)

    with connect(key("API_KEY")) as plain, pytest.raises(bonafide.PermissionDenied) as error:
        plain.files.list(session.id)
    assert error.value.reason == "PERMISSION_MISSING"
    live.sessions.redact(session.id)
    with pytest.raises(bonafide.NotFound) as gone:
        live.files.download(files[0].id)
    assert gone.value.reason == "FILE_NOT_FOUND"


def test_a_picture_that_is_too_large_is_refused_once(live: bonafide.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    session = create(live)
    retries: list[float] = []
    monkeypatch.setattr("bonafide._retry.time.sleep", retries.append)
    with pytest.raises(bonafide.OutOfRange) as error:
        live.person(session).upload(IMAGE_PURPOSE_SELFIE, bytes(30 << 20))
    assert error.value.reason == "MESSAGE_TOO_LARGE"
    assert retries == []


def test_a_picture_that_is_none_is_refused(live: bonafide.Client) -> None:
    with pytest.raises(bonafide.InvalidArgument) as error:
        live.person(create(live)).upload(IMAGE_PURPOSE_SELFIE, b"no picture")
    assert error.value.reason == "IMAGE_FORMAT"


def test_a_millisecond_is_a_deadline(testing: bonafide.Client) -> None:
    # As well with a connection as without one.
    create(testing)
    with pytest.raises(bonafide.DeadlineExceeded):
        testing.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, timeout=0.001)
    with connect(key("TEST_API_KEY")) as client, pytest.raises(bonafide.DeadlineExceeded):
        client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, timeout=0.001)
