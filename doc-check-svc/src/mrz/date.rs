//! Dates as documents state them: two-digit years, and parts that may be unknown.

use time::Month;

/// Years that an expiry date may lie ahead. 9303-4 §4.1 and 9303-5 recommend ten at most and some cards run longer; what would
/// lie further ahead is taken as a date of the century before, so that an old document is not valid for another lifetime.
const LONGEST_VALIDITY: i32 = 30;

/// A calendar date whose parts may each be unknown (9303-3 §4.8: unknown parts are fillers). Known parts are in range and
/// make a real day where all three are known.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Date {
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
}

/// Which century a two-digit year belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Century {
    /// The latest date that is not in the future.
    Birth,
    /// At most [`LONGEST_VALIDITY`] years ahead, or else in the past.
    Expiry,
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
        let year = year.map(|year| century.resolve(i32::from(year), month, day, today));
        Self::new(year, month, day)
    }

    /// Four digits; `None` when unknown.
    #[must_use]
    pub fn year(self) -> Option<i32> {
        self.year
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

    /// The latest day that it may mean; `None` when the year is unknown.
    #[must_use]
    pub fn latest(self) -> Option<time::Date> {
        let year = self.year?;
        let month = self.month.unwrap_or(12);
        let last = Month::try_from(month).ok()?.length(year);
        full(year, month, self.day.unwrap_or(last))
    }

    /// As a field of the machine-readable zone: YYMMDD with fillers for what is unknown.
    #[must_use]
    pub fn to_field(self) -> String {
        let two =
            |part: Option<i32>| part.map_or_else(|| "<<".to_owned(), |part| format!("{:02}", part.rem_euclid(100)));
        format!(
            "{}{}{}",
            two(self.year),
            two(self.month.map(i32::from)),
            two(self.day.map(i32::from))
        )
    }
}

impl From<time::Date> for Date {
    fn from(date: time::Date) -> Self {
        Self {
            year: Some(date.year()),
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

impl Century {
    fn resolve(self, year: i32, month: Option<u8>, day: Option<u8>, today: time::Date) -> i32 {
        let this = today.year() - today.year().rem_euclid(100);
        match self {
            // An unknown month or day counts as the first: a child born this year may have one.
            Self::Birth => {
                let born = (this + year, month.unwrap_or(1), day.unwrap_or(1));
                let now = (today.year(), u8::from(today.month()), today.day());
                if born > now { this - 100 + year } else { this + year }
            }
            Self::Expiry => {
                let latest = today.year() + LONGEST_VALIDITY;
                latest - (latest - year).rem_euclid(100)
            }
        }
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

    fn year(field: &str, century: Century) -> Option<i32> {
        Date::parse(field, century, TODAY).expect("a date").year()
    }

    #[test]
    fn the_century_depends_on_the_field() {
        assert_eq!(year("740812", Century::Birth), Some(1974));
        assert_eq!(year("261122", Century::Birth), Some(2026), "born today");
        assert_eq!(year("261123", Century::Birth), Some(1926), "not born tomorrow");
        assert_eq!(year("261123", Century::Expiry), Some(2026));
        assert_eq!(year("350101", Century::Birth), Some(1935));
        assert_eq!(year("350101", Century::Expiry), Some(2035));
        assert_eq!(
            year("960101", Century::Expiry),
            Some(1996),
            "an old passport is not valid until 2096"
        );
        assert_eq!(year("560101", Century::Expiry), Some(2056));
        let later = date!(2095 - 06 - 01);
        let expiry = Date::parse("030101", Century::Expiry, later).expect("a date");
        assert_eq!(expiry.year(), Some(2103));
    }

    #[test]
    fn parts_may_be_unknown() {
        let date = Date::parse("74<<<<", Century::Birth, TODAY).expect("a date");
        assert_eq!((date.year(), date.month(), date.day()), (Some(1974), None, None));
        assert_eq!(date.to_field(), "74<<<<");
        assert_eq!(date.latest(), Some(date!(1974 - 12 - 31)));
        let none = Date::parse("<<<<<<", Century::Birth, TODAY).expect("a date");
        assert_eq!((none, none.latest()), (Date::default(), None));
        assert!(Date::parse("2402<<", Century::Expiry, TODAY).is_ok_and(|d| d.latest() == Some(date!(2024 - 02 - 29))));
        assert!(Date::parse("<<0229", Century::Birth, TODAY).is_ok());
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
