package bonafide;

import io.grpc.Context;
import io.grpc.Deadline;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** How long calls may take. */
final class Timeouts {
    /** Of a call for which none was given. */
    static final Duration CALL = Duration.ofSeconds(10);

    /** Of one that carries a picture. */
    static final Duration TRANSFER = Duration.ofSeconds(60);

    /** Of a watch that is not answered. */
    static final Duration RECONNECT = Duration.ofMinutes(5);

    /** Of waiting for the end of the checks. */
    static final Duration AWAIT = Duration.ofSeconds(120);

    /** Longer than programs run, and short enough to be counted in nanoseconds. */
    private static final Duration LONGEST = Duration.ofDays(3650);

    private Timeouts() {}

    /**
     * Returns {@code timeout}, when it can be one.
     *
     * @throws IllegalArgumentException when it is not longer than zero
     */
    static Duration checked(Duration timeout) {
        if (timeout.isZero() || timeout.isNegative()) {
            throw new IllegalArgumentException("a timeout has to be longer than zero");
        }
        return timeout.compareTo(LONGEST) < 0 ? timeout : LONGEST;
    }

    /** The deadline of what begins now; what it is part of may have an earlier one. */
    static Deadline deadline(Duration timeout) {
        Deadline deadline = Deadline.after(timeout.toNanos(), TimeUnit.NANOSECONDS);
        Deadline outer = Context.current().getDeadline();
        return outer == null ? deadline : deadline.minimum(outer);
    }

    static Duration remaining(Deadline deadline) {
        return Duration.ofNanos(deadline.timeRemaining(TimeUnit.NANOSECONDS));
    }
}
