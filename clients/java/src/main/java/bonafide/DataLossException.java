package bonafide;

/**
 * {@code DATA_LOSS}: An answer did not arrive whole.
 */
public final class DataLossException extends BonafideException {
    private static final long serialVersionUID = 1;

    DataLossException(Failure failure) {
        super(failure);
    }
}
