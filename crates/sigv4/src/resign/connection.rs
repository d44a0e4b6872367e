//! The Connection header, which can make other headers vanish on the way to the origin (X14).

use smallvec::SmallVec;

use crate::ResignError;
use crate::error::shown;
use crate::header::known::KnownHeader;
use crate::header::{self, is_order, trim};
use crate::request_head::RequestHead;

/// What a Connection header is left with: what the server says about its own connection, and nothing else.
pub(crate) fn kept(value: &[u8]) -> Option<&'static [u8]> {
    ["close", "keep-alive"]
        .into_iter()
        .find(|option| tokens(value).any(|token| header::is(token, option)))
        .map(str::as_bytes)
}

/// Names of other headers that the Connection header lists, sorted.
#[derive(Debug, Default)]
pub(crate) struct Nominated<'a>(SmallVec<[&'a [u8]; 4]>);

impl<'a> Nominated<'a> {
    /// Looks into every Connection header.
    ///
    /// # Errors
    ///
    /// One lists a header that must arrive: after verification, `x-amz-acl` must not vanish because somebody called it
    /// hop-by-hop.
    pub(crate) fn of(head: &RequestHead<'a>) -> Result<Self, ResignError> {
        if !head.has(KnownHeader::Connection) {
            return Ok(Self::default());
        }
        Self::in_lines(head)
    }

    #[inline(never)]
    fn in_lines(head: &RequestHead<'a>) -> Result<Self, ResignError> {
        let mut found = SmallVec::<[&[u8]; 4]>::new();
        let is_connection = |(_, known): &(_, _)| *known == Some(KnownHeader::Connection);
        for (header, _) in head.known_headers().filter(is_connection) {
            for token in tokens(header.value) {
                let must_arrive = is_order(token)
                    || token.get(..8).is_some_and(|front| header::is(front, "content-"))
                    || [header::HOST, header::AUTHORIZATION, header::TRANSFER_ENCODING]
                        .iter()
                        .any(|own| header::is(token, own));
                if must_arrive {
                    return Err(ResignError::ConnectionNamesHeader { name: shown(token) });
                }
                if !header::is(token, "close") && !header::is(token, "keep-alive") {
                    found.push(token);
                }
            }
        }
        found.sort_unstable_by(|a, b| header::order(a, b));
        Ok(Self(found))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this header is one of them.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        !self.is_empty() && self.0.binary_search_by(|own| header::order(own, name)).is_ok()
    }
}

/// The non-empty members of a comma-separated list.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|token| !token.is_empty())
}
