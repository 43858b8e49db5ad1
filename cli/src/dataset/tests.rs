use service_kit::testing::skipped;
use vision::models::{Font, ModelStore, Silent, State as Ready};

use super::*;

fn fonts() -> Option<Fonts> {
    let store = ModelStore::open_default().ok()?;
    if Font::ALL.iter().any(|&font| store.state(font.into()) != Ready::Ready) {
        skipped("fonts are not installed (bonafide models fetch)");
        return None;
    }
    Fonts::load(&store, &Silent).ok()
}

fn set(count: usize, formats: &[Format], plans: &[Plan]) -> Set {
    Set {
        count,
        seed: 3,
        formats: formats.to_vec(),
        plans: plans.to_vec(),
        expired: 0.0,
        minors: 0.0,
        today: time::macros::date!(2026 - 11 - 26),
        width: 400,
    }
}

#[test]
fn the_same_set_is_drawn_again_and_its_truth_can_be_read() {
    let Some(fonts) = fonts() else { return };
    let set = set(6, &[Format::Td1, Format::Td3], &[Plan::Covered, Plan::Heavy]);
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    for folder in &folders {
        set.draw(&fonts, folder.path(), || ()).expect("drawn");
    }
    let truths: Vec<Truth> = read(&folders[0].path().join("truth.jsonl")).expect("as written");
    assert_eq!(truths.len(), 6);
    for truth in &truths {
        assert_eq!(truth.back.is_some(), truth.format == Some(Format::Td1));
        assert_eq!(truth.check_digits_valid, Some(true));
        for name in std::iter::once(&truth.image).chain(&truth.back) {
            let [one, two] = [0, 1].map(|index: usize| std::fs::read(folders[index].path().join(name)).expect("there"));
            assert!(one == two, "{name}");
        }
    }
    let languages: std::collections::BTreeSet<_> = truths.iter().map(|truth| truth.language.clone()).collect();
    assert!(languages.len() > 1, "holders differ");
}

#[test]
fn a_forged_documents_print_and_zone_differ_where_it_says_so() {
    let Some(fonts) = fonts() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let each = 3;
    set(
        each * Forgery::ALL.len(),
        &[Format::Td3, Format::Td2, Format::MrvB],
        &[Plan::Forged],
    )
    .draw(&fonts, folder.path(), || ())
    .expect("drawn");
    let truths: Vec<Truth> = read(&folder.path().join("truth.jsonl")).expect("as written");
    for forgery in Forgery::ALL {
        let of_kind: Vec<&Truth> = truths.iter().filter(|truth| truth.forgery == Some(forgery)).collect();
        assert_eq!(of_kind.len(), each, "{forgery:?}");
        for truth in of_kind {
            assert_eq!(truth.check_digits_valid, Some(true), "forgers can compute, too");
            let differs = truth.fields.iter().any(|(field, value)| {
                let Some(zone) = &value.zone else { return false };
                match field {
                    Field::Surname | Field::GivenNames => {
                        let name = doc_check_svc::mrz::transliterate(&value.value).expect("a name");
                        // The zone may have less of it.
                        !name.replace('<', " ").starts_with(zone.as_str())
                    }
                    Field::BirthDate | Field::ExpiryDate => value.value.replace('-', "").get(2..) != Some(zone),
                    Field::Number | Field::IssuingState | Field::Nationality => value.value != *zone,
                    Field::Sex => matches!(zone.as_str(), "F" | "M") && value.value != *zone,
                    Field::IssueDate | Field::BirthPlace => false,
                }
            });
            let altered = matches!(
                forgery,
                Forgery::PrintedName
                    | Forgery::PrintedNumber
                    | Forgery::PrintedDate
                    | Forgery::ZoneAltered
                    | Forgery::StateAltered
                    | Forgery::SexAltered
                    | Forgery::ValuePlanted
                    | Forgery::ZoneCovered
            );
            assert_eq!(differs, altered, "{forgery:?} {:?}", truth.fields);
            let printed = truth.fields.values().any(|value| value.printed.is_some());
            assert_eq!(printed, forgery != Forgery::BarePage);
        }
    }
}

#[test]
fn every_plan_meets_every_format() {
    let Some(fonts) = fonts() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [Plan::None, Plan::Degrade(crate::degrade::Kind::Noise, Some(0.1))];
    set(10, &Format::ALL, &kinds)
        .draw(&fonts, folder.path(), || ())
        .expect("drawn");
    let truths: Vec<Truth> = read(&folder.path().join("truth.jsonl")).expect("as written");
    for format in Format::ALL {
        let noisy = truths.iter().filter(|truth| truth.format == Some(format));
        let noisy: Vec<bool> = noisy.map(|truth| !truth.degradations.is_empty()).collect();
        assert_eq!(noisy, [false, true], "{format:?}");
    }
}
