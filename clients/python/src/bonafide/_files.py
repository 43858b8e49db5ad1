"""The pictures that were collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bonafide._caller import TRANSFER_TIMEOUT, Caller
from bonafide._duration import duration
from bonafide.errors import DataLoss
from bonafide.identity.v1 import (
    CreateFileLinkRequest,
    DownloadFileRequest,
    File,
    FileLink,
    GetFileRequest,
    ListFilesRequest,
    ListFilesResponse,
)
from bonafide.identity.v1.file_pb2_grpc import FileServiceStub

if TYPE_CHECKING:
    from datetime import timedelta


class Files:
    """`client.files`: for restricted keys (`rk_…`)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub = FileServiceStub(caller.channel)

    def get(self, file: str, *, timeout: float | None = None) -> File:
        """Reads what is known of a picture.

        Args:
            file: Id of the picture.
            timeout: Seconds; 10 when not given.
        """
        return self._caller.unary(self._stub.GetFile, GetFileRequest(file=file), timeout)

    def list(self, verification_session: str, *, timeout: float | None = None) -> ListFilesResponse:
        """The pictures of a session, in the order in which they were uploaded or made. There are no pages.

        Args:
            verification_session: Id of the session.
            timeout: Seconds; 10 when not given.
        """
        request = ListFilesRequest(verification_session=verification_session)
        return self._caller.unary(self._stub.ListFiles, request, timeout)

    def download(self, file: str, *, timeout: float | None = None) -> bytes:
        """A picture as it was uploaded, whole.

        Args:
            file: Id of the picture.
            timeout: Seconds; 60 when not given.

        Raises:
            DataLoss: It did not arrive whole.
        """
        request = DownloadFileRequest(file=file)
        return self._caller.attempt(lambda left: self._download(request, left), timeout, TRANSFER_TIMEOUT)

    def _download(self, request: DownloadFileRequest, timeout: float) -> bytes:
        size, data = None, bytearray()
        stream = self._caller.stream(self._stub.DownloadFile, request, timeout)
        for part in stream:
            if part.HasField("file"):
                size = part.file.size
            data += part.data
            # The rest cannot mend it, and may have no end.
            if size is None or len(data) > size:
                stream.cancel()
                break
        if len(data) != size:
            raise DataLoss(f"of the picture {len(data)} bytes arrived, where {size or 0} were announced")
        return bytes(data)

    def create_link(self, file: str, *, lifetime: timedelta | None = None, timeout: float | None = None) -> FileLink:
        """Makes an address at which the picture can be read without a key: give it to one person, and write it down nowhere.

        Args:
            file: Id of the picture.
            lifetime: How long it answers; 30 seconds at most, and when not given.
            timeout: Seconds; 10 when not given.
        """
        request = CreateFileLinkRequest(file=file, lifetime=duration(lifetime))
        return self._caller.unary(self._stub.CreateFileLink, request, timeout)
