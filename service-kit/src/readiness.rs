//! Whether calls should be sent to a service, as its health check and its probes tell.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;

/// What is known of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It has not asked its dependencies yet.
    Starting,
    /// What its dependencies answered last.
    Asked(Vec<Dependency>),
    /// It ends, and must not be called any more.
    Stopping,
}

/// A dependency of a service, and whether it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: &'static str,
    /// Whether no call can be served without it.
    pub(crate) required: bool,
    pub(crate) answers: bool,
}

impl Readiness {
    /// What was asked.
    pub(crate) fn dependencies(&self) -> &[Dependency] {
        match self {
            Self::Asked(dependencies) => dependencies,
            Self::Starting | Self::Stopping => &[],
        }
    }

    /// The dependencies that are away or back since `before`. What was not asked before had been expected to answer.
    pub(crate) fn changes_since(&self, before: &Self) -> impl Iterator<Item = &Dependency> {
        self.dependencies().iter().filter(|one| {
            let asked = before.dependencies().iter().find(|before| before.name == one.name);
            one.answers != asked.is_none_or(|asked| asked.answers)
        })
    }

    /// Whether calls should be sent.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Asked(dependencies) => dependencies.iter().all(|one| one.answers || !one.required),
            Self::Starting | Self::Stopping => false,
        }
    }
}

/// A service that could not be called in time, with what it waits for.
#[derive(Debug, thiserror::Error)]
#[error("not ready within {within:?}{waits_for}")]
pub struct NotReady {
    within: Duration,
    waits_for: String,
}

/// Ends once calls should be sent, or the service has ended.
pub(crate) async fn ready(mut told: watch::Receiver<Readiness>, within: Duration) -> Result<(), NotReady> {
    if tokio::time::timeout(within, told.wait_for(Readiness::is_ready))
        .await
        .is_ok()
    {
        return Ok(());
    }
    let now = told.borrow();
    let away = now.dependencies().iter().filter(|one| one.required && !one.answers);
    let waits_for = away.map(|one| format!(": {} does not answer", one.name)).collect();
    Err(NotReady { within, waits_for })
}

/// One line for each dependency.
impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => writeln!(f, "starting"),
            Self::Stopping => writeln!(f, "stopping"),
            Self::Asked(dependencies) => {
                writeln!(f, "{}", if self.is_ready() { "ready" } else { "not ready" })?;
                dependencies.iter().try_for_each(|one| one.fmt(f))
            }
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = match (self.answers, self.required) {
            (true, _) => "answers",
            (false, true) => "does not answer",
            (false, false) => "does not answer; calls are served without it",
        };
        writeln!(f, "{}: {says}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(store: bool, check: bool) -> Readiness {
        let dependency = |name, required, answers| Dependency {
            name,
            required,
            answers,
        };
        Readiness::Asked(vec![
            dependency("store", true, store),
            dependency("check", false, check),
        ])
    }

    #[test]
    fn says_what_is_away() {
        let without_check = asked(true, false);
        assert!(without_check.is_ready());
        assert_eq!(
            without_check.to_string(),
            "ready\nstore: answers\ncheck: does not answer; calls are served without it\n"
        );
        let without_store = asked(false, true);
        assert!(!without_store.is_ready());
        assert_eq!(
            without_store.to_string(),
            "not ready\nstore: does not answer\ncheck: answers\n"
        );
        assert!(!Readiness::Starting.is_ready() && !Readiness::Stopping.is_ready());
        assert!(Readiness::Asked(Vec::new()).is_ready());
    }

    #[test]
    fn changes_are_what_goes_and_what_comes_back() {
        let changes = |before: Readiness, now: Readiness| -> Vec<(&'static str, bool)> {
            now.changes_since(&before).map(|one| (one.name, one.answers)).collect()
        };
        assert_eq!(changes(Readiness::Starting, asked(true, false)), [("check", false)]);
        assert_eq!(changes(asked(true, false), asked(true, false)), []);
        assert_eq!(
            changes(asked(true, false), asked(false, true)),
            [("store", false), ("check", true)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_ready_in_time_says_what_it_waits_for() {
        let (sender, told) = watch::channel(Readiness::Starting);
        let within = Duration::from_secs(10);
        let late = async || ready(told.clone(), within).await.expect_err("not ready").to_string();
        assert_eq!(late().await, "not ready within 10s");
        sender.send_replace(asked(false, false));
        assert_eq!(late().await, "not ready within 10s: store does not answer");

        let (outcome, ()) = tokio::join!(ready(told.clone(), within), async {
            sender.send_replace(asked(true, false));
        });
        outcome.expect("it does without the other one");
        sender.send_replace(Readiness::Stopping);
        drop(sender);
        ready(told, within).await.expect("it has ended");
    }
}
