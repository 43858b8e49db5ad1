//! Whether the pictures show one document: its two sides, in order, and no other beside it.

use vision::text::TextLine;

use super::zone_line;
use crate::mrz::Format;
use crate::policy::{Finding, Test};
use crate::printed::{Agreement, Printed};

/// What one picture shows.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Its lines of print. Those of the zone that was read are left out, those of any other are not.
    pub lines: &'a [TextLine],
    /// What they say of the zone that was read.
    pub printed: &'a Printed,
}

/// The pictures of a document with a zone, as they were submitted: the front, then the back.
#[derive(Clone, Copy, Debug)]
pub struct Submitted<'a> {
    /// Format of the zone.
    pub format: Format,
    /// Its lines.
    pub zone: &'a [String],
    /// Place, among the sides, of the one that it was read from.
    pub zone_on: usize,
    /// Those whose pictures could be opened.
    pub sides: &'a [Side<'a>],
}

/// What the picture without the zone that was read shows.
enum Other {
    /// The other side of the document.
    Agrees,
    /// The side with the zone, once more.
    Same,
    /// A side of another document, and by what that was seen.
    Differs(String),
    /// Nothing by which it could be told.
    Unknown,
}

impl Submitted<'_> {
    /// Every test of how the pictures belong together.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.one_document()];
        let Some(other) = self.other() else { return findings };
        findings.push(match other {
            Other::Same if !is_on_front(self.format) => {
                Finding::failed(Test::TwoSides, "both pictures show the side with the zone")
            }
            // Nothing is lost: all that is needed is on that page.
            Other::Same => Finding::not_available(Test::TwoSides, "both pictures show the page with the zone"),
            Other::Agrees | Other::Differs(_) | Other::Unknown => Finding::passed(Test::TwoSides),
        });
        findings.push(match other {
            Other::Agrees | Other::Same => Finding::passed(Test::SidesAgree),
            Other::Differs(why) => Finding::failed(Test::SidesAgree, why),
            Other::Unknown => Finding::not_available(Test::SidesAgree, "nothing was seen that both sides say"),
        });
        findings.push(Finding::holds(
            Test::SidesInOrder,
            self.order() == [0, 1],
            "front and back were taken for each other",
        ));
        findings
    }

    /// The places of the pictures in the order in which they belong: the front, then the back. Others than two stay as they are.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let is_front = self.zone_on == 0;
        let only_zone = self
            .other_side()
            .is_some_and(|side| zone_line::among(side.lines).next().is_none());
        if only_zone && is_front != is_on_front(self.format) {
            vec![1, 0]
        } else {
            (0..self.sides.len()).collect()
        }
    }

    /// No other zone stands beside the one that was read.
    fn one_document(&self) -> Finding {
        let lines = self.sides.get(self.zone_on).map_or(&[][..], |side| side.lines);
        let others = zone_line::among(lines).any(|line| !zone_line::is_of(line, self.zone));
        Finding::holds(
            Test::OneDocument,
            !others,
            "a second machine-readable zone is in the picture",
        )
    }

    /// The one of two pictures that the zone was not read from.
    fn other_side(&self) -> Option<&Side<'_>> {
        let [front, back] = self.sides else { return None };
        Some(if self.zone_on == 0 { back } else { front })
    }

    fn other(&self) -> Option<Other> {
        let other = self.other_side()?;
        let mut zones = zone_line::among(other.lines).peekable();
        Some(if zones.peek().is_none() {
            of_print(other.printed)
        } else if zones.any(|line| zone_line::is_of(line, self.zone)) {
            Other::Same
        } else {
            Other::Differs("each has a zone, of different documents".to_owned())
        })
    }
}

/// Whether documents of a format have their zone on the side with the portrait (ICAO Doc 9303-4, -6 and -7; 9303-5: on the back).
fn is_on_front(format: Format) -> bool {
    match format {
        Format::Td1 => false,
        Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => true,
    }
}

/// A side by what its print says of the other's zone. Where most fields agree, one that differs was altered, which is not for here to
/// decide.
fn of_print(printed: &Printed) -> Other {
    let fields = [
        ("surname", verdict(&printed.surname)),
        ("given names", verdict(&printed.given_names)),
        ("number", verdict(&printed.number)),
        ("date of birth", verdict(&printed.birth_date)),
        ("date of expiry", verdict(&printed.expiry_date)),
    ];
    let agreeing = fields.iter().filter(|(_, agrees)| *agrees == Some(true)).count();
    let differing = || fields.iter().filter(|(_, agrees)| *agrees == Some(false));
    if differing().count() > agreeing {
        let names: Vec<&str> = differing().map(|(name, _)| *name).collect();
        Other::Differs(format!("they state another {}", names.join(", ")))
    } else if agreeing > 0 {
        Other::Agrees
    } else {
        Other::Unknown
    }
}

fn verdict<T>(agreement: &Agreement<T>) -> Option<bool> {
    match agreement {
        Agreement::Agrees(_) => Some(true),
        Agreement::Differs { .. } => Some(false),
        Agreement::NotSeen => None,
    }
}

#[cfg(test)]
mod tests {
    use vision::geometry::Quad;

    use super::*;
    use crate::policy::Outcome;
    use crate::printed::Print;

    const FRONT: [&str; 4] = ["Surname", "ERIKSSON", "L898902C3", "12 AUG 1974"];

    fn lines(texts: &[&str]) -> Vec<TextLine> {
        let line = |text: &&str| TextLine {
            text: (*text).to_owned(),
            confidence: 1.0,
            quad: Quad::default(),
            chars: Vec::new(),
        };
        texts.iter().map(line).collect()
    }

    fn print<T>(value: T) -> Print<T> {
        Print {
            value,
            symbols: String::new(),
            open: Vec::new(),
            line: 0,
            quad: Quad::default(),
            confidence: 1.0,
        }
    }

    fn text(agrees: bool) -> Agreement<String> {
        let printed = print(String::new());
        if agrees {
            Agreement::Agrees(printed)
        } else {
            Agreement::Differs { printed }
        }
    }

    /// A page on which nothing of the zone was seen, but for its surname, given names and number.
    fn printed(seen: [Option<bool>; 3]) -> Printed {
        let [surname, given_names, number] = seen.map(|agrees| agrees.map_or(Agreement::NotSeen, text));
        Printed {
            surname,
            given_names,
            number,
            ..Printed::default()
        }
    }

    fn zone(format: Format) -> &'static [&'static str] {
        match format {
            Format::Td1 => &[
                "I<UTOD231458907<<<<<<<<<<<<<<<",
                "7408122F1204159UTO<<<<<<<<<<<6",
                "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            ],
            _ => &[
                "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
                "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
            ],
        }
    }

    /// The findings about pictures of which this one has the zone; the order that is told.
    fn findings(format: Format, zone_on: usize, pages: &[(&[&str], Printed)]) -> (Vec<Finding>, Vec<usize>) {
        let owned: Vec<Vec<TextLine>> = pages.iter().map(|(texts, _)| lines(texts)).collect();
        let sides: Vec<Side<'_>> = owned
            .iter()
            .zip(pages)
            .map(|(lines, (_, printed))| Side { lines, printed })
            .collect();
        let zone: Vec<String> = zone(format).iter().map(|line| (*line).to_owned()).collect();
        let submitted = Submitted {
            format,
            zone: &zone,
            zone_on,
            sides: &sides,
        };
        (submitted.findings(), submitted.order())
    }

    fn failed((findings, _): &(Vec<Finding>, Vec<usize>)) -> Vec<Test> {
        let failed = findings
            .iter()
            .filter(|finding| matches!(finding.outcome, Outcome::Failed(_)));
        failed.map(|finding| finding.test).collect()
    }

    const ALL_AGREE: [Option<bool>; 3] = [Some(true); 3];
    const NOT_SEEN: [Option<bool>; 3] = [None; 3];

    #[test]
    fn front_and_back_of_a_card_agree() {
        let pages = [(&FRONT[..], printed(ALL_AGREE)), (&[][..], printed(NOT_SEEN))];
        let (findings, order) = findings(Format::Td1, 1, &pages);
        assert!(findings.iter().all(|finding| finding.outcome == Outcome::Passed));
        assert_eq!((findings.len(), order), (4, vec![0, 1]));
    }

    #[test]
    fn swapped_sides_are_put_right() {
        let card = [(&[][..], printed(NOT_SEEN)), (&FRONT[..], printed(ALL_AGREE))];
        let found = findings(Format::Td1, 0, &card);
        assert_eq!((failed(&found), found.1), (vec![Test::SidesInOrder], vec![1, 0]));
        // A passport's page is its front.
        let passport = [(&[][..], printed(NOT_SEEN)), (&FRONT[..], printed(ALL_AGREE))];
        for (zone_on, order) in [(0, vec![0, 1]), (1, vec![1, 0])] {
            assert_eq!(findings(Format::Td3, zone_on, &passport).1, order);
        }
    }

    #[test]
    fn sides_of_two_documents_differ() {
        let of = |seen| {
            let pages = [(&FRONT[..], printed(seen)), (&[][..], printed(NOT_SEEN))];
            failed(&findings(Format::Td1, 1, &pages))
        };
        assert_eq!(of([Some(false), None, None]), [Test::SidesAgree]);
        assert_eq!(of([Some(false), Some(true), Some(false)]), [Test::SidesAgree]);
        // Altered, for the tests of print to say.
        assert_eq!(of([Some(false), Some(true), Some(true)]), []);
        let other = ["I<UTOX00000000<<<<<<<<<<<<<<<<", "KALNINS<<ULDIS<<<<<<<<<<<<<<<<"];
        let pages = [(&other[..], printed(NOT_SEEN)), (&[][..], printed(NOT_SEEN))];
        assert_eq!(failed(&findings(Format::Td1, 1, &pages)), [Test::SidesAgree]);
    }

    #[test]
    fn what_was_not_seen_is_not_available() {
        let pages = [(&[][..], printed(NOT_SEEN)), (&[][..], printed(NOT_SEEN))];
        let (findings, _) = findings(Format::Td1, 1, &pages);
        let agree = findings.iter().find(|finding| finding.test == Test::SidesAgree);
        assert!(matches!(agree.unwrap().outcome, Outcome::NotAvailable(_)));
    }

    #[test]
    fn the_same_side_twice_is_a_fault_of_cards_only() {
        for (format, expected) in [(Format::Td1, vec![Test::TwoSides]), (Format::Td3, Vec::new())] {
            for zone_on in [0, 1] {
                let again = (zone(format), printed(NOT_SEEN));
                let pages = [again.clone(), again];
                // The zone's own lines are left out where it was read.
                let mut pages: Vec<_> = pages.iter().map(|(lines, printed)| (*lines, printed.clone())).collect();
                pages[zone_on].0 = &[];
                let found = findings(format, zone_on, &pages);
                assert_eq!(
                    (failed(&found), &found.1),
                    (expected.clone(), &vec![0, 1]),
                    "{format:?}"
                );
            }
        }
    }

    #[test]
    fn a_second_zone_is_a_second_document_and_the_own_one_is_not() {
        let of = |texts: &[&str]| failed(&findings(Format::Td3, 0, &[(texts, printed(ALL_AGREE))]));
        assert_eq!(of(&FRONT), []);
        assert_eq!(of(&["RIKSSON<<ANNA<MARIA<<<<<"]), []);
        assert_eq!(of(&["P<UTOKALNINS<<ULDIS<<<<<"]), [Test::OneDocument]);
    }
}
