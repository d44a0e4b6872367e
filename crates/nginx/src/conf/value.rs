//! Values in the words of directives.

use ngx::ffi::{ngx_parse_offset, ngx_parse_time};

use super::ConfError;
use crate::string::string;

/// What follows the name of a directive.
pub fn arguments<'w, 'c>(words: &'w [&'c [u8]]) -> &'w [&'c [u8]] {
    words.get(1..).unwrap_or_default()
}

/// The first word that follows the name of a directive; empty where none does.
pub fn argument<'c>(words: &[&'c [u8]]) -> &'c [u8] {
    words.get(1).copied().unwrap_or_default()
}

/// A time as nginx writes them (`15m`, `1d`), in seconds.
pub fn seconds(word: &[u8]) -> Option<i64> {
    let mut word = string(word);
    // SAFETY: nginx only reads the string.
    let seconds = unsafe { ngx_parse_time(&raw mut word, 1) };
    i64::try_from(seconds).ok().filter(|seconds| *seconds >= 0)
}

/// A time as nginx writes them (`500ms`, `2s`), in milliseconds.
pub fn milliseconds(word: &[u8]) -> Option<u64> {
    let mut word = string(word);
    // SAFETY: nginx only reads the string. NGX_ERROR is negative.
    u64::try_from(unsafe { ngx_parse_time(&raw mut word, 0) }).ok()
}

/// A size as nginx writes them (`64k`, `5g`), in bytes.
pub fn size(word: &[u8]) -> Option<u64> {
    let mut word = string(word);
    // SAFETY: nginx only reads the string. It knows k, m and g; NGX_ERROR is negative.
    u64::try_from(unsafe { ngx_parse_offset(&raw mut word) }).ok()
}

/// `on` or `off`, in any case, as ngx_conf_set_flag_slot has it (src/core/ngx_conf_file.c).
///
/// # Errors
///
/// Any other word, in nginx's own words.
pub fn flag(words: &[&[u8]]) -> Result<bool, ConfError> {
    let name = words.first().copied().unwrap_or_default().escape_ascii();
    let value = words.get(1).copied().unwrap_or_default();
    if value.eq_ignore_ascii_case(b"on") {
        return Ok(true);
    }
    if value.eq_ignore_ascii_case(b"off") {
        return Ok(false);
    }
    Err(format!("invalid value in \"{name}\" directive, it must be \"on\" or \"off\"").into())
}

/// A word of the configuration as text; nginx allows any bytes.
///
/// # Errors
///
/// It is not UTF-8; `what` says what it is.
pub fn text<'w>(word: &'w [u8], what: &str) -> Result<&'w str, ConfError> {
    std::str::from_utf8(word)
        .map_err(|_| format!("{what} \"{}\" is not UTF-8", word.escape_ascii()).into())
}
