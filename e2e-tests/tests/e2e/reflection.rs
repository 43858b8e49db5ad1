//! What each server tells of itself.

use e2e_tests::stage::stage;
use service_kit::client::ServiceChannel;
use service_kit::testing::listed_services;

/// Every server has these beside its own.
const COMMON: [&str; 2] = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"];

#[test]
fn each_server_lists_its_own_services_and_no_others() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let mut services = 0;
    for (name, address) in stage.deployment.services() {
        let own: &[&str] = match name {
            "session-svc" => &[
                "bonafide.identity.v1.CaptureService",
                "bonafide.identity.v1.FileService",
                "bonafide.identity.v1.TestHelperService",
                "bonafide.identity.v1.VerificationReportService",
                "bonafide.identity.v1.VerificationSessionService",
            ],
            "doc-check-svc" => &["bonafide.document.v1.DocumentCheckService"],
            "selfie-svc" => &["bonafide.face.v1.FaceService", "bonafide.selfie.v1.SelfieCheckService"],
            "report-svc" => &["bonafide.store.v1.QueueService", "bonafide.store.v1.StoreService"],
            other => anyhow::bail!("{other} is not known"),
        };
        let listed = stage.run(async {
            let channel = ServiceChannel::new(&format!("http://{address}"), None)?;
            anyhow::Ok(listed_services(channel).await?)
        })?;
        assert_eq!(listed, [own, &COMMON].concat(), "{name}");
        services += 1;
    }
    assert_eq!(services, 4);
    Ok(())
}
