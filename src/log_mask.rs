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
    while let Some(equals) = line.iter().skip(at).position(|byte| *byte == b'=') {
        at += equals + 1;
        let (front, value) = line.split_at_mut(at);
        let ends_in = |name: &&[u8]| {
            let end = front.len().checked_sub(name.len()).and_then(|start| front.get(start..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(name))
        };
        if SECRET_PARAMETERS.iter().any(ends_in) {
            let length = value.iter().position(|byte| matches!(byte, b'&' | b' ' | b'"' | b','));
            let (secret, _) = value.split_at_mut(length.unwrap_or(value.len()));
            secret.fill(b'*');
            at += secret.len();
        }
    }
}
