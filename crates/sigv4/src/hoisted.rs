//! Headers that a presigned URL carries as query parameters (4).
//!
//! SDKs move `x-amz-acl`, `x-amz-meta-*` and others there. Toward the origin they become headers, so they must be fit for
//! that, and must not contradict a header that is there as well.

use crate::header::{self, has_control, is_token, trim};
use crate::{Error, Header, Scratch};

/// Whether a parameter of this name, which is lower case, is signed like any other and then left aside, as S3 does with what
/// is said about a checksum: `x-amz-checksum-*` and `x-amz-sdk-checksum-algorithm` (4).
///
/// SDKs presign a body that they do not have: what AWS's for JavaScript puts there is the CRC-32 of no bytes, which an origin
/// that found it in a header would hold against the object.
pub(crate) fn is_left_aside(name: &[u8]) -> bool {
    let mut dashes = [0; header::X_AMZ_SDK_CHECKSUM_ALGORITHM.len()];
    for (dash, byte) in dashes.iter_mut().zip(name) {
        *dash = if *byte == b'_' { b'-' } else { *byte };
    }
    let is_sdk_algorithm =
        name.len() == dashes.len() && dashes == *header::X_AMZ_SDK_CHECKSUM_ALGORITHM.as_bytes();
    is_sdk_algorithm || dashes.starts_with(b"x-amz-checksum-")
}

/// Checks every hoisted header.
pub(crate) fn check<'a>(
    scratch: &Scratch,
    headers: impl Iterator<Item = Header<'a>>,
) -> Result<(), Error> {
    for (name, value) in scratch.hoisted() {
        // A second factor in a URL is none; a NUL or a line end would break the origin's head.
        if header::is(name, header::X_AMZ_MFA) || !is_token(name) {
            return Err(Error::HoistedNotAllowed { name: name.to_vec() });
        }
        if has_control(value) {
            return Err(Error::HeaderControlByte { name: name.to_vec() });
        }
    }
    if scratch.hoisted().next().is_none() {
        return Ok(());
    }
    for header in headers {
        let place = scratch.hoisted_place(header.name);
        match place.and_then(|place| scratch.all_hoisted().nth(place)) {
            Some((name, _)) if is_left_aside(name) => (),
            Some((name, value)) if trim(header.value) != trim(value) => {
                return Err(Error::HoistedConflict { name: name.to_vec() });
            }
            _ => (),
        }
    }
    Ok(())
}
