package bonafide;

import bonafide.identity.v1.CaptureServiceGrpc;
import bonafide.identity.v1.File;
import bonafide.identity.v1.ImagePurpose;
import bonafide.identity.v1.LeaveVerificationSessionRequest;
import bonafide.identity.v1.SubmitVerificationSessionRequest;
import bonafide.identity.v1.UploadImageRequest;
import bonafide.identity.v1.VerificationErrorCode;
import bonafide.identity.v1.VerificationSessionStatus;
import com.google.protobuf.UnsafeByteOperations;
import java.time.Duration;

/** What a person does in their session, authorized by its client secret. Safe for use by several threads. */
public final class Person {
    private final Caller caller;
    private final String session;

    Person(Caller caller, String session) {
        this.caller = caller;
        this.session = session;
    }

    /** The same calls, each of which may take this long, retries included. */
    public Person withTimeout(Duration timeout) {
        return new Person(caller.with(timeout), session);
    }

    /** Stores a picture, replacing the one of the same purpose: a JPEG, PNG or WebP file of 10 MiB at most. */
    public File upload(ImagePurpose purpose, byte[] picture) {
        return upload(purpose, picture, IdempotencyKeys.random());
    }

    /** The same under an idempotency key of the caller's. */
    public File upload(ImagePurpose purpose, byte[] picture, String idempotencyKey) {
        UploadImageRequest request = UploadImageRequest.newBuilder()
                .setVerificationSession(session)
                .setPurpose(purpose)
                // Not copied: it is sent before this returns.
                .setData(UnsafeByteOperations.unsafeWrap(picture))
                .setIdempotencyKey(idempotencyKey)
                .build();
        return caller.call(CaptureServiceGrpc.getUploadImageMethod(), request, Timeouts.TRANSFER);
    }

    /** Hands the session over to the checks. */
    public VerificationSessionStatus submit() {
        return submit(IdempotencyKeys.random());
    }

    /** The same under an idempotency key of the caller's. */
    public VerificationSessionStatus submit(String idempotencyKey) {
        SubmitVerificationSessionRequest request = SubmitVerificationSessionRequest.newBuilder()
                .setVerificationSession(session)
                .setIdempotencyKey(idempotencyKey)
                .build();
        return caller.call(CaptureServiceGrpc.getSubmitVerificationSessionMethod(), request).getStatus();
    }

    /** Tells why the person leaves without submitting: consent declined, or device not supported. */
    public VerificationSessionStatus leave(VerificationErrorCode error) {
        return leave(error, IdempotencyKeys.random());
    }

    /** The same under an idempotency key of the caller's. */
    public VerificationSessionStatus leave(VerificationErrorCode error, String idempotencyKey) {
        LeaveVerificationSessionRequest request = LeaveVerificationSessionRequest.newBuilder()
                .setVerificationSession(session)
                .setError(error)
                .setIdempotencyKey(idempotencyKey)
                .build();
        return caller.call(CaptureServiceGrpc.getLeaveVerificationSessionMethod(), request).getStatus();
    }

    @Override
    public String toString() {
        return "Person[" + session + "]";
    }
}
