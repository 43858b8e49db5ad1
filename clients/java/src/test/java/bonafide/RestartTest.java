package bonafide;

import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_REQUIRES_INPUT;
import static bonafide.identity.v1.VerificationSessionStatus.VERIFICATION_SESSION_STATUS_VERIFIED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import bonafide.identity.v1.CreateVerificationSessionRequest;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationType;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A deployment of its own that is killed and started again. */
@Timeout(120)
class RestartTest {
    /** {@code bonafide up} on loopback, from when it is ready until it is killed. */
    private static final class Running implements AutoCloseable {
        private final Process process;
        private String address;

        Running(Path program, String listen, Path data) throws IOException {
            process = new ProcessBuilder(program.toString(), "up", "--listen", listen, "--data", data.toString())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            BufferedReader said = process.inputReader();
            for (String line = said.readLine(); line != null && !line.startsWith("ready"); line = said.readLine()) {
                if (line.startsWith("listening on ")) {
                    address = line.substring("listening on ".length());
                }
            }
        }

        String listen() {
            return address.replaceFirst("^https?://", "");
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }

    @Test
    void aWatchOutlastsARestart(@TempDir Path data) throws IOException {
        Deployment.require();
        Path programs = Path.of(System.getenv().getOrDefault("PROGRAMS", "../../target/release"));
        Path program = programs.resolve("bonafide");
        assumeTrue(Files.isExecutable(program), "skipped: there is no bonafide to start");


        Running first = new Running(program, "127.0.0.1:0", data);
        String listen = first.listen();
        String key = Files.readString(data.resolve("keys/test_api_key")).strip();
        try (Client client = Client.builder("http://" + listen, key).build()) {
            VerificationSession session = client.sessions()
                    .create(CreateVerificationSessionRequest.newBuilder()
                            .setType(VerificationType.VERIFICATION_TYPE_DOCUMENT)
                            .build());
            try (Watch watch = client.sessions().watch(session.getId())) {
                Iterator<VerificationSession> changes = watch.iterator();
                assertEquals(VERIFICATION_SESSION_STATUS_REQUIRES_INPUT, changes.next().getStatus());
                first.close();
                try (Running second = new Running(program, listen, data)) {
                    client.testHelpers().simulate(session.getId());
                    VerificationSession next = changes.next();
                    while (next.getStatus() != VERIFICATION_SESSION_STATUS_VERIFIED) {
                        next = changes.next();
                    }
                }
            }
        } finally {
            first.close();
        }
    }
}
