//! For how long what is personal is kept.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

/// How long a session is kept after it was verified or canceled, and its pictures are; of one that still requires input, after it was
/// waited for in vain. `None` is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// All of a session that is personal; after that it is redacted.
    pub sessions: Option<Duration>,
    /// Its pictures; after that nobody can open them any more.
    pub images: Option<Duration>,
}

/// The retention of each account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    default: Retention,
    accounts: HashMap<String, Retention>,
}

/// One setting: `sessions=365d`, or of one account alone `acme:images=7d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    account: Option<String>,
    kind: Kind,
    time: Duration,
}

/// What nobody means to redact sooner than this.
const LEAST_FOR_SESSIONS: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sessions,
    Images,
}

/// Why a retention cannot be meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// Not of the form.
    #[error("expected [account:]sessions=TIME or [account:]images=TIME, e.g. images=30d or acme:sessions=365d")]
    Form,
    /// Not a time.
    #[error("{0:?} is not a time: write e.g. 12h, 30d or 1y")]
    Time(String),
    /// So short that it is hardly meant: whoever writes `1m` gets a minute.
    #[error("sessions must be kept for an hour at least, {0:?} is less")]
    Short(String),
}

impl FromStr for RetentionRule {
    type Err = RetentionError;

    fn from_str(rule: &str) -> Result<Self, RetentionError> {
        let (what, time) = rule.split_once('=').ok_or(RetentionError::Form)?;
        let (account, kind) = match what.split_once(':') {
            Some((account, kind)) => (Some(account.trim()), kind),
            None => (None, what),
        };
        let named = |letter: u8| letter.is_ascii_alphanumeric() || b"_-./".contains(&letter);
        if account.is_some_and(|account| account.is_empty() || !account.bytes().all(named)) {
            return Err(RetentionError::Form);
        }
        let kind = match kind.trim() {
            "sessions" => Kind::Sessions,
            "images" => Kind::Images,
            _ => return Err(RetentionError::Form),
        };
        let written = time.trim().to_owned();
        let time = match humantime::parse_duration(&written) {
            Ok(time) => time,
            Err(_) => return Err(RetentionError::Time(written)),
        };
        if kind == Kind::Sessions && time < LEAST_FOR_SESSIONS {
            return Err(RetentionError::Short(written));
        }
        Ok(Self {
            account: account.map(str::to_owned),
            kind,
            time,
        })
    }
}

impl RetentionPolicy {
    /// What the rules come to, in whatever order they are given. An account has the general rules where it has none of its own; of two for
    /// the same the later one holds.
    pub fn new(rules: &[RetentionRule]) -> Self {
        let mut policy = Self::default();
        for rule in rules.iter().filter(|rule| rule.account.is_none()) {
            policy.default.set(rule);
        }
        for rule in rules {
            if let Some(account) = &rule.account {
                let default = policy.default;
                policy.accounts.entry(account.clone()).or_insert(default).set(rule);
            }
        }
        policy
    }

    /// Whether everything is kept for ever.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// An account's retention; in test mode, where it has no rules of its own, that of its live mode.
    pub fn of(&self, account: &str) -> Retention {
        let live = account.strip_suffix(proto::TEST_MODE_SUFFIX).unwrap_or(account);
        let found = self.accounts.get(account).or_else(|| self.accounts.get(live));
        found.copied().unwrap_or(self.default)
    }
}

impl Retention {
    fn set(&mut self, rule: &RetentionRule) {
        let time = Some(rule.time);
        match rule.kind {
            Kind::Sessions => self.sessions = time,
            Kind::Images => self.images = time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: u64) -> Option<Duration> {
        Some(Duration::from_secs(days * 24 * 3600))
    }

    fn policy(rules: &[&str]) -> RetentionPolicy {
        let rules: Vec<_> = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        RetentionPolicy::new(&rules)
    }

    #[test]
    fn an_account_has_the_general_rules_where_it_has_none_of_its_own() {
        let policy = policy(&["acme:images=7d", "images=30d", "sessions=365d", "other:sessions = 1d"]);
        let retention = |sessions, images| Retention { sessions, images };
        assert_eq!(policy.of("acme"), retention(days(365), days(7)));
        assert_eq!(policy.of("other"), retention(days(1), days(30)));
        assert_eq!(policy.of("third"), retention(days(365), days(30)));
        assert_eq!(
            policy.of("acme/test"),
            policy.of("acme"),
            "pictures of test mode are of people, too"
        );
        assert_eq!(RetentionPolicy::default().of("acme"), retention(None, None));
    }

    #[test]
    fn refuses_what_cannot_be_meant() {
        for rule in [
            "",
            "images",
            "pictures=30d",
            ":images=30d",
            "acme:=30d",
            "acme:all=30d",
            "a b:images=30d",
        ] {
            assert_eq!(rule.parse::<RetentionRule>(), Err(RetentionError::Form), "{rule}");
        }
        assert_eq!(
            "sessions=1m".parse::<RetentionRule>(),
            Err(RetentionError::Short("1m".to_owned()))
        );
        "images=0s".parse::<RetentionRule>().expect("none once it is decided");
        for time in ["", "30", "-1d", "soon"] {
            let rule = format!("images={time}");
            assert_eq!(
                rule.parse::<RetentionRule>(),
                Err(RetentionError::Time(time.to_owned()))
            );
        }
    }
}
