package bonafide

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"bonafide/identity"
)

const (
	// How long a connection may take to open.
	connectTimeout = 5 * time.Second
	// The longest time between two tries to connect. gRPC's own, two minutes, is long after a deployment is back.
	longestReconnect = time.Second
	// A watch may hear nothing for hours: a connection that is gone shows by what is not answered.
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 15 * time.Second
)

// Client calls a deployment with one API key. Make one and share it: it is safe for concurrent use, connects with the first call, and
// again after a connection broke.
type Client struct {
	// Sessions are verifications: open, read, list, change, watch and wait for them.
	Sessions *Sessions
	// Reports say what the checks found, and why.
	Reports *Reports
	// Files are the pictures that were collected. They need a restricted key (rk_…).
	Files *Files
	// TestHelpers choose outcomes in test mode. They need a test key (sk_test_…, rk_test_…).
	TestHelpers *TestHelpers

	address          address
	conn             *grpc.ClientConn
	timeout          time.Duration
	reconnectTimeout time.Duration
}

// NewClient makes a client of the deployment at an address, for an API key.
//
// An address is https://host:port, or http://host:port on loopback. Without a port it is 50051; without a scheme it is http on loopback, and
// https elsewhere.
func NewClient(address, apiKey string, options ...Option) (*Client, error) {
	settings := settings{reconnectTimeout: reconnectTimeout}
	for _, option := range options {
		if err := option(&settings); err != nil {
			return nil, err
		}
	}
	at, err := parseAddress(address, settings.plaintext)
	if err != nil {
		return nil, err
	}
	credential, err := newCredential(apiKey, at.secure)
	if err != nil {
		return nil, err
	}
	transport, err := transportCredentials(at, settings.caFile)
	if err != nil {
		return nil, err
	}
	if !at.secure {
		// A proxy would see the key.
		settings.dialOptions = append(settings.dialOptions, grpc.WithNoProxy())
	}
	// Ours stand last, for of two the later counts.
	conn, err := grpc.NewClient("dns:///"+at.hostPort(), append(settings.dialOptions,
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent("bonafide-go/"+Version),
		// What is sent again is decided here, with the reasons of errors in view.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: shortestPause, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestReconnect},
			MinConnectTimeout: connectTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("bonafide: %w", err)
	}
	client := &Client{address: at, conn: conn, timeout: settings.timeout, reconnectTimeout: settings.reconnectTimeout}
	caller := client.caller(credential)
	client.Sessions = &Sessions{caller, identity.NewVerificationSessionServiceClient(conn)}
	client.Reports = &Reports{caller, identity.NewVerificationReportServiceClient(conn)}
	client.Files = &Files{caller, identity.NewFileServiceClient(conn)}
	client.TestHelpers = &TestHelpers{caller, identity.NewTestHelperServiceClient(conn)}
	return client, nil
}

// Person answers the calls of the person whose session this is, with the session's client secret, as their device makes them. The session
// is one that was just created or read: lists have no secret, and so has none a session that requires no input.
func (c *Client) Person(session *identity.VerificationSession) (*Person, error) {
	if session.GetClientSecret() == "" {
		return nil, errors.New("bonafide: the session has no client secret: it has one while it requires input, from Create and Get")
	}
	credential, err := newCredential(session.GetClientSecret(), c.address.secure)
	if err != nil {
		return nil, err
	}
	return &Person{c.caller(credential), identity.NewCaptureServiceClient(c.conn), session.GetId()}, nil
}

// Close ends the connection. Calls in progress, and those that come later, fail with [ErrCanceled].
func (c *Client) Close() error {
	return c.conn.Close()
}

// String says which deployment the client calls.
func (c *Client) String() string {
	return "bonafide.Client(" + c.address.String() + ")"
}

// GoString says the same as String.
func (c *Client) GoString() string {
	return c.String()
}

func (c *Client) caller(credential *credential) *caller {
	return &caller{conn: c.conn, credential: credential, timeout: c.timeout, reconnectTimeout: c.reconnectTimeout}
}

func transportCredentials(at address, caFile string) (credentials.TransportCredentials, error) {
	if !at.secure {
		if caFile != "" {
			return nil, fmt.Errorf("bonafide: a CA is given, but %s has no TLS: use https://", at)
		}
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("bonafide: the CA cannot be read: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("bonafide: %s has no certificate in PEM", caFile)
		}
	}
	return credentials.NewTLS(config), nil
}
