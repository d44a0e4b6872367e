//! The request target: taken apart once, into what is canonical, what authenticates, and what stands for headers.
//!
//! What is verified, what grants are asked about, and what an origin gets are one and the same text (C2).

pub(crate) mod buffers;
pub(crate) mod encoding;
pub(crate) mod hoisted;
pub mod param;
pub(crate) mod query;
pub(crate) mod query_auth;

pub use buffers::{Target, TargetBuffers};
pub use encoding::{canonical_path, decode, encode};
pub use query::canonical_query;

use crate::Error;
use crate::target::buffers::Strip;
use crate::target::param::Role;

/// Brings the target of a request that is not being verified into the form that would be forwarded: for names in logs and for
/// cache keys. Parameters of query authentication are taken out if there are any, whether they verify or not.
///
/// ```
/// let mut buffers = sigv4::TargetBuffers::default();
/// let target = sigv4::canonical_target(b"/b/a+b?versionId=1&X-Amz-Signature=00", &mut buffers)?;
/// assert_eq!((target.path(), target.query()), (&b"/b/a%20b"[..], &b"versionId=1"[..]));
/// # Ok::<(), sigv4::Error>(())
/// ```
///
/// # Errors
///
/// What the target's canonical form cannot be made of: broken escapes, a NUL, too many or repeated parameters.
pub fn canonical_target<'b>(
    target: &[u8],
    buffers: &'b mut TargetBuffers,
) -> Result<Target<'b>, Error> {
    let target = buffers.parse(target, false)?;
    let query = target.query();
    let is_v4 = query.parameters().iter().any(|parameter| matches!(parameter.role, Role::V4(_)));
    let strip = if is_v4 {
        Strip::V4
    } else if query.signs().v2 {
        // `Expires` alone is no authentication; a key id or a signature is.
        Strip::V2
    } else {
        Strip::Nothing
    };
    target.split(strip)
}
