package bonafide

import (
	"context"
	"iter"

	"bonafide/identity"
)

// Sessions are the calls about verification sessions. Those that answer a session while it requires input answer its client secret, too:
// hand it to the person's device, and print no such session.
type Sessions struct {
	caller *caller
	client identity.VerificationSessionServiceClient
}

// Create opens a session.
func (s *Sessions) Create(
	ctx context.Context, request *identity.CreateVerificationSessionRequest,
) (*identity.VerificationSession, error) {
	request = copied(request)
	request.IdempotencyKey = keyOr(request.IdempotencyKey)
	return call(ctx, s.caller, s.client.CreateVerificationSession, request)
}

// Get reads a session, and what expand names: last_verification_report, verified_outputs; with a restricted key also verified_outputs.dob
// and verified_outputs.id_number.
func (s *Sessions) Get(ctx context.Context, session string, expand ...string) (*identity.VerificationSession, error) {
	request := &identity.GetVerificationSessionRequest{VerificationSession: session, Expand: expand}
	return call(ctx, s.caller, s.client.GetVerificationSession, request)
}

// List answers one page of the account's sessions, newest first.
func (s *Sessions) List(
	ctx context.Context, request *identity.ListVerificationSessionsRequest,
) (*identity.ListVerificationSessionsResponse, error) {
	return call(ctx, s.caller, s.client.ListVerificationSessions, copied(request))
}

// All are the sessions of all pages from the one that the request asks for: newest first, or, where it says ending_before, oldest first. An
// error is the last that is yielded.
//
// Each page is a call of its own; a deadline of the context is that of all of them.
func (s *Sessions) All(
	ctx context.Context, request *identity.ListVerificationSessionsRequest,
) iter.Seq2[*identity.VerificationSession, error] {
	return func(yield func(*identity.VerificationSession, error) bool) {
		request := copied(request)
		turnPages(yield, &request.Limit, &request.StartingAfter, &request.EndingBefore, func() (page[*identity.VerificationSession], error) {
			return s.List(ctx, request)
		})
	}
}

// Update sets parts of a session: metadata until a redaction begins, the rest while it requires input.
func (s *Sessions) Update(
	ctx context.Context, request *identity.UpdateVerificationSessionRequest,
) (*identity.VerificationSession, error) {
	request = copied(request)
	request.IdempotencyKey = keyOr(request.IdempotencyKey)
	return call(ctx, s.caller, s.client.UpdateVerificationSession, request)
}

// Cancel ends a session that requires input, for good.
func (s *Sessions) Cancel(ctx context.Context, session string, options ...CallOption) (*identity.VerificationSession, error) {
	request := &identity.CancelVerificationSessionRequest{VerificationSession: session, IdempotencyKey: idempotencyKey(options)}
	return call(ctx, s.caller, s.client.CancelVerificationSession, request)
}

// Redact removes for good what is personal, in the session, its reports and its events, and the pictures. It has ended when the session's
// redaction is redacted, for which [Sessions.Watch] waits.
func (s *Sessions) Redact(ctx context.Context, session string, options ...CallOption) (*identity.VerificationSession, error) {
	request := &identity.RedactVerificationSessionRequest{VerificationSession: session, IdempotencyKey: idempotencyKey(options)}
	return call(ctx, s.caller, s.client.RedactVerificationSession, request)
}
