package bonafide;

import io.grpc.Status;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Which calls are sent again, and when. */
final class Retries {
    /** How often after the first try. */
    static final int MOST = 4;

    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);
    private static final Set<String> REASONS = Set.of("CONTENDED", "OVERLOADED");

    private Retries() {}

    /** Whether the same call may succeed later. */
    static boolean mayHelp(BonafideException failure) {
        return failure.code() == Status.Code.UNAVAILABLE || failure.reason().filter(REASONS::contains).isPresent();
    }

    /**
     * Whether a stream ended by what happened to the connection or the replica, and not to the session. Libraries and gateways call
     * that by codes to which a service gives a reason.
     */
    static boolean isCutOff(BonafideException failure) {
        return switch (failure.code()) {
            case DEADLINE_EXCEEDED -> true;
            case CANCELLED, UNKNOWN, INTERNAL -> failure.reason().isEmpty();
            default -> mayHelp(failure);
        };
    }

    /** How long to wait before a retry, of which the first has number 0: what the server asks for, else a random time. */
    static Duration pause(BonafideException failure, int retry) {
        return failure.retryAfter().orElseGet(() -> pause(retry));
    }

    /** A random time: clients that failed together do not come again together. */
    static Duration pause(int retry) {
        return Duration.ofNanos(ThreadLocalRandom.current().nextLong(longestPause(retry).toNanos() + 1));
    }

    static Duration longestPause(int retry) {
        // The longest is reached long before the shift could overflow.
        Duration doubled = FIRST_PAUSE.multipliedBy(1L << Math.min(retry, 10));
        return doubled.compareTo(LONGEST_PAUSE) < 0 ? doubled : LONGEST_PAUSE;
    }
}
