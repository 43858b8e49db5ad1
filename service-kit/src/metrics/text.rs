//! Metrics as text: the format of Prometheus (0.0.4) and OpenMetrics (1.0), which differ in how families are named and told the end.
//!
//! How names and units become names: OpenTelemetry, "Prometheus and OpenMetrics Compatibility".

use std::fmt::{Display, Write as _};

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' own text.
    Prometheus,
    /// OpenMetrics.
    OpenMetrics,
}

impl Format {
    /// What a reader asks for in its `Accept` header. Prometheus names OpenMetrics only where it reads it.
    pub(crate) fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Writes everything that was collected.
pub(super) fn encode(metrics: &ResourceMetrics, format: Format) -> String {
    let mut text = Text {
        written: String::new(),
        format,
    };
    if !metrics.resource().is_empty() {
        text.target(metrics.resource());
    }
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        match metric.data() {
            AggregatedMetrics::F64(data) => text.metric(metric, data),
            AggregatedMetrics::U64(data) => text.metric(metric, data),
            AggregatedMetrics::I64(data) => text.metric(metric, data),
        }
    }
    if format == Format::OpenMetrics {
        text.written.push_str("# EOF\n");
    }
    text.written
}

/// A number as both formats read it.
trait Number: Copy {
    fn float(self) -> f64;
}

impl Number for f64 {
    fn float(self) -> f64 {
        self
    }
}

impl Number for u64 {
    fn float(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    fn float(self) -> f64 {
        self as f64
    }
}

struct Text {
    written: String,
    format: Format,
}

impl Text {
    /// What the metrics are of, as a metric of its own.
    fn target(&mut self, resource: &Resource) {
        self.head("target_info", "", "What these metrics are of", Kind::Gauge);
        let labels: String = resource
            .iter()
            .map(|(key, value)| label(key.as_str(), &value.as_str()))
            .collect();
        self.sample("target_info", "", labels, 1.0);
    }

    fn metric<T: Number>(&mut self, metric: &Metric, data: &MetricData<T>) {
        let (unit, description) = (metric.unit(), metric.description());
        match data {
            MetricData::Gauge(gauge) => {
                let name = name(metric.name(), unit, Kind::Gauge);
                self.head(&name, unit, description, Kind::Gauge);
                for point in gauge.data_points() {
                    self.sample(&name, "", labels(point.attributes()), point.value().float());
                }
            }
            MetricData::Sum(sum) => {
                let (kind, suffix) = if sum.is_monotonic() {
                    (Kind::Counter, "_total")
                } else {
                    (Kind::Gauge, "")
                };
                let name = name(metric.name(), unit, kind);
                self.head(&name, unit, description, kind);
                for point in sum.data_points() {
                    self.sample(&name, suffix, labels(point.attributes()), point.value().float());
                }
            }
            MetricData::Histogram(histogram) => {
                let name = name(metric.name(), unit, Kind::Histogram);
                self.head(&name, unit, description, Kind::Histogram);
                for point in histogram.data_points() {
                    let labels = labels(point.attributes());
                    let mut below = 0;
                    let bounds = point.bounds().chain([f64::INFINITY]);
                    for (bound, count) in bounds.zip(point.bucket_counts()) {
                        below += count;
                        let bound = label("le", &Float(bound));
                        self.sample(&name, "_bucket", format!("{labels}{bound}"), below as f64);
                    }
                    self.sample(&name, "_sum", labels.clone(), point.sum().float());
                    self.sample(&name, "_count", labels, point.count() as f64);
                }
            }
            // Only views make them, and there are none.
            MetricData::ExponentialHistogram(_) => {}
        }
    }

    fn head(&mut self, name: &str, unit: &str, description: &str, kind: Kind) {
        let (family, kind) = match (kind, self.format) {
            (Kind::Counter, Format::Prometheus) => (format!("{name}_total"), "counter"),
            (Kind::Counter, Format::OpenMetrics) => (name.to_owned(), "counter"),
            (Kind::Gauge, _) => (name.to_owned(), "gauge"),
            (Kind::Histogram, _) => (name.to_owned(), "histogram"),
        };
        // Writing to a string does not fail.
        let _ = writeln!(self.written, "# TYPE {family} {kind}");
        if self.format == Format::OpenMetrics
            && let Some(unit) = unit_word(unit)
        {
            let _ = writeln!(self.written, "# UNIT {family} {unit}");
        }
        if !description.is_empty() {
            let _ = writeln!(self.written, "# HELP {family} {}", escaped(description));
        }
    }

    /// `labels` are written one after the other, each with a comma behind it.
    fn sample(&mut self, name: &str, suffix: &str, mut labels: String, value: f64) {
        labels.pop();
        let value = Float(value);
        let _ = if labels.is_empty() {
            writeln!(self.written, "{name}{suffix} {value}")
        } else {
            writeln!(self.written, "{name}{suffix}{{{labels}}} {value}")
        };
    }
}

/// The name of a metric without the ending that its samples have.
fn name(name: &str, unit: &str, kind: Kind) -> String {
    let mut name = legal(name);
    let unit = match unit_word(unit) {
        Some("ratio") if kind != Kind::Gauge => None,
        unit => unit,
    };
    if let Some(unit) = unit
        && !name.ends_with(unit)
    {
        name.push('_');
        name.push_str(unit);
    }
    name
}

/// The word for a unit (UCUM). What is counted, in braces, has none.
fn unit_word(unit: &str) -> Option<&'static str> {
    match unit {
        "s" => Some("seconds"),
        "By" => Some("bytes"),
        "1" => Some("ratio"),
        _ => None,
    }
}

fn legal(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    name.chars().map(letter).collect()
}

fn labels<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    attributes
        .map(|attribute| label(attribute.key.as_str(), &attribute.value.as_str()))
        .collect()
}

fn label(key: &str, value: &dyn Display) -> String {
    format!(
        "{}=\"{}\",",
        legal(key),
        escaped(&value.to_string()).replace('"', "\\\"")
    )
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

struct Float(f64);

impl Display for Float {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            // With a dot: bounds of buckets are names, and must be the same in both formats.
            number => write!(f, "{number:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use opentelemetry_sdk::metrics::reader::MetricReader as _;

    use super::super::Shared;
    use super::*;

    /// One of each kind, with what must be escaped.
    fn written(format: Format) -> String {
        let reader = Shared::default();
        let resource = Resource::builder_empty()
            .with_attribute(KeyValue::new("service.name", "test"))
            .build();
        let provider = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(reader.clone())
            .build();
        let meter = provider.meter("test");
        let calls = meter.u64_counter("calls").with_unit("{call}").build();
        calls.add(3, &[KeyValue::new("rpc.method", "a\\b\"c\nd")]);
        let waiting = meter.i64_up_down_counter("queue.length").build();
        waiting.add(2, &[]);
        waiting.add(-1, &[]);
        let memory = meter
            .u64_gauge("memory")
            .with_unit("By")
            .with_description("In all\nof it")
            .build();
        memory.record(1 << 20, &[]);
        let took = meter
            .f64_histogram("took")
            .with_unit("s")
            .with_boundaries(vec![0.5, 1.0])
            .build();
        for seconds in [0.25, 1.0, 7.0] {
            took.record(seconds, &[KeyValue::new("step", "one")]);
        }
        let mut metrics = ResourceMetrics::default();
        reader.collect(&mut metrics).expect("a pipeline");
        encode(&metrics, format)
    }

    #[test]
    fn prometheus_reads_it() {
        let expected = r#"# TYPE target_info gauge
# HELP target_info What these metrics are of
target_info{service_name="test"} 1.0
# TYPE calls_total counter
calls_total{rpc_method="a\\b\"c\nd"} 3.0
# TYPE queue_length gauge
queue_length 1.0
# TYPE memory_bytes gauge
# HELP memory_bytes In all\nof it
memory_bytes 1048576.0
# TYPE took_seconds histogram
took_seconds_bucket{step="one",le="0.5"} 1.0
took_seconds_bucket{step="one",le="1.0"} 2.0
took_seconds_bucket{step="one",le="+Inf"} 3.0
took_seconds_sum{step="one"} 8.25
took_seconds_count{step="one"} 3.0
"#;
        assert_eq!(written(Format::Prometheus), expected);
    }

    #[test]
    fn open_metrics_names_the_family_and_the_end() {
        let written = written(Format::OpenMetrics);
        for line in [
            "# TYPE calls counter",
            "calls_total{rpc_method=\"a\\\\b\\\"c\\nd\"} 3.0",
            "# UNIT took_seconds seconds",
        ] {
            assert!(written.lines().any(|written| written == line), "{line}");
        }
        assert!(written.ends_with("\n# EOF\n"));
    }

    #[test]
    fn names_tell_their_unit_once() {
        for (named, unit, kind, expected) in [
            (
                "rpc.server.call.duration",
                "s",
                Kind::Histogram,
                "rpc_server_call_duration_seconds",
            ),
            ("process.memory.usage", "By", Kind::Gauge, "process_memory_usage_bytes"),
            ("share", "1", Kind::Gauge, "share_ratio"),
            ("calls", "1", Kind::Counter, "calls"),
            ("spent_seconds", "s", Kind::Counter, "spent_seconds"),
            ("jobs", "{job}", Kind::Counter, "jobs"),
        ] {
            assert_eq!(name(named, unit, kind), expected);
        }
    }

    #[test]
    fn who_reads_open_metrics_says_so() {
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted("*/*"), Format::Prometheus);
    }
}
