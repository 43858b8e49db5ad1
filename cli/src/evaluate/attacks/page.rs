//! What `report.html` says of presentation attacks.

use maud::{Markup, html};

use super::row::Row;
use super::summary::{Counted, Rates, Summary};
use crate::dataset::name;
use crate::evaluate::page::{gallery, image, page, rate};

/// Draws the page.
pub(super) fn draw(summary: &Summary, rows: &[Row]) -> String {
    let (passed, refused): (Vec<&Row>, Vec<&Row>) = rows
        .iter()
        .filter(|row| row.is_error())
        .partition(|row| row.truth.attack.is_some());
    let title = format!("{} presentations checked", summary.presentations);
    page(
        &title,
        &html! {
            div.big {
                div.bad[!passed.is_empty()] { b { (passed.len()) } "attacks and unfit selfies that no test refused" }
                div.bad[!refused.is_empty()] { b { (refused.len()) } "bona fide that a test refused" }
                div { b { (summary.failed) } "without a result" }
                div { b { (format!("{:.0} ms", summary.mean_ms)) } "mean time" }
            }
            @for (half, rates) in &summary.halves { (table(&format!("People of the {} half", name(half)), rates)) }
            (gallery("Attacks that passed", &passed, figure))
            (gallery("Bona fide, refused", &refused, figure))
        },
    )
}

fn table(title: &str, rates: &Rates) -> Markup {
    html! {
        h2 { (title) }
        table {
            tr {
                th { "kind" } th { "presentations" } th { "without two faces" } th { "errors" } th { "APCER, BPCER" }
                th { "95 % interval" } th { "verified" } th { "by presentation attack detection alone" }
            }
            (line("bona fide", &rates.bona_fide))
            @for (test, counted) in &rates.bona_fide_by_test { (line(&format!("bona fide, by {}", test.replace('_', " ")), counted)) }
            @for (kind, counted) in &rates.attacks { (line(&name(kind).replace('_', " "), counted)) }
        }
    }
}

fn line(title: &str, counted: &Counted) -> Markup {
    let (low, high) = counted.interval.unzip();
    html! {
        tr {
            td { (title) } td { (counted.presentations) } td { (counted.without_response) } td { (counted.errors) }
            td { (rate(counted.rate)) } td { (rate(low)) " – " (rate(high)) } td { (counted.verified) }
            td {
                @match &counted.presentation_attack_detection {
                    Some(detected) => {
                        (detected.errors) " of " (detected.presentations) ": " (rate(Some(detected.rate))) " ("
                        (rate(Some(detected.interval.0))) " – " (rate(Some(detected.interval.1))) ")"
                    }
                    None => "–",
                }
            }
        }
    }
}

fn figure(row: &&Row) -> Markup {
    let steps: Vec<String> = row
        .truth
        .steps
        .iter()
        .map(|step| name(step).replace('_', " "))
        .collect();
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    html! {
        figure {
            @for file in &row.thumbnails { (image(&row.truth.image, file)) }
            figcaption {
                b { (row.truth.image) }
                @if !steps.is_empty() { " · " (steps.join(", ")) }
                br; "agreement " (number(row.likeness.map(|likeness| likeness.agreement)))
                ", similarity " (number(row.likeness.map(|likeness| likeness.similarity)))
                @if let Some((_, reason)) = &row.error { " · " (reason) }
            }
        }
    }
}
