package bonafide_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bonafide"
)

// The error that a call gets which is refused like this.
func refused(t *testing.T, with error) error {
	t.Helper()
	client := play(t, &server{before: func(context.Context, int, any) error { return with }})
	_, err := client.Sessions.Create(t.Context(), nil)
	return err
}

func TestAnErrorHasWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	fields := &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
		{Field: "type", Description: "must be document"},
		{Field: "metadata", Description: "has more than 50 entries"},
	}}
	err := refused(t, refusal(codes.InvalidArgument, bonafide.ReasonInvalidFields, fields, retryAfter(3*time.Second)))
	var failure *bonafide.Error
	if !errors.As(fmt.Errorf("creating: %w", err), &failure) {
		t.Fatal(err)
	}
	want := []bonafide.Violation{{"type", "must be document"}, {"metadata", "has more than 50 entries"}}
	if failure.Code != codes.InvalidArgument || failure.Reason != bonafide.ReasonInvalidFields || failure.Message != "no" ||
		!slices.Equal(failure.Violations, want) || failure.RetryAfter != 3*time.Second {
		t.Errorf("%#v", failure)
	}
	if text := err.Error(); text != "bonafide: InvalidArgument (INVALID_FIELDS): no; type: must be document; metadata: has more than 50 entries" {
		t.Error(text)
	}
	if !errors.Is(err, bonafide.ErrInvalidArgument) || errors.Is(err, bonafide.ErrNotFound) || errors.Is(err, context.Canceled) {
		t.Error("it is of its own code alone")
	}
	converted, ok := status.FromError(fmt.Errorf("creating: %w", err))
	if !ok || converted.Code() != codes.InvalidArgument || len(converted.Details()) != 3 {
		t.Error(converted)
	}
}

func TestAnErrorHasTheReasonsMetadata(t *testing.T) {
	t.Parallel()
	info := &errdetails.ErrorInfo{
		Domain: "bonafide.identity", Reason: "SESSION_STATUS", Metadata: map[string]string{"status": "canceled"},
	}
	with, _ := status.New(codes.FailedPrecondition, "no").WithDetails(info)
	var failure *bonafide.Error
	if err := refused(t, with.Err()); !errors.As(err, &failure) || !maps.Equal(failure.Metadata, info.Metadata) {
		t.Error(err)
	}
}

func TestWithoutAServiceOfOursThereIsNoReason(t *testing.T) {
	t.Parallel()
	foreign, _ := status.New(codes.PermissionDenied, "no").WithDetails(&errdetails.ErrorInfo{
		Domain: "proxy.example", Reason: "CONTENDED", Metadata: map[string]string{"a": "b"},
	})
	for _, with := range []error{foreign.Err(), status.Error(codes.PermissionDenied, "no"), errors.New("no")} {
		var failure *bonafide.Error
		if err := refused(t, with); !errors.As(err, &failure) || failure.Reason != "" || failure.Metadata != nil {
			t.Error(err)
		}
	}
}

func TestEachCodeHasItsError(t *testing.T) {
	t.Parallel()
	all := []error{
		bonafide.ErrCanceled, bonafide.ErrUnknown, bonafide.ErrInvalidArgument, bonafide.ErrDeadlineExceeded, bonafide.ErrNotFound,
		bonafide.ErrAlreadyExists, bonafide.ErrPermissionDenied, bonafide.ErrResourceExhausted, bonafide.ErrFailedPrecondition,
		bonafide.ErrAborted, bonafide.ErrOutOfRange, bonafide.ErrUnimplemented, bonafide.ErrInternal, bonafide.ErrUnavailable,
		bonafide.ErrDataLoss, bonafide.ErrUnauthenticated,
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		for other, target := range all {
			if errors.Is(&bonafide.Error{Code: code}, target) != (int(code) == other+1) {
				t.Errorf("%v and %v", code, target)
			}
		}
		// As a caller's own tests make it.
		if status.Code(&bonafide.Error{Code: code}) != code {
			t.Error(code)
		}
	}
}

func TestADeploymentThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	client, err := bonafide.NewClient(listener.Addr().String(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Sessions.Get(t.Context(), sessionID)
	if !errors.Is(err, bonafide.ErrUnavailable) || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Error(err)
	}
}

func TestACallOfAClientThatIsClosedIsCanceled(t *testing.T) {
	t.Parallel()
	s := &server{watches: []watch{sends("1", never, requiresInput)}}
	client := play(t, s)
	s.before = func(ctx context.Context, _ int, _ any) error {
		client.Close()
		<-ctx.Done()
		return ctx.Err()
	}
	isClosed := func(err error) bool {
		return errors.Is(err, bonafide.ErrCanceled) && strings.Contains(err.Error(), "the client is closed")
	}
	var ofWatch error
	for _, err := range client.Sessions.Watch(t.Context(), sessionID) {
		if ofWatch = err; err == nil {
			// Under way, and later.
			for range 2 {
				if _, err := client.Sessions.Get(t.Context(), sessionID); !isClosed(err) {
					t.Error(err)
				}
			}
		}
	}
	if !isClosed(ofWatch) || s.received() != 1 {
		t.Error(ofWatch, s.received())
	}
}

func TestACredentialThatTheServerRepeatsIsHidden(t *testing.T) {
	t.Parallel()
	header := "Bearer " + key
	with, _ := status.New(codes.Unauthenticated, header).WithDetails(
		&errdetails.ErrorInfo{Domain: "bonafide.identity", Reason: "CREDENTIAL_INVALID", Metadata: map[string]string{"header": header}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "header", Description: header}}},
	)
	var failure *bonafide.Error
	if err := refused(t, with.Err()); !errors.As(err, &failure) {
		t.Fatal(err)
	}
	if failure.Message != "Bearer ***" || failure.Metadata["header"] != "Bearer ***" || failure.Violations[0].Description != "Bearer ***" {
		t.Error(failure)
	}
	if text := fmt.Sprintf("%+v %#v", failure, failure.GRPCStatus().Proto()); strings.Contains(text, key) {
		t.Error(text)
	}
	if failure.GRPCStatus().Code() != codes.Unauthenticated {
		t.Error(failure.GRPCStatus())
	}
}

func TestEachReasonHasAName(t *testing.T) {
	t.Parallel()
	list, err := os.Open("../../proto/REASONS.md")
	if err != nil {
		t.Skip("the list of reasons is not here")
	}
	defer list.Close()
	source, err := os.ReadFile("reasons.go")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("^\\| `([A-Z_]+)` \\|")
	for lines := bufio.NewScanner(list); lines.Scan(); {
		if found := row.FindStringSubmatch(lines.Text()); found != nil && !strings.Contains(string(source), `"`+found[1]+`"`) {
			t.Errorf("%s has no name in reasons.go", found[1])
		}
	}
}
