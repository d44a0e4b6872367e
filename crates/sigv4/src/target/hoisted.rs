//! Headers that a presigned URL carries as query parameters (4).
//!
//! SDKs move `x-amz-acl`, `x-amz-meta-*` and others there. Toward the origin they become headers, so they must be fit for
//! that, and must not contradict a header that is there as well.

use crate::error::shown;
use crate::header::{self, has_control, is_token, trim};
use crate::target::Target;
use crate::{Error, Header, HeaderError};

/// Checks every hoisted header.
pub(crate) fn check<'a>(
    target: Target<'_>,
    headers: impl Iterator<Item = Header<'a>>,
) -> Result<(), Error> {
    if !target.has_hoisted() {
        return Ok(());
    }
    for (name, value) in target.hoisted() {
        // A second factor in a URL is none; a NUL or a line end would break the origin's head.
        if header::is(name, header::X_AMZ_MFA) || !is_token(name) {
            return Err(Error::Header(HeaderError::NotAllowedInQuery { name: shown(name) }));
        }
        if has_control(value) {
            return Err(Error::Header(HeaderError::ControlByte { name: shown(name) }));
        }
    }
    for header in headers {
        let place = target.hoisted_place(header.name);
        match place.and_then(|place| target.all_hoisted().nth(place)) {
            Some((name, _)) if header::is_left_aside(name) => (),
            Some((name, value)) if trim(header.value) != trim(value) => {
                return Err(Error::Header(HeaderError::ContradictsQuery { name: shown(name) }));
            }
            _ => (),
        }
    }
    Ok(())
}
