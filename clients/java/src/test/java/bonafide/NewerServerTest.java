package bonafide;

import static org.junit.jupiter.api.Assertions.assertEquals;

import bonafide.identity.v1.VerificationSession;
import bonafide.identity.v1.VerificationSessionStatus;
import com.google.protobuf.UnknownFieldSet;
import org.junit.jupiter.api.Test;

class NewerServerTest {
    private static final VerificationSession SESSION = VerificationSession.newBuilder()
            .setId("vs_1")
            .setStatusValue(99)
            .setUnknownFields(UnknownFieldSet.newBuilder()
                    .addField(9999, UnknownFieldSet.Field.newBuilder().addVarint(7).build())
                    .build())
            .build();

    @Test
    void whatIsNotKnownBreaksNothing() {
        try (FakeServer server = new FakeServer();
                Client client = server.client()) {
            server.on("GetVerificationSession", (call, number) -> call.finish(SESSION));
            server.on("WatchVerificationSession", (call, number) -> call.send(SESSION));
            VerificationSession read = client.sessions().get("vs_1");
            assertEquals("vs_1", read.getId());
            assertEquals(VerificationSessionStatus.UNRECOGNIZED, read.getStatus());
            assertEquals(99, read.getStatusValue());
            // It is neither processing nor waiting for a submission.
            assertEquals(99, client.sessions().await("vs_1").getStatusValue());
        }
    }
}
