//! `ngx_str_t` and byte slices.

use ngx::ffi::ngx_str_t;

/// The bytes of an nginx string; empty for a null one.
///
/// # Safety
///
/// `string` must point to `len` readable bytes (or be empty) that live and stay unchanged for `'a`.
pub(crate) unsafe fn bytes<'a>(string: &ngx_str_t) -> &'a [u8] {
    // Which has no bytes, whatever its length.
    if string.data.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(string.data, string.len) }
}

/// The bytes from `start` up to `end`; empty where either is null or they are reversed.
///
/// # Safety
///
/// Where `start < end`, both belong to one allocation that is readable and unchanged for `'a`.
pub(crate) unsafe fn span<'a>(start: *const u8, end: *const u8) -> &'a [u8] {
    if start.is_null() || end <= start {
        return &[];
    }
    let len = end.addr().saturating_sub(start.addr());
    // SAFETY: the caller's promise; `len` is the distance of the two.
    unsafe { std::slice::from_raw_parts(start, len) }
}

/// `bytes` as nginx's string, which nginx must only read and which must not outlive them.
pub(crate) const fn string(bytes: &[u8]) -> ngx_str_t {
    ngx_str_t { len: bytes.len(), data: bytes.as_ptr().cast_mut() }
}

/// Whether `part` lies within `whole`, as memory.
pub(crate) fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}
