package bonafide;

import bonafide.identity.v1.Redaction;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionServiceGrpc;
import bonafide.identity.v1.VerificationSessionStatus;
import bonafide.identity.v1.WatchVerificationSessionRequest;
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
 * it, and when the connection breaks for as long as it takes; only before the first answer it gives up like every other call. Another
 * error is thrown, and so is a {@link DeadlineExceededException} when the watch has a timeout.
 */
public final class Watch implements Iterable<VerificationSession>, AutoCloseable {
    /** Of one call, so that none hangs for good. The server ends it before that. */
    private static final Duration LONGEST_CALL = Duration.ofMinutes(15);

    /** How long a call lasts at least whose end is no sign of trouble. */
    private static final Duration LONG_CALL = Duration.ofSeconds(10);

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
        private boolean answered;
        private long callBegan;
        /** Calls in a row that ended soon and had nothing new. */
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
            try {
                if (call == null) {
                    begin();
                }
                VerificationSession session = call.next();
                if (session == null) {
                    // In order: the server ends its calls every few minutes.
                    beginAgainAfter(Retries.pause(ended()));
                }
                answered |= session != null;
                return session;
            } catch (StatusRuntimeException error) {
                if (!isClosed()) {
                    recover(caller.failure(error));
                }
                return null;
            }
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

        private void recover(BonafideException failure) {
            // The deadline of the call, or of something in between, and not that of the watch.
            boolean isOver = deadline != null && deadline.isExpired();
            boolean hung = failure.code() == Status.Code.DEADLINE_EXCEEDED && lasted() >= LONG_CALL.toNanos() && !isOver;
            int retry = ended();
            Duration pause = Retries.pause(failure, retry);
            boolean givesUp = !answered && (retry == Retries.MOST || !isInTime(pause));
            if (!hung && (givesUp || !caller.mayRetry(failure))) {
                throw failure;
            }
            caller.connectSoon();
            beginAgainAfter(pause);
        }

        /** Notes that the call has ended; how many did so before without a use. */
        private int ended() {
            call = null;
            if (lasted() >= LONG_CALL.toNanos()) {
                fruitless = 0;
            }
            return fruitless++;
        }

        private long lasted() {
            return System.nanoTime() - callBegan;
        }

        private boolean isInTime(Duration pause) {
            return deadline == null || pause.compareTo(Timeouts.remaining(deadline)) < 0;
        }

        private void beginAgainAfter(Duration pause) {
            boolean inTime = isInTime(pause);
            Duration wait = inTime ? pause : Timeouts.remaining(deadline);
            try {
                boolean stopped = closed.await(wait.toNanos(), TimeUnit.NANOSECONDS);
                if (!stopped && !inTime) {
                    throw BonafideException.of(
                            Failure.here(Status.Code.DEADLINE_EXCEEDED, "the time that was given to the watch is over"));
                }
            } catch (InterruptedException interrupt) {
                throw Caller.interrupted();
            }
        }
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
