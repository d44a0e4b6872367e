//! A canonical request, taken apart so that one part can be another.

/// The parts of a canonical request, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CanonicalParts {
    pub(crate) method: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) query: Vec<u8>,
    /// `name:value`, one line each.
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) signed_headers: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl CanonicalParts {
    /// Takes a canonical request apart. No part has a line end in it: that is what `sigv4` refuses as a control byte.
    pub(crate) fn parse(canonical_request: &[u8]) -> Option<Self> {
        let mut lines = canonical_request.split(|&b| b == b'\n').map(<[u8]>::to_vec);
        let (method, path, query) = (lines.next()?, lines.next()?, lines.next()?);
        let payload = lines.next_back()?;
        let signed_headers = lines.next_back()?;
        // The empty line that ends the headers.
        lines.next_back().filter(Vec::is_empty)?;
        Some(Self { method, path, query, headers: lines.collect(), signed_headers, payload })
    }

    /// Puts the parts together again.
    pub(crate) fn canonical_request(&self) -> Vec<u8> {
        let first = [&self.method, &self.path, &self.query].map(Vec::as_slice);
        let last = [b"", self.signed_headers.as_slice(), &self.payload];
        let headers = self.headers.iter().map(Vec::as_slice);
        let lines: Vec<_> = first.into_iter().chain(headers).chain(last).collect();
        lines.join(&b'\n')
    }

    /// The value of a header, whose name is lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find_map(|line| value(line, name))
    }

    /// The same with another value of a header that is there, or is listed and was taken away on the way.
    pub(crate) fn with_header(&self, name: &str, new: &[u8]) -> Self {
        let mut parts = self.clone();
        let is_listed = self.signed_headers.split(|&b| b == b';').any(|own| own == name.as_bytes());
        if is_listed && self.header(name).is_none() {
            // Lines are in the order of the names, as their list is.
            let is_before = |line: &Vec<u8>| {
                line.split(|&b| b == b':').next().is_some_and(|own| own < name.as_bytes())
            };
            let at = parts.headers.partition_point(is_before);
            parts.headers.insert(at, [name.as_bytes(), b":", new].concat());
        }
        for line in &mut parts.headers {
            if value(line, name).is_some() {
                *line = [name.as_bytes(), b":", new].concat();
            }
        }
        parts
    }
}

fn value<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    line.strip_prefix(name.as_bytes())?.strip_prefix(b":")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"GET\n/b/o\na=\nhost:h:80\nx-amz-acl:\n\nhost;x-amz-acl\nUNSIGNED-PAYLOAD";

    #[test]
    fn round_trip() {
        let parts = CanonicalParts::parse(TEXT).unwrap();
        assert_eq!(parts.canonical_request(), TEXT);
        assert_eq!(parts.header("host"), Some(&b"h:80"[..]));
        assert_eq!(parts.header("x-amz-acl"), Some(&b""[..]));
        assert_eq!(parts.header("hos"), None);
        let other = parts.with_header("host", b"h");
        assert_eq!(other.headers, [b"host:h".to_vec(), b"x-amz-acl:".to_vec()]);
        let lost = CanonicalParts { headers: vec![b"x-amz-acl:".to_vec()], ..parts.clone() };
        assert_eq!(
            lost.with_header("host", b"h").headers,
            [b"host:h".to_vec(), b"x-amz-acl:".to_vec()]
        );
        assert_eq!(lost.with_header("expect", b"h"), lost);
        assert_eq!(CanonicalParts::parse(b"GET\n/\n\nhost:h\nhost\nUNSIGNED-PAYLOAD"), None);
        assert_eq!(CanonicalParts::parse(b""), None);
    }
}
