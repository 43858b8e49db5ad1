package bonafide;

import static bonafide.identity.v1.VerificationErrorCode.VERIFICATION_ERROR_CODE_DOCUMENT_EXPIRED;
import static bonafide.identity.v1.VerificationErrorCode.VERIFICATION_ERROR_CODE_SELFIE_FACE_MISMATCH;
import static bonafide.identity.v1.VerificationErrorCode.VERIFICATION_ERROR_CODE_UNDER_SUPPORTED_AGE;
import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_CANCELED;
import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_REQUIRES_INPUT;
import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_VERIFIED;
import static io.grpc.Status.Code.OUT_OF_RANGE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import bonafide.identity.v1.CreateVerificationSessionRequest;
import bonafide.identity.v1.File;
import bonafide.identity.v1.FileLink;
import bonafide.identity.v1.ImagePurpose;
import bonafide.identity.v1.ListVerificationReportsRequest;
import bonafide.identity.v1.ListVerificationSessionsRequest;
import bonafide.identity.v1.Redaction;
import bonafide.identity.v1.SimulateVerificationRequest;
import bonafide.identity.v1.UpdateVerificationSessionRequest;
import bonafide.identity.v1.VerificationErrorCode;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationType;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a real deployment. */
@Timeout(300)
class LiveTest {
    private static final String KEY = "BONAFIDE_API_KEY_FILE";
    private static final String RESTRICTED_KEY = "BONAFIDE_RESTRICTED_API_KEY_FILE";
    private static final String TEST_KEY = "BONAFIDE_TEST_API_KEY_FILE";

    @BeforeAll
    static void needsADeployment() {
        Deployment.require();
    }

    private static CreateVerificationSessionRequest aSession(String reference) {
        return CreateVerificationSessionRequest.newBuilder()
                .setType(VerificationType.VERIFICATION_TYPE_DOCUMENT)
                .setClientReferenceId(reference)
                .build();
    }

    private static String reference() {
        return "java " + UUID.randomUUID();
    }

    @Test
    void theExampleVerifiesFromAnyFolderAnyNumberOfTimes(@TempDir Path elsewhere) throws Exception {
        for (int run = 0; run < 2; run++) {
            List<String> command = new ArrayList<>(List.of(
                    Path.of("example").toAbsolutePath().toString(),
                    Deployment.variable("BONAFIDE_ADDRESS"),
                    Deployment.variable(KEY),
                    Deployment.variable("BONAFIDE_DOCUMENT"),
                    Deployment.variable("BONAFIDE_SELFIE")));
            if (!Deployment.variable("BONAFIDE_CA").isEmpty()) {
                command.add(Deployment.variable("BONAFIDE_CA"));
            }
            Process example = new ProcessBuilder(command).directory(elsewhere.toFile()).redirectErrorStream(true).start();
            String said = new String(example.getInputStream().readAllBytes());
            assertEquals(0, example.waitFor(), said);
            assertTrue(said.startsWith("VERIFICATION_SESSION_STATUS_VERIFIED\nANNA MARIA ERIKSSON\nsimilarity 0."), said);
        }
    }

    @Test
    void outcomesAreChosenInTestMode() throws IOException {
        try (Client client = Deployment.client(TEST_KEY)) {
            for (VerificationErrorCode code : List.of(
                    VERIFICATION_ERROR_CODE_DOCUMENT_EXPIRED,
                    VERIFICATION_ERROR_CODE_SELFIE_FACE_MISMATCH,
                    VERIFICATION_ERROR_CODE_UNDER_SUPPORTED_AGE)) {
                VerificationSession session = client.sessions().create(aSession(reference()));
                client.testHelpers().simulate(session.getId(), code);
                VerificationSession ended = client.sessions().await(session.getId());
                assertEquals(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT, ended.getStatus());
                assertEquals(code, ended.getLastError().getCode());
            }
            VerificationSession session = client.sessions().create(aSession(reference()));
            client.testHelpers().simulate(SimulateVerificationRequest.newBuilder()
                    .setVerificationSession(session.getId())
                    .setDelay(com.google.protobuf.Duration.newBuilder().setNanos(300_000_000))
                    .build());
            VerificationSession ended = client.sessions().await(session.getId());
            assertEquals(VERIFICATION_SESSION_STATUS_VERIFIED, ended.getStatus());
            assertFalse(ended.getLivemode());
            assertEquals(
                    ended.getLastVerificationReport(),
                    client.sessions()
                            .get(session.getId(), "last_verification_report")
                            .getExpandedLastVerificationReport()
                            .getId());
        }
    }

    @Test
    void theSameKeyIsTheSameSession() throws IOException {
        try (Client client = Deployment.client(TEST_KEY)) {
            var request = aSession(reference()).toBuilder().setIdempotencyKey(reference()).build();
            String id = client.sessions().create(request).getId();
            assertEquals(id, client.sessions().create(request).getId());
            var other = request.toBuilder().setClientReferenceId("other").build();
            var failure = assertThrows(InvalidArgumentException.class, () -> client.sessions().create(other));
            assertEquals("IDEMPOTENCY_KEY_REUSED", failure.reason().orElseThrow());
        }
    }

    @Test
    void sessionsAreListedUpdatedCanceledAndRedacted() throws IOException {
        try (Client client = Deployment.client(TEST_KEY)) {
            String reference = reference();
            List<String> newestFirst = new ArrayList<>();
            for (int number = 0; number < 5; number++) {
                newestFirst.add(0, client.sessions().create(aSession(reference)).getId());
            }
            var request = ListVerificationSessionsRequest.newBuilder().setClientReferenceId(reference).setLimit(2).build();
            assertEquals(2, client.sessions().list(request).getDataCount());
            assertEquals(newestFirst, client.sessions().listAll(request).stream().map(VerificationSession::getId).toList());
            List<String> newer = new ArrayList<>(newestFirst.subList(0, 4));
            java.util.Collections.reverse(newer);
            var fromTheOldest = request.toBuilder().setEndingBefore(newestFirst.get(4)).build();
            assertEquals(newer, client.sessions().listAll(fromTheOldest).stream().map(VerificationSession::getId).toList());

            String session = newestFirst.get(0);
            VerificationSession updated = client.sessions().update(UpdateVerificationSessionRequest.newBuilder()
                    .setVerificationSession(session)
                    .putMetadata("order", "7")
                    .build());
            assertEquals("7", updated.getMetadataOrThrow("order"));
            assertEquals(VERIFICATION_SESSION_STATUS_CANCELED, client.sessions().cancel(session).getStatus());
            var failure = assertThrows(FailedPreconditionException.class, () -> client.sessions().cancel(session));
            assertEquals("SESSION_STATUS", failure.reason().orElseThrow());
            assertEquals("canceled", failure.metadata().get("status"));

            String verified = newestFirst.get(1);
            client.testHelpers().simulate(verified);
            client.sessions().await(verified);
            var reports = ListVerificationReportsRequest.newBuilder().setVerificationSession(verified).build();
            assertEquals(1, client.reports().listAll(reports).stream().count());
            try (Watch watch = client.sessions().watch(verified, Duration.ofSeconds(60))) {
                VerificationSession last = null;
                for (VerificationSession now : watch) {
                    if (last == null) {
                        client.sessions().redact(verified);
                    }
                    last = now;
                }
                assertEquals(Redaction.Status.STATUS_REDACTED, last.getRedaction().getStatus());
            }
        }
    }

    @Test
    void allViolationsComeAtOnce() throws IOException {
        try (Client client = Deployment.client(TEST_KEY)) {
            var request = CreateVerificationSessionRequest.newBuilder().setClientReferenceId("x".repeat(256)).build();
            var failure = assertThrows(InvalidArgumentException.class, () -> client.sessions().create(request));
            assertEquals("INVALID_FIELDS", failure.reason().orElseThrow());
            assertEquals(List.of("client_reference_id", "type"), failure.violations().stream().map(Violation::field).sorted().toList());
        }
    }

    @Test
    void aWrongKeyIsRefused() {
        try (Client client = Deployment.builder("sk_live_wrong").build()) {
            var failure = assertThrows(UnauthenticatedException.class, () -> client.sessions().get("vs_1"));
            assertEquals("CREDENTIAL_INVALID", failure.reason().orElseThrow());
            assertFalse(failure.toString().contains("sk_live_wrong"));
        }
    }

    @Test
    void aCertificateOfAnotherCaIsRefused() {
        // That of the deployment is of a CA of its own, which is not given here.
        try (Client client = Client.builder(Deployment.variable("BONAFIDE_ADDRESS"), "sk_live_wrong").build()) {
            var failure = assertThrows(UnavailableException.class, () -> client.sessions().get("vs_1"));
            assertTrue(failure.getMessage().contains("certificate is not one that a trusted CA gave"), failure.getMessage());
            assertTrue(failure.reason().isEmpty());
        }
    }

    @Test
    void aServerWithTlsIsNotCalledWithout() {
        String plain = Deployment.variable("BONAFIDE_ADDRESS").replace("https://", "http://");
        try (Client client = Client.builder(plain, "sk_live_wrong").build()) {
            var failure = assertThrows(BonafideException.class, () -> client.sessions().get("vs_1"));
            assertTrue(failure.reason().isEmpty());
            assertTrue(failure.getMessage().contains("https://"), failure.getMessage());
        }
    }

    @Test
    void picturesAreListedAndDownloadedWithARestrictedKey() throws IOException {
        byte[] picture = Deployment.picture("BONAFIDE_DOCUMENT");
        try (Client client = Deployment.client(RESTRICTED_KEY);
                Client plain = Deployment.client(KEY)) {
            VerificationSession session = client.sessions().create(aSession(reference()));
            client.person(session).upload(ImagePurpose.IMAGE_PURPOSE_DOCUMENT_FRONT, picture);
            List<File> files = client.files().list(session.getId());
            assertEquals(1, files.size());
            File file = files.get(0);
            assertEquals(file, client.files().get(file.getId()));
            assertArrayEquals(picture, client.files().download(file.getId()));
            FileLink link = client.files().createLink(file.getId(), Duration.ofSeconds(10));
            assertTrue(link.getUrl().startsWith("https://"));
            assertThrows(PermissionDeniedException.class, () -> plain.files().download(file.getId()));
            assertThrows(NotFoundException.class, () -> client.files().download(file.getId() + "0"));
            client.sessions().cancel(session.getId());
        }
    }

    @Test
    void aPictureThatIsTooLargeForAMessageIsRefusedOnce() throws IOException {
        try (Client client = Deployment.client(TEST_KEY)) {
            Person person = client.person(client.sessions().create(aSession(reference())));
            var failure = assertThrows(
                    BonafideException.class, () -> person.upload(ImagePurpose.IMAGE_PURPOSE_SELFIE, new byte[30 << 20]));
            assertEquals(OUT_OF_RANGE, failure.code());
            assertEquals("MESSAGE_TOO_LARGE", failure.reason().orElseThrow());
        }
    }

    @Test
    void aDeploymentThatIsNotThereIsUnavailable() throws IOException {
        int port;
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = taken.getLocalPort();
        }
        try (Client client = Client.builder("https://localhost:" + port, "sk_live_key").build()) {
            var failure = assertThrows(UnavailableException.class, () -> client.sessions().get("vs_1"));
            assertTrue(failure.reason().isEmpty());
            assertTrue(failure.getMessage().contains("refused"), failure.getMessage());
        }
    }

    @Test
    void aDeadlineOfAMillisecondPasses() throws IOException {
        try (Client client = Deployment.client(TEST_KEY)) {
            assertThrows(
                    DeadlineExceededException.class,
                    () -> client.sessions().withTimeout(Duration.ofMillis(1)).create(aSession(reference())));
        }
    }
}
