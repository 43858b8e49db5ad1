package bonafide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import bonafide.identity.v1.CreateVerificationSessionRequest;
import bonafide.identity.v1.DownloadFileResponse;
import bonafide.identity.v1.File;
import bonafide.identity.v1.ImagePurpose;
import bonafide.identity.v1.ListVerificationReportsRequest;
import bonafide.identity.v1.ListVerificationSessionsRequest;
import bonafide.identity.v1.SimulateVerificationRequest;
import bonafide.identity.v1.UpdateVerificationSessionRequest;
import bonafide.identity.v1.VerificationErrorCode;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionStatus;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** There is a method for every call of the contract, with everything that its request has. */
class ContractTest {
    private static final Path CONTRACT = Path.of("../../proto/proto/bonafide/identity/v1");
    private static final Pattern CALL = Pattern.compile("^ *rpc (\\w+)\\(", Pattern.MULTILINE);

    /** Those whose requests the caller makes. */
    private static final Set<String> BY_MESSAGE = Set.of(
            "CreateVerificationSession",
            "UpdateVerificationSession",
            "ListVerificationSessions",
            "ListVerificationReports",
            "SimulateVerification");

    @Test
    void everyCallCanBeMadeWithEveryField() throws IOException {
        Set<String> contract = new TreeSet<>();
        try (Stream<Path> files = Files.list(CONTRACT)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                CALL.matcher(Files.readString(file)).results().forEach(call -> contract.add(call.group(1)));
            }
        }
        try (FakeServer server = new FakeServer();
                Client client = server.client()) {
            FakeServer.methods().forEach(method -> server.on(method.getBareMethodName(), (call, number) -> call.finish(answer(method))));
            makeEveryCall(client);
            Set<String> made = new TreeSet<>();
            FakeServer.methods().map(MethodDescriptor::getBareMethodName).forEach(name -> {
                for (FakeServer.Received call : server.calls(name)) {
                    made.add(name);
                    assertNotNull(call.millisLeft(), name);
                    if (!BY_MESSAGE.contains(name)) {
                        var fields = new HashSet<>(call.request().getDescriptorForType().getFields());
                        assertEquals(fields, call.request().getAllFields().keySet(), name);
                    }
                }
            });
            assertEquals(contract, made);
        }
    }

    private static void makeEveryCall(Client client) {
        Sessions sessions = client.sessions();
        sessions.create(CreateVerificationSessionRequest.getDefaultInstance());
        sessions.get("vs_1", "verified_outputs");
        sessions.list(ListVerificationSessionsRequest.getDefaultInstance());
        sessions.update(UpdateVerificationSessionRequest.getDefaultInstance());
        sessions.cancel("vs_1", "key");
        sessions.redact("vs_1", "key");
        sessions.await("vs_1");
        client.reports().get("vr_1");
        client.reports().list(ListVerificationReportsRequest.getDefaultInstance());
        client.files().get("file_1");
        client.files().list("vs_1");
        client.files().download("file_1");
        client.files().createLink("file_1", Duration.ofMillis(1500));
        client.testHelpers().simulate(SimulateVerificationRequest.getDefaultInstance());
        Person person = client.person(VerificationSession.newBuilder().setId("vs_1").setClientSecret("hush").build());
        person.upload(ImagePurpose.IMAGE_PURPOSE_SELFIE, new byte[] {1}, "key");
        person.submit("key");
        person.leave(VerificationErrorCode.VERIFICATION_ERROR_CODE_CONSENT_DECLINED, "key");
    }

    /** What a call can end with. */
    private static Message answer(MethodDescriptor<?, ?> method) {
        return switch (method.getBareMethodName()) {
            case "WatchVerificationSession" -> VerificationSession.newBuilder()
                    .setStatus(VerificationSessionStatus.VERIFICATION_SESSION_STATUS_CANCELED)
                    .build();
            case "DownloadFile" -> DownloadFileResponse.newBuilder()
                    .setFile(File.newBuilder().setSize(1))
                    .setData(ByteString.copyFrom(new byte[] {1}))
                    .build();
            default -> {
                var answers = (MethodDescriptor.PrototypeMarshaller<?>) method.getResponseMarshaller();
                yield (Message) answers.getMessagePrototype();
            }
        };
    }
}
