//! What operators accept unless they say otherwise, the same for those who send a policy and those who get none.

use crate::document::v1::DocumentPolicy;

impl DocumentPolicy {
    /// Least age of the holder in years.
    pub const LEAST_AGE: u32 = 18;

    /// Longest validity of passports in years. ICAO 9303-4 recommends ten at the most; the United Kingdom added up to nine months
    /// that were left of the passport before.
    pub const LONGEST_PASSPORT_VALIDITY: u32 = 11;

    /// Longest validity of cards in years: Regulation (EU) 2019/1157 (article 4) allows more than ten from the age of 70, of which
    /// Belgium makes 30.
    pub const LONGEST_ID_CARD_VALIDITY: u32 = 31;

    /// Longest validity of driving licences in years: 15 by Directive 2006/126/EC (article 7).
    pub const LONGEST_DRIVING_LICENSE_VALIDITY: u32 = 16;
}
