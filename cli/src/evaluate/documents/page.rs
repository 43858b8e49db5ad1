//! What `report.html` says of documents.

use maud::{Markup, html};

use super::plot;
use super::row::Row;
use super::score::Verdict;
use super::summary::{Outcome, Summary};
use crate::dataset::name;
use crate::evaluate::page::{gallery, image, page, percent, rate};

const VERIFIED: &str = "#2e8b57";
const WRONG: &str = "#b3261e";

/// Draws the page.
pub(super) fn draw(summary: &Summary, rows: &[Row]) -> String {
    let wrong: Vec<&Row> = rows.iter().filter(|row| row.is_wrongly_verified()).collect();
    let (genuine, forged): (Vec<&Row>, Vec<&Row>) = rows
        .iter()
        .filter(|row| !row.verified)
        .partition(|row| row.truth.forgery.is_none());
    let title = format!("{} documents checked", summary.headline.documents);
    page(
        &title,
        &html! {
            (headline(summary))
            (outcomes(summary))
            (fields(summary))
            h2 { "Stated probability against measured" }
            div.big { (plot::calibration(&summary.calibration)) (calibration(summary)) }
            (degradations(summary))
            (forgeries(summary))
            (reasons(summary))
            (stages(summary))
            (gallery("Verified wrongly", &wrong, figure))
            (gallery("Genuine and not verified", &genuine, figure))
            (gallery("Forged and caught", &forged, figure))
        },
    )
}

fn headline(summary: &Summary) -> Markup {
    let missed: usize = summary
        .headline
        .forgeries
        .values()
        .map(|kind| kind.documents - kind.caught)
        .sum();
    let wrong = summary.headline.genuine.verified_wrong;
    html! {
        div.big {
            div.bad[wrong > 0] { b { (wrong) } "verified with a wrong field" }
            @if !summary.headline.forgeries.is_empty() { div.bad[missed > 0] { b { (missed) } "forged and verified" } }
            div { b { (summary.headline.genuine.verified) " of " (summary.headline.genuine.documents) } "genuine and verified" }
            div { b { (summary.headline.zones.whole) " of " (summary.headline.zones.documents) } "zones read whole" }
            div { b { (rate(summary.headline.zones.character_error_rate)) } "of all zones' characters wrong" }
            div { b { (summary.headline.failed) } "without a result" }
        }
    }
}

fn outcomes(summary: &Summary) -> Markup {
    html! {
        h2 { "Outcomes" }
        table {
            tr { th { "genuine documents" } th { "number" } th { "verified" } th { "verified wrong" } th { "refused wrong" } th { "zone whole" } th {} }
            @for (title, outcome) in [("all", &summary.headline.genuine), ("zone covered in part", &summary.headline.covered),
                ("of these, all that is covered is filler or printed", &summary.headline.recoverable)] {
                (outcome_row(title, outcome))
            }
        }
    }
}

fn outcome_row(title: &str, outcome: &Outcome) -> Markup {
    let Outcome {
        documents,
        verified,
        verified_wrong,
        refused_wrong,
        whole,
    } = *outcome;
    html! {
        tr {
            td { (title) } td { (documents) }
            td { (verified) " (" (percent(verified, documents)) ")" }
            td.wrong[verified_wrong > 0] { (verified_wrong) }
            td { (refused_wrong) }
            td { (whole) " (" (percent(whole, documents)) ")" }
            td { (plot::bar(&[(verified_wrong, WRONG), (verified - verified_wrong, VERIFIED)], documents)) }
        }
    }
}

fn fields(summary: &Summary) -> Markup {
    html! {
        h2 { "Fields of genuine documents" }
        table {
            tr { th { "field" } th { "right" } th { "wrong" } th { "missing" } th { "wrong in a verified document" } th { "characters wrong" } th {} }
            @for (field, counts) in &summary.fields {
                tr {
                    td { (name(field).replace('_', " ")) } td { (counts.right) } td { (counts.wrong) } td { (counts.missing) }
                    td.wrong[counts.verified_wrong > 0] { (counts.verified_wrong) }
                    td { (rate(counts.character_error_rate)) }
                    td { (plot::bar(&[(counts.right, VERIFIED), (counts.wrong, WRONG)], counts.right + counts.wrong + counts.missing)) }
                }
            }
        }
    }
}

fn calibration(summary: &Summary) -> Markup {
    html! {
        table {
            tr { th { "stated" } th { "fields" } th { "mean stated" } th { "measured" } }
            @for bin in &summary.calibration {
                tr {
                    td { (bin.from) " – " (bin.to) } td { (bin.fields) }
                    td { (bin.stated.map_or("–".to_owned(), |value| format!("{value:.4}"))) }
                    td { (bin.measured.map_or("–".to_owned(), |value| format!("{value:.4}"))) }
                }
            }
        }
    }
}

fn degradations(summary: &Summary) -> Markup {
    html! {
        @if !summary.degradations.is_empty() {
            h2 { "By degradation" }
            table {
                tr { th { "kind" } th { "number" } th { "verified" } th { "verified wrong" } th { "refused wrong" } th { "zone whole" } th {} }
                @for group in &summary.degradations { (outcome_row(&group.title(), &group.outcome)) }
            }
        }
    }
}

fn forgeries(summary: &Summary) -> Markup {
    html! {
        @if !summary.headline.forgeries.is_empty() {
            h2 { "Forgeries" }
            table {
                tr { th { "kind" } th { "number" } th { "caught" } th { "rate" } th { "95 % interval" } th {} }
                @for (kind, caught) in &summary.headline.forgeries {
                    tr {
                        td { (name(kind).replace('_', " ")) } td { (caught.documents) } td { (caught.caught) }
                        td { (rate(Some(caught.rate))) }
                        td { (rate(Some(caught.interval.0))) " – " (rate(Some(caught.interval.1))) }
                        td { (plot::bar(&[(caught.caught, VERIFIED)], caught.documents)) }
                    }
                }
            }
        }
    }
}

fn reasons(summary: &Summary) -> Markup {
    html! {
        @if !summary.reasons.is_empty() {
            h2 { "Why documents were not verified" }
            table { @for (reason, count) in &summary.reasons { tr { td { (reason) } td { (count) } } } }
        }
    }
}

fn stages(summary: &Summary) -> Markup {
    let longest = summary.stages.values().map(|time| time.median).fold(0.0, f64::max);
    html! {
        h2 { "Time per document, milliseconds" }
        table {
            tr { th { "stage" } th { "median" } th { "95th percentile" } th { "mean" } th {} }
            @for (stage, time) in &summary.stages {
                tr {
                    td { (stage.replace('_', " ")) } td { (format!("{:.1}", time.median)) } td { (format!("{:.1}", time.p95)) }
                    td { (format!("{:.1}", time.mean)) }
                    td { (plot::bar(&[((time.median * 10.0) as usize, "#16607a")], (longest * 10.0) as usize)) }
                }
            }
        }
    }
}

fn figure(row: &&Row) -> Markup {
    let truth = &row.truth;
    let degradations = truth.degradations.iter().map(|each| {
        let side = each.side.as_deref().unwrap_or_default();
        format!("{} {:.2} {side}", name(&each.kind).replace('_', " "), each.strength)
    });
    let degradations: Vec<String> = degradations.collect();
    html! {
        figure {
            @for file in &row.thumbnails { (image(&truth.image, file)) }
            figcaption {
                b { (truth.image) }
                @if let Some(forgery) = truth.forgery { " · " (name(&forgery).replace('_', " ")) }
                @if let Some(failure) = &row.failure { " · " span.wrong { (failure) } }
                @if let Some((_, reason)) = &row.error { " · " (reason) }
                @if !degradations.is_empty() { br; (degradations.join(", ")) }
                @for field in row.fields.iter().filter(|field| field.verdict == Verdict::Wrong) {
                    br; span.wrong { (name(&field.field).replace('_', " ")) " read " (field.read) }
                    @if let Some(value) = truth.fields.get(&field.field) { ", is " (value.value) }
                }
                @if row.zone != truth.mrz {
                    @for line in &truth.mrz { br; code { (line) } }
                    @for line in &row.zone { br; code.wrong { (line) } }
                }
            }
        }
    }
}
