//! Plots as inline SVG.

use maud::{Markup, html};

use super::calibration::Bin;

/// Stated probability (across) against measured (up), a dot for each bin with fields, as large as there are many.
pub(super) fn calibration(bins: &[Bin]) -> Markup {
    const SIDE: f64 = 280.0;
    const EDGE: f64 = 36.0;
    let at = |value: f64| value * SIDE;
    let most = bins.iter().map(|bin| bin.fields).max().unwrap_or(0).max(1) as f64;
    let dots = bins.iter().filter_map(|bin| Some((bin, bin.stated?, bin.measured?)));
    html! {
        svg viewBox=(format!("0 0 {} {}", SIDE + 2.0 * EDGE, SIDE + 2.0 * EDGE)) width="360" role="img" aria-label="calibration" {
            g transform=(format!("translate({EDGE} {EDGE})")) {
                rect width=(SIDE) height=(SIDE) fill="none" stroke="#ccc" {}
                line x1="0" y1=(SIDE) x2=(SIDE) y2="0" stroke="#bbb" stroke-dasharray="4 4" {}
                @for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
                    text x=(at(tick)) y=(SIDE + 16.0) text-anchor="middle" { (tick) }
                    text x="-6" y=(SIDE - at(tick) + 4.0) text-anchor="end" { (tick) }
                }
                text x=(SIDE / 2.0) y=(SIDE + 32.0) text-anchor="middle" { "stated" }
                @for (bin, stated, measured) in dots {
                    circle cx=(at(stated)) cy=(SIDE - at(measured)) r=(3.0 + 8.0 * (bin.fields as f64 / most).sqrt())
                        fill="#16607a" fill-opacity="0.65" {
                        title { (bin.fields) " fields: stated " (format!("{stated:.4}")) ", measured " (format!("{measured:.4}")) }
                    }
                }
            }
        }
    }
}

/// A bar of parts of a whole, each with its colour.
pub(super) fn bar(parts: &[(usize, &str)], whole: usize) -> Markup {
    const WIDTH: f64 = 220.0;
    let scale = WIDTH / whole.max(1) as f64;
    let mut left = 0.0;
    let parts = parts.iter().map(|(count, colour)| {
        let part = (left, *count as f64 * scale, *colour);
        left += part.1;
        part
    });
    html! {
        svg viewBox=(format!("0 0 {WIDTH} 12")) width=(WIDTH) height="12" aria-hidden="true" {
            rect width=(WIDTH) height="12" fill="#e6e6e6" {}
            @for (left, width, colour) in parts {
                rect x=(left) width=(width) height="12" fill=(colour) {}
            }
        }
    }
}
