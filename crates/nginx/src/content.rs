//! Answers in the place of what a location would serve.

use ngx::ffi::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_http_discard_request_body, ngx_http_request_t,
    ngx_int_t,
};

use crate::boundary::boundary;
use crate::phase::{PhaseAnswer, respond};
use crate::request::Request;

/// What answers a request that [`take`] was called for.
pub trait ContentHandler {
    /// The answer; none ends the request with 500.
    fn answer(r: Request<'_>) -> Option<PhaseAnswer<'_>>;
}

/// Has `H` answer the request in the place of its location's handler (`proxy_pass` and the like), once every phase before has let it
/// pass. To be called in the access phase: nginx sets the location's handler before that, and sets it anew at an internal
/// redirect (src/http/ngx_http_core_module.c, ngx_http_core_find_config_phase). A body is not read, but discarded.
pub fn take<H: ContentHandler>(r: Request<'_>) {
    // SAFETY: single-threaded; no reference to the structure is alive.
    unsafe { (*r.as_ptr()).content_handler = Some(handler::<H>) };
}

unsafe extern "C" fn handler<H: ContentHandler>(r: *mut ngx_http_request_t) -> ngx_int_t {
    const FAILED: ngx_int_t = NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
    boundary(FAILED, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else { return FAILED };
        // SAFETY: the request is alive, and no body of it was asked for here.
        let discarded = unsafe { ngx_http_discard_request_body(r) };
        if discarded != NGX_OK as ngx_int_t {
            return discarded;
        }
        H::answer(request).map_or(FAILED, |answer| respond(request, &answer))
    })
}
