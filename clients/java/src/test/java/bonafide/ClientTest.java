package bonafide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import bonafide.identity.v1.ImagePurpose;
import bonafide.identity.v1.LeaveVerificationSessionResponse;
import bonafide.identity.v1.SubmitVerificationSessionRequest;
import bonafide.identity.v1.SubmitVerificationSessionResponse;
import bonafide.identity.v1.UploadImageRequest;
import bonafide.identity.v1.VerificationErrorCode;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClientTest {
    private static final VerificationSession SESSION =
            VerificationSession.newBuilder().setId("vs_1").setClientSecret("vs_1_secret_hush").build();

    @ParameterizedTest
    @ValueSource(strings = {"http://identity.example", "http://10.0.0.7:1", "http://[2001:db8::1]", "http://localhost.example.com"})
    void noKeyIsSentReadableBeyondLoopback(String address) {
        Client.Builder builder = Client.builder(address, "sk_live_hush");
        String message = assertThrows(IllegalArgumentException.class, builder::build).getMessage();
        assertTrue(message.contains("https://") && !message.contains("hush"), message);
        builder.allowPlaintext().build().close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "sk_live_hush\n", "sk live hush", "sk_live_hüsh"})
    void aKeyThatNoHeaderCarriesIsRefusedAndNotRepeated(String key) {
        var refused = assertThrows(IllegalArgumentException.class, () -> Client.builder("localhost", key));
        assertEquals("the API key has to be of visible ASCII characters, without spaces and line breaks", refused.getMessage());
    }

    @Test
    void aFileOfCasIsReadAtOnce(@TempDir Path folder) throws IOException {
        Client.Builder builder = Client.builder("https://localhost", "sk_test_key");
        assertThrows(UncheckedIOException.class, () -> builder.trustedCa(folder.resolve("missing.pem")));
        Path empty = Files.writeString(folder.resolve("empty.pem"), "");
        assertThrows(IllegalArgumentException.class, () -> builder.trustedCa(empty));
        Path other = Files.writeString(folder.resolve("other.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assertThrows(IllegalArgumentException.class, () -> builder.trustedCa(other));
    }

    @Test
    void nothingThatIsPrintedHoldsASecret() {
        Client.Builder builder = Client.builder("localhost:7", "sk_test_hush");
        assertEquals("Client.Builder[http://localhost:7]", builder.toString());
        try (Client client = builder.build()) {
            assertEquals("Client[http://localhost:7]", client.toString());
            assertEquals("Person[vs_1]", client.person(SESSION).toString());
        }
        assertEquals("***", new Credential("API key", "sk_test_hush").toString());
    }

    @Test
    void aPersonCallsWithTheirClientSecretAlone() {
        try (FakeServer server = new FakeServer();
                Client client = server.client()) {
            server.on("UploadImage", (call, number) -> call.finish(bonafide.identity.v1.File.getDefaultInstance()));
            server.on("SubmitVerificationSession", (call, number) -> call.finish(SubmitVerificationSessionResponse.newBuilder()
                    .setStatus(VerificationSessionStatus.VERIFICATION_SESSION_STATUS_PROCESSING)
                    .build()));
            server.on("LeaveVerificationSession", (call, number) -> call.finish(LeaveVerificationSessionResponse.getDefaultInstance()));
            Person person = client.person(SESSION);
            person.upload(ImagePurpose.IMAGE_PURPOSE_SELFIE, new byte[] {1, 2}, "mine");
            assertEquals(VerificationSessionStatus.VERIFICATION_SESSION_STATUS_PROCESSING, person.submit());
            person.leave(VerificationErrorCode.VERIFICATION_ERROR_CODE_CONSENT_DECLINED);

            var uploaded = server.calls("UploadImage").get(0);
            assertEquals("Bearer vs_1_secret_hush", uploaded.authorization());
            UploadImageRequest upload = (UploadImageRequest) uploaded.request();
            assertEquals("vs_1", upload.getVerificationSession());
            assertEquals("mine", upload.getIdempotencyKey());
            var submit = (SubmitVerificationSessionRequest) server.calls("SubmitVerificationSession").get(0).request();
            assertFalse(submit.getIdempotencyKey().isEmpty());
            assertEquals(1, server.calls("LeaveVerificationSession").size());
        }
    }

    @Test
    void aSessionWithoutAClientSecretHasNoPerson() {
        try (Client client = Client.builder("localhost", "sk_test_key").build()) {
            assertThrows(IllegalArgumentException.class, () -> client.person(VerificationSession.getDefaultInstance()));
        }
    }

    @Test
    void aClientThatIsClosedSaysSo() {
        try (FakeServer server = new FakeServer()) {
            Client client = server.client();
            server.on("GetVerificationSession", (call, number) -> client.close());
            // Of a call that is under way, and of later ones.
            for (int call = 0; call < 2; call++) {
                var failure = assertThrows(CancelledException.class, () -> client.sessions().get("vs_1"));
                assertEquals("the client is closed", failure.getMessage());
            }
            assertThrows(CancelledException.class, () -> client.sessions().watch("vs_1").iterator().hasNext());
            assertThrows(CancelledException.class, () -> client.files().download("file_1"));
            client.close();
            assertEquals(1, server.calls("GetVerificationSession").size());
        }
    }

    @Test
    void aTimeoutIsLongerThanZero() {
        Client.Builder builder = Client.builder("localhost", "sk_test_key");
        assertThrows(IllegalArgumentException.class, () -> builder.timeout(Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> builder.reconnectTimeout(Duration.ZERO));
        Duration longest = Duration.ofSeconds(Long.MAX_VALUE);
        builder.timeout(longest).reconnectTimeout(longest).build().close();
    }

    @Test
    void aCaWithoutTlsIsAMistake(@TempDir Path folder) throws Exception {
        // Any certificate will do: one of those that Java trusts.
        var store = javax.net.ssl.TrustManagerFactory.getInstance(javax.net.ssl.TrustManagerFactory.getDefaultAlgorithm());
        store.init((java.security.KeyStore) null);
        var issuers = ((javax.net.ssl.X509TrustManager) store.getTrustManagers()[0]).getAcceptedIssuers();
        String pem = "-----BEGIN CERTIFICATE-----\n"
                + java.util.Base64.getMimeEncoder().encodeToString(issuers[0].getEncoded()) + "\n-----END CERTIFICATE-----\n";
        Path ca = Files.writeString(folder.resolve("ca.pem"), pem);
        Client.builder("https://localhost", "sk_test_key").trustedCa(ca).build().close();
        Client.Builder plain = Client.builder("http://localhost", "sk_test_key").trustedCa(ca);
        assertThrows(IllegalArgumentException.class, plain::build);
    }
}
