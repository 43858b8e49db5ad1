"""Verification sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bonafide import _pages
from bonafide._caller import Caller, key_or_random
from bonafide._deadline import Deadline
from bonafide._watch import Watch
from bonafide.identity.v1 import (
    VERIFICATION_SESSION_STATUS_PROCESSING,
    VERIFICATION_SESSION_STATUS_REQUIRES_INPUT,
    VERIFICATION_SESSION_STATUS_UNSPECIFIED,
    CancelVerificationSessionRequest,
    CreatedFilter,
    CreateVerificationSessionRequest,
    GetVerificationSessionRequest,
    ListVerificationSessionsRequest,
    ListVerificationSessionsResponse,
    ProvidedDetails,
    RedactVerificationSessionRequest,
    RelatedPerson,
    UpdateVerificationSessionOptions,
    UpdateVerificationSessionRequest,
    VerificationSession,
    VerificationSessionOptions,
    VerificationSessionStatus,
    VerificationType,
    WatchVerificationSessionRequest,
)
from bonafide.identity.v1.session_pb2_grpc import VerificationSessionServiceStub

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bonafide._caller import Stream

WAIT_TIMEOUT = 120.0


class Sessions:
    """`client.sessions`: what a backend opens, and what it watches."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub = VerificationSessionServiceStub(caller.channel)

    def create(
        self,
        *,
        type: VerificationType.ValueType,
        options: VerificationSessionOptions | None = None,
        metadata: Mapping[str, str] | None = None,
        client_reference_id: str | None = None,
        provided_details: ProvidedDetails | None = None,
        related_customer: str | None = None,
        related_customer_account: str | None = None,
        related_person: RelatedPerson | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> VerificationSession:
        """Opens a session, which requires input.

        Args:
            type: What is verified: `VERIFICATION_TYPE_DOCUMENT`.
            options: What the document must be like, and what must come with it.
            metadata: Whatever belongs to it, but nothing personal.
            client_reference_id: The backend's own reference.
            provided_details: What the backend knows of the person.
            related_customer: The backend's customer.
            related_customer_account: The account of the customer.
            related_person: The person in the backend's terms.
            idempotency_key: Of this call, for 24 hours; a random one when not given.
            timeout: Seconds; 10 when not given.
        """
        request = CreateVerificationSessionRequest(
            type=type,
            options=options,
            metadata=metadata,
            client_reference_id=client_reference_id,
            provided_details=provided_details,
            related_customer=related_customer,
            related_customer_account=related_customer_account,
            related_person=related_person,
            idempotency_key=key_or_random(idempotency_key),
        )
        return self._caller.unary(self._stub.CreateVerificationSession, request, timeout)

    def get(
        self, verification_session: str, *, expand: Iterable[str] = (), timeout: float | None = None
    ) -> VerificationSession:
        """Reads a session; while it requires input the answer has a fresh client secret.

        Args:
            verification_session: Id of the session.
            expand: `last_verification_report`, `verified_outputs`; with a restricted key also `verified_outputs.dob` and
                `verified_outputs.id_number`.
            timeout: Seconds; 10 when not given.
        """
        request = GetVerificationSessionRequest(verification_session=verification_session, expand=expand)
        return self._caller.unary(self._stub.GetVerificationSession, request, timeout)

    def list(
        self,
        *,
        client_reference_id: str | None = None,
        status: VerificationSessionStatus.ValueType = VERIFICATION_SESSION_STATUS_UNSPECIFIED,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
        expand: Iterable[str] = (),
        related_customer: str | None = None,
        related_customer_account: str | None = None,
        timeout: float | None = None,
    ) -> ListVerificationSessionsResponse:
        """A page of the account's sessions, newest first, without client secrets.

        Args:
            client_reference_id: Only those with this reference.
            status: Only those in this status; any when not given.
            created: Only those created then.
            limit: 1 to 100 sessions; 10 when not given.
            starting_after: A session; the page has those that are older.
            ending_before: A session; the page has those that are newer and next to it.
            expand: As in `get`, with `data.` before each: `data.verified_outputs`.
            related_customer: Only those of this customer.
            related_customer_account: Only those of this customer's account.
            timeout: Seconds; 10 when not given.
        """
        request = ListVerificationSessionsRequest(
            client_reference_id=client_reference_id,
            status=status,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
            expand=expand,
            related_customer=related_customer,
            related_customer_account=related_customer_account,
        )
        return self._caller.unary(self._stub.ListVerificationSessions, request, timeout)

    def list_all(
        self,
        *,
        client_reference_id: str | None = None,
        status: VerificationSessionStatus.ValueType = VERIFICATION_SESSION_STATUS_UNSPECIFIED,
        created: CreatedFilter | None = None,
        limit: int = _pages.LARGEST_PAGE,
        starting_after: str | None = None,
        ending_before: str | None = None,
        expand: Iterable[str] = (),
        related_customer: str | None = None,
        related_customer_account: str | None = None,
        timeout: float | None = None,
    ) -> Iterator[VerificationSession]:
        """All of the account's sessions, page by page, newest first; with `ending_before` oldest first, as they came.

        Args:
            client_reference_id: Only those with this reference.
            status: Only those in this status; any when not given.
            created: Only those created then.
            limit: 1 to 100 sessions that are fetched at once.
            starting_after: A session; only those that are older.
            ending_before: A session; only those that are newer.
            expand: As in `get`, with `data.` before each: `data.verified_outputs`.
            related_customer: Only those of this customer.
            related_customer_account: Only those of this customer's account.
            timeout: Seconds for each page; 10 when not given.
        """
        # Read for each page.
        expand = tuple(expand)

        def page(starting_after: str | None, ending_before: str | None) -> ListVerificationSessionsResponse:
            return self.list(
                client_reference_id=client_reference_id,
                status=status,
                created=created,
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
                expand=expand,
                related_customer=related_customer,
                related_customer_account=related_customer_account,
                timeout=timeout,
            )

        return _pages.entries(page, starting_after, ending_before)

    def update(
        self,
        verification_session: str,
        *,
        options: UpdateVerificationSessionOptions | None = None,
        metadata: Mapping[str, str] | None = None,
        provided_details: ProvidedDetails | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> VerificationSession:
        """Sets parts of a session; what is not given stays as it is.

        Args:
            verification_session: Id of the session.
            options: While the session requires input.
            metadata: Entries to set; one with an empty value is removed.
            provided_details: While the session requires input; what is given empty is removed.
            idempotency_key: Of this call, for 24 hours; a random one when not given.
            timeout: Seconds; 10 when not given.
        """
        request = UpdateVerificationSessionRequest(
            verification_session=verification_session,
            options=options,
            metadata=metadata,
            provided_details=provided_details,
            idempotency_key=key_or_random(idempotency_key),
        )
        return self._caller.unary(self._stub.UpdateVerificationSession, request, timeout)

    def cancel(
        self, verification_session: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> VerificationSession:
        """Cancels a session that requires input, for good.

        Args:
            verification_session: Id of the session.
            idempotency_key: Of this call, for 24 hours; a random one when not given.
            timeout: Seconds; 10 when not given.
        """
        request = CancelVerificationSessionRequest(
            verification_session=verification_session, idempotency_key=key_or_random(idempotency_key)
        )
        return self._caller.unary(self._stub.CancelVerificationSession, request, timeout)

    def redact(
        self, verification_session: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> VerificationSession:
        """Removes for good what is personal: in the session, its reports and its events, and the pictures.

        Args:
            verification_session: Id of the session.
            idempotency_key: Of this call, for 24 hours; a random one when not given.
            timeout: Seconds; 10 when not given.
        """
        request = RedactVerificationSessionRequest(
            verification_session=verification_session, idempotency_key=key_or_random(idempotency_key)
        )
        return self._caller.unary(self._stub.RedactVerificationSession, request, timeout)

    def watch(self, verification_session: str, *, timeout: float | None = None) -> Watch:
        """Yields the session as it is and after each change, until it is canceled or redacted.

        It goes on by itself when the server ends the stream, as it does every few minutes, or the connection breaks: until nothing
        was answered for the client's `reconnect_timeout`.

        Args:
            verification_session: Id of the session.
            timeout: Seconds after which the watch ends with `bonafide.DeadlineExceeded`; it has no end when not given.
        """
        request = WatchVerificationSessionRequest(verification_session=verification_session)

        def stream(timeout: float) -> Stream[VerificationSession]:
            return self._caller.stream(self._stub.WatchVerificationSession, request, timeout)

        return Watch(self._caller, verification_session, stream, None if timeout is None else Deadline(timeout))

    def wait(self, verification_session: str, *, timeout: float | None = None) -> VerificationSession:
        """The session when the checks have ended: when it is neither processing nor waiting for a first submission.

        Args:
            verification_session: Id of the session.
            timeout: Seconds until `bonafide.DeadlineExceeded`; 120 when not given.
        """
        with self.watch(verification_session, timeout=WAIT_TIMEOUT if timeout is None else timeout) as states:
            for session in states:
                if _has_ended(session):
                    break
        # The watch ends by itself only with a session that has ended.
        return session


def _has_ended(session: VerificationSession) -> bool:
    if session.status == VERIFICATION_SESSION_STATUS_REQUIRES_INPUT:
        return session.insights.attempts > 0
    return session.status != VERIFICATION_SESSION_STATUS_PROCESSING
