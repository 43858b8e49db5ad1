package bonafide;

import io.grpc.CallOptions;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Makes calls with one credential. Each has a deadline, within which it is sent again where that may help. */
final class Caller {
    private final ManagedChannel channel;
    private final Credential credential;
    /** Of every call; null where each has its own. */
    private final Duration timeout;

    private final Duration reconnectTimeout;

    Caller(ManagedChannel channel, Credential credential, Duration timeout, Duration reconnectTimeout) {
        this.channel = channel;
        this.credential = credential;
        this.timeout = timeout;
        this.reconnectTimeout = reconnectTimeout;
    }

    Caller with(Credential other) {
        return new Caller(channel, other, timeout, reconnectTimeout);
    }

    Caller with(Duration other) {
        return new Caller(channel, credential, Timeouts.checked(other), reconnectTimeout);
    }

    /** How long a watch goes on without an answer. */
    Duration reconnectTimeout() {
        return reconnectTimeout;
    }

    /** What was given, else what is usual for a call. */
    Duration timeoutOr(Duration usual) {
        return timeout == null ? usual : timeout;
    }

    /** Asks for one answer. */
    <Q, A> A call(MethodDescriptor<Q, A> method, Q request) {
        return call(method, request, Timeouts.CALL);
    }

    /** The same, within {@code usual} where no other timeout was given. */
    <Q, A> A call(MethodDescriptor<Q, A> method, Q request, Duration usual) {
        return retrying(usual, deadline -> ClientCalls.blockingUnaryCall(channel, method, options(deadline), request));
    }

    /** Tries until an attempt succeeds, fails for good, or the next one would come too late. */
    <T> T retrying(Duration usual, Function<Deadline, T> attempt) {
        requireOpen();
        Deadline deadline = Timeouts.deadline(timeoutOr(usual));
        for (int retry = 0; ; retry++) {
            try {
                return attempt.apply(deadline);
            } catch (StatusRuntimeException error) {
                BonafideException failure = failure(error);
                Duration pause = Retries.pause(failure, retry);
                if (retry == Retries.MOST || !Retries.mayHelp(failure) || pause.compareTo(Timeouts.remaining(deadline)) >= 0) {
                    throw failure;
                }
                connectSoon();
                sleep(pause);
            }
        }
    }

    /** Begins a call that is answered by several messages. */
    <Q, A> ServerStream<A> open(MethodDescriptor<Q, A> method, Q request, Deadline deadline) {
        return new ServerStream<>(channel, method, options(deadline), request);
    }

    /**
     * Refuses what comes after the end.
     *
     * @throws CancelledException when the client is closed
     */
    void requireOpen() {
        if (channel.isShutdown()) {
            throw closed();
        }
    }

    BonafideException failure(StatusRuntimeException error) {
        BonafideException failure = BonafideException.of(Failures.of(error, credential));
        // What gRPC itself says of that is UNAVAILABLE.
        return channel.isShutdown() && failure.reason().isEmpty() ? closed() : failure;
    }

    private static BonafideException closed() {
        return BonafideException.of(Failure.here(Status.Code.CANCELLED, "the client is closed"));
    }

    /** Lets the channel connect during the pause that follows: its own pauses are longer, and calls fail at once meanwhile. */
    void connectSoon() {
        channel.resetConnectBackoff();
    }

    static BonafideException interrupted() {
        Thread.currentThread().interrupt();
        return BonafideException.of(Failure.here(Status.Code.CANCELLED, "the thread was interrupted"));
    }

    private CallOptions options(Deadline deadline) {
        return CallOptions.DEFAULT.withCallCredentials(credential).withDeadline(deadline);
    }

    private static void sleep(Duration pause) {
        try {
            TimeUnit.NANOSECONDS.sleep(pause.toNanos());
        } catch (InterruptedException interrupt) {
            throw interrupted();
        }
    }
}
