package bonafide;

import bonafide.identity.v1.GetVerificationReportRequest;
import bonafide.identity.v1.ListVerificationReportsRequest;
import bonafide.identity.v1.ListVerificationReportsResponse;
import bonafide.identity.v1.VerificationReport;
import bonafide.identity.v1.VerificationReportServiceGrpc;
import java.time.Duration;

/** The calls about reports. Safe for use by several threads. */
public final class Reports {
    private final Caller caller;

    Reports(Caller caller) {
        this.caller = caller;
    }

    /** The same calls, each of which may take this long, retries included. */
    public Reports withTimeout(Duration timeout) {
        return new Reports(caller.with(timeout));
    }

    /** Reads a report. What is sensitive is in it with a restricted key alone. */
    public VerificationReport get(String report) {
        GetVerificationReportRequest request =
                GetVerificationReportRequest.newBuilder().setVerificationReport(report).build();
        return caller.call(VerificationReportServiceGrpc.getGetVerificationReportMethod(), request);
    }

    /** One page of reports. */
    public ListVerificationReportsResponse list(ListVerificationReportsRequest request) {
        return caller.call(VerificationReportServiceGrpc.getListVerificationReportsMethod(), request);
    }

    /** The reports of all pages from the one on that the request asks for. */
    public Listing<VerificationReport> listAll(ListVerificationReportsRequest request) {
        boolean towardsNewest = request.hasEndingBefore();
        return new Listing<>(
                towardsNewest,
                last -> {
                    ListVerificationReportsRequest.Builder page = request.toBuilder();
                    if (!request.hasLimit()) {
                        page.setLimit(Listing.LARGEST_PAGE);
                    }
                    if (last != null) {
                        page = towardsNewest ? page.setEndingBefore(last) : page.setStartingAfter(last);
                    }
                    ListVerificationReportsResponse answer = list(page.build());
                    return new Listing.Page<>(answer.getDataList(), answer.getHasMore());
                },
                VerificationReport::getId);
    }
}
