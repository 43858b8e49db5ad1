//! Dates of birth, expiry and issue.

use super::super::date::{Meaning, PrintedDate};
use super::super::label::Label;
use super::super::value::Direction;
use super::super::vocabulary::Kind;
use super::super::zone::Seen;
use super::{Agreement, Comparison, Print, announced, found, text};
use crate::mrz::{Century, Date};

/// How much wider than its label a column may be, in heights of the label.
const MOST_ASIDE: f32 = 3.0;

/// Fewest known digits of a date that is looked for anywhere on the page.
const LEAST_KNOWN: usize = 5;

/// Years after its issue by which any document that is not for life has expired.
const LONGEST_VALIDITY: i32 = 20;

impl Comparison<'_> {
    /// Dates of birth and of expiry.
    pub(super) fn birth_and_expiry(&self) -> [Agreement<Date>; 2] {
        let field = |kind, field: &[Seen], other: &[Seen], century, others: &[Kind]| {
            let labelled = self
                .labels
                .of_kind(kind)
                .map(|label| self.labelled_date(label, field, other, century));
            match announced(labelled) {
                Agreement::NotSeen => self.any_date(field, century, others),
                announced => announced,
            }
        };
        [
            field(
                Kind::BirthDate,
                &self.zone.birth_date,
                &self.zone.expiry_date,
                Century::Birth,
                &[Kind::ExpiryDate, Kind::IssueDate, Kind::BirthPlace],
            ),
            field(
                Kind::ExpiryDate,
                &self.zone.expiry_date,
                &self.zone.birth_date,
                Century::Expiry,
                &[Kind::BirthDate, Kind::IssueDate, Kind::BirthPlace],
            ),
        ]
    }

    pub(super) fn issue_date(&self) -> Option<Print<Date>> {
        self.labels.of_kind(Kind::IssueDate).find_map(|label| {
            let (line, dates) = self.announced_dates(label)?;
            let date = dates.first().filter(|date| date.is_sure && self.is_whole(line, date))?;
            let mut print = self.print_date(line, date, *date.meanings.first()?, Century::Birth)?;
            // No document was issued a hundred years ago.
            print.value = print.value.candidates().next().unwrap_or(print.value);
            Some(print)
        })
    }

    /// Nothing of a date was cut off with the end of its line, as far as can be known: days have two digits (ICAO 9303-3), and
    /// years as many as in the zone's own dates.
    fn is_whole(&self, line: usize, date: &PrintedDate) -> bool {
        let characters = self
            .page
            .lines
            .get(line)
            .and_then(|line| line.chars.get(date.from..date.to));
        let first = characters.into_iter().flatten();
        let digits = first.take_while(|char| char.best.character.is_ascii_digit()).count();
        let is_full = |meaning: &Meaning| meaning.full_year().is_some();
        let of_zone = |meaning: &&Meaning| meaning.fits(&self.zone.birth_date) || meaning.fits(&self.zone.expiry_date);
        let all = self.dates.iter().flatten().flat_map(|date| &date.meanings);
        digits != 1 && (date.meanings.iter().all(is_full) || !all.filter(of_zone).any(is_full))
    }

    /// The date that a label announces as the one of this field. A label beside which the other date of the zone stands has another's
    /// value.
    fn labelled_date(&self, label: &Label, field: &[Seen], other: &[Seen], century: Century) -> Agreement<Date> {
        let Some((line, dates)) = self.announced_dates(label) else {
            return Agreement::NotSeen;
        };
        let fitting = dates
            .iter()
            .find_map(|date| Some((date, *date.meanings.iter().find(|m| m.fits(field))?)));
        if let Some((date, meaning)) = fitting {
            return self.agrees(line, date, meaning, field, century);
        }
        // A date of which the zone has less than the print is no other date; one that the zone has nothing of is.
        let fillers = field.iter().filter(|seen| **seen == Seen::Symbol(b'<')).count();
        let is_known = fillers == 0 || fillers == field.len();
        let sure = dates.iter().all(|date| date.is_sure).then(|| dates.first()).flatten();
        let is_other = |date: &PrintedDate| date.meanings.iter().any(|meaning| meaning.fits(other));
        let print = sure.filter(|date| is_known && !is_other(date)).and_then(|date| {
            let meaning = date.meanings.first()?;
            self.print_date(line, date, *meaning, century)
        });
        print.map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }

    /// A date anywhere that is the zone's, unless a label announces it as another one; or one that can only be another than the
    /// zone's.
    fn any_date(&self, field: &[Seen], century: Century, others: &[Kind]) -> Agreement<Date> {
        let known = field
            .iter()
            .filter(|seen| matches!(seen, Seen::Symbol(b'0'..=b'9')))
            .count();
        if known < LEAST_KNOWN {
            return Agreement::NotSeen;
        }
        let labels = self.labels.all.iter().filter(|label| others.contains(&label.kind));
        let taken: Vec<(usize, usize)> = labels
            .filter_map(|label| self.announced_dates(label))
            .flat_map(|(line, dates)| dates.into_iter().map(move |date| (line, date.from)))
            .collect();
        let all = self.dates.iter().enumerate();
        let all = all.flat_map(|(line, dates)| dates.iter().map(move |date| (line, date)));
        let free: Vec<(usize, &PrintedDate)> = all
            .filter(|(line, date)| !taken.contains(&(*line, date.from)))
            .collect();
        let fitting = free.iter().filter_map(|&(line, date)| {
            let meaning = *date.meanings.iter().find(|meaning| meaning.fits(field))?;
            Some(self.agrees(line, date, meaning, field, century))
        });
        let altered = free.iter().filter_map(|&(line, date)| {
            let meaning = *date.meanings.first()?;
            let is_altered = date.is_sure
                && !date.meanings.iter().any(|meaning| meaning.fits(field))
                && (meaning.full_year().is_some_and(|year| self.can_only_be(year, century))
                    || self.is_left_over(line, date, century));
            let printed = is_altered
                .then(|| self.print_date(line, date, meaning, century))
                .flatten()?;
            Some(Agreement::Differs { printed })
        });
        // Whoever adds a date to a page leaves the true one where it is.
        match found(altered) {
            Agreement::NotSeen => found(fitting),
            altered => altered,
        }
    }

    /// No other date on a document is of such a year: one that is to come is of its expiry, one that lies further back than any
    /// document is valid is of a birth.
    fn can_only_be(&self, year: i32, century: Century) -> bool {
        let this_year = self.today.year();
        match century {
            Century::Expiry | Century::CardExpiry => year > this_year,
            Century::Birth => {
                let expiry = Date::parse(&text(&self.zone.expiry_date), Century::Expiry, self.today);
                let expires = expiry.ok().and_then(Date::year);
                expires.is_some_and(|expires| year < expires.min(this_year) - LONGEST_VALIDITY)
            }
        }
    }

    /// No label announces it, it is none of the zone's dates, and of the three dates that every page has it can be no other than
    /// this one: that of issue is known, and birth lies before it and expiry behind.
    fn is_left_over(&self, line: usize, date: &PrintedDate, century: Century) -> bool {
        let Some(issued) = self.issue_date().and_then(|print| print.value.latest()) else {
            return false;
        };
        let is_announced = self.labels.all.iter().any(|label| {
            self.announced_dates(label)
                .is_some_and(|(at, dates)| at == line && dates.iter().any(|other| other.from == date.from))
        });
        let fits = |field: &[Seen]| date.meanings.iter().any(|meaning| meaning.fits(field));
        let is_of_zone = fits(&self.zone.birth_date) || fits(&self.zone.expiry_date);
        let of_century = |meaning: &Meaning| meaning.date(century, self.today);
        let on_this_side = |date: Date| match century {
            Century::Birth => date.earliest().is_some_and(|day| day < issued),
            Century::Expiry | Century::CardExpiry => date.latest().is_some_and(|day| day > issued),
        };
        !is_announced && !is_of_zone && date.meanings.iter().filter_map(of_century).any(on_this_side)
    }

    fn agrees(
        &self,
        line: usize,
        date: &PrintedDate,
        meaning: Meaning,
        field: &[Seen],
        century: Century,
    ) -> Agreement<Date> {
        let symbols = meaning.symbols();
        let fills = !field
            .iter()
            .zip(symbols.bytes())
            .all(|(seen, symbol)| seen.looks_like(symbol));
        let print = (!fills || date.is_sure)
            .then(|| self.print_date(line, date, meaning, century))
            .flatten();
        print.map_or(Agreement::NotSeen, Agreement::Agrees)
    }

    fn print_date(&self, line: usize, date: &PrintedDate, meaning: Meaning, century: Century) -> Option<Print<Date>> {
        let value = meaning.date(century, self.today)?;
        self.print(line, value, meaning.symbols(), date.confidence)
    }

    /// The dates that a label announces, all on one line: behind it, below it, or to the right of it.
    fn announced_dates(&self, label: &Label) -> Option<(usize, Vec<&PrintedDate>)> {
        super::values(&self.page, &self.labels, label)
            .into_iter()
            .find_map(|value| {
                value.parts.iter().find_map(|part| {
                    let line = self.page.lines.get(part.line)?;
                    let reach = MOST_ASIDE * line.height;
                    let near = |date: &&PrintedDate| {
                        let (start, end) = (line.place(date.from), line.place(date.to.saturating_sub(1)));
                        let below = start < label.end + reach && end > label.start - reach;
                        date.from >= part.from && date.to <= part.to && (value.direction != Direction::Below || below)
                    };
                    let dates: Vec<&PrintedDate> = self.dates.get(part.line)?.iter().filter(near).collect();
                    (!dates.is_empty()).then_some((part.line, dates))
                })
            })
    }
}
