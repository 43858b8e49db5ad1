package bonafide;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads what gRPC says of a call that failed. */
final class Failures {
    /** Of the reasons that are Bonafide's. */
    private static final String DOMAIN = "bonafide.identity";

    /** What durations of the contract can be; a longer one would overflow those of Java. */
    private static final Duration LONGEST_DELAY = Duration.ofSeconds(315_576_000_000L);

    private Failures() {}

    /** What {@code error} says, without {@code credential}, which a server may have repeated. */
    static Failure of(StatusRuntimeException error, Credential credential) {
        Status status = error.getStatus();
        List<Any> details = details(error);
        Optional<ErrorInfo> info = find(details, ErrorInfo.class).filter(found -> found.getDomain().equals(DOMAIN));
        Map<String, String> metadata = new HashMap<>();
        info.ifPresent(found -> found.getMetadataMap().forEach((key, value) -> metadata.put(key, credential.hide(value))));
        List<Violation> violations = find(details, BadRequest.class).stream()
                .flatMap(request -> request.getFieldViolationsList().stream())
                .map(wrong -> new Violation(wrong.getField(), credential.hide(wrong.getDescription())))
                .toList();
        return new Failure(
                status.getCode(),
                credential.hide(ConnectionFailure.description(status)),
                info.map(ErrorInfo::getReason).orElse(null),
                metadata,
                violations,
                find(details, RetryInfo.class).flatMap(Failures::delay).orElse(null),
                // Not the error itself: its message is the server's, word for word.
                status.getCause());
    }

    private static List<Any> details(StatusRuntimeException error) {
        try {
            com.google.rpc.Status status = StatusProto.fromThrowable(error);
            return status == null ? List.of() : status.getDetailsList();
        } catch (IllegalArgumentException malformed) {
            // Whatever sent that, the status code stands beside it.
            return List.of();
        }
    }

    private static <T extends Message> Optional<T> find(List<Any> details, Class<T> type) {
        for (Any detail : details) {
            if (detail.is(type)) {
                try {
                    return Optional.of(detail.unpack(type));
                } catch (InvalidProtocolBufferException malformed) {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }

    private static Optional<Duration> delay(RetryInfo info) {
        if (!info.hasRetryDelay()) {
            return Optional.empty();
        }
        long seconds = Math.min(info.getRetryDelay().getSeconds(), LONGEST_DELAY.getSeconds());
        Duration delay = Duration.ofSeconds(Math.max(seconds, -1), info.getRetryDelay().getNanos());
        return Optional.of(delay.isNegative() ? Duration.ZERO : delay);
    }
}
