import bonafide.Client;
import bonafide.Person;
import bonafide.identity.v1.CreateVerificationSessionRequest;
import bonafide.identity.v1.DocumentOptions;
import bonafide.identity.v1.ImagePurpose;
import bonafide.identity.v1.VerificationReport;
import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionOptions;
import bonafide.identity.v1.VerificationType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Verifies a person by the pictures of a document and a face. */
public final class Verify {
    private Verify() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 4 || arguments.length > 5) {
            System.err.println("usage: example ADDRESS KEY_FILE DOCUMENT SELFIE [CA_FILE]");
            System.exit(2);
        }
        Client.Builder builder = Client.builder(arguments[0], Files.readString(Path.of(arguments[1])).strip());
        if (arguments.length == 5) {
            builder.trustedCa(Path.of(arguments[4]));
        }
        byte[] document = Files.readAllBytes(Path.of(arguments[2]));
        byte[] selfie = Files.readAllBytes(Path.of(arguments[3]));
        try (Client client = builder.build()) {
            verify(client, document, selfie);
        }
    }

    private static void verify(Client client, byte[] document, byte[] selfie) {
        // The backend opens a session ...
        VerificationSession session = client.sessions()
                .create(CreateVerificationSessionRequest.newBuilder()
                        .setType(VerificationType.VERIFICATION_TYPE_DOCUMENT)
                        .setOptions(VerificationSessionOptions.newBuilder()
                                .setDocument(DocumentOptions.newBuilder().setRequireMatchingSelfie(true)))
                        .build());

        // ... the person uploads and submits with its client secret ...
        Person person = client.person(session);
        person.upload(ImagePurpose.IMAGE_PURPOSE_DOCUMENT_FRONT, document);
        person.upload(ImagePurpose.IMAGE_PURPOSE_SELFIE, selfie);
        person.submit();

        // ... and the backend waits for the outcome and reads the report.
        session = client.sessions().await(session.getId());
        System.out.println(session.getStatus());
        if (session.hasLastError()) {
            System.out.println(session.getLastError().getCode() + " - " + session.getLastError().getReason());
        }
        VerificationReport report = client.reports().get(session.getLastVerificationReport());
        System.out.println(report.getDocument().getFirstName() + " " + report.getDocument().getLastName());
        System.out.printf("similarity %.3f%n", report.getInsights().getSelfie().getSimilarity());
    }
}
