package bonafide;

/**
 * {@code ALREADY_EXISTS}: What was to be made is there. No service of Bonafide answers so.
 */
public final class AlreadyExistsException extends BonafideException {
    private static final long serialVersionUID = 1;

    AlreadyExistsException(Failure failure) {
        super(failure);
    }
}
