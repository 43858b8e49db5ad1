package bonafide

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// Deadlines where none is given.
const (
	usualTimeout    = 10 * time.Second
	transferTimeout = 60 * time.Second
	waitTimeout     = 120 * time.Second
)

// What the calls with one credential have in common.
type caller struct {
	credential grpc.CallOption
	// Zero when none was given.
	timeout time.Duration
}

// The context of a call that has this long, unless a deadline was given for it or for the client.
func (c *caller) withDeadline(ctx context.Context, usual time.Duration) (context.Context, context.CancelFunc) {
	if c.timeout != 0 {
		usual = c.timeout
	}
	return withDeadline(ctx, usual)
}

func withDeadline(ctx context.Context, usual time.Duration) (context.Context, context.CancelFunc) {
	if _, given := ctx.Deadline(); given {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, usual)
}

// A method of a generated client.
type method[Request, Answer any] func(context.Context, Request, ...grpc.CallOption) (Answer, error)

// Calls a method, again where that may help.
func call[Request, Answer any](ctx context.Context, c *caller, m method[Request, Answer], request Request) (Answer, error) {
	return callWithin(ctx, c, usualTimeout, m, request)
}

func callWithin[Request, Answer any](
	ctx context.Context, c *caller, usual time.Duration, m method[Request, Answer], request Request,
) (Answer, error) {
	ctx, cancel := c.withDeadline(ctx, usual)
	defer cancel()
	return retried(ctx, func() (Answer, error) { return m(ctx, request, c.credential) })
}
