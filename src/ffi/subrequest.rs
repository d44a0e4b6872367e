//! Subrequests whose status is all that is asked for, and answers that a phase handler gives itself.

use std::ffi::c_void;

use ngx::ffi::{
    NGX_HTTP_SUBREQUEST_BACKGROUND, NGX_OK, ngx_http_complex_value_t, ngx_http_finalize_request,
    ngx_http_post_request, ngx_http_post_subrequest_t, ngx_http_request_body_t, ngx_http_request_t,
    ngx_http_send_response, ngx_http_subrequest, ngx_int_t, ngx_pcalloc, ngx_str_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::request::Request;

/// Asks `uri`, a location of the same server, and tells [`crate::health::answered`] the status under `number`. The phase
/// handler must answer "again" meanwhile; it is called anew when a subrequest has ended. False when memory is out.
///
/// In the background, as ngx_http_mirror_module.c does it: an answer of the request's own need not wait for the rest.
pub(crate) fn start(r: &Request, uri: &'static [u8], number: usize) -> bool {
    let pool = r.raw().pool;
    // SAFETY: the request's pool, which the subrequest shares.
    let post = unsafe { ngx_pcalloc(pool, size_of::<ngx_http_post_subrequest_t>()) };
    let post = post.cast::<ngx_http_post_subrequest_t>();
    // SAFETY: null or zeroed memory of that size.
    let Some(post) = (unsafe { post.as_mut() }) else { return false };
    post.handler = Some(ended);
    // A number and no pointer: nothing to outlive.
    post.data = std::ptr::without_provenance_mut(number);

    // SAFETY: as above. A request body of its own, so that nobody tries to read one for it.
    let body = unsafe { ngx_pcalloc(pool, size_of::<ngx_http_request_body_t>()) };
    if body.is_null() {
        return false;
    }
    let mut uri = ngx_str_t { len: uri.len(), data: uri.as_ptr().cast_mut() };
    let mut subrequest: *mut ngx_http_request_t = std::ptr::null_mut();
    let none = std::ptr::null_mut();
    let flags = NGX_HTTP_SUBREQUEST_BACKGROUND as usize;
    // SAFETY: all pointers are valid during the call; the URI's bytes are configuration memory.
    let code = unsafe {
        ngx_http_subrequest(r.as_ptr(), &raw mut uri, none, &raw mut subrequest, post, flags)
    };
    // SAFETY: null or the new subrequest.
    match unsafe { subrequest.as_mut() } {
        Some(subrequest) if code == NGX_OK as ngx_int_t => {
            subrequest.request_body = body.cast();
            subrequest.set_header_only(1);
            // A subrequest starts with a copy of its parent's headers. Nobody has verified those, and the proxy module would
            // send them, signed: whoever asks must have no say in what is asked.
            let headers = &mut subrequest.headers_in.headers;
            headers.part.nelts = 0;
            headers.part.next = std::ptr::null_mut();
            headers.last = &raw mut headers.part;
            true
        }
        _ => false,
    }
}

unsafe extern "C" fn ended(
    r: *mut ngx_http_request_t,
    data: *mut c_void,
    code: ngx_int_t,
) -> ngx_int_t {
    boundary(code, || {
        // SAFETY: nginx passes the subrequest that ended.
        let Some(subrequest) = (unsafe { Request::new(r) }) else { return code };
        // SAFETY: a subrequest has a parent as long as it lives.
        let Some(parent) = (unsafe { Request::new(subrequest.raw().parent) }) else { return code };
        let status = match u16::try_from(code) {
            Ok(code) if code >= 300 => code,
            _ => subrequest.status(),
        };
        if crate::health::answered(&parent, data.addr(), status) {
            // Of one in the background nginx tells nobody that it ended.
            // SAFETY: a live request.
            unsafe { ngx_http_post_request(parent.as_ptr(), std::ptr::null_mut()) };
        }
        // The status is known; an error page of the subrequest is not wanted.
        NGX_OK as ngx_int_t
    })
}

/// Answers the request, and ends it as far as this handler is concerned: the phase handler must return
/// [`Verdict::Answered`](crate::ffi::phase::Verdict::Answered) and touch the request no more.
pub(crate) fn answer(r: &Request, status: u16, content_type: &'static [u8], body: &'static [u8]) {
    // An answer that is made up on the spot has no version that an If-Match could be about.
    // SAFETY: single-threaded; no reference to the bit field is alive.
    unsafe { (*r.as_ptr()).set_disable_not_modified(1) };
    let mut content_type =
        ngx_str_t { len: content_type.len(), data: content_type.as_ptr().cast_mut() };
    // SAFETY: all of the structure's members may be zero; then it is a text without variables.
    let mut value: ngx_http_complex_value_t = unsafe { std::mem::zeroed() };
    value.value = ngx_str_t { len: body.len(), data: body.as_ptr().cast_mut() };
    // SAFETY: the pointers are valid during the call; the bytes live as long as the request.
    let code = unsafe {
        ngx_http_send_response(r.as_ptr(), status.into(), &raw mut content_type, &raw mut value)
    };
    // SAFETY: a live request; after this it may be gone.
    unsafe { ngx_http_finalize_request(r.as_ptr(), code) };
}
