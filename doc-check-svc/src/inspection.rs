//! What is seen of the pictures around a zone that was read: whether they are of one document, its page, and how it came before the
//! camera.

use vision::geometry::{Quad, Rect};
use vision::picture::Picture;
use vision::text::TextLine;

use crate::capture;
use crate::mrz::Evidence;
use crate::page::{Page, Side, Submitted};
use crate::policy::Finding;
use crate::reader::Zone;

/// What was seen.
#[derive(Default)]
pub(crate) struct Inspection {
    /// The tests of it.
    pub(crate) findings: Vec<Finding>,
    /// Indices of the pictures that could be opened, in the order in which they belong.
    pub(crate) order: Vec<usize>,
}

/// Looks at the pictures that could be opened, each with its index.
pub(crate) fn inspect(zone: &Zone, pictures: &[(usize, &Picture)]) -> Inspection {
    let sides: Vec<Side<'_>> = zone
        .sides
        .iter()
        .map(|side| Side {
            lines: &side.lines,
            printed: &side.printed,
        })
        .collect();
    let zone_on = pictures.iter().position(|(index, _)| *index == zone.picture);
    let submitted = Submitted {
        format: zone.mrz.format,
        zone: &zone.mrz.lines,
        zone_on: zone_on.unwrap_or_default(),
        sides: &sides,
    };
    let mut findings = submitted.findings();
    if let Some((_, picture)) = zone_on.and_then(|place| pictures.get(place)) {
        let page = Page::of(zone.mrz.format, &zone.map);
        // On a wrong grid, the page is elsewhere.
        findings.extend(if zone.fit < Evidence::WELL_READ {
            Page::unknown()
        } else {
            page.findings(picture)
        });
        findings.extend(capture::findings(picture, &page.quad(), Some(&page.zone())));
    }
    // Of the other side it is not known where its page lies, but for its print.
    for ((_, picture), side) in pictures.iter().zip(&zone.sides) {
        if side.picture != zone.picture
            && let Some(print) = hull(&side.lines)
        {
            findings.extend(capture::of_page(picture, &print));
        }
    }
    let order = submitted.order().into_iter();
    let order = order.filter_map(|place| pictures.get(place)).map(|(index, _)| *index);
    Inspection {
        findings,
        order: order.collect(),
    }
}

/// The rectangle around all lines; `None` without any.
fn hull(lines: &[TextLine]) -> Option<Quad> {
    Rect::around(lines.iter().flat_map(|line| line.quad.0)).map(Quad::from)
}

#[cfg(test)]
#[path = "inspection_tests.rs"]
mod tests;
