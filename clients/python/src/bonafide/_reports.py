"""Reports: what was found, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bonafide import _pages
from bonafide.identity.v1 import (
    VERIFICATION_TYPE_UNSPECIFIED,
    CreatedFilter,
    GetVerificationReportRequest,
    ListVerificationReportsRequest,
    ListVerificationReportsResponse,
    VerificationReport,
    VerificationType,
)
from bonafide.identity.v1.report_pb2_grpc import VerificationReportServiceStub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bonafide._caller import Caller


class Reports:
    """`client.reports`: one for each finished attempt."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub = VerificationReportServiceStub(caller.channel)

    def get(self, verification_report: str, *, timeout: float | None = None) -> VerificationReport:
        """Reads a report. What is sensitive is empty unless the key is restricted.

        Args:
            verification_report: Id of the report: a session's `last_verification_report`.
            timeout: Seconds; 10 when not given.
        """
        request = GetVerificationReportRequest(verification_report=verification_report)
        return self._caller.unary(self._stub.GetVerificationReport, request, timeout)

    def list(
        self,
        *,
        client_reference_id: str | None = None,
        type: VerificationType.ValueType = VERIFICATION_TYPE_UNSPECIFIED,
        verification_session: str | None = None,
        created: CreatedFilter | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
        timeout: float | None = None,
    ) -> ListVerificationReportsResponse:
        """A page of the account's reports, newest first.

        Args:
            client_reference_id: Only those of sessions with this reference.
            type: Only those of this type; any when not given.
            verification_session: Only those of this session.
            created: Only those created then.
            limit: 1 to 100 reports; 10 when not given.
            starting_after: A report; the page has those that are older.
            ending_before: A report; the page has those that are newer and next to it.
            timeout: Seconds; 10 when not given.
        """
        request = ListVerificationReportsRequest(
            client_reference_id=client_reference_id,
            type=type,
            verification_session=verification_session,
            created=created,
            limit=limit,
            starting_after=starting_after,
            ending_before=ending_before,
        )
        return self._caller.unary(self._stub.ListVerificationReports, request, timeout)

    def list_all(
        self,
        *,
        client_reference_id: str | None = None,
        type: VerificationType.ValueType = VERIFICATION_TYPE_UNSPECIFIED,
        verification_session: str | None = None,
        created: CreatedFilter | None = None,
        limit: int = _pages.LARGEST_PAGE,
        starting_after: str | None = None,
        ending_before: str | None = None,
        timeout: float | None = None,
    ) -> Iterator[VerificationReport]:
        """All of the account's reports, page by page, newest first; with `ending_before` oldest first, as they came.

        Args:
            client_reference_id: Only those of sessions with this reference.
            type: Only those of this type; any when not given.
            verification_session: Only those of this session.
            created: Only those created then.
            limit: 1 to 100 reports that are fetched at once.
            starting_after: A report; only those that are older.
            ending_before: A report; only those that are newer.
            timeout: Seconds for each page; 10 when not given.
        """

        def page(starting_after: str | None, ending_before: str | None) -> ListVerificationReportsResponse:
            return self.list(
                client_reference_id=client_reference_id,
                type=type,
                verification_session=verification_session,
                created=created,
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
                timeout=timeout,
            )

        return _pages.entries(page, starting_after, ending_before)
