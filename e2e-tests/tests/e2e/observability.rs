//! `deploy/observability`: what it draws, alerts on and explains is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "deploy", "observability"]
        .iter()
        .collect()
}

fn file(name: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(folder().join(name)).with_context(|| name.to_owned())
}

/// The metrics of METRICS.md with their labels.
pub(crate) fn documented() -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let text = file("METRICS.md")?;
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut metrics = BTreeMap::<String, BTreeSet<String>>::new();
    let mut above = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [name, _, labels, ..] = cells.as_slice() else {
            anyhow::bail!("a row without its cells: {row}")
        };
        // Values stand in brackets behind a label.
        let mut depth = 0;
        let outside: String = labels
            .chars()
            .filter(|letter| {
                depth += i32::from(*letter == '(') - i32::from(*letter == ')');
                depth == 0 && *letter != ')'
            })
            .collect();
        if outside.trim() != "the same" {
            above = quoted(&outside).map(str::to_owned).collect();
        }
        metrics.insert(name.trim_end_matches('`').to_owned(), above.clone());
    }
    Ok(metrics)
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The metrics that a text of queries names.
fn used(text: &str) -> BTreeSet<String> {
    const PREFIXES: [&str; 5] = ["rpc_server_", "rpc_client_", "http_server_", "bonafide_", "db_client_"];
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'));
    let metrics =
        words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)) || word.starts_with("process_"));
    metrics
        .map(|word| {
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| word.strip_suffix(suffix));
            family.unwrap_or(word).to_owned()
        })
        .collect()
}

#[test]
fn queries_name_metrics_that_are_told() -> anyhow::Result<()> {
    let documented: BTreeSet<String> = documented()?.into_keys().collect();
    for name in ["alerts.yaml", "alerts_test.yaml", "dashboard.json"] {
        let used = used(&file(name)?);
        let unknown: Vec<_> = used.difference(&documented).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
        assert!(used.len() > 8, "{name}: {used:?}");
    }
    Ok(())
}

#[test]
fn every_alert_is_explained_and_tested() -> anyhow::Result<()> {
    let (alerts, runbook, tests) = (file("alerts.yaml")?, file("RUNBOOK.md")?, file("alerts_test.yaml")?);
    let names = |text: &str, before: &str| -> BTreeSet<String> {
        let found = text.lines().filter_map(|line| line.trim_start().strip_prefix(before));
        found
            .map(|name| name.trim_end_matches(['"', '}', '\'', ' ']).to_owned())
            .collect()
    };
    let alerting = names(&alerts, "- alert: ");
    assert!(!alerting.is_empty());
    assert_eq!(names(&runbook, "## "), alerting);
    for alert in &alerting {
        assert!(
            alerts.contains(&format!("runbook: RUNBOOK.md#{}\n", alert.to_lowercase())),
            "{alert}"
        );
        assert!(tests.contains(&format!("{{alertname=\"{alert}\"}}")), "{alert}");
    }
    Ok(())
}

/// What Grafana needs to show a dashboard as it is meant.
#[test]
fn the_dashboard_is_one() -> anyhow::Result<()> {
    let dashboard: Value = serde_json::from_str(&file("dashboard.json")?)?;
    assert!(
        dashboard["schemaVersion"].as_u64() >= Some(36)
            && dashboard["title"].is_string()
            && dashboard["uid"].is_string()
    );
    let variables = dashboard["templating"]["list"].as_array().context("variables")?;
    let variables: BTreeSet<&str> = variables
        .iter()
        .filter_map(|variable| variable["name"].as_str())
        .collect();
    assert_eq!(variables, BTreeSet::from(["datasource", "service"]));
    let panels = dashboard["panels"].as_array().context("panels")?;
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = panel["title"].as_str().context("a title")?;
        assert!(ids.insert(panel["id"].as_u64().context("an id")?), "{title}");
        let place = |key: &str| panel["gridPos"][key].as_u64().context("a place");
        let (x, y, width, height) = (place("x")?, place("y")?, place("w")?, place("h")?);
        assert!(width > 0 && height > 0 && x + width <= 24, "{title}");
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(places.insert(cell), "{title} covers another panel");
        }
        match panel["type"].as_str() {
            Some("row") => continue,
            Some("timeseries" | "stat" | "table") => {}
            other => panic!("{title}: {other:?}"),
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().context("targets")?;
        let references: BTreeSet<_> = targets.iter().filter_map(|target| target["refId"].as_str()).collect();
        assert!(!targets.is_empty() && references.len() == targets.len(), "{title}");
        for target in targets {
            let query = target["expr"].as_str().context("a query")?;
            assert!(!used(query).is_empty() || query.contains("up{"), "{title}: {query}");
            assert_eq!(
                query.matches('(').count(),
                query.matches(')').count(),
                "{title}: {query}"
            );
            assert_eq!(
                query.matches('{').count(),
                query.matches('}').count(),
                "{title}: {query}"
            );
        }
    }
    Ok(())
}

/// Prometheus' own tool reads the rules and runs their tests, where it is installed.
#[test]
fn prometheus_takes_the_rules() -> anyhow::Result<()> {
    for arguments in [
        ["check", "config", "prometheus.yaml"],
        ["test", "rules", "alerts_test.yaml"],
    ] {
        let ran = match Command::new("promtool").args(arguments).current_dir(folder()).output() {
            // Not a part of what continuous integration must have.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("skipped: promtool is not installed");
                return Ok(());
            }
            ran => ran?,
        };
        let says = [ran.stdout, ran.stderr].concat();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&says));
    }
    Ok(())
}
