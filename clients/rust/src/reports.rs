//! Calls about reports.

use futures_util::Stream;

use crate::Error;
use crate::call::Calls;
use crate::client::CALL;
use crate::pages;
use crate::v1::verification_report_service_client::VerificationReportServiceClient;
use crate::v1::{
    GetVerificationReportRequest, ListVerificationReportsRequest, ListVerificationReportsResponse, VerificationReport,
};

/// Calls about reports. A plain key reads them without what is sensitive.
#[derive(Clone)]
pub struct Reports {
    calls: Calls,
}

impl Reports {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { calls }
    }

    /// Reads the report of one attempt.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn get(&self, id: &str) -> Result<VerificationReport, Error> {
        let request = GetVerificationReportRequest {
            verification_report: id.to_owned(),
        };
        self.calls
            .unary(CALL, request, |channel, request| async move {
                VerificationReportServiceClient::new(channel)
                    .get_verification_report(request)
                    .await
            })
            .await
    }

    /// One page of the account's reports, newest first.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn list(
        &self,
        request: ListVerificationReportsRequest,
    ) -> Result<ListVerificationReportsResponse, Error> {
        self.calls
            .unary(CALL, request, |channel, request| async move {
                VerificationReportServiceClient::new(channel)
                    .list_verification_reports(request)
                    .await
            })
            .await
    }

    /// All of them, page by page: newest first or, from `ending_before` on, oldest first.
    pub fn list_all(
        &self,
        request: ListVerificationReportsRequest,
    ) -> impl Stream<Item = Result<VerificationReport, Error>> + use<> {
        let reports = self.clone();
        pages::all(request, move |page| {
            let reports = reports.clone();
            async move { reports.list(page).await }
        })
    }
}
