package bonafide;

import io.grpc.Status;
import java.security.cert.CertificateException;
import javax.net.ssl.SSLException;

/** Says in a sentence that helps why there is no connection. */
final class ConnectionFailure {
    private ConnectionFailure() {}

    /** What the server said or, where none answered, why. */
    static String description(Status status) {
        String said = status.getDescription();
        if (status.getCause() == null) {
            return said == null || said.isEmpty() ? "no description was given" : said;
        }
        // In further lines gRPC tells what its connection is made of.
        String happened = said == null ? status.getCode().toString() : said.lines().findFirst().orElse("");
        return happened + ": " + cause(status.getCause());
    }

    private static String cause(Throwable failure) {
        Throwable root = failure;
        boolean certificate = false;
        boolean tls = false;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            certificate |= cause instanceof CertificateException;
            tls |= cause instanceof SSLException;
            root = cause;
        }
        String message = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        if (certificate) {
            return "the server's certificate is not one that a trusted CA gave to this host (" + message + ")";
        }
        if (message.startsWith("First received frame was not SETTINGS")) {
            return "what answers there is no gRPC server, or one with TLS, which is called at https://";
        }
        return tls ? "no TLS with the server (" + message + ")" : message;
    }
}
