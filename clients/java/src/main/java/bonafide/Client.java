package bonafide;

import bonafide.identity.v1.VerificationSession;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Calls a deployment with one API key. Make one and share it among all threads: it keeps its connection, which it opens with the first
 * call.
 *
 * <p>Calls block. Each has a deadline: 10 seconds, 60 when it carries a picture, or the timeout that is given to the client or to a
 * group of calls. Within it a call is sent again, up to four times, when the server is not available or asks for it. Every call that
 * changes something has an idempotency key, so that it is done once. What fails throws a {@link BonafideException}.
 */
public final class Client implements AutoCloseable {
    /** How often an idle connection is looked after while a call waits, such as a watch. */
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(30);

    /** Of an error with all violations of a request; 8 KiB are usual. */
    private static final int LARGEST_METADATA = 64 << 10;

    private static final Duration LONGEST_CLOSE = Duration.ofSeconds(5);

    private final ServerAddress address;
    private final ManagedChannel channel;
    private final Caller caller;

    private Client(ServerAddress address, ManagedChannel channel, Caller caller) {
        this.address = address;
        this.channel = channel;
        this.caller = caller;
    }

    /**
     * Begins a client.
     *
     * @param address {@code https://host:port}, or {@code http://host:port} on this machine. Without a scheme a host of loopback is
     *     called without TLS and others with it; without a port it is 50051.
     * @param apiKey as {@code sk_live_…}, without a line break
     */
    public static Builder builder(String address, String apiKey) {
        return new Builder(address, apiKey);
    }

    /** The calls about sessions. */
    public Sessions sessions() {
        return new Sessions(caller);
    }

    /** The calls about reports. */
    public Reports reports() {
        return new Reports(caller);
    }

    /** The calls about pictures that were collected; they need a restricted key. */
    public Files files() {
        return new Files(caller);
    }

    /** The calls of test mode; they need a test key. */
    public TestHelpers testHelpers() {
        return new TestHelpers(caller);
    }

    /**
     * What the person does whose session this is, authorized by its client secret alone.
     *
     * @param session as it was created or read
     * @throws IllegalArgumentException when it has no client secret, for it was listed or requires no input
     */
    public Person person(VerificationSession session) {
        if (!session.hasClientSecret()) {
            throw new IllegalArgumentException("the session has no client secret: read it, and while it requires input");
        }
        Credential secret = new Credential("client secret", session.getClientSecret());
        return new Person(caller.with(secret), session.getId());
    }

    /** Ends the connection. Calls that are under way and later ones throw a {@link CancelledException}. */
    @Override
    public void close() {
        channel.shutdownNow();
        try {
            channel.awaitTermination(LONGEST_CLOSE.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return "Client[" + address + "]";
    }

    /** What a client is made of. */
    public static final class Builder {
        private final ServerAddress address;
        private final Credential apiKey;
        private byte[] trusted;
        private Duration timeout;
        private Duration reconnectTimeout = Timeouts.RECONNECT;
        private boolean allowsPlaintext;

        private Builder(String address, String apiKey) {
            this.address = ServerAddress.parse(address);
            this.apiKey = new Credential("API key", apiKey);
        }

        /**
         * Trusts the CAs of this file instead of those that Java trusts.
         *
         * @param pem certificates in PEM; the file is read at once
         * @throws UncheckedIOException when it cannot be read
         * @throws IllegalArgumentException when it has no certificates
         */
        public Builder trustedCa(Path pem) {
            try {
                trusted = java.nio.file.Files.readAllBytes(pem);
                if (CertificateFactory.getInstance("X.509")
                        .generateCertificates(new ByteArrayInputStream(trusted))
                        .isEmpty()) {
                    throw new IllegalArgumentException(pem + " has no certificates");
                }
            } catch (IOException failure) {
                throw new UncheckedIOException("cannot read " + pem, failure);
            } catch (CertificateException failure) {
                throw new IllegalArgumentException(pem + " has no certificates in PEM", failure);
            }
            return this;
        }

        /** How long each call may take, uploads and downloads too; watches and {@link Sessions#await} have their own. */
        public Builder timeout(Duration timeout) {
            this.timeout = Timeouts.checked(timeout);
            return this;
        }

        /** How long a watch goes on without an answer while the deployment is away, instead of 5 minutes. */
        public Builder reconnectTimeout(Duration timeout) {
            this.reconnectTimeout = Timeouts.checked(timeout);
            return this;
        }

        /** Allows {@code http://} beyond this machine, where something else protects the network: the key crosses it readable. */
        public Builder allowPlaintext() {
            allowsPlaintext = true;
            return this;
        }

        /**
         * Makes the client, without a connection yet.
         *
         * @throws IllegalArgumentException when the key would cross a network readable, or a CA is given for an address without TLS
         */
        public Client build() {
            if (!address.tls() && !address.isLoopback() && !allowsPlaintext) {
                throw new IllegalArgumentException("no key is sent to " + address
                        + " without TLS: use https://, or allowPlaintext() where something else protects the network");
            }
            if (!address.tls() && trusted != null) {
                throw new IllegalArgumentException("a CA is given, and " + address + " has no TLS: use https://");
            }
            ManagedChannel channel = Grpc.newChannelBuilderForAddress(address.host(), address.port(), channelCredentials())
                    .userAgent("bonafide-java")
                    .disableRetry()
                    .disableServiceConfigLookUp()
                    .keepAliveTime(KEEP_ALIVE.toSeconds(), TimeUnit.SECONDS)
                    .maxInboundMetadataSize(LARGEST_METADATA)
                    .build();
            return new Client(address, channel, new Caller(channel, apiKey, timeout, reconnectTimeout));
        }

        private ChannelCredentials channelCredentials() {
            if (!address.tls()) {
                return InsecureChannelCredentials.create();
            }
            TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
            if (trusted != null) {
                try {
                    tls.trustManager(new ByteArrayInputStream(trusted));
                } catch (IOException impossible) {
                    throw new UncheckedIOException(impossible);
                }
            }
            return tls.build();
        }

        @Override
        public String toString() {
            return "Client.Builder[" + address + "]";
        }
    }
}
