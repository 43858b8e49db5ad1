package bonafide_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"

	"bonafide"
	"bonafide/identity"
)

func TestAClientThatCannotBeIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	const secure = "https://bonafide.example"
	for name, test := range map[string]struct {
		address, key string
		options      []bonafide.Option
		says         string
	}{
		"plaintext beyond loopback":  {"http://bonafide.example", key, nil, "WithPlaintext"},
		"no address":                 {"", key, nil, "not an address"},
		"no key":                     {secure, "", nil, "empty"},
		"a key with its line end":    {secure, key + "\n", nil, "line end"},
		"a key that is no ASCII":     {secure, "schlüssel", nil, "ASCII"},
		"a CA that is not there":     {secure, key, []bonafide.Option{bonafide.WithCAFile(noPEM + "x")}, "no such file"},
		"a CA that is none":          {secure, key, []bonafide.Option{bonafide.WithCAFile(noPEM)}, "no certificate"},
		"a CA without a path":        {secure, key, []bonafide.Option{bonafide.WithCAFile("")}, "empty"},
		"a CA where there is no TLS": {"http://localhost", key, []bonafide.Option{bonafide.WithCAFile(noPEM)}, "https://"},
		"no time at all":             {secure, key, []bonafide.Option{bonafide.WithTimeout(0)}, "not positive"},
		"no time to reconnect":       {secure, key, []bonafide.Option{bonafide.WithReconnectTimeout(0)}, "not positive"},
	} {
		_, err := bonafide.NewClient(test.address, test.key, test.options...)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := bonafide.NewClient(secure, key, bonafide.WithCAFile(noPEM+"x"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestAPersonNeedsAClientSecret(t *testing.T) {
	t.Parallel()
	if _, err := play(t, &server{}).Person(&identity.VerificationSession{Id: sessionID}); err == nil {
		t.Error("a person without a secret")
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	client := play(t, &server{before: func(context.Context, int, any) error {
		return refusal(codes.Unauthenticated, bonafide.ReasonCredentialInvalid)
	}})
	_, err := client.Sessions.Get(t.Context(), sessionID)
	person := person(t, client)
	_, uploadErr := person.Upload(t.Context(), identity.ImagePurpose_IMAGE_PURPOSE_SELFIE, []byte("the picture"))
	for _, value := range []any{client, *client, client.Sessions, *client.Sessions, client.Files, *client.Reports, person, *person, err, uploadErr} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, value)
			for _, hidden := range []string{key, secret, "Bearer", "the picture"} {
				if strings.Contains(text, hidden) {
					t.Errorf("%s of %T has %q", verb, value, hidden)
				}
			}
		}
	}
}

func TestACallersOptionsOfGRPCDoNotReplaceOurs(t *testing.T) {
	t.Parallel()
	intercepted := 0
	client := play(t, &server{}, bonafide.WithDialOptions(
		grpc.WithUserAgent("mine"),
		grpc.WithChainUnaryInterceptor(func(
			ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
		) error {
			intercepted++
			return invoke(ctx, method, request, answer, conn, options...)
		}),
	))
	if _, err := client.Sessions.Get(t.Context(), sessionID); err != nil || intercepted != 1 {
		t.Error(intercepted, err)
	}
}

func TestANewerServerIsUnderstood(t *testing.T) {
	t.Parallel()
	client := play(t, &server{get: func(*identity.GetVerificationSessionRequest) *identity.VerificationSession {
		session := &identity.VerificationSession{Id: sessionID, Status: 99, LastError: &identity.VerificationError{Code: 77}}
		unknown := protowire.AppendTag(nil, 1000, protowire.BytesType)
		session.ProtoReflect().SetUnknown(protowire.AppendString(unknown, "of a newer server"))
		return session
	}})
	session, err := client.Sessions.Get(t.Context(), sessionID)
	if err != nil {
		t.Fatal(err)
	}
	if session.GetId() != sessionID || session.GetStatus() != 99 || session.GetStatus().String() != "99" || session.GetLastError().GetCode() != 77 {
		t.Error(session)
	}
}

func TestAnswersComeBack(t *testing.T) {
	t.Parallel()
	client := play(t, &server{})
	person := person(t, client)
	if file, err := person.Upload(t.Context(), identity.ImagePurpose_IMAGE_PURPOSE_SELFIE, make([]byte, 10<<20)); err != nil || file.GetSize() != 10<<20 {
		t.Error(file, err)
	}
	if status, err := person.Submit(t.Context()); err != nil || status != processing {
		t.Error(status, err)
	}
	why := identity.VerificationErrorCode_VERIFICATION_ERROR_CODE_CONSENT_DECLINED
	if status, err := person.Leave(t.Context(), why); err != nil || status != requiresInput {
		t.Error(status, err)
	}
	if files, err := client.Files.List(t.Context(), sessionID); err != nil || len(files) != 2 {
		t.Error(files, err)
	}
	if link, err := client.Files.CreateLink(t.Context(), "file_1", 5*time.Second); err != nil || link.GetFile() != "file_1" {
		t.Error(link, err)
	}
}
