package bonafide;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import bonafide.identity.v1.CreateFileLinkRequest;
import bonafide.identity.v1.DownloadFileResponse;
import bonafide.identity.v1.File;
import bonafide.identity.v1.FileLink;
import com.google.protobuf.ByteString;
import io.grpc.Status;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FilesTest {
    private static final String DOWNLOAD = "DownloadFile";

    private final FakeServer server = new FakeServer();
    private final Client client = server.client();

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    private static DownloadFileResponse size(long size) {
        return DownloadFileResponse.newBuilder().setFile(File.newBuilder().setSize(size)).build();
    }

    private static DownloadFileResponse data(String data) {
        return DownloadFileResponse.newBuilder().setData(ByteString.copyFromUtf8(data)).build();
    }

    @Test
    void partsAreOnePicture() {
        server.on(DOWNLOAD, (call, number) -> {
            call.send(size(6));
            call.send(data("abc"));
            call.finish(data("def"));
        });
        assertArrayEquals("abcdef".getBytes(), client.files().download("file_1"));
        assertTrue(server.calls(DOWNLOAD).get(0).millisLeft() <= 60_000);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 5, 7})
    void aPictureThatIsNotWholeIsAnError(long said) {
        server.on(DOWNLOAD, (call, number) -> {
            call.send(size(said));
            call.finish(data("abcdef"));
        });
        assertThrows(DataLossException.class, () -> client.files().download("file_1"));
        assertEquals(1, server.calls(DOWNLOAD).size());
    }

    @Test
    void anAnswerWithoutAPictureIsAnError() {
        server.on(DOWNLOAD, (call, number) -> call.end());
        assertThrows(DataLossException.class, () -> client.files().download("file_1"));
    }

    @Test
    void aDownloadThatBreaksBeginsAnew() {
        server.on(DOWNLOAD, (call, number) -> {
            call.send(size(3));
            if (number == 0) {
                call.send(data("ab"));
                call.fail(FakeServer.unavailable());
            } else {
                call.finish(data("abc"));
            }
        });
        assertArrayEquals("abc".getBytes(), client.files().download("file_1"));
    }

    @Test
    void aDownloadThatIsRefusedIsNotTriedAgain() {
        server.on(DOWNLOAD, (call, number) -> call.fail(FakeServer.error(Status.Code.NOT_FOUND, "FILE_NOT_FOUND")));
        assertThrows(NotFoundException.class, () -> client.files().download("file_1"));
        assertEquals(1, server.calls(DOWNLOAD).size());
    }

    @Test
    void aLinkLivesAsLongAsIsAsked() {
        server.on("CreateFileLink", (call, number) -> call.finish(FileLink.getDefaultInstance()));
        client.files().createLink("file_1");
        client.files().createLink("file_1", Duration.ofMillis(2500));
        var links = server.calls("CreateFileLink").stream().map(call -> (CreateFileLinkRequest) call.request()).toList();
        assertTrue(!links.get(0).hasLifetime());
        assertEquals(2, links.get(1).getLifetime().getSeconds());
        assertEquals(500_000_000, links.get(1).getLifetime().getNanos());
    }
}
