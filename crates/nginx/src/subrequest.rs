//! Subrequests whose status is all that is asked for.

use std::ffi::c_void;

use ngx::ffi::{
    NGX_HTTP_SUBREQUEST_BACKGROUND, NGX_OK, ngx_http_post_subrequest_t, ngx_http_request_body_t,
    ngx_http_request_t, ngx_http_subrequest, ngx_int_t,
};

use crate::boundary::boundary;
use crate::request::Request;
use crate::string::string;

/// What a module does when a subrequest of its own has ended.
pub trait SubrequestHandler: 'static {
    /// `r` is the request that asked, `number` what it gave to [`start`], and `status` the answer. True has its phase handler
    /// called again.
    fn ended(r: Request<'_>, number: usize, status: u16) -> bool;
}

/// Asks `uri`, a location of the same server, and tells `H` the status under `number`. The phase handler must answer "again"
/// meanwhile. False when memory is out.
///
/// In the background, as ngx_http_mirror_module.c does it: an answer of the request's own need not wait for the rest.
pub fn start<'r, H: SubrequestHandler>(r: Request<'r>, uri: &'r [u8], number: usize) -> bool {
    let Some(pool) = r.pool() else { return false };
    // The subrequest shares the request's pool.
    let post = pool.zeroed::<ngx_http_post_subrequest_t>();
    // A request body of its own, so that nobody tries to read one for it.
    let body = pool.zeroed::<ngx_http_request_body_t>();
    if post.is_null() || body.is_null() {
        return false;
    }
    // A number and no pointer as data: nothing to outlive.
    // SAFETY: zeroed memory of that size.
    unsafe {
        (*post).handler = Some(ended::<H>);
        (*post).data = std::ptr::without_provenance_mut(number);
    }
    let mut uri = string(uri);
    let mut subrequest: *mut ngx_http_request_t = std::ptr::null_mut();
    let none = std::ptr::null_mut();
    let flags = NGX_HTTP_SUBREQUEST_BACKGROUND as usize;
    // SAFETY: all pointers are valid during the call; the URI's bytes live as long as the request.
    let code = unsafe {
        ngx_http_subrequest(r.as_ptr(), &raw mut uri, none, &raw mut subrequest, post, flags)
    };
    // SAFETY: null or the new subrequest, which nothing else refers to yet.
    match unsafe { subrequest.as_mut() } {
        Some(subrequest) if code == NGX_OK as ngx_int_t => {
            subrequest.request_body = body;
            // SAFETY: the subrequest that was just made.
            unsafe { crate::request::bits::set_header_only(subrequest, true) };
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

unsafe extern "C" fn ended<H: SubrequestHandler>(
    r: *mut ngx_http_request_t,
    data: *mut c_void,
    code: ngx_int_t,
) -> ngx_int_t {
    boundary(code, || {
        // SAFETY: nginx passes the subrequest that ended.
        let Some(subrequest) = (unsafe { Request::from_ptr(r) }) else { return code };
        let Some(parent) = subrequest.parent() else { return code };
        let answered = subrequest.upstream_status().filter(|status| *status >= 400);
        let status = match u16::try_from(code) {
            // What an upstream has refused may have been taken for a fault of it (`Next::Failed`).
            Ok(502) => answered.unwrap_or(502),
            Ok(code) if code >= 300 => code,
            _ => subrequest.status(),
        };
        if H::ended(parent, data.addr(), status) {
            // Of the end of one in the background nginx tells nobody.
            parent.wake();
        }
        // The status is known; an error page of the subrequest is not wanted.
        NGX_OK as ngx_int_t
    })
}
