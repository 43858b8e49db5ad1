use service_kit::testing::skipped;
use vision::models::{Silent, State};

use super::*;

/// The fonts, where this machine has them.
fn fonts() -> Option<Fonts> {
    let store = ModelStore::open_default().ok()?;
    if Font::ALL.iter().any(|&font| store.state(font.into()) != State::Ready) {
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
    ] {
        let pages = Specimen::example(format).draw(&fonts, 1400).unwrap();
        assert_eq!((pages.front.width(), pages.front.height()), (1400, height));
        assert_eq!(pages.back.is_some(), back);
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
