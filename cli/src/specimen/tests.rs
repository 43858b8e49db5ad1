use service_kit::testing::skipped;
use vision::models::{Silent, State as Ready};

use super::*;

/// The fonts, where this machine has them.
fn fonts() -> Option<Fonts> {
    let store = ModelStore::open_default().ok()?;
    if Font::ALL.iter().any(|&font| store.state(font.into()) != Ready::Ready) {
        skipped("models, samples or fonts are not installed (bonafide models fetch)");
        return None;
    }
    Some(Fonts::load(&store, &Silent).unwrap())
}

#[test]
fn the_zone_follows_from_the_fields() {
    let lines = Specimen {
        expiry: day(2012, Month::April, 15),
        ..Specimen::example(Format::Td3)
    }
    .lines()
    .unwrap();
    assert_eq!(lines[0], "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<");
    assert_eq!(&lines[1][..28], "L898902C36UTO7408122F1204159");
    let unspecified = Specimen {
        sex: Sex::X,
        ..Specimen::example(Format::Td1)
    }
    .lines()
    .unwrap();
    assert_eq!(&unspecified[1][7..8], "<");
}

#[test]
fn lines_given_must_have_the_formats_shape() {
    let with = |lines: &[&str]| {
        let mrz = Some(lines.iter().map(|&line| line.to_owned()).collect());
        Specimen {
            mrz,
            ..Specimen::example(Format::Td2)
        }
        .lines()
    };
    let line = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    assert_eq!(with(&[line, line]).unwrap(), [line, line]);
    for wrong in [
        vec![line],
        vec![line, &line[1..]],
        vec![line, "abcdefghijklmnopqrstuvwxyz0123456789"],
    ] {
        assert!(matches!(with(&wrong), Err(SpecimenError::Lines(2, 36))));
    }
}

#[test]
fn every_format_has_its_pages_and_proportions() {
    let Some(fonts) = fonts() else { return };
    for (format, height, back) in [
        (Format::Td1, 883, true),
        (Format::Td2, 987, false),
        (Format::Td3, 986, false),
        (Format::MrvA, 933, false),
        (Format::MrvB, 987, false),
    ] {
        for state in (0..State::COUNT).map(State::of) {
            let specimen = Specimen {
                state,
                ..Specimen::example(format)
            };
            let pages = specimen.draw(&fonts, 1400).unwrap();
            assert_eq!((pages.front.width(), pages.front.height()), (1400, height));
            assert_eq!(pages.back.is_some(), back);
        }
    }
}

#[test]
fn characters_of_the_zone_stand_a_tenth_of_an_inch_apart() {
    let Some(fonts) = fonts() else { return };
    // 20 pixels to the millimetre: a character is 50.8 pixels wide and the zone 464 pixels high.
    let i = vec!["I".repeat(44), "I".repeat(44)];
    let picture = Specimen {
        mrz: Some(i),
        ..Specimen::example(Format::Td3)
    }
    .draw(&fonts, 2500)
    .unwrap()
    .front;
    let baseline = picture.height() - 464;
    // A column that is dark in a row through the middle of the first line begins a stroke.
    let dark = |x: u32, y: u32| picture.pixel(x, y).iter().all(|&channel| channel < 110);
    let strokes = |y: u32| {
        (1..picture.width())
            .filter(|&x| dark(x, y) && !dark(x - 1, y))
            .collect::<Vec<_>>()
    };
    let row = (baseline..picture.height())
        .find(|&y| strokes(y).len() == 44)
        .expect("a row crosses 44 strokes");
    let starts = strokes(row);
    let pitch = f64::from(starts[43] - starts[0]) / 43.0;
    assert!((pitch - 50.8).abs() < 0.1, "{pitch}");
}

#[test]
fn hostile_texts_and_sizes_are_drawn_or_refused() {
    let Some(fonts) = fonts() else { return };
    let long = Specimen {
        surname: "A".repeat(5000),
        number: "1".into(),
        ..Specimen::example(Format::Td2)
    };
    for width in [1, 7, 100] {
        assert_eq!(long.draw(&fonts, width).unwrap().front.width(), width);
    }
    let foreign = Specimen {
        surname: "名".into(),
        ..Specimen::example(Format::Td3)
    };
    assert!(matches!(foreign.draw(&fonts, 100), Err(SpecimenError::Mrz(_))));
    let small = Picture::from_fn(1, 1, |_, _| [0; 3]);
    assert!(
        Specimen {
            portrait: Some(small),
            ..Specimen::example(Format::Td1)
        }
        .draw(&fonts, 300)
        .is_ok()
    );
}

#[test]
fn zones_are_where_the_standard_has_them_and_off_by_what_it_allows() {
    for (format, left, centres) in [
        (Format::Td1, 5.0, [15.46, 11.23, 7.0].as_slice()),
        (Format::Td2, 4.0, &[15.75, 9.4]),
        (Format::Td3, 6.0, &[15.75, 9.4]),
        (Format::MrvA, 4.0, &[15.75, 9.4]),
        (Format::MrvB, 4.0, &[15.75, 9.4]),
    ] {
        let (width, height) = format.size();
        let length = format.zone().line_length();
        let place = |shift| ZonePlace { format, shift };
        for (line, above) in centres.iter().enumerate() {
            let first = place(Shift::default()).cell(line, 0);
            assert!((first.x - left).abs() < 1e-3, "{format:?}");
            assert!((height - first.centre().y - above).abs() < 1e-3, "{format:?} {line}");
        }
        let shifts = (0..200).map(|number| Shift::of(format, &format!("X{number}")));
        let places: Vec<ZonePlace> = shifts.map(place).collect();
        for place in &places {
            let (first, last) = (place.cell(0, 0), place.cell(centres.len() - 1, length - 1));
            assert!(
                (first.x - left).abs() <= 1.0 && last.right() <= width - 3.0,
                "{format:?}"
            );
            assert!(
                first.y >= height - format.strip()
                    && (height - last.centre().y - centres[centres.len() - 1]).abs() <= 0.81,
                "{format:?}"
            );
        }
        assert!(places.iter().any(|place| place.cell(0, 0).x > left + 0.8), "{format:?}");
        assert!(places.iter().any(|place| place.cell(0, 0).x < left - 0.8), "{format:?}");
    }
}

#[test]
fn letters_and_digits_of_the_zone_are_of_one_height() {
    let Some(fonts) = fonts() else { return };
    let height = |symbol: &str| {
        let glyphs = fonts.ocr_b.line(symbol, 0.0, 100.0, 50.0, Some(60.0));
        glyphs[0].px_bounds().height()
    };
    for symbol in ["A", "H", "N", "Z", "1", "4", "7"] {
        assert!((height(symbol) - 50.0).abs() <= 1.5, "{symbol}: {}", height(symbol));
    }
}

#[test]
fn every_name_can_be_printed_and_transliterated() {
    for (language, names) in names::LANGUAGES {
        let all = [
            names.female,
            names.male,
            names.surnames,
            names.male_surnames.unwrap_or_default(),
        ];
        for name in all.concat() {
            assert!(mrz::transliterate(name).is_ok(), "{language}: {name}");
        }
        assert!(
            names
                .male_surnames
                .is_none_or(|male| male.len() == names.surnames.len())
        );
    }
    let Some(fonts) = fonts() else { return };
    let faces = [
        &fonts.one_pitch,
        &fonts.sans,
        &fonts.sans_bold,
        &fonts.serif,
        &fonts.serif_bold,
    ];
    for (language, names) in names::LANGUAGES {
        for name in [names.female, names.male, names.surnames, names.places].concat() {
            let covered = |text: &str| faces.iter().all(|face| face.covers(text));
            assert!(covered(name) && covered(&name.to_uppercase()), "{language}: {name}");
        }
    }
}

#[test]
fn holders_are_of_the_age_that_was_asked_for() {
    let today = day(2026, Month::November, 26);
    for stream in 0..300 {
        let mut dice = dice::Dice::new(5, stream);
        for format in Format::ALL {
            for standing in [
                holder::Standing::Valid,
                holder::Standing::Expired,
                holder::Standing::Minor,
            ] {
                let (specimen, _) = holder::draw(&mut dice, format, State::of(stream as usize), standing, today);
                assert_eq!(specimen.expiry < today, standing == holder::Standing::Expired);
                assert!(specimen.birth < specimen.issue && specimen.issue < specimen.expiry);
                let eighteenth = specimen.birth.replace_year(specimen.birth.year() + 18).unwrap_or(today);
                assert_eq!(eighteenth > today, standing == holder::Standing::Minor);
                assert!(today.year() - specimen.birth.year() <= 100);
                assert!(specimen.lines().is_ok());
            }
        }
    }
}
