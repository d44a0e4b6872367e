//! The bit fields of a request, as C reads and writes them (bits.c).
//!
//! Not by the bindings: nginx 1.29.3 has put a 16-bit `port` before the first bit field of ngx_http_request_t, and bindgen takes
//! what follows for a word that begins there, so that from `uri_changes` on every field of its is two bits away from the real one.

use ngx::ffi::{ngx_http_request_t, ngx_uint_t};

macro_rules! readers {
    ($($name:ident $symbol:ident;)*) => {
        unsafe extern "C" {
            $(fn $symbol(r: *const ngx_http_request_t) -> ngx_uint_t;)*
        }
        $(pub(crate) fn $name(r: &ngx_http_request_t) -> bool {
            // SAFETY: C reads a field of the structure and nothing else.
            unsafe { $symbol(r) != 0 }
        })*
    };
}

macro_rules! writers {
    ($($name:ident $symbol:ident;)*) => {
        unsafe extern "C" {
            $(fn $symbol(r: *mut ngx_http_request_t, value: ngx_uint_t);)*
        }
        $(
            /// # Safety
            ///
            /// `r` must be alive, and no reference to it.
            pub(crate) unsafe fn $name(r: *mut ngx_http_request_t, value: bool) {
                // SAFETY: the caller's promise; C writes to a field of the structure and to nothing else.
                unsafe { $symbol(r, ngx_uint_t::from(value)) };
            }
        )*
    };
}

readers! {
    cached ngx_rust_request_cached;
    discard_body ngx_rust_request_discard_body;
    error_page ngx_rust_request_error_page;
    expect_tested ngx_rust_request_expect_tested;
    header_only ngx_rust_request_header_only;
    internal ngx_rust_request_internal;
    keepalive ngx_rust_request_keepalive;
    over_limit ngx_rust_request_over_limit;
    request_body_no_buffering ngx_rust_request_request_body_no_buffering;
}

writers! {
    set_allow_ranges ngx_rust_request_set_allow_ranges;
    set_disable_not_modified ngx_rust_request_set_disable_not_modified;
    set_header_only ngx_rust_request_set_header_only;
    set_keepalive ngx_rust_request_set_keepalive;
    set_request_body_no_buffering ngx_rust_request_set_request_body_no_buffering;
    set_valid_location ngx_rust_request_set_valid_location;
}
