use std::collections::HashSet;

use super::*;

/// Every test passed, but for these.
fn all_but(others: &[Finding]) -> Vec<Finding> {
    let passed = Test::ALL
        .iter()
        .filter(|test| others.iter().all(|other| other.test != **test));
    passed
        .map(|test| Finding::passed(*test))
        .chain(others.iter().cloned())
        .collect()
}

fn refusal(effect: Effect) -> Option<Refusal> {
    match effect {
        Informs | Explains(_) => None,
        Refuses(code, sentence) => Some(Refusal { code, sentence }),
    }
}

#[test]
fn a_document_is_verified_when_every_test_passed() {
    assert_eq!(decide(&all_but(&[])), None);
}

#[test]
fn every_row_decides_alone() {
    for row in TABLE {
        let failed = all_but(&[Finding::failed(row.test, "why")]);
        assert_eq!(decide(&failed), refusal(row.failed), "{:?} failed", row.test);
        let unseen = all_but(&[Finding::not_available(row.test, "why")]);
        assert_eq!(
            decide(&unseen),
            refusal(row.not_available),
            "{:?} was not available",
            row.test
        );
        let mut unmade = all_but(&[]);
        unmade.retain(|finding| finding.test != row.test);
        assert_eq!(
            decide(&unmade),
            refusal(row.not_available),
            "nobody made {:?}",
            row.test
        );
    }
}

#[test]
fn of_two_rows_the_upper_one_decides_whatever_the_order_of_the_findings() {
    for (place, upper) in TABLE.iter().enumerate() {
        for lower in &TABLE[place + 1..] {
            let mut findings = all_but(&[Finding::failed(lower.test, ""), Finding::failed(upper.test, "")]);
            let expected = match (upper.failed, refusal(lower.failed)) {
                (Explains(sentence), Some(vague)) if UNEXPLAINED.contains(&vague.sentence) => {
                    Some(Refusal { sentence, ..vague })
                }
                (upper, lower) => refusal(upper).or(lower),
            };
            assert_eq!(decide(&findings), expected, "{:?} before {:?}", upper.test, lower.test);
            findings.reverse();
            assert_eq!(decide(&findings), expected, "{:?} before {:?}", upper.test, lower.test);
        }
    }
}

#[test]
fn a_poor_picture_explains_what_could_not_be_read_and_nothing_else() {
    let blurred = Finding::failed(Test::ZoneSharpness, "");
    assert_eq!(decide(&all_but(std::slice::from_ref(&blurred))), None);
    let with = |test| decide(&all_but(&[blurred.clone(), Finding::failed(test, "")])).map(|refusal| refusal.sentence);
    assert_eq!(with(Test::NumberCheckDigit), Some(BLURRED));
    assert_eq!(with(Test::MrzFound), Some(BLURRED));
    assert_eq!(with(Test::NotExpired), Some(EXPIRED));
    assert_eq!(with(Test::InColour), Some(COPY));
}

#[test]
fn the_worst_of_several_findings_of_a_test_counts() {
    let (test, row) = (Test::HolderOfAge, TABLE.last().expect("rows"));
    assert_eq!(row.test, test);
    let (passed, unseen, failed) = (
        Finding::passed(test),
        Finding::not_available(test, ""),
        Finding::failed(test, ""),
    );
    assert_eq!(
        decide(&all_but(&[passed.clone(), unseen.clone()])),
        refusal(row.not_available)
    );
    assert_eq!(decide(&all_but(&[passed.clone(), unseen, failed])), refusal(row.failed));
    assert_eq!(decide(&all_but(&[passed.clone(), passed])), None);
}

#[test]
fn nothing_at_all_is_not_verified() {
    let row = TABLE.iter().find(|row| row.test == Test::MrzFound).expect("a row");
    assert_eq!(decide(&[]), refusal(row.not_available));
}

#[test]
fn names_are_stable_words_and_sentences_are_sentences() {
    let names: HashSet<&str> = Test::ALL.iter().map(|test| test.name()).collect();
    assert_eq!(names.len(), TABLE.len());
    for name in names {
        assert!(
            name.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_'),
            "{name}"
        );
    }
    for refusal in TABLE
        .iter()
        .flat_map(|row| [row.failed, row.not_available])
        .filter_map(refusal)
    {
        assert!(
            refusal.sentence.ends_with('.') && !refusal.sentence.contains("  "),
            "{}",
            refusal.sentence
        );
    }
}

#[test]
fn a_report_never_has_a_code_that_is_for_sessions_only() {
    for code in [
        Expired,
        TypeNotSupported,
        UnverifiedOther,
        CountryNotSupported,
        UnderSupportedAge,
    ] {
        assert!(code.of_report().as_str_name().contains("_DOCUMENT_"), "{code:?}");
    }
    assert_eq!(
        CountryNotSupported.of_session(),
        VerificationErrorCode::CountryNotSupported
    );
    assert_eq!(UnderSupportedAge.of_session(), VerificationErrorCode::UnderSupportedAge);
}

#[test]
fn findings_are_told_as_they_are() {
    let outcome_of = |finding: Finding| {
        let detail = CheckDetail::from(finding);
        (detail.name.clone(), detail.outcome(), detail.reason)
    };
    let name = || "mrz_found".to_owned();
    assert_eq!(
        outcome_of(Finding::passed(Test::MrzFound)),
        (name(), check_detail::Outcome::Passed, String::new())
    );
    let failed = (name(), check_detail::Outcome::Failed, "why".to_owned());
    assert_eq!(outcome_of(Finding::holds(Test::MrzFound, false, "why")), failed);
    let unseen = (name(), check_detail::Outcome::NotAvailable, "why".to_owned());
    assert_eq!(outcome_of(Finding::not_available(Test::MrzFound, "why")), unseen);
}
