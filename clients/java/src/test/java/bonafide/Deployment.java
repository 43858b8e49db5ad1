package bonafide;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The deployment that live tests are run against, as the variables of clients/README.md name it. */
final class Deployment {
    private Deployment() {}

    static void require() {
        assumeTrue(!variable("BONAFIDE_ADDRESS").isEmpty(), "skipped: it needs a deployment, and BONAFIDE_ADDRESS is not set");
    }

    static String variable(String name) {
        return System.getenv().getOrDefault(name, "");
    }

    static Path path(String name) {
        return Path.of(variable(name));
    }

    static byte[] picture(String name) throws IOException {
        return Files.readAllBytes(path(name));
    }

    /** A client with the key of this file. */
    static Client client(String keyFile) throws IOException {
        return builder(key(keyFile)).build();
    }

    static Client.Builder builder(String key) {
        Client.Builder builder = Client.builder(variable("BONAFIDE_ADDRESS"), key);
        return variable("BONAFIDE_CA").isEmpty() ? builder : builder.trustedCa(path("BONAFIDE_CA"));
    }

    static String key(String keyFile) throws IOException {
        return Files.readString(path(keyFile)).strip();
    }
}
