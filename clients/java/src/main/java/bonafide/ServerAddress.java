package bonafide;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a deployment is called.
 *
 * @param host a name or an IP address, one of IPv6 without brackets
 * @param tls whether connections are protected
 */
record ServerAddress(String host, int port, boolean tls) {
    private static final int USUAL_PORT = 50051;

    private static final Pattern FORM = Pattern.compile(
            "(?:(?<scheme>https?)://)?(?<host>\\[[0-9a-f:.]+]|[\\w.-]+)(?::(?<port>\\d{1,5}))?/?", Pattern.CASE_INSENSITIVE);

    // What is out of range is a name, and somebody may give it an address.
    private static final Pattern LOOPBACK_IPV4 =
            Pattern.compile("127(?:\\.(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){3}");

    /**
     * Reads {@code https://host:port} or {@code http://host:port}. Without a scheme loopback is called without TLS, and others with it.
     *
     * @throws IllegalArgumentException when it is no such address
     */
    static ServerAddress parse(String address) {
        Matcher form = FORM.matcher(address);
        if (!form.matches()) {
            throw malformed(address);
        }
        int port = form.group("port") == null ? USUAL_PORT : Integer.parseInt(form.group("port"));
        if (port < 1 || port > 0xffff) {
            throw malformed(address);
        }
        String host = form.group("host");
        if (host.startsWith("[")) {
            host = host.substring(1, host.length() - 1);
        }
        String scheme = form.group("scheme");
        boolean tls = scheme == null ? !isLoopback(host) : scheme.equalsIgnoreCase("https");
        return new ServerAddress(host, port, tls);
    }

    private static IllegalArgumentException malformed(String address) {
        if (address.indexOf('@') >= 0) {
            // Not repeated: there is a password in it.
            return new IllegalArgumentException("an address has no user and no password");
        }
        return new IllegalArgumentException(
                "\"" + address + "\" is not an address such as https://identity.example:50051 or http://127.0.0.1:50051");
    }

    /** Whether what is sent there stays on this machine. */
    boolean isLoopback() {
        return isLoopback(host);
    }

    private static boolean isLoopback(String host) {
        if (host.indexOf(':') >= 0) {
            try {
                // What has colons is no name, so nothing is looked up.
                return InetAddress.getByName(host).isLoopbackAddress();
            } catch (UnknownHostException malformed) {
                return false;
            }
        }
        return host.equalsIgnoreCase("localhost") || LOOPBACK_IPV4.matcher(host).matches();
    }

    /** As it was given, with what was left out. */
    @Override
    public String toString() {
        return (tls ? "https://" : "http://") + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
