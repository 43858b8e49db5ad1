//! What a document must be like to be verified: the session's options and the operator's policy.

use proto::country::State;
use proto::document::v1::DocumentPolicy;

use crate::evidence::Completion;
use crate::mrz::DocumentType;

/// What is accepted. [`Requirements::default`] is what holds where neither a session nor an operator says anything.
#[derive(Clone, Debug)]
pub struct Requirements {
    /// Types that are accepted; all when empty.
    pub types: Vec<DocumentType>,
    /// Issuers that are accepted, by the code that reports state; all when empty.
    pub countries: Vec<&'static str>,
    /// Least age of the holder in years.
    pub least_age: u32,
    /// Specimens and documents of fictional states count as documents.
    pub specimens: bool,
    /// Days for which an expired document still counts as valid.
    pub expiry_grace_days: u32,
    /// What print may fill of the machine-readable zone.
    pub completion: Completion,
    /// Longest validity.
    pub longest_validity: LongestValidity,
}

/// Years for which a document can be valid at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongestValidity {
    /// Of passports.
    pub passport: u32,
    /// Of identity cards and residence permits.
    pub id_card: u32,
    /// Of driving licences.
    pub driving_license: u32,
}

impl LongestValidity {
    /// The years of a type.
    #[must_use]
    pub fn of(self, kind: DocumentType) -> u32 {
        match kind {
            DocumentType::Passport => self.passport,
            DocumentType::IdCard => self.id_card,
            DocumentType::DrivingLicense => self.driving_license,
        }
    }
}

impl Default for Requirements {
    fn default() -> Self {
        Self {
            types: Vec::new(),
            countries: Vec::new(),
            least_age: DocumentPolicy::LEAST_AGE,
            specimens: false,
            expiry_grace_days: 0,
            completion: Completion::default(),
            longest_validity: LongestValidity {
                passport: DocumentPolicy::LONGEST_PASSPORT_VALIDITY,
                id_card: DocumentPolicy::LONGEST_ID_CARD_VALIDITY,
                driving_license: DocumentPolicy::LONGEST_DRIVING_LICENSE_VALIDITY,
            },
        }
    }
}

impl Requirements {
    /// Those of an operator, for all types.
    ///
    /// # Errors
    /// The places of the allowed countries that are no codes of states.
    pub fn of(policy: &DocumentPolicy) -> Result<Self, Vec<usize>> {
        let (mut countries, mut unknown) = (Vec::new(), Vec::new());
        for (place, code) in policy.allowed_countries.iter().enumerate() {
            match State::named(code) {
                Some(state) => countries.push(state.reported()),
                None => unknown.push(place),
            }
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let default = Self::default();
        Ok(Self {
            countries,
            least_age: policy.least_age.unwrap_or(default.least_age),
            specimens: policy.allow_specimens,
            expiry_grace_days: policy.expiry_grace_days,
            completion: if policy.allow_worn_zones {
                Completion::Worn
            } else {
                Completion::Unforgeable
            },
            longest_validity: LongestValidity {
                passport: policy
                    .longest_passport_validity_years
                    .unwrap_or(default.longest_validity.passport),
                id_card: policy
                    .longest_id_card_validity_years
                    .unwrap_or(default.longest_validity.id_card),
                driving_license: policy
                    .longest_driving_license_validity_years
                    .unwrap_or(default.longest_validity.driving_license),
            },
            ..default
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_policy_is_the_default() {
        let requirements = Requirements::of(&DocumentPolicy::default()).expect("no country");
        let default = Requirements::default();
        assert_eq!(requirements.least_age, default.least_age);
        assert_eq!(requirements.longest_validity, default.longest_validity);
        assert_eq!(requirements.completion, default.completion);
        assert!(!requirements.specimens && requirements.expiry_grace_days == 0);
    }

    #[test]
    fn countries_have_any_of_their_codes_and_must_exist() {
        let of = |codes: &[&str]| {
            let allowed_countries = codes.iter().map(|code| (*code).to_owned()).collect();
            Requirements::of(&DocumentPolicy {
                allowed_countries,
                ..DocumentPolicy::default()
            })
            .map(|requirements| requirements.countries)
        };
        assert_eq!(of(&["DE", "D", "FRA", "UTO"]), Ok(vec!["DE", "DE", "FR", "UTO"]));
        assert_eq!(of(&["DE", "UK", "fr"]), Err(vec![1, 2]));
    }
}
