//! Whether calls should be sent to a service, as its health check and its probes tell.

use std::fmt;

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

    /// Whether a dependency answered; `None` when it was not asked.
    pub(crate) fn answered(&self, name: &str) -> Option<bool> {
        let asked = self.dependencies().iter().find(|one| one.name == name);
        asked.map(|one| one.answers)
    }

    /// Whether calls should be sent.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Asked(dependencies) => dependencies.iter().all(|one| one.answers || !one.required),
            Self::Starting | Self::Stopping => false,
        }
    }
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
}
