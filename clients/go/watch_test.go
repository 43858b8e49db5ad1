package bonafide_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bonafide"
	"bonafide/identity"
)

type (
	watchStream = grpc.ServerStreamingServer[identity.VerificationSession]
	watch       = func(watchStream) error
)

// Sends sessions in these statuses, each with a client secret of this stream alone, and ends as it is told.
func sends(secret string, end func(watchStream) error, statuses ...identity.VerificationSessionStatus) watch {
	return func(stream watchStream) error {
		for _, status := range statuses {
			session := &identity.VerificationSession{Id: sessionID, Status: status}
			if status == requiresInput {
				session.ClientSecret = &secret
			}
			if err := stream.Send(session); err != nil {
				return err
			}
		}
		return end(stream)
	}
}

func inOrder(watchStream) error { return nil }

func unavailable(watchStream) error { return status.Error(codes.Unavailable, "stopping") }

func never(stream watchStream) error {
	<-stream.Context().Done()
	return status.FromContextError(stream.Context().Err()).Err()
}

// What a watch yields, and the error that it ends with.
func watched(ctx context.Context, client *bonafide.Client) (statuses []identity.VerificationSessionStatus, err error) {
	for session, err := range client.Sessions.Watch(ctx, sessionID) {
		if err != nil {
			return statuses, err
		}
		statuses = append(statuses, session.GetStatus())
	}
	return statuses, nil
}

func TestAWatchYieldsEachStateOnceUntilTheEnd(t *testing.T) {
	t.Parallel()
	s := &server{}
	broken := func(stream watchStream) error { s.breakConnections(); return never(stream) }
	s.watches = []watch{
		sends("1", inOrder, requiresInput),
		sends("2", unavailable, requiresInput, processing, processing),
		sends("3", broken, processing),
		sends("4", fails(status.Error(codes.Internal, "reset")), processing),
		sends("5", fails(refusal(codes.Unavailable, bonafide.ReasonUnavailable, retryAfter(1)))),
		sends("6", never, processing, requiresInput, canceled),
	}
	statuses, err := watched(t.Context(), play(t, s))
	if err != nil {
		t.Error(err)
	}
	if !slices.Equal(statuses, []identity.VerificationSessionStatus{requiresInput, processing, requiresInput, canceled}) {
		t.Error(statuses)
	}
}

func TestAWatchEndsWithTheRedaction(t *testing.T) {
	t.Parallel()
	redaction := func(status identity.Redaction_Status) *identity.VerificationSession {
		return &identity.VerificationSession{Status: verified, Redaction: &identity.Redaction{Status: status}}
	}
	client := play(t, &server{watches: []watch{func(stream watchStream) error {
		return errors.Join(
			stream.Send(redaction(identity.Redaction_STATUS_PROCESSING)),
			stream.Send(redaction(identity.Redaction_STATUS_REDACTED)),
			never(stream),
		)
	}}})
	if statuses, err := watched(t.Context(), client); err != nil || len(statuses) != 2 {
		t.Error(statuses, err)
	}
}

func TestAWatchEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]watch{
		"that is open":           sends("1", never, requiresInput),
		"that ends all the time": sends("1", inOrder, requiresInput),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{watches: []watch{answer}}
			client := play(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			statuses, err := watched(ctx, client)
			// With pauses, which double.
			if !errors.Is(err, bonafide.ErrDeadlineExceeded) || s.opened() >= 100 {
				t.Error(err, s.opened())
			}
			if len(statuses) > 1 {
				t.Error(statuses)
			}
		})
	}
}

func TestAWatchEndsWhenTheCallerStops(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	client := play(t, &server{watches: []watch{sends("1", func(stream watchStream) error {
		<-stream.Context().Done()
		close(ended)
		return nil
	}, requiresInput)}})
	for _, err := range client.Sessions.Watch(t.Context(), sessionID) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	// The server is told, too.
	<-ended
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	client := play(t, &server{watches: []watch{sends("1", never, requiresInput)}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range client.Sessions.Watch(ctx, sessionID) {
		last = err
		cancel()
	}
	if !errors.Is(last, bonafide.ErrCanceled) {
		t.Error(last)
	}
}

func fails(err error) func(watchStream) error {
	return func(watchStream) error { return err }
}

func TestAWatchGoesOnAfterWhatCutsAStreamOff(t *testing.T) {
	t.Parallel()
	s := &server{}
	for _, err := range []error{
		status.Error(codes.Unavailable, ""),
		status.Error(codes.Canceled, ""),
		status.Error(codes.Unknown, ""),
		status.Error(codes.Internal, ""),
		status.Error(codes.DeadlineExceeded, ""),
		refusal(codes.DeadlineExceeded, bonafide.ReasonDeadline),
		refusal(codes.Aborted, bonafide.ReasonContended),
		refusal(codes.ResourceExhausted, bonafide.ReasonOverloaded),
	} {
		s.watches = append(s.watches, sends("1", fails(err), processing))
	}
	s.watches = append(s.watches, sends("2", never, canceled))
	statuses, err := watched(t.Context(), play(t, s))
	if err != nil || !slices.Equal(statuses, []identity.VerificationSessionStatus{processing, canceled}) || s.opened() != 9 {
		t.Error(statuses, err, s.opened())
	}
}

func TestAWatchEndsWithEveryOtherError(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]error{
		"of a session":        refusal(codes.NotFound, bonafide.ReasonSessionNotFound),
		"a defect":            refusal(codes.Internal, bonafide.ReasonInternal),
		"a service's end":     refusal(codes.Canceled, bonafide.ReasonCancelled),
		"too much of a thing": status.Error(codes.ResourceExhausted, ""),
		"no permission":       status.Error(codes.PermissionDenied, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, answer := range []watch{fails(with), sends("1", fails(with), processing)} {
				s := &server{watches: []watch{answer}}
				_, err := watched(t.Context(), play(t, s))
				if status.Code(err) != status.Code(with) || s.opened() != 1 {
					t.Errorf("%v after %d streams", err, s.opened())
				}
			}
		})
	}
}

func TestAWatchOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	s := &server{watches: []watch{sends("1", never, processing), sends("2", never, canceled)}}
	var statuses []identity.VerificationSessionStatus
	for session, err := range play(t, s).Sessions.Watch(t.Context(), sessionID) {
		if err != nil {
			t.Fatal(err)
		}
		if statuses = append(statuses, session.GetStatus()); len(statuses) == 1 {
			s.leave()
			// Longer than a call is tried: four pauses are 1.5 seconds at most.
			time.AfterFunc(2*time.Second, s.comeBack)
		}
	}
	if !slices.Equal(statuses, []identity.VerificationSessionStatus{processing, canceled}) || s.opened() != 2 {
		t.Error(statuses, s.opened())
	}
}

func TestAWatchEndsWithAnOutageThatIsTooLong(t *testing.T) {
	t.Parallel()
	s := &server{watches: []watch{sends("1", never, processing)}}
	var left time.Time
	var last error
	for _, err := range play(t, s, bonafide.WithReconnectTimeout(time.Second)).Sessions.Watch(t.Context(), sessionID) {
		if last = err; err == nil {
			left = time.Now()
			s.leave()
		}
	}
	var failure *bonafide.Error
	if !errors.As(last, &failure) || failure.Code != codes.Unavailable || failure.Reason != "" {
		t.Error(last)
	}
	if gone := time.Since(left); gone < time.Second {
		t.Error(gone)
	}
}

func TestAWatchDoesNotWaitForHours(t *testing.T) {
	t.Parallel()
	const hours = 5 * time.Hour
	lost := fails(refusal(codes.Unavailable, bonafide.ReasonUnavailable, retryAfter(hours)))
	s := &server{watches: []watch{sends("1", lost, processing), lost}}
	_, err := watched(t.Context(), play(t, s, bonafide.WithReconnectTimeout(time.Second)))
	var failure *bonafide.Error
	// A last time when its own time is over.
	if !errors.As(err, &failure) || failure.RetryAfter != hours || s.opened() != 2 {
		t.Error(err, s.opened())
	}
}

func TestAWatchThatIsNeverAnsweredHasAsLongAsACall(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]watch{"unavailable": unavailable, "silence": inOrder} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{watches: []watch{answer}}
			client := play(t, s, bonafide.WithTimeout(time.Second))
			began := time.Now()
			_, err := watched(t.Context(), client)
			if took := time.Since(began); !errors.Is(err, bonafide.ErrUnavailable) || took < time.Second || s.opened() <= 2 {
				t.Errorf("%v after %d streams and %v", err, s.opened(), took)
			}
		})
	}
}

func TestAWatchMayBeRangedOverAgain(t *testing.T) {
	t.Parallel()
	watch := play(t, &server{watches: []watch{sends("1", never, canceled)}}).Sessions.Watch(t.Context(), sessionID)
	for range 2 {
		yielded := 0
		for range watch {
			yielded++
		}
		if yielded != 1 {
			t.Errorf("%d", yielded)
		}
	}
}

func TestWaitAnswersWhenTheChecksHaveEnded(t *testing.T) {
	t.Parallel()
	failed := func(stream watchStream) error {
		return errors.Join(stream.Send(&identity.VerificationSession{
			Status: requiresInput, Insights: &identity.SessionInsights{Attempts: 1},
		}), never(stream))
	}
	for name, test := range map[string]struct {
		answer watch
		want   identity.VerificationSessionStatus
	}{
		"verified":            {sends("1", never, requiresInput, processing, verified), verified},
		"failed":              {sends("1", failed, requiresInput, processing), requiresInput},
		"canceled":            {sends("1", never, requiresInput, canceled), canceled},
		"of a newer contract": {sends("1", never, processing, 99), 99},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			session, err := play(t, &server{watches: []watch{test.answer}}).Sessions.Wait(t.Context(), sessionID)
			if err != nil || session.GetStatus() != test.want {
				t.Error(session.GetStatus(), err)
			}
		})
	}
}

func TestWaitHasADeadline(t *testing.T) {
	t.Parallel()
	var left time.Duration
	client := play(t, &server{watches: []watch{func(stream watchStream) error {
		deadline, _ := stream.Context().Deadline()
		left = time.Until(deadline)
		return stream.Send(&identity.VerificationSession{Status: verified})
	}}}, bonafide.WithTimeout(time.Second))
	if _, err := client.Sessions.Wait(t.Context(), sessionID); err != nil || left <= time.Minute || left > 2*time.Minute {
		t.Error(left, err)
	}
	client = play(t, &server{watches: []watch{sends("1", never, processing)}})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := client.Sessions.Wait(ctx, sessionID); !errors.Is(err, bonafide.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
