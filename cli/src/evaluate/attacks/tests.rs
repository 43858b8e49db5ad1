use super::*;
use crate::attacks::{Half, Kind};

fn row(attack: Option<Kind>, is_attack: Option<bool>, verified: bool) -> Row {
    let truth = Presentation {
        image: "selfie.jpg".to_owned(),
        reference: "document.jpg".to_owned(),
        identity: "somebody".to_owned(),
        attack,
        steps: attack.into_iter().collect(),
    };
    Row {
        is_attack,
        verified,
        failure: None,
        ..Row::failed(Arc::new(truth), String::new())
    }
}

#[test]
fn errors_are_counted_by_kind_and_without_those_that_had_no_response() {
    let mut rows = vec![
        row(None, Some(false), true),
        row(None, Some(false), false),
        row(None, Some(true), false),
        row(Some(Kind::Blur), None, false),
        row(Some(Kind::Noise), Some(true), false),
        // Another test refused it.
        row(Some(Kind::Noise), Some(false), false),
        row(Some(Kind::Noise), Some(false), true),
        row(Some(Kind::Noise), Some(true), false),
    ];
    rows.push(Row::failed(Arc::clone(&rows[0].truth), "damaged".to_owned()));
    let summary = Summary::of(&rows);
    assert_eq!((summary.presentations, summary.failed), (9, 1));
    assert_eq!(summary.halves.len(), 1);
    let rates = &summary.halves[&Half::of("somebody")];
    let counted = |counted: &summary::Counted| (counted.presentations, counted.errors, counted.verified);
    assert_eq!(counted(&rates.bona_fide), (3, 1, 1));
    let noise = &rates.attacks[&Kind::Noise];
    assert_eq!(counted(noise), (4, 2, 1));
    assert_eq!(noise.rate, Some(0.5));
    let blur = &rates.attacks[&Kind::Blur];
    assert_eq!((blur.without_response, blur.rate, blur.interval), (1, None, None));
}

#[test]
fn the_page_shows_what_passed() {
    let mut passed = row(Some(Kind::Sticker), Some(false), true);
    passed.thumbnails = vec![vec![1, 2, 3], vec![4, 5, 6]];
    let rows = [passed, row(Some(Kind::Sticker), Some(true), false)];
    let page = page::draw(&Summary::of(&rows), &rows);
    assert_eq!(page.matches("<figure>").count(), 1);
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 2);
    assert!(page.contains("sticker") && page.contains("50.00 %"));
}
