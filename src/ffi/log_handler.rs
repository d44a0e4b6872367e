//! The text that nginx adds to each error log line about a request.

use std::sync::OnceLock;

use ngx::ffi::{ngx_http_request_t, u_char};

use crate::ffi::boundary::boundary;
use crate::ffi::request::Request;

type LogHandler = unsafe extern "C" fn(
    *mut ngx_http_request_t,
    *mut ngx_http_request_t,
    *mut u_char,
    usize,
) -> *mut u_char;

/// nginx's own handler; there is one, which every request starts with (src/http/ngx_http_request.c).
static ORIGINAL: OnceLock<LogHandler> = OnceLock::new();

/// Puts a handler behind nginx's own that masks what it wrote.
pub(crate) fn install(r: &Request) {
    let Some(handler) = r.raw().log_handler else { return };
    if std::ptr::fn_addr_eq(handler, masked as LogHandler) {
        return;
    }
    ORIGINAL.get_or_init(|| handler);
    // SAFETY: single-threaded; no reference to the member is alive.
    unsafe { (*r.as_ptr()).log_handler = Some(masked) };
}

/// nginx calls `log_handler(r, sr, buf, len)`, with `r` the connection's request and `sr` the one being worked on; the
/// result is the end of what was written (src/http/ngx_http_request.c, ngx_http_log_error).
unsafe extern "C" fn masked(
    r: *mut ngx_http_request_t,
    sr: *mut ngx_http_request_t,
    buf: *mut u_char,
    len: usize,
) -> *mut u_char {
    boundary(buf, || {
        let Some(original) = ORIGINAL.get() else { return buf };
        // SAFETY: what nginx would have called, with its arguments.
        let end = unsafe { original(r, sr, buf, len) };
        let written = end.addr().saturating_sub(buf.addr()).min(len);
        // SAFETY: the handler wrote that many bytes into nginx's line buffer.
        crate::log_mask::mask(unsafe { std::slice::from_raw_parts_mut(buf, written) });
        end
    })
}
