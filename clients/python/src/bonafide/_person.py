"""What a person's device does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bonafide._caller import TRANSFER_TIMEOUT, Caller, key_or_random
from bonafide.identity.v1 import (
    File,
    ImagePurpose,
    LeaveVerificationSessionRequest,
    LeaveVerificationSessionResponse,
    SubmitVerificationSessionRequest,
    SubmitVerificationSessionResponse,
    UploadImageRequest,
    VerificationErrorCode,
)
from bonafide.identity.v1.capture_pb2_grpc import CaptureServiceStub

if TYPE_CHECKING:
    from typing import Final


class Person:
    """A person whom a session verifies; made by `Client.person`. Calls with the session's client secret."""

    session: Final[str]
    """Id of the session."""

    def __init__(self, caller: Caller, session: str) -> None:
        self.session = session
        self._caller = caller
        self._stub = CaptureServiceStub(caller.channel)

    def upload(
        self,
        purpose: ImagePurpose.ValueType,
        data: bytes,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> File:
        """Stores a picture, replacing the one of the same purpose.

        Args:
            purpose: What the picture shows, e.g. `IMAGE_PURPOSE_DOCUMENT_FRONT`.
            data: A JPEG, PNG or WebP file as the camera wrote it, up to 10 MiB.
            idempotency_key: Of this call; a random one when not given.
            timeout: Seconds; 60 when not given.
        """
        request = UploadImageRequest(
            verification_session=self.session,
            purpose=purpose,
            data=data,
            idempotency_key=key_or_random(idempotency_key),
        )
        return self._caller.unary(self._stub.UploadImage, request, timeout, TRANSFER_TIMEOUT)

    def submit(
        self, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> SubmitVerificationSessionResponse:
        """Hands the session over to the checks.

        Args:
            idempotency_key: Of this call; a random one when not given.
            timeout: Seconds; 10 when not given.
        """
        request = SubmitVerificationSessionRequest(
            verification_session=self.session, idempotency_key=key_or_random(idempotency_key)
        )
        return self._caller.unary(self._stub.SubmitVerificationSession, request, timeout)

    def leave(
        self,
        error: VerificationErrorCode.ValueType,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> LeaveVerificationSessionResponse:
        """Tells why the person leaves without submitting. They may come back.

        Args:
            error: `VERIFICATION_ERROR_CODE_CONSENT_DECLINED` or `VERIFICATION_ERROR_CODE_DEVICE_NOT_SUPPORTED`.
            idempotency_key: Of this call; a random one when not given.
            timeout: Seconds; 10 when not given.
        """
        request = LeaveVerificationSessionRequest(
            verification_session=self.session, error=error, idempotency_key=key_or_random(idempotency_key)
        )
        return self._caller.unary(self._stub.LeaveVerificationSession, request, timeout)

    def __repr__(self) -> str:
        return f"<bonafide.Person of {self.session}>"
