use vision::geometry::{Perspective, Point, Quad, Rect};
use vision::picture::Picture;

use super::*;
use crate::policy::{Outcome, Test};

/// Pixels to the millimetre.
const SCALE: f32 = 6.0;

/// The grid of a zone that stands where the standard has it on a page whose corners are here.
fn zone(format: Format, corners: Quad) -> Perspective {
    let (width, height) = measure::size(format);
    let page = Perspective::between(&Quad::from(Rect::new(0.0, 0.0, width, height)), &corners).unwrap();
    let last = height - measure::lowest_line(format);
    let pairs: Vec<_> = (0..format.lines())
        .flat_map(|row| (0..format.line_length()).map(move |position| (row, position)))
        .map(|(row, position)| {
            let x = measure::left(format) + measure::PITCH * (position as f32 + 0.5);
            let y = last - measure::line(format) * (format.lines() - 1 - row) as f32;
            let grid = Point::new(position as f32 + 0.5, row as f32 + 0.5);
            (grid, page.apply(Point::new(x, y)), 1.0)
        })
        .collect();
    Perspective::fit(&pairs).unwrap()
}

/// A page seen straight from above, its left edge and its top so many millimetres from those of the picture.
fn upright(format: Format, left: f32, top: f32) -> Quad {
    let (width, height) = measure::size(format);
    Quad::from(Rect::new(left * SCALE, top * SCALE, width * SCALE, height * SCALE))
}

/// Light paper on a dark table, and on the page what `print` says, by millimetres.
fn photograph(format: Format, corners: Quad, size: (f32, f32), print: impl Fn(f32, f32) -> Option<u8>) -> Picture {
    let (width, height) = measure::size(format);
    let back = Perspective::between(&corners, &Quad::from(Rect::new(0.0, 0.0, width, height))).unwrap();
    Picture::from_fn((size.0 * SCALE) as u32, (size.1 * SCALE) as u32, |x, y| {
        let at = back.apply(Point::new(x as f32, y as f32));
        let inside = (0.0..width).contains(&at.x) && (0.0..height).contains(&at.y);
        let grey = if inside { print(at.x, at.y).unwrap_or(220) } else { 90 };
        [grey; 3]
    })
}

fn outcome(findings: &[Finding], test: Test) -> &Outcome {
    &findings.iter().find(|finding| finding.test == test).unwrap().outcome
}

#[test]
fn the_page_follows_from_its_zone_whatever_the_perspective() {
    for format in Format::ALL {
        let corners =
            Quad([(120.0, 90.0), (800.0, 160.0), (760.0, 640.0), (60.0, 560.0)].map(|(x, y)| Point::new(x, y)));
        let page = Page::of(format, &zone(format, corners));
        for (found, truth) in page.quad().0.into_iter().zip(corners.0) {
            assert!(found.distance(truth) < 1.0, "{format:?}: {found:?} for {truth:?}");
        }
    }
}

#[test]
fn measures_are_the_standards() {
    for (format, size, left, centres) in [
        (Format::Td1, (85.6, 53.98), 5.0, [7.0, 11.23, 15.46].as_slice()),
        (Format::Td2, (105.0, 74.0), 4.0, &[9.4, 15.75]),
        (Format::Td3, (125.0, 88.0), 6.0, &[9.4, 15.75]),
        (Format::MrvA, (120.0, 80.0), 4.0, &[9.4, 15.75]),
        (Format::MrvB, (105.0, 74.0), 4.0, &[9.4, 15.75]),
    ] {
        assert_eq!(
            (measure::size(format), measure::left(format)),
            (size, left),
            "{format:?}"
        );
        assert_eq!(format.lines(), centres.len());
        for (line, centre) in centres.iter().enumerate() {
            let found = measure::lowest_line(format) + measure::line(format) * line as f32;
            assert!((found - centre).abs() < 1e-3, "{format:?} {line}: {found}");
        }
        let largest = measure::size(measure::largest(format.shape()));
        assert!(largest.0 >= size.0 && largest.1 >= size.1, "{format:?}");
    }
}

#[test]
fn lines_of_a_zone_are_its_print_and_a_millimetre_around_it() {
    for (format, top, bottom) in [
        (Format::Td1, 53.98 - 15.46 - 2.2, 53.98 - 7.0 + 2.2),
        (Format::Td3, 88.0 - 15.75 - 2.2, 88.0 - 9.4 + 2.2),
    ] {
        let page = Page::of(format, &zone(format, upright(format, 10.0, 20.0)));
        let lines = page.zone();
        assert_eq!((lines.count, lines.positions), (format.lines(), format.line_length()));
        let Rect { x, y, width, height } = lines.outline.bounds();
        let left = 10.0 + measure::left(format);
        for (found, truth) in [
            (x, left),
            (x + width, left + 2.54 * format.line_length() as f32),
            (y, 20.0 + top),
            (y + height, 20.0 + bottom),
        ] {
            assert!((found / SCALE - truth).abs() < 0.05, "{format:?}: {found} for {truth}");
        }
    }
}

#[test]
fn lines_at_another_distance_than_the_standards_do_not_move_the_top() {
    // Half as far apart again as the standard has them.
    let (width, height) = measure::size(Format::Td1);
    let line = 1.5 * 4.23;
    let down = |row: f32| height - measure::lowest_line(Format::Td1) - line * (2.5 - row);
    let left = measure::left(Format::Td1);
    let cell = Rect::new(left, down(0.0), 30.0 * 2.54, 3.0 * line);
    let map = Perspective::between(&Quad::from(Rect::new(0.0, 0.0, 30.0, 3.0)), &Quad::from(cell)).unwrap();
    let page = Page::of(Format::Td1, &map);
    assert!(page.at(0.0, 0.0).distance(Point::new(0.0, 0.0)) < 0.1);
    assert!(page.at(width, height).distance(Point::new(width, height)) < 0.1);
}

#[test]
fn a_page_is_rectified_to_its_measures() {
    let format = Format::Td2;
    let corners = Quad([(60.0, 50.0), (700.0, 90.0), (680.0, 560.0), (40.0, 500.0)].map(|(x, y)| Point::new(x, y)));
    // A dark square of 10 mm.
    let mark = |x: f32, y: f32| ((30.0..40.0).contains(&x) && (20.0..30.0).contains(&y)).then_some(10);
    let picture = photograph(format, corners, (125.0, 100.0), mark);
    let page = Page::of(format, &zone(format, corners)).rectified(&picture, 4.0);
    assert_eq!((page.width(), page.height()), (420, 296));
    for (x, y, dark) in [
        (35.0, 25.0, true),
        (29.0, 25.0, false),
        (41.0, 25.0, false),
        (35.0, 31.0, false),
    ] {
        assert_eq!(
            page.pixel((x * 4.0) as u32, (y * 4.0) as u32)[0] < 100,
            dark,
            "({x}, {y})"
        );
    }
}

#[test]
fn edges_are_found_on_a_table_and_the_page_is_whole() {
    for format in Format::ALL {
        let corners = upright(format, 8.0, 9.0);
        let (width, height) = measure::size(format);
        let picture = photograph(format, corners, (width + 16.0, height + 18.0), |_, _| None);
        let page = Page::of(format, &zone(format, corners));
        let outline = Outline::seen(&page, &picture);
        for edge in Edge::ALL {
            let EdgeSeen::Found { off } = outline.edge(edge) else {
                panic!("{format:?}, {edge:?}: {:?}", outline.edge(edge))
            };
            assert!(off.abs() <= 0.75, "{format:?}, {edge:?}: {off}");
        }
        let findings = page.findings(&picture);
        assert_eq!(outcome(&findings, Test::DocumentWhole), &Outcome::Passed);
        assert_eq!(outcome(&findings, Test::DocumentOutline), &Outcome::Passed);
    }
}

#[test]
fn an_edge_that_is_not_seen_is_no_fault() {
    let format = Format::Td3;
    let corners = upright(format, 8.0, 14.0);
    let picture = photograph(format, corners, (141.0, 112.0), |_, _| Some(90));
    let page = Page::of(format, &zone(format, corners));
    let outline = Outline::seen(&page, &picture);
    assert!(
        Edge::ALL
            .into_iter()
            .all(|edge| outline.edge(edge) == EdgeSeen::NotSeen)
    );
    let findings = page.findings(&picture);
    assert_eq!(outcome(&findings, Test::DocumentWhole), &Outcome::Passed);
    assert!(matches!(
        outcome(&findings, Test::DocumentOutline),
        Outcome::NotAvailable(_)
    ));
}

#[test]
fn a_scan_that_fills_the_picture_is_whole() {
    let format = Format::Td3;
    let corners = upright(format, 0.0, 0.0);
    let picture = photograph(format, corners, measure::size(format), |_, _| None);
    let page = Page::of(format, &zone(format, corners));
    let outline = Outline::seen(&page, &picture);
    for edge in Edge::ALL {
        assert!(matches!(outline.edge(edge), EdgeSeen::PictureEnds { off } if off.abs() < 1.0));
    }
    assert_eq!(outcome(&page.findings(&picture), Test::DocumentWhole), &Outcome::Passed);
}

#[test]
fn every_edge_can_be_cut_off() {
    let format = Format::Td3;
    let (width, height) = measure::size(format);
    for edge in Edge::ALL {
        for (lost, whole) in [(2.0, true), (15.0, false)] {
            // The page is moved out of the picture, or the picture ends earlier.
            let (mut left, mut top, mut size) = (8.0, 12.0, (width + 16.0, height + 24.0));
            match edge {
                Edge::Top => top = -lost,
                Edge::Left => left = -lost,
                Edge::Right => size.0 = left + width - lost,
                Edge::Bottom => size.1 = top + height - lost,
            }
            let corners = upright(format, left, top);
            let picture = photograph(format, corners, size, |_, _| None);
            let findings = Page::of(format, &zone(format, corners)).findings(&picture);
            match outcome(&findings, Test::DocumentWhole) {
                Outcome::Passed => assert!(whole, "{edge:?} {lost}"),
                Outcome::Failed(why) => assert!(!whole && why.contains(edge.name()), "{edge:?} {lost}: {why}"),
                Outcome::NotAvailable(why) => panic!("{why}"),
            }
        }
    }
}

#[test]
fn only_a_blank_place_of_the_portrait_is_a_fault() {
    for format in [Format::Td2, Format::Td3] {
        let corners = upright(format, 5.0, 5.0);
        let size = measure::size(format);
        let outcome_of = |print: &dyn Fn(f32, f32) -> Option<u8>| {
            let picture = photograph(format, corners, (size.0 + 10.0, size.1 + 10.0), print);
            let findings = Page::of(format, &zone(format, corners)).findings(&picture);
            outcome(&findings, Test::PortraitInPlace).clone()
        };
        assert!(
            matches!(outcome_of(&|_, _| None), Outcome::Failed(_)),
            "{format:?} paper"
        );
        // Fine lines, and a shadow across.
        let lines = |x: f32, y: f32| Some((180.0 + 20.0 * (6.0 * y).sin() - 1.2 * x) as u8);
        assert!(matches!(outcome_of(&lines), Outcome::Failed(_)), "{format:?} guilloche");
        // A head before a light wall.
        let head = |x: f32, y: f32| {
            let inside = ((x - 20.0) / 8.0).powi(2) + ((y - 33.0) / 11.0).powi(2) < 1.0;
            inside.then_some(if y < 28.0 { 40 } else { 150 })
        };
        assert_eq!(outcome_of(&head), Outcome::Passed, "{format:?} head");
    }
    let corners = upright(Format::Td1, 5.0, 5.0);
    let picture = photograph(Format::Td1, corners, (96.0, 64.0), |_, _| None);
    let findings = Page::of(Format::Td1, &zone(Format::Td1, corners)).findings(&picture);
    assert!(findings.iter().all(|finding| finding.test != Test::PortraitInPlace));
}
