package bonafide;

import bonafide.identity.v1.CreateFileLinkRequest;
import bonafide.identity.v1.DownloadFileRequest;
import bonafide.identity.v1.DownloadFileResponse;
import bonafide.identity.v1.File;
import bonafide.identity.v1.FileLink;
import bonafide.identity.v1.FileServiceGrpc;
import bonafide.identity.v1.GetFileRequest;
import bonafide.identity.v1.ListFilesRequest;
import io.grpc.Deadline;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.List;

/** The calls about pictures that were collected. They need a restricted key. Safe for use by several threads. */
public final class Files {
    private final Caller caller;

    Files(Caller caller) {
        this.caller = caller;
    }

    /** The same calls, each of which may take this long, retries included. */
    public Files withTimeout(Duration timeout) {
        return new Files(caller.with(timeout));
    }

    /** Reads what is known of a picture. */
    public File get(String file) {
        GetFileRequest request = GetFileRequest.newBuilder().setFile(file).build();
        return caller.call(FileServiceGrpc.getGetFileMethod(), request);
    }

    /** The pictures of a session, all of them. */
    public List<File> list(String session) {
        ListFilesRequest request = ListFilesRequest.newBuilder().setVerificationSession(session).build();
        return caller.call(FileServiceGrpc.getListFilesMethod(), request).getDataList();
    }

    /**
     * A picture as it was uploaded, whole.
     *
     * @throws DataLossException when it did not arrive whole
     */
    public byte[] download(String file) {
        DownloadFileRequest request = DownloadFileRequest.newBuilder().setFile(file).build();
        return caller.retrying(Timeouts.TRANSFER, deadline -> download(request, deadline));
    }

    private byte[] download(DownloadFileRequest request, Deadline deadline) {
        try (ServerStream<DownloadFileResponse> call = caller.open(FileServiceGrpc.getDownloadFileMethod(), request, deadline)) {
            DownloadFileResponse part = call.next();
            long size = part == null ? 0 : part.getFile().getSize();
            ByteArrayOutputStream picture = new ByteArrayOutputStream();
            for (; part != null; part = call.next()) {
                picture.writeBytes(part.getData().toByteArray());
                if (picture.size() > size) {
                    break;
                }
            }
            if (picture.size() != size || size == 0) {
                throw BonafideException.of(Failure.here(Status.Code.DATA_LOSS, "the picture did not arrive whole"));
            }
            return picture.toByteArray();
        }
    }

    /** Makes an address at which a picture is read without a key for 30 seconds, by everybody who has it. */
    public FileLink createLink(String file) {
        return createLink(CreateFileLinkRequest.newBuilder().setFile(file).build());
    }

    /** The same for {@code lifetime}, which is 30 seconds at most. */
    public FileLink createLink(String file, Duration lifetime) {
        com.google.protobuf.Duration seconds = com.google.protobuf.Duration.newBuilder()
                .setSeconds(lifetime.getSeconds())
                .setNanos(lifetime.getNano())
                .build();
        return createLink(CreateFileLinkRequest.newBuilder().setFile(file).setLifetime(seconds).build());
    }

    private FileLink createLink(CreateFileLinkRequest request) {
        return caller.call(FileServiceGrpc.getCreateFileLinkMethod(), request);
    }
}
