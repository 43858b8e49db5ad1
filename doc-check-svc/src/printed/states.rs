//! What states are called on documents, and their nationals: in English, French and Spanish, one of which every passport has (ICAO
//! Doc 9303-3 section 2), and in their own languages where these are written in Latin letters.

use super::pattern::{Hit, Letter};
use crate::mrz::State;

/// Names as [`super::letters::fold`] writes them, without spaces. A name that ends in `-` is the beginning of a word. States of one
/// name, like the two of Congo, both have it.
#[rustfmt::skip]
const NAMES: &[(&str, &[&str])] = &[
    ("AFG", &["afghan-", "afgan-"]),
    ("AGO", &["angol-"]),
    ("ALB", &["albania-", "albanais-", "albanes-", "shqip-"]),
    ("AND", &["andorr-"]),
    ("ARE", &["unitedarabemirates", "emirat-"]),
    ("ARG", &["argentin-"]),
    ("ARM", &["armeni-", "hayastan"]),
    ("ATG", &["antigua-", "barbuda-"]),
    ("AUS", &["australi-"]),
    ("AUT", &["austria", "austrian", "autrich-", "austriac-", "osterreich-", "oesterreich-"]),
    ("AZE", &["azerb-"]),
    ("BDI", &["burundi-"]),
    ("BEL", &["belgi-", "belge", "belga"]),
    ("BEN", &["benin-"]),
    ("BFA", &["burkina-"]),
    ("BGD", &["banglades-"]),
    ("BGR", &["bulgar-"]),
    ("BHR", &["bahrain-", "bahrein-", "barein"]),
    ("BHS", &["bahama-"]),
    ("BIH", &["bosni-", "bosna-", "herzegov-", "hercegov-"]),
    ("BLR", &["belarus-", "belorus-", "bielorus-"]),
    ("BLZ", &["belize-", "belic-"]),
    ("BOL", &["bolivi-"]),
    ("BRA", &["brazil-", "brasil-", "bresil-"]),
    ("BRB", &["barbad-"]),
    ("BRN", &["brunei-"]),
    ("BTN", &["bhutan-", "bhoutan-", "butan-"]),
    ("BWA", &["botswana", "motswana"]),
    ("CAF", &["centralafrica-", "centrafri-", "centroafri-"]),
    ("CAN", &["canad-"]),
    ("CHE", &["switzerland", "swiss", "suisse", "suiza", "suizo", "schweiz-", "svizzer-", "svizra", "helvet-"]),
    ("CHL", &["chile-", "chili-"]),
    ("CHN", &["peoplesrepublicofchina", "china", "chinese", "chine", "chinois-", "chino", "zhongguo"]),
    ("CIV", &["ivoire", "cotedivoire", "ivorian", "ivoirien-", "marfil"]),
    ("CMR", &["cameroon-", "cameroun-", "camerun-"]),
    ("COD", &["congo-"]),
    ("COG", &["congo-"]),
    ("COL", &["colombi-"]),
    ("COM", &["comor-"]),
    ("CPV", &["capeverd-", "capvert-", "caboverd-"]),
    ("CRI", &["costaric-"]),
    ("CUB", &["cuba", "cuban", "cubain-", "cubana", "cubano"]),
    ("CYP", &["cypr-", "chypr-", "chiprio-", "chipre", "kibris"]),
    ("CZE", &["czech-", "tchequ-", "checa", "checo", "cesk-"]),
    ("D", &["german-", "allem-", "aleman-", "deutsch-"]),
    ("DJI", &["djibouti-", "yibuti-"]),
    ("DMA", &["dominica", "dominican", "dominiqu-"]),
    ("DNK", &["denmark", "danish", "danois-", "dinamar-", "danmark", "dansk-"]),
    ("DOM", &["dominicanrepublic", "republicadominicana", "dominican-", "dominicain-"]),
    ("DZA", &["algeri-", "argeli-"]),
    ("ECU", &["ecuad-", "ecuator-", "equateur", "equatorien-"]),
    ("EGY", &["egypt-", "egipt-", "egipc-"]),
    ("ERI", &["eritre-", "erythre-"]),
    ("ESP", &["spain", "spanish", "spaniard", "espagn-", "espan-", "espanyol-"]),
    ("EST", &["eston-", "eesti"]),
    ("ETH", &["ethiop-", "etiop-"]),
    ("FIN", &["finland-", "finnish", "finnland-", "suomi", "suomen", "suomalai-", "finsk-"]),
    ("FJI", &["fiji-", "fidji-", "fiyi-"]),
    ("FRA", &["france", "french", "francais-", "francia", "frances", "francesa", "republiquefrancaise"]),
    ("FSM", &["micronesi-"]),
    ("GAB", &["gabon-"]),
    ("GBR", &["unitedkingdom-", "greatbritain", "northernireland", "irlandedunord", "irlandadelnorte", "british-", "briton", "britain", "britann-", "britanic-", "royaumeuni", "reinounido"]),
    ("GEO", &["georgi-", "sakartvelo"]),
    ("GHA", &["ghan-"]),
    ("GIN", &["guinea", "guinean", "guinee", "guineen-", "guineano", "guineana"]),
    ("GMB", &["gambi-"]),
    ("GNB", &["guineabissau-", "guineebissau-", "bissau-"]),
    ("GNQ", &["equatorialguinea-", "guineeequatoriale", "guineaecuatorial", "equatoguin-", "ecuatoguin-"]),
    ("GRC", &["greece", "greek", "grec", "grecque", "grece", "grecia", "griega", "griego", "hellen-", "hellas", "ellad-", "ellin-"]),
    ("GRD", &["grenad-", "granadi-"]),
    ("GTM", &["guatemal-"]),
    ("GUY", &["guyana", "guyanese", "guyanien-"]),
    ("HKG", &["hongkong-", "chinese", "china"]),
    ("HND", &["hondur-"]),
    ("HRV", &["croat-", "hrvat-"]),
    ("HTI", &["haiti-", "ayiti"]),
    ("HUN", &["hungar-", "hongr-", "hungr-", "magyar-"]),
    ("IDN", &["indones-"]),
    ("IND", &["india", "indian", "inde", "indien", "indienne", "bharat-"]),
    ("IRL", &["ireland", "irish", "irland-", "eire", "eireann-"]),
    ("IRN", &["iran-"]),
    ("IRQ", &["iraq-", "irak-"]),
    ("ISL", &["iceland-", "island", "islensk-", "islandais-", "islandia", "islandes-"]),
    ("ISR", &["israel-"]),
    ("ITA", &["ital-"]),
    ("JAM", &["jamaic-", "jamaiqu-"]),
    ("JOR", &["jordan-"]),
    ("JPN", &["japan-", "japon-", "nippon", "nihon"]),
    ("KAZ", &["kazak-", "qazaq-"]),
    ("KEN", &["kenya-", "kenia-"]),
    ("KGZ", &["kyrgyz-", "kirghiz-", "kirguis-"]),
    ("KHM", &["cambod-", "camboy-", "kampuchea"]),
    ("KIR", &["kiribati-"]),
    ("KNA", &["saintkitts-", "stkitts-", "kittitian", "nevis-"]),
    ("KOR", &["republicofkorea", "korea-", "coree-", "corea-"]),
    ("KWT", &["kuwait-", "koweit-"]),
    ("LAO", &["lao", "laos", "laotian", "laotien-"]),
    ("LBN", &["leban-", "liban-"]),
    ("LBR", &["liberia-", "liberien-"]),
    ("LBY", &["liby-", "libi-"]),
    ("LCA", &["saintlucia-", "stlucia-", "saintelucie-", "santalucia"]),
    ("LIE", &["liechtenstein-"]),
    ("LKA", &["srilank-"]),
    ("LSO", &["lesotho", "mosotho", "basotho"]),
    ("LTU", &["lithuani-", "litua-", "lietuv-"]),
    ("LUX", &["luxemb-", "letzebuerg-"]),
    ("LVA", &["latvi-", "letton-", "leton-"]),
    ("MAC", &["macao", "macau", "chinese", "china"]),
    ("MAR", &["morocc-", "maroc-", "marroqu-", "marruecos"]),
    ("MCO", &["monaco", "monegas-", "monegue"]),
    ("MDA", &["moldov-", "moldav-"]),
    ("MDG", &["madagas-", "malagas-", "malgach-", "madagasikar-"]),
    ("MDV", &["maldiv-"]),
    ("MEX", &["estadosunidosmexicanos", "mexic-", "mexiqu-"]),
    ("MHL", &["marshall-"]),
    ("MKD", &["macedon-", "makedon-", "maqedon-"]),
    ("MLI", &["mali", "malian", "malien", "malienne"]),
    ("MLT", &["malta", "maltes-", "malte", "maltais-", "malti-"]),
    ("MMR", &["myanmar-", "burma", "burmese", "birman-"]),
    ("MNE", &["montenegr-", "crnagora", "crnogor-"]),
    ("MNG", &["mongol-"]),
    ("MOZ", &["mozambi-", "mocambi-"]),
    ("MRT", &["mauritani-"]),
    ("MUS", &["mauriti-", "maurice", "mauricien-", "mauricio"]),
    ("MWI", &["malawi-"]),
    ("MYS", &["malaysi-", "malaisi-", "malasi-"]),
    ("NAM", &["namibi-"]),
    ("NER", &["niger", "nigerien-", "nigerois-"]),
    ("NGA", &["nigeria", "nigerian-"]),
    ("NIC", &["nicarag-"]),
    ("NLD", &["netherland-", "dutch", "paysbas", "neerland-", "nederland-", "holand-", "paisesbajos"]),
    ("NOR", &["norw-", "norveg-", "norueg-", "norge", "noreg", "norsk-", "norga"]),
    ("NPL", &["nepal-"]),
    ("NRU", &["nauru-"]),
    ("NZL", &["newzealand-", "nouvellezeland-", "neozeland-", "nuevazeland-", "aotearoa"]),
    ("OMN", &["oman", "omani", "omanais-"]),
    ("PAK", &["pakistan-", "paquistan-"]),
    ("PAN", &["panam-"]),
    ("PER", &["peru", "peruvian-", "perou", "peruvien-", "peruan-"]),
    ("PHL", &["philippin-", "filipin-", "pilipin-"]),
    ("PLW", &["palau-"]),
    ("PNG", &["papuanewguinea-", "papouasienouvelleguinee", "papuanuevaguinea", "papua-", "papou-"]),
    ("POL", &["polish", "poland", "polon-", "polac-", "polsk-", "rzeczpospolitapolska"]),
    ("PRK", &["democraticpeoplesrepublicofkorea", "korea-", "coree-", "corea-"]),
    ("PRT", &["portug-"]),
    ("PRY", &["paragua-"]),
    ("PSE", &["palestin-"]),
    ("QAT", &["qatar-", "catar"]),
    ("RKS", &["kosov-"]),
    ("ROU", &["roman-", "rouman-", "roumain-", "ruman-"]),
    ("RUS", &["russi-", "russe", "rusia", "ruso", "rusa", "rossiy-"]),
    ("RWA", &["rwand-", "ruand-"]),
    ("SAU", &["saudi-", "saoudi-"]),
    ("SDN", &["sudan-", "soudan-"]),
    ("SEN", &["senegal-"]),
    ("SGP", &["singap-"]),
    ("SLB", &["solomon-", "salomon-"]),
    ("SLE", &["sierraleon-"]),
    ("SLV", &["salvador-"]),
    ("SMR", &["sanmarin-", "saintmarin-", "sammarin-"]),
    ("SOM", &["somal-"]),
    ("SRB", &["serbi-", "serbe", "srbij-", "srpsko"]),
    ("SSD", &["southsudan-", "sudsoudan-", "sudandelsur"]),
    ("STP", &["saotome-", "santotome-", "santomean"]),
    ("SUR", &["surinam-"]),
    ("SVK", &["slovak-", "slovaqu-", "eslovac-", "eslovaqu-", "slovensk-"]),
    ("SVN", &["sloveni-", "slovene-", "slovenij-", "slovensko", "esloven-"]),
    ("SWE", &["swed-", "sued-", "suec-", "sverige", "svensk-"]),
    ("SWZ", &["swazi-", "eswatini-", "suazi-"]),
    ("SYC", &["seychell-"]),
    ("SYR", &["syri-", "siri-"]),
    ("TCD", &["chad", "chadian-", "tchad-"]),
    ("TGO", &["togo-"]),
    ("THA", &["thai-", "tailand-"]),
    ("TJK", &["tajik-", "tadjik-", "tayik-", "tojik-"]),
    ("TKM", &["turkmen-"]),
    ("TLS", &["timor-"]),
    ("TON", &["tonga-"]),
    ("TTO", &["trinidad-", "trinite-", "tobag-"]),
    ("TUN", &["tunisi-", "tunez", "tunecin-"]),
    ("TUR", &["turkey", "turkish", "turc", "turque", "turquie", "turquia", "turco", "turca", "turkiye-", "turk"]),
    ("TUV", &["tuvalu-"]),
    ("TWN", &["taiwan-", "republicofchina", "chinese"]),
    ("TZA", &["tanzan-"]),
    ("UGA", &["ugand-", "ougand-"]),
    ("UKR", &["ukrain-", "ucrani-", "ukrayin-", "ukrajin-"]),
    ("UNO", &["unitednations", "nationsunies", "nacionesunidas"]),
    ("URY", &["urugua-"]),
    ("USA", &["unitedstatesofamerica", "unitedstates", "american", "usa", "etatsunis", "estadosunidos", "americain-", "estadounidense"]),
    ("UTO", &["utop-"]),
    ("UZB", &["uzbek-", "ouzbek-", "ozbek-"]),
    ("VAT", &["vatican-", "holysee", "saintsiege", "santasede"]),
    ("VCT", &["saintvincentandthegrenadines", "stvincentandthegrenadines", "saintvincent-", "stvincent-", "vincentian"]),
    ("VEN", &["venezu-", "venezol-"]),
    ("VNM", &["vietnam-"]),
    ("VUT", &["vanuatu-"]),
    ("WSM", &["samoa-"]),
    ("XOM", &["orderofmalta", "ordinedimalta", "ordredemalte"]),
    ("YEM", &["yemen-"]),
    ("ZAF", &["southafrica-", "afriquedusud", "sudafric-", "suidafrika-", "sudafricain-"]),
    ("ZMB", &["zambi-"]),
    ("ZWE", &["zimbabw-"]),
];

/// Whether it is known how documents spell the state.
pub(super) fn is_known(state: State) -> bool {
    NAMES
        .iter()
        .filter_map(|(code, _)| State::of(code))
        .any(|other| other.reported() == state.reported())
}

/// The states whose names stand in a text. A name within a longer one is none: Guinea in Equatorial Guinea.
pub(super) fn named(letters: &[Letter]) -> Vec<State> {
    let hits = |(code, names): &(&str, &'static [&'static str])| {
        let state = State::of(code);
        let found = names.iter().flat_map(|name| spelled(letters, name));
        found.filter_map(|hit| Some((state?, hit))).collect::<Vec<_>>()
    };
    let all: Vec<(State, Hit)> = NAMES.iter().flat_map(hits).collect();
    let is_whole = |hit: &Hit| {
        let mut others = all.iter().map(|(_, other)| other);
        !others.any(|other| other.overlaps(hit) && other.right() > hit.right())
    };
    all.iter()
        .filter(|(_, hit)| is_whole(hit))
        .map(|(state, _)| *state)
        .collect()
}

/// A text names the state.
pub(super) fn names(letters: &[Letter], state: State) -> bool {
    named(letters).iter().any(|other| other.reported() == state.reported())
}

/// Where a name stands, every letter as it should be: many names of states are nearly those of others.
fn spelled(letters: &[Letter], name: &str) -> impl Iterator<Item = Hit> {
    let stem = name.strip_suffix('-');
    let (wanted, is_stem) = (stem.unwrap_or(name).as_bytes(), stem.is_some());
    let begins = |at: usize| letters.get(at).is_none_or(|letter| letter.begins_word);
    let ends = letters.len().saturating_sub(wanted.len() - 1);
    let starts = (0..ends).filter(move |from| {
        let to = from + wanted.len();
        let same = letters
            .iter()
            .skip(*from)
            .zip(wanted)
            .all(|(letter, wanted)| letter.letter == *wanted);
        same && begins(*from) && (is_stem || begins(to))
    });
    starts.map(|from| Hit::exact(from, from + wanted.len()))
}

#[cfg(test)]
mod tests {
    use vision::text::{Candidate, TextChar};

    use super::super::pattern::letters;
    use super::*;

    #[test]
    fn every_name_is_of_a_state_and_made_of_letters() {
        for (code, names) in NAMES {
            assert!(State::of(code).is_some(), "{code}");
            for name in *names {
                let letters = name.strip_suffix('-').unwrap_or(name);
                assert!(letters.len() >= 3 && letters.len() <= 64, "{name}");
                assert!(letters.bytes().all(|letter| letter.is_ascii_lowercase()), "{name}");
            }
        }
        assert!(NAMES.is_sorted_by_key(|(code, _)| code));
    }

    #[test]
    fn headings_of_documents_name_their_own_state_alone() {
        for (heading, code) in [
            ("UNITED KINGDOM OF GREAT BRITAIN AND NORTHERN IRELAND", "GBR"),
            ("ESTADOS UNIDOS MEXICANOS", "MEX"),
            ("PAPUA NEW GUINEA", "PNG"),
            ("REPUBLIC OF EQUATORIAL GUINEA", "GNQ"),
            ("SAINT VINCENT AND THE GRENADINES", "VCT"),
            ("REPÚBLICA DOMINICANA", "DOM"),
            ("DOMINICAN REPUBLIC", "DOM"),
            ("COMMONWEALTH OF DOMINICA", "DMA"),
            ("SLOVENSKÁ REPUBLIKA", "SVK"),
            ("REPUBLIKA SLOVENIJA", "SVN"),
            ("REPUBLIC OF KOREA", "KOR"),
            ("DEMOCRATIC PEOPLE'S REPUBLIC OF KOREA", "PRK"),
            ("REPUBLIC OF GHANA", "GHA"),
            ("REPUBLIC OF CHAD", "TCD"),
            ("REPÚBLICA DE CHILE", "CHL"),
            ("PEOPLE'S REPUBLIC OF CHINA", "CHN"),
            ("REPUBLIC OF CHINA", "TWN"),
            ("FEDERAL REPUBLIC OF NIGERIA", "NGA"),
            ("RÉPUBLIQUE DU NIGER", "NER"),
            ("REPUBLIC OF SOUTH SUDAN", "SSD"),
            ("UNITED STATES OF AMERICA", "USA"),
            ("COMMONWEALTH OF AUSTRALIA", "AUS"),
            ("REPUBLIK ÖSTERREICH", "AUT"),
            ("RÉPUBLIQUE DE CÔTE D'IVOIRE", "CIV"),
            ("REPUBLIKA HRVATSKA", "HRV"),
            ("ST. LUCIA", "LCA"),
        ] {
            let chars: Vec<TextChar> = heading.chars().map(read).collect();
            let named: Vec<&str> = named(&letters(&chars)).into_iter().map(State::code).collect();
            assert!(
                !named.is_empty() && named.iter().all(|named| *named == code),
                "{heading}: {named:?}"
            );
        }
        for text in ["DANE OSOBOWE", "SANTA CATARINA", "CHECKED", "BRITISH COLUMBIA"] {
            let chars: Vec<TextChar> = text.chars().map(read).collect();
            let named = named(&letters(&chars));
            assert!(named.iter().all(|state| state.code() == "GBR"), "{text}: {named:?}");
        }
    }

    fn read(character: char) -> TextChar {
        TextChar {
            best: Candidate {
                character,
                probability: 1.0,
            },
            alternatives: Vec::new(),
            position: 0.0,
        }
    }
}
