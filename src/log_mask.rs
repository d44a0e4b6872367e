//! Keeps signatures and tokens out of nginx's error log.
//!
//! nginx ends each line about a request with its request line, and later with the upstream's URI. The query of a presigned
//! request is a bearer credential, so whoever reads the log could use it until it expires.

use crate::ffi::log_handler;
use crate::ffi::request::Request;

/// Query parameters whose values authorize; the name of Signature V2's is the end of V4's.
const SECRET_PARAMETERS: [&[u8]; 3] = [b"signature=", b"security-token=", b"s3session-token="];

/// From here on, lines about this request show `*` for what authorizes.
pub(crate) fn install(r: &Request) {
    log_handler::install(r);
}

/// Overwrites the values of parameters that authorize, in place.
pub(crate) fn mask(line: &mut [u8]) {
    let mut at = 0;
    while at < line.len() {
        let rest = line.get(at..).unwrap_or_default();
        let parameter = SECRET_PARAMETERS.iter().find(|name| {
            rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        });
        let Some(parameter) = parameter else {
            at += 1;
            continue;
        };
        at += parameter.len();
        while let Some(byte) =
            line.get_mut(at).filter(|byte| !matches!(**byte, b'&' | b' ' | b'"' | b','))
        {
            *byte = b'*';
            at += 1;
        }
    }
}
