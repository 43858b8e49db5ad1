package bonafide

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// Deadlines where none is given.
const (
	usualTimeout    = 10 * time.Second
	transferTimeout = 60 * time.Second
	waitTimeout     = 120 * time.Second
)

// What the calls with one credential have in common.
type caller struct {
	conn *grpc.ClientConn
	*credential
	// Zero when none was given.
	timeout time.Duration
	// How long a watch goes on without an answer.
	reconnectTimeout time.Duration
}

// What a call of gRPC carries.
func (c *caller) authorization() grpc.CallOption {
	return grpc.PerRPCCredentials(c.credential)
}

func (c *caller) isClosed() bool {
	return c.conn.GetState() == connectivity.Shutdown
}

// How long a call has unless its context says: what was given for the client, or else what is usual.
func (c *caller) timeoutOr(usual time.Duration) time.Duration {
	if c.timeout != 0 {
		return c.timeout
	}
	return usual
}

// The context of a call that has this long, unless a deadline was given for it or for the client.
func (c *caller) withDeadline(ctx context.Context, usual time.Duration) (context.Context, context.CancelFunc) {
	return withDeadline(ctx, c.timeoutOr(usual))
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
	return retried(ctx, c, func() (Answer, error) { return m(ctx, request, c.authorization()) })
}
