package bonafide;

import java.util.UUID;

/** Keys under which a call that is sent again has no second effect. */
final class IdempotencyKeys {
    private IdempotencyKeys() {}

    static String random() {
        return UUID.randomUUID().toString();
    }
}
