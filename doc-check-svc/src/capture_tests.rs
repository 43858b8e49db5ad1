use vision::geometry::{Point, Rect};

use super::*;
use crate::policy::Outcome;

/// A page with a tinted upper half and lines of dark print; `colour` is that of the tint, `light` that of the lamp at each place.
fn page(colour: [f32; 3], light: impl Fn(f32, f32) -> [f32; 3]) -> Picture {
    let (width, height) = (840, 600);
    Picture::from_fn(width, height, |x, y| {
        let tinted = y < height / 2 && (x / 120 + y / 100) % 2 == 0;
        // Strokes in lines, of no period.
        let stroke = (x / 5 + y / 24 * 211).wrapping_mul(2_654_435_761) >> 30 == 0;
        let print = y % 24 < 8 && stroke;
        let ink = if print {
            [40.0; 3]
        } else if tinted {
            colour
        } else {
            [235.0; 3]
        };
        let light = light(x as f32 / width as f32, y as f32 / height as f32);
        std::array::from_fn(|channel| (ink[channel] * light[channel]).round() as u8)
    })
}

fn outcome(picture: &Picture, test: Test) -> Outcome {
    let page = Quad::from(Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32));
    let found: Vec<_> = findings(picture, &page, None)
        .into_iter()
        .filter(|finding| finding.test == test)
        .collect();
    assert_eq!(found.len(), 1);
    found[0].outcome.clone()
}

fn even(_: f32, _: f32) -> [f32; 3] {
    [1.0; 3]
}

/// A lamp at the left, a window at the right.
fn mixed(x: f32, y: f32) -> [f32; 3] {
    [1.05 - 0.2 * x, 0.95 - 0.1 * y, 0.7 + 0.3 * x]
}

#[test]
fn a_tint_is_a_colour_in_any_light() {
    let tint = [225.0, 200.0, 170.0];
    assert_eq!(outcome(&page(tint, even), Test::InColour), Outcome::Passed);
    assert_eq!(outcome(&page(tint, mixed), Test::InColour), Outcome::Passed);
}

#[test]
fn a_copy_is_without_colour_in_any_light() {
    for light in [even, mixed] {
        let copy = page([200.0; 3], light);
        assert!(matches!(outcome(&copy, Test::InColour), Outcome::Failed(_)));
    }
}

#[test]
fn a_page_that_shows_nothing_has_neither_colour_nor_none() {
    let empty = Picture::from_fn(300, 200, |_, _| [90, 120, 200]);
    assert!(matches!(outcome(&empty, Test::InColour), Outcome::NotAvailable(_)));
}

#[test]
fn stripes_of_a_screen_are_seen_whatever_their_direction() {
    let colour = [225.0, 200.0, 170.0];
    for degrees in [0.0_f32, 4.0, 30.0, 90.0] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let stripes = |x: f32, y: f32| {
            let along = 840.0 * x * cos + 600.0 * y * sin;
            std::array::from_fn(|channel| {
                let turn = std::f32::consts::TAU * (along / 3.3 - channel as f32 / 3.0);
                0.5 + 0.5 * turn.cos()
            })
        };
        let screen = page(colour, stripes);
        assert!(
            matches!(outcome(&screen, Test::NotOnAScreen), Outcome::Failed(_)),
            "{degrees}"
        );
    }
    assert_eq!(outcome(&page(colour, even), Test::NotOnAScreen), Outcome::Passed);
}

#[test]
fn a_picture_of_few_pixels_shows_no_grid() {
    let small = Picture::from_fn(120, 80, |x, y| [(x * 2) as u8, (y * 3) as u8, 90]);
    assert!(matches!(outcome(&small, Test::NotOnAScreen), Outcome::NotAvailable(_)));
}

#[test]
fn each_measure_of_a_zone_has_its_limit() {
    let measured = Legibility {
        pitch: 20.0,
        blur: 0.1,
        contrast: 180.0,
        dark: 1.0,
        blank: Vec::new(),
    };
    let failed = |measured: &Legibility| -> Vec<(Test, Outcome)> {
        let found = legible(measured).into_iter();
        found
            .filter(|finding| finding.outcome != Outcome::Passed)
            .map(|finding| (finding.test, finding.outcome))
            .collect()
    };
    assert_eq!(failed(&measured), []);
    let tests = |measured: Legibility| -> Vec<Test> { failed(&measured).into_iter().map(|(test, _)| test).collect() };
    let (pitch, blur, contrast, dark) = (4.0, 0.5, 20.0, 0.0);
    assert_eq!(
        tests(Legibility {
            dark,
            ..measured.clone()
        }),
        [Test::ZoneDarkOnLight]
    );
    assert_eq!(
        tests(Legibility {
            pitch,
            ..measured.clone()
        }),
        [Test::ZoneResolution]
    );
    assert_eq!(
        tests(Legibility {
            blur,
            ..measured.clone()
        }),
        [Test::ZoneSharpness]
    );
    assert_eq!(
        tests(Legibility {
            contrast,
            ..measured.clone()
        }),
        [Test::ZoneContrast]
    );
    let run = |line, first, last, glare| Blank {
        line,
        first,
        last,
        glare,
    };
    let blank = vec![run(1, 3, 3, false), run(2, 10, 14, true), run(1, 7, 9, false)];
    assert_eq!(
        failed(&Legibility { blank, ..measured }),
        [
            (
                Test::ZoneWithoutGlare,
                Outcome::Failed("no print in line 2 characters 10 to 14".into())
            ),
            (
                Test::ZoneUncovered,
                Outcome::Failed("no print in line 1 character 3, line 1 characters 7 to 9".into())
            ),
        ]
    );
}

#[test]
fn a_zone_is_measured_where_there_is_one() {
    let picture = page([225.0, 200.0, 170.0], even);
    let outline = Quad([(28.0, 408.0), (812.0, 408.0), (812.0, 456.0), (28.0, 456.0)].map(|(x, y)| Point::new(x, y)));
    let zone = Lines {
        outline,
        count: 2,
        positions: 56,
    };
    let all = Quad::from(Rect::new(0.0, 0.0, 840.0, 600.0));
    let made = |zone| {
        let found = findings(&picture, &all, zone);
        let of_zone = found.into_iter().filter(|finding| OF_ZONE.contains(&finding.test));
        of_zone
            .map(|finding| !matches!(finding.outcome, Outcome::NotAvailable(_)))
            .collect::<Vec<_>>()
    };
    assert_eq!(made(Some(&zone)), [true; 6]);
    assert_eq!(made(None), [false; 6]);
}

#[test]
fn a_picture_is_edited_where_a_part_of_it_has_another_history_of_compression() {
    let filed = |picture: &Picture, quality| {
        let file = picture.encode_jpeg(quality).expect("a file");
        Picture::decode(&file, &vision::picture::Limits::default()).expect("a picture")
    };
    // Paper has a grain.
    let grained = |colour, seed: u32| {
        let page = page(colour, even);
        Picture::from_fn(page.width(), page.height(), |x, y| {
            let bits = (x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b) ^ seed).wrapping_mul(0x2c1b_3c6d);
            let grain = ((bits ^ (bits >> 15)).wrapping_mul(0x297a_2d39) >> 27) as u8;
            page.pixel(x, y).map(|channel| channel - grain)
        })
    };
    let whole = Quad::from(Rect::new(0.0, 0.0, 800.0, 600.0));
    let taken = filed(&grained([225.0, 200.0, 170.0], 1), 75);
    assert_eq!(unedited(&taken, &whole).outcome, Outcome::Passed);
    assert_eq!(
        unedited(&filed(&taken, 92), &whole).outcome,
        Outcome::Passed,
        "as a whole"
    );
    let other = grained([190.0, 210.0, 235.0], 2);
    let edited = Picture::from_fn(taken.width(), taken.height(), |x, y| {
        let inside = (300..460).contains(&x) && (200..400).contains(&y);
        if inside {
            other.pixel(x + 37, y)
        } else {
            taken.pixel(x, y)
        }
    });
    assert!(matches!(
        unedited(&filed(&edited, 92), &whole).outcome,
        Outcome::Failed(_)
    ));
    let even = Picture::from_fn(800, 600, |_, _| [200; 3]);
    assert!(matches!(unedited(&even, &whole).outcome, Outcome::NotAvailable(_)));
}
