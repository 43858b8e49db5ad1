//! Reports, for backends.

use proto::identity::v1::verification_report_service_server::VerificationReportService;
use proto::identity::v1::{GetVerificationReportRequest, VerificationReport};
use proto::store::v1::GetReportRequest;
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
}

#[tonic::async_trait]
impl VerificationReportService for Reports {
    async fn get_verification_report(
        &self,
        request: Request<GetVerificationReportRequest>,
    ) -> Result<Response<VerificationReport>, Status> {
        Ok(Response::new(self.get(request).await?))
    }
}
