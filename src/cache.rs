//! Caches: an object of a client with a root is found by nobody who has another root, or none.
//!
//! Such a client calls its objects what others call theirs, and nginx's key is made of what the client calls them. `$s3_cache_key`
//! has the root in front; where the key of a location has not, the client is refused: before something is asked for and kept
//! (`upstream`), and before what was kept is sent (`header_filter`).

use nginx::Request;
use s3::KeyRoot;

/// What stands in front of the client's target in `$s3_cache_key`; empty where it has no root.
///
/// It ends in a byte that nobody's target, header or decoded path can have, so that no part of a key that is the client's to choose
/// passes for it.
pub(crate) fn mark(root: Option<&KeyRoot>) -> Vec<u8> {
    root.map(|root| [b"root:", root.as_bytes(), b"\0"].concat()).unwrap_or_default()
}

/// Whether the answer to a request for a client with that root comes from a cache, or is to be kept in one, by a key that says
/// nothing of the root.
pub(crate) fn is_shared(r: Request<'_>, root: &KeyRoot) -> bool {
    r.cache_key().is_some_and(|key| {
        let mark = mark(Some(root));
        !key.windows(mark.len()).any(|part| part == mark)
    })
}
