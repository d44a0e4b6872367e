//! What `s3_status` answers with.

use std::io::{self, Write};
use std::sync::LazyLock;

use nginx::content::{BodyWriter, Content, ContentHandler};
use nginx::{Request, worker};
use status::{
    ConnectionReport, MetricsDialect, StatusFormat, StatusPage, negotiated, write_metrics,
};

use crate::S3Signature;
use crate::status::gather::gather;

/// One address has all forms.
const HEADERS: [(&str, &str); 2] = [("Vary", "Accept"), ("X-Content-Type-Options", "nosniff")];

static PAGE_HEADERS: LazyLock<[(&str, &str); 4]> = LazyLock::new(|| {
    let [vary, sniff] = HEADERS;
    let policy = ("Content-Security-Policy", StatusPage::get().policy.as_str());
    [vary, sniff, policy, ("Referrer-Policy", "no-referrer")]
});

/// See the [module](self).
pub(crate) struct StatusContent;

impl ContentHandler for StatusContent {
    fn answer<'r>(r: Request<'r>) -> Result<Content<'r>, u16> {
        if !matches!(r.method(), b"GET" | b"HEAD") {
            return Err(405);
        }
        let format = format(r)?;
        let content_type = format.content_type();
        let mut body = BodyWriter::new(r);
        if format == StatusFormat::Html {
            body.write_all(StatusPage::get().html.as_bytes()).map_err(|_| 500_u16)?;
            return Ok(Content { content_type, headers: &*PAGE_HEADERS, body });
        }
        let mut report = worker::with_cycle(gather).flatten().ok_or(500_u16)?;
        report.connections = connections(r);
        let written = match format {
            StatusFormat::Html => Ok(()),
            StatusFormat::Json => {
                serde_json::to_writer(&mut body, &report).map_err(io::Error::from)
            }
            StatusFormat::OpenMetrics => {
                write_metrics(&report, MetricsDialect::OpenMetrics, &mut body)
            }
            StatusFormat::Prometheus => {
                write_metrics(&report, MetricsDialect::Prometheus, &mut body)
            }
        };
        written.map_err(|_| 500_u16)?;
        Ok(Content { content_type, headers: &HEADERS, body })
    }
}

/// What nginx's own stub_status knows, where this nginx has it.
fn connections(r: Request<'_>) -> Option<ConnectionReport> {
    let number = |name| std::str::from_utf8(r.variable(name)?).ok()?.parse().ok();
    Some(ConnectionReport {
        active: number(b"connections_active")?,
        reading: number(b"connections_reading")?,
        writing: number(b"connections_writing")?,
        waiting: number(b"connections_waiting")?,
    })
}

/// In what form: that of the directive, of the query (`?format=json`), or what the Accept header wants.
fn format(r: Request<'_>) -> Result<StatusFormat, u16> {
    let fixed = r.location_conf::<S3Signature>().and_then(|conf| conf.status()?.format);
    if let Some(format) = fixed {
        return Ok(format);
    }
    let query = r.target().splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
    let asked = query.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"format="));
    match asked {
        Some(name) => StatusFormat::of_name(name).ok_or(400),
        None => Ok(negotiated(r.header(b"accept"))),
    }
}
