//! Our types as messages.

use proto::identity::v1::{
    Date as DateMessage, DocumentField, DocumentReport, DocumentType as DocumentTypeMessage, MachineReadableZone,
    Sex as SexMessage, document_field, machine_readable_zone,
};

use crate::evidence::{FieldEvidence, PrintSays, Stated};
use crate::mrz::{Date, DocumentType, Format, Sex, transliterate};
use crate::printed::Agreement;
use crate::reader::Zone;

/// Mean probability of the characters of print that nothing confirms from which on it is stated. Marks may be mistaken even then.
const SURE_PRINT: f32 = 0.98;

/// The fields of a report that a document states surely, and not otherwise in print. Names are as printed where the print agrees with the
/// zone.
pub(crate) fn report(zone: &Zone) -> DocumentReport {
    let Zone { mrz, printed, .. } = zone;
    let sure = |field| {
        zone.fields
            .iter()
            .any(|evidence| evidence.field == field && evidence.is_sure() && evidence.print != PrintSays::Differs)
    };
    // One mark without a check digit: the zone alone is changed by one stroke.
    let is_sex = |evidence: &FieldEvidence| evidence.field == Stated::Sex && evidence.print == PrintSays::Agrees;
    let sex_agrees = sure(Stated::Sex) && zone.fields.iter().any(is_sex);
    let stated = |field, text: &str| (sure(field) && !text.is_empty()).then(|| text.to_owned());
    let day = |field, date: Option<Date>| date.filter(|_| sure(field)).and_then(date_message);
    DocumentReport {
        dob: day(Stated::BirthDate, mrz.birth_date),
        expiration_date: day(Stated::ExpiryDate, mrz.expiry_date),
        first_name: stated(
            Stated::GivenNames,
            as_printed(&printed.given_names, &mrz.name.given_names),
        ),
        last_name: stated(Stated::Surname, as_printed(&printed.surname, &mrz.name.surname)),
        number: stated(Stated::Number, &mrz.number),
        issued_date: printed.issue_date.as_ref().and_then(|print| date_message(print.value)),
        issuing_country: mrz
            .issuer()
            .filter(|_| sure(Stated::IssuingState))
            .map(|state| state.reported().to_owned()),
        sex: match mrz.sex.filter(|_| sex_agrees) {
            Some(Sex::Female) => SexMessage::Female,
            Some(Sex::Male) => SexMessage::Male,
            Some(Sex::Unspecified) | None => SexMessage::Unknown,
        }
        .into(),
        r#type: match mrz.document_type() {
            Some(DocumentType::Passport) => DocumentTypeMessage::Passport,
            Some(DocumentType::IdCard) => DocumentTypeMessage::IdCard,
            Some(DocumentType::DrivingLicense) => DocumentTypeMessage::DrivingLicense,
            None => DocumentTypeMessage::Unspecified,
        }
        .into(),
        unparsed_place_of_birth: printed
            .birth_place
            .as_ref()
            .filter(|print| print.confidence >= SURE_PRINT && print.value.is_ascii())
            .map(|print| print.value.clone()),
        unparsed_sex: mrz.sex_mark.filter(|_| sex_agrees).map(String::from),
        ..DocumentReport::default()
    }
}

/// A name with the small letters, hyphens and apostrophes of the print where it has no marks; else as the zone has it.
///
/// Text recognition is sure of marks that it mistakes (Ū for Ü, Ţ for Ț) and of letters that have lost one. The zone would confirm the Ü
/// of GÜNEŞ, which it writes UE, but not that the S has no mark.
fn as_printed<'a>(print: &'a Agreement<String>, zone: &'a str) -> &'a str {
    let Agreement::Agrees(print) = print else { return zone };
    let same = transliterate(&print.value).is_ok_and(|symbols| symbols == zone.replace(' ', "<"));
    // The caron of Ľ, ď and ť is read as an apostrophe.
    let carons = print
        .value
        .as_bytes()
        .windows(2)
        .any(|pair| matches!(pair, [b'L' | b'l' | b'd' | b't', b'\'']));
    let is_plain = print.value.chars().all(|c| c.is_ascii() || !c.is_alphabetic());
    if is_plain && same && !carons {
        &print.value
    } else {
        zone
    }
}

/// How sure a field is.
pub(crate) fn field(evidence: &FieldEvidence) -> DocumentField {
    let count = |positions: usize| u32::try_from(positions).unwrap_or(u32::MAX);
    DocumentField {
        name: evidence.field.name().to_owned(),
        probability: evidence.probability,
        check_digit: evidence.check_digit,
        print: match evidence.print {
            PrintSays::Agrees => document_field::Print::Agrees,
            PrintSays::Differs => document_field::Print::Differs,
            PrintSays::NotSeen => document_field::Print::NotSeen,
        }
        .into(),
        unseen_positions: count(evidence.unseen),
        repaired_positions: count(evidence.repaired),
    }
}

/// `None` for a date of which nothing is known.
fn date_message(date: Date) -> Option<DateMessage> {
    (date != Date::default()).then(|| DateMessage {
        day: date.day().map(i32::from),
        month: date.month().map(i32::from),
        year: date.year(),
    })
}

pub(crate) fn zone(zone: &Zone, file: String) -> MachineReadableZone {
    MachineReadableZone {
        format: match zone.mrz.format {
            Format::Td1 => machine_readable_zone::Format::Td1,
            Format::Td2 => machine_readable_zone::Format::Td2,
            Format::Td3 => machine_readable_zone::Format::Td3,
            Format::MrvA => machine_readable_zone::Format::MrvA,
            Format::MrvB => machine_readable_zone::Format::MrvB,
        }
        .into(),
        check_digits_valid: zone.mrz.check_digits_hold(),
        corrected_characters: u32::try_from(zone.posterior.repaired()).unwrap_or(u32::MAX),
        confidence: zone.posterior.probability(),
        file,
        rotation: zone.rotation,
    }
}

#[cfg(test)]
mod tests {
    use vision::geometry::Quad;

    use super::*;
    use crate::printed::Print;

    #[test]
    fn names_are_as_printed_where_they_have_no_marks() {
        for (print, zone, reported) in [
            ("Eriksson", "ERIKSSON", "Eriksson"),
            ("Smith-Jones", "SMITH JONES", "Smith-Jones"),
            ("O'Connor", "OCONNOR", "O'Connor"),
            // Of several marks one may be lost, or taken for another, or for an apostrophe.
            ("Müller-Lüdenscheidt", "MUELLER LUEDENSCHEIDT", "MUELLER LUEDENSCHEIDT"),
            ("GÜNES", "GUENES", "GUENES"),
            ("Šimkiené", "SIMKIENE", "SIMKIENE"),
            ("Müller", "MULLER", "MULLER"),
            ("VEL'KY", "VELKY", "VELKY"),
            // A space that was not seen.
            ("EBBAÅSA", "EBBA AASA", "EBBA AASA"),
        ] {
            let agrees = Agreement::Agrees(Print {
                value: print.to_owned(),
                symbols: zone.replace(' ', "<"),
                open: Vec::new(),
                line: 0,
                quad: Quad::default(),
                confidence: 1.0,
            });
            assert_eq!(as_printed(&agrees, zone), reported, "{print}");
            assert_eq!(as_printed(&Agreement::NotSeen, zone), zone);
        }
    }
}
