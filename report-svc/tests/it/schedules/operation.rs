//! What somebody asks of the store.

use std::fmt;
use std::time::{Duration, SystemTime};

use proto::identity::v1::UpdateVerificationSessionRequest;
use report_svc::assemble::Findings;
use report_svc::error::Error;
use report_svc::id::Id;
use report_svc::storage::{Lease, LeaseRequest};
use report_svc::store::Store;
use tokio_util::sync::CancellationToken;

use super::world::LEASE;
use crate::deployment::{ACCOUNT, completion};

/// One call. The same one again is what a caller does that got no answer.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Submit {
        session: Id,
    },
    Lease {
        request: usize,
        /// Asked of a replica that lacks the master key.
        without_key: bool,
    },
    Extend(Lease),
    Release {
        lease: Lease,
        delay: Duration,
        excused: bool,
    },
    Complete {
        lease: Lease,
        passes: bool,
    },
    Requeue {
        session: Id,
        attempt: u32,
    },
    Fail {
        session: Id,
        attempt: u32,
    },
    /// Jobs come back whose master key is here.
    RequeueReadable,
    /// Metadata is set, an entry of its own for each call.
    Update {
        session: Id,
        request: usize,
    },
    /// What is personal is removed, but for files.
    Redact {
        session: Id,
    },
    /// What time has come for is done: now, or when whoever was waited for has not come.
    Expire {
        session: Id,
        late: bool,
    },
}

/// Longer than a session waits for a person.
const WAITED_FOR: Duration = Duration::from_secs(3 * 24 * 3600);

/// What it came to.
#[derive(Debug)]
pub(super) enum Answer {
    Done,
    /// A lease, or that there is no job.
    Leased(Option<Lease>),
    /// A report's id and attempt.
    Completed {
        report: String,
        attempt: u32,
        now: bool,
    },
    /// The store has a reason not to.
    Refused(Error),
}

impl Operation {
    pub(super) async fn ask(self, store: Store) -> Answer {
        let answered = match self {
            Self::Submit { session } => {
                let submitted = store.submit(session.as_str(), None, Default::default()).await;
                submitted.map(|_| Answer::Done)
            }
            Self::Lease { request, .. } => {
                let leased = store.lease(&lease_request(request)).await;
                leased.map(|job| Answer::Leased(job.map(|job| job.lease_token.parse().expect("a lease"))))
            }
            Self::Extend(lease) => store.extend(&lease.to_string(), LEASE).await.map(|()| Answer::Done),
            Self::Release { lease, delay, excused } => {
                let released = store.release(&lease.to_string(), delay, excused).await;
                released.map(|()| Answer::Done)
            }
            Self::Complete { lease, passes } => store.complete(&lease, findings(passes)).await.map(|completion| {
                let insights = completion.report.insights.expect("set");
                Answer::Completed {
                    report: completion.report.id,
                    attempt: insights.attempt,
                    now: completion.completed_now,
                }
            }),
            Self::Requeue { session, attempt } => {
                let queued = store.requeue(session.as_str(), attempt).await;
                queued.map(|()| Answer::Done)
            }
            Self::Fail { session, attempt } => store.fail(session.as_str(), attempt).await.map(|_| Answer::Done),
            Self::RequeueReadable => store
                .requeue_readable(&CancellationToken::new())
                .await
                .map(|_| Answer::Done),
            Self::Update { session, request } => {
                let request = UpdateVerificationSessionRequest {
                    verification_session: session.to_string(),
                    metadata: [(entry(request), "set".to_owned())].into(),
                    idempotency_key: Some(entry(request)),
                    ..Default::default()
                };
                store.update(ACCOUNT, &request).await.map(|_| Answer::Done)
            }
            Self::Redact { session } => {
                let redacted = store.redact(session.as_str(), Some(ACCOUNT)).await;
                redacted.map(|_| Answer::Done)
            }
            Self::Expire { session, late } => {
                let waited = if late { WAITED_FOR } else { Duration::ZERO };
                store
                    .expire(&session, SystemTime::now() + waited, true)
                    .await
                    .map(|()| Answer::Done)
            }
        };
        answered.unwrap_or_else(Answer::Refused)
    }
}

/// The worker has the request's name: whoever has a job tells by which request.
fn lease_request(request: usize) -> LeaseRequest {
    LeaseRequest {
        worker: worker(request),
        request_id: worker(request),
        time: LEASE,
    }
}

/// The key of the metadata that an update sets.
pub(super) fn entry(request: usize) -> String {
    format!("entry-{request}")
}

pub(super) fn worker(request: usize) -> String {
    format!("request-{request}")
}

fn findings(passes: bool) -> Findings {
    let answer = completion(&Default::default(), None, None);
    Findings {
        document: answer.document.filter(|_| passes),
        ..Findings::default()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submit { session } => write!(f, "submit {session}"),
            Self::Lease { request, without_key } => {
                let key = if *without_key { " without the key" } else { "" };
                write!(f, "lease as {}{key}", worker(*request))
            }
            Self::Extend(lease) => write!(f, "extend {lease}"),
            Self::Release { lease, delay, excused } => {
                let excused = if *excused { ", excused" } else { "" };
                write!(f, "release {lease} for {delay:?}{excused}")
            }
            Self::Complete { lease, passes } => {
                write!(f, "complete {lease}, {}", if *passes { "passed" } else { "failed" })
            }
            Self::Requeue { session, attempt } => write!(f, "requeue {session}/{attempt}"),
            Self::Fail { session, attempt } => write!(f, "fail {session}/{attempt}"),
            Self::RequeueReadable => f.write_str("requeue what the key opens"),
            Self::Update { session, request } => write!(f, "update {session}, {}", entry(*request)),
            Self::Redact { session } => write!(f, "redact {session}"),
            Self::Expire { session, late } => {
                write!(f, "expire {session}{}", if *late { ", late" } else { "" })
            }
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Leased(Some(lease)) => write!(f, "leased {lease}"),
            Self::Leased(None) => f.write_str("no job"),
            Self::Completed { report, now, .. } => {
                write!(f, "{report}, {}", if *now { "completed" } else { "which existed" })
            }
            Self::Refused(error) => write!(f, "refused: {error}"),
        }
    }
}
