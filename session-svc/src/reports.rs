//! Reports, for backends.

use proto::identity::v1::verification_report_service_server::VerificationReportService;
use proto::identity::v1::{
    GetVerificationReportRequest, ListVerificationReportsRequest, ListVerificationReportsResponse, VerificationReport,
};
use proto::store::v1::{GetReportRequest, ListReportsRequest};
use tonic::{Request, Response, Status};

use crate::auth::Backend;
use crate::error::Error;
use crate::{Store, present, validate};

pub(crate) struct Reports {
    store: Store,
}

impl Reports {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn get(&self, request: Request<GetVerificationReportRequest>) -> Result<VerificationReport, Error> {
        let backend = Backend::of(&request)?;
        let verification_report = request.into_inner().verification_report;
        validate::report_id(&verification_report)?;
        let request = GetReportRequest {
            verification_report,
            account: backend.account.to_string(),
        };
        let report = self.store.clone().get_report(request).await?.into_inner();
        Ok(present::report(report, &backend))
    }

    async fn list(
        &self,
        request: Request<ListVerificationReportsRequest>,
    ) -> Result<ListVerificationReportsResponse, Error> {
        let backend = Backend::of(&request)?;
        let request = request.into_inner();
        validate::list_reports(&request)?;
        let request = ListReportsRequest {
            account: backend.account.to_string(),
            request: Some(request),
        };
        let listed = self.store.clone().list_reports(request).await?.into_inner();
        let reports = listed.data.into_iter();
        Ok(ListVerificationReportsResponse {
            data: reports.map(|report| present::report(report, &backend)).collect(),
            has_more: listed.has_more,
        })
    }
}

#[tonic::async_trait]
impl VerificationReportService for Reports {
    async fn get_verification_report(
        &self,
        request: Request<GetVerificationReportRequest>,
    ) -> Result<Response<VerificationReport>, Status> {
        Ok(Response::new(self.get(request).await?))
    }

    async fn list_verification_reports(
        &self,
        request: Request<ListVerificationReportsRequest>,
    ) -> Result<Response<ListVerificationReportsResponse>, Status> {
        Ok(Response::new(self.list(request).await?))
    }
}
