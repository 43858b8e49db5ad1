"""Lists of several pages."""

from __future__ import annotations

import pytest
from played import Call, Played

import bonafide
from bonafide.identity.v1 import (
    VERIFICATION_SESSION_STATUS_VERIFIED,
    ListVerificationReportsRequest,
    ListVerificationReportsResponse,
    ListVerificationSessionsRequest,
    ListVerificationSessionsResponse,
    VerificationReport,
    VerificationSession,
)

# Newest first.
IDS = [f"{number}" for number in range(7)]


def page(
    request: ListVerificationSessionsRequest | ListVerificationReportsRequest, size: int
) -> tuple[list[str], bool]:
    """What a server answers."""
    if request.HasField("ending_before"):
        newer = IDS[: IDS.index(request.ending_before)]
        return newer[-size:], len(newer) > size
    older = IDS[IDS.index(request.starting_after) + 1 :] if request.HasField("starting_after") else IDS
    return older[:size], len(older) > size


@pytest.fixture
def listing(server: Played) -> Played:
    """A server with seven sessions, and as many reports, that has pages of three at the most."""

    def sessions(call: Call) -> ListVerificationSessionsResponse:
        ids, has_more = page(call.request, 3)
        return ListVerificationSessionsResponse(data=[VerificationSession(id=id) for id in ids], has_more=has_more)

    def reports(call: Call) -> ListVerificationReportsResponse:
        ids, has_more = page(call.request, 3)
        return ListVerificationReportsResponse(data=[VerificationReport(id=id) for id in ids], has_more=has_more)

    server.on("ListVerificationSessions", sessions)
    server.on("ListVerificationReports", reports)
    return server


def test_one_page_is_what_the_call_answers(listing: Played, client: bonafide.Client) -> None:
    answer = client.sessions.list(limit=3)
    assert [session.id for session in answer.data] == IDS[:3]
    assert answer.has_more
    assert [report.id for report in client.reports.list(starting_after="4").data] == IDS[5:]
    assert len(listing.calls) == 2
    assert not listing.calls[1].request.HasField("limit")


def test_all_pages_come_one_after_the_other(listing: Played, client: bonafide.Client) -> None:
    assert [session.id for session in client.sessions.list_all()] == IDS
    assert [report.id for report in client.reports.list_all()] == IDS
    assert len(listing.calls) == 6
    assert listing.calls[0].request.limit == 100


def test_all_that_are_older_or_newer(listing: Played, client: bonafide.Client) -> None:
    assert [session.id for session in client.sessions.list_all(starting_after="1")] == IDS[2:]
    # Each next to the one before.
    assert [session.id for session in client.sessions.list_all(ending_before="5")] == IDS[4::-1]
    assert [report.id for report in client.reports.list_all(ending_before="1")] == IDS[0::-1]
    assert len(listing.calls) == 5


def test_a_page_is_fetched_when_it_is_needed(listing: Played, client: bonafide.Client) -> None:
    sessions = client.sessions.list_all()
    assert listing.calls == []
    assert [next(sessions).id for _ in range(3)] == IDS[:3]
    assert len(listing.calls) == 1


def test_filters_are_those_of_each_page(listing: Played, client: bonafide.Client) -> None:
    expand = (path for path in ["data.verified_outputs"])
    list(client.sessions.list_all(status=VERIFICATION_SESSION_STATUS_VERIFIED, related_customer="c", expand=expand))
    for request, after in zip(listing.requests("ListVerificationSessions"), [None, "2", "5"], strict=True):
        assert request == ListVerificationSessionsRequest(
            status=VERIFICATION_SESSION_STATUS_VERIFIED,
            related_customer="c",
            expand=["data.verified_outputs"],
            limit=100,
            starting_after=after,
        )


def test_a_list_that_cannot_go_on_is_not_taken_for_whole(server: Played, client: bonafide.Client) -> None:
    server.on("ListVerificationSessions", ListVerificationSessionsResponse(has_more=True))
    with pytest.raises(bonafide.DataLoss):
        list(client.sessions.list_all())
