//! `bonafide certs`: a CA for development, and what it issues.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, ensure};
use doc_check_svc::server::DocCheckSvc;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use report_svc::server::ReportSvc;
use selfie_svc::server::SelfieSvc;
use service_kit::service::Service as _;
use session_svc::server::SessionSvc;
use time::{Duration, OffsetDateTime};

use crate::stdout::print;

/// The name of this command, by which report-svc knows it.
const COMMAND: &str = "bonafide";

/// Who gets a certificate.
const HOLDERS: [&str; 5] = [
    SessionSvc::NAME,
    DocCheckSvc::NAME,
    SelfieSvc::NAME,
    ReportSvc::NAME,
    COMMAND,
];

/// What every machine calls itself.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Clocks of other machines may be slow.
const BEFORE_NOW: Duration = Duration::hours(1);

/// Make a CA for development, and a certificate for each service and for this command
#[derive(Debug, clap::Args)]
pub struct Certs {
    /// Folder for the files
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// For how many days the certificates are valid
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// Another name or IP address of a service, e.g. session-svc=identity.example.com; may be given several times
    #[arg(long = "name", value_name = "SERVICE=NAME")]
    names: Vec<Name>,
    /// Replace the files that are there: services that use them take the new ones within seconds, and then know the new CA alone
    #[arg(long)]
    force: bool,
}

/// What a service is called beside its usual names.
#[derive(Clone, Debug)]
struct Name {
    holder: &'static str,
    name: String,
}

/// Not a name for a certificate.
#[derive(Debug, thiserror::Error)]
enum NameError {
    #[error("write SERVICE=NAME, e.g. report-svc=report-svc.bonafide.svc")]
    Form,
    #[error("there is no service {0:?}: they are {services}", services = HOLDERS.join(", "))]
    Service(String),
    #[error("{0:?} is neither a DNS name nor an IP address")]
    Name(String),
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (service, name) = text.split_once('=').ok_or(NameError::Form)?;
        let holder = HOLDERS.into_iter().find(|holder| *holder == service);
        let holder = holder.ok_or_else(|| NameError::Service(service.to_owned()))?;
        let letter = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        let is_dns = name
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(letter));
        if !is_dns && name.parse::<IpAddr>().is_err() {
            return Err(NameError::Name(name.to_owned()));
        }
        Ok(Self {
            holder,
            name: name.to_owned(),
        })
    }
}

/// A file, and what is said of it.
struct File {
    path: PathBuf,
    content: String,
    /// For its owner's eyes only.
    private: bool,
    about: String,
}

impl Certs {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let files = self.make()?;
        let out = self.out.display();
        fs::create_dir_all(&self.out).with_context(|| format!("cannot create {out}"))?;
        if !self.force {
            for file in &files {
                let path = file.path.display();
                ensure!(
                    !file.path.exists(),
                    "{path} is there already: name another folder, or replace all with --force"
                );
            }
        }
        let mut said = String::new();
        for file in &files {
            write(file, self.force).with_context(|| format!("cannot write {}", file.path.display()))?;
            let _ = writeln!(said, "{:32}  {}", file.path.display(), file.about);
        }
        print(&said)?;
        Ok(ExitCode::SUCCESS)
    }

    fn make(&self) -> anyhow::Result<Vec<File>> {
        let now = OffsetDateTime::now_utc();
        let until = now + Duration::days(self.days.into());
        let mut ca = CertificateParams::default();
        ca.distinguished_name
            .push(DnType::CommonName, "Bonafide development CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (ca.not_before, ca.not_after) = (now - BEFORE_NOW, until);
        let key = KeyPair::generate()?;
        let certificate = ca.self_signed(&key)?.pem();
        let about = format!("development CA, until {} (--tls-ca)", until.date());
        let mut files = vec![
            self.file("ca.pem", certificate, about),
            self.key("ca.key", &key, "its key, which no service needs"),
        ];
        let issuer = Issuer::new(ca, key);
        for holder in HOLDERS {
            let names = self.names_of(holder);
            let about = names.join(", ");
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, holder);
            params.use_authority_key_identifier_extension = true;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = match holder {
                COMMAND => vec![ExtendedKeyUsagePurpose::ClientAuth],
                _ => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
            };
            (params.not_before, params.not_after) = (now - BEFORE_NOW, until);
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &issuer)?.pem();
            files.push(self.file(&format!("{holder}.pem"), certificate, about));
            files.push(self.key(&format!("{holder}.key"), &key, "its key"));
        }
        Ok(files)
    }

    fn names_of(&self, holder: &str) -> Vec<String> {
        let here = HERE.iter().filter(|_| holder != COMMAND).copied();
        let others = self.names.iter().filter(|name| name.holder == holder);
        let others = others.map(|name| name.name.as_str());
        [holder]
            .into_iter()
            .chain(others)
            .chain(here)
            .map(str::to_owned)
            .collect()
    }

    fn file(&self, name: &str, content: String, about: String) -> File {
        File {
            path: self.out.join(name),
            content,
            private: false,
            about,
        }
    }

    fn key(&self, name: &str, key: &KeyPair, about: &str) -> File {
        File {
            private: true,
            ..self.file(name, key.serialize_pem(), about.to_owned())
        }
    }
}

/// Writes the whole file or none.
fn write(file: &File, force: bool) -> anyhow::Result<()> {
    let folder = file.path.parent().unwrap_or(Path::new("."));
    let mut unfinished = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        unfinished.permissions(fs::Permissions::from_mode(if file.private { 0o600 } else { 0o644 }));
    }
    let mut unfinished = unfinished.tempfile_in(folder)?;
    unfinished.write_all(file.content.as_bytes())?;
    if force {
        unfinished.persist(&file.path)?;
    } else {
        unfinished.persist_noclobber(&file.path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_a_service_and_dns_or_addresses() {
        for good in [
            "report-svc=report-svc.bonafide.svc",
            "session-svc=10.0.0.1",
            "session-svc=fd00::1",
            "bonafide=bonafide.ops",
        ] {
            good.parse::<Name>().expect(good);
        }
        for (bad, told) in [
            ("report-svc", "SERVICE=NAME"),
            ("redis=redis", "there is no service"),
            ("report-svc=", "neither"),
            ("report-svc=a b", "neither"),
            ("report-svc=https://report-svc", "neither"),
            ("report-svc=.svc", "neither"),
        ] {
            let error = bad.parse::<Name>().expect_err(bad).to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
