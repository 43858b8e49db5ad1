package bonafide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import bonafide.identity.v1.ListVerificationReportsRequest;
import bonafide.identity.v1.ListVerificationReportsResponse;
import bonafide.identity.v1.ListVerificationSessionsRequest;
import bonafide.identity.v1.ListVerificationSessionsResponse;
import bonafide.identity.v1.VerificationReport;
import bonafide.identity.v1.VerificationSession;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ListingTest {
    private static final String LIST = "ListVerificationSessions";

    private final FakeServer server = new FakeServer();
    private final Client client = server.client();

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    private static ListVerificationSessionsResponse page(boolean hasMore, String... ids) {
        var page = ListVerificationSessionsResponse.newBuilder().setHasMore(hasMore);
        for (String id : ids) {
            page.addData(VerificationSession.newBuilder().setId(id));
        }
        return page.build();
    }

    private List<String> ids(ListVerificationSessionsRequest request) {
        return client.sessions().listAll(request).stream().map(VerificationSession::getId).toList();
    }

    private ListVerificationSessionsRequest asked(int number) {
        return (ListVerificationSessionsRequest) server.calls(LIST).get(number).request();
    }

    @Test
    void pagesFollowEachOther() {
        server.on(LIST, (call, number) -> call.finish(switch (number) {
            case 0 -> page(true, "5", "4");
            case 1 -> page(true, "3", "2");
            default -> page(false, "1");
        }));
        var request = ListVerificationSessionsRequest.newBuilder().setClientReferenceId("order 7").setLimit(2).build();
        assertEquals(List.of("5", "4", "3", "2", "1"), ids(request));
        assertEquals(request, asked(0), "with its own limit");
        assertEquals(request.toBuilder().setStartingAfter("4").build(), asked(1));
        assertEquals(request.toBuilder().setStartingAfter("2").build(), asked(2));
    }

    @Test
    void towardsTheNewestTheyComeInThatOrder() {
        server.on(LIST, (call, number) -> call.finish(number == 0 ? page(true, "3", "2") : page(false, "5", "4")));
        assertEquals(List.of("2", "3", "4", "5"), ids(ListVerificationSessionsRequest.newBuilder().setEndingBefore("1").build()));
        assertEquals("3", asked(1).getEndingBefore());
    }

    @Test
    void pagesAreReadWhenTheyAreNeeded() {
        server.on(LIST, (call, number) -> call.finish(page(true, "2", "1")));
        Iterator<VerificationSession> sessions =
                client.sessions().listAll(ListVerificationSessionsRequest.getDefaultInstance()).iterator();
        assertEquals(0, server.calls(LIST).size());
        sessions.next();
        sessions.next();
        assertEquals(1, server.calls(LIST).size());
        client.sessions().list(ListVerificationSessionsRequest.getDefaultInstance());
        assertEquals(2, server.calls(LIST).size());
    }

    @Test
    void pagesHaveAHundredWhereTheRequestDoesNotSay() {
        server.on(LIST, (call, number) -> call.finish(page(false)));
        server.on("ListVerificationReports", (call, number) -> call.finish(ListVerificationReportsResponse.getDefaultInstance()));
        ids(ListVerificationSessionsRequest.getDefaultInstance());
        client.reports().listAll(ListVerificationReportsRequest.getDefaultInstance()).iterator().hasNext();
        assertEquals(100, asked(0).getLimit());
        var reports = (ListVerificationReportsRequest) server.calls("ListVerificationReports").get(0).request();
        assertEquals(100, reports.getLimit());
    }

    @Test
    void eachIteratorBeginsAnew() {
        server.on(LIST, (call, number) -> call.finish(page(false, "1")));
        Listing<VerificationSession> listing = client.sessions().listAll(ListVerificationSessionsRequest.getDefaultInstance());
        assertEquals("1", listing.iterator().next().getId());
        assertEquals("1", listing.iterator().next().getId());
    }

    @Test
    void aPageThatCannotBeGoneOnFromIsNotTakenForTheLast() {
        server.on(LIST, (call, number) -> call.finish(page(true)));
        assertThrows(DataLossException.class, () -> ids(ListVerificationSessionsRequest.getDefaultInstance()));
    }

    @Test
    void reportsAreListedAlike() {
        server.on("ListVerificationReports", (call, number) -> call.finish(ListVerificationReportsResponse.newBuilder()
                .addData(VerificationReport.newBuilder().setId("vr_" + number))
                .setHasMore(number == 0)
                .build()));
        Iterator<VerificationReport> reports =
                client.reports().listAll(ListVerificationReportsRequest.getDefaultInstance()).iterator();
        assertEquals("vr_0", reports.next().getId());
        assertEquals("vr_1", reports.next().getId());
        assertFalse(reports.hasNext());
        var second = (ListVerificationReportsRequest) server.calls("ListVerificationReports").get(1).request();
        assertEquals("vr_0", second.getStartingAfter());
    }
}
