package bonafide;

import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_CANCELED;
import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_PROCESSING;
import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_REQUIRES_INPUT;
import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_VERIFIED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import bonafide.identity.v1.Redaction;
import bonafide.identity.v1.SessionInsights;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionStatus;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WatchTest {
    private static final String WATCH = "WatchVerificationSession";

    private final FakeServer server = new FakeServer();
    private final Client client = server.client();

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    private static VerificationSession session(VerificationSessionStatus status, int attempts) {
        return VerificationSession.newBuilder()
                .setId("vs_1")
                .setStatus(status)
                .setInsights(SessionInsights.newBuilder().setAttempts(attempts))
                .build();
    }

    /** Each answer has a client secret of its own while the session requires input. */
    private static VerificationSession requiresInput(String secret) {
        return session(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT, 0).toBuilder().setClientSecret(secret).build();
    }

    private static final VerificationSession PROCESSING = session(VERIFICATION_SESSION_STATUS_PROCESSING, 1);
    private static final VerificationSession VERIFIED = session(VERIFICATION_SESSION_STATUS_VERIFIED, 1);
    private static final VerificationSession CANCELED = session(VERIFICATION_SESSION_STATUS_CANCELED, 1);

    private List<VerificationSessionStatus> statuses() {
        try (Watch watch = client.sessions().watch("vs_1");
                Stream<VerificationSession> changes = watch.stream()) {
            return changes.map(VerificationSession::getStatus).toList();
        }
    }

    @Test
    void itGoesOnWhenTheServerEndsItAndYieldsNothingTwice() {
        server.on(WATCH, (call, number) -> {
            call.send(requiresInput("secret " + number));
            if (number == 2) {
                call.send(PROCESSING);
                call.send(PROCESSING);
                call.send(CANCELED);
            } else {
                call.end();
            }
        });
        assertEquals(
                List.of(
                        VERIFICATION_SESSION_STATUS_REQUIRES_INPUT,
                        VERIFICATION_SESSION_STATUS_PROCESSING,
                        VERIFICATION_SESSION_STATUS_CANCELED),
                statuses());
        assertEquals(3, server.calls(WATCH).size());
        server.calls(WATCH).forEach(call -> assertNotNull(call.millisLeft()));
    }

    @Test
    void itGoesOnWhenTheConnectionBreaks() {
        try (Relay relay = new Relay(server.port());
                Client far = Client.builder(relay.address(), "sk_test_key").build();
                Watch watch = far.sessions().watch("vs_1")) {
            server.on(WATCH, (call, number) -> {
                call.send(PROCESSING);
                if (number > 0) {
                    call.send(CANCELED);
                }
            });
            Iterator<VerificationSession> changes = watch.iterator();
            assertEquals(PROCESSING, changes.next());
            relay.cut();
            assertEquals(CANCELED, changes.next());
            assertFalse(changes.hasNext());
        }
    }

    @Test
    void itOutlivesAnOutage() throws Exception {
        server.on(WATCH, (call, number) -> call.send(number == 0 ? PROCESSING : CANCELED));
        try (Relay relay = new Relay(server.port());
                Client far = Client.builder(relay.address(), "sk_test_key").build();
                Watch watch = far.sessions().watch("vs_1")) {
            Iterator<VerificationSession> changes = watch.iterator();
            assertEquals(PROCESSING, changes.next());
            relay.leave();
            CompletableFuture<VerificationSession> next = CompletableFuture.supplyAsync(changes::next);
            // Longer than a call is tried: four pauses are 1.5 seconds at most.
            Thread.sleep(2000);
            assertFalse(next.isDone());
            relay.comeBack();
            assertEquals(CANCELED, next.get(50, TimeUnit.SECONDS));
            assertEquals(2, server.calls(WATCH).size());
        }
    }

    @Test
    void itEndsWithAnOutageThatIsTooLong() {
        server.on(WATCH, (call, number) -> call.send(PROCESSING));
        Duration patience = Duration.ofSeconds(1);
        try (Relay relay = new Relay(server.port());
                Client far = Client.builder(relay.address(), "sk_test_key").reconnectTimeout(patience).build();
                Watch watch = far.sessions().watch("vs_1")) {
            Iterator<VerificationSession> changes = watch.iterator();
            assertEquals(PROCESSING, changes.next());
            long left = System.nanoTime();
            relay.leave();
            var failure = assertThrows(UnavailableException.class, changes::hasNext);
            assertTrue(failure.reason().isEmpty());
            assertTrue(System.nanoTime() - left >= patience.toNanos());
            assertFalse(changes.hasNext());
        }
    }

    @Test
    void itDoesNotWaitForHours() {
        Duration hours = Duration.ofHours(5);
        server.on(WATCH, (call, number) -> {
            if (number == 0) {
                call.send(PROCESSING);
            }
            call.fail(FakeServer.error(Status.Code.UNAVAILABLE, "UNAVAILABLE", FakeServer.retryAfter(hours)));
        });
        try (Client hasty = Client.builder(server.address(), "sk_test_key").reconnectTimeout(Duration.ofSeconds(1)).build();
                Watch watch = hasty.sessions().watch("vs_1")) {
            Iterator<VerificationSession> changes = watch.iterator();
            assertEquals(PROCESSING, changes.next());
            var failure = assertThrows(UnavailableException.class, changes::hasNext);
            assertEquals(hours, failure.retryAfter().orElseThrow());
            // A last time when its own time is over.
            assertEquals(2, server.calls(WATCH).size());
        }
    }

    @Test
    void itGoesOnAfterWhatCutsACallOff() {
        List<StatusRuntimeException> failures = List.of(
                Status.UNAVAILABLE.asRuntimeException(),
                Status.CANCELLED.asRuntimeException(),
                Status.UNKNOWN.asRuntimeException(),
                Status.INTERNAL.asRuntimeException(),
                Status.DEADLINE_EXCEEDED.asRuntimeException(),
                FakeServer.error(Status.Code.DEADLINE_EXCEEDED, "DEADLINE"),
                FakeServer.error(Status.Code.ABORTED, "CONTENDED"),
                FakeServer.error(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED"));
        server.on(WATCH, (call, number) -> {
            call.send(number < failures.size() ? PROCESSING : CANCELED);
            if (number < failures.size()) {
                call.fail(failures.get(number));
            }
        });
        assertEquals(List.of(VERIFICATION_SESSION_STATUS_PROCESSING, VERIFICATION_SESSION_STATUS_CANCELED), statuses());
        assertEquals(failures.size() + 1, server.calls(WATCH).size());
    }

    @Test
    void everyOtherErrorEndsIt() {
        List<StatusRuntimeException> failures = List.of(
                FakeServer.error(Status.Code.INTERNAL, "INTERNAL"),
                FakeServer.error(Status.Code.CANCELLED, "CANCELLED"),
                Status.RESOURCE_EXHAUSTED.asRuntimeException(),
                Status.PERMISSION_DENIED.asRuntimeException());
        server.on(WATCH, (call, number) -> {
            call.send(PROCESSING);
            call.fail(failures.get(number));
        });
        for (StatusRuntimeException failure : failures) {
            var thrown = assertThrows(BonafideException.class, this::statuses);
            assertEquals(failure.getStatus().getCode(), thrown.code());
        }
        assertEquals(failures.size(), server.calls(WATCH).size());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void oneThatIsNeverAnsweredHasAsLongAsACall(boolean inOrder) {
        server.on(WATCH, (call, number) -> {
            if (inOrder) {
                call.end();
            } else {
                call.fail(FakeServer.unavailable());
            }
        });
        Duration patience = Duration.ofSeconds(1);
        try (Client hasty = Client.builder(server.address(), "sk_test_key").timeout(patience).build();
                Watch watch = hasty.sessions().watch("vs_1")) {
            long began = System.nanoTime();
            assertThrows(UnavailableException.class, watch.iterator()::hasNext);
            assertTrue(System.nanoTime() - began >= patience.toNanos() - TimeUnit.MILLISECONDS.toNanos(1));
            assertTrue(server.calls(WATCH).size() > 2);
        }
    }

    @Test
    void oneWhoseCallsEndAtOnceEndsWithItsDeadline() {
        server.on(WATCH, (call, number) -> call.finish(PROCESSING));
        assertThrows(DeadlineExceededException.class, () -> client.sessions().await("vs_1", Duration.ofSeconds(1)));
        // With pauses, which double.
        int calls = server.calls(WATCH).size();
        assertTrue(calls >= 2 && calls < 100, () -> calls + " calls");
    }

    @Test
    void theCloseOfTheClientEndsIt() {
        server.on(WATCH, (call, number) -> call.send(PROCESSING));
        Iterator<VerificationSession> changes = client.sessions().watch("vs_1").iterator();
        assertEquals(PROCESSING, changes.next());
        client.close();
        var failure = assertThrows(CancelledException.class, changes::hasNext);
        assertEquals("the client is closed", failure.getMessage());
        assertFalse(changes.hasNext());
    }

    @Test
    void anotherErrorIsThrownAndEndsIt() {
        server.on(WATCH, (call, number) -> {
            call.send(PROCESSING);
            call.fail(FakeServer.error(Status.Code.NOT_FOUND, "SESSION_NOT_FOUND"));
        });
        Iterator<VerificationSession> changes = client.sessions().watch("vs_1").iterator();
        assertEquals(PROCESSING, changes.next());
        assertThrows(NotFoundException.class, changes::hasNext);
        assertFalse(changes.hasNext());
        assertEquals(1, server.calls(WATCH).size());
    }

    @Test
    void itEndsWhenTheSessionIsRedacted() {
        VerificationSession redacting = VERIFIED.toBuilder()
                .setRedaction(Redaction.newBuilder().setStatus(Redaction.Status.STATUS_PROCESSING))
                .build();
        VerificationSession redacted = VERIFIED.toBuilder()
                .setRedaction(Redaction.newBuilder().setStatus(Redaction.Status.STATUS_REDACTED))
                .build();
        server.on(WATCH, (call, number) -> {
            call.send(VERIFIED);
            call.send(redacting);
            call.finish(redacted);
        });
        assertEquals(3, statuses().size());
        assertEquals(1, server.calls(WATCH).size());
    }

    @Test
    void itEndsWithItsDeadline() {
        server.on(WATCH, (call, number) -> call.send(PROCESSING));
        try (Watch watch = client.sessions().watch("vs_1", Duration.ofSeconds(2))) {
            Iterator<VerificationSession> changes = watch.iterator();
            assertEquals(PROCESSING, changes.next());
            assertThrows(DeadlineExceededException.class, changes::hasNext);
        }
        assertEquals(1, server.calls(WATCH).size());
    }

    @Test
    void aPauseThatOutlastsItsDeadlineIsNotBegun() {
        server.on(WATCH, (call, number) -> {
            call.send(PROCESSING);
            call.fail(FakeServer.error(Status.Code.UNAVAILABLE, "UNAVAILABLE", FakeServer.retryAfter(Duration.ofHours(1))));
        });
        try (Watch watch = client.sessions().watch("vs_1", Duration.ofSeconds(2))) {
            Iterator<VerificationSession> changes = watch.iterator();
            assertEquals(PROCESSING, changes.next());
            assertThrows(UnavailableException.class, changes::hasNext);
        }
    }

    @Test
    void whoeverClosesItEndsIt() throws Exception {
        CountDownLatch cancelled = new CountDownLatch(1);
        CountDownLatch yielded = new CountDownLatch(1);
        server.on(WATCH, (call, number) -> {
            call.send(PROCESSING);
            io.grpc.Context.current().addListener(context -> cancelled.countDown(), Runnable::run);
        });
        Watch watch = client.sessions().watch("vs_1");
        CompletableFuture<Boolean> ended = CompletableFuture.supplyAsync(() -> {
            Iterator<VerificationSession> changes = watch.iterator();
            changes.next();
            yielded.countDown();
            return !changes.hasNext();
        });
        yielded.await();
        watch.close();
        assertTrue(ended.get(30, TimeUnit.SECONDS));
        assertTrue(cancelled.await(30, TimeUnit.SECONDS));
    }

    @Test
    void aWatchThatPausesIsClosedAtOnce() throws Exception {
        CountDownLatch failed = new CountDownLatch(1);
        server.on(WATCH, (call, number) -> {
            call.send(PROCESSING);
            call.fail(FakeServer.error(Status.Code.UNAVAILABLE, "UNAVAILABLE", FakeServer.retryAfter(Duration.ofHours(1))));
            failed.countDown();
        });
        Watch watch = client.sessions().watch("vs_1");
        CompletableFuture<Long> count = CompletableFuture.supplyAsync(() -> watch.stream().count());
        failed.await();
        watch.close();
        assertTrue(count.get(30, TimeUnit.SECONDS) <= 1);
    }

    @Test
    void itIsIteratedOverOnce() {
        try (Watch watch = client.sessions().watch("vs_1")) {
            watch.iterator();
            assertThrows(IllegalStateException.class, watch::iterator);
        }
    }

    @Test
    void awaitAnswersTheSessionWhoseChecksHaveEnded() {
        VerificationSession failed = session(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT, 1);
        server.on(WATCH, (call, number) -> {
            call.send(requiresInput("secret"));
            call.send(PROCESSING);
            call.send(number == 0 ? VERIFIED : failed);
        });
        assertEquals(VERIFIED, client.sessions().await("vs_1"));
        assertEquals(failed, client.sessions().await("vs_1"));
    }

    @Test
    void awaitHasADeadline() {
        server.on(WATCH, (call, number) -> call.send(PROCESSING));
        assertThrows(DeadlineExceededException.class, () -> client.sessions().await("vs_1", Duration.ofMillis(500)));
        assertThrows(DeadlineExceededException.class, () -> client.sessions().await("vs_1", Duration.ofMillis(1)));
    }
}
