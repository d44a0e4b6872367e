//! The list of signed header names.

use crate::{Header, MAX_SIGNED_HEADERS, header, octet, scan};

/// How many names are kept apart; real lists have three to twelve. Longer ones are parted again at each use.
const APART: usize = 16;

/// Names between semicolons: lower case, sorted, none twice, not too many (1.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedHeaders<'a> {
    text: &'a [u8],
    apart: [&'a [u8]; APART],
    count: usize,
    /// What follows the names that are kept apart.
    rest: Option<&'a [u8]>,
}

impl<'a> SignedHeaders<'a> {
    /// None if the text is no such list.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        if !octet::all(text, octet::NAME_LIST) {
            return None;
        }
        let mut list = Self { text, apart: [b""; APART], count: 0, rest: None };
        let mut previous: &[u8] = b"";
        let mut remaining = Some(text);
        while let Some(names) = remaining {
            let (name, after) = match scan::cut(names, b';') {
                Some((name, after)) => (name, Some(after)),
                None => (names, None),
            };
            // The empty name is not greater than anything.
            if name <= previous || list.count >= MAX_SIGNED_HEADERS {
                return None;
            }
            match list.apart.get_mut(list.count) {
                Some(slot) => *slot = name,
                None => list.rest = list.rest.or(Some(names)),
            }
            list.count = list.count.saturating_add(1);
            previous = name;
            remaining = after;
        }
        Some(list)
    }

    /// The list as it was sent.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The names in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        let rest = self.rest.map(|rest| rest.split(|&b| b == b';'));
        self.apart.into_iter().take(self.count).chain(rest.into_iter().flatten())
    }

    /// Whether a header is in the list; its name comes in any case.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        let is_it = |own: &[u8]| scan::is_but_for_case(name, own);
        let apart = self.apart.get(..self.count.min(APART)).unwrap_or_default();
        apart.iter().any(|own| is_it(own))
            || self.rest.is_some_and(|rest| rest.split(|&b| b == b';').any(is_it))
    }

    /// Names of the headers that must be signed and are not, in order of arrival; none in nearly every request (C3).
    ///
    /// `host` must be in the list even if the request has no such header.
    pub(crate) fn missing(&self, headers: &[Header<'_>]) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        if !self.has(header::HOST.as_bytes()) {
            names.push(header::HOST.into());
        }
        for header in headers {
            if !header::must_be_signed(header.name) || self.has(header.name) {
                continue;
            }
            let name = header.name.to_ascii_lowercase();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
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
    fn long_lists() {
        for count in [15, 16, 17, 18, 100] {
            let names: Vec<String> = (0..count).map(|i| format!("x{i:03}")).collect();
            let text = names.join(";");
            let list = SignedHeaders::parse(text.as_bytes()).unwrap();
            assert!(list.names().eq(names.iter().map(String::as_bytes)), "{count}");
            assert!(list.has(b"X000") && list.has(b"x014") && !list.has(b"x100"));
        }
        let names: Vec<String> = (0..=100).map(|i| format!("x{i:03}")).collect();
        assert!(SignedHeaders::parse(names.join(";").as_bytes()).is_none());
    }

    #[test]
    fn missing_names() {
        let header = |name: &'static str| Header { name: name.as_bytes(), value: b"" };
        let headers =
            ["Host", "X-Amz-Acl", "x-amz-acl", "Range", "X-Amz-Date", "Content-MD5"].map(header);
        let missing = |list: &str| {
            let names = SignedHeaders::parse(list.as_bytes()).unwrap().missing(&headers);
            names.into_iter().map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(missing("content-md5;host;x-amz-acl;x-amz-date"), Vec::<String>::new());
        assert_eq!(missing("x-amz-date"), ["host", "x-amz-acl", "content-md5"]);
    }
}
