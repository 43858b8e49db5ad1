//! Sessions and reports as the command prints them, side by side with those of the Stripe Identity API: with the description that
//! stripe-mock answers by, and with its answers. `docs/identity-api.md` lists the differences, of which each must be there and no other.

use std::collections::BTreeSet;

use cli::render::json;
use proto::identity::v1::{
    CreateVerificationSessionRequest, DocumentOptions, DocumentType, ProvidedDetails, RelatedPerson,
    VerificationSessionOptions, WatchVerificationSessionRequest,
};

use crate::backend::{Backend, Services};
use crate::filled::Filled;
use crate::shape::{Difference, Fields, Observed, described, differences};
use crate::stripe_mock::StripeMock;

const DOCUMENTATION: &str = include_str!("../../../docs/identity-api.md");
const DIFFERENCES: &str = "| field | there alone | here alone | why |";
const LEFT_OUT: &str = "| left out by stripe-mock | why |";
/// A side that has nothing of its own.
const NOTHING: &str = "–";

/// All that a session can be created with, here and there.
const PARAMETERS: &str = "type=document&client_reference_id=order-7&metadata[shop]=12\
    &options[document][allowed_types][]=passport&options[document][require_matching_selfie]=true\
    &provided_details[email]=anna@example.org&provided_details[phone]=5550100\
    &related_customer=cus_1&related_customer_account=acct_1\
    &related_person[account]=acct_2&related_person[person]=person_1";

fn everything() -> CreateVerificationSessionRequest {
    let text = |text: &str| Some(text.to_owned());
    CreateVerificationSessionRequest {
        client_reference_id: text("order-7"),
        metadata: [("shop".to_owned(), "12".to_owned())].into(),
        options: Some(VerificationSessionOptions {
            document: Some(DocumentOptions {
                allowed_types: vec![DocumentType::Passport.into()],
                require_matching_selfie: true,
                ..DocumentOptions::default()
            }),
            ..VerificationSessionOptions::default()
        }),
        provided_details: Some(ProvidedDetails {
            email: text("anna@example.org"),
            phone: text("5550100"),
        }),
        related_customer: text("cus_1"),
        related_customer_account: text("acct_1"),
        related_person: Some(RelatedPerson {
            account: "acct_2".to_owned(),
            person: "person_1".to_owned(),
        }),
        ..CreateVerificationSessionRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_differs_from_the_identity_api_as_documented() -> anyhow::Result<()> {
    let Some(mock) = StripeMock::start()? else {
        return Ok(());
    };
    let there = described(&mock.description()?);
    let mut here = Observed::new(&there);
    for filled in Filled::all() {
        here.observe(&json::session(&filled.session()));
        here.observe(&json::report(&filled.report()));
    }
    let data = tempfile::tempdir()?;
    let services = Services::start(data.path(), 1).await?;
    observe_every_state(&services.backend("rk_test"), &there, &mut here).await?;
    services.stop().await?;
    let here = here.fields();
    let (found, documented) = (differences(&there, &here), documented());
    let [undocumented, gone] = [&found - &documented, &documented - &found];
    assert!(
        undocumented.is_empty() && gone.is_empty(),
        "not in docs/identity-api.md: {undocumented:#?}\nthere, but gone: {gone:#?}"
    );

    let answers = answers(&mock, &there)?;
    let mut left_out = BTreeSet::new();
    for Difference { field, mut there, .. } in differences(&answers, &here) {
        if there.remove("absent") {
            left_out.insert(field.clone());
        }
        let explained = documented.iter().find(|documented| documented.field == field);
        assert!(
            there.is_empty() || explained.is_some_and(|explained| there.is_subset(&explained.there)),
            "{field} is {there:?} in its answers alone"
        );
    }
    let documented = table(LEFT_OUT).flat_map(|row| fields(row[0])).collect();
    assert_eq!(left_out, documented, "as in docs/identity-api.md");
    Ok(())
}

/// What stands in stripe-mock's answers to every call, each with the parameters that it has here, too.
fn answers(mock: &StripeMock, there: &Fields) -> anyhow::Result<Fields> {
    let mut answers = Observed::new(there);
    for (method, path, parameters) in [
        ("POST", "verification_sessions", PARAMETERS),
        (
            "GET",
            "verification_sessions/vs_1",
            "expand[]=verified_outputs&expand[]=last_verification_report",
        ),
        (
            "POST",
            "verification_sessions/vs_1",
            "metadata[shop]=12&provided_details[email]=anna@example.org",
        ),
        ("POST", "verification_sessions/vs_1/cancel", ""),
        ("POST", "verification_sessions/vs_1/redact", ""),
        (
            "GET",
            "verification_sessions",
            "client_reference_id=order-7&related_customer=cus_1&status=verified&created[gte]=1&limit=3\
             &starting_after=vs_1&expand[]=data.verified_outputs",
        ),
        ("GET", "verification_reports/vr_1", ""),
        (
            "GET",
            "verification_reports",
            "client_reference_id=order-7&type=document&verification_session=vs_1&created[lt]=2&limit=3&ending_before=vr_1",
        ),
    ] {
        let (status, answer) = mock.ask(method, path, parameters)?;
        anyhow::ensure!(status == 200, "{method} {path}: {status}: {answer}");
        answers.observe(&answer);
        let (status, _) = mock.ask(method, path, &format!("{parameters}&unheard_of=1"))?;
        assert_eq!(status, 400, "{method} {path} looks at its parameters");
    }
    Ok(answers.fields())
}

/// Leads sessions of test mode into every state that there is, and looks at what is printed of each.
async fn observe_every_state(backend: &Backend, there: &Fields, here: &mut Observed<'_>) -> anyhow::Result<()> {
    let api = backend.api()?;
    let fresh = backend.open(CreateVerificationSessionRequest::default()).await?;
    here.observe(&json::session(&fresh));
    let processing = backend.open(everything()).await?.id;
    let arguments = ["sessions", "simulate", &processing, "--delay", "1h"];
    here.observe(&backend.json(&arguments).await?);
    let canceled = backend.open(everything()).await?.id;
    here.observe(&backend.json(&["sessions", "cancel", &canceled]).await?);

    let mut ended = Vec::new();
    let codes = there["session.last_error.code"].iter().filter(|code| *code != "null");
    for error in codes.map(|code| format!("--error={code}")).map(Some).chain([None]) {
        let id = backend.open(everything()).await?.id;
        let mut arguments = vec!["sessions", "simulate", &id];
        arguments.extend(error.as_deref());
        here.observe(&backend.json(&arguments).await?);
        api.finished(&id).await?;
        ended.push(id);
    }
    let [.., redacted] = ended.as_slice() else {
        anyhow::bail!("no session")
    };
    here.observe(&backend.json(&["sessions", "get", redacted]).await?);
    here.observe(&backend.json(&["sessions", "redact", redacted]).await?);
    let watched = WatchVerificationSessionRequest {
        verification_session: redacted.clone(),
    };
    let mut changes = api.sessions().watch_verification_session(watched).await?.into_inner();
    while changes.message().await?.is_some() {}

    for id in [&fresh.id, &processing, &canceled].into_iter().chain(&ended) {
        here.observe(&backend.json(&["sessions", "get", id]).await?);
    }
    here.observe(&backend.json(&["sessions", "list", "--limit", "100"]).await?);
    here.observe(&backend.json(&["reports", "list", "--limit", "100"]).await?);
    Ok(())
}

/// The differences that the documentation explains.
fn documented() -> BTreeSet<Difference> {
    let differences = table(DIFFERENCES).flat_map(|row| {
        let kinds = |cell: &str| -> BTreeSet<String> {
            let kinds = cell.split(", ").filter(|kind| *kind != NOTHING);
            kinds.map(ToOwned::to_owned).collect()
        };
        let (there, here) = (kinds(row[1]), kinds(row[2]));
        fields(row[0]).map(move |field| Difference {
            field,
            there: there.clone(),
            here: here.clone(),
        })
    });
    differences.collect()
}

/// The rows of the table in the documentation that begins so, of which each is explained in the end.
fn table(header: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = DOCUMENTATION.lines().skip_while(move |line| *line != header);
    let rows = lines
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let columns = header.matches(" | ").count() + 1;
    rows.map(move |row| {
        let cells: Vec<_> = row.split(" | ").collect();
        assert!(
            cells.len() == columns && cells.iter().all(|cell| !cell.is_empty()),
            "{row}"
        );
        cells
    })
}

/// Those that a cell names.
fn fields(cell: &'static str) -> impl Iterator<Item = String> {
    cell.split(", ").map(|field| field.trim_matches('`').to_owned())
}
