package bonafide;

/**
 * {@code INTERNAL}: A defect of the server or of what stands between.
 */
public final class InternalException extends BonafideException {
    private static final long serialVersionUID = 1;

    InternalException(Failure failure) {
        super(failure);
    }
}
