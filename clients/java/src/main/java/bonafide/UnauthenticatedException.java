package bonafide;

/**
 * {@code UNAUTHENTICATED}: The key or client secret is missing, not known or expired.
 */
public final class UnauthenticatedException extends BonafideException {
    private static final long serialVersionUID = 1;

    UnauthenticatedException(Failure failure) {
        super(failure);
    }
}
