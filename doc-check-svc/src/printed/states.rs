//! What states are called on documents, and their nationals: in English, French and Spanish, one of which every document has (ICAO
//! Doc 9303-3 section 2), and in their own languages where these are written in Latin letters.

use std::sync::LazyLock;

use super::pattern::{Hit, Letter, Pattern};
use crate::mrz::State;

/// Names as [`super::letters::fold`] writes them, without spaces. A name that ends in `-` is the beginning of a word. States of one
/// name, like the two of Congo, both have it.
#[rustfmt::skip]
const NAMES: &[(&str, &[&str])] = &[
    ("AFG", &["afghan-", "afgan-"]),
    ("AGO", &["angol-"]),
    ("ALB", &["alban-", "shqip-"]),
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
    ("CHN", &["china", "chinese", "chine", "chinois-", "chino", "zhongguo", "peoplesrepublicofchina"]),
    ("CIV", &["ivoire", "ivorian", "ivoirien-", "marfil"]),
    ("CMR", &["cameroon-", "cameroun-", "camerun-"]),
    ("COD", &["congo-"]),
    ("COG", &["congo-"]),
    ("COL", &["colombi-"]),
    ("COM", &["comor-"]),
    ("CPV", &["capeverd-", "capvert-", "caboverd-"]),
    ("CRI", &["costaric-"]),
    ("CUB", &["cuba", "cuban", "cubain-", "cubana", "cubano"]),
    ("CYP", &["cypr-", "chypr-", "chiprio-", "chipre", "kibris"]),
    ("CZE", &["czech-", "tchequ-", "chec-", "cesk-"]),
    ("D", &["german-", "allem-", "aleman-", "deutsch-"]),
    ("DJI", &["djibouti-", "yibuti-"]),
    ("DMA", &["dominica", "dominican", "dominiqu-"]),
    ("DNK", &["denmark", "danish", "dane-", "danois-", "dinamar-", "danmark", "dansk-"]),
    ("DOM", &["dominican-", "dominicain-"]),
    ("DZA", &["algeri-", "argeli-"]),
    ("ECU", &["ecuad-", "ecuator-", "equateur", "equatorien-"]),
    ("EGY", &["egypt-", "egipt-", "egipc-"]),
    ("ERI", &["eritre-", "erythre-"]),
    ("ESP", &["spain", "spanish", "spaniard", "espagn-", "espan-", "espanyol-"]),
    ("EST", &["eston-", "eesti"]),
    ("ETH", &["ethiop-", "etiop-"]),
    ("EUE", &["europeanunion", "unioneuropeenne", "unioneuropea"]),
    ("FIN", &["finland-", "finnish", "finnland-", "suomi", "suomen", "suomalai-", "finsk-"]),
    ("FJI", &["fiji-", "fidji-", "fiyi-"]),
    ("FRA", &["france", "french", "francais-", "francia", "frances", "francesa", "republiquefrancaise"]),
    ("FSM", &["micronesi-"]),
    ("GAB", &["gabon-"]),
    ("GBR", &["unitedkingdom-", "british-", "briton", "britain", "britann-", "britanic-", "royaumeuni", "reinounido", "greatbritain"]),
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
    ("ISL", &["iceland-", "island", "islenz-", "islandais-", "islandia", "islandes-"]),
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
    ("KNA", &["saintkitts-", "kittitian", "nevis-"]),
    ("KOR", &["korea-", "coree-", "corea-"]),
    ("KWT", &["kuwait-", "koweit-"]),
    ("LAO", &["lao", "laos", "laotian", "laotien-"]),
    ("LBN", &["leban-", "liban-"]),
    ("LBR", &["liberia-", "liberien-"]),
    ("LBY", &["liby-", "libi-"]),
    ("LCA", &["saintlucia-", "saintelucie-", "santalucia"]),
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
    ("MEX", &["mexic-", "mexiqu-"]),
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
    ("PNG", &["papua-", "papou-"]),
    ("POL", &["polish", "poland", "polon-", "polac-", "polsk-", "rzeczpospolitapolska"]),
    ("PRK", &["korea-", "coree-", "corea-"]),
    ("PRT", &["portug-"]),
    ("PRY", &["paragua-"]),
    ("PSE", &["palestin-"]),
    ("QAT", &["qatar-", "catar-"]),
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
    ("SRB", &["serbi-", "serbe", "srbij-", "srpsk-"]),
    ("SSD", &["southsudan-", "sudsoudan-", "sudandelsur"]),
    ("STP", &["saotome-", "santotome-", "santomean"]),
    ("SUR", &["surinam-"]),
    ("SVK", &["slovak-", "slovaqu-", "eslovac-", "eslovaqu-", "slovensk-"]),
    ("SVN", &["sloven-", "slovensk-", "esloven-"]),
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
    ("VCT", &["saintvincent-", "vincentian"]),
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

/// All names, prepared once.
static PATTERNS: LazyLock<Vec<(State, Vec<Pattern>)>> = LazyLock::new(|| {
    let of_state = |(code, names): &(&str, &'static [&'static str])| {
        let patterns = names.iter().map(|name| Pattern::of(name)).collect();
        Some((State::of(code)?, patterns))
    };
    NAMES.iter().filter_map(of_state).collect()
});

/// Whether it is known how documents spell the state.
pub(super) fn is_known(state: State) -> bool {
    PATTERNS.iter().any(|(other, _)| other.reported() == state.reported())
}

/// The states whose names stand in a text. A name within a longer one is none: Guinea in Equatorial Guinea.
pub(super) fn named(letters: &[Letter]) -> Vec<State> {
    let hits = |(state, names): &'static (State, Vec<Pattern>)| {
        names.iter().filter_map(|name| Some((*state, name.find(letters)?)))
    };
    let all: Vec<(State, Hit)> = PATTERNS.iter().flat_map(hits).collect();
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
    let is_it = |other: &State| other.reported() == state.reported();
    let mut own = PATTERNS
        .iter()
        .filter(|(other, _)| is_it(other))
        .flat_map(|(_, names)| names);
    own.any(|name| name.find(letters).is_some()) && named(letters).iter().any(is_it)
}

#[cfg(test)]
mod tests {
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
}
