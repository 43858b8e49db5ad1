package bonafide

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"bonafide/identity"
)

// Watch yields a session as it is, and again after each change, until it is canceled or its redaction is done. It has no deadline but the context's. A
// connection that breaks, or that the server ends for its age, is replaced, and what was yielded is not yielded again; where the deployment
// stays away the watch ends, as a call does after its retries.
//
// An error is the last that is yielded, also that of a context that ends.
func (s *Sessions) Watch(ctx context.Context, session string) iter.Seq2[*identity.VerificationSession, error] {
	return func(yield func(*identity.VerificationSession, error) bool) {
		(&watch{sessions: s, session: session, yield: yield}).run(ctx)
	}
}

// Wait answers the session when its checks have ended: when it is neither processing nor waiting for a first submission. Where the context
// has no deadline it waits for 120 seconds.
//
// It answers at once where an attempt failed and the person may try again. Whoever wants the outcome of that has to wait after they submitted.
func (s *Sessions) Wait(ctx context.Context, session string) (*identity.VerificationSession, error) {
	ctx, cancel := withDeadline(ctx, waitTimeout)
	defer cancel()
	for session, err := range s.Watch(ctx, session) {
		if err != nil {
			return nil, err
		}
		if checksEnded(session) {
			return session, nil
		}
	}
	// A watch ends with an error or a session that is over.
	return nil, newError(codes.Internal, "the watch ended before the checks")
}

func checksEnded(session *identity.VerificationSession) bool {
	switch session.GetStatus() {
	case identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_PROCESSING:
		return false
	case identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_REQUIRES_INPUT:
		return session.GetInsights().GetAttempts() > 0
	}
	return true
}

// One caller's watch, over as many streams as it takes.
type watch struct {
	sessions *Sessions
	session  string
	yield    func(*identity.VerificationSession, error) bool
	// What was yielded last, without the secret.
	last *identity.VerificationSession
}

// How a stream ended.
type ending struct {
	// Nothing is left to watch, or the caller stopped.
	done bool
	// Nil when the server ended the stream in order.
	err error
	// Whether a session arrived, and whether one was yielded.
	heard, yielded bool
}

// The server ended a stream in order before it sent anything.
var errNothingHeard = newError(codes.Unavailable, "the server ended the watch without a session")

func (w *watch) run(ctx context.Context) {
	for retries := 0; ; retries = min(retries+1, mostRetries) {
		began := time.Now()
		end := w.stream(ctx)
		if end.done {
			return
		}
		if end.yielded || time.Since(began) > longestPause {
			// Not one of a row of streams that bring nothing.
			retries = 0
		}
		wait := randomPause(retries)
		if end.err == nil && !end.heard {
			end.err = errNothingHeard
		}
		if end.err != nil {
			failure := asError(end.err)
			exhausted := retries == mostRetries && !end.heard
			wait = failure.pause(retries)
			if ctx.Err() != nil || exhausted || !goesOnAfter(failure, end.heard) || outlasts(ctx, wait) {
				w.yield(nil, failure)
				return
			}
		}
		if err := sleep(ctx, wait); err != nil {
			w.yield(nil, err)
			return
		}
	}
}

// Watches until the stream ends.
func (w *watch) stream(ctx context.Context) (end ending) {
	// However this is left, the stream ends with it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request := &identity.WatchVerificationSessionRequest{VerificationSession: w.session}
	stream, err := w.sessions.client.WatchVerificationSession(ctx, request, w.sessions.caller.credential)
	for err == nil {
		var session *identity.VerificationSession
		session, err = stream.Recv()
		if err != nil {
			break
		}
		end.heard = true
		if !w.isNew(session) {
			continue
		}
		end.yielded = true
		over := isOver(session)
		if !w.yield(session, nil) || over {
			end.done = true
			return end
		}
	}
	if !errors.Is(err, io.EOF) {
		end.err = err
	}
	return end
}

// Whether this is another state than the one before. Each stream has a client secret of its own, which is no change of the session.
func (w *watch) isNew(session *identity.VerificationSession) bool {
	state := proto.CloneOf(session)
	state.ClientSecret = nil
	if w.last != nil && proto.Equal(w.last, state) {
		return false
	}
	w.last = state
	return true
}

// Whether a watch goes on after this error of a stream.
func goesOnAfter(failure *Error, heard bool) bool {
	if failure.isTransient() {
		return true
	}
	// What resets a stream that was open is not the service, which would give a reason, but something on the way to it.
	return heard && failure.Reason == "" && (failure.Code == codes.Canceled || failure.Code == codes.Internal)
}

func isOver(session *identity.VerificationSession) bool {
	if redaction := session.GetRedaction(); redaction != nil {
		return redaction.GetStatus() != identity.Redaction_STATUS_PROCESSING
	}
	return session.GetStatus() == identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_CANCELED
}
