//! What may happen to a session, and what follows: a pure function from state and action to the next state or a refusal.
//!
//! ```text
//!              submit               pass
//! requires_input ──▶ processing ──────────▶ verified ── redact ──▶ verified, redaction processing ──▶ redacted
//!    │  │    ▲           │ fail
//!    │  │    └───────────┘
//!    │  └─ redact ──▶ canceled, redaction processing ──▶ redacted
//!    │                    ▲
//!    └─ cancel ──▶ canceled ── redact
//! ```
//!
//! A person who leaves without submitting is told of, and changes no state.
//!
//! Everything that changes a session asks [`transition`] first; nothing else decides.

use proto::identity::v1::VerificationSessionStatus;

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for pictures and for the person to submit them.
    RequiresInput,
    /// The checks run.
    Processing,
    /// Every check passed.
    Verified,
    /// Given up by the backend.
    Canceled,
}

/// How far the removal of personal data has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// Asked for; data is being removed.
    Processing,
    /// Nothing personal is left.
    Redacted,
}

/// Status and redaction together: the two axes of a session's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Where the session stands.
    pub status: Status,
    /// `None` when no redaction was asked for.
    pub redaction: Option<Redaction>,
}

/// What somebody wants to do to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The backend sets what the session asks for, or what it knows of the person.
    Update,
    /// The backend sets metadata.
    SetMetadata,
    /// The person uploads a picture.
    Attach,
    /// The person hands the pictures over to the checks.
    Submit,
    /// The checks ended and every one passed.
    Pass,
    /// The checks ended and one failed, or they could not be carried out.
    Fail,
    /// The person leaves without submitting, or did not come in time.
    Leave,
    /// The backend gives the session up.
    Cancel,
    /// The backend wants personal data removed.
    Redact,
    /// Personal data has been removed.
    FinishRedaction,
}

impl Action {
    /// Every action.
    const ALL: [Self; 10] = [
        Self::Update,
        Self::SetMetadata,
        Self::Attach,
        Self::Submit,
        Self::Pass,
        Self::Fail,
        Self::Leave,
        Self::Cancel,
        Self::Redact,
        Self::FinishRedaction,
    ];
}

/// What webhooks and event readers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// The session was created.
    Created,
    /// The person submitted.
    Processing,
    /// A check failed, or the person left or did not come; they may try again.
    RequiresInput,
    /// Every check passed.
    Verified,
    /// The session was canceled.
    Canceled,
    /// Personal data was removed.
    Redacted,
}

impl EventType {
    /// The type's public name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "identity.verification_session.created",
            Self::Processing => "identity.verification_session.processing",
            Self::RequiresInput => "identity.verification_session.requires_input",
            Self::Verified => "identity.verification_session.verified",
            Self::Canceled => "identity.verification_session.canceled",
            Self::Redacted => "identity.verification_session.redacted",
        }
    }
}

/// What an accepted action leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state afterwards.
    pub to: State,
    /// The event that tells of it, if any.
    pub event: Option<EventType>,
}

/// Why an action is refused. Nothing changes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The status does not allow it.
    #[error("the session is {}", .0.name())]
    Status(Status),
    /// Nothing happens to a session after its redaction was asked for.
    #[error("the session was redacted")]
    Redacted,
}

impl State {
    /// The state of a new session.
    pub const NEW: Self = Self::of(Status::RequiresInput);

    /// Whether no action leads out of it.
    pub fn is_final(self) -> bool {
        let leads_out = |action| transition(self, action).is_ok_and(|next| next.to != self);
        !Action::ALL.into_iter().any(leads_out)
    }

    const fn of(status: Status) -> Self {
        Self {
            status,
            redaction: None,
        }
    }
}

/// Applies `action` to a session in `state`.
pub fn transition(state: State, action: Action) -> Result<Transition, Refusal> {
    use {Action as A, Status as S};
    let (to, event) = match (state.status, state.redaction, action) {
        (status, Some(Redaction::Processing), A::FinishRedaction) => {
            let redaction = Some(Redaction::Redacted);
            (State { status, redaction }, Some(EventType::Redacted))
        }
        (_, Some(_), _) => return Err(Refusal::Redacted),

        (_, None, A::SetMetadata) | (S::RequiresInput, None, A::Update | A::Attach) => (state, None),
        (S::RequiresInput, None, A::Submit) => (State::of(S::Processing), Some(EventType::Processing)),
        (S::RequiresInput, None, A::Leave) => (state, Some(EventType::RequiresInput)),
        (S::RequiresInput, None, A::Cancel) => (State::of(S::Canceled), Some(EventType::Canceled)),
        (S::RequiresInput, None, A::Redact) => (redacting(S::Canceled), Some(EventType::Canceled)),
        (S::Processing, None, A::Pass) => (State::of(S::Verified), Some(EventType::Verified)),
        (S::Processing, None, A::Fail) => (State::of(S::RequiresInput), Some(EventType::RequiresInput)),
        (S::Verified | S::Canceled, None, A::Redact) => (redacting(state.status), None),

        (S::RequiresInput, None, A::Pass | A::Fail | A::FinishRedaction)
        | (S::Processing, None, A::Update | A::Attach | A::Submit | A::Leave)
        | (S::Processing, None, A::Cancel | A::Redact | A::FinishRedaction)
        | (S::Verified | S::Canceled, None, A::Update | A::Attach | A::Submit | A::Pass | A::Fail)
        | (S::Verified | S::Canceled, None, A::Leave | A::Cancel | A::FinishRedaction) => {
            return Err(Refusal::Status(state.status));
        }
    };
    Ok(Transition { to, event })
}

const fn redacting(status: Status) -> State {
    State {
        status,
        redaction: Some(Redaction::Processing),
    }
}

impl Status {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::RequiresInput, Self::Processing, Self::Verified, Self::Canceled];

    /// The status's public name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequiresInput => "requires_input",
            Self::Processing => "processing",
            Self::Verified => "verified",
            Self::Canceled => "canceled",
        }
    }
}

impl From<Status> for VerificationSessionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::RequiresInput => Self::RequiresInput,
            Status::Processing => Self::Processing,
            Status::Verified => Self::Verified,
            Status::Canceled => Self::Canceled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDACTIONS: [Option<Redaction>; 3] = [None, Some(Redaction::Processing), Some(Redaction::Redacted)];

    /// Every row of the published table, as status, redaction, action, status, redaction, event.
    fn allowed(status: Status, redaction: Option<Redaction>, action: Action) -> Option<Transition> {
        type Row = (
            Status,
            Option<Redaction>,
            Action,
            Status,
            Option<Redaction>,
            Option<EventType>,
        );
        use Redaction::{Processing as Removing, Redacted};
        use Status::{Canceled, Processing, RequiresInput, Verified};
        const TABLE: [Row; 17] = [
            (RequiresInput, None, Action::Update, RequiresInput, None, None),
            (RequiresInput, None, Action::SetMetadata, RequiresInput, None, None),
            (Processing, None, Action::SetMetadata, Processing, None, None),
            (Verified, None, Action::SetMetadata, Verified, None, None),
            (Canceled, None, Action::SetMetadata, Canceled, None, None),
            (RequiresInput, None, Action::Attach, RequiresInput, None, None),
            (
                RequiresInput,
                None,
                Action::Submit,
                Processing,
                None,
                Some(EventType::Processing),
            ),
            (
                RequiresInput,
                None,
                Action::Leave,
                RequiresInput,
                None,
                Some(EventType::RequiresInput),
            ),
            (
                RequiresInput,
                None,
                Action::Cancel,
                Canceled,
                None,
                Some(EventType::Canceled),
            ),
            (
                RequiresInput,
                None,
                Action::Redact,
                Canceled,
                Some(Removing),
                Some(EventType::Canceled),
            ),
            (
                Processing,
                None,
                Action::Pass,
                Verified,
                None,
                Some(EventType::Verified),
            ),
            (
                Processing,
                None,
                Action::Fail,
                RequiresInput,
                None,
                Some(EventType::RequiresInput),
            ),
            (Verified, None, Action::Redact, Verified, Some(Removing), None),
            (Canceled, None, Action::Redact, Canceled, Some(Removing), None),
            (
                Verified,
                Some(Removing),
                Action::FinishRedaction,
                Verified,
                Some(Redacted),
                Some(EventType::Redacted),
            ),
            (
                Canceled,
                Some(Removing),
                Action::FinishRedaction,
                Canceled,
                Some(Redacted),
                Some(EventType::Redacted),
            ),
            // Cannot be reached, but finishing what was begun must not depend on how it began.
            (
                RequiresInput,
                Some(Removing),
                Action::FinishRedaction,
                RequiresInput,
                Some(Redacted),
                Some(EventType::Redacted),
            ),
        ];
        let row = TABLE
            .iter()
            .find(|row| (row.0, row.1, row.2) == (status, redaction, action))?;
        Some(Transition {
            to: State {
                status: row.3,
                redaction: row.4,
            },
            event: row.5,
        })
    }

    #[test]
    fn every_pair_follows_the_table() {
        let mut accepted = 0;
        for status in Status::ALL {
            for redaction in REDACTIONS {
                for action in Action::ALL {
                    // Redaction cannot begin during processing.
                    if (status, redaction) == (Status::Processing, Some(Redaction::Processing)) {
                        continue;
                    }
                    let state = State { status, redaction };
                    let got = transition(state, action);
                    match allowed(status, redaction, action) {
                        Some(expected) => {
                            assert_eq!(got, Ok(expected), "{state:?} {action:?}");
                            accepted += 1;
                        }
                        None if redaction.is_some() => assert_eq!(got, Err(Refusal::Redacted), "{state:?} {action:?}"),
                        None => assert_eq!(got, Err(Refusal::Status(status)), "{state:?} {action:?}"),
                    }
                }
            }
        }
        assert_eq!(accepted, 17);
    }

    #[test]
    fn redacted_sessions_alone_stay_what_they_are() {
        for status in Status::ALL {
            for redaction in REDACTIONS {
                let state = State { status, redaction };
                assert_eq!(state.is_final(), redaction == Some(Redaction::Redacted), "{state:?}");
            }
        }
    }

    #[test]
    fn events_are_named_after_the_status_they_announce() {
        for (event, name) in [
            (EventType::Created, "created"),
            (EventType::Processing, Status::Processing.name()),
            (EventType::RequiresInput, Status::RequiresInput.name()),
            (EventType::Verified, Status::Verified.name()),
            (EventType::Canceled, Status::Canceled.name()),
            (EventType::Redacted, "redacted"),
        ] {
            assert_eq!(event.name(), format!("identity.verification_session.{name}"));
        }
    }
}
