package bonafide

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The domain of the reasons that services of Bonafide give.
const reasonDomain = "bonafide.identity"

// Error is why a call failed. Match it with errors.As, its code with errors.Is and one of the values below, and its reason where that is
// not enough. No error holds a key, a client secret or a picture.
type Error struct {
	// Code is gRPC's status code.
	Code codes.Code
	// Reason is for programs, and never changes. Empty where no service of Bonafide answered.
	Reason Reason
	// Message is for people, and may change.
	Message string
	// Violations are all fields of the request that are wrong.
	Violations []Violation
	// Metadata is what the reason says besides.
	Metadata map[string]string
	// RetryAfter is how long to wait before the same call may succeed. Zero where nothing is said of it.
	RetryAfter time.Duration

	// Whether the server said when to try again.
	retryAsked bool
	// As it came; nil where it repeats the credential.
	status *status.Status
}

// Violation is what is wrong with one field of a request.
type Violation struct {
	// Field is its path, such as options.document.allowed_types.
	Field string
	// Description says what it should be.
	Description string
}

// Errors of each status code, for errors.Is.
var (
	ErrCanceled           error = codeError(codes.Canceled)
	ErrUnknown            error = codeError(codes.Unknown)
	ErrInvalidArgument    error = codeError(codes.InvalidArgument)
	ErrDeadlineExceeded   error = codeError(codes.DeadlineExceeded)
	ErrNotFound           error = codeError(codes.NotFound)
	ErrAlreadyExists      error = codeError(codes.AlreadyExists)
	ErrPermissionDenied   error = codeError(codes.PermissionDenied)
	ErrResourceExhausted  error = codeError(codes.ResourceExhausted)
	ErrFailedPrecondition error = codeError(codes.FailedPrecondition)
	ErrAborted            error = codeError(codes.Aborted)
	ErrOutOfRange         error = codeError(codes.OutOfRange)
	ErrUnimplemented      error = codeError(codes.Unimplemented)
	ErrInternal           error = codeError(codes.Internal)
	ErrUnavailable        error = codeError(codes.Unavailable)
	ErrDataLoss           error = codeError(codes.DataLoss)
	ErrUnauthenticated    error = codeError(codes.Unauthenticated)
)

type codeError codes.Code

func (c codeError) Error() string {
	return "bonafide: " + codes.Code(c).String()
}

// Error says all but the metadata.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "bonafide: %s", e.Code)
	if e.Reason != "" {
		fmt.Fprintf(&text, " (%s)", e.Reason)
	}
	fmt.Fprintf(&text, ": %s", e.Message)
	for _, violation := range e.Violations {
		fmt.Fprintf(&text, "; %s: %s", violation.Field, violation.Description)
	}
	return text.String()
}

// Is says whether the target is the value of the error's code, such as [ErrNotFound], or the error of contexts that means the same.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Code == codes.Canceled
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	}
	code, ok := target.(codeError)
	return ok && codes.Code(code) == e.Code
}

// GRPCStatus is the status, for status.FromError: with all its details, unless the credential is among them.
func (e *Error) GRPCStatus() *status.Status {
	if e.status == nil {
		return status.New(e.Code, e.Message)
	}
	return e.status
}

// An error that is found on this side.
func newError(code codes.Code, format string, arguments ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

// The error of a call, from gRPC's.
func (c *caller) asError(err error) *Error {
	if failure, ok := err.(*Error); ok {
		return failure
	}
	status := status.Convert(err)
	failure := &Error{Code: status.Code(), Message: c.hide(status.Message())}
	if text := status.Proto().String(); c.hide(text) == text {
		failure.status = status
	}
	if failure.Code == codes.Canceled && c.isClosed() {
		failure.Message = "the client is closed"
	}
	for _, detail := range status.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			// Others on the way, such as a proxy, have reasons of their own.
			if detail.GetDomain() == reasonDomain {
				failure.Reason, failure.Metadata = Reason(detail.GetReason()), detail.GetMetadata()
				for key, value := range failure.Metadata {
					failure.Metadata[key] = c.hide(value)
				}
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				failure.Violations = append(failure.Violations, Violation{violation.GetField(), c.hide(violation.GetDescription())})
			}
		case *errdetails.RetryInfo:
			// Without a time it says nothing.
			failure.retryAsked = detail.GetRetryDelay() != nil
			failure.RetryAfter = max(0, detail.GetRetryDelay().AsDuration())
		}
	}
	return failure
}
