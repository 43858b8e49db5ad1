//! Dates as documents state them: two-digit years, and parts that may be unknown.

use time::Month;

/// Years that an expiry date may lie ahead; what would lie further ahead is taken as a date of the century before, so that the nearer
/// of two is meant.
const FARTHEST_EXPIRY: i32 = 49;

/// Years of age from which on nobody is taken to live. Of two birth dates a hundred years apart the earlier one is possible up to
/// here; so whoever is of age (18) is never taken for somebody of 118.
const LONGEST_LIFE: i32 = 117;

/// The year that cards which are valid for ever state.
const FOR_EVER: i32 = 9999;

/// A calendar date whose parts may each be unknown (9303-3 §4.8: unknown parts are fillers). Known parts are in range and
/// make a real day where all three are known.
///
/// The century of a birth date stays open where two digits leave both possible: `250812` is the birth date of somebody of 101 years
/// and of a child. [`Date::candidates`] has both.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Date {
    year: Year,
    month: Option<u8>,
    day: Option<u8>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Year {
    #[default]
    Unknown,
    Known(i32),
    /// This one or the one a hundred years before.
    Either(i32),
}

/// Which century a two-digit year belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Century {
    /// In the past. Open where a living person may have been born in either of two years.
    Birth,
    /// The nearer to today.
    Expiry,
    /// The same on a card, where the first and the last day of 99 are those of 9999: cards that are valid for ever state such a date
    /// (Spain and Italy 01.01.9999).
    CardExpiry,
}

/// A date field that is none: letters, a month 13, a 31 April.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date")]
pub struct NotADate;

impl Date {
    /// A date whose known parts are in range.
    ///
    /// # Errors
    /// [`NotADate`] when a part is out of range or there is no such day.
    pub fn new(year: Option<i32>, month: Option<u8>, day: Option<u8>) -> Result<Self, NotADate> {
        let real = match (year, month, day) {
            (Some(year), Some(month), Some(day)) => full(year, month, day).is_some(),
            // Whether there is a 29 February needs the year: any leap year will do.
            (None, Some(month), Some(day)) => full(2000, month, day).is_some(),
            (_, month, day) => month.is_none_or(|m| (1..=12).contains(&m)) && day.is_none_or(|d| (1..=31).contains(&d)),
        };
        let year = year.map_or(Year::Unknown, Year::Known);
        if real {
            Ok(Self { year, month, day })
        } else {
            Err(NotADate)
        }
    }

    /// Reads YYMMDD. `today` decides the century.
    ///
    /// # Errors
    /// [`NotADate`] when it is not six symbols, a part is neither two digits nor two fillers, or there is no such day.
    pub fn parse(field: &str, century: Century, today: time::Date) -> Result<Self, NotADate> {
        let parts = field.as_bytes().as_chunks::<2>();
        let ([year, month, day], []) = parts else {
            return Err(NotADate);
        };
        let (year, month, day) = (part(*year)?, part(*month)?, part(*day)?);
        let Some(year) = year.map(i32::from) else {
            return Self::new(None, month, day);
        };
        match century {
            Century::Birth => Self::birth(year, month, day, today),
            Century::CardExpiry if year == 99 && matches!((month, day), (Some(12), Some(31)) | (Some(1), Some(1))) => {
                Self::new(Some(FOR_EVER), month, day)
            }
            Century::Expiry | Century::CardExpiry => {
                let farthest = today.year() + FARTHEST_EXPIRY;
                Self::new(Some(farthest - (farthest - year).rem_euclid(100)), month, day)
            }
        }
    }

    /// The birth dates of a two-digit year that a living person can have. An unknown month or day counts as the first for not being in
    /// the future, and as the last for the age: a child born this year may have one.
    fn birth(year: i32, month: Option<u8>, day: Option<u8>, today: time::Date) -> Result<Self, NotADate> {
        let now = (today.year(), u8::from(today.month()), today.day());
        let this_century = today.year() - today.year().rem_euclid(100) + year;
        let in_future = (this_century, month.unwrap_or(1), day.unwrap_or(1)) > now;
        let later = this_century - if in_future { 100 } else { 0 };
        let may_live = |date: &Self| date.latest().is_some_and(|day| age(day, today) <= LONGEST_LIFE);
        let earlier = Self::new(Some(later - 100), month, day).ok().filter(may_live);
        match (Self::new(Some(later), month, day), earlier) {
            (Ok(date), Some(_)) => Ok(Self {
                year: Year::Either(later),
                ..date
            }),
            (Ok(date), None) | (Err(NotADate), Some(date)) => Ok(date),
            (Err(NotADate), None) => Err(NotADate),
        }
    }

    /// Four digits; `None` when unknown, also when only the century is.
    #[must_use]
    pub fn year(self) -> Option<i32> {
        match self.year {
            Year::Known(year) => Some(year),
            Year::Unknown | Year::Either(_) => None,
        }
    }

    /// 1 to 12; `None` when unknown.
    #[must_use]
    pub fn month(self) -> Option<u8> {
        self.month
    }

    /// 1 to 31; `None` when unknown.
    #[must_use]
    pub fn day(self) -> Option<u8> {
        self.day
    }

    /// The dates with a known year that it may mean, the later one first: two where the century is open, none when the year is unknown.
    pub fn candidates(self) -> impl Iterator<Item = Self> {
        let (later, earlier) = match self.year {
            Year::Unknown => (None, None),
            Year::Known(year) => (Some(year), None),
            Year::Either(later) => (Some(later), Some(later - 100)),
        };
        let of = move |year| Self {
            year: Year::Known(year),
            ..self
        };
        later.into_iter().chain(earlier).map(of)
    }

    /// The earliest day that it may mean; `None` when the year is unknown.
    #[must_use]
    pub fn earliest(self) -> Option<time::Date> {
        let year = self.candidates().last()?.year()?;
        full(year, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }

    /// The latest day that it may mean; `None` when the year is unknown.
    #[must_use]
    pub fn latest(self) -> Option<time::Date> {
        let year = self.candidates().next()?.year()?;
        let month = self.month.unwrap_or(12);
        let last = Month::try_from(month).ok()?.length(year);
        full(year, month, self.day.unwrap_or(last))
    }

    /// An expiry date that stands for none: the card is valid for ever.
    #[must_use]
    pub fn is_for_ever(self) -> bool {
        self.year == Year::Known(FOR_EVER)
    }

    /// As a field of the machine-readable zone: YYMMDD with fillers for what is unknown.
    #[must_use]
    pub fn to_field(self) -> String {
        let two =
            |part: Option<i32>| part.map_or_else(|| "<<".to_owned(), |part| format!("{:02}", part.rem_euclid(100)));
        format!(
            "{}{}{}",
            two(self.candidates().next().and_then(Self::year)),
            two(self.month.map(i32::from)),
            two(self.day.map(i32::from))
        )
    }
}

/// Whole years from a birth to a day. Who was born on 29 February becomes older on 1 March.
#[must_use]
pub fn age(birth: time::Date, on: time::Date) -> i32 {
    let day_of_year = |date: time::Date| (u8::from(date.month()), date.day());
    on.year() - birth.year() - i32::from(day_of_year(on) < day_of_year(birth))
}

impl From<time::Date> for Date {
    fn from(date: time::Date) -> Self {
        Self {
            year: Year::Known(date.year()),
            month: Some(date.month().into()),
            day: Some(date.day()),
        }
    }
}

/// Dates are personal: only whether there is one shows.
impl std::fmt::Debug for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Date")
    }
}

fn part(symbols: [u8; 2]) -> Result<Option<u8>, NotADate> {
    match symbols {
        [b'<', b'<'] => Ok(None),
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Ok(Some((tens - b'0') * 10 + (ones - b'0'))),
        _ => Err(NotADate),
    }
}

fn full(year: i32, month: u8, day: u8) -> Option<time::Date> {
    let month = Month::try_from(month).ok()?;
    time::Date::from_calendar_date(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    const TODAY: time::Date = date!(2026 - 11 - 22);

    fn parse(field: &str, century: Century) -> Date {
        Date::parse(field, century, TODAY).expect("a date")
    }

    /// The years that a field may mean.
    fn years(field: &str, century: Century) -> Vec<i32> {
        parse(field, century).candidates().filter_map(Date::year).collect()
    }

    #[test]
    fn a_birth_is_in_the_past_and_its_century_open_where_both_can_live() {
        for (field, expected) in [
            ("740812", &[1974][..]),
            ("261123", &[1926]),
            ("350101", &[1935]),
            // Born today, or a hundred years ago.
            ("261122", &[2026, 1926]),
            ("250812", &[2025, 1925]),
            ("26<<<<", &[2026, 1926]),
            // 17 or 117, and 18: nobody is 118.
            ("081123", &[2008, 1908]),
            ("081122", &[2008]),
            ("070101", &[2007]),
            // 1900 had no 29 February.
            ("000229", &[2000]),
            ("<<0812", &[]),
        ] {
            assert_eq!(years(field, Century::Birth), expected, "{field}");
        }
        let open = parse("250812", Century::Birth);
        assert_eq!((open.year(), open.month(), open.day()), (None, Some(8), Some(12)));
        assert_eq!(open.to_field(), "250812");
        assert_eq!(
            (open.earliest(), open.latest()),
            (Some(date!(1925 - 08 - 12)), Some(date!(2025 - 08 - 12)))
        );
        let later = date!(2103 - 06 - 01);
        let birth = Date::parse("000229", Century::Birth, later);
        assert_eq!(birth.expect("2000, since 2100 has no such day").year(), Some(2000));
    }

    #[test]
    fn an_expiry_is_the_nearer_one() {
        for (field, expected) in [
            ("261123", 2026),
            ("350101", 2035),
            ("750101", 2075),
            ("760101", 1976),
            ("960101", 1996),
            ("991231", 1999),
        ] {
            assert_eq!(years(field, Century::Expiry), [expected], "{field}");
        }
        let later = date!(2095 - 06 - 01);
        let expiry = Date::parse("030101", Century::Expiry, later).expect("a date");
        assert_eq!(expiry.year(), Some(2103));
    }

    #[test]
    fn a_card_may_be_valid_for_ever() {
        for field in ["991231", "990101"] {
            let date = parse(field, Century::CardExpiry);
            assert!(date.is_for_ever(), "{field}");
            assert_eq!(date.to_field(), field);
        }
        for field in ["991230", "990102", "98<<<<", "99<<<<", "981231", "350101"] {
            assert!(!parse(field, Century::CardExpiry).is_for_ever(), "{field}");
            assert_eq!(
                years(field, Century::CardExpiry),
                years(field, Century::Expiry),
                "{field}"
            );
        }
        assert!(!parse("991231", Century::Expiry).is_for_ever(), "a passport of 1999");
    }

    #[test]
    fn parts_may_be_unknown() {
        let date = parse("74<<<<", Century::Birth);
        assert_eq!((date.year(), date.month(), date.day()), (Some(1974), None, None));
        assert_eq!(date.to_field(), "74<<<<");
        assert_eq!(
            (date.earliest(), date.latest()),
            (Some(date!(1974 - 01 - 01)), Some(date!(1974 - 12 - 31)))
        );
        let none = parse("<<<<<<", Century::Birth);
        assert_eq!((none, none.earliest(), none.latest()), (Date::default(), None, None));
        assert!(Date::parse("2402<<", Century::Expiry, TODAY).is_ok_and(|d| d.latest() == Some(date!(2024 - 02 - 29))));
        assert!(Date::parse("<<0229", Century::Birth, TODAY).is_ok());
    }

    #[test]
    fn a_year_more_on_the_birthday() {
        for (birth, on, expected) in [
            (date!(2008 - 11 - 22), TODAY, 18),
            (date!(2008 - 11 - 23), TODAY, 17),
            (date!(2008 - 02 - 29), date!(2026 - 02 - 28), 17),
            (date!(2008 - 02 - 29), date!(2026 - 03 - 01), 18),
            (TODAY, TODAY, 0),
        ] {
            assert_eq!(age(birth, on), expected);
        }
    }

    #[test]
    fn refuses_what_is_no_day() {
        for field in [
            "741312", "740431", "230229", "7408", "74081", "7408123", "7<0812", "AB0812", "740800", "ÄÄÄ",
        ] {
            assert_eq!(Date::parse(field, Century::Birth, TODAY), Err(NotADate), "{field}");
        }
    }
}
