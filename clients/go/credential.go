package bonafide

import (
	"context"
	"errors"
	"strings"
)

// An API key or a client secret, on its way into the header of a call. A function holds it: whatever prints or dumps a value shows no more
// of a function than where it is.
type credential struct {
	header func() string
	// A text without the credential, which a server may have repeated.
	hide   func(text string) string
	secure bool
}

func newCredential(token string, secure bool) (*credential, error) {
	if token == "" {
		return nil, errors.New("bonafide: the key is empty")
	}
	for _, c := range []byte(token) {
		// What gRPC would refuse later, in an error that might quote it.
		if c <= ' ' || c > '~' {
			return nil, errors.New("bonafide: a key has visible ASCII characters only; one that was read from a file may end with the file's line end")
		}
	}
	return &credential{
		header: func() string { return "Bearer " + token },
		hide:   func(text string) string { return strings.ReplaceAll(text, token, "***") },
		secure: secure,
	}, nil
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (c *credential) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": c.header()}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials: where the address has TLS, gRPC sends nothing without it.
func (c *credential) RequireTransportSecurity() bool {
	return c.secure
}
