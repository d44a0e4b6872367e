//! The chain of output filters: header filter and body filter.

use ngx::ffi::{
    NGX_ERROR, NGX_OK, ngx_chain_t, ngx_http_output_body_filter_pt,
    ngx_http_output_header_filter_pt, ngx_http_request_t, ngx_http_top_body_filter,
    ngx_http_top_header_filter, ngx_int_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::chain::Chain;
use crate::ffi::request::Request;

static mut NEXT_HEADER_FILTER: ngx_http_output_header_filter_pt = None;
static mut NEXT_BODY_FILTER: ngx_http_output_body_filter_pt = None;

/// Puts the module's filters in front of the chains. A dynamic module is initialised last, so they see a response before
/// any filter of nginx does: as it came from the upstream or from nginx's own error pages.
pub(crate) fn install() {
    // SAFETY: called from postconfiguration, where nginx builds the chains anew, in one thread.
    unsafe { NEXT_HEADER_FILTER = ngx_http_top_header_filter };
    // SAFETY: as above.
    unsafe { ngx_http_top_header_filter = Some(header_filter) };
    // SAFETY: as above.
    unsafe { NEXT_BODY_FILTER = ngx_http_top_body_filter };
    // SAFETY: as above.
    unsafe { ngx_http_top_body_filter = Some(body_filter) };
}

/// Hands the response's header on.
pub(crate) fn next_header(r: &Request) -> ngx_int_t {
    // SAFETY: written in postconfiguration only.
    match unsafe { NEXT_HEADER_FILTER } {
        // SAFETY: nginx's filters take any live request.
        Some(next) => unsafe { next(r.as_ptr()) },
        None => NGX_ERROR as ngx_int_t,
    }
}

/// Hands a part of the response's body on; a null chain asks to send what waits.
pub(crate) fn next_body(r: &Request, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: written in postconfiguration only.
    match unsafe { NEXT_BODY_FILTER } {
        // SAFETY: the chain is one that nginx gave us, or one from the request's pool.
        Some(next) => unsafe { next(r.as_ptr(), chain) },
        None => NGX_ERROR as ngx_int_t,
    }
}

unsafe extern "C" fn header_filter(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        match unsafe { Request::new(r) } {
            Some(request) => crate::error_response::header_filter(&request),
            None => NGX_ERROR as ngx_int_t,
        }
    })
}

unsafe extern "C" fn body_filter(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return NGX_ERROR as ngx_int_t };
        // SAFETY: the chain is the filter's until it is handed on.
        crate::error_response::body_filter(&request, unsafe { Chain::new(chain) })
    })
}

/// `NGX_OK`, for filters that kept what they were given.
pub(crate) const KEPT: ngx_int_t = NGX_OK as ngx_int_t;
/// `NGX_ERROR`.
pub(crate) const FAILED: ngx_int_t = NGX_ERROR as ngx_int_t;
