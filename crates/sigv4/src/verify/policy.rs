//! What of the protocol's freedom is granted.

use crate::resign::disposition::{Disposition, disposition};
use crate::verify::protocol_headers::ProtocolHeaders;
use crate::{HeaderError, bytes, header};

/// Rules for requests that are verified. The default accepts any region and any host, and no Signature V2.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Regions that a credential scope may name; none listed: any, the empty one too. The first one is what errors
    /// expect.
    pub regions: Vec<Vec<u8>>,
    /// Values of the Host header that are served, port included where clients send it, in any case; none listed: any
    /// (C5).
    pub hosts: Vec<Vec<u8>>,
    /// Whether Signature Version 2 is accepted: it signs neither host nor body.
    pub signature_v2: bool,
    /// Tolerated difference between the request's date and the clock, in seconds.
    pub max_skew: i64,
    /// Largest object or part in bytes; none: no limit.
    pub max_object: Option<u64>,
    /// Domains under which a bucket may stand in the host name, without port; `b` is the bucket of `b.<domain>`.
    pub domains: Vec<Vec<u8>>,
    /// Lower-case names of headers that intermediaries add: they may come unsigned, and then go no further; see
    /// [`ignore`](Self::ignore).
    pub ignored: Vec<Vec<u8>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            regions: Vec::new(),
            hosts: Vec::new(),
            signature_v2: false,
            max_skew: 900,
            max_object: Some(5 << 30),
            domains: Vec::new(),
            ignored: vec![header::X_AMZ_CF_ID.into()],
        }
    }
}

impl Policy {
    /// The bucket in a Host header: what stands before the longest matching domain, without its dot. None in the domain itself,
    /// which is that of path-style requests, also where it is below another one.
    pub fn virtual_bucket<'h>(&self, host: &'h [u8]) -> Option<&'h [u8]> {
        if self.domains.is_empty() {
            return None;
        }
        let name = without_port(host);
        if self.domains.iter().any(|domain| name.eq_ignore_ascii_case(domain)) {
            return None;
        }
        // The longest domain leaves the shortest bucket.
        let buckets = self.domains.iter().filter_map(|domain| before(name, domain));
        buckets.min_by_key(|bucket| bucket.len())
    }

    /// A host of [`hosts`](Self::hosts), if there is one, that is below one of [`domains`](Self::domains): whether it is a bucket's
    /// or not, only one of the two can say.
    pub fn host_below_domain(&self) -> Option<&[u8]> {
        self.hosts.iter().map(Vec::as_slice).find(|host| self.virtual_bucket(host).is_some())
    }

    /// Adds a header, its name in any case, to those that may come unsigned, because somebody between client and server adds
    /// it. Unsigned, it is not sent to the origin; signed, it is treated as any other. `x-amz-cf-id` is always among them.
    ///
    /// False, and nothing is added, if the name is no token, or if it is that of a header that authenticates, frames or
    /// describes the body, names the source of a copy, or is never sent on.
    #[must_use]
    pub fn ignore(&mut self, name: &[u8]) -> bool {
        let is_meant = |own: &&str| header::is(name, own);
        let may = header::is_token(name)
            && matches!(disposition(name), Disposition::Forward | Disposition::Sign)
            && !ProtocolHeaders::knows(name)
            && ![header::X_AMZ_MFA, header::TRANSFER_ENCODING].iter().any(is_meant)
            && !name.get(..8).is_some_and(|front| header::is(front, "content-"));
        if may && !self.ignores(name) {
            self.ignored.push(name.to_ascii_lowercase());
        }
        may
    }

    /// Whether a header may come unsigned, to be dropped. Intermediaries write names to the letter, so `_` is no `-` here.
    pub(crate) fn ignores(&self, name: &[u8]) -> bool {
        self.ignored.iter().any(|own| bytes::eq_ignore_ascii_case(name, own))
    }

    /// Whether requests for this Host are served, in path style or in virtual-host style.
    ///
    /// # Errors
    ///
    /// Says which of [`hosts`](Self::hosts) and [`domains`](Self::domains) it does not fit.
    pub fn check_host(&self, host: &[u8]) -> Result<(), HeaderError> {
        let (hosts, domains) = (&self.hosts, &self.domains);
        if (hosts.is_empty() && domains.is_empty())
            || hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
        {
            return Ok(());
        }
        let name = without_port(host);
        let is_in =
            |domain: &Vec<u8>| name.eq_ignore_ascii_case(domain) || before(name, domain).is_some();
        let owned = || host.to_vec();
        if domains.iter().any(is_in) {
            Ok(())
        } else if !domains.is_empty() {
            Err(HeaderError::HostOutsideDomains { host: owned() })
        } else if hosts.iter().any(|own| before(host, own).is_some()) {
            Err(HeaderError::HostBelowServed { host: owned() })
        } else {
            Err(HeaderError::HostNotServed { host: owned() })
        }
    }
}

/// A Host header's value without its port.
pub(crate) fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|&b| b == b':') {
        Some(colon) if host.iter().skip(colon).skip(1).all(u8::is_ascii_digit) => {
            host.get(..colon).unwrap_or(host)
        }
        _ => host,
    }
}

/// What stands before `.DOMAIN`, if anything does.
fn before<'n>(name: &'n [u8], domain: &[u8]) -> Option<&'n [u8]> {
    let (front, back) = name.split_at_checked(name.len().checked_sub(domain.len())?)?;
    let front = front.strip_suffix(b".").filter(|front| !front.is_empty())?;
    back.eq_ignore_ascii_case(domain).then_some(front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_headers() {
        let mut policy = Policy::default();
        assert!(policy.ignores(b"X-Amz-Cf-Id") && !policy.ignores(b"x_amz_cf_id"));
        for name in ["X-Amz-Cf-Pop", "x-forwarded-for", "x-goog-trace", "x-amz-cf-id"] {
            assert!(policy.ignore(name.as_bytes()) && policy.ignores(name.as_bytes()), "{name}");
        }
        assert_eq!(policy.ignored.len(), 4);
        for name in [
            "authorization",
            "host",
            "date",
            "x-amz-date",
            "X_Amz_Date",
            "x-amz-content-sha256",
            "x-amz-security-token",
            "x-amz-s3session-token",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
            "x-amz-copy-source",
            "x-amz-mfa",
            "content-length",
            "Content-MD5",
            "content-type",
            "transfer-encoding",
            "connection",
            "x-oss-security-token",
            "",
            "a b",
            "x-\u{e9}",
        ] {
            assert!(!policy.ignore(name.as_bytes()) && !policy.ignores(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_longest_domain_wins() {
        let domains = vec![b"example.com".to_vec(), b"s3.example.com".to_vec()];
        let policy = Policy { domains, ..Policy::default() };
        let check = |host: &str, bucket: Option<&str>| {
            assert_eq!(policy.virtual_bucket(host.as_bytes()), bucket.map(str::as_bytes), "{host}");
        };
        check("b.s3.example.com", Some("b"));
        check("B.c.S3.Example.com:8443", Some("B.c"));
        // A domain by itself, though it is below another.
        check("s3.example.com", None);
        check("S3.example.com:80", None);
        check("t3.example.com", Some("t3"));
        check(".s3.example.com", Some(".s3"));
        check("example.com", None);
        check("bexample.com", None);
        check("", None);
    }

    #[test]
    fn hosts_and_domains() {
        let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        let check = |hosts: &[&str], domains: &[&str], host: &str, expected: &str| {
            let policy =
                Policy { hosts: texts(hosts), domains: texts(domains), ..Policy::default() };
            let found = match policy.check_host(host.as_bytes()) {
                Ok(()) => "served",
                Err(HeaderError::HostBelowServed { .. }) => "below",
                Err(HeaderError::HostNotServed { .. }) => "not served",
                Err(HeaderError::HostOutsideDomains { .. }) => "outside",
                Err(_) => "?",
            };
            assert_eq!(found, expected, "{hosts:?} {domains:?} {host}");
        };
        check(&[], &[], "b.a", "served");
        check(&["a:80"], &[], "A:80", "served");
        check(&["a:80"], &[], "a", "not served");
        check(&["a:80"], &[], "b.a:80", "below");
        check(&["a"], &[], "b.c.a", "below");
        check(&["a"], &[], "ba", "not served");
        check(&[], &["a"], "a:80", "served");
        check(&[], &["a"], "b.c.A:80", "served");
        check(&[], &["a"], ".a", "outside");
        check(&[], &["a"], "ba", "outside");
        check(&[], &["a"], "", "outside");
        check(&["c:80"], &["a"], "c:80", "served");
        check(&["c:80"], &["a"], "b.c:80", "outside");
        let policy = |host: &str| Policy {
            hosts: texts(&[host]),
            domains: texts(&["a"]),
            ..Policy::default()
        };
        assert_eq!(policy("b.a:80").host_below_domain(), Some(&b"b.a:80"[..]));
        assert_eq!(policy("a:80").host_below_domain(), None);
    }
}
