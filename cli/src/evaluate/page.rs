//! `report.html`: one page that needs nothing beside it.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use vision::picture::{Limits, Picture};

const STYLE: &str = "
body { font: 15px/1.45 system-ui, sans-serif; color: #1d2429; margin: 2rem auto; max-width: 1180px; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: .2rem .8rem .2rem 0; text-align: right }
td:first-child, th:first-child { text-align: left } th { font-weight: 600; border-bottom: 1px solid #ccd }
.big { display: flex; gap: 1rem; flex-wrap: wrap } .big div { background: #f3f5f6; border-radius: 8px; padding: .7rem 1.1rem }
.big b { display: block; font-size: 1.7rem } .bad b { color: #b3261e } .gallery { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0; width: 360px } figure img { width: 100%; border-radius: 4px } figcaption { font-size: .82rem; overflow-wrap: anywhere }
.wrong { color: #b3261e; font-weight: 600 } code { font-size: .75rem } svg text { font-size: 11px; fill: #555 }
";

/// Longer side of a thumbnail in pixels.
const THUMBNAIL: u32 = 360;

/// The page with a title and what it has to say.
pub(super) fn page(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (content)
            }
        }
    };
    page.into_string()
}

/// Writes it.
pub(super) fn write_page(path: &Path, page: &str) -> anyhow::Result<()> {
    std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", 100.0 * part as f64 / whole as f64)
}

pub(super) fn rate(rate: Option<f64>) -> String {
    rate.map_or("–".to_owned(), |rate| format!("{:.2} %", 100.0 * rate))
}

/// A picture's file, small; none where it is no picture.
pub(super) fn thumbnail(file: &[u8]) -> Option<Vec<u8>> {
    let (picture, _) = Picture::decode_reduced(file, &Limits::default(), THUMBNAIL).ok()?;
    picture.resize_longest(THUMBNAIL).encode_jpeg(55).ok()
}

/// Figures under a title with their number; nothing where there are none.
pub(super) fn gallery<T>(title: &str, rows: &[T], figure: impl Fn(&T) -> Markup) -> Markup {
    html! {
        @if !rows.is_empty() {
            h2 { (title) ": " (rows.len()) }
            div.gallery { @for row in rows { (figure(row)) } }
        }
    }
}

/// A JPEG file in the page.
pub(super) fn image(alt: &str, file: &[u8]) -> Markup {
    html! { img loading="lazy" alt=(alt) src=(format!("data:image/jpeg;base64,{}", STANDARD.encode(file))); }
}
