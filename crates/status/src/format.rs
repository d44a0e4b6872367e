//! In what form the status is told: what whoever asks can read best (RFC 9110, 12.5.1).

/// A form of the status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatusFormat {
    /// A page for people, which asks for the JSON.
    Html,
    /// JSON.
    Json,
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus's text, version 0.0.4.
    Prometheus,
}

impl StatusFormat {
    /// In the order in which they are given to whoever does not care.
    const ALL: [Self; 4] = [Self::Prometheus, Self::OpenMetrics, Self::Json, Self::Html];

    /// The Content-Type.
    pub fn content_type(self) -> &'static str {
        match self {
            StatusFormat::Html => "text/html; charset=utf-8",
            StatusFormat::Json => "application/json",
            StatusFormat::OpenMetrics => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
            StatusFormat::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// As `format=` of a query and `s3_status` have it.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"html" => StatusFormat::Html,
            b"json" => StatusFormat::Json,
            b"openmetrics" => StatusFormat::OpenMetrics,
            b"prometheus" => StatusFormat::Prometheus,
            _ => return None,
        })
    }

    fn media_type(self) -> (&'static str, &'static str) {
        match self {
            StatusFormat::Html => ("text", "html"),
            StatusFormat::Json => ("application", "json"),
            StatusFormat::OpenMetrics => ("application", "openmetrics-text"),
            StatusFormat::Prometheus => ("text", "plain"),
        }
    }

    /// How much whoever sent the header wants it, in thousandths: by the range that says most.
    fn quality(self, accept: &str) -> u32 {
        let (kind, name) = self.media_type();
        let mut best = (0, 0);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let exactness = match parts.next().unwrap_or_default().split_once('/') {
                Some(("*", "*")) => 1,
                Some((range, "*")) if range.eq_ignore_ascii_case(kind) => 2,
                Some((range, rest))
                    if range.eq_ignore_ascii_case(kind) && rest.eq_ignore_ascii_case(name) =>
                {
                    3
                }
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
            best = best.max((exactness, weight));
        }
        best.1
    }
}

/// `1`, `0.5`, `0.123`; anything else is 0.
fn thousandths(weight: &str) -> u32 {
    let weight = weight.parse().ok().filter(|weight| (0.0..=1.0).contains(weight));
    weight.map_or(0, |weight: f64| (weight * 1000.0) as u32)
}

/// The form for a request with this Accept header; without one, or one that wants nothing that there is, Prometheus's text.
pub fn negotiated(accept: Option<&[u8]>) -> StatusFormat {
    let accept = accept.and_then(|accept| std::str::from_utf8(accept).ok()).unwrap_or("*/*");
    let mut best = (0, StatusFormat::Prometheus);
    for format in StatusFormat::ALL {
        let quality = format.quality(accept);
        if quality > best.0 {
            best = (quality, format);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_gets_what_it_wants_most() {
        for (accept, format) in [
            ("", StatusFormat::Prometheus),
            ("*/*", StatusFormat::Prometheus),
            ("image/png", StatusFormat::Prometheus),
            ("application/json", StatusFormat::Json),
            ("Application/JSON; charset=utf-8", StatusFormat::Json),
            ("application/*", StatusFormat::OpenMetrics),
            ("application/json;q=0.5, text/*", StatusFormat::Prometheus),
            ("text/plain;q=0.1, application/json;q=0.2, */*;q=0.01", StatusFormat::Json),
            ("application/json;q=0, */*", StatusFormat::Prometheus),
            ("application/json, text/plain, */*", StatusFormat::Prometheus),
            (
                "text/plain;q=2, application/json;q=x, application/openmetrics-text;q=0.001",
                StatusFormat::OpenMetrics,
            ),
            // Browsers.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
                StatusFormat::Html,
            ),
            // Prometheus 2.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                StatusFormat::OpenMetrics,
            ),
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", StatusFormat::Prometheus),
        ] {
            assert_eq!(negotiated(Some(accept.as_bytes())), format, "{accept}");
        }
        assert_eq!(negotiated(None), StatusFormat::Prometheus);
        assert_eq!(negotiated(Some(b"\xff")), StatusFormat::Prometheus);
    }
}
