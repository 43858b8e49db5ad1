//! Which documents the operator accepts, whatever a session's options say. Goes with every document to doc-check-svc.

use proto::country::State;
use proto::document::v1::DocumentPolicy;

/// Longest of all that can be set, in years: no limit for any document that exists.
const NO_LIMIT: i64 = 100;

/// What can be set about documents.
#[derive(Clone, Debug, clap::Args)]
pub struct DocumentConfig {
    /// Countries whose documents are accepted, by their codes (ISO 3166-1 alpha-2 or alpha-3), separated by commas; all when not given.
    #[arg(long, env = "BONAFIDE_ALLOWED_COUNTRIES", value_delimiter = ',', value_name = "CODES", value_parser = country)]
    pub allowed_countries: Vec<State>,
    /// Least age of the person in years; 0 for none.
    #[arg(long, env = "BONAFIDE_LEAST_AGE", default_value_t = DocumentPolicy::LEAST_AGE, value_name = "YEARS",
          value_parser = clap::value_parser!(u32).range(0..=NO_LIMIT))]
    pub least_age: u32,
    /// Verify specimens and documents of fictional states, too: for trying things out.
    #[arg(long, env = "BONAFIDE_ALLOW_SPECIMENS", value_parser = clap::builder::BoolishValueParser::new())]
    pub allow_specimens: bool,
    /// Read up to half of each word, of a number and of a date from print where it is worn off the machine-readable zone. Whoever covers it
    /// there can alter the print, too.
    #[arg(long, env = "BONAFIDE_ALLOW_WORN_ZONES", value_parser = clap::builder::BoolishValueParser::new())]
    pub allow_worn_zones: bool,
    /// Days for which an expired document still counts as valid.
    #[arg(long, env = "BONAFIDE_EXPIRY_GRACE_DAYS", default_value_t = 0, value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(0..=365 * NO_LIMIT))]
    pub expiry_grace_days: u32,
    /// Years for which a passport can be valid at the most, from its issue or, where that is not known, from today.
    #[arg(long, env = "BONAFIDE_LONGEST_PASSPORT_VALIDITY", default_value_t = DocumentPolicy::LONGEST_PASSPORT_VALIDITY,
          value_name = "YEARS", value_parser = clap::value_parser!(u32).range(1..=NO_LIMIT))]
    pub longest_passport_validity: u32,
    /// The same for identity cards and residence permits, unless they are valid for ever.
    #[arg(long, env = "BONAFIDE_LONGEST_ID_CARD_VALIDITY", default_value_t = DocumentPolicy::LONGEST_ID_CARD_VALIDITY,
          value_name = "YEARS", value_parser = clap::value_parser!(u32).range(1..=NO_LIMIT))]
    pub longest_id_card_validity: u32,
    /// The same for driving licences.
    #[arg(long, env = "BONAFIDE_LONGEST_DRIVING_LICENSE_VALIDITY",
          default_value_t = DocumentPolicy::LONGEST_DRIVING_LICENSE_VALIDITY,
          value_name = "YEARS", value_parser = clap::value_parser!(u32).range(1..=NO_LIMIT))]
    pub longest_driving_license_validity: u32,
}

impl Default for DocumentConfig {
    /// The defaults of the flags.
    fn default() -> Self {
        Self {
            allowed_countries: Vec::new(),
            least_age: DocumentPolicy::LEAST_AGE,
            allow_specimens: false,
            allow_worn_zones: false,
            expiry_grace_days: 0,
            longest_passport_validity: DocumentPolicy::LONGEST_PASSPORT_VALIDITY,
            longest_id_card_validity: DocumentPolicy::LONGEST_ID_CARD_VALIDITY,
            longest_driving_license_validity: DocumentPolicy::LONGEST_DRIVING_LICENSE_VALIDITY,
        }
    }
}

impl DocumentConfig {
    /// As doc-check-svc gets it.
    pub(crate) fn policy(&self) -> DocumentPolicy {
        let codes = self.allowed_countries.iter().map(|state| state.reported().to_owned());
        DocumentPolicy {
            allowed_countries: codes.collect(),
            least_age: Some(self.least_age),
            allow_specimens: self.allow_specimens,
            allow_worn_zones: self.allow_worn_zones,
            expiry_grace_days: self.expiry_grace_days,
            longest_passport_validity_years: Some(self.longest_passport_validity),
            longest_id_card_validity_years: Some(self.longest_id_card_validity),
            longest_driving_license_validity_years: Some(self.longest_driving_license_validity),
        }
    }
}

fn country(code: &str) -> Result<State, String> {
    State::named(&code.trim().to_ascii_uppercase())
        .ok_or_else(|| "no country has this code: those of ISO 3166-1 are meant, such as GB or GBR".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(flatten)]
        documents: DocumentConfig,
    }

    fn policy(flags: &[&str]) -> Result<DocumentPolicy, clap::Error> {
        let program = Program::try_parse_from([&["program"], flags].concat())?;
        Ok(program.documents.policy())
    }

    #[test]
    fn flags_that_are_not_given_are_the_default() {
        assert!(policy(&[]).expect("no flag is required") == DocumentConfig::default().policy());
    }

    #[test]
    fn every_flag_reaches_the_policy() {
        let flags = "--allowed-countries=de,FRA --least-age=21 --allow-specimens --allow-worn-zones --expiry-grace-days=30 \
                     --longest-passport-validity=10 --longest-id-card-validity=12 --longest-driving-license-validity=15";
        let policy = policy(&flags.split_whitespace().collect::<Vec<_>>()).expect("known flags");
        let expected = DocumentPolicy {
            allowed_countries: vec!["DE".to_owned(), "FR".to_owned()],
            least_age: Some(21),
            allow_specimens: true,
            allow_worn_zones: true,
            expiry_grace_days: 30,
            longest_passport_validity_years: Some(10),
            longest_id_card_validity_years: Some(12),
            longest_driving_license_validity_years: Some(15),
        };
        assert!(policy == expected);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for flag in [
            "--allowed-countries=UK",
            "--allowed-countries=DE,Germany",
            "--least-age=101",
            "--least-age=-1",
            "--expiry-grace-days=x",
            "--longest-passport-validity=0",
        ] {
            assert!(policy(&[flag]).is_err(), "{flag}");
        }
    }
}
