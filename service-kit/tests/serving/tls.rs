//! Who gets a connection, who gets an answer, and what both sides tell of those who do not.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::document::v1::document_check_service_client::DocumentCheckServiceClient;
use service_kit::client::{ClientError, ServiceChannel};
use service_kit::config::{ConfigError, Exposure, Secret, ServeConfig};
use service_kit::serving::{ServeError, Server};
use service_kit::status;
use service_kit::testing::listed_services;
use service_kit::tls::{Certificate, ClientCertConfig, ClientTls, TlsConfig, TlsError};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::{Code, Status};

use crate::certificates::{Ca, ENDING, EXPIRED, Folder, HERE, NOT_YET_VALID, VALID};
use crate::connections;
use crate::log::Log;
use crate::service::{Running, order, start, start_as};

const TOKEN: &str = "a token of more than 24 characters";

/// What a caller has that session-svc is.
const CALLER: [&str; 1] = ["session-svc.bonafide.svc"];

fn serve(folder: &Folder) -> ServeConfig {
    ServeConfig {
        tls: folder.config(),
        ..ServeConfig::default()
    }
}

fn channel(running: &Running, tls: &TlsConfig) -> ServiceChannel {
    let tls = ClientTls::open(tls).expect("files that can be used");
    ServiceChannel::with_tls(&running.address, None, &tls).expect("an address")
}

async fn call(channel: ServiceChannel) -> Result<(), Status> {
    let mut client = DocumentCheckServiceClient::new(channel);
    client.check_document(order("answer")).await.map(drop)
}

#[tokio::test]
async fn a_service_that_may_call_is_answered_and_shows_its_token_too() {
    let ca = Ca::new();
    let server = server(&ca);
    let caller = caller(&ca);
    let running = start(ServeConfig {
        service_token: Some(Secret::new(TOKEN)),
        ..serve(&server)
    })
    .await;
    assert!(running.address.starts_with("https://"));
    let tls = ClientTls::open(&caller.config()).expect("files that can be used");
    let by_name = running.address.replace("127.0.0.1", "localhost");
    for address in [&running.address, &by_name] {
        let channel = ServiceChannel::with_tls(address, Some(&Secret::new(TOKEN)), &tls).expect("an address");
        call(channel).await.expect("served");
        let channel = ServiceChannel::with_tls(address, None, &tls).expect("an address");
        let refused = call(channel.clone()).await.expect_err("no token");
        assert_eq!(status::reason(&refused), Some(proto::reason::CREDENTIAL_MISSING));
        assert!(channel.clone().serving().await);
        let listed = listed_services(channel).await.expect("answers");
        assert!(listed.contains(&"grpc.health.v1.Health".to_owned()), "{listed:?}");
    }
}

#[tokio::test]
async fn another_service_is_told_who_may_call() {
    let log = Log::start();
    let ca = Ca::new();
    let server = server(&ca);
    let caller = Folder::new(
        &[&ca],
        Some(&ca.issue(&["selfie-svc.bonafide.svc", "localhost"], VALID)),
    );
    let running = start(serve(&server)).await;
    let channel = channel(&running, &caller.config());
    assert!(
        channel.clone().serving().await,
        "health is for everyone with a certificate"
    );
    let refused = call(channel).await.expect_err("not session-svc");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(status::reason(&refused), Some(proto::reason::CALLER_NOT_ALLOWED));
    assert!(refused.message().contains("session-svc"), "{refused}");
    let told = log.lines("its certificate names none of those that may call");
    let [told] = told.as_slice() else {
        panic!("one line: {told:?}")
    };
    assert!(
        told.contains("selfie-svc.bonafide.svc") && told.contains("127.0.0.1"),
        "{told}"
    );
}

#[tokio::test]
async fn the_public_service_asks_for_no_certificate() {
    let ca = Ca::new();
    let server = server(&ca);
    let caller = Folder::new(&[&ca], None);
    let running = start_as(Exposure::Public, serve(&server)).await;
    call(channel(&running, &caller.config())).await.expect("served");
}

/// The files of a server that is called on this machine.
fn server(ca: &Ca) -> Folder {
    Folder::new(&[ca], Some(&ca.issue(&HERE, VALID)))
}

/// The files of session-svc.
fn caller(ca: &Ca) -> Folder {
    Folder::new(&[ca], Some(&ca.issue(&CALLER, VALID)))
}

/// These two get no connection, and each side tells why in one line.
async fn strangers(server: &Folder, caller: &Folder, servers_log: &str, callers_log: &str) {
    let log = Log::start();
    let running = start(serve(server)).await;
    let refused = call(channel(&running, &caller.config())).await.expect_err(callers_log);
    assert!(format!("{refused:?}").contains(callers_log), "{refused:?}");
    log.wait_for(1, servers_log).await;
    for text in [servers_log, callers_log] {
        let lines = log.lines(text);
        assert!(lines.len() == 1 && lines[0].contains("\"WARN\""), "{text}: {lines:?}");
    }
}

#[tokio::test]
async fn an_expired_server() {
    let ca = Ca::new();
    strangers(
        &Folder::new(&[&ca], Some(&ca.issue(&HERE, EXPIRED))),
        &caller(&ca),
        "it says that our certificate has expired or is not valid yet: renew the one of --tls-cert",
        "no TLS with 127.0.0.1: its certificate has expired: renew it",
    )
    .await;
}

#[tokio::test]
async fn a_server_before_its_time() {
    let ca = Ca::new();
    strangers(
        &Folder::new(&[&ca], Some(&ca.issue(&HERE, NOT_YET_VALID))),
        &caller(&ca),
        "it says that our certificate has expired or is not valid yet",
        "its certificate is not valid yet: compare the clocks of both machines",
    )
    .await;
}

#[tokio::test]
async fn a_server_of_another_name() {
    let ca = Ca::new();
    strangers(
        &Folder::new(&[&ca], Some(&ca.issue(&["another-svc"], VALID))),
        &caller(&ca),
        "it does not accept our certificate, the one of --tls-cert",
        "its certificate does not name what was called: call it by one of its names",
    )
    .await;
}

#[tokio::test]
async fn a_server_of_another_ca() {
    let (ca, other) = (Ca::new(), Ca::new());
    strangers(
        &Folder::new(&[&ca], Some(&other.issue(&HERE, VALID))),
        &caller(&ca),
        "it does not know the CA of our certificate: name that CA's file with its --tls-ca",
        "its certificate is of no CA that is trusted here: name that CA's file with --tls-ca",
    )
    .await;
}

#[tokio::test]
async fn an_expired_caller() {
    let ca = Ca::new();
    strangers(
        &server(&ca),
        &Folder::new(&[&ca], Some(&ca.issue(&CALLER, EXPIRED))),
        "no connection with a caller: its certificate has expired: renew it",
        "it says that our certificate has expired or is not valid yet: renew the one of --tls-cert",
    )
    .await;
}

#[tokio::test]
async fn a_caller_before_its_time() {
    let ca = Ca::new();
    strangers(
        &server(&ca),
        &Folder::new(&[&ca], Some(&ca.issue(&CALLER, NOT_YET_VALID))),
        "its certificate is not valid yet: compare the clocks of both machines",
        "it says that our certificate has expired or is not valid yet",
    )
    .await;
}

#[tokio::test]
async fn a_caller_of_another_ca() {
    let (ca, other) = (Ca::new(), Ca::new());
    strangers(
        &server(&ca),
        &Folder::new(&[&ca], Some(&other.issue(&CALLER, VALID))),
        "its certificate is of no CA that is trusted here: name that CA's file with --tls-ca",
        "it does not know the CA of our certificate: name that CA's file with its --tls-ca",
    )
    .await;
}

#[tokio::test]
async fn a_caller_without_a_certificate() {
    let ca = Ca::new();
    strangers(
        &server(&ca),
        &Folder::new(&[&ca], None),
        "it shows no certificate: start it with --tls-cert and --tls-key",
        "it takes no connection without a certificate: name one with --tls-cert and --tls-key",
    )
    .await;
}

#[tokio::test]
async fn both_sides_tell_when_one_of_them_speaks_no_tls() {
    let ca = Ca::new();
    let log = Log::start();
    let protected = server(&ca);
    let running = start(serve(&protected)).await;
    let plain = ServiceChannel::new(&running.address.replace("https", "http"), None).expect("an address");
    call(plain).await.expect_err("TLS only");
    assert_eq!(log.lines("no connection with a caller: it does not speak TLS").len(), 1);

    let caller = caller(&ca);
    let running = start(ServeConfig::default()).await;
    let tls = ClientTls::open(&caller.config()).expect("files that can be used");
    let address = running.address.replace("http", "https");
    let channel = ServiceChannel::with_tls(&address, None, &tls).expect("an address");
    call(channel).await.expect_err("plain only");
    assert_eq!(log.lines("no TLS with 127.0.0.1: it does not speak TLS").len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_the_handshakes_of_others() {
    let ca = Ca::new();
    let server = server(&ca);
    let caller = caller(&ca);
    let running = start(serve(&server)).await;
    let address: SocketAddr = running
        .address
        .trim_start_matches("https://")
        .parse()
        .expect("an address");
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut socket = TcpStream::connect(address).await.expect("listens");
        // The beginning of a handshake whose rest never comes (RFC 8446, 5.1).
        socket
            .write_all(&[22, 3, 1, 2, 0, 1])
            .await
            .expect("taken by the kernel");
        idle.push(socket);
    }
    call(channel(&running, &caller.config())).await.expect("served");
}

/// A channel with this folder's certificate, by the flags of a client's own, and its CA.
fn channel_of_client(running: &Running, folder: &Folder) -> ServiceChannel {
    let TlsConfig {
        cert, key, ca, reload, ..
    } = folder.config();
    let certificate = Certificate::of_client(&ClientCertConfig { cert, key }, reload).expect("files that can be used");
    let trusted = TlsConfig {
        ca,
        reload,
        ..TlsConfig::default()
    };
    let tls = ClientTls::showing(certificate, &trusted).expect("files that can be used");
    ServiceChannel::with_tls(&running.address, None, &tls).expect("an address")
}

#[tokio::test]
async fn callers_see_a_public_cas_certificate_and_services_another_one() {
    let log = Log::start();
    let (public, private) = (Ca::new(), Ca::new());
    let front = Folder::new(
        &[],
        Some(&public.issue(&["identity.example.com", "localhost", "127.0.0.1"], VALID)),
    );
    let front = start_as(Exposure::Public, serve(&front)).await;
    let behind = server(&private);
    let behind = start(ServeConfig {
        // Every few calls need a new connection.
        max_connection_age: std::time::Duration::from_millis(5),
        ..serve(&behind)
    })
    .await;

    // A backend trusts the public CA, and has nothing to show.
    let backend = Folder::new(&[&public], None);
    call(channel(&front, &backend.config())).await.expect("served");
    let own = caller(&private);
    let channel = channel_of_client(&behind, &own);
    call(channel.clone()).await.expect("served");

    // Another one is shown once it is there.
    own.show(&private.issue(&["selfie-svc.bonafide.svc"], VALID));
    log.wait_for(1, "new connections use what they hold now").await;
    let refused = loop {
        if let Err(refused) = call(channel.clone()).await {
            break refused;
        }
    };
    assert_eq!(status::reason(&refused), Some(proto::reason::CALLER_NOT_ALLOWED));
}

#[tokio::test]
async fn what_is_told_of_a_clients_own_certificate_names_its_flags() {
    let ca = Ca::new();
    let server = server(&ca);
    let running = start(serve(&server)).await;
    let expired = Folder::new(&[&ca], Some(&ca.issue(&CALLER, EXPIRED)));
    let refused = call(channel_of_client(&running, &expired)).await.expect_err("expired");
    assert!(
        format!("{refused:?}").contains("renew the one of --tls-client-cert"),
        "{refused:?}"
    );

    let half = ClientCertConfig {
        cert: Some(server.file("cert.pem")),
        key: None,
    };
    let refused = Certificate::of_client(&half, std::time::Duration::from_secs(1)).expect_err("half");
    let told = "--tls-client-cert and --tls-client-key go together: name both files or none";
    assert_eq!(refused.to_string(), told);
}

/// Why a service with these files does not start.
async fn not_started(folder: &Folder, tls: TlsConfig) -> String {
    let server = Server::bind(
        "test-svc",
        Exposure::Internal(&CALLER),
        &ServeConfig { tls, ..serve(folder) },
    )
    .await;
    match server.expect_err("must not start") {
        ServeError::Tls(error) => error.to_string(),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_at_the_start() {
    let ca = Ca::new();
    let folder = server(&ca);
    let (good, missing) = (folder.config(), Some(folder.file("nowhere.pem")));
    let (rubbish, other) = (
        folder.file("rubbish.pem"),
        Folder::new(&[], Some(&ca.issue(&HERE, VALID))),
    );
    fs::write(
        &rubbish,
        "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n",
    )
    .expect("written");
    let rubbish = Some(rubbish);
    let changed = |change: fn(&mut TlsConfig, Option<std::path::PathBuf>), file: &Option<std::path::PathBuf>| {
        let mut config = good.clone();
        change(&mut config, file.clone());
        config
    };
    for (config, told) in [
        (
            changed(|tls, file| tls.key = file, &None),
            "go together: name both files or none",
        ),
        (
            changed(|tls, file| tls.cert = file, &None),
            "go together: name both files or none",
        ),
        (
            changed(|tls, file| tls.ca = file, &None),
            "name the file of their CA with --tls-ca",
        ),
        (
            changed(|tls, file| tls.cert = file, &missing),
            "nowhere.pem (--tls-cert): No such file",
        ),
        (
            changed(|tls, file| tls.key = file, &missing),
            "nowhere.pem (--tls-key): No such file",
        ),
        (
            changed(|tls, file| tls.ca = file, &missing),
            "nowhere.pem (--tls-ca): No such file",
        ),
        (
            changed(|tls, file| tls.cert = file, &rubbish),
            "does not hold a certificate in PEM",
        ),
        (
            changed(|tls, file| tls.ca = file, &rubbish),
            "does not hold certificates in PEM",
        ),
        (
            changed(|tls, file| tls.key = file, &good.cert),
            "does not hold a key without a passphrase in PEM",
        ),
        (
            changed(|tls, file| tls.cert = file, &good.key),
            "does not hold a certificate in PEM",
        ),
        (
            TlsConfig {
                reload: std::time::Duration::ZERO,
                ..good.clone()
            },
            "--tls-reload must be greater than zero",
        ),
        (
            changed(|tls, file| tls.key = file, &other.config().key),
            "does not belong to the certificate in",
        ),
    ] {
        let said = not_started(&folder, config).await;
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test]
async fn files_that_become_unusable_change_nothing_but_the_log() {
    let log = Log::start();
    let ca = Ca::new();
    let server = server(&ca);
    let caller = caller(&ca);
    let running = start(serve(&server)).await;
    let (kept, used) = (
        "cannot be used: what they held before stays in use",
        "new connections use what they hold now",
    );

    server.replace("cert.pem", "rubbish");
    log.wait_for(1, kept).await;
    call(channel(&running, &caller.config())).await.expect("as before");
    let told = log.lines(kept);
    assert!(told.len() == 1 && told[0].contains("cert.pem"), "once: {told:?}");

    let (renewed, next) = (ca.issue(&HERE, VALID), ca.issue(&HERE, VALID));
    server.show(&renewed);
    log.wait_for(1, used).await;
    // As in the moment between two files that change one after the other.
    server.replace("cert.pem", &next.cert);
    log.wait_for(1, "does not belong to the certificate").await;
    call(channel(&running, &caller.config())).await.expect("as before");
    fs::remove_file(server.file("key.pem")).expect("removed");
    log.wait_for(1, "cannot read").await;
    call(channel(&running, &caller.config())).await.expect("as before");
    server.show(&next);
    log.wait_for(2, used).await;
    call(channel(&running, &caller.config()))
        .await
        .expect("with the new one");
}

#[tokio::test]
async fn a_certificate_that_should_have_been_renewed_is_told_of_once() {
    let log = Log::start();
    let ca = Ca::new();
    let server = Folder::new(&[&ca], Some(&ca.issue(&HERE, ENDING)));
    let running = start(serve(&server)).await;
    log.wait_for(1, "the certificate of --tls-cert expires in 23h 5").await;
    server.show(&ca.issue(&HERE, VALID));
    log.wait_for(1, "new connections use what they hold now").await;
    server.show(&ca.issue(&HERE, EXPIRED));
    log.wait_for(1, "the certificate of --tls-cert has expired").await;
    // Of the one that is good for a while nothing was said, and of the others once, though they were looked at every millisecond.
    let told = log.lines("the certificate of --tls-cert");
    assert!(
        told.len() == 2 && told.iter().all(|line| line.contains("\"WARN\"")),
        "{told:?}"
    );
    drop(running);
}

#[tokio::test]
async fn no_call_is_lost_when_certificates_and_their_ca_are_replaced() {
    let log = Log::start();
    let (old, new) = (Ca::new(), Ca::new());
    let server = server(&old);
    let caller = caller(&old);
    let running = start(ServeConfig {
        // Every few calls need a new connection.
        max_connection_age: std::time::Duration::from_millis(5),
        ..serve(&server)
    })
    .await;
    let ended = Arc::new(AtomicBool::new(false));
    let calls = tokio::spawn(connections::upload_until(
        channel(&running, &caller.config()),
        Arc::clone(&ended),
    ));

    let mut reloads = 0;
    let mut both = async |change: &dyn Fn(&Folder)| {
        for folder in [&server, &caller] {
            change(folder);
            reloads += 1;
            log.wait_for(reloads, "new connections use what they hold now").await;
            let before = running.all_uploads();
            while running.all_uploads() < before + 10 {
                tokio::task::yield_now().await;
            }
        }
    };
    let names = |folder: &Folder| {
        if std::ptr::eq(folder, &server) {
            &HERE[..]
        } else {
            &CALLER[..]
        }
    };
    for _ in 0..5 {
        both(&|folder| folder.show(&old.issue(names(folder), VALID))).await;
    }
    both(&|folder| folder.trust(&[&old, &new])).await;
    both(&|folder| folder.show(&new.issue(names(folder), VALID))).await;
    both(&|folder| folder.trust(&[&new])).await;

    ended.store(true, Ordering::Relaxed);
    let outcomes = calls.await.expect("no panic");
    assert!(outcomes.len() >= 100, "{}", outcomes.len());
    for (name, outcome) in outcomes {
        outcome.expect("each call is answered");
        assert_eq!(running.uploads(&name), 1, "{name}");
    }
    // Nothing of the old CA is left in use.
    let outdated = Folder::new(&[&old], Some(&old.issue(&CALLER, VALID)));
    call(channel(&running, &outdated.config()))
        .await
        .expect_err("of the old CA");
}

#[test]
fn beyond_loopback_there_is_no_plaintext_unless_asked_for() {
    let mut config = ServeConfig {
        listen: "0.0.0.0:0".parse().expect("an address"),
        service_token: Some(Secret::new(TOKEN)),
        ..ServeConfig::default()
    };
    for exposure in [Exposure::Public, Exposure::Internal(&[])] {
        let refused = config.validate(exposure).expect_err("readable on the network");
        assert!(matches!(refused, ConfigError::Plaintext(_)), "{refused}");
    }
    config.tls.allow_plaintext = true;
    for exposure in [Exposure::Public, Exposure::Internal(&[])] {
        config.validate(exposure).expect("asked for");
    }
}

#[tokio::test]
async fn no_credential_crosses_the_network_readable_unless_asked_for() {
    let token = Secret::new(TOKEN);
    let with = |address: &str, token: Option<&Secret>, allow_plaintext: bool| {
        let tls = ClientTls::open(&TlsConfig {
            allow_plaintext,
            ..TlsConfig::default()
        });
        ServiceChannel::with_tls(address, token, &tls.expect("no files")).map(drop)
    };
    for address in [
        "http://report-svc:50051",
        "http://10.0.0.1:50051",
        "http://[fd00::1]:50051",
    ] {
        let refused = with(address, Some(&token), false).expect_err("readable");
        assert!(matches!(refused, ClientError::Plaintext(_)), "{refused}");
        with(address, Some(&token), true).expect("asked for");
        with(address, None, false).expect("nothing secret");
    }
    for address in ["http://127.0.0.1:50051", "http://localhost:50051", "http://[::1]:50051"] {
        with(address, Some(&token), false).expect("on this machine");
    }
    for address in [
        "",
        "report-svc",
        "report-svc:50051",
        "127.0.0.1:50051",
        "ftp://report-svc",
        "/report-svc",
    ] {
        let refused = with(address, Some(&token), true).expect_err("no address");
        assert!(matches!(refused, ClientError::Address(_)), "{address}: {refused}");
    }
    let tls = ClientTls::open(&caller(&Ca::new()).config()).expect("files that can be used");
    let refused = ServiceChannel::with_tls("https://report~svc:50051", None, &tls).expect_err("nobody's name");
    assert!(matches!(refused, ClientError::Tls(TlsError::Host(_))), "{refused}");
}
