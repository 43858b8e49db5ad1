package bonafide

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// After the first try.
	mostRetries = 4
	// Pauses before a retry are random, up to this; it doubles each time, up to the other.
	shortestPause = 100 * time.Millisecond
	longestPause  = 2 * time.Second
)

// Does something until it succeeds, fails for good, or has been done often enough.
func retried[Answer any](ctx context.Context, c *caller, do func() (Answer, error)) (Answer, error) {
	for retry := 0; ; retry++ {
		answer, err := do()
		if err == nil {
			return answer, nil
		}
		var none Answer
		failure := c.asError(err)
		if retry == mostRetries || !failure.isTransient() {
			return none, failure
		}
		wait := failure.pause(retry)
		if outlasts(ctx, wait) {
			return none, failure
		}
		if err := sleep(ctx, wait); err != nil {
			return none, err
		}
	}
}

// Whether a stream ended by what happened to the connection or the replica, and not to the session.
func (e *Error) isCutOff() bool {
	switch e.Code {
	case codes.DeadlineExceeded:
		return true
	case codes.Canceled, codes.Unknown, codes.Internal:
		// As libraries and gateways call it: a service gives a reason.
		return e.Reason == ""
	}
	return e.isTransient()
}

// Whether the same call, unchanged, may succeed soon.
func (e *Error) isTransient() bool {
	return e.Code == codes.Unavailable || e.Reason == ReasonContended || e.Reason == ReasonOverloaded
}

// How long to wait after this error, when so many retries went before.
func (e *Error) pause(retries int) time.Duration {
	if e.retryAsked {
		return e.RetryAfter
	}
	return randomPause(retries)
}

func randomPause(retries int) time.Duration {
	// The longest is reached long before the shift could overflow.
	return rand.N(min(shortestPause<<min(retries, 10), longestPause))
}

func outlasts(ctx context.Context, wait time.Duration) bool {
	deadline, given := ctx.Deadline()
	return given && time.Until(deadline) <= wait
}

// What a call ends with when its context does.
func contextError(ctx context.Context) *Error {
	return newError(status.FromContextError(ctx.Err()).Code(), "%v", ctx.Err())
}

// Waits; an *Error when the context ends first.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}
