//! `ngx_str_t` and byte slices.

use ngx::ffi::{ngx_pnalloc, ngx_pool_t, ngx_str_t};

/// The bytes of an nginx string; empty for a null one.
///
/// # Safety
///
/// `string` must point to `len` readable bytes (or be empty) that live and stay unchanged for `'a`.
pub(crate) unsafe fn bytes<'a>(string: &ngx_str_t) -> &'a [u8] {
    if string.data.is_null() || string.len == 0 {
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

/// A copy of `bytes` in `pool`; none when memory is out.
///
/// # Safety
///
/// `pool` must be a live pool of nginx; the result is valid as long as the pool.
pub(crate) unsafe fn pool_copy(pool: *mut ngx_pool_t, bytes: &[u8]) -> Option<ngx_str_t> {
    // SAFETY: the caller's promise; ngx_pnalloc gives null when memory is out.
    let data = unsafe { ngx_pnalloc(pool, bytes.len().max(1)) }.cast::<u8>();
    if data.is_null() {
        return None;
    }
    // SAFETY: `data` is a fresh allocation of at least `bytes.len()` bytes.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len()) };
    Some(ngx_str_t { len: bytes.len(), data })
}
