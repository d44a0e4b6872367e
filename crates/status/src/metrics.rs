//! The report as Prometheus reads it: its text format 0.0.4, and OpenMetrics 1.0.
//!
//! The two differ in what a counter's `TYPE` line names, in `UNIT` lines and in the end. Names follow OpenMetrics: a unit ends
//! the family's name, `_total` a counter's.

use std::fmt::Display;
use std::io::{Result, Write};

use crate::report::{HistogramReport, OriginReport, StatusReport};

/// Which of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricsDialect {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format 0.0.4.
    Prometheus,
}

#[derive(Clone, Copy, PartialEq)]
enum MetricType {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// Labels and their values.
type Labels<'a> = [(&'a str, &'a str)];

/// Writes all of it.
///
/// # Errors
///
/// Those of `out`.
pub fn write_metrics(
    report: &StatusReport,
    dialect: MetricsDialect,
    out: &mut impl Write,
) -> Result<()> {
    let mut out = Families { out, dialect };
    requests(report, &mut out)?;
    errors(report, &mut out)?;
    origins(report, &mut out)?;
    times(report, &mut out)?;
    keys(report, &mut out)?;
    proxy(report, &mut out)?;
    if dialect == MetricsDialect::OpenMetrics { out.out.write_all(b"# EOF\n") } else { Ok(()) }
}

fn requests<W: Write>(report: &StatusReport, out: &mut Families<'_, W>) -> Result<()> {
    out.begin(
        "s3_requests",
        MetricType::Counter,
        "Requests of clients, by access key id, operation and status.",
    )?;
    for request in &report.requests {
        let status = request.status.to_string();
        let labels = [
            ("client", request.client.as_str()),
            ("operation", &request.operation),
            ("status", &status),
        ];
        out.sample("s3_requests_total", &labels, request.count)?;
    }
    let by_operation = {
        let mut sums = std::collections::BTreeMap::<_, (u64, u64)>::new();
        for request in &report.requests {
            let key = (request.client.as_str(), request.operation.as_str());
            let sum = sums.entry(key).or_default();
            sum.0 = sum.0.saturating_add(request.received_bytes);
            sum.1 = sum.1.saturating_add(request.sent_bytes);
        }
        sums
    };
    out.begin("s3_received_bytes", MetricType::Counter, "Bytes of requests, heads and bodies.")?;
    for ((client, operation), (received, _)) in &by_operation {
        let labels = [("client", *client), ("operation", *operation)];
        out.sample("s3_received_bytes_total", &labels, received)?;
    }
    out.begin("s3_sent_bytes", MetricType::Counter, "Bytes of answers, heads and bodies.")?;
    for ((client, operation), (_, sent)) in &by_operation {
        let labels = [("client", *client), ("operation", *operation)];
        out.sample("s3_sent_bytes_total", &labels, sent)?;
    }
    if report.buckets.is_empty() {
        return Ok(());
    }
    out.begin(
        "s3_bucket_requests",
        MetricType::Counter,
        "Requests of verified clients, by bucket.",
    )?;
    for bucket in &report.buckets {
        out.sample("s3_bucket_requests_total", &[("bucket", &bucket.bucket)], bucket.count)?;
    }
    out.begin("s3_bucket_received_bytes", MetricType::Counter, "Bytes of their requests.")?;
    for bucket in &report.buckets {
        let labels = [("bucket", bucket.bucket.as_str())];
        out.sample("s3_bucket_received_bytes_total", &labels, bucket.received_bytes)?;
    }
    out.begin("s3_bucket_sent_bytes", MetricType::Counter, "Bytes of their answers.")?;
    for bucket in &report.buckets {
        let labels = [("bucket", bucket.bucket.as_str())];
        out.sample("s3_bucket_sent_bytes_total", &labels, bucket.sent_bytes)?;
    }
    Ok(())
}

fn errors<W: Write>(report: &StatusReport, out: &mut Families<'_, W>) -> Result<()> {
    out.begin(
        "s3_errors",
        MetricType::Counter,
        "Answers with an error, by S3's code and who gave it.",
    )?;
    for error in &report.errors {
        let labels = [("code", error.code.as_str()), ("source", error.source)];
        out.sample("s3_errors_total", &labels, error.count)?;
    }
    out.begin(
        "s3_refusals",
        MetricType::Counter,
        "Requests that the proxy has refused, by cause.",
    )?;
    for refusal in &report.refusals {
        out.sample("s3_refusals_total", &[("cause", &refusal.cause)], refusal.count)?;
    }
    Ok(())
}

fn origins<W: Write>(report: &StatusReport, out: &mut Families<'_, W>) -> Result<()> {
    fn labels(origin: &OriginReport) -> [(&str, &str); 3] {
        [
            ("upstream", origin.upstream.as_str()),
            ("origin", &origin.origin),
            ("address", &origin.address),
        ]
    }
    let probed = || report.origins.iter().filter(|origin| origin.state != "unknown");
    out.begin(
        "s3_origin_up",
        MetricType::Gauge,
        "Whether the probes of an origin find it in order.",
    )?;
    for origin in probed() {
        out.sample("s3_origin_up", &labels(origin), u8::from(origin.state == "up"))?;
    }
    const CHANGED: &str = "s3_origin_state_changed_timestamp_seconds";
    out.begin(CHANGED, MetricType::Gauge, "When that last changed.")?;
    for origin in probed() {
        if let Some(since) = origin.since {
            out.sample(CHANGED, &labels(origin), Number(since))?;
        }
    }
    out.begin(
        "s3_origin_attempts",
        MetricType::Counter,
        "Requests for an origin, each attempt of one that is tried again.",
    )?;
    for origin in &report.origins {
        out.sample("s3_origin_attempts_total", &labels(origin), origin.attempts)?;
    }
    out.begin(
        "s3_origin_failures",
        MetricType::Counter,
        "Attempts that nginx takes for failed (proxy_next_upstream).",
    )?;
    for origin in &report.origins {
        out.sample("s3_origin_failures_total", &labels(origin), origin.failures)?;
    }
    out.begin("s3_origin_responses", MetricType::Counter, "Answers of an origin, by status.")?;
    for origin in &report.origins {
        for (status, count) in &origin.responses {
            let status = status.to_string();
            let [upstream, name, address] = labels(origin);
            let labels = [upstream, name, address, ("status", &status)];
            out.sample("s3_origin_responses_total", &labels, count)?;
        }
    }
    out.begin("s3_failovers", MetricType::Counter, "Requests that needed more than one attempt.")?;
    out.sample("s3_failovers_total", &[], report.failovers)
}

fn times<W: Write>(report: &StatusReport, out: &mut Families<'_, W>) -> Result<()> {
    let times = &report.latency;
    out.histogram(
        "s3_first_byte_seconds",
        "Until the head of the origin's answer.",
        &times.first_byte,
    )?;
    out.histogram(
        "s3_request_duration_seconds",
        "Until the end of the answer to the client.",
        &times.total,
    )?;
    out.histogram("s3_verify_seconds", "To verify a request.", &times.verify)?;
    out.histogram("s3_sign_seconds", "To sign a request for an origin.", &times.sign)
}

fn keys<W: Write>(report: &StatusReport, out: &mut Families<'_, W>) -> Result<()> {
    const EXPIRY: &str = "s3_key_expiry_timestamp_seconds";
    out.begin(EXPIRY, MetricType::Gauge, "When a key ends, of those that do.")?;
    for key in &report.keys {
        if let Some(expires) = key.expires {
            out.sample(EXPIRY, &[("kind", key.kind), ("name", &key.name)], Number(expires))?;
        }
    }
    const READ: &str = "s3_file_read_timestamp_seconds";
    out.begin(READ, MetricType::Gauge, "When the keys of a file were last read well.")?;
    for file in &report.files {
        out.sample(READ, &[("file", &file.file)], Number(file.read))?;
    }
    out.begin(
        "s3_file_read_success",
        MetricType::Gauge,
        "Whether the file can be used as it is now.",
    )?;
    for file in &report.files {
        let success = u8::from(file.fault.is_none());
        out.sample("s3_file_read_success", &[("file", &file.file)], success)?;
    }
    Ok(())
}

fn proxy<W: Write>(report: &StatusReport, out: &mut Families<'_, W>) -> Result<()> {
    out.begin("s3_uploads_active", MetricType::Gauge, "Uploads whose bodies are being checked.")?;
    out.sample("s3_uploads_active", &[], report.uploads.active)?;
    out.begin("s3_chunk_memory_bytes", MetricType::Gauge, "Memory that checked bytes wait in.")?;
    out.sample("s3_chunk_memory_bytes", &[], report.uploads.chunk_memory_bytes)?;
    out.begin("s3_status_zone_series", MetricType::Gauge, "Series in the zone of s3_status_zone.")?;
    out.sample("s3_status_zone_series", &[], report.zone.series)?;
    out.begin("s3_status_zone_capacity", MetricType::Gauge, "About how many it has room for.")?;
    out.sample("s3_status_zone_capacity", &[], report.zone.capacity)?;
    out.begin(
        "s3_status_zone_other",
        MetricType::Counter,
        "What was counted under \"other\", for there was no room.",
    )?;
    out.sample("s3_status_zone_other_total", &[], report.zone.other)?;
    if let Some(connections) = report.connections {
        out.begin("nginx_connections", MetricType::Gauge, "Connections of clients.")?;
        for (state, count) in [
            ("active", connections.active),
            ("reading", connections.reading),
            ("writing", connections.writing),
            ("waiting", connections.waiting),
        ] {
            out.sample("nginx_connections", &[("state", state)], count)?;
        }
    }
    out.begin("s3_workers", MetricType::Gauge, "Worker processes of nginx.")?;
    out.sample("s3_workers", &[], report.workers)?;
    out.begin("s3_build", MetricType::Info, "The versions of the module and of nginx.")?;
    let labels = [("version", report.version.as_str()), ("nginx", &report.nginx)];
    out.sample("s3_build_info", &labels, 1)
}

/// Families of metrics, as they are being written.
struct Families<'w, W> {
    out: &'w mut W,
    dialect: MetricsDialect,
}

impl<W: Write> Families<'_, W> {
    fn begin(&mut self, family: &str, kind: MetricType, help: &str) -> Result<()> {
        let out = &mut self.out;
        let is_open = self.dialect == MetricsDialect::OpenMetrics;
        let (suffix, name) = match kind {
            MetricType::Counter if is_open => ("", "counter"),
            MetricType::Counter => ("_total", "counter"),
            MetricType::Gauge => ("", "gauge"),
            MetricType::Histogram => ("", "histogram"),
            MetricType::Info if is_open => ("", "info"),
            MetricType::Info => ("_info", "gauge"),
        };
        writeln!(out, "# TYPE {family}{suffix} {name}")?;
        let unit = ["seconds", "bytes"].into_iter().find(|unit| family.ends_with(unit));
        if let Some(unit) = unit.filter(|_| is_open) {
            writeln!(out, "# UNIT {family} {unit}")?;
        }
        let help = help.replace('\\', "\\\\");
        // OpenMetrics escapes quotes there, too; the older format shows the backslash.
        let help = if is_open { help.replace('"', "\\\"") } else { help };
        writeln!(out, "# HELP {family}{suffix} {help}")
    }

    fn sample(&mut self, name: &str, labels: &Labels<'_>, value: impl Display) -> Result<()> {
        let out = &mut self.out;
        out.write_all(name.as_bytes())?;
        for (number, (label, text)) in labels.iter().enumerate() {
            let before = if number == 0 { "{" } else { "," };
            write!(out, "{before}{label}=\"")?;
            escaped(text, out)?;
            out.write_all(b"\"")?;
        }
        let after = if labels.is_empty() { "" } else { "}" };
        writeln!(out, "{after} {value}")
    }

    fn histogram(&mut self, family: &str, help: &str, histogram: &HistogramReport) -> Result<()> {
        self.begin(family, MetricType::Histogram, help)?;
        let bucket = format!("{family}_bucket");
        for (bound, count) in histogram.le.iter().zip(&histogram.counts) {
            self.sample(&bucket, &[("le", &Number(*bound).to_string())], count)?;
        }
        self.sample(&bucket, &[("le", "+Inf")], histogram.count)?;
        self.sample(&format!("{family}_sum"), &[], Number(histogram.sum))?;
        self.sample(&format!("{family}_count"), &[], histogram.count)
    }
}

fn escaped(text: &str, out: &mut impl Write) -> Result<()> {
    for part in text.split_inclusive(['\\', '"', '\n']) {
        let plain = part.trim_end_matches(['\\', '"', '\n']);
        out.write_all(plain.as_bytes())?;
        match part.as_bytes().last() {
            Some(b'\\') => out.write_all(b"\\\\")?,
            Some(b'"') => out.write_all(b"\\\"")?,
            Some(b'\n') => out.write_all(b"\\n")?,
            _ => {}
        }
    }
    Ok(())
}

/// A number as Go prints it, which OpenMetrics calls canonical for `le`: `1.0`, `0.001`, `5e-06`.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Number(number) = *self;
        if number != 0.0 && number.abs() < 1e-4 {
            let text = format!("{number:e}");
            let (digits, exponent) = text.split_once("e-").unwrap_or((&text, "0"));
            return write!(f, "{digits}e-{exponent:0>2}");
        }
        if number == number.trunc() { write!(f, "{number:.1}") } else { write!(f, "{number}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_canonical() {
        for (number, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (60.0, "60.0"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.000_002, "2e-06"),
            (0.000_015, "1.5e-05"),
            (1_764_450_000.125, "1764450000.125"),
        ] {
            assert_eq!(Number(number).to_string(), text);
        }
    }

    #[test]
    fn labels_are_escaped() {
        let mut out = Vec::new();
        escaped("a\"b\\c\nd\\\\\"", &mut out).expect("memory");
        assert_eq!(String::from_utf8(out).expect("text"), r#"a\"b\\c\nd\\\\\""#);
    }
}
