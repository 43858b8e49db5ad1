//! `bonafide configuration`: every setting of the services, from the definitions of their flags.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Args, Command};
use doc_check_svc::server::DocCheckSvc;
use report_svc::server::ReportSvc;
use selfie_svc::server::SelfieSvc;
use service_kit::program;
use session_svc::server::SessionSvc;

use crate::stdout::print;

/// Print every setting of the services, as Markdown
#[derive(Debug, Args)]
pub struct Configuration {}

impl Configuration {
    /// Writes the tables to standard output.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        print(&tables())?;
        Ok(ExitCode::SUCCESS)
    }
}

const HEAD: &str = "# Configuration\n\n\
    Written by `bonafide configuration` from the definitions of the flags (`make configuration`). Every flag has an environment variable; \
    the flag wins. `bonafide up` takes those of the services that it runs, and `bonafide up --help` says which.\n";

/// A table for what every service takes, and one for each service.
pub fn tables() -> String {
    let services = [
        program::command::<SessionSvc>(),
        program::command::<DocCheckSvc>(),
        program::command::<SelfieSvc>(),
        program::command::<ReportSvc>(),
    ];
    let flags = |service: &Command| -> BTreeSet<String> {
        let settings = service.get_arguments().filter(|argument| is_setting(argument));
        settings.map(|argument| argument.get_id().to_string()).collect()
    };
    let shared = services
        .iter()
        .map(flags)
        .reduce(|all, each| &all & &each)
        .unwrap_or_default();
    let mut page = HEAD.to_owned();
    if let Some(any) = services.first() {
        table(&mut page, "Every service", any, |id| shared.contains(id));
    }
    for service in &services {
        table(&mut page, service.get_name(), service, |id| !shared.contains(id));
    }
    page
}

fn is_setting(argument: &Arg) -> bool {
    argument.get_env().is_some()
}

fn table(page: &mut String, title: &str, service: &Command, is_wanted: impl Fn(&str) -> bool) {
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "\n## {title}\n\n| flag | variable | default | meaning |\n|---|---|---|---|\n"
    );
    let settings = service.get_arguments().filter(|argument| is_setting(argument));
    for argument in settings.filter(|argument| is_wanted(argument.get_id().as_str())) {
        let flag = argument.get_long().unwrap_or_default();
        let variable = argument.get_env().unwrap_or_default().to_string_lossy();
        let help = argument.get_long_help().or(argument.get_help());
        let meaning = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ");
        let meaning = meaning.trim_end_matches('.').replace('|', "\\|");
        let _ = writeln!(
            page,
            "| `--{flag}` | `{variable}` | {} | {meaning} |",
            default(argument)
        );
    }
}

fn default(argument: &Arg) -> String {
    let values: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    match argument.get_action() {
        _ if argument.is_required_set() => "required".to_owned(),
        ArgAction::SetTrue => "off".to_owned(),
        _ if values.is_empty() => String::new(),
        _ => format!("`{}`", values.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_flags_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = std::fs::read_to_string(path).expect("is there");
        assert!(page == tables(), "docs/configuration.md is stale: make configuration");
    }

    #[test]
    fn a_table_has_each_setting_once() {
        let page = tables();
        for variable in [
            "BONAFIDE_LISTEN",
            "BONAFIDE_API_KEYS",
            "BONAFIDE_REDIS_URL",
            "BONAFIDE_DEVICE",
        ] {
            let rows = page.matches(&format!("| `{variable}` |")).count();
            let expected = if variable == "BONAFIDE_DEVICE" { 2 } else { 1 };
            assert_eq!(rows, expected, "{variable}");
        }
        assert!(page.contains("| `--data` | `BONAFIDE_DATA` |"));
    }
}
