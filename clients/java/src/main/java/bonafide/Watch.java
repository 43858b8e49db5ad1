package bonafide;

import bonafide.identity.v1.Redaction;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionServiceGrpc;
import bonafide.identity.v1.VerificationSessionStatus;
import bonafide.identity.v1.WatchVerificationSessionRequest;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A session as it is, and again after every change. It is iterated over once, by one thread, which waits for each change.
 *
 * <p>It ends when the session is canceled or redacted, and when it is closed, by any thread. It goes on by itself when the server ends
 * it, and when the connection breaks: until nothing was answered for as long as {@link Client.Builder#reconnectTimeout} says. Another
 * error is thrown, and so is a {@link DeadlineExceededException} when the watch has a timeout.
 */
public final class Watch implements Iterable<VerificationSession>, AutoCloseable {
    /** Of one call, so that none hangs for good. The server ends it before that. */
    private static final Duration LONGEST_CALL = Duration.ofMinutes(10);

    /** A call that lasted for so long is none of a row of calls that bring nothing. */
    private static final Duration LASTING_CALL = Duration.ofSeconds(10);

    /** How long a server can have a watch wait. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(30);

    private final Caller caller;
    private final WatchVerificationSessionRequest request;
    /** Null when the watch has none. */
    private final Deadline deadline;

    private final AtomicBoolean iterated = new AtomicBoolean();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile ServerStream<VerificationSession> call;

    Watch(Caller caller, String session, Duration timeout) {
        this.caller = caller;
        this.request = WatchVerificationSessionRequest.newBuilder().setVerificationSession(session).build();
        this.deadline = timeout == null ? null : Timeouts.deadline(Timeouts.checked(timeout));
    }

    /**
     * The session's states, the first of which is that of now.
     *
     * @throws IllegalStateException when it is asked for twice
     */
    @Override
    public Iterator<VerificationSession> iterator() {
        if (iterated.getAndSet(true)) {
            throw new IllegalStateException("a watch is iterated over once");
        }
        return new Changes();
    }

    /** The same as a stream, which closes the watch when it is closed. */
    public Stream<VerificationSession> stream() {
        return StreamSupport.stream(spliterator(), false).onClose(this::close);
    }

    /** Ends the watch. A thread that waits for a change sees its end. */
    @Override
    public void close() {
        closed.countDown();
        endCall();
    }

    private boolean isClosed() {
        return closed.getCount() == 0;
    }

    private void endCall() {
        ServerStream<VerificationSession> ended = call;
        if (ended != null) {
            ended.close();
        }
    }

    private final class Changes implements Iterator<VerificationSession> {
        private VerificationSession next;
        /** What was yielded last, as it is compared. */
        private VerificationSession last;
        private long callBegan;
        /** Whether the call brought something. */
        private boolean answered;
        /** When the last call ended that was answered, or the watch began. */
        private long silentSince = System.nanoTime();
        /** Calls in a row that were short and brought nothing new. */
        private int fruitless;

        @Override
        public boolean hasNext() {
            while (next == null && !isClosed()) {
                try {
                    if (last != null && isFinal(last)) {
                        close();
                    } else {
                        accept(read());
                    }
                } catch (RuntimeException failure) {
                    close();
                    throw failure;
                }
            }
            return next != null;
        }

        @Override
        public VerificationSession next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            VerificationSession session = next;
            next = null;
            return session;
        }

        private void accept(VerificationSession session) {
            if (session == null || comparable(session).equals(last)) {
                return;
            }
            last = comparable(session);
            next = session;
            fruitless = 0;
        }

        /** The next state that arrives; null when none does and the watch goes on or is closed. */
        private VerificationSession read() {
            BonafideException failure = null;
            try {
                if (call == null) {
                    begin();
                }
                VerificationSession session = call.next();
                if (session != null) {
                    answered = true;
                    return session;
                }
                // In order: the server ends its calls every few minutes.
            } catch (StatusRuntimeException error) {
                if (isClosed()) {
                    return null;
                }
                failure = caller.failure(error);
                // Nobody but the caller ends its context, and the client.
                if (!Retries.isCutOff(failure) || Context.current().isCancelled()) {
                    throw failure;
                }
            }
            caller.requireOpen();
            beginAgainAfter(failure);
            return null;
        }

        private void begin() {
            caller.requireOpen();
            Deadline longest = Deadline.after(LONGEST_CALL.toSeconds(), TimeUnit.SECONDS);
            callBegan = System.nanoTime();
            call = caller.open(
                    VerificationSessionServiceGrpc.getWatchVerificationSessionMethod(),
                    request,
                    deadline == null ? longest : longest.minimum(deadline));
            if (isClosed()) {
                // Meanwhile, when there was no call yet that could be ended.
                endCall();
            }
        }

        /** Waits until another call may begin, where one ended: with a failure, or in order. */
        private void beginAgainAfter(BonafideException failure) {
            call = null;
            long now = System.nanoTime();
            if (answered) {
                answered = false;
                silentSince = now;
            }
            if (now - callBegan >= LASTING_CALL.toNanos()) {
                fruitless = 0;
            }
            // It is a call as others until it is answered.
            Duration patience = last == null ? caller.timeoutOr(Timeouts.CALL) : caller.reconnectTimeout();
            Duration left = patience.minusNanos(now - silentSince);
            if (left.isNegative() || left.isZero()) {
                throw failure != null ? failure : ended(Status.Code.UNAVAILABLE, "the server ended the watch without an answer");
            }
            Duration asked = failure == null ? Duration.ZERO : failure.retryAfter().orElse(Duration.ZERO);
            // Not at once where that is asked for: it may be each time.
            Duration pause = shorter(longer(Retries.pause(fruitless), shorter(asked, LONGEST_WAIT)), left);
            if (deadline != null && pause.compareTo(Timeouts.remaining(deadline)) >= 0) {
                throw failure != null ? failure : ended(Status.Code.DEADLINE_EXCEEDED, "no time is left for the watch");
            }
            fruitless++;
            caller.connectSoon();
            try {
                closed.await(pause.toNanos(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException interrupt) {
                throw Caller.interrupted();
            }
        }
    }

    private static BonafideException ended(Status.Code code, String why) {
        return BonafideException.of(Failure.here(code, why));
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private static Duration longer(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? other : one;
    }

    /** What is another state when it differs. Each answer has a client secret of its own. */
    private static VerificationSession comparable(VerificationSession session) {
        return session.toBuilder().clearClientSecret().build();
    }

    private static boolean isFinal(VerificationSession session) {
        if (session.hasRedaction()) {
            return session.getRedaction().getStatus() != Redaction.Status.STATUS_PROCESSING;
        }
        return session.getStatus() == VerificationSessionStatus.VERIFICATION_SESSION_STATUS_CANCELED;
    }
}
