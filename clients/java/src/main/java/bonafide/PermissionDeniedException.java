package bonafide;

/**
 * {@code PERMISSION_DENIED}: The key or client secret is known and may not make this call.
 */
public final class PermissionDeniedException extends BonafideException {
    private static final long serialVersionUID = 1;

    PermissionDeniedException(Failure failure) {
        super(failure);
    }
}
