package bonafide;

/**
 * {@code DEADLINE_EXCEEDED}: The deadline passed. What was asked for may have been done all the same: send it
 * again under the same idempotency key.
 */
public final class DeadlineExceededException extends BonafideException {
    private static final long serialVersionUID = 1;

    DeadlineExceededException(Failure failure) {
        super(failure);
    }
}
