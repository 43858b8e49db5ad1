//! Our types as messages.

use proto::identity::v1::{
    Date as DateMessage, DocumentReport, DocumentType as DocumentTypeMessage, MachineReadableZone, Sex as SexMessage,
    machine_readable_zone,
};

use crate::mrz::{Date, DocumentType, FieldKind, Format, Mrz, Sex};
use crate::reader::Zone;

/// The fields of a report that a zone states. What its own check digit contradicts is left out.
pub(crate) fn report(mrz: &Mrz) -> DocumentReport {
    let holds = |kind| mrz.checks.iter().any(|check| check.kind == kind && check.holds);
    let stated = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let day = |date: Option<Date>, kind| date.filter(|_| holds(kind)).and_then(date_message);
    DocumentReport {
        dob: day(mrz.birth_date, FieldKind::BirthCheck),
        expiration_date: day(mrz.expiry_date, FieldKind::ExpiryCheck),
        first_name: stated(&mrz.name.given_names),
        last_name: stated(&mrz.name.surname),
        number: stated(&mrz.number).filter(|_| holds(FieldKind::NumberCheck)),
        issuing_country: mrz.issuer().map(|state| state.reported().to_owned()),
        sex: match mrz.sex {
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
        unparsed_sex: mrz.sex_mark.map(String::from),
        ..DocumentReport::default()
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
