package bonafide;

import bonafide.identity.v1.SimulateVerificationRequest;
import bonafide.identity.v1.TestHelperServiceGrpc;
import bonafide.identity.v1.VerificationErrorCode;
import bonafide.identity.v1.VerificationSession;
import java.time.Duration;

/** The calls of test mode, where outcomes are chosen. They need a test key. Safe for use by several threads. */
public final class TestHelpers {
    private final Caller caller;

    TestHelpers(Caller caller) {
        this.caller = caller;
    }

    /** The same calls, each of which may take this long, retries included. */
    public TestHelpers withTimeout(Duration timeout) {
        return new TestHelpers(caller.with(timeout));
    }

    /** Lets a session be verified. */
    public VerificationSession simulate(String session) {
        return simulate(SimulateVerificationRequest.newBuilder().setVerificationSession(session).build());
    }

    /** Lets a session fail with this code. */
    public VerificationSession simulate(String session, VerificationErrorCode error) {
        return simulate(SimulateVerificationRequest.newBuilder()
                .setVerificationSession(session)
                .setError(error)
                .build());
    }

    /** Lets a session end as the request says. An idempotency key is added when it has none. */
    public VerificationSession simulate(SimulateVerificationRequest request) {
        SimulateVerificationRequest keyed = request.hasIdempotencyKey()
                ? request
                : request.toBuilder().setIdempotencyKey(IdempotencyKeys.random()).build();
        return caller.call(TestHelperServiceGrpc.getSimulateVerificationMethod(), keyed);
    }
}
