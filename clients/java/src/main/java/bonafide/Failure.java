package bonafide;

import io.grpc.Status;
import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** What is known of a call that failed; {@code reason}, {@code retryAfter} and {@code cause} may be null. */
@SuppressWarnings("serial") // the list and the map are copies, which are serializable
record Failure(
        Status.Code code,
        String description,
        String reason,
        Map<String, String> metadata,
        List<Violation> violations,
        Duration retryAfter,
        Throwable cause)
        implements Serializable {

    Failure {
        metadata = Map.copyOf(metadata);
        violations = List.copyOf(violations);
    }

    /** One that was found on this side. */
    static Failure here(Status.Code code, String description) {
        return new Failure(code, description, null, Map.of(), List.of(), null, null);
    }

    /** All that a person needs who reads a log. */
    String sentence() {
        StringBuilder sentence = new StringBuilder(description);
        if (reason != null) {
            sentence.append(" (").append(reason).append(')');
        }
        for (Violation violation : violations) {
            sentence.append("; ").append(violation.field()).append(": ").append(violation.description());
        }
        return sentence.toString();
    }
}
