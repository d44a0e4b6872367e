//! The query of a request as sorted pairs, each part in canonical form.

use std::cmp::Ordering;

use crate::bytes::{self, Unreserved};

use crate::target::encoding;
use crate::target::param::{self, Field, Role};
use crate::target::query_auth::{AuthSpan, Span};
use crate::{Error, MAX_PARAMETERS, QueryError};

/// Appends the canonical form of a raw query (2.3): pairs sorted by name, then value, each with its `=`.
///
/// ```
/// let mut query = Vec::new();
/// sigv4::target::canonical_query(b"select-type=2&select&p=a+b/c", &mut query)?;
/// assert_eq!(query, b"p=a%20b%2Fc&select=&select-type=2");
/// # Ok::<(), sigv4::Error>(())
/// ```
///
/// # Errors
///
/// [`TargetError`](crate::TargetError) for a broken escape; [`QueryError::Repeated`], [`QueryError::AuthenticationRepeated`],
/// [`QueryError::NameEmpty`] and [`QueryError::TooMany`].
pub fn canonical_query(raw: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut query = Query::default();
    query.parse(raw)?;
    query.write(out, |_| true);
    Ok(())
}

/// Names and values, encoded, sorted by name and then value, no name twice.
#[derive(Debug, Default)]
pub(crate) struct Query {
    text: Vec<u8>,
    parameters: Vec<Parameter>,
}

/// A parameter of a query, which has its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    name: Span,
    value: Span,
    pub(crate) role: Role,
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
            return Err(Error::Query(QueryError::TooMany));
        }
        if self.parameters.iter().any(|parameter| parameter.name.is_empty()) {
            return Err(Error::Query(QueryError::NameEmpty));
        }
        self.sort()
    }

    /// Takes a query whose parts are in canonical form, as most clients send them, in one pass. False if they are not.
    fn parse_canonical(&mut self, raw: &[u8]) -> bool {
        let (mut start, mut equals, mut has_escape) = (0, None, false);
        let separators = bytes::exceptions::<Unreserved>(raw).chain([raw.len()]);
        for at in separators {
            match raw.get(at..).unwrap_or_default() {
                [b'=', ..] if equals.is_none() => equals = Some(at),
                [b'%', after @ ..] if encoding::is_canonical_escape(after) => has_escape = true,
                [] | [b'&', ..] => {
                    if at > start {
                        // Without `=`, the value is empty.
                        let name = Span::new(start, equals.unwrap_or(at));
                        let value = Span::new(equals.map_or(at, |at| at.wrapping_add(1)), at);
                        let role = Role::of(name.of(raw));
                        self.parameters.push(Parameter { name, value, role, has_escape });
                    }
                    if self.parameters.len() > MAX_PARAMETERS {
                        break;
                    }
                    (start, equals, has_escape) = (at.wrapping_add(1), None, false);
                }
                _ => return false,
            }
        }
        self.text.extend_from_slice(raw);
        true
    }

    fn recode(&mut self, raw: &[u8]) -> Result<(), Error> {
        for pair in raw.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
            if self.parameters.len() > MAX_PARAMETERS {
                return Ok(());
            }
            let (name, value) = bytes::cut(pair, b'=').unwrap_or((pair, b""));
            let start = self.text.len();
            encoding::recode_query(name, &mut self.text)?;
            let middle = self.text.len();
            encoding::recode_query(value, &mut self.text)?;
            let end = self.text.len();
            let (name, value) = (Span::new(start, middle), Span::new(middle, end));
            let role = Role::of(name.of(&self.text));
            self.parameters.push(Parameter { name, value, role, has_escape: true });
        }
        Ok(())
    }

    /// Sorts by name, which is unique in what passes, so that values need no comparison.
    fn sort(&mut self) -> Result<(), Error> {
        let text = &self.text;
        let name = |parameter: &Parameter| parameter.name.of(text);
        let is_few = self.parameters.len() <= FEW;
        if is_few && insert_each(&mut self.parameters, |a, b| bytes::order(name(a), name(b))) {
            return Ok(());
        }
        self.parameters.sort_unstable_by(|a, b| bytes::order(name(a), name(b)));
        let twice = |pair: &[Parameter]| match pair {
            [a, b] if bytes::order(name(a), name(b)).is_eq() => Some(*b),
            _ => None,
        };
        match self.parameters.windows(2).find_map(twice) {
            Some(parameter) => Err(repeated(&parameter, text)),
            None => Ok(()),
        }
    }

    /// The parameters in canonical order.
    pub(crate) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Name and value of a parameter of this query.
    pub(crate) fn pair(&self, parameter: &Parameter) -> Pair<'_> {
        Pair { name: parameter.name.of(&self.text), value: parameter.value.of(&self.text) }
    }

    /// The pairs in canonical order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.parameters.iter().map(|parameter| self.pair(parameter))
    }

    /// Decodes a value, into `out` if it is not the same when decoded.
    pub(crate) fn decode(&self, parameter: &Parameter, out: &mut Vec<u8>) -> AuthSpan {
        if !parameter.has_escape {
            return AuthSpan::InQuery(parameter.value);
        }
        let start = out.len();
        encoding::decode(parameter.value.of(&self.text), out);
        AuthSpan::Decoded(Span::new(start, out.len()))
    }

    /// All names and values, where spans of this query are.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Appends the query of those parameters whose roles are wanted, neighbours in one piece.
    pub(crate) fn write(&self, out: &mut Vec<u8>, is_wanted: impl Fn(Role) -> bool) {
        let start = out.len();
        let mut put = |parts: &[&[u8]]| {
            if out.len() > start {
                out.push(b'&');
            }
            parts.iter().for_each(|part| out.extend_from_slice(part));
        };
        let mut run: Option<Span> = None;
        for parameter in &self.parameters {
            if !is_wanted(parameter.role) {
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

    /// Whether there is a parameter of this role.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.parameters.iter().any(|parameter| parameter.role == role)
    }

    pub(crate) fn shrink(&mut self, limit: usize) {
        // The number of pairs is bounded by itself.
        self.text.shrink_to(limit);
    }
}

/// What kinds of authentication a query shows signs of (C6).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signs {
    /// One of `X-Amz-Algorithm`, `X-Amz-Credential`, `X-Amz-Signature`, in any case and with `_` in the place of `-`.
    pub(crate) v4: bool,
    /// One of `Signature`, `AWSAccessKeyId`.
    pub(crate) v2: bool,
}

impl Query {
    /// Looks for signs of authentication.
    pub(crate) fn signs(&self) -> Signs {
        let mut signs = Signs::default();
        for parameter in &self.parameters {
            let v4 = match parameter.role {
                Role::V4(field) => Some(field),
                Role::Header => param::v4_ignore_ascii_case(parameter.name.of(&self.text)),
                Role::V2(_) | Role::Other => None,
            };
            signs.v4 |= matches!(v4, Some(Field::Algorithm | Field::Credential | Field::Signature));
            signs.v2 |= matches!(parameter.role, Role::V2(Field::Credential | Field::Signature));
        }
        signs
    }
}

/// So many parameters are put in order one by one; presigned URLs have six and up.
const FEW: usize = 16;

/// Puts each where it belongs among those before it: nearly all come in order, but for `X-Amz-Signature`, which comes last and
/// belongs before `X-Amz-SignedHeaders`. False where two are equal; then the order is any.
fn insert_each<T>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering) -> bool {
    for count in 1..items.len() {
        let Some((item, before)) = items.get(..=count).and_then(<[T]>::split_last) else { break };
        let mut place = count;
        for own in before.iter().rev() {
            match order(own, item) {
                Ordering::Less => break,
                Ordering::Equal => return false,
                Ordering::Greater => place = place.saturating_sub(1),
            }
        }
        if place < count {
            items.get_mut(place..=count).unwrap_or_default().rotate_right(1);
        }
    }
    true
}

#[cold]
fn repeated(parameter: &Parameter, text: &[u8]) -> Error {
    let mut name = Vec::new();
    encoding::decode(parameter.name.of(text), &mut name);
    match parameter.role {
        Role::V4(_) | Role::V2(_) => Error::Query(QueryError::AuthenticationRepeated { name }),
        Role::Header | Role::Other => Error::Query(QueryError::Repeated { name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TargetError;

    fn check(raw: &str, expected: &str) {
        let mut out = Vec::new();
        canonical_query(raw.as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{raw}");
    }

    fn error(raw: &str) -> Error {
        canonical_query(raw.as_bytes(), &mut Vec::new()).unwrap_err()
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
    fn any_order_of_few_and_many() {
        for count in 1..2 * FEW {
            for step in (1..64).filter(|step| step % 2 == 1) {
                let numbers: Vec<_> = (0..count).map(|i| i * step % 64).collect();
                let raw: Vec<_> = numbers.iter().map(|i| format!("X-Amz-{i:02}=")).collect();
                let mut sorted = raw.clone();
                sorted.sort();
                check(&raw.join("&"), &sorted.join("&"));
                for twice in [0, count / 2, count - 1] {
                    let raw = format!("{}&{}", raw.join("&"), raw[twice]);
                    assert!(matches!(error(&raw), Error::Query(QueryError::Repeated { .. })));
                }
            }
        }
    }

    #[test]
    fn refused_queries() {
        let repeated = |name: &str| Error::Query(QueryError::Repeated { name: name.into() });
        assert_eq!(error("a=1&b=2&%61=3"), repeated("a"));
        assert_eq!(error("a%20=1&a+"), repeated("a "));
        let auth =
            Error::Query(QueryError::AuthenticationRepeated { name: b"X-Amz-Date".to_vec() });
        assert_eq!(error("X-Amz-Date=1&X-Amz-Date=1"), auth);
        assert_eq!(error("=x"), Error::Query(QueryError::NameEmpty));
        assert!(matches!(error("a=%g"), Error::Target(TargetError::BrokenEscape)));
        let many: Vec<String> = (0..=MAX_PARAMETERS).map(|i| format!("k{i}")).collect();
        assert_eq!(error(&many.join("&")), Error::Query(QueryError::TooMany));
        check(&many[1..2].join("&"), "k1=");
    }
}
