package bonafide_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"bonafide"
	"bonafide/identity"
)

// Against a deployment, which clients/test starts.

const documentType = identity.VerificationType_VERIFICATION_TYPE_DOCUMENT

// The value of a variable that clients/test sets.
func given(t *testing.T, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if os.Getenv("BONAFIDE_ADDRESS") == "" {
		t.Skip("BONAFIDE_ADDRESS names no deployment: clients/test starts one")
	}
	if value == "" {
		t.Fatalf("%s is not set", variable)
	}
	return value
}

// A client of the deployment, with the key of a file that a variable names.
func live(t *testing.T, keyVariable string, options ...bonafide.Option) *bonafide.Client {
	t.Helper()
	options = append(options, bonafide.WithCAFile(given(t, "BONAFIDE_CA")))
	return connect(t, given(t, "BONAFIDE_ADDRESS"), given(t, keyVariable), options...)
}

func connect(t *testing.T, address, keyFile string, options ...bonafide.Option) *bonafide.Client {
	t.Helper()
	key, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	client, err := bonafide.NewClient(address, strings.TrimSpace(string(key)), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func open(t *testing.T, client *bonafide.Client) *identity.VerificationSession {
	t.Helper()
	session, err := client.Sessions.Create(t.Context(), &identity.CreateVerificationSessionRequest{Type: documentType})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestLiveExampleVerifiesAPerson(t *testing.T) {
	given(t, "BONAFIDE_ADDRESS")
	program := filepath.Join(t.TempDir(), "example")
	if built, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./example").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, built)
	}
	for range 2 {
		example := exec.CommandContext(t.Context(), program, given(t, "BONAFIDE_ADDRESS"), given(t, "BONAFIDE_API_KEY_FILE"),
			given(t, "BONAFIDE_DOCUMENT"), given(t, "BONAFIDE_SELFIE"), given(t, "BONAFIDE_CA"))
		example.Dir = t.TempDir()
		said, err := example.CombinedOutput()
		if err != nil || !strings.Contains(string(said), "STATUS_VERIFIED\n") || !strings.Contains(string(said), "\nsimilarity 0.") {
			t.Errorf("%v: %s", err, said)
		}
	}
}

func TestLiveOutcomesOfTestMode(t *testing.T) {
	client := live(t, "BONAFIDE_TEST_API_KEY_FILE")
	for _, code := range []identity.VerificationErrorCode{
		identity.VerificationErrorCode_VERIFICATION_ERROR_CODE_UNSPECIFIED,
		identity.VerificationErrorCode_VERIFICATION_ERROR_CODE_DOCUMENT_EXPIRED,
		identity.VerificationErrorCode_VERIFICATION_ERROR_CODE_SELFIE_FACE_MISMATCH,
		identity.VerificationErrorCode_VERIFICATION_ERROR_CODE_UNDER_SUPPORTED_AGE,
	} {
		session := open(t, client)
		_, err := client.TestHelpers.Simulate(t.Context(), &identity.SimulateVerificationRequest{
			VerificationSession: session.GetId(), Error: code,
		})
		if err != nil {
			t.Fatal(code, err)
		}
		session, err = client.Sessions.Wait(t.Context(), session.GetId())
		if err != nil {
			t.Fatal(code, err)
		}
		if session.GetLastError().GetCode() != code || (session.GetStatus() == verified) != (code == 0) || session.GetLivemode() {
			t.Error(code, session.GetStatus(), session.GetLastError())
		}
		report, err := client.Reports.Get(t.Context(), session.GetLastVerificationReport())
		if err != nil || report.GetVerificationSession() != session.GetId() {
			t.Error(code, err)
		}
	}
}

func TestLiveRefusals(t *testing.T) {
	client := live(t, "BONAFIDE_API_KEY_FILE")
	session := open(t, client)
	wrongKey, err := bonafide.NewClient(given(t, "BONAFIDE_ADDRESS"), "sk_live_nobodys", bonafide.WithCAFile(given(t, "BONAFIDE_CA")))
	if err != nil {
		t.Fatal(err)
	}
	defer wrongKey.Close()
	tries := 0
	counting := live(t, "BONAFIDE_API_KEY_FILE", bonafide.WithDialOptions(grpc.WithChainUnaryInterceptor(func(
		ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		tries++
		return invoke(ctx, method, request, answer, conn, options...)
	})))
	person, err := counting.Person(session)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 300)
	for name, test := range map[string]struct {
		err    error
		code   error
		reason bonafide.Reason
	}{
		"a wrong key":       {second(wrongKey.Sessions.Get(t.Context(), session.GetId())), bonafide.ErrUnauthenticated, bonafide.ReasonCredentialInvalid},
		"another's session": {second(client.Sessions.Get(t.Context(), session.GetId()+"x")), bonafide.ErrNotFound, bonafide.ReasonSessionNotFound},
		"wrong fields": {second(client.Sessions.Create(t.Context(), &identity.CreateVerificationSessionRequest{
			ClientReferenceId: &text,
		})), bonafide.ErrInvalidArgument, bonafide.ReasonInvalidFields},
		"no pictures":         {second(person.Submit(t.Context())), bonafide.ErrFailedPrecondition, bonafide.ReasonImageMissing},
		"files with this key": {second(client.Files.List(t.Context(), session.GetId())), bonafide.ErrPermissionDenied, bonafide.ReasonPermissionMissing},
		"test mode":           {second(client.TestHelpers.Simulate(t.Context(), &identity.SimulateVerificationRequest{VerificationSession: session.GetId()})), bonafide.ErrFailedPrecondition, bonafide.ReasonLiveMode},
	} {
		var failure *bonafide.Error
		if !errors.As(test.err, &failure) || !errors.Is(test.err, test.code) || failure.Reason != test.reason {
			t.Errorf("%s: %v", name, test.err)
			continue
		}
		if test.reason == bonafide.ReasonInvalidFields && len(failure.Violations) < 2 {
			t.Errorf("all violations come at once: %v", failure)
		}
	}
	// More than any picture has.
	tries = 0
	_, err = person.Upload(t.Context(), identity.ImagePurpose_IMAGE_PURPOSE_SELFIE, make([]byte, 30<<20))
	if tries != 1 {
		t.Errorf("%d tries", tries)
	}
	var failure *bonafide.Error
	if !errors.As(err, &failure) {
		t.Fatal(err)
	}
	if !errors.Is(err, bonafide.ErrOutOfRange) || failure.Reason != bonafide.ReasonMessageTooLarge {
		t.Error(err)
	}
	// A deployment may well answer within a millisecond, but nothing happens to this session.
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := client.Sessions.Wait(ctx, session.GetId()); !errors.Is(err, bonafide.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

func TestLiveAServerWhoseCAIsAnotherGetsNoCall(t *testing.T) {
	address := given(t, "BONAFIDE_ADDRESS")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, newCA(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, options := range [][]bonafide.Option{nil, {bonafide.WithCAFile(ca)}} {
		_, err := connect(t, address, given(t, "BONAFIDE_API_KEY_FILE"), options...).Sessions.List(t.Context(), nil)
		if !errors.Is(err, bonafide.ErrUnavailable) || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
			t.Error(err)
		}
	}
}

// The certificate of a CA that vouches for nobody.
func newCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
}

func TestLiveListUpdateCancelRedact(t *testing.T) {
	client := live(t, "BONAFIDE_API_KEY_FILE")
	reference := "go " + rand.Text()
	var opened []string
	for range 3 {
		session, err := client.Sessions.Create(t.Context(), &identity.CreateVerificationSessionRequest{
			Type: documentType, ClientReferenceId: &reference,
		})
		if err != nil {
			t.Fatal(err)
		}
		opened = append([]string{session.GetId()}, opened...)
	}
	two := uint32(2)
	var listed []string
	for session, err := range client.Sessions.All(t.Context(), &identity.ListVerificationSessionsRequest{
		ClientReferenceId: &reference, Limit: &two,
	}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, session.GetId())
	}
	if !slices.Equal(listed, opened) {
		t.Errorf("%q instead of %q", listed, opened)
	}
	id := opened[0]
	session, err := client.Sessions.Update(t.Context(), &identity.UpdateVerificationSessionRequest{
		VerificationSession: id, Metadata: map[string]string{"order": "1007"},
	})
	if err != nil || session.GetMetadata()["order"] != "1007" {
		t.Error(session.GetMetadata(), err)
	}
	// Under the same key a call is answered as it was first.
	for range 2 {
		session, err = client.Sessions.Cancel(t.Context(), id, bonafide.WithIdempotencyKey("cancel "+id))
		if err != nil || session.GetStatus() != canceled {
			t.Error(session.GetStatus(), err)
		}
	}
	if _, err = client.Sessions.Cancel(t.Context(), id); !errors.Is(err, bonafide.ErrFailedPrecondition) {
		t.Error(err)
	}
	session, err = client.Sessions.Redact(t.Context(), id)
	if err != nil || session.GetRedaction() == nil {
		t.Error(session.GetRedaction(), err)
	}
	// Another session is watched while it changes.
	id = opened[1]
	var statuses []identity.VerificationSessionStatus
	for session, err := range client.Sessions.Watch(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		statuses = append(statuses, session.GetStatus())
		if session.GetStatus() == requiresInput {
			if _, err := client.Sessions.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(statuses, []identity.VerificationSessionStatus{requiresInput, canceled}) {
		t.Error(statuses)
	}
}

func TestLivePicturesWithARestrictedKey(t *testing.T) {
	client := live(t, "BONAFIDE_RESTRICTED_API_KEY_FILE")
	session := open(t, client)
	person, err := client.Person(session)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(given(t, "BONAFIDE_SELFIE"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := person.Upload(t.Context(), identity.ImagePurpose_IMAGE_PURPOSE_SELFIE, picture); err != nil {
		t.Fatal(err)
	}
	files, err := client.Files.List(t.Context(), session.GetId())
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	file, err := client.Files.Get(t.Context(), files[0].GetId())
	if err != nil || file.GetSize() != uint64(len(picture)) {
		t.Error(file, err)
	}
	downloaded, err := client.Files.Download(t.Context(), file.GetId())
	if err != nil || !bytes.Equal(downloaded, picture) {
		t.Error(len(downloaded), err)
	}
	link, err := client.Files.CreateLink(t.Context(), file.GetId(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if opened := browse(t, link.GetUrl()); !bytes.Equal(opened, picture) {
		t.Errorf("the link answers %d bytes", len(opened))
	}
}

// What a browser gets at an address of the deployment.
func browse(t *testing.T, url string) []byte {
	t.Helper()
	ca, err := os.ReadFile(given(t, "BONAFIDE_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 20 * time.Second}
	defer browser.CloseIdleConnections()
	answer, err := browser.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	return body
}

func TestLiveADeploymentThatComesBackIsFound(t *testing.T) {
	given(t, "BONAFIDE_ADDRESS")
	folder, err := filepath.Abs(os.Getenv("PROGRAMS"))
	if os.Getenv("PROGRAMS") == "" {
		folder, err = filepath.Abs("../../target/release")
	}
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "bonafide")
	if _, err := os.Stat(program); err != nil {
		t.Skip("PROGRAMS has no bonafide to start")
	}
	data := t.TempDir()
	address, stop := start(t, program, data, "127.0.0.1:0")
	client := connect(t, address, filepath.Join(data, "keys", "test_api_key"))
	session := open(t, client)
	stop()
	if _, err := client.Sessions.Get(t.Context(), session.GetId()); !errors.Is(err, bonafide.ErrUnavailable) {
		t.Error(err)
	}
	start(t, program, data, address)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		_, err := client.Sessions.Get(ctx, session.GetId())
		if err == nil {
			break
		}
		if !errors.Is(err, bonafide.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

// Starts a deployment, answers where it listens once it is ready, and what kills it.
func start(t *testing.T, program, data, listen string) (address string, stop func()) {
	t.Helper()
	deployment := exec.Command(program, "up", "--listen", listen, "--data", data)
	said, err := deployment.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := deployment.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = deployment.Process.Kill()
		_ = deployment.Wait()
	}
	t.Cleanup(stop)
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if at, found := strings.CutPrefix(lines.Text(), "listening on "); found {
			address = "127.0.0.1" + at[strings.LastIndex(at, ":"):]
		}
		if strings.HasPrefix(lines.Text(), "ready") {
			go io.Copy(io.Discard, said)
			return address, stop
		}
	}
	t.Fatal("the deployment ended before it was ready")
	return "", nil
}
