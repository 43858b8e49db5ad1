package bonafide

import (
	"context"

	"bonafide/identity"
)

// TestHelpers are the calls of test mode, for test keys: outcomes that are chosen instead of found.
type TestHelpers struct {
	caller *caller
	client identity.TestHelperServiceClient
}

// Simulate chooses how a session that requires input ends, and submits it in the person's place: verified, or with the error of the
// request.
func (t *TestHelpers) Simulate(
	ctx context.Context, request *identity.SimulateVerificationRequest,
) (*identity.VerificationSession, error) {
	request = copied(request)
	request.IdempotencyKey = keyOr(request.IdempotencyKey)
	return call(ctx, t.caller, t.client.SimulateVerification, request)
}
