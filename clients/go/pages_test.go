package bonafide_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"

	"bonafide"
	"bonafide/identity"
)

// Answers pages of the sessions 6 to 1, newest first, as the service does.
func sixSessions(request *identity.ListVerificationSessionsRequest) *identity.ListVerificationSessionsResponse {
	first, after := 0, 6
	if request.StartingAfter != nil {
		last, _ := strconv.Atoi(request.GetStartingAfter())
		first = 7 - last
	}
	limit := int(request.GetLimit())
	end := min(first+limit, after)
	more := end < after
	if request.EndingBefore != nil {
		newest, _ := strconv.Atoi(request.GetEndingBefore())
		end = 6 - newest
		first = max(0, end-limit)
		more = first > 0
	}
	answer := &identity.ListVerificationSessionsResponse{HasMore: more}
	for place := first; place < end; place++ {
		answer.Data = append(answer.Data, &identity.VerificationSession{Id: strconv.Itoa(6 - place)})
	}
	return answer
}

func TestAllPagesAreRead(t *testing.T) {
	t.Parallel()
	s := &server{listSessions: sixSessions}
	client := play(t, s)
	limit := func(n uint32) *uint32 { return &n }
	after, before := "4", "2"
	for name, test := range map[string]struct {
		request *identity.ListVerificationSessionsRequest
		want    string
		pages   int
	}{
		"in twos":              {&identity.ListVerificationSessionsRequest{Limit: limit(2)}, "654321", 3},
		"in fours":             {&identity.ListVerificationSessionsRequest{Limit: limit(4)}, "654321", 2},
		"in one":               {&identity.ListVerificationSessionsRequest{Limit: limit(100)}, "654321", 1},
		"from one on":          {&identity.ListVerificationSessionsRequest{Limit: limit(2), StartingAfter: &after}, "321", 2},
		"towards the newer":    {&identity.ListVerificationSessionsRequest{Limit: limit(3), EndingBefore: &before}, "3456", 2},
		"of which none is new": {&identity.ListVerificationSessionsRequest{Limit: limit(3), EndingBefore: func() *string { s := "6"; return &s }()}, "", 1},
	} {
		called := s.received()
		all := client.Sessions.All(t.Context(), test.request)
		// Twice: an iterator begins anew.
		for range 2 {
			ids := ""
			for session, err := range all {
				if err != nil {
					t.Fatal(name, err)
				}
				ids += session.GetId()
			}
			if ids != test.want {
				t.Errorf("%s: %s", name, ids)
			}
		}
		if pages := s.received() - called; pages != 2*test.pages {
			t.Errorf("%s: %d calls", name, pages)
		}
	}
}

func TestPagesHaveAHundredWhereTheRequestDoesNotSay(t *testing.T) {
	t.Parallel()
	var limits []uint32
	client := play(t, &server{
		listSessions: func(request *identity.ListVerificationSessionsRequest) *identity.ListVerificationSessionsResponse {
			limits = append(limits, request.GetLimit())
			return &identity.ListVerificationSessionsResponse{}
		},
		listReports: func(request *identity.ListVerificationReportsRequest) *identity.ListVerificationReportsResponse {
			limits = append(limits, request.GetLimit())
			return &identity.ListVerificationReportsResponse{}
		},
	})
	for _, err := range client.Sessions.All(t.Context(), nil) {
		t.Error(err)
	}
	for _, err := range client.Reports.All(t.Context(), nil) {
		t.Error(err)
	}
	if !slices.Equal(limits, []uint32{100, 100}) {
		t.Error(limits)
	}
}

func TestPagesThatAreNotWantedAreNotRead(t *testing.T) {
	t.Parallel()
	s := &server{listSessions: sixSessions}
	two := uint32(2)
	for session, err := range play(t, s).Sessions.All(t.Context(), &identity.ListVerificationSessionsRequest{Limit: &two}) {
		if err != nil || session.GetId() == "5" {
			break
		}
	}
	if s.received() != 1 {
		t.Errorf("%d pages", s.received())
	}
}

func TestAnErrorEndsAList(t *testing.T) {
	t.Parallel()
	s := &server{
		before: func(_ context.Context, number int, _ any) error {
			if number == 2 {
				return refusal(codes.InvalidArgument, bonafide.ReasonInvalidFields)
			}
			return nil
		},
		listReports: func(*identity.ListVerificationReportsRequest) *identity.ListVerificationReportsResponse {
			return &identity.ListVerificationReportsResponse{Data: []*identity.VerificationReport{{Id: "vr_1"}}, HasMore: true}
		},
	}
	var yielded []error
	for _, err := range play(t, s).Reports.All(t.Context(), nil) {
		yielded = append(yielded, err)
	}
	if len(yielded) != 2 || yielded[0] != nil || !errors.Is(yielded[1], bonafide.ErrInvalidArgument) {
		t.Error(yielded)
	}
}

func TestAPageWithoutAnEndIsAnError(t *testing.T) {
	t.Parallel()
	client := play(t, &server{listReports: func(*identity.ListVerificationReportsRequest) *identity.ListVerificationReportsResponse {
		return &identity.ListVerificationReportsResponse{HasMore: true}
	}})
	var yielded []error
	for _, err := range client.Reports.All(t.Context(), nil) {
		yielded = append(yielded, err)
	}
	if len(yielded) != 1 || !errors.Is(yielded[0], bonafide.ErrDataLoss) {
		t.Error(yielded)
	}
}
