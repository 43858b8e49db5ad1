package bonafide;

/**
 * {@code UNAVAILABLE}: No server answers, or one that a service needs does not. The call was sent again as often
 * as is allowed.
 */
public final class UnavailableException extends BonafideException {
    private static final long serialVersionUID = 1;

    UnavailableException(Failure failure) {
        super(failure);
    }
}
