package bonafide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerAddressTest {
    @ParameterizedTest
    @CsvSource({
        "https://identity.example:443, https://identity.example:443",
        "https://identity.example/, https://identity.example:50051",
        "HTTPS://identity.example, https://identity.example:50051",
        "http://127.0.0.1:1, http://127.0.0.1:1",
        "identity.example, https://identity.example:50051",
        "session-svc:8443, https://session-svc:8443",
        "10.0.0.7, https://10.0.0.7:50051",
        "localhost, http://localhost:50051",
        "LOCALHOST:7, http://LOCALHOST:7",
        "127.9.9.9:7, http://127.9.9.9:7",
        "127.0.0.1.example.com, https://127.0.0.1.example.com:50051",
        "localhost.example.com, https://localhost.example.com:50051",
        "[::1]:7, http://[::1]:7",
        "[::1], http://[::1]:50051",
        "[2001:db8::1], https://[2001:db8::1]:50051",
    })
    void whatIsLeftOutIsFilledIn(String given, String read) {
        assertEquals(read, ServerAddress.parse(given).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "https://", "ftp://host", "https://host:0", "https://host:65536", "https://host:port", "https://host/path",
        "https://key@host", "https://host?query", "::1", "a b", "host,other", "https://host:1\n"})
    void whatIsNoAddressIsRefused(String given) {
        assertThrows(IllegalArgumentException.class, () -> ServerAddress.parse(given));
    }
}
