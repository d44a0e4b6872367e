//! The Connection header, which can make other headers vanish on the way to the origin (X14).

use crate::header::{self, is_amz, trim};
use crate::{Header, ResignError};

/// What a Connection header is left with: what the server says about its own connection, and nothing else.
pub(crate) fn kept(value: &[u8]) -> Option<&'static [u8]> {
    ["close", "keep-alive"]
        .into_iter()
        .find(|option| tokens(value).any(|token| header::is(token, option)))
        .map(str::as_bytes)
}

/// Whether a Connection header lists other headers.
///
/// # Errors
///
/// It lists one that must arrive: after verification, `x-amz-acl` must not vanish because somebody called it hop-by-hop.
pub(crate) fn nominates<'a>(
    headers: impl Iterator<Item = Header<'a>>,
) -> Result<bool, ResignError> {
    let mut found = false;
    for header in headers.filter(is_connection) {
        for token in tokens(header.value) {
            let must_arrive = is_amz(token)
                || token.get(..8).is_some_and(|front| front.eq_ignore_ascii_case(b"content-"))
                || [header::HOST, header::AUTHORIZATION, header::TRANSFER_ENCODING]
                    .iter()
                    .any(|own| header::is(token, own));
            if must_arrive {
                return Err(ResignError::ConnectionNamesHeader { name: token.to_vec() });
            }
            found |= !header::is(token, "close") && !header::is(token, "keep-alive");
        }
    }
    Ok(found)
}

/// Whether a Connection header lists this one.
pub(crate) fn is_nominated<'a>(headers: impl Iterator<Item = Header<'a>>, name: &[u8]) -> bool {
    headers
        .filter(is_connection)
        .any(|header| tokens(header.value).any(|token| token.eq_ignore_ascii_case(name)))
}

/// The non-empty members of a comma-separated list.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|token| !token.is_empty())
}

fn is_connection(header: &Header<'_>) -> bool {
    header::is(header.name, header::CONNECTION)
}
