//! Which part of a picture a request asks for (RFC 9110, 14).

use std::ops::Range;

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything. Also to what asks for several parts, or not in a way that we know: nobody needs to heed a range.
    Whole,
    /// One part.
    Part(Range<usize>),
    /// A part that begins behind the end.
    Nothing,
}

/// What is asked for of `length` bytes. They have no validator, so a part that depends on one (`If-Range`) is not given.
pub(super) fn asked(headers: &HeaderMap, length: usize) -> Asked {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None, false) = (ranges.next(), ranges.next(), headers.contains_key(IF_RANGE)) else {
        return Asked::Whole;
    };
    range
        .to_str()
        .ok()
        .and_then(|range| part(range, length))
        .unwrap_or(Asked::Whole)
}

/// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LENGTH`.
fn part(range: &str, length: usize) -> Option<Asked> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim_matches([' ', '\t']).split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let part = match (first, last) {
        ("", suffix) => length.saturating_sub(number(suffix)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    Some(if part.start < length && !part.is_empty() {
        Asked::Part(part)
    } else {
        Asked::Nothing
    })
}

/// Digits alone; one that is too large for us is larger than any picture.
fn number(digits: &str) -> Option<usize> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn of_ten(range: &str) -> Asked {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_str(range).expect("a header"))]);
        asked(&headers, 10)
    }

    #[test]
    fn one_part_is_given() {
        for (range, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-9", 0..10),
            ("bytes=3-5", 3..6),
            ("bytes=3-", 3..10),
            ("bytes=9-", 9..10),
            ("bytes=3-99999999999999999999999", 3..10),
            ("bytes=-1", 9..10),
            ("bytes=-10", 0..10),
            ("bytes=-11", 0..10),
            ("Bytes= 3-5 ", 3..6),
        ] {
            assert_eq!(of_ten(range), Asked::Part(part), "{range}");
        }
    }

    #[test]
    fn nothing_lies_behind_the_end() {
        for range in ["bytes=10-", "bytes=10-11", "bytes=99999999999999999999999-", "bytes=-0"] {
            assert_eq!(of_ten(range), Asked::Nothing, "{range}");
        }
    }

    #[test]
    fn everything_else_gets_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-3",
            "bytes=+1-2",
            "bytes=1-2,4-5",
            "bytes=1 - 2",
            "lines=1-2",
        ] {
            assert_eq!(of_ten(range), Asked::Whole, "{range}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(asked(&headers, 10), Asked::Whole);
        headers.append(RANGE, HeaderValue::from_static("bytes=1-2"));
        assert_eq!(asked(&headers, 10), Asked::Part(1..3));
        headers.append(IF_RANGE, HeaderValue::from_static("\"v1\""));
        assert_eq!(asked(&headers, 10), Asked::Whole);
        headers.remove(IF_RANGE);
        headers.append(RANGE, HeaderValue::from_static("bytes=4-5"));
        assert_eq!(asked(&headers, 10), Asked::Whole, "two headers are two ranges");
    }

    proptest! {
        #[test]
        fn a_part_lies_within(range in "(bytes=)?[0-9, -]{0,24}", length in 1_usize..100) {
            if let Ok(value) = HeaderValue::from_str(&range)
                && let Asked::Part(part) = asked(&HeaderMap::from_iter([(RANGE, value)]), length)
            {
                prop_assert!(!part.is_empty() && part.end <= length);
            }
        }
    }
}
