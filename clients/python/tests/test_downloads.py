"""Downloads are whole or an error."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from conftest import KEY
from played import Call, Played, Relay, refused, retry_after, stream

import bonafide
from bonafide.identity.v1 import DownloadFileResponse, File

DOWNLOAD = "DownloadFile"
PICTURE = bytes(range(256)) * 1000
HEAD = DownloadFileResponse(file=File(id="file_1", size=len(PICTURE)))
PARTS = [DownloadFileResponse(data=PICTURE[at : at + 65536]) for at in range(0, len(PICTURE), 65536)]


def test_a_picture_arrives_as_it_is(server: Played, client: bonafide.Client) -> None:
    server.on(DOWNLOAD, stream(HEAD, *PARTS))
    assert client.files.download("file_1") == PICTURE
    assert server.requests(DOWNLOAD)[0].file == "file_1"


def test_an_empty_one_too(server: Played, client: bonafide.Client) -> None:
    server.on(DOWNLOAD, stream(DownloadFileResponse(file=File(id="file_1"))))
    assert client.files.download("file_1") == b""


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([HEAD, *PARTS[:-1]], id="too early"),
        pytest.param([HEAD], id="no data"),
        pytest.param([], id="nothing"),
        pytest.param(PARTS, id="no length"),
        pytest.param([HEAD, *PARTS, PARTS[0]], id="too much"),
    ],
)
def test_what_is_not_whole_is_an_error(
    server: Played, client: bonafide.Client, parts: list[DownloadFileResponse]
) -> None:
    server.on(DOWNLOAD, stream(*parts))
    with pytest.raises(bonafide.DataLoss) as error:
        client.files.download("file_1")
    assert error.value.reason is None
    assert len(server.calls) == 1


def test_an_error_in_the_middle_is_one(server: Played, client: bonafide.Client) -> None:
    def half(call: Call) -> Iterator[DownloadFileResponse]:
        yield from [HEAD, PARTS[0]]
        refused(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE")(call)

    server.on(DOWNLOAD, half)
    with pytest.raises(bonafide.DeadlineExceeded):
        client.files.download("file_1")


def test_a_download_that_breaks_begins_again(server: Played, relay: Relay) -> None:
    def half(_: Call) -> Iterator[DownloadFileResponse]:
        yield from [HEAD, *PARTS[:2]]
        relay.cut()

    server.on(DOWNLOAD, half, refused(grpc.StatusCode.UNAVAILABLE, "", retry_after(0)), stream(HEAD, *PARTS))
    with bonafide.Client(relay.address, KEY) as client:
        assert client.files.download("file_1") == PICTURE
    assert len(server.calls) == 3
