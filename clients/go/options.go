package bonafide

import (
	"errors"
	"time"

	"google.golang.org/grpc"
)

// Option changes how a [Client] calls.
type Option func(*settings) error

type settings struct {
	caFile      string
	plaintext   bool
	timeout     time.Duration
	dialOptions []grpc.DialOption

	reconnectTimeout time.Duration
}

// WithCAFile verifies the deployment's certificate against the CAs of this PEM file, instead of those of the system.
func WithCAFile(path string) Option {
	return func(s *settings) error {
		if path == "" {
			return errors.New("bonafide: the path of the CA file is empty")
		}
		s.caFile = path
		return nil
	}
}

// WithPlaintext allows an address with http:// that is not on loopback. The key, the pictures and the names cross the network readable:
// it is for networks that something else protects, such as a service mesh.
func WithPlaintext() Option {
	return func(s *settings) error {
		s.plaintext = true
		return nil
	}
}

// WithTimeout is the deadline of a call whose context has none, instead of 10 seconds, and 60 for an upload or a download. [Sessions.Watch]
// and [Sessions.Wait] keep theirs.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) error {
		if timeout <= 0 {
			return errors.New("bonafide: the timeout is not positive")
		}
		s.timeout = timeout
		return nil
	}
}

// WithReconnectTimeout is how long a watch goes on without an answer while the deployment is away, instead of 5 minutes.
func WithReconnectTimeout(timeout time.Duration) Option {
	return func(s *settings) error {
		if timeout <= 0 {
			return errors.New("bonafide: the reconnect timeout is not positive")
		}
		s.reconnectTimeout = timeout
		return nil
	}
}

// WithDialOptions adds options of gRPC, such as interceptors and stats handlers. What this package sets itself (TLS, retries, deadlines)
// they do not change.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) error {
		s.dialOptions = append(s.dialOptions, options...)
		return nil
	}
}

// CallOption changes one call that takes no request message.
type CallOption func(*callSettings)

type callSettings struct {
	idempotencyKey *string
}

// WithIdempotencyKey is the call's idempotency key, instead of a random one: a call under the same key is answered as the first one was,
// for 24 hours, and has no further effect. Calls that take a request message have it in that.
func WithIdempotencyKey(key string) CallOption {
	return func(s *callSettings) { s.idempotencyKey = &key }
}

// The idempotency key of a call: the one that was given, or else a new one.
func idempotencyKey(options []CallOption) *string {
	var settings callSettings
	for _, option := range options {
		option(&settings)
	}
	return keyOr(settings.idempotencyKey)
}
