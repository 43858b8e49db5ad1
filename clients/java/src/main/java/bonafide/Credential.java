package bonafide;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import java.util.concurrent.Executor;

/** What a call is authorized by: an API key or a client secret. Prints as {@code ***}. */
final class Credential extends CallCredentials {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final String secret;

    /**
     * @param name what it is, for the error
     * @throws IllegalArgumentException when no header can carry it
     */
    Credential(String name, String secret) {
        if (secret.isEmpty() || !secret.chars().allMatch(character -> character > ' ' && character < 0x7f)) {
            throw new IllegalArgumentException(
                    "the " + name + " has to be of visible ASCII characters, without spaces and line breaks");
        }
        this.secret = secret;
    }

    /** {@code text} without the secret. */
    String hide(String text) {
        return text.replace(secret, "***");
    }

    @Override
    public void applyRequestMetadata(RequestInfo request, Executor executor, MetadataApplier applier) {
        Metadata headers = new Metadata();
        headers.put(AUTHORIZATION, "Bearer " + secret);
        applier.apply(headers);
    }

    @Override
    public String toString() {
        return "***";
    }
}
