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

// Watch yields a session as it is, and again after each change, until it is canceled or its redaction is done. It has no deadline but the
// context's. A connection that breaks, or that the server ends for its age, is replaced, and what was yielded is not yielded again: until
// nothing was answered for as long as [WithReconnectTimeout] says.
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

const (
	// How long a watch goes on without an answer.
	reconnectTimeout = 5 * time.Minute
	// How long one stream may take, so that none hangs. The server ends it before that.
	longestStream = 10 * time.Minute
	// A stream that went on for so long is none of a row of streams that bring nothing.
	lasting = 10 * time.Second
	// How long a server can have a watch wait.
	longestWait = 30 * time.Second
)

// One caller's watch, over as many streams as it takes.
type watch struct {
	sessions *Sessions
	session  string
	yield    func(*identity.VerificationSession, error) bool
	// When the last stream ended that was answered, or the watch began.
	silentSince time.Time
	// Streams in a row that were short and brought nothing new.
	fruitless int
	// What was yielded last, without the secret.
	last *identity.VerificationSession
}

func (w *watch) run(ctx context.Context) {
	w.silentSince = time.Now()
	for {
		began := time.Now()
		answered, done, failure := w.stream(ctx)
		if done {
			return
		}
		now := time.Now()
		if answered {
			w.silentSince = now
		}
		if now.Sub(began) >= lasting {
			w.fruitless = 0
		}
		if failure != nil && (!failure.isCutOff() || w.sessions.caller.isClosed()) {
			w.yield(nil, failure)
			return
		}
		if err := w.wait(ctx, failure); err != nil {
			w.yield(nil, err)
			return
		}
	}
}

// Waits until another stream may be opened, where one ended: with an error, or in order.
func (w *watch) wait(ctx context.Context, failure *Error) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	caller := w.sessions.caller
	patience := caller.reconnectTimeout
	if w.last == nil {
		// It is a call as others until it is answered.
		patience = caller.timeoutOr(usualTimeout)
	}
	left := patience - time.Since(w.silentSince)
	if left <= 0 {
		if failure == nil {
			failure = newError(codes.Unavailable, "the server ended the watch without an answer")
		}
		return failure
	}
	wait := randomPause(w.fruitless)
	if failure != nil {
		// Not at once where that is asked for: it may be each time.
		wait = max(wait, min(failure.RetryAfter, longestWait))
	}
	wait = min(wait, left)
	if outlasts(ctx, wait) {
		if failure == nil {
			failure = newError(codes.DeadlineExceeded, "no time is left for the watch")
		}
		return failure
	}
	w.fruitless++
	return sleep(ctx, wait)
}

// Watches until the stream ends: whether something came, whether nothing more is to come, and what ended it unless that was in order.
func (w *watch) stream(ctx context.Context) (answered, done bool, failure *Error) {
	// However this is left, the stream ends with it.
	ctx, cancel := context.WithTimeout(ctx, longestStream)
	defer cancel()
	request := &identity.WatchVerificationSessionRequest{VerificationSession: w.session}
	stream, err := w.sessions.client.WatchVerificationSession(ctx, request, w.sessions.caller.authorization())
	for err == nil {
		var session *identity.VerificationSession
		session, err = stream.Recv()
		if err != nil {
			break
		}
		answered = true
		if !w.isNew(session) {
			continue
		}
		w.fruitless = 0
		over := isOver(session)
		if !w.yield(session, nil) || over {
			return answered, true, nil
		}
	}
	if errors.Is(err, io.EOF) {
		return answered, false, nil
	}
	return answered, false, w.sessions.caller.asError(err)
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

func isOver(session *identity.VerificationSession) bool {
	if redaction := session.GetRedaction(); redaction != nil {
		return redaction.GetStatus() != identity.Redaction_STATUS_PROCESSING
	}
	return session.GetStatus() == identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_CANCELED
}
