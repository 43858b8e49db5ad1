use super::*;
use crate::specimen::{Format, Shift};

/// The zone of a format where it should be.
fn place(format: Format) -> ZonePlace {
    ZonePlace {
        format,
        shift: Shift::default(),
    }
}

/// A black page of a format, 10 pixels to the millimetre.
fn black(format: Format) -> Picture {
    let (width, height) = format.size();
    Picture::from_fn((width * 10.0) as u32, (height * 10.0) as u32, |_, _| [0; 3])
}

fn photograph(recipe: &[(Kind, f32)], format: Format, stream: u64) -> Photograph {
    let dice = &mut Dice::new(7, stream);
    Recipe(recipe.to_vec()).photograph(&black(format), place(format), true, Some(&black(format)), dice)
}

/// Brightness in the middle of a character's cell of an upright page.
fn middle(picture: &Picture, format: Format, line: usize, position: usize) -> u8 {
    let centre = place(format).cell(line, position).centre();
    picture.pixel((centre.x * 10.0) as u32, (centre.y * 10.0) as u32)[1]
}

#[test]
fn what_is_said_to_be_covered_is_covered() {
    for stream in 0..40 {
        let format = Format::ALL[stream as usize % 5];
        let shot = photograph(&[(Kind::WhiteOut, 1.0)], format, stream);
        let [run] = shot.covered[..] else {
            panic!("one stretch: {:?}", shot.covered)
        };
        assert!((1..=12).contains(&(run.last - run.first + 1)), "{run:?}");
        for line in 0..format.zone().lines() {
            for position in 0..format.zone().line_length() {
                let inside = line + 1 == run.line && (run.first..=run.last).contains(&(position + 1));
                let white = middle(&shot.picture, format, line, position) > 200;
                assert_eq!(white, inside, "{format:?} {run:?} {line} {position}");
            }
        }
    }
}

#[test]
fn every_cover_hides_something_and_says_what() {
    for kind in Kind::COVERS {
        for stream in 0..30 {
            let format = Format::ALL[stream as usize % 5];
            let shot = photograph(&[(kind, 0.5)], format, stream);
            assert!(!shot.covered.is_empty(), "{kind:?} {stream}");
            assert!(shot.covered.iter().all(|run| run.by == kind && run.first <= run.last));
            let [degradation] = &shot.degradations[..] else {
                panic!("one: {:?}", shot.degradations)
            };
            let characters: usize = shot.covered.iter().map(|run| run.last - run.first + 1).sum();
            assert_eq!((degradation.kind, degradation.amount), (kind, characters as f32));
        }
    }
}

#[test]
fn a_cut_picture_ends_where_it_says() {
    for stream in 0..20 {
        let shot = photograph(&[(Kind::Cut, 0.5)], Format::Td3, stream);
        let lost = shot.covered[0];
        let whole = black(Format::Td3);
        assert_eq!(shot.picture.height(), whole.height());
        let edge = if lost.first == 1 {
            whole.width() - (place(Format::Td3).cell(0, lost.last - 1).right() * 10.0) as u32
        } else {
            (place(Format::Td3).cell(0, lost.first - 1).x * 10.0) as u32
        };
        assert!(
            shot.picture.width().abs_diff(edge) <= 2,
            "{lost:?} {} {edge}",
            shot.picture.width()
        );
    }
}

#[test]
fn nothing_done_is_the_page_itself() {
    let shot = photograph(&[], Format::Td2, 0);
    assert!(shot.degradations.is_empty() && shot.covered.is_empty());
    assert!(shot.picture == black(Format::Td2));
}

#[test]
fn a_page_cut_off_loses_the_characters_that_are_outside() {
    let lost: usize = (0..20)
        .map(|stream| {
            let shot = photograph(&[(Kind::CutOff, 1.0), (Kind::Table, 1.0)], Format::Td1, stream);
            shot.covered.iter().map(|run| run.last - run.first + 1).sum::<usize>()
        })
        .sum();
    // Four sides, one of which (above) has no zone: at least a third of three quarters of 20 * 90 characters.
    assert!((300..1400).contains(&lost), "{lost}");
}

#[test]
fn every_kind_tells_its_strength() {
    use clap::ValueEnum as _;
    for &kind in Kind::value_variants() {
        let shot = photograph(&[(kind, 0.4)], Format::Td3, 3);
        let told = shot.degradations.iter().map(|each| (each.kind, each.strength));
        assert!(told.eq([(kind, 0.4)]), "{kind:?}: {:?}", shot.degradations);
    }
}

#[test]
fn the_same_dice_make_the_same_picture() {
    let recipe = [
        (Kind::Table, 1.0),
        (Kind::Perspective, 0.6),
        (Kind::Noise, 0.5),
        (Kind::Glare, 0.5),
    ];
    let [one, same, other] = [1, 1, 2].map(|stream| photograph(&recipe, Format::Td2, stream).picture);
    assert!(one == same);
    assert!(one != other);
}
