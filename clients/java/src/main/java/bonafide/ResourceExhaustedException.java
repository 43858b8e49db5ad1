package bonafide;

/**
 * {@code RESOURCE_EXHAUSTED}: Too much work is waiting ({@code OVERLOADED}), or the message is too large.
 */
public final class ResourceExhaustedException extends BonafideException {
    private static final long serialVersionUID = 1;

    ResourceExhaustedException(Failure failure) {
        super(failure);
    }
}
