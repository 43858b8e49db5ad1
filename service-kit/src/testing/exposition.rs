//! Metrics as a scraper reads them: strictly, so that what it would refuse is refused here.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of one scrape.
#[derive(Debug)]
pub struct Samples(BTreeMap<Series, f64>);

/// A name with its labels.
type Series = (String, BTreeMap<String, String>);

impl Samples {
    /// Reads text in the format of Prometheus (0.0.4).
    ///
    /// # Errors
    /// The first line that is wrong, or out of place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut samples = BTreeMap::new();
        let mut families = BTreeSet::new();
        let mut family: Option<(String, String)> = None;
        for line in text.lines() {
            let wrong = || format!("wrong line: {line}");
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').ok_or_else(wrong)?;
                let known = ["counter", "gauge", "histogram"].contains(&kind);
                if !known || !is_name(name) || !families.insert(name.to_owned()) {
                    return Err(wrong());
                }
                family = Some((name.to_owned(), kind.to_owned()));
                continue;
            }
            let (name, kind) = family.as_ref().ok_or_else(wrong)?;
            if let Some(help) = line.strip_prefix("# HELP ") {
                help.strip_prefix(name.as_str())
                    .filter(|rest| rest.starts_with(' '))
                    .ok_or_else(wrong)?;
                continue;
            }
            let (series, value) = sample(line).ok_or_else(wrong)?;
            let suffix = series.0.strip_prefix(name.as_str()).ok_or_else(wrong)?;
            let fits = match kind.as_str() {
                "histogram" if suffix == "_bucket" => series.1.contains_key("le"),
                "histogram" => ["_sum", "_count"].contains(&suffix),
                "counter" => name.ends_with("_total") && suffix.is_empty() && value >= 0.0,
                _ => suffix.is_empty(),
            };
            if !fits || samples.insert(series, value).is_some() {
                return Err(wrong());
            }
        }
        let samples = Self(samples);
        samples.check_buckets()?;
        Ok(samples)
    }

    /// Buckets hold what smaller ones hold, and the last one all.
    fn check_buckets(&self) -> Result<(), String> {
        for ((name, labels), count) in &self.0 {
            let Some(histogram) = name.strip_suffix("_count") else {
                continue;
            };
            let mut buckets: Vec<(f64, f64)> = self
                .matching(&format!("{histogram}_bucket"), &[])
                .filter(|(of, _)| labels.iter().all(|(key, value)| of.get(key) == Some(value)))
                .filter(|(of, _)| of.len() == labels.len() + 1)
                .filter_map(|(of, value)| Some((float(of.get("le")?)?, value)))
                .collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            let ascending = buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1);
            if !ascending || buckets.last() != Some(&(f64::INFINITY, *count)) {
                return Err(format!("buckets of {histogram} {labels:?}: {buckets:?}"));
            }
        }
        Ok(())
    }

    /// The sum of all series of a name that have these labels; `None` without any.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.matching(name, labels).map(|(_, value)| value).reduce(|a, b| a + b)
    }

    /// The values that a label has among the series of a name.
    pub fn values(&self, name: &str, label: &str) -> BTreeSet<String> {
        self.matching(name, &[])
            .filter_map(|(labels, _)| labels.get(label).cloned())
            .collect()
    }

    /// The labels that any series of a name has.
    pub fn labels(&self, name: &str) -> BTreeSet<String> {
        self.matching(name, &[])
            .flat_map(|(labels, _)| labels.keys().cloned())
            .collect()
    }

    /// The names of all samples.
    pub fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(|(name, _)| name.as_str()).collect()
    }

    fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a BTreeMap<String, String>, f64)> {
        let fits = move |series: &Series| {
            let has = |(key, value): &(&str, &str)| series.1.get(*key).is_some_and(|found| found == value);
            series.0 == name && labels.iter().all(has)
        };
        self.0
            .iter()
            .filter(move |(series, _)| fits(series))
            .map(|(series, value)| (&series.1, *value))
    }
}

fn sample(line: &str) -> Option<(Series, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    let value = match rest.strip_prefix('{') {
        None => rest.strip_prefix(' ')?,
        Some(mut rest) => loop {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !is_name(key) || key.contains(':') || labels.insert(key.to_owned(), value).is_some() {
                return None;
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => break after.strip_prefix("} ")?,
            }
        },
    };
    is_name(name).then_some(((name.to_owned(), labels), float(value)?))
}

/// A value up to its closing quotation mark, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    loop {
        match letters.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match letters.next()?.1 {
                'n' => '\n',
                same @ ('\\' | '"') => same,
                _ => return None,
            }),
            (_, letter) => value.push(letter),
        }
    }
}

fn float(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    !name.is_empty() && name.bytes().all(letter) && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_a_scraper_refuses() {
        let good = "# TYPE a gauge\n# HELP a b\na{x=\"1\\\"\",y=\"\"} 2.5\na 1\n";
        let samples = Samples::parse(good).expect("good");
        assert_eq!(samples.sum("a", &[]), Some(3.5));
        assert_eq!(samples.sum("a", &[("x", "1\"")]), Some(2.5));
        assert_eq!(samples.sum("b", &[]), None);
        for wrong in [
            "a 1\n",
            "# TYPE a gauge\na 1\na 2\n",
            "# TYPE a gauge\n# TYPE a gauge\n",
            "# TYPE a gauge\nb 1\n",
            "# TYPE a gauge\na{x=\"1\",x=\"1\"} 1\n",
            "# TYPE a gauge\na{x=1} 1\n",
            "# TYPE a gauge\na{x=\"1\"}1\n",
            "# TYPE a gauge\na b\n",
            "# TYPE a counter\na 1\n",
            "# TYPE a summary\na 1\n",
            "# TYPE 1a gauge\n1a 1\n",
            "# TYPE a histogram\na_count 1\n",
            "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\na_count 1\n",
        ] {
            assert!(Samples::parse(wrong).is_err(), "{wrong}");
        }
    }
}
