package bonafide;

/**
 * {@code ABORTED}: Others changed the same thing at the same time, each time before this call could.
 */
public final class AbortedException extends BonafideException {
    private static final long serialVersionUID = 1;

    AbortedException(Failure failure) {
        super(failure);
    }
}
