//! The bit fields of a request, as C reads and writes them (src/ffi/request_bits.c).
//!
//! Not by the bindings: nginx 1.29.3 has put a 16-bit `port` before the first bit field of ngx_http_request_t, and bindgen takes
//! what follows for a word that begins there, so that from `uri_changes` on every field of its is two bits away from the real one.

use ngx::ffi::{ngx_http_request_t, ngx_uint_t};

use crate::ffi::request::Request;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $symbol:ident($($value:ident)?);)*) => {
        unsafe extern "C" {
            $(fn $symbol(r: *mut ngx_http_request_t $(, $value: ngx_uint_t)?) -> fields!(@result $($value)?);)*
        }
        $(fields!(@wrapper $(#[$doc])* $name $symbol $($value)?);)*
    };
    (@result) => { ngx_uint_t };
    (@result $value:ident) => { () };
    (@wrapper $(#[$doc:meta])* $name:ident $symbol:ident) => {
        $(#[$doc])*
        pub(crate) fn $name(r: &Request) -> bool {
            // SAFETY: a live request of nginx's, which only its single thread touches.
            unsafe { $symbol(r.as_ptr()) != 0 }
        }
    };
    (@wrapper $(#[$doc:meta])* $name:ident $symbol:ident $value:ident) => {
        $(#[$doc])*
        pub(crate) fn $name(r: &Request, $value: bool) {
            // SAFETY: a live request of nginx's, which only its single thread touches.
            unsafe { $symbol(r.as_ptr(), ngx_uint_t::from($value)) };
        }
    };
}

fields! {
    /// nginx throws the body away.
    discard_body = ngx_http_s3_request_discard_body();
    /// nginx looked for an `error_page`.
    error_page = ngx_http_s3_request_error_page();
    /// "100 Continue" was sent, or will not be.
    expect_tested = ngx_http_s3_request_expect_tested();
    /// The response has no body.
    header_only = ngx_http_s3_request_header_only();
    /// nginx has made the request, or redirected it by itself.
    internal = ngx_http_s3_request_internal();
    /// The connection is kept after the response.
    keepalive = ngx_http_s3_request_keepalive();
    /// The body is passed on while it arrives.
    request_body_no_buffering = ngx_http_s3_request_request_body_no_buffering();
    /// The response has no version that If-Match could be about.
    set_disable_not_modified = ngx_http_s3_request_set_disable_not_modified(value);
    /// Whether the response has a body.
    set_header_only = ngx_http_s3_request_set_header_only(value);
    /// Whether the connection is kept.
    set_keepalive = ngx_http_s3_request_set_keepalive(value);
    /// Whether the body is passed on while it arrives.
    set_request_body_no_buffering = ngx_http_s3_request_set_request_body_no_buffering(value);
}
