"""Test mode: outcomes that are chosen instead of found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bonafide._caller import Caller, key_or_random
from bonafide._duration import duration
from bonafide.identity.v1 import (
    VERIFICATION_ERROR_CODE_UNSPECIFIED,
    SimulateVerificationRequest,
    VerificationErrorCode,
    VerificationSession,
)
from bonafide.identity.v1.test_helper_pb2_grpc import TestHelperServiceStub

if TYPE_CHECKING:
    from datetime import timedelta


class TestHelpers:
    """`client.test_helpers`: for test keys (`sk_test_…`, `rk_test_…`)."""

    # So that pytest does not take it for a test where it is imported.
    __test__ = False

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub = TestHelperServiceStub(caller.channel)

    def simulate(
        self,
        verification_session: str,
        *,
        error: VerificationErrorCode.ValueType = VERIFICATION_ERROR_CODE_UNSPECIFIED,
        delay: timedelta | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> VerificationSession:
        """Chooses how a session that requires input ends, and submits it in the person's place.

        Args:
            verification_session: Id of the session.
            error: The session's `last_error`; it is verified when not given.
            delay: How long the session is processing, up to an hour; not at all when not given.
            idempotency_key: Of this call; a random one when not given.
            timeout: Seconds; 10 when not given.
        """
        request = SimulateVerificationRequest(
            verification_session=verification_session,
            error=error,
            delay=duration(delay),
            idempotency_key=key_or_random(idempotency_key),
        )
        return self._caller.unary(self._stub.SimulateVerification, request, timeout)
