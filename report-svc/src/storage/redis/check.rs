//! What a server must be so that nothing is lost in silence. Looked at once, when the service starts.
//!
//! Nearly all of it is in `INFO`, which managed services leave to their users; `appendfsync` is in `CONFIG GET` alone, which many do
//! not, and only tells what a crash may cost. Every master of a Cluster is asked. Replicas are not: one that is promoted should be
//! configured as its master is.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use redis::{FromRedisValue as _, InfoDict, RedisError, Value, cmd};

use super::Redis;

/// The oldest version that the tests run against. `XTRIM … MINID`, which drops old events, came with 6.2.
const OLDEST_MAJOR_VERSION: u32 = 7;

/// From which difference on the clocks of two machines are said to differ: TIME is in whole seconds here, and an answer takes a while.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Something by which state may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Risk {
    /// `maxmemory-policy` is not `noeviction`: sessions, jobs or idempotency keys vanish when memory is short.
    Eviction,
    /// `appendonly` is off: whatever was written since the last snapshot is gone when the server ends.
    NoAof,
    /// The server is older than 7.0: nothing was tried there.
    OldVersion,
    /// `INFO` is not permitted or does not say: nobody knows which of the others there are.
    Unchecked,
}

impl Risk {
    /// As `--redis-allow` takes it.
    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// A risk, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Host and port of a master of a Cluster.
    pub master: Option<String>,
    /// Which risk.
    pub risk: Risk,
    /// What was seen, and what should be.
    pub seen: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { master, risk, seen } = self;
        if let Some(master) = master {
            write!(f, "{master}: ")?;
        }
        write!(f, "{seen}, or allow it with --redis-allow {}", risk.name())
    }
}

/// Why a server is not used.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// State may be lost.
    #[error("redis is not safe to keep state in: {}", sentences(.0))]
    Unsafe(Vec<Finding>),
    /// It does not answer.
    #[error("redis does not answer: {0}")]
    Redis(#[from] RedisError),
}

fn sentences(findings: &[Finding]) -> String {
    let findings: Vec<String> = findings.iter().map(Finding::to_string).collect();
    findings.join("; ")
}

impl Redis {
    /// Refuses a server, or a Cluster with a master, that has a risk which is not `allowed`; says in the log what is allowed or could
    /// not be looked at.
    pub async fn check(&self, allowed: &[Risk]) -> Result<(), CheckError> {
        let mut connection = self.connection.clone();
        let mut refused = Vec::new();
        for (master, info) in connection.ask_masters(cmd("INFO")).await? {
            for (risk, seen) in risks(&info) {
                let master = master.clone();
                let finding = Finding { master, risk, seen };
                if allowed.contains(&risk) {
                    tracing::warn!(%finding, "redis may lose state, which is allowed");
                } else {
                    refused.push(finding);
                }
            }
        }
        if !refused.is_empty() {
            return Err(CheckError::Unsafe(refused));
        }
        for (master, time) in connection.ask_masters(cmd("TIME")).await? {
            note_clock(master, time);
        }
        let mut durability = cmd("CONFIG");
        durability.arg("GET").arg("appendfsync");
        match connection.ask_masters(durability).await {
            Ok(masters) => masters
                .into_iter()
                .for_each(|(master, answer)| note_durability(master, answer)),
            Err(error) => tracing::info!(%error, "{UNKNOWN_DURABILITY}"),
        }
        Ok(())
    }
}

const UNKNOWN_DURABILITY: &str = "redis does not tell its appendfsync: what a crash may cost is not known";

/// Leases go by the clock of Redis alone; what is created, and when it expires, by ours.
fn note_clock(master: Option<String>, time: Value) {
    let Ok((seconds, _)) = <(u64, u64)>::from_redis_value(time) else {
        return;
    };
    let (theirs, ours) = (UNIX_EPOCH + Duration::from_secs(seconds), SystemTime::now());
    if let Some(seconds) = skew(theirs, ours) {
        tracing::warn!(
            master,
            seconds,
            "the clock of redis is ahead of or behind ours by that much: set both by NTP"
        );
    }
}

/// By how many seconds a clock is ahead of ours, or behind it, where that is worth a word.
fn skew(theirs: SystemTime, ours: SystemTime) -> Option<f64> {
    let ahead = theirs.duration_since(ours).map(|ahead| ahead.as_secs_f64());
    let seconds = ahead.unwrap_or_else(|behind| -behind.duration().as_secs_f64());
    (seconds.abs() > CLOCK_SKEW.as_secs_f64()).then_some(seconds)
}

fn note_durability(master: Option<String>, answer: Value) {
    match <(String, String)>::from_redis_value(answer) {
        Ok((_, appendfsync)) if appendfsync == "no" => {
            tracing::warn!(
                master,
                appendfsync,
                "a crash may cost what the system had not written yet"
            );
        }
        Ok((_, appendfsync)) => tracing::info!(master, appendfsync, "redis checked"),
        Err(error) => tracing::info!(master, %error, "{UNKNOWN_DURABILITY}"),
    }
}

/// The risks that a server's INFO tells of.
fn risks(info: &Value) -> Vec<(Risk, String)> {
    let info = match info {
        Value::ServerError(error) => return vec![unchecked(&format!("INFO is refused ({error})"))],
        answer => match InfoDict::from_redis_value_ref(answer) {
            Ok(info) => info,
            Err(_) => return vec![unchecked("INFO is not text")],
        },
    };
    let field = |name: &str| info.get::<String>(name);
    let unknown = |name: &str| Some(unchecked(&format!("INFO does not tell {name}")));
    let eviction = match field("maxmemory_policy") {
        Some(policy) if policy == "noeviction" => None,
        Some(policy) => {
            let seen =
                format!("maxmemory-policy is {policy}, by which state is evicted when memory is short: set noeviction");
            Some((Risk::Eviction, seen))
        }
        None => unknown("maxmemory_policy"),
    };
    let aof = match field("aof_enabled").as_deref() {
        Some("1") => None,
        Some(_) => {
            let seen = "appendonly is off, so that state is lost when the server ends: set appendonly yes";
            Some((Risk::NoAof, seen.to_owned()))
        }
        None => unknown("aof_enabled"),
    };
    let major = field("redis_version").and_then(|version| {
        let major = version.split('.').next()?.parse::<u32>().ok()?;
        Some((version, major))
    });
    let version = match major {
        Some((_, major)) if major >= OLDEST_MAJOR_VERSION => None,
        Some((version, _)) => {
            let seen =
                format!("version {version} is older than {OLDEST_MAJOR_VERSION}.0, the oldest that is tested: upgrade");
            Some((Risk::OldVersion, seen))
        }
        None => unknown("redis_version"),
    };
    [eviction, aof, version].into_iter().flatten().collect()
}

fn unchecked(what: &str) -> (Risk, String) {
    (Risk::Unchecked, format!("{what}: permit INFO"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str, policy: &str, aof: &str) -> Value {
        let text = format!("# Server\r\nredis_version:{version}\r\nmaxmemory_policy:{policy}\r\naof_enabled:{aof}\r\n");
        Value::BulkString(text.into_bytes())
    }

    #[test]
    fn finds_every_risk_at_once() {
        let found = |info: &Value| risks(info).into_iter().map(|(risk, _)| risk).collect::<Vec<_>>();
        for version in ["7.0.15", "8.2.1", "10.0.0"] {
            assert_eq!(found(&of(version, "noeviction", "1")), []);
        }
        assert_eq!(
            found(&of("6.2.14", "volatile-lru", "0")),
            [Risk::Eviction, Risk::NoAof, Risk::OldVersion]
        );
        assert_eq!(found(&of("seven", "noeviction", "1")), [Risk::Unchecked]);
        assert_eq!(found(&Value::BulkString(Vec::new())), [Risk::Unchecked; 3]);
        assert_eq!(found(&Value::Nil), [Risk::Unchecked]);
    }

    #[test]
    fn clocks_differ_when_an_answer_cannot_take_so_long() {
        let ours = SystemTime::now();
        let hour = Duration::from_secs(3600);
        assert_eq!(skew(ours + hour, ours), Some(3600.0));
        assert_eq!(skew(ours - hour, ours), Some(-3600.0));
        assert_eq!(skew(ours - Duration::from_secs(4), ours), None);
    }

    #[test]
    fn says_where_it_is_and_how_to_allow_it() {
        let (risk, seen) = risks(&of("7.2.0", "allkeys-lru", "1")).remove(0);
        let master = Some("10.0.0.1:6379".to_owned());
        let error = CheckError::Unsafe(vec![Finding { master, risk, seen }]).to_string();
        assert_eq!(
            error,
            "redis is not safe to keep state in: 10.0.0.1:6379: maxmemory-policy is allkeys-lru, by which state is evicted when \
             memory is short: set noeviction, or allow it with --redis-allow eviction"
        );
    }
}
