package bonafide;

/**
 * {@code CANCELLED}: The call was ended before it was answered: by an interrupt of its thread, by {@link
 * Client#close} or by the server.
 */
public final class CancelledException extends BonafideException {
    private static final long serialVersionUID = 1;

    CancelledException(Failure failure) {
        super(failure);
    }
}
