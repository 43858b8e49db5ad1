"""Nothing that is printed holds a key, a client secret or a picture."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import grpc
import pytest
from conftest import CLIENT_SECRET, KEY
from played import Played, refused, repeated

import bonafide
from bonafide.identity.v1 import IMAGE_PURPOSE_SELFIE, VerificationSession

SESSION = VerificationSession(id="vs_1", client_secret=CLIENT_SECRET)
PICTURE = b"PictureOfThePerson"


def shows_nothing(text: str) -> bool:
    """Whether none of them stands in a text."""
    return not any(secret in text for secret in (KEY, CLIENT_SECRET, PICTURE.decode()))


def everything_of(error: BaseException) -> str:
    """What a log would have of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


def test_nothing_that_is_printed_shows_one(server: Played, client: bonafide.Client) -> None:
    person = client.person(SESSION)
    watch = client.sessions.watch("vs_1")
    values = [client, person, watch, client.sessions, client.reports, client.files, client.test_helpers]
    values += [value for each in (client, person, watch) for value in vars(each).values()]
    values += [value for each in (client, person) for value in vars(each._caller).values()]
    assert shows_nothing("".join(repr(value) + str(value) for value in values))
    assert repr(person) == "<bonafide.Person of vs_1>"
    assert repr(watch) == "<bonafide.Watch of vs_1>"

    server.on("UploadImage", refused(grpc.StatusCode.INVALID_ARGUMENT, "IMAGE_FORMAT"))
    with pytest.raises(bonafide.InvalidArgument) as refusal:
        person.upload(IMAGE_PURPOSE_SELFIE, PICTURE)
    assert shows_nothing(everything_of(refusal.value))
    server.on("GetVerificationSession", refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"))
    with pytest.raises(bonafide.Unauthenticated) as unknown:
        client.sessions.get("vs_1")
    assert shows_nothing(everything_of(unknown.value))


def test_one_that_is_repeated_is_hidden(server: Played, client: bonafide.Client) -> None:
    server.on("GetVerificationSession", repeated(f"Bearer {KEY}"))
    with pytest.raises(bonafide.Unauthenticated, match=r"^Bearer \*\*\* ") as error:
        client.sessions.get("vs_1")
    assert error.value.metadata == {"header": "Bearer ***"}
    assert error.value.violations == (bonafide.Violation("header", "Bearer ***"),)
    assert shows_nothing(everything_of(error.value))
    server.on("SubmitVerificationSession", repeated(f"Bearer {CLIENT_SECRET}"))
    with pytest.raises(bonafide.Unauthenticated) as of_person:
        client.person(SESSION).submit()
    assert shows_nothing(everything_of(of_person.value))


WRONG: list[Callable[[], object]] = [
    lambda: bonafide.Client("localhost", f"{KEY}\n"),
    lambda: bonafide.Client("localhost", f"{KEY} "),
    lambda: bonafide.Client("localhost", f"{KEY}é"),
    lambda: bonafide.Client("localhost", ""),
    lambda: bonafide.Client(f"https://user:{KEY}@localhost", KEY),
    lambda: bonafide.Client("http://bonafide.example.com", KEY),
    lambda: bonafide.Client("localhost", KEY).person(VerificationSession(id="vs_1")),
    lambda: bonafide.Client("localhost", KEY).person(VerificationSession(client_secret=f"{CLIENT_SECRET}\n")),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_is_refused_without_showing_one(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        wrong()
    # Without the lines of this file, which a traceback has.
    assert shows_nothing(repr(error.value) + str(error.value))


def test_a_proxy_of_the_environment_sees_no_plaintext(server: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens there: a call that goes to it fails.
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.on("GetVerificationSession", VerificationSession(id="vs_1"))
    with bonafide.Client(server.address, KEY) as client:
        assert client.sessions.get("vs_1").id == "vs_1"
