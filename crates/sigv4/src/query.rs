//! The query of a request as sorted pairs, each part in canonical form.

use crate::{Error, MAX_PARAMETERS, canonical, octet, param, scan};

/// A range of a buffer; an empty one if it is out of bounds, which the code that makes them excludes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(crate) fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start..self.end).unwrap_or_default()
    }
}

/// Names and values, encoded, sorted by name and then value, no name twice.
#[derive(Debug, Default)]
pub(crate) struct Query {
    text: Vec<u8>,
    parameters: Vec<Parameter>,
}

#[derive(Clone, Copy, Debug)]
struct Parameter {
    name: Span,
    value: Span,
    /// Whether there may be an escape in it.
    has_escape: bool,
}

impl Parameter {
    /// Name and value together, where they stand as they are written, with `=` between them.
    fn in_one_piece(&self) -> Option<Span> {
        let stands = self.value.start == self.name.end.wrapping_add(1);
        stands.then(|| Span::new(self.name.start, self.value.end))
    }
}

/// A query parameter in canonical form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    has_escape: bool,
}

impl Pair<'_> {
    /// Appends the bytes of the value; the answer is where they are.
    pub(crate) fn decode_value(&self, out: &mut Vec<u8>) -> Span {
        let start = out.len();
        if self.has_escape {
            canonical::decode(self.value, out);
        } else {
            out.extend_from_slice(self.value);
        }
        Span::new(start, out.len())
    }
}

impl Query {
    /// Takes a raw query apart: at `&` only, then at the first `=`; empty pairs are skipped.
    pub(crate) fn parse(&mut self, raw: &[u8]) -> Result<(), Error> {
        self.text.clear();
        self.parameters.clear();
        if raw.is_empty() {
            return Ok(());
        }
        if !self.parse_canonical(raw) {
            self.parameters.clear();
            self.recode(raw)?;
        }
        if self.parameters.len() > MAX_PARAMETERS {
            return Err(Error::TooManyParameters);
        }
        if self.parameters.iter().any(|parameter| parameter.name.is_empty()) {
            return Err(Error::ParameterNameEmpty);
        }
        self.sort()
    }

    /// Takes a query whose parts are in canonical form, as most clients send them, in one pass. False if they are not.
    fn parse_canonical(&mut self, raw: &[u8]) -> bool {
        let (mut start, mut at) = (0, 0usize);
        let (mut equals, mut has_escape): (Option<usize>, bool) = (None, false);
        loop {
            let rest = raw.get(at..).unwrap_or_default();
            let run = octet::length(rest, octet::UNRESERVED);
            at = at.wrapping_add(run);
            let tail = rest.get(run..).unwrap_or_default();
            match tail {
                [b'=', ..] if equals.is_none() => equals = Some(at),
                [b'%', after @ ..] if canonical::is_canonical_escape(after) => has_escape = true,
                [] | [b'&', ..] => {
                    if at > start {
                        // Without `=`, the value is empty.
                        let name_end = equals.unwrap_or(at);
                        let value_start = equals.map_or(at, |equals| equals.wrapping_add(1));
                        let (name, value) =
                            (Span::new(start, name_end), Span::new(value_start, at));
                        self.parameters.push(Parameter { name, value, has_escape });
                    }
                    (start, equals, has_escape) = (at.wrapping_add(1), None, false);
                }
                _ => return false,
            }
            if tail.is_empty() || self.parameters.len() > MAX_PARAMETERS {
                self.text.extend_from_slice(raw);
                return true;
            }
            at = at.wrapping_add(1);
        }
    }

    fn recode(&mut self, raw: &[u8]) -> Result<(), Error> {
        for pair in raw.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
            if self.parameters.len() > MAX_PARAMETERS {
                return Ok(());
            }
            let (name, value) = scan::cut(pair, b'=').unwrap_or((pair, b""));
            let start = self.text.len();
            canonical::recode_query(name, &mut self.text)?;
            let middle = self.text.len();
            canonical::recode_query(value, &mut self.text)?;
            let end = self.text.len();
            let (name, value) = (Span::new(start, middle), Span::new(middle, end));
            self.parameters.push(Parameter { name, value, has_escape: true });
        }
        Ok(())
    }

    fn sort(&mut self) -> Result<(), Error> {
        let text = &self.text;
        // Names are unique in what passes, so values need no comparison.
        self.parameters.sort_unstable_by(|a, b| a.name.of(text).cmp(b.name.of(text)));
        let mut previous: Option<&[u8]> = None;
        for parameter in &self.parameters {
            let name = parameter.name.of(text);
            if previous == Some(name) {
                let mut decoded = Vec::new();
                canonical::decode(name, &mut decoded);
                return Err(if is_v4_auth(name) || is_v2_auth(name) {
                    Error::AuthParameterRepeated { name: decoded }
                } else {
                    Error::ParameterRepeated { name: decoded }
                });
            }
            previous = Some(name);
        }
        Ok(())
    }

    /// The pairs in canonical order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.parameters.iter().map(|&Parameter { name, value, has_escape }| Pair {
            name: name.of(&self.text),
            value: value.of(&self.text),
            has_escape,
        })
    }

    /// Appends the query of those parameters whose names are wanted, neighbours in one piece.
    pub(crate) fn write(&self, out: &mut Vec<u8>, is_wanted: impl Fn(&[u8]) -> bool) {
        let start = out.len();
        let mut put = |parts: &[&[u8]]| {
            if out.len() > start {
                out.push(b'&');
            }
            parts.iter().for_each(|part| out.extend_from_slice(part));
        };
        let mut run: Option<Span> = None;
        for parameter in &self.parameters {
            if !is_wanted(parameter.name.of(&self.text)) {
                continue;
            }
            let piece = parameter.in_one_piece();
            run = match (run, piece) {
                (Some(before), Some(next)) if next.start == before.end.wrapping_add(1) => {
                    Some(Span::new(before.start, next.end))
                }
                _ => {
                    run.into_iter().for_each(|before| put(&[before.of(&self.text)]));
                    piece
                }
            };
            if piece.is_none() {
                let (name, value) = (parameter.name.of(&self.text), parameter.value.of(&self.text));
                put(&[name, b"=", value]);
            }
        }
        run.into_iter().for_each(|before| put(&[before.of(&self.text)]));
    }

    /// Whether there is a parameter of this name, in exactly this case.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs().any(|pair| pair.name == name.as_bytes())
    }

    pub(crate) fn shrink(&mut self, limit: usize) {
        // The number of pairs is bounded by itself.
        self.text.shrink_to(limit);
    }
}

/// Parameters that belong to presigned Signature V4 and are never forwarded (4).
const V4_AUTH: [&str; 10] = [
    param::X_AMZ_ALGORITHM,
    param::X_AMZ_CONTENT_SHA256,
    param::X_AMZ_CREDENTIAL,
    param::X_AMZ_DATE,
    param::X_AMZ_EXPIRES,
    param::X_AMZ_REGION_SET,
    param::X_AMZ_S3SESSION_TOKEN,
    param::X_AMZ_SECURITY_TOKEN,
    param::X_AMZ_SIGNATURE,
    param::X_AMZ_SIGNED_HEADERS,
];

/// Whether a canonical name is a parameter of presigned Signature V4.
pub(crate) fn is_v4_auth(name: &[u8]) -> bool {
    name.starts_with(b"X-Amz-") && V4_AUTH.iter().any(|own| own.as_bytes() == name)
}

/// Whether a canonical name is a parameter of presigned Signature V4 but for its case.
pub(crate) fn is_v4_auth_in_other_case(name: &[u8]) -> bool {
    V4_AUTH.iter().any(|own| own.as_bytes() != name && name.eq_ignore_ascii_case(own.as_bytes()))
}

/// Whether a canonical name is a parameter of presigned Signature V2.
pub(crate) fn is_v2_auth(name: &[u8]) -> bool {
    [param::AWS_ACCESS_KEY_ID, param::EXPIRES, param::SIGNATURE]
        .iter()
        .any(|own| own.as_bytes() == name)
}

/// What kinds of authentication a query shows signs of (C6).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signs {
    /// One of `X-Amz-Algorithm`, `X-Amz-Credential`, `X-Amz-Signature`, in any case.
    pub(crate) v4: bool,
    /// One of `Signature`, `AWSAccessKeyId`.
    pub(crate) v2: bool,
}

impl Query {
    /// Looks for signs of authentication.
    pub(crate) fn signs(&self) -> Signs {
        let mut signs = Signs::default();
        for Pair { name, .. } in self.pairs() {
            signs.v4 |= crate::header::is_amz(name)
                && [param::X_AMZ_ALGORITHM, param::X_AMZ_CREDENTIAL, param::X_AMZ_SIGNATURE]
                    .iter()
                    .any(|sign| name.eq_ignore_ascii_case(sign.as_bytes()));
            signs.v2 |=
                name == param::SIGNATURE.as_bytes() || name == param::AWS_ACCESS_KEY_ID.as_bytes();
        }
        signs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str) {
        let mut out = Vec::new();
        canonical::canonical_query(raw.as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{raw}");
    }

    fn error(raw: &str) -> Error {
        canonical::canonical_query(raw.as_bytes(), &mut Vec::new()).unwrap_err()
    }

    #[test]
    fn canonical_queries() {
        check("", "");
        check("&&a&&", "a=");
        check("b=2&a=1&a%2Db=3&aa=", "a=1&a-b=3&aa=&b=2");
        check("k=a=b", "k=a%3Db");
        check("k=a;b?c", "k=a%3Bb%3Fc");
        check("A=1&a=2&%61b=3", "A=1&a=2&ab=3");
        check("p=%00", "p=%00");
    }

    #[test]
    fn refused_queries() {
        let repeated = |name: &str| Error::ParameterRepeated { name: name.into() };
        assert_eq!(error("a=1&b=2&%61=3"), repeated("a"));
        assert_eq!(error("a%20=1&a+"), repeated("a "));
        let auth = Error::AuthParameterRepeated { name: b"X-Amz-Date".to_vec() };
        assert_eq!(error("X-Amz-Date=1&X-Amz-Date=1"), auth);
        assert_eq!(error("=x"), Error::ParameterNameEmpty);
        assert!(matches!(error("a=%g"), Error::InvalidUri { .. }));
        let many: Vec<String> = (0..=MAX_PARAMETERS).map(|i| format!("k{i}")).collect();
        assert_eq!(error(&many.join("&")), Error::TooManyParameters);
        check(&many[1..2].join("&"), "k1=");
    }
}
