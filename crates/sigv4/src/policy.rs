//! What of the protocol's freedom is granted.

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

    /// Whether requests for this Host are served.
    pub(crate) fn serves(&self, host: &[u8]) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
