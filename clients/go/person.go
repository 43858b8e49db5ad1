package bonafide

import (
	"context"

	"bonafide/identity"
)

// Person calls in the place of a person's device, about one session. [Client.Person] makes it.
type Person struct {
	caller  *caller
	client  identity.CaptureServiceClient
	session string
}

// Upload stores a picture, replacing the one of the same purpose: a JPEG, PNG or WebP file as the camera wrote it, of 10 MiB at most.
func (p *Person) Upload(
	ctx context.Context, purpose identity.ImagePurpose, data []byte, options ...CallOption,
) (*identity.File, error) {
	request := &identity.UploadImageRequest{
		VerificationSession: p.session,
		Purpose:             purpose,
		Data:                data,
		IdempotencyKey:      idempotencyKey(options),
	}
	return callWithin(ctx, p.caller, transferTimeout, p.client.UploadImage, request)
}

// Submit hands the session over to the checks, and answers its status.
func (p *Person) Submit(ctx context.Context, options ...CallOption) (identity.VerificationSessionStatus, error) {
	request := &identity.SubmitVerificationSessionRequest{VerificationSession: p.session, IdempotencyKey: idempotencyKey(options)}
	answer, err := call(ctx, p.caller, p.client.SubmitVerificationSession, request)
	return answer.GetStatus(), err
}

// Leave tells why the person leaves without submitting, consent_declined or device_not_supported, and answers the session's status.
func (p *Person) Leave(
	ctx context.Context, why identity.VerificationErrorCode, options ...CallOption,
) (identity.VerificationSessionStatus, error) {
	request := &identity.LeaveVerificationSessionRequest{
		VerificationSession: p.session,
		Error:               why,
		IdempotencyKey:      idempotencyKey(options),
	}
	answer, err := call(ctx, p.caller, p.client.LeaveVerificationSession, request)
	return answer.GetStatus(), err
}

// String says whose session it is, by its id.
func (p *Person) String() string {
	return "bonafide.Person(" + p.session + ")"
}

// GoString says the same as String.
func (p *Person) GoString() string {
	return p.String()
}
