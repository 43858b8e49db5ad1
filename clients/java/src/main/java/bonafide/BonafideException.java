package bonafide;

import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A call that failed. There is one subclass for each status code of gRPC.
 *
 * <p>Programs go by the class and by {@link #reason}, which never changes; sentences may. Neither the API key nor a client secret
 * nor a picture is in any of it.
 */
public abstract sealed class BonafideException extends RuntimeException
        permits CancelledException,
                UnknownException,
                InvalidArgumentException,
                DeadlineExceededException,
                NotFoundException,
                AlreadyExistsException,
                PermissionDeniedException,
                ResourceExhaustedException,
                FailedPreconditionException,
                AbortedException,
                OutOfRangeException,
                UnimplementedException,
                InternalException,
                UnavailableException,
                DataLossException,
                UnauthenticatedException {
    private static final long serialVersionUID = 1;

    private final Failure failure;

    BonafideException(Failure failure) {
        super(failure.sentence(), failure.cause());
        this.failure = failure;
    }

    static BonafideException of(Failure failure) {
        return switch (failure.code()) {
            case CANCELLED -> new CancelledException(failure);
            case UNKNOWN -> new UnknownException(failure);
            case INVALID_ARGUMENT -> new InvalidArgumentException(failure);
            case DEADLINE_EXCEEDED -> new DeadlineExceededException(failure);
            case NOT_FOUND -> new NotFoundException(failure);
            case ALREADY_EXISTS -> new AlreadyExistsException(failure);
            case PERMISSION_DENIED -> new PermissionDeniedException(failure);
            case RESOURCE_EXHAUSTED -> new ResourceExhaustedException(failure);
            case FAILED_PRECONDITION -> new FailedPreconditionException(failure);
            case ABORTED -> new AbortedException(failure);
            case OUT_OF_RANGE -> new OutOfRangeException(failure);
            case UNIMPLEMENTED -> new UnimplementedException(failure);
            case INTERNAL -> new InternalException(failure);
            case UNAVAILABLE -> new UnavailableException(failure);
            case DATA_LOSS -> new DataLossException(failure);
            case UNAUTHENTICATED -> new UnauthenticatedException(failure);
            case OK -> throw new IllegalArgumentException("what did not fail has no exception");
        };
    }

    /** The status code, which is that of the class. */
    public Status.Code code() {
        return failure.code();
    }

    /**
     * The stable reason, for programs: one of {@code proto/REASONS.md}. Empty where no service of Bonafide answered, as when there
     * is no connection.
     */
    public Optional<String> reason() {
        return Optional.ofNullable(failure.reason());
    }

    /** What the server said, for people. {@link #getMessage} has the reason and the violations, too. */
    public String description() {
        return failure.description();
    }

    /** The fields of the request that are wrong, all of them. */
    public List<Violation> violations() {
        return failure.violations();
    }

    /** What else there is to the reason, such as the {@code status} that a session has. */
    public Map<String, String> metadata() {
        return failure.metadata();
    }

    /** After what time the server asks to be called again. */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(failure.retryAfter());
    }
}
