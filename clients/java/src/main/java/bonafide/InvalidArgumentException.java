package bonafide;

/**
 * {@code INVALID_ARGUMENT}: The request is wrong, whatever the state: {@link #violations} lists every wrong
 * field, {@link #reason} says what is wrong with a picture.
 */
public final class InvalidArgumentException extends BonafideException {
    private static final long serialVersionUID = 1;

    InvalidArgumentException(Failure failure) {
        super(failure);
    }
}
