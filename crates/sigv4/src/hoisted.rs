//! Headers that a presigned URL carries as query parameters (4).
//!
//! SDKs move `x-amz-acl`, `x-amz-meta-*` and others there. Toward the origin they become headers, so they must be fit for
//! that, and must not contradict a header that is there as well.

use crate::header::{self, has_control, is_token, trim};
use crate::{Error, Header, Scratch};

/// Checks every hoisted header.
pub(crate) fn check<'a>(
    scratch: &Scratch,
    headers: impl Iterator<Item = Header<'a>> + Clone,
) -> Result<(), Error> {
    for (name, value) in scratch.hoisted() {
        // A second factor in a URL is none; a NUL or a line end would break the origin's head.
        if name == header::X_AMZ_MFA.as_bytes() || !is_token(name) {
            return Err(Error::HoistedNotAllowed { name: name.to_vec() });
        }
        if has_control(value) {
            return Err(Error::HeaderControlByte { name: name.to_vec() });
        }
        let mut same = headers.clone().filter(|header| header.name.eq_ignore_ascii_case(name));
        if same.any(|header| trim(header.value) != trim(value)) {
            return Err(Error::HoistedConflict { name: name.to_vec() });
        }
    }
    Ok(())
}
