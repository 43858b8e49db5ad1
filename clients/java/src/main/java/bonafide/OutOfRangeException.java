package bonafide;

/**
 * {@code OUT_OF_RANGE}: Something is beyond the end. No service of Bonafide answers so.
 */
public final class OutOfRangeException extends BonafideException {
    private static final long serialVersionUID = 1;

    OutOfRangeException(Failure failure) {
        super(failure);
    }
}
