//! The canonical target of a request that is not being verified: for names in logs and for cache keys.

use crate::param::Role;
use crate::scratch::Strip;
use crate::{Error, Scratch};

/// Brings `target` into the form that would be forwarded, into [`Scratch::path`], [`Scratch::query`] and
/// [`Scratch::hoisted`]: parameters of query authentication are taken out if there are any, whether they verify or not.
///
/// ```
/// let mut scratch = sigv4::Scratch::default();
/// sigv4::canonical_target(b"/b/a+b?versionId=1&X-Amz-Signature=00", &mut scratch)?;
/// assert_eq!((scratch.path(), scratch.query()), (&b"/b/a%20b"[..], &b"versionId=1"[..]));
/// # Ok::<(), sigv4::Error>(())
/// ```
///
/// # Errors
///
/// What the target's canonical form cannot be made of: broken escapes, a NUL, too many or repeated parameters.
pub fn canonical_target(target: &[u8], scratch: &mut Scratch) -> Result<(), Error> {
    scratch.parse_target(target, false)?;
    let query = scratch.parsed_query();
    let is_v4 = query.parameters().iter().any(|parameter| matches!(parameter.role, Role::V4(_)));
    let strip = if is_v4 {
        Strip::V4
    } else if query.signs().v2 {
        // `Expires` alone is no authentication; a key id or a signature is.
        Strip::V2
    } else {
        Strip::Nothing
    };
    scratch.split_query(strip)
}
