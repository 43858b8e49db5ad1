package bonafide

import (
	"context"
	"iter"

	"bonafide/identity"
)

// Reports are the calls about verification reports. Sensitive fields are there with a restricted key alone.
type Reports struct {
	caller *caller
	client identity.VerificationReportServiceClient
}

// Get reads the report of one attempt.
func (r *Reports) Get(ctx context.Context, report string) (*identity.VerificationReport, error) {
	request := &identity.GetVerificationReportRequest{VerificationReport: report}
	return call(ctx, r.caller, r.client.GetVerificationReport, request)
}

// List answers one page of the account's reports, newest first.
func (r *Reports) List(
	ctx context.Context, request *identity.ListVerificationReportsRequest,
) (*identity.ListVerificationReportsResponse, error) {
	return call(ctx, r.caller, r.client.ListVerificationReports, copied(request))
}

// All are the reports of all pages from the one that the request asks for: newest first, or, where it says ending_before, oldest first. An
// error is the last that is yielded.
//
// Each page is a call of its own; a deadline of the context is that of all of them.
func (r *Reports) All(
	ctx context.Context, request *identity.ListVerificationReportsRequest,
) iter.Seq2[*identity.VerificationReport, error] {
	return func(yield func(*identity.VerificationReport, error) bool) {
		request := copied(request)
		turnPages(yield, &request.Limit, &request.StartingAfter, &request.EndingBefore, func() (page[*identity.VerificationReport], error) {
			return r.List(ctx, request)
		})
	}
}
