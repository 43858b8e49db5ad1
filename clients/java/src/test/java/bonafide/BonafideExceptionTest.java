package bonafide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BonafideExceptionTest {
    private static final Credential KEY = new Credential("API key", "sk_test_hush");

    private static BonafideException of(StatusRuntimeException error) {
        return BonafideException.of(Failures.of(error, KEY));
    }

    @ParameterizedTest
    @EnumSource(value = Status.Code.class, mode = EnumSource.Mode.EXCLUDE, names = "OK")
    void eachCodeHasItsClass(Status.Code code) {
        BonafideException failure = of(code.toStatus().asRuntimeException());
        assertEquals(code, failure.code());
        String name = failure.getClass().getSimpleName().replace("Exception", "");
        assertEquals(code.name().replace("_", ""), name.toUpperCase(java.util.Locale.ROOT));
    }

    @Test
    void whatTheServerTellsIsThere() {
        BonafideException failure = of(FakeServer.error(
                Status.Code.FAILED_PRECONDITION,
                "SESSION_STATUS",
                FakeServer.retryAfter(Duration.ofMillis(1500)),
                BadRequest.newBuilder()
                        .addFieldViolations(BadRequest.FieldViolation.newBuilder().setField("limit").setDescription("must be 1 to 100"))
                        .build()));
        assertEquals("SESSION_STATUS", failure.reason().orElseThrow());
        assertEquals("no", failure.description());
        assertEquals("no (SESSION_STATUS); limit: must be 1 to 100", failure.getMessage());
        assertEquals(Map.of("status", "processing"), failure.metadata());
        assertEquals(List.of(new Violation("limit", "must be 1 to 100")), failure.violations());
        assertEquals(1500, failure.retryAfter().orElseThrow().toMillis());
    }

    @Test
    void whereNoServiceOfBonafideAnsweredThereIsNoReason() {
        BonafideException plain = of(Status.NOT_FOUND.withDescription("no route").asRuntimeException());
        assertTrue(plain.reason().isEmpty() && plain.violations().isEmpty() && plain.metadata().isEmpty());
        assertEquals("no route", plain.getMessage());
        BonafideException other = of(StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.ABORTED.value())
                .addDetails(Any.pack(ErrorInfo.newBuilder().setDomain("proxy.example").setReason("CONTENDED").build()))
                .build()));
        assertTrue(other.reason().isEmpty());
    }

    @Test
    void detailsThatAreDamagedHideNoError() {
        Metadata trailers = new Metadata();
        trailers.put(Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER), new byte[] {-1, -1, -1});
        assertEquals(Status.Code.NOT_FOUND, of(Status.NOT_FOUND.asRuntimeException(trailers)).code());
        var damaged = com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.NOT_FOUND.value())
                .addDetails(Any.newBuilder()
                        .setTypeUrl("type.googleapis.com/google.rpc.ErrorInfo")
                        .setValue(ByteString.copyFrom(new byte[] {-1})))
                .build();
        assertTrue(of(StatusProto.toStatusRuntimeException(damaged)).reason().isEmpty());
    }

    @Test
    void aKeyThatTheServerRepeatsIsHidden() {
        BonafideException failure = of(FakeServer.error(
                Status.Code.UNAUTHENTICATED,
                "CREDENTIAL_INVALID",
                BadRequest.newBuilder()
                        .addFieldViolations(BadRequest.FieldViolation.newBuilder().setDescription("Bearer sk_test_hush"))
                        .build()));
        assertFalse(failure.toString().contains("hush"));
        BonafideException plain = of(Status.UNKNOWN.withDescription("Bearer sk_test_hush").asRuntimeException());
        assertEquals("Bearer ***", plain.getMessage());
        for (Throwable cause = plain; cause != null; cause = cause.getCause()) {
            assertFalse(cause.toString().contains("hush"));
        }
    }

    @Test
    void whatRetryInfoCannotMeanIsNotWaitedFor() {
        assertEquals(Optional.empty(), of(FakeServer.error(Status.Code.ABORTED, "CONTENDED", RetryInfo.getDefaultInstance())).retryAfter());
        for (Duration delay : List.of(Duration.ofHours(-1), Duration.ofSeconds(Long.MIN_VALUE), Duration.ofNanos(-1))) {
            var failure = of(FakeServer.error(Status.Code.ABORTED, "CONTENDED", FakeServer.retryAfter(delay)));
            assertEquals(Duration.ZERO, failure.retryAfter().orElseThrow());
        }
        Duration longest = Duration.ofSeconds(Long.MAX_VALUE, 999_999_999);
        var failure = of(FakeServer.error(Status.Code.ABORTED, "CONTENDED", FakeServer.retryAfter(longest)));
        assertTrue(failure.retryAfter().orElseThrow().toDays() > 365);
    }

    @Test
    void anErrorCanBeSerialized() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new ObjectOutputStream(bytes).writeObject(of(FakeServer.error(Status.Code.NOT_FOUND, "SESSION_NOT_FOUND")));
        var read = (NotFoundException) new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
        assertEquals("SESSION_NOT_FOUND", read.reason().orElseThrow());
    }

    @Test
    void allViolationsFitIntoAnError() {
        BadRequest.Builder violations = BadRequest.newBuilder();
        for (int field = 0; field < 150; field++) {
            violations.addFieldViolations(BadRequest.FieldViolation.newBuilder()
                    .setField("metadata.key" + field)
                    .setDescription("must have 500 characters at the most, and this one has more than that"));
        }
        try (FakeServer server = new FakeServer();
                Client client = server.client()) {
            server.on("GetVerificationSession", (call, number) ->
                    call.fail(FakeServer.error(Status.Code.INVALID_ARGUMENT, "INVALID_FIELDS", violations.build())));
            var failure = assertThrows(InvalidArgumentException.class, () -> client.sessions().get("vs_1"));
            assertEquals(150, failure.violations().size());
        }
    }
}
