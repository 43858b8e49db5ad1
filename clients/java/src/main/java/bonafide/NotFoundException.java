package bonafide;

/**
 * {@code NOT_FOUND}: There is no such thing, or it belongs to another account.
 */
public final class NotFoundException extends BonafideException {
    private static final long serialVersionUID = 1;

    NotFoundException(Failure failure) {
        super(failure);
    }
}
