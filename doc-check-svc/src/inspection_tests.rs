use vision::geometry::{Perspective, Quad, Rect};

use super::*;
use crate::evidence;
use crate::mrz::{Belief, Format, Mrz, Posterior};
use crate::page::measure;
use crate::policy::{Outcome, Test};
use crate::printed::compare;

const PASSPORT: [&str; 2] = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
];

/// A passport, 5 pixels to the millimetre, whose left edge is so many millimetres from that of the picture.
fn zone(left: f32, fit: f64) -> Zone {
    let (format, today) = (Format::Td3, time::Date::MIN);
    let beliefs = vec![Belief::UNKNOWN; 88];
    let posterior = Posterior::of(format.shape(), &beliefs).expect("some zone");
    let printed = compare(&[], &evidence::seen(&posterior, &beliefs), today);
    let line = measure::line(format);
    let top = measure::size(format).1 - measure::lowest_line(format) - 1.5 * line;
    let cells = Rect::new(
        5.0 * (left + measure::left(format)),
        5.0 * top,
        5.0 * 44.0 * 2.54,
        10.0 * line,
    );
    let grid = Quad::from(Rect::new(0.0, 0.0, 44.0, 2.0));
    Zone {
        mrz: Mrz::parse(&PASSPORT, today).expect("a zone"),
        picture: 0,
        rotation: 0,
        posterior,
        fit,
        map: Perspective::between(&grid, &Quad::from(cells)).expect("a map"),
        printed,
        sides: Vec::new(),
        fields: Vec::new(),
    }
}

#[test]
fn only_a_zone_that_was_read_well_says_where_its_page_is() {
    let picture = Picture::from_fn(640, 440, |_, _| [200; 3]);
    let whole = |left, fit| {
        let Inspection { findings, order } = inspect(&zone(left, fit), &[(0, &picture)]);
        assert!(order.is_empty(), "no side was read");
        let found = findings.into_iter().find(|finding| finding.test == Test::DocumentWhole);
        found.expect("a finding").outcome
    };
    assert_eq!(whole(0.0, -0.1), Outcome::Passed);
    assert!(matches!(whole(-20.0, -0.1), Outcome::Failed(_)));
    for left in [0.0, -20.0] {
        assert!(matches!(whole(left, -0.6), Outcome::NotAvailable(_)));
    }
}
