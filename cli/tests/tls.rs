//! Certificates that `bonafide certs` made protect every call of a verification, and the commands that operators give.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cli::keys::Keys;
use doc_check_svc::server::DocCheckSvc;
use report_svc::server::ReportSvc;
use selfie_svc::server::SelfieSvc;
use service_kit::config::ServeConfig;
use service_kit::service::Service;
use service_kit::tls::{ClientCertConfig, TlsConfig};
use session_svc::documents::DocumentConfig;
use session_svc::server::SessionSvc;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

mod submission;

/// A folder of certificates, and the keys of a deployment.
struct Stage {
    folder: TempDir,
    keys: Keys,
    shutdown: CancellationToken,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn bonafide(arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_bonafide")).args(arguments).output()?)
}

fn certs(folder: &Path, more: &[&str]) -> anyhow::Result<Output> {
    let folder = folder.to_string_lossy();
    bonafide(&[&["certs", "--out", &folder], more].concat())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Stage {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        for certificates in ["certs", "public"] {
            let made = certs(&folder.path().join(certificates), &[])?;
            anyhow::ensure!(made.status.success(), said(&made));
        }
        Ok(Self {
            keys: Keys::open(folder.path())?,
            shutdown: CancellationToken::new(),
            folder,
        })
    }

    fn cert(&self, name: &str) -> PathBuf {
        self.folder.path().join("certs").join(name)
    }

    /// A certificate of another CA, which callers from outside trust.
    fn public_cert(&self, name: &str) -> PathBuf {
        self.folder.path().join("public").join(name)
    }

    fn serve<S: Service>(&self) -> ServeConfig {
        ServeConfig {
            service_token: Some(self.keys.service_token.clone()),
            tls: TlsConfig {
                cert: Some(self.cert(&format!("{}.pem", S::NAME))),
                key: Some(self.cert(&format!("{}.key", S::NAME))),
                ca: Some(self.cert("ca.pem")),
                ..TlsConfig::default()
            },
            ..ServeConfig::default()
        }
    }

    async fn start<S: Service>(&self, config: S::Config) -> anyhow::Result<String> {
        let service = S::bind(config)
            .await
            .map_err(|error| anyhow::anyhow!("{}: {error}", S::NAME))?;
        let address = service.url();
        tokio::spawn(service.serve(self.shutdown.clone()));
        Ok(address)
    }

    async fn report_svc(&self) -> anyhow::Result<String> {
        self.start::<ReportSvc>(report_svc::config::Config {
            serve: self.serve::<ReportSvc>(),
            master_keys: Some(self.keys.master_key.clone()),
            ..report_svc::config::Config::embedded(self.folder.path())
        })
        .await
    }

    /// Runs `bonafide` inside, with the certificate of `holder`, if any.
    async fn run(&self, holder: Option<&str>, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = self.command(arguments, &self.cert("ca.pem"));
        if let Some(holder) = holder {
            command.arg("--tls-cert").arg(self.cert(&format!("{holder}.pem")));
            command.arg("--tls-key").arg(self.cert(&format!("{holder}.key")));
        }
        Ok(command.output().await?)
    }

    /// Runs `bonafide` as somebody outside, who trusts the public CA.
    async fn run_outside(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(self.command(arguments, &self.public_cert("ca.pem")).output().await?)
    }

    fn command(&self, arguments: &[&str], ca: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_bonafide"));
        command.args(arguments).arg("--tls-ca").arg(ca);
        command
            .env("BONAFIDE_SERVICE_TOKEN", self.keys.service_token.expose())
            .env("BONAFIDE_API_KEY", self.keys.restricted_api_key.expose());
        command
    }
}

#[test]
fn certificates_are_made_and_never_overwritten_unasked() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let certificates = folder.path().join("certs");
    let made = certs(
        &certificates,
        &["--name", "report-svc=report-svc.bonafide.svc", "--days", "7"],
    )?;
    assert!(made.status.success(), "{}", said(&made));
    let printed = String::from_utf8(made.stdout)?;
    let mut files = 0;
    for entry in fs::read_dir(&certificates)? {
        let path = entry?.path();
        assert!(printed.contains(&path.display().to_string()), "{printed}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let expected = if path.extension().is_some_and(|extension| extension == "key") {
                0o600
            } else {
                0o644
            };
            assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, expected, "{path:?}");
        }
        files += 1;
    }
    assert_eq!(files, 12, "of the CA, of four services and of the command");
    assert!(printed.contains("report-svc.bonafide.svc"), "{printed}");

    let before = fs::read(certificates.join("ca.pem"))?;
    let again = certs(&certificates, &[])?;
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("is there already"), "{}", said(&again));
    assert_eq!(fs::read(certificates.join("ca.pem"))?, before);
    let forced = certs(&certificates, &["--force"])?;
    assert!(forced.status.success(), "{}", said(&forced));
    assert_ne!(fs::read(certificates.join("ca.pem"))?, before);
    Ok(())
}

#[tokio::test]
async fn report_svc_answers_the_command_and_no_other_service() -> anyhow::Result<()> {
    let stage = Stage::new()?;
    let address = stage.report_svc().await?;
    let list = ["queue", "list", "--address", &address];
    let listed = stage.run(Some("bonafide"), &list).await?;
    assert!(listed.status.success() && listed.stdout.is_empty(), "{}", said(&listed));
    for (holder, told) in [
        (Some("selfie-svc"), "CALLER_NOT_ALLOWED"),
        (
            None,
            "it takes no connection without a certificate: name one with --tls-cert and --tls-key",
        ),
    ] {
        let refused = stage.run(holder, &list).await?;
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(told) && said.lines().count() == 1, "{said}");
    }
    let plain = ["queue", "list", "--address", &address.replace("https", "http")];
    let refused = stage.run(Some("bonafide"), &plain).await?;
    assert!(said(&refused).contains("called at https://"), "{}", said(&refused));
    let beyond = ["queue", "list", "--address", "http://192.0.2.1:50051"];
    let refused = stage.run(Some("bonafide"), &beyond).await?;
    assert!(
        said(&refused).contains("no credential is sent to"),
        "{}",
        said(&refused)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_runs_over_tls_from_end_to_end() -> anyhow::Result<()> {
    let Some(submission) = submission::submission()? else {
        return Ok(());
    };
    let stage = Stage::new()?;
    let inside = stage.serve::<SessionSvc>();
    let session = session_svc::config::Config {
        serve: ServeConfig {
            tls: TlsConfig {
                cert: Some(stage.public_cert("session-svc.pem")),
                key: Some(stage.public_cert("session-svc.key")),
                ..inside.tls.clone()
            },
            ..inside.clone()
        },
        client_cert: ClientCertConfig {
            cert: inside.tls.cert,
            key: inside.tls.key,
        },
        api_keys: stage.keys.list("default"),
        client_secret_key: stage.keys.client_secret_key.clone(),
        report_address: stage.report_svc().await?,
        document_address: stage
            .start::<DocCheckSvc>(doc_check_svc::config::Config {
                serve: stage.serve::<DocCheckSvc>(),
                ..doc_check_svc::config::Config::default()
            })
            .await?,
        selfie_address: stage
            .start::<SelfieSvc>(selfie_svc::config::Config {
                serve: stage.serve::<SelfieSvc>(),
                ..selfie_svc::config::Config::default()
            })
            .await?,
        documents: DocumentConfig {
            allow_specimens: true,
            ..DocumentConfig::default()
        },
        ..session_svc::config::Config::default()
    };
    let address = stage.start::<SessionSvc>(session).await?;
    assert!(address.starts_with("https://"), "{address}");

    let file = |name: &str, content: &[u8]| {
        let path = stage.folder.path().join(name);
        fs::write(&path, content).map(|()| path.display().to_string())
    };
    let document = file("document.jpg", &submission.document)?;
    let selfie = file("selfie.jpg", &submission.selfie.unwrap_or_default())?;
    let verify = [
        "verify",
        "--address",
        &address,
        "--document",
        &document,
        "--selfie",
        &selfie,
    ];
    let refused = stage.run(None, &verify).await?;
    assert!(
        said(&refused).contains("of no CA that is trusted here"),
        "{}",
        said(&refused)
    );
    let verified = stage.run_outside(&verify).await?;
    assert!(verified.status.success(), "{}", said(&verified));
    Ok(())
}
