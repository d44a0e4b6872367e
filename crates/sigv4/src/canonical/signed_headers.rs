//! The list of signed header names.

use std::array;

use crate::bytes::{self, Name};
use smallvec::SmallVec;

use crate::{Header, MAX_SIGNED_HEADERS, header};

/// How many lengths of names are kept; real lists have three to twelve names. Of longer ones the rest is split at each use.
pub(crate) const KEPT: usize = 16;

/// Headers for each of which a list of up to [`MAX_SIGNED_HEADERS`] names may be walked; real requests have 10 to 30.
pub(crate) const FEW: usize = 64;
/// Longer lists are split anew each time.
const MAX_LAST: usize = 256;
/// Most names of unsigned headers that an error has.
const MAX_MISSING: usize = 32;

/// SignedNames between semicolons: lower case, sorted, none twice, not too many (1.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedHeaders<'a> {
    text: &'a [u8],
    /// Of the first names. Zero, which is no name's length, behind the last name, and from one that is too long on.
    lengths: [u8; KEPT],
}

impl<'a> SignedHeaders<'a> {
    /// None if the text is no such list.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let mut list = Self { text, lengths: [0; KEPT] };
        let mut lengths = list.lengths.iter_mut();
        let (mut start, mut previous): (_, &[u8]) = (0, b"");
        let ends = bytes::exceptions::<Name>(text).chain([text.len()]);
        for end in ends.take(MAX_SIGNED_HEADERS) {
            let name = text.get(start..end)?;
            // The empty name is not greater than anything.
            let is_greater = match (name.first(), previous.first()) {
                (Some(own), Some(before)) if own != before => own > before,
                _ => name > previous,
            };
            if !is_greater {
                return None;
            }
            match (lengths.next(), u8::try_from(name.len())) {
                (Some(slot), Ok(length)) => *slot = length,
                _ => lengths = Default::default(),
            }
            match text.get(end) {
                None => return Some(list),
                Some(b';') => (start, previous) = (end.wrapping_add(1), name),
                Some(_) => return None,
            }
        }
        None
    }

    /// The list as it was sent.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The names in their order.
    pub(crate) fn names(&self) -> SignedNames<'a> {
        SignedNames { rest: Some(self.text), lengths: self.lengths.into_iter() }
    }

    /// Whether a header is in the list; its name comes in any case.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.names().any(|own| bytes::eq_ignore_ascii_case(name, own))
    }

    /// SignedNames of the headers that must be signed and are not, in order of arrival; none in nearly every request (C3). Of
    /// many, the first ones: more would only be work for an unauthenticated client.
    ///
    /// `host` must be in the list even if the request has no such header. `may_miss` says which headers need no signature
    /// though their names call for one.
    pub(crate) fn missing(
        &self,
        headers: &[Header<'_>],
        may_miss: impl Fn(&[u8]) -> bool,
    ) -> Vec<Vec<u8>> {
        let index = Index::of(self, headers.len());
        let mut names = Vec::new();
        if !self.has(header::HOST.as_bytes()) {
            names.push(header::HOST.into());
        }
        for header in headers {
            if !header::must_be_signed(header.name)
                || index.has(self, header.name)
                || may_miss(header.name)
            {
                continue;
            }
            if names.len() == MAX_MISSING {
                break;
            }
            let name = header.name.to_ascii_lowercase();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The list that was split last: nearly all requests sign the same names as the one before them.
#[derive(Debug, Default)]
pub(crate) struct LastSignedHeaders {
    text: Vec<u8>,
    lengths: [u8; KEPT],
}

impl LastSignedHeaders {
    /// [`SignedHeaders::parse`], which need not be done again for the same text.
    pub(crate) fn parse<'a>(&mut self, text: &'a [u8]) -> Option<SignedHeaders<'a>> {
        // At first, the text is empty, which is no list.
        if self.text == text && !text.is_empty() {
            return Some(SignedHeaders { text, lengths: self.lengths });
        }
        let list = SignedHeaders::parse(text)?;
        if text.len() <= MAX_LAST {
            self.text.clear();
            self.text.extend_from_slice(text);
            self.lengths = list.lengths;
        }
        Some(list)
    }
}

/// A list to look many headers up in. For the few that nearly all requests have, it stays empty, and the list is walked.
pub(crate) struct Index<'a>(SmallVec<[&'a [u8]; KEPT]>);

impl<'a> Index<'a> {
    /// For that many headers.
    pub(crate) fn of(list: &SignedHeaders<'a>, headers: usize) -> Self {
        Self(if headers > FEW { list.names().collect() } else { SmallVec::new() })
    }

    /// Whether there are more headers than a walk through the list for each is good for.
    pub(crate) fn is_used(&self) -> bool {
        !self.0.is_empty()
    }

    /// The place in the list of a header's name, which comes in any case.
    pub(crate) fn place(&self, name: &[u8]) -> Option<usize> {
        let order = |own: &&'a [u8]| {
            let (own, name) = header::without_common_words(own, name);
            own.iter().copied().cmp(name.iter().map(u8::to_ascii_lowercase))
        };
        self.0.binary_search_by(order).ok()
    }

    /// Whether a header is in the list.
    pub(crate) fn has(&self, list: &SignedHeaders<'a>, name: &[u8]) -> bool {
        if self.is_used() { self.place(name).is_some() } else { list.has(name) }
    }
}

/// The names of a list.
pub(crate) struct SignedNames<'a> {
    rest: Option<&'a [u8]>,
    lengths: array::IntoIter<u8, KEPT>,
}

impl<'a> Iterator for SignedNames<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let length = match self.lengths.next() {
            Some(length @ 1..) => usize::from(length),
            _ => bytes::find(rest, b';').unwrap_or(rest.len()),
        };
        let (name, after) = rest.split_at_checked(length)?;
        self.rest = after.get(1..);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for ok in ["host", "host;x-amz-date", "a;b_c;host"] {
            let list = SignedHeaders::parse(ok.as_bytes()).unwrap();
            assert_eq!(list.names().collect::<Vec<_>>().join(&b';'), ok.as_bytes());
        }
        let bad =
            ["", "host;", ";host", "host;;x", "Host", "b;a", "a;a", "a b", "host\n", "a:b", ";"];
        for bad in bad {
            assert!(SignedHeaders::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_list_that_is_known_is_as_any_other() {
        let long = (100..200).map(|i| format!("x{i}")).collect::<Vec<_>>().join(";");
        let texts = ["", "host", "host;x-amz-date", "hosT", "host;", &long, "a;host"];
        let mut last = LastSignedHeaders::default();
        for text in texts.iter().flat_map(|first| texts.map(|next| [*first, *first, next])) {
            for text in text.map(str::as_bytes) {
                let names = |list: Option<SignedHeaders<'_>>| {
                    list.map(|list| list.names().map(<[u8]>::to_vec).collect::<Vec<_>>())
                };
                assert_eq!(names(last.parse(text)), names(SignedHeaders::parse(text)));
            }
        }
    }

    #[test]
    fn long_lists() {
        for count in [15, 16, 17, 18, 100] {
            let names: Vec<String> = (0..count).map(|i| format!("x{i:03}")).collect();
            let text = names.join(";");
            let list = SignedHeaders::parse(text.as_bytes()).unwrap();
            assert!(list.names().eq(names.iter().map(String::as_bytes)), "{count}");
            assert!(list.has(b"X000") && list.has(b"x014") && !list.has(b"x100"));
        }
        // Lengths that no byte can hold.
        let long = format!("a;b{};c;d{}", "b".repeat(255), "d".repeat(300));
        let list = SignedHeaders::parse(long.as_bytes()).unwrap();
        assert!(list.names().eq(long.split(';').map(str::as_bytes)));
        let names: Vec<String> = (0..=100).map(|i| format!("x{i:03}")).collect();
        assert!(SignedHeaders::parse(names.join(";").as_bytes()).is_none());
    }

    #[test]
    fn missing_names() {
        let header = |name: &'static str| Header { name: name.as_bytes(), value: b"" };
        let headers =
            ["Host", "X-Amz-Acl", "x-amz-acl", "Range", "X-Amz-Date", "Content-MD5"].map(header);
        let missing = |list: &str| {
            let names = SignedHeaders::parse(list.as_bytes())
                .unwrap()
                .missing(&headers, |name| name == b"Range");
            names.into_iter().map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(missing("content-md5;host;x-amz-acl;x-amz-date"), Vec::<String>::new());
        assert_eq!(missing("x-amz-date"), ["host", "x-amz-acl", "content-md5"]);
    }

    #[test]
    fn many_headers_are_looked_up_as_few_are() {
        let names: Vec<String> = (0..300).map(|i| format!("X-Amz-Meta-{i:03}")).collect();
        let header = |name: &String| Header { name: name.clone().leak().as_bytes(), value: b"" };
        let headers: Vec<_> = names.iter().map(header).collect();
        let signed: Vec<_> = (0..99).map(|i| format!("x-amz-meta-{:03}", 3 * i)).collect();
        let text = format!("host;{}", signed.join(";"));
        let list = SignedHeaders::parse(text.as_bytes()).unwrap();
        let unsigned = names.iter().map(|name| name.to_ascii_lowercase().into_bytes());
        let unsigned: Vec<_> =
            unsigned.filter(|name| !list.names().any(|own| own == name)).collect();
        assert_eq!(list.missing(&headers, |_| false), unsigned[..MAX_MISSING]);
        assert_eq!(list.missing(&headers[..64], |_| false), unsigned[..MAX_MISSING]);
        assert!(list.missing(&headers, |_| true).is_empty());
        let twice = [&headers[..], &headers[1..2]].concat();
        assert_eq!(list.missing(&twice[200..], |_| false).len(), 32);
    }
}
