package bonafide;

/**
 * {@code UNIMPLEMENTED}: The server does not know the call: it is older than this client, or no service of
 * Bonafide.
 */
public final class UnimplementedException extends BonafideException {
    private static final long serialVersionUID = 1;

    UnimplementedException(Failure failure) {
        super(failure);
    }
}
