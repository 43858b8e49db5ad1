//! Common given names and surnames of 25 languages, as their speakers write them. Holders are random combinations.

/// The names of one language.
pub(super) struct Names {
    pub(super) female: &'static [&'static str],
    pub(super) male: &'static [&'static str],
    /// As women write them.
    pub(super) surnames: &'static [&'static str],
    /// As men write them, where that differs.
    pub(super) male_surnames: Option<&'static [&'static str]>,
    pub(super) places: &'static [&'static str],
}

/// A language in which women's and men's surnames are the same.
const fn names(
    female: &'static [&'static str],
    male: &'static [&'static str],
    surnames: &'static [&'static str],
    places: &'static [&'static str],
) -> Names {
    Names {
        female,
        male,
        surnames,
        male_surnames: None,
        places,
    }
}

/// A language in which they differ, in the same order.
const fn gendered(
    female: &'static [&'static str],
    male: &'static [&'static str],
    female_surnames: &'static [&'static str],
    male_surnames: &'static [&'static str],
    places: &'static [&'static str],
) -> Names {
    Names {
        female,
        male,
        surnames: female_surnames,
        male_surnames: Some(male_surnames),
        places,
    }
}

/// All languages, by their codes in ISO 639-1.
#[rustfmt::skip]
pub(super) const LANGUAGES: &[(&str, Names)] = &[
    ("sq", names(
        &["Arta", "Blerta", "Drita", "Elira", "Mirjetë", "Shpresa"], &["Agim", "Besnik", "Dritan", "Ilir", "Kushtrim", "Luan"],
        &["Hoxha", "Çela", "Përmeti", "Gjoka", "Këlliçi", "Shehu"], &["Zenith", "Ura e Gjatë", "Mali i Bardhë"])),
    ("cs", gendered(
        &["Jana", "Lucie", "Kateřina", "Věra", "Zdeňka", "Tereza"], &["Jiří", "Ondřej", "Tomáš", "Luboš", "Zdeněk", "Matěj"],
        &["Nováková", "Dvořáková", "Růžičková", "Křížová", "Šťastná", "Černá"], &["Novák", "Dvořák", "Růžička", "Kříž", "Šťastný", "Černý"],
        &["Horní Město", "Zlatá Řeka", "Nový Zenit"])),
    ("da", names(
        &["Anne", "Kirsten", "Mette", "Søs", "Åse", "Ingrid"], &["Jens", "Søren", "Bjørn", "Lars", "Åge", "Niels"],
        &["Sørensen", "Østergaard", "Nørgård", "Kjær", "Bæk", "Lund"], &["Nørreby", "Sønderøen", "Ålborg Nord"])),
    ("de", names(
        &["Anna", "Käthe", "Lieselotte", "Sabine", "Ursula", "Bärbel"], &["Jörg", "Günther", "Hans-Peter", "Lukas", "Björn", "Matthias"],
        &["Müller", "Weiß", "Groß", "Schäfer", "Köhler", "von der Brück"], &["Neustadt", "Grünhöhe", "Südweiler"])),
    ("en", names(
        &["Alice", "Charlotte", "Hannah", "Olivia", "Ruth", "Sophie"], &["Arthur", "George", "Henry", "Oliver", "Thomas", "William"],
        &["Ashworth", "Fairbanks", "O’Connor", "Smith-Jones", "Whitaker", "Lee"], &["Newhaven", "Upper Vale", "Zenith"])),
    ("es", names(
        &["Begoña", "Inés", "María José", "Lucía", "Ángela", "Concepción"], &["Íñigo", "José María", "Andrés", "Joaquín", "Óscar", "Raúl"],
        &["Núñez García", "Ibáñez López", "Muñoz Peña", "Gutiérrez Ruiz", "Sáez Cañas", "Martín Gómez"],
        &["Villa Nueva", "Peñalta", "Río Claro"])),
    ("et", names(
        &["Õie", "Külli", "Maarja", "Tiiu", "Ülle", "Kristiina"], &["Jüri", "Tõnu", "Märt", "Ülo", "Priit", "Jaan"],
        &["Tamm", "Põldmäe", "Jõgi", "Käär", "Sööt", "Rüütel"], &["Uuslinn", "Põhjaküla", "Jõesuu"])),
    ("fi", names(
        &["Aino", "Päivi", "Sari", "Tyyne", "Kyllikki", "Outi"], &["Väinö", "Jyrki", "Pekka", "Seppo", "Yrjö", "Antti"],
        &["Mäkinen", "Hämäläinen", "Yli-Korpi", "Järvinen", "Kääriäinen", "Salo"], &["Uusikylä", "Mäntyniemi", "Järvelä"])),
    ("fr", names(
        &["Zoé", "Françoise", "Anne-Sophie", "Hélène", "Noëlle", "Chloé"], &["François", "Jérôme", "Loïc", "René", "Jean-Luc", "Gaël"],
        &["Lefèvre", "Crêté", "de la Tour", "Noël", "Château", "Bœuf"], &["Bellerive", "Saint-Zénith", "Vieux-Pré"])),
    ("ga", names(
        &["Áine", "Gráinne", "Niamh", "Róisín", "Sinéad", "Órla"], &["Seán", "Cillian", "Éamon", "Ruairí", "Pádraig", "Donnchadh"],
        &["Ó Briain", "Ní Dhónaill", "Mac Cárthaigh", "Ó Súilleabháin", "Breathnach", "de Búrca"], &["An Baile Nua", "Loch Mór", "Cnoc Bán"])),
    ("hr", names(
        &["Željka", "Đurđica", "Ivana", "Marija", "Snježana", "Tea"], &["Đuro", "Željko", "Ante", "Krešimir", "Tomislav", "Šime"],
        &["Horvat", "Kovačević", "Đurić", "Žižić", "Šimunović", "Babić"], &["Novi Grad", "Gornje Selo", "Bijela Luka"])),
    ("hu", names(
        &["Zsófia", "Erzsébet", "Ágnes", "Éva", "Judit", "Orsolya"], &["György", "László", "Zoltán", "Ádám", "István", "Bence"],
        &["Kovács", "Szabó", "Horváth", "Tóth", "Nagy", "Kiss"], &["Újváros", "Felsőhegy", "Kékvölgy"])),
    ("is", names(
        &["Guðrún", "Sigríður", "Þórunn", "Björk", "Ásta", "Hrefna"], &["Jón", "Þór", "Guðmundur", "Ólafur", "Birgir", "Sæmundur"],
        &["Jónsdóttir", "Guðmundsdóttir", "Þórsdóttir", "Briem", "Hafstað", "Blöndal"], &["Norðurvík", "Þorpið", "Sæból"])),
    ("it", names(
        &["Giulia", "Beatrice", "Chiara", "Francesca", "Elena", "Noemi"], &["Niccolò", "Giosuè", "Marco", "Lorenzo", "Davide", "Matteo"],
        &["Rossi", "D’Angelo", "Cantù", "De Santis", "Nicolò", "Ferrari"], &["Borgo Alto", "Città Nuova", "Valchiara"])),
    ("lt", gendered(
        &["Živilė", "Rūta", "Jūratė", "Eglė", "Aušra", "Daiva"], &["Šarūnas", "Žygimantas", "Jonas", "Vytautas", "Kęstutis", "Ąžuolas"],
        &["Kazlauskienė", "Žukauskaitė", "Petrauskienė", "Vaičiūnaitė", "Šimkienė", "Urbonaitė"],
        &["Kazlauskas", "Žukauskas", "Petrauskas", "Vaičiūnas", "Šimkus", "Urbonas"], &["Naujamiestis", "Šiaurės Kaimas", "Ąžuolynas"])),
    ("lv", gendered(
        &["Ilze", "Līga", "Ieva", "Ģertrūde", "Žanete", "Dzintra"], &["Jānis", "Kārlis", "Ģirts", "Uldis", "Ēriks", "Mārtiņš"],
        &["Bērziņa", "Kalniņa", "Ķirse", "Ozoliņa", "Šmite", "Vītola"], &["Bērziņš", "Kalniņš", "Ķirsis", "Ozoliņš", "Šmits", "Vītols"],
        &["Jaunpilsēta", "Augškalns", "Baltezers"])),
    ("mt", names(
        &["Ġorġa", "Marija", "Żeża", "Ċensa", "Roża", "Katrin"], &["Ġużè", "Żaren", "Karmnu", "Ċikku", "Pawlu", "Salvu"],
        &["Borg", "Żammit", "Ħabib", "Ċiantar", "Farruġia", "Vella"], &["Il-Belt Ġdida", "Ħal Qamar", "Wied Żgħir"])),
    ("nl", names(
        &["Anneke", "Femke", "Zoë", "Maaike", "Sanne", "Renée"], &["Joost", "Daniël", "Pieter", "Sjoerd", "Willem", "Ruben"],
        &["van den Berg", "de Vries", "Coëlho", "’t Hart", "Ten Brink", "Jansen"], &["Nieuwstad", "Bovenveen", "Zeeduin"])),
    ("pl", gendered(
        &["Małgorzata", "Żaneta", "Agnieszka", "Bożena", "Łucja", "Ewa"], &["Łukasz", "Paweł", "Grzegorz", "Michał", "Sławomir", "Józef"],
        &["Kowalska", "Wiśniewska", "Zając", "Wójcik", "Dąbrowska", "Źrebiec"], &["Kowalski", "Wiśniewski", "Zając", "Wójcik", "Dąbrowski", "Źrebiec"],
        &["Nowe Miasto", "Górny Łęg", "Złota Łąka"])),
    ("pt", names(
        &["Conceição", "Inês", "Lúcia", "Mónica", "Joana", "Fátima"], &["João", "António", "Luís", "Simão", "Estêvão", "Vítor"],
        &["Gonçalves", "Simões", "Araújo Lobão", "Conceição", "da Câmara", "Magalhães"], &["Vila Nova", "Serra Além", "Porto Claro"])),
    ("ro", names(
        &["Ștefania", "Ioana", "Mădălina", "Crăița", "Luminița", "Elena"], &["Ștefan", "Ionuț", "Răzvan", "Cătălin", "Dănuț", "Mihai"],
        &["Popescu", "Țepeș", "Brâncuș", "Țurcanu", "Șerban", "Dumitrașcu"], &["Satu Nou", "Dealu Înalt", "Țara de Sus"])),
    ("sk", gendered(
        &["Ľubica", "Zuzana", "Božena", "Žofia", "Alžbeta", "Soňa"], &["Ľuboš", "Ján", "Štefan", "Matúš", "Jozef", "Ďuro"],
        &["Kováčová", "Horváthová", "Hôrková", "Kľačanská", "Šťastná", "Veľká"], &["Kováč", "Horváth", "Hôrka", "Kľačanský", "Šťastný", "Veľký"],
        &["Nové Mesto", "Vyšná Hôrka", "Biela Studňa"])),
    ("sl", names(
        &["Špela", "Živa", "Neža", "Urška", "Katja", "Maja"], &["Jaša", "Žiga", "Matjaž", "Boštjan", "Luka", "Jernej"],
        &["Kovač", "Žagar", "Kočevar", "Šuštaršič", "Zupančič", "Hribar"], &["Novo Mesto ob Reki", "Zgornja Vas", "Beli Vrh"])),
    ("sv", names(
        &["Åsa", "Märta", "Anna-Karin", "Linnéa", "Ebba", "Gunnel"], &["Göran", "Åke", "Håkan", "Sören", "Björn", "Nils"],
        &["Ångström", "Sjöberg", "Lindström", "Öberg", "Hägg", "Nyström"], &["Nyköping Norra", "Sjövik", "Ängsholm"])),
    ("tr", names(
        &["Ayşe", "Gülşen", "Buğlem", "Özlem", "Şule", "Nurgül"], &["Gökhan", "Tuğrul", "İlker", "Oğuz", "Şükrü", "Özgür"],
        &["Koçak", "Şen", "Aydoğan", "Öztürk", "Güneş", "Doğan"], &["Suköy", "Güneyköy", "Akçadağ"])),
];
