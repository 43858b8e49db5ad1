package bonafide;

import bonafide.identity.v1.CancelVerificationSessionRequest;
import bonafide.identity.v1.CreateVerificationSessionRequest;
import bonafide.identity.v1.GetVerificationSessionRequest;
import bonafide.identity.v1.ListVerificationSessionsRequest;
import bonafide.identity.v1.ListVerificationSessionsResponse;
import bonafide.identity.v1.RedactVerificationSessionRequest;
import bonafide.identity.v1.UpdateVerificationSessionRequest;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionServiceGrpc;
import bonafide.identity.v1.VerificationSessionStatus;
import java.time.Duration;
import java.util.List;

/** The calls about sessions. Safe for use by several threads. */
public final class Sessions {
    private final Caller caller;

    Sessions(Caller caller) {
        this.caller = caller;
    }

    /** The same calls, each of which may take this long, retries included. */
    public Sessions withTimeout(Duration timeout) {
        return new Sessions(caller.with(timeout));
    }

    /** Opens a session. An idempotency key is added when the request has none. */
    public VerificationSession create(CreateVerificationSessionRequest request) {
        CreateVerificationSessionRequest keyed = request.hasIdempotencyKey()
                ? request
                : request.toBuilder().setIdempotencyKey(IdempotencyKeys.random()).build();
        return caller.call(VerificationSessionServiceGrpc.getCreateVerificationSessionMethod(), keyed);
    }

    /**
     * Reads a session.
     *
     * @param expand what is to be in the answer besides: {@code last_verification_report}, {@code verified_outputs}, and with a
     *     restricted key {@code verified_outputs.dob} and {@code verified_outputs.id_number}
     */
    public VerificationSession get(String session, String... expand) {
        GetVerificationSessionRequest request = GetVerificationSessionRequest.newBuilder()
                .setVerificationSession(session)
                .addAllExpand(List.of(expand))
                .build();
        return caller.call(VerificationSessionServiceGrpc.getGetVerificationSessionMethod(), request);
    }

    /** One page of sessions. */
    public ListVerificationSessionsResponse list(ListVerificationSessionsRequest request) {
        return caller.call(VerificationSessionServiceGrpc.getListVerificationSessionsMethod(), request);
    }

    /** The sessions of all pages from the one on that the request asks for. */
    public Listing<VerificationSession> listAll(ListVerificationSessionsRequest request) {
        boolean towardsNewest = request.hasEndingBefore();
        return new Listing<>(
                towardsNewest,
                last -> {
                    ListVerificationSessionsRequest.Builder page = request.toBuilder();
                    if (!request.hasLimit()) {
                        page.setLimit(Listing.LARGEST_PAGE);
                    }
                    if (last != null) {
                        page = towardsNewest ? page.setEndingBefore(last) : page.setStartingAfter(last);
                    }
                    ListVerificationSessionsResponse answer = list(page.build());
                    return new Listing.Page<>(answer.getDataList(), answer.getHasMore());
                },
                VerificationSession::getId);
    }

    /** Sets parts of a session. An idempotency key is added when the request has none. */
    public VerificationSession update(UpdateVerificationSessionRequest request) {
        UpdateVerificationSessionRequest keyed = request.hasIdempotencyKey()
                ? request
                : request.toBuilder().setIdempotencyKey(IdempotencyKeys.random()).build();
        return caller.call(VerificationSessionServiceGrpc.getUpdateVerificationSessionMethod(), keyed);
    }

    /** Cancels a session that requires input, for good. */
    public VerificationSession cancel(String session) {
        return cancel(session, IdempotencyKeys.random());
    }

    /** The same under an idempotency key of the caller's. */
    public VerificationSession cancel(String session, String idempotencyKey) {
        CancelVerificationSessionRequest request = CancelVerificationSessionRequest.newBuilder()
                .setVerificationSession(session)
                .setIdempotencyKey(idempotencyKey)
                .build();
        return caller.call(VerificationSessionServiceGrpc.getCancelVerificationSessionMethod(), request);
    }

    /** Removes what is personal, for good: in the session, its reports, its events and its pictures. */
    public VerificationSession redact(String session) {
        return redact(session, IdempotencyKeys.random());
    }

    /** The same under an idempotency key of the caller's. */
    public VerificationSession redact(String session, String idempotencyKey) {
        RedactVerificationSessionRequest request = RedactVerificationSessionRequest.newBuilder()
                .setVerificationSession(session)
                .setIdempotencyKey(idempotencyKey)
                .build();
        return caller.call(VerificationSessionServiceGrpc.getRedactVerificationSessionMethod(), request);
    }

    /** Watches a session, for as long as it takes. The watch is to be closed. */
    public Watch watch(String session) {
        return new Watch(caller, session, null);
    }

    /** Watches a session for this long. The watch is to be closed. */
    public Watch watch(String session, Duration timeout) {
        return new Watch(caller, session, Timeouts.checked(timeout));
    }

    /** Waits up to 120 seconds until the checks of a session have ended. */
    public VerificationSession await(String session) {
        return await(session, Timeouts.AWAIT);
    }

    /**
     * Waits until the checks of a session have ended: until it is neither processing nor waiting for a first submission. It may be
     * verified, canceled, or require input again, with the reason in {@code last_error}.
     *
     * @throws DeadlineExceededException when that takes longer than {@code timeout}
     */
    public VerificationSession await(String session, Duration timeout) {
        try (Watch watch = watch(session, timeout)) {
            for (VerificationSession now : watch) {
                if (hasEnded(now)) {
                    return now;
                }
            }
        }
        throw new AssertionError("a watch that is not closed ends with a session whose checks have ended");
    }

    private static boolean hasEnded(VerificationSession session) {
        boolean requiresInput = session.getStatus() == VerificationSessionStatus.VERIFICATION_SESSION_STATUS_REQUIRES_INPUT;
        boolean isFirst = session.getInsights().getAttempts() == 0;
        return session.getStatus() != VerificationSessionStatus.VERIFICATION_SESSION_STATUS_PROCESSING
                && !(requiresInput && isFirst);
    }
}
