//! The canonical target of a request that is not being verified: for names in logs and for cache keys.

use crate::query::{is_v2_auth, is_v4_auth};
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
    let named = |is: fn(&[u8]) -> bool| scratch.parsed_query().pairs().any(|pair| is(pair.name));
    let strip = match () {
        () if named(is_v4_auth) => Strip::V4,
        // `Expires` alone is no authentication; a key id or a signature is.
        () if named(|name| is_v2_auth(name) && name != crate::param::EXPIRES.as_bytes()) => {
            Strip::V2
        }
        () => Strip::Nothing,
    };
    scratch.split_query(strip)
}
