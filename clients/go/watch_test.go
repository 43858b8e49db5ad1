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
		sends("4", func(watchStream) error { return status.Error(codes.Internal, "reset") }, processing),
		sends("5", func(watchStream) error { return refusal(codes.Unavailable, bonafide.ReasonUnavailable, retryAfter(1)) }),
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
			client := play(t, &server{watches: []watch{answer}})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			statuses, err := watched(ctx, client)
			if !errors.Is(err, bonafide.ErrDeadlineExceeded) {
				t.Error(err)
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

func TestAWatchEndsWithWhatCannotBeRetried(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer watch
		opened int
		want   error
	}{
		"a refusal":       {func(watchStream) error { return refusal(codes.NotFound, bonafide.ReasonSessionNotFound) }, 1, bonafide.ErrNotFound},
		"a defect":        {func(watchStream) error { return status.Error(codes.Internal, "reset") }, 1, bonafide.ErrInternal},
		"a later defect":  {sends("1", func(watchStream) error { return refusal(codes.Internal, bonafide.ReasonInternal) }, verified), 1, bonafide.ErrInternal},
		"one that is not": {unavailable, 5, bonafide.ErrUnavailable},
		"silence":         {inOrder, 5, bonafide.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{watches: []watch{test.answer}}
			_, err := watched(t.Context(), play(t, s))
			if !errors.Is(err, test.want) || s.watched != test.opened {
				t.Errorf("%v after %d streams", err, s.watched)
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
