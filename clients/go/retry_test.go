package bonafide_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"bonafide"
	"bonafide/identity"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestEveryChangeIsRetriedUnderItsOwnKey(t *testing.T) {
	t.Parallel()
	var keys []string
	client := play(t, &server{before: func(_ context.Context, number int, request any) error {
		keys = append(keys, request.(interface{ GetIdempotencyKey() string }).GetIdempotencyKey())
		if number%3 != 0 {
			return status.Error(codes.Unavailable, "not now")
		}
		return nil
	}})
	var seen []string
	for name, call := range everyChange(t, client) {
		keys = nil
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(keys) != 3 || keys[0] != keys[1] || keys[0] != keys[2] {
			t.Errorf("%s: three tries have one key, not %q", name, keys)
			continue
		}
		if !uuid.MatchString(keys[0]) || slices.Contains(seen, keys[0]) {
			t.Errorf("%s: %s is no new UUID", name, keys[0])
		}
		seen = append(seen, keys[0])
	}
}

func TestAKeyThatIsGivenIsTheCalls(t *testing.T) {
	t.Parallel()
	var keys []string
	client := play(t, &server{before: func(_ context.Context, _ int, request any) error {
		keys = append(keys, request.(interface{ GetIdempotencyKey() string }).GetIdempotencyKey())
		return nil
	}})
	given := "order 1007"
	request := &identity.CreateVerificationSessionRequest{IdempotencyKey: &given}
	person := person(t, client)
	for _, err := range []error{
		second(client.Sessions.Create(t.Context(), request)),
		second(client.Sessions.Cancel(t.Context(), sessionID, bonafide.WithIdempotencyKey(given))),
		second(client.Sessions.Redact(t.Context(), sessionID, bonafide.WithIdempotencyKey(given))),
		second(person.Submit(t.Context(), bonafide.WithIdempotencyKey(given))),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(keys, []string{given, given, given, given}) {
		t.Errorf("%q", keys)
	}
}

func TestARequestIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	client := play(t, &server{})
	request := &identity.CreateVerificationSessionRequest{}
	if _, err := client.Sessions.Create(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if request.IdempotencyKey != nil {
		t.Error("the key of one call would be that of the next")
	}
}

func TestWhatIsRetried(t *testing.T) {
	t.Parallel()
	soon := retryAfter(time.Millisecond)
	for name, test := range map[string]struct {
		refusal error
		tries   int
	}{
		"UNAVAILABLE of a service":             {refusal(codes.Unavailable, bonafide.ReasonUnavailable, soon), 5},
		"UNAVAILABLE of something else":        {status.Error(codes.Unavailable, "no"), 5},
		"CONTENDED":                            {refusal(codes.Aborted, bonafide.ReasonContended, soon), 5},
		"CONTENDED that does not say when":     {refusal(codes.Aborted, bonafide.ReasonContended), 5},
		"OVERLOADED":                           {refusal(codes.ResourceExhausted, bonafide.ReasonOverloaded, soon), 5},
		"ABORTED without a reason":             {status.Error(codes.Aborted, "no"), 1},
		"RESOURCE_EXHAUSTED without a reason":  {status.Error(codes.ResourceExhausted, "no"), 1},
		"INVALID_FIELDS":                       {refusal(codes.InvalidArgument, bonafide.ReasonInvalidFields, soon), 1},
		"INTERNAL":                             {refusal(codes.Internal, bonafide.ReasonInternal), 1},
		"DEADLINE":                             {refusal(codes.DeadlineExceeded, bonafide.ReasonDeadline), 1},
		"UNAVAILABLE that asks for an hour":    {refusal(codes.Unavailable, bonafide.ReasonUnavailable, retryAfter(time.Hour)), 1},
		"OVERLOADED that asks for nine":        {refusal(codes.ResourceExhausted, bonafide.ReasonOverloaded, retryAfter(9*time.Hour)), 1},
		"a pause without a time":               {refusal(codes.Unavailable, bonafide.ReasonUnavailable, &errdetails.RetryInfo{}), 5},
		"a pause of less than nothing is none": {refusal(codes.Unavailable, bonafide.ReasonUnavailable, retryAfter(-time.Hour)), 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{before: func(context.Context, int, any) error { return test.refusal }}
			client := play(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := client.Sessions.Get(ctx, sessionID)
			if status.Code(err) != status.Code(test.refusal) {
				t.Errorf("%v instead of %v", err, test.refusal)
			}
			if tries := s.received(); tries != test.tries {
				t.Errorf("%d tries instead of %d", tries, test.tries)
			}
		})
	}
}

func TestRetryInfoIsWaitedFor(t *testing.T) {
	t.Parallel()
	const asked = 400 * time.Millisecond
	var refused, again time.Time
	client := play(t, &server{before: func(_ context.Context, number int, _ any) error {
		if number == 1 {
			refused = time.Now()
			return refusal(codes.ResourceExhausted, bonafide.ReasonOverloaded, retryAfter(asked))
		}
		again = time.Now()
		return nil
	}})
	if _, err := client.Sessions.Get(t.Context(), sessionID); err != nil {
		t.Fatal(err)
	}
	if waited := again.Sub(refused); waited < asked {
		t.Errorf("it waited for %v", waited)
	}
}

func TestNoCallHasNoDeadline(t *testing.T) {
	t.Parallel()
	var left time.Duration
	note := func(ctx context.Context) {
		left = 0
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
	}
	played := &server{
		before:    func(ctx context.Context, _ int, _ any) error { note(ctx); return nil },
		downloads: []download{func(stream downloadStream) error { note(stream.Context()); return sendPicture(stream, 1, "x") }},
	}
	client := play(t, played)
	calls := everyCall(t, client)
	calls["files.download"] = func(ctx context.Context) error { return second(client.Files.Download(ctx, "file_1")) }
	for name, call := range calls {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		most := 10 * time.Second
		if name == "person.upload" || name == "files.download" {
			most = time.Minute
		}
		if left <= most/2 || left > most {
			t.Errorf("%s: %v instead of %v", name, left, most)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := calls["sessions.get"](ctx); err != nil || left <= time.Minute {
		t.Errorf("the context's deadline is the call's: %v, %v", left, err)
	}
}

func TestTheClientsTimeoutIsThatOfItsCalls(t *testing.T) {
	t.Parallel()
	var left time.Duration
	client := play(t, &server{before: func(ctx context.Context, _ int, _ any) error {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return nil
	}}, bonafide.WithTimeout(time.Hour))
	for name, call := range everyCall(t, client) {
		if err := call(t.Context()); err != nil || left <= time.Minute || left > time.Hour {
			t.Errorf("%s: %v, %v", name, left, err)
		}
	}
}

func TestADeadlineOfAMillisecondEndsTheCall(t *testing.T) {
	t.Parallel()
	client := play(t, &server{before: func(ctx context.Context, _ int, _ any) error {
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := client.Sessions.Get(ctx, sessionID)
	if !errors.Is(err, bonafide.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestACallerWhoStopsDoesNotWait(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &server{before: func(context.Context, int, any) error {
		cancel()
		return refusal(codes.Unavailable, bonafide.ReasonUnavailable, retryAfter(time.Second))
	}}
	_, err := play(t, s).Sessions.Get(ctx, sessionID)
	if !errors.Is(err, bonafide.ErrCanceled) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s.received() != 1 {
		t.Errorf("%d tries", s.received())
	}
}

func TestALostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	sessions := map[string]string{}
	s := &server{}
	s.create = func(request *identity.CreateVerificationSessionRequest) *identity.VerificationSession {
		s.mutex.Lock()
		id, known := sessions[request.GetIdempotencyKey()]
		if !known {
			id = "vs_of_" + request.GetIdempotencyKey()
			sessions[request.GetIdempotencyKey()] = id
		}
		s.mutex.Unlock()
		if !known {
			s.breakConnections()
		}
		return &identity.VerificationSession{Id: id}
	}
	session, err := play(t, s).Sessions.Create(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(sessions) != 1 || s.received() < 2 {
		t.Errorf("%d sessions by %d calls, of which %s was answered", len(sessions), s.received(), session.GetId())
	}
}

func TestEachCallerHasItsCredential(t *testing.T) {
	t.Parallel()
	var mutex sync.Mutex
	var credentials []string
	client := play(t, &server{before: func(ctx context.Context, _ int, _ any) error {
		mutex.Lock()
		defer mutex.Unlock()
		headers, _ := metadata.FromIncomingContext(ctx)
		credentials = append(credentials, headers.Get("authorization")...)
		return nil
	}})
	if _, err := client.Sessions.Get(t.Context(), sessionID); err != nil {
		t.Error(err)
	}
	if _, err := person(t, client).Submit(t.Context()); err != nil {
		t.Error(err)
	}
	if !slices.Equal(credentials, []string{"Bearer " + key, "Bearer " + secret}) {
		t.Errorf("%q", credentials)
	}
}
