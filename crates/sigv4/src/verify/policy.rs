//! What of the protocol's freedom is granted.

use crate::resign::disposition::{Disposition, disposition};
use crate::verify::protocol_headers::ProtocolHeaders;
use crate::{bytes, header};

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
    /// The bucket in a Host header: what stands before the longest matching domain, without its dot.
    pub fn virtual_bucket<'h>(&self, host: &'h [u8]) -> Option<&'h [u8]> {
        if self.domains.is_empty() {
            return None;
        }
        let name = match host.iter().rposition(|&b| b == b':') {
            Some(colon) if host.iter().skip(colon).skip(1).all(u8::is_ascii_digit) => {
                host.get(..colon)?
            }
            _ => host,
        };
        let bucket = |domain: &Vec<u8>| {
            let (front, back) = name.split_at_checked(name.len().checked_sub(domain.len())?)?;
            let bucket = front.strip_suffix(b".")?;
            (back.eq_ignore_ascii_case(domain) && !bucket.is_empty()).then_some(bucket)
        };
        // The longest domain leaves the shortest bucket.
        self.domains.iter().filter_map(bucket).min_by_key(|bucket| bucket.len())
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

    /// Whether requests for this Host are served.
    pub(crate) fn serves(&self, host: &[u8]) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
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
        check("s3.example.com", Some("s3"));
        check(".s3.example.com", Some(".s3"));
        check("example.com", None);
        check("bexample.com", None);
        check("", None);
    }
}
