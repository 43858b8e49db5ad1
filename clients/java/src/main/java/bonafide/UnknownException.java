package bonafide;

/**
 * {@code UNKNOWN}: Something failed of which nothing more is known. No service of Bonafide answers so.
 */
public final class UnknownException extends BonafideException {
    private static final long serialVersionUID = 1;

    UnknownException(Failure failure) {
        super(failure);
    }
}
