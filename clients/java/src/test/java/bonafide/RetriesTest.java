package bonafide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import bonafide.identity.v1.CreateVerificationSessionRequest;
import bonafide.identity.v1.File;
import bonafide.identity.v1.ImagePurpose;
import bonafide.identity.v1.UpdateVerificationSessionRequest;
import bonafide.identity.v1.VerificationSession;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RetriesTest {
    private static final String CREATE = "CreateVerificationSession";
    private static final String GET = "GetVerificationSession";
    private static final VerificationSession SESSION = VerificationSession.newBuilder().setId("vs_1").setClientSecret("hush").build();

    private final FakeServer server = new FakeServer();
    private final Client client = server.client();

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    private static String idempotencyKey(FakeServer.Received call) {
        var field = call.request().getDescriptorForType().findFieldByName("idempotency_key");
        return (String) call.request().getField(field);
    }

    private List<String> keysOfCreations() {
        return server.calls(CREATE).stream()
                .map(RetriesTest::idempotencyKey)
                .toList();
    }

    @Test
    void aCreationIsSentAgainUnderTheSameKey() {
        server.on(CREATE, (call, number) -> {
            if (number < 2) {
                call.fail(FakeServer.unavailable());
            } else {
                call.finish(SESSION);
            }
        });
        assertEquals(SESSION, client.sessions().create(CreateVerificationSessionRequest.getDefaultInstance()));
        List<String> keys = keysOfCreations();
        assertEquals(3, keys.size());
        assertEquals(1, keys.stream().distinct().count());
        client.sessions().create(CreateVerificationSessionRequest.getDefaultInstance());
        assertNotEquals(keys.get(0), keysOfCreations().get(3));
    }

    @Test
    void eachCallThatChangesSomethingHasAKey() {
        List<String> methods = List.of(
                "UpdateVerificationSession", "CancelVerificationSession", "RedactVerificationSession", "SimulateVerification");
        methods.forEach(method -> server.on(method, (call, number) -> call.finish(SESSION)));
        client.sessions().update(UpdateVerificationSessionRequest.getDefaultInstance());
        client.sessions().cancel("vs_1");
        client.sessions().redact("vs_1");
        client.testHelpers().simulate("vs_1");
        methods.forEach(method -> assertFalse(idempotencyKey(server.calls(method).get(0)).isEmpty(), method));
    }

    @Test
    void aKeyThatIsGivenStays() {
        server.on(CREATE, (call, number) -> call.finish(SESSION));
        client.sessions().create(CreateVerificationSessionRequest.newBuilder().setIdempotencyKey("mine").build());
        assertEquals(List.of("mine"), keysOfCreations());
    }

    @Test
    void contentionIsTriedAgain() {
        server.on(GET, (call, number) -> {
            if (number == 0) {
                call.fail(FakeServer.error(Status.Code.ABORTED, "CONTENDED"));
            } else {
                call.finish(SESSION);
            }
        });
        assertEquals(SESSION, client.sessions().get("vs_1"));
    }

    @Test
    void aCallWaitsForAsLongAsItIsAskedTo() {
        Duration asked = Duration.ofMillis(400);
        server.on(GET, (call, number) -> {
            if (number == 0) {
                call.fail(FakeServer.error(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", FakeServer.retryAfter(asked)));
            } else {
                call.finish(SESSION);
            }
        });
        long began = System.nanoTime();
        assertEquals(SESSION, client.sessions().get("vs_1"));
        assertTrue(System.nanoTime() - began >= asked.toNanos());
    }

    @Test
    void noCallWaitsBeyondItsDeadline() {
        server.on(GET, (call, number) -> call.fail(
                FakeServer.error(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", FakeServer.retryAfter(Duration.ofHours(1)))));
        var failure = assertThrows(ResourceExhaustedException.class, () -> client.sessions().get("vs_1"));
        assertEquals(Duration.ofHours(1), failure.retryAfter().orElseThrow());
        assertEquals(1, server.calls(GET).size());
    }

    @Test
    void fourRetriesAreTheMost() {
        server.on(GET, (call, number) -> call.fail(FakeServer.unavailable()));
        assertThrows(UnavailableException.class, () -> client.sessions().get("vs_1"));
        assertEquals(5, server.calls(GET).size());
    }

    @Test
    void otherErrorsAreNotTriedAgain() {
        server.on(GET, (call, number) -> call.fail(switch (number) {
            case 0 -> FakeServer.error(Status.Code.INVALID_ARGUMENT, "INVALID_FIELDS", FakeServer.retryAfter(Duration.ofMillis(1)));
            case 1 -> Status.RESOURCE_EXHAUSTED.asRuntimeException();
            case 2 -> Status.ABORTED.asRuntimeException();
            default -> FakeServer.error(Status.Code.INTERNAL, "INTERNAL");
        }));
        assertThrows(InvalidArgumentException.class, () -> client.sessions().get("vs_1"));
        assertThrows(ResourceExhaustedException.class, () -> client.sessions().get("vs_1"));
        assertThrows(AbortedException.class, () -> client.sessions().get("vs_1"));
        assertThrows(InternalException.class, () -> client.sessions().get("vs_1"));
        assertEquals(4, server.calls(GET).size());
    }

    @Test
    void anAnswerThatIsLostIsAskedForAgainAndNothingIsDoneTwice() {
        try (Relay relay = new Relay(server.port());
                Client far = Client.builder(relay.address(), "sk_test_key").build()) {
            Map<String, VerificationSession> created = new ConcurrentHashMap<>();
            server.on(CREATE, (call, number) -> {
                String key = idempotencyKey(call);
                VerificationSession session = created.computeIfAbsent(
                        key, unused -> VerificationSession.newBuilder().setId("vs_" + created.size()).build());
                if (number == 0) {
                    relay.cut();
                } else {
                    call.finish(session);
                }
            });
            assertEquals("vs_0", far.sessions().create(CreateVerificationSessionRequest.getDefaultInstance()).getId());
            assertEquals(2, server.calls(CREATE).size());
            assertEquals(1, created.size());
        }
    }

    @Test
    void whereNoServerIsTheErrorSaysSoWithoutAReason() {
        server.close();
        var failure = assertThrows(UnavailableException.class, () -> client.sessions().get("vs_1"));
        assertTrue(failure.reason().isEmpty());
        assertTrue(failure.getMessage().contains("Connection refused"), failure.getMessage());
        assertFalse(failure.getMessage().contains("\n"), failure.getMessage());
    }

    @Test
    void eachCallHasADeadline() {
        server.on(GET, (call, number) -> call.finish(SESSION));
        server.on("UploadImage", (call, number) -> call.finish(File.getDefaultInstance()));
        client.sessions().get("vs_1");
        client.sessions().withTimeout(Duration.ofSeconds(3)).get("vs_1");
        client.person(SESSION).upload(ImagePurpose.IMAGE_PURPOSE_SELFIE, new byte[] {1});
        try (Client patient = Client.builder(server.address(), "sk_test_key").timeout(Duration.ofSeconds(500)).build()) {
            patient.sessions().get("vs_1");
            patient.person(SESSION).upload(ImagePurpose.IMAGE_PURPOSE_SELFIE, new byte[] {1});
        }
        // At the most: how much of it is left is the machine's affair.
        assertWithin(10, server.calls(GET).get(0));
        assertWithin(3, server.calls(GET).get(1));
        assertWithin(500, server.calls(GET).get(2));
        assertWithin(60, server.calls("UploadImage").get(0));
        assertWithin(500, server.calls("UploadImage").get(1));
        assertTrue(server.calls("UploadImage").get(0).millisLeft() > 10_000);
        assertTrue(server.calls(GET).get(2).millisLeft() > 60_000);
    }

    private static void assertWithin(long seconds, FakeServer.Received call) {
        assertTrue(call.millisLeft() != null && call.millisLeft() <= seconds * 1000, () -> call.millisLeft() + " ms");
    }

    @Test
    void aDeadlineOfAMillisecondPasses() {
        server.on(GET, (call, number) -> {});
        assertThrows(DeadlineExceededException.class, () -> client.sessions().withTimeout(Duration.ofMillis(1)).get("vs_1"));
    }

    @Test
    void anInterruptEndsACall() {
        server.on(GET, (call, number) -> {});
        Thread.currentThread().interrupt();
        assertThrows(CancelledException.class, () -> client.sessions().get("vs_1"));
        assertTrue(Thread.interrupted());
    }

    @Test
    void pausesDoubleUpToTwoSecondsAndAreRandom() {
        List<Long> longest = List.of(100L, 200L, 400L, 800L, 1600L, 2000L, 2000L);
        for (int retry = 0; retry < longest.size(); retry++) {
            assertEquals(longest.get(retry), Retries.longestPause(retry).toMillis());
        }
        assertEquals(2000, Retries.longestPause(Integer.MAX_VALUE).toMillis());
        for (int draw = 0; draw < 1000; draw++) {
            Duration pause = Retries.pause(0);
            assertTrue(!pause.isNegative() && pause.compareTo(Duration.ofMillis(100)) <= 0);
        }
    }
}
