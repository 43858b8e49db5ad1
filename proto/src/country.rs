//! Codes of states and organisations: ISO 3166-1 and the codes that ICAO Doc 9303-3 section 5 adds. What reports call a document's
//! issuing country, and what operators name in their configuration, is one of these.
//!
//! A code that is in neither table is unknown: it resolves to nothing, never to a neighbour of similar spelling.

/// A state or organisation that issues documents, or a kind of nationality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    code: &'static str,
    reported: &'static str,
}

impl State {
    /// The state of a code as the machine-readable zone spells it, without fillers (`D`, `GBR`, `UTO`); `None` when no such
    /// code is assigned.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        [ISO, ICAO].into_iter().find_map(|table| {
            let found = table.binary_search_by_key(&code, |(code, _)| code).ok()?;
            let &(code, reported) = table.get(found)?;
            Some(Self { code, reported })
        })
    }

    /// The state that an operator names by any of its codes, in upper case: `DE`, `DEU`, `D`, `UTO`.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        Self::of(code).or_else(|| {
            let &(code, reported) = ISO.iter().chain(ICAO).find(|(_, reported)| *reported == code)?;
            Some(Self { code, reported })
        })
    }

    /// Exists in specimens only.
    #[must_use]
    pub fn is_fictional(self) -> bool {
        FICTIONAL.contains(&self.code)
    }

    /// The code in the machine-readable zone, without fillers.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.code
    }

    /// ISO 3166-1 alpha-2; the code of ICAO 9303 where ISO has none.
    #[must_use]
    pub fn reported(self) -> &'static str {
        self.reported
    }

    /// Every code, without fillers.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        ICAO.iter().chain(ISO).map(|(code, _)| *code)
    }
}

/// States of specimens.
const FICTIONAL: [&str; 1] = ["UTO"];

/// 9303-3 section 5 parts B to D: codes that ISO 3166-1 alpha-3 does not have, and what they are reported as.
#[rustfmt::skip]
const ICAO: &[(&str, &str)] = &[
    // Germany.
    ("D", "DE"),
    // European Union laissez-passer.
    ("EUE", "EUE"),
    // British citizens' classes: overseas territories, national (overseas), overseas, protected person, subject.
    ("GBD", "GB"), ("GBN", "GB"), ("GBO", "GB"), ("GBP", "GB"), ("GBS", "GB"),
    // Kosovo: ISO leaves XK to its users, and every register uses it.
    ("RKS", "XK"),
    // United Nations: specialised agency, interim administration mission in Kosovo, organization.
    ("UNA", "UNA"), ("UNK", "UNK"), ("UNO", "UNO"),
    // Utopia: the state of every specimen in the standard.
    ("UTO", "UTO"),
    // African Development Bank, Caribbean Community, Council of Europe, Common Market for Eastern and Southern Africa, Southern
    // African Development Community, Economic Community of West African States, Organization of Eastern Caribbean States,
    // African Export-Import Bank, Parliamentary Assembly of the Mediterranean, Order of Malta, Interpol.
    ("XBA", "XBA"), ("XCC", "XCC"), ("XCE", "XCE"), ("XCO", "XCO"), ("XDC", "XDC"), ("XEC", "XEC"), ("XES", "XES"),
    ("XIM", "XIM"), ("XMP", "XMP"), ("XOM", "XOM"), ("XPO", "XPO"),
    // Stateless person, refugee of the 1951 convention, other refugee, unspecified nationality. In the order of the codes.
    ("XXA", "XXA"), ("XXB", "XXB"), ("XXC", "XXC"), ("XXX", "XXX"),
];

/// ISO 3166-1: alpha-3 and alpha-2.
#[rustfmt::skip]
const ISO: &[(&str, &str)] = &[
    ("ABW", "AW"), ("AFG", "AF"), ("AGO", "AO"), ("AIA", "AI"), ("ALA", "AX"), ("ALB", "AL"), ("AND", "AD"),
    ("ARE", "AE"), ("ARG", "AR"), ("ARM", "AM"), ("ASM", "AS"), ("ATA", "AQ"), ("ATF", "TF"), ("ATG", "AG"),
    ("AUS", "AU"), ("AUT", "AT"), ("AZE", "AZ"), ("BDI", "BI"), ("BEL", "BE"), ("BEN", "BJ"), ("BES", "BQ"),
    ("BFA", "BF"), ("BGD", "BD"), ("BGR", "BG"), ("BHR", "BH"), ("BHS", "BS"), ("BIH", "BA"), ("BLM", "BL"),
    ("BLR", "BY"), ("BLZ", "BZ"), ("BMU", "BM"), ("BOL", "BO"), ("BRA", "BR"), ("BRB", "BB"), ("BRN", "BN"),
    ("BTN", "BT"), ("BVT", "BV"), ("BWA", "BW"), ("CAF", "CF"), ("CAN", "CA"), ("CCK", "CC"), ("CHE", "CH"),
    ("CHL", "CL"), ("CHN", "CN"), ("CIV", "CI"), ("CMR", "CM"), ("COD", "CD"), ("COG", "CG"), ("COK", "CK"),
    ("COL", "CO"), ("COM", "KM"), ("CPV", "CV"), ("CRI", "CR"), ("CUB", "CU"), ("CUW", "CW"), ("CXR", "CX"),
    ("CYM", "KY"), ("CYP", "CY"), ("CZE", "CZ"), ("DEU", "DE"), ("DJI", "DJ"), ("DMA", "DM"), ("DNK", "DK"),
    ("DOM", "DO"), ("DZA", "DZ"), ("ECU", "EC"), ("EGY", "EG"), ("ERI", "ER"), ("ESH", "EH"), ("ESP", "ES"),
    ("EST", "EE"), ("ETH", "ET"), ("FIN", "FI"), ("FJI", "FJ"), ("FLK", "FK"), ("FRA", "FR"), ("FRO", "FO"),
    ("FSM", "FM"), ("GAB", "GA"), ("GBR", "GB"), ("GEO", "GE"), ("GGY", "GG"), ("GHA", "GH"), ("GIB", "GI"),
    ("GIN", "GN"), ("GLP", "GP"), ("GMB", "GM"), ("GNB", "GW"), ("GNQ", "GQ"), ("GRC", "GR"), ("GRD", "GD"),
    ("GRL", "GL"), ("GTM", "GT"), ("GUF", "GF"), ("GUM", "GU"), ("GUY", "GY"), ("HKG", "HK"), ("HMD", "HM"),
    ("HND", "HN"), ("HRV", "HR"), ("HTI", "HT"), ("HUN", "HU"), ("IDN", "ID"), ("IMN", "IM"), ("IND", "IN"),
    ("IOT", "IO"), ("IRL", "IE"), ("IRN", "IR"), ("IRQ", "IQ"), ("ISL", "IS"), ("ISR", "IL"), ("ITA", "IT"),
    ("JAM", "JM"), ("JEY", "JE"), ("JOR", "JO"), ("JPN", "JP"), ("KAZ", "KZ"), ("KEN", "KE"), ("KGZ", "KG"),
    ("KHM", "KH"), ("KIR", "KI"), ("KNA", "KN"), ("KOR", "KR"), ("KWT", "KW"), ("LAO", "LA"), ("LBN", "LB"),
    ("LBR", "LR"), ("LBY", "LY"), ("LCA", "LC"), ("LIE", "LI"), ("LKA", "LK"), ("LSO", "LS"), ("LTU", "LT"),
    ("LUX", "LU"), ("LVA", "LV"), ("MAC", "MO"), ("MAF", "MF"), ("MAR", "MA"), ("MCO", "MC"), ("MDA", "MD"),
    ("MDG", "MG"), ("MDV", "MV"), ("MEX", "MX"), ("MHL", "MH"), ("MKD", "MK"), ("MLI", "ML"), ("MLT", "MT"),
    ("MMR", "MM"), ("MNE", "ME"), ("MNG", "MN"), ("MNP", "MP"), ("MOZ", "MZ"), ("MRT", "MR"), ("MSR", "MS"),
    ("MTQ", "MQ"), ("MUS", "MU"), ("MWI", "MW"), ("MYS", "MY"), ("MYT", "YT"), ("NAM", "NA"), ("NCL", "NC"),
    ("NER", "NE"), ("NFK", "NF"), ("NGA", "NG"), ("NIC", "NI"), ("NIU", "NU"), ("NLD", "NL"), ("NOR", "NO"),
    ("NPL", "NP"), ("NRU", "NR"), ("NZL", "NZ"), ("OMN", "OM"), ("PAK", "PK"), ("PAN", "PA"), ("PCN", "PN"),
    ("PER", "PE"), ("PHL", "PH"), ("PLW", "PW"), ("PNG", "PG"), ("POL", "PL"), ("PRI", "PR"), ("PRK", "KP"),
    ("PRT", "PT"), ("PRY", "PY"), ("PSE", "PS"), ("PYF", "PF"), ("QAT", "QA"), ("REU", "RE"), ("ROU", "RO"),
    ("RUS", "RU"), ("RWA", "RW"), ("SAU", "SA"), ("SDN", "SD"), ("SEN", "SN"), ("SGP", "SG"), ("SGS", "GS"),
    ("SHN", "SH"), ("SJM", "SJ"), ("SLB", "SB"), ("SLE", "SL"), ("SLV", "SV"), ("SMR", "SM"), ("SOM", "SO"),
    ("SPM", "PM"), ("SRB", "RS"), ("SSD", "SS"), ("STP", "ST"), ("SUR", "SR"), ("SVK", "SK"), ("SVN", "SI"),
    ("SWE", "SE"), ("SWZ", "SZ"), ("SXM", "SX"), ("SYC", "SC"), ("SYR", "SY"), ("TCA", "TC"), ("TCD", "TD"),
    ("TGO", "TG"), ("THA", "TH"), ("TJK", "TJ"), ("TKL", "TK"), ("TKM", "TM"), ("TLS", "TL"), ("TON", "TO"),
    ("TTO", "TT"), ("TUN", "TN"), ("TUR", "TR"), ("TUV", "TV"), ("TWN", "TW"), ("TZA", "TZ"), ("UGA", "UG"),
    ("UKR", "UA"), ("UMI", "UM"), ("URY", "UY"), ("USA", "US"), ("UZB", "UZ"), ("VAT", "VA"), ("VCT", "VC"),
    ("VEN", "VE"), ("VGB", "VG"), ("VIR", "VI"), ("VNM", "VN"), ("VUT", "VU"), ("WLF", "WF"), ("WSM", "WS"),
    ("YEM", "YE"), ("ZAF", "ZA"), ("ZMB", "ZM"), ("ZWE", "ZW"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_disjoint() {
        for table in [ISO, ICAO] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
        }
        assert!(
            ICAO.iter()
                .all(|(code, _)| ISO.binary_search_by_key(code, |(code, _)| code).is_err())
        );
        assert_eq!(ISO.len(), 249);
        for code in FICTIONAL {
            assert!(State::of(code).is_some_and(State::is_fictional), "{code}");
        }
    }

    #[test]
    fn an_unknown_country_is_no_other_country() {
        let reported = |code| State::of(code).map(State::reported);
        assert_eq!(reported("GBR"), Some("GB"));
        assert_eq!(reported("D"), Some("DE"));
        assert_eq!(reported("DEU"), Some("DE"));
        assert_eq!(reported("GBO"), Some("GB"));
        assert_eq!(reported("UNO"), Some("UNO"));
        let named = |code| State::named(code).map(State::reported);
        for (code, expected) in [
            ("DE", "DE"),
            ("DEU", "DE"),
            ("D", "DE"),
            ("GB", "GB"),
            ("XK", "XK"),
            ("UTO", "UTO"),
        ] {
            assert_eq!(named(code), Some(expected), "{code}");
        }
        for unknown in ["", "UK", "EN", "de", "ZZ"] {
            assert_eq!(named(unknown), None, "{unknown}");
        }
        for unknown in ["", "SI", "CMW", "BDR", "GBX", "gbr", "D<<", "USAA", "ZZZ"] {
            assert_eq!(reported(unknown), None, "{unknown}");
        }
    }
}
