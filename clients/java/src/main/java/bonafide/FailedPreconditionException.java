package bonafide;

/**
 * {@code FAILED_PRECONDITION}: The state does not allow the call: {@link #reason} says what has to be done
 * before.
 */
public final class FailedPreconditionException extends BonafideException {
    private static final long serialVersionUID = 1;

    FailedPreconditionException(Failure failure) {
        super(failure);
    }
}
