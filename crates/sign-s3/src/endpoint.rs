//! The server: what the URL begins with, and the Host header that follows from it.

/// UrlScheme and authority of a URL.
///
/// The host name is kept in lower case and a scheme's own port is dropped, because that is what clients make of them in the
/// Host header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlEndpoint {
    scheme: UrlScheme,
    name: String,
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlScheme {
    Http,
    Https,
}

/// UrlScheme of an endpoint that names none.
const DEFAULT_SCHEME: UrlScheme = UrlScheme::Http;

impl UrlEndpoint {
    /// From `host[:port]`, `http://host[:port]` or `https://host[:port]`, with or without a slash at the end.
    ///
    /// # Errors
    ///
    /// Another scheme, a path, user information, or what is no host name.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, authority) = match text.split_once("://") {
            None => (DEFAULT_SCHEME, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (UrlScheme::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                (UrlScheme::Https, rest)
            }
            Some(_) => return Err("neither http nor https".to_owned()),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#']) {
            return Err("an endpoint has no path".to_owned());
        }
        // A colon inside brackets belongs to an IPv6 address.
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, Some(port)),
            _ => (authority, None),
        };
        if !is_host_name(name) {
            return Err("not a host name".to_owned());
        }
        let number = |port: &str| port.parse().ok().filter(|port: &u16| *port > 0);
        let port = port.map(|port| number(port).ok_or("not a port")).transpose()?;
        let port = port.filter(|port| *port != scheme.port());
        Ok(Self { scheme, name: name.to_ascii_lowercase(), port })
    }

    /// The Host header.
    pub(crate) fn host(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.name),
            None => self.name.clone(),
        }
    }

    /// The host name, without the port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Puts a bucket in front of the host name.
    ///
    /// # Errors
    ///
    /// A bucket whose name cannot stand in a host name.
    pub(crate) fn with_bucket(&self, bucket: &str) -> Result<Self, String> {
        let is_label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        if bucket.is_empty() || !bucket.bytes().all(is_label) || self.name.starts_with('[') {
            return Err(format!("bucket \"{bucket}\" cannot stand in the host name"));
        }
        Ok(Self { name: format!("{bucket}.{}", self.name), ..self.clone() })
    }

    /// The URL of a target, which begins with a slash.
    pub(crate) fn url(&self, target: &str) -> String {
        let scheme = match self.scheme {
            UrlScheme::Http => "http",
            UrlScheme::Https => "https",
        };
        format!("{scheme}://{}{target}", self.host())
    }
}

impl UrlScheme {
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets. International names have to come in their ASCII form.
fn is_host_name(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let is_label = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            !name.is_empty() && name.bytes().all(is_label)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let check = |text: &str, url: Option<&str>| {
            let endpoint = UrlEndpoint::parse(text);
            assert_eq!(endpoint.map(|e| e.url("/b")).ok().as_deref(), url, "{text}");
        };
        check("localhost", Some("http://localhost/b"));
        check("localhost:8080", Some("http://localhost:8080/b"));
        check("http://localhost:80/", Some("http://localhost/b"));
        check("http://localhost:443", Some("http://localhost:443/b"));
        check("HTTPS://S3.Example.com:443", Some("https://s3.example.com/b"));
        check("https://s3.example.com:8443/", Some("https://s3.example.com:8443/b"));
        check("[::1]:8080", Some("http://[::1]:8080/b"));
        check("https://[::1]", Some("https://[::1]/b"));
        for bad in [
            "",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:b",
            "a:1:2",
            "::1",
            "[::1",
            "a/b",
            "a?b",
            "http://",
            "ftp://a",
            "http://u:p@a",
            "a b",
            "a\r\nb",
            "http://a//",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn buckets_in_the_host_name() {
        let endpoint = UrlEndpoint::parse("s3.example.com:8443").unwrap();
        assert_eq!(endpoint.with_bucket("a.b").unwrap().host(), "a.b.s3.example.com:8443");
        for bad in ["", "A", "a_b", "a/b"] {
            assert!(endpoint.with_bucket(bad).is_err(), "{bad}");
        }
        assert!(UrlEndpoint::parse("[::1]").unwrap().with_bucket("a").is_err());
    }
}
