//! Telling a page that `error_page` names from one that nginx makes up.
//!
//! In both, `r->err_status` is the error's, and `r->error_page` says that an `error_page` was looked for (not even that with
//! `recursive_error_pages`), not that it came to be: its location may have failed in turn. What differs is that for a page of
//! its own nginx clears `Last-Modified` (src/http/ngx_http_special_response.c, ngx_http_send_special_response). So a request
//! that sets out for an `error_page` gets a time that means "none" as well, but is not the one that clearing leaves. Whoever
//! delivers a page leaves it alone or sets a real time.

use ngx::ffi::{
    NGX_DECLINED, ngx_http_core_loc_conf_t, ngx_http_core_module, ngx_http_core_srv_conf_t,
    ngx_http_phases_NGX_HTTP_REWRITE_PHASE as NGX_HTTP_REWRITE_PHASE,
    ngx_http_phases_NGX_HTTP_SERVER_REWRITE_PHASE as NGX_HTTP_SERVER_REWRITE_PHASE,
    ngx_http_request_t, ngx_int_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::conf::{Conf, Fault};
use crate::ffi::phase;
use crate::ffi::request::Request;

/// No `Last-Modified`.
const NONE: i64 = -1;
/// None either: nginx looks for -1 only where a header is sent, and there this module has put it back.
const ON_THE_WAY: i64 = -2;

/// Puts a handler where requests for an `error_page` come by: a URI starts in the server's rewrite phase, a named location in
/// that of a location.
pub(crate) fn install(cf: &Conf) -> Result<(), Fault> {
    phase::install(cf, NGX_HTTP_SERVER_REWRITE_PHASE, rewrite_phase)?;
    phase::install(cf, NGX_HTTP_REWRITE_PHASE, rewrite_phase)
}

unsafe extern "C" fn rewrite_phase(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_DECLINED as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let request = unsafe { Request::new(r) }.filter(Request::is_internal);
        if let Some(request) = request.filter(|request| request.error_status() >= 400) {
            // SAFETY: single-threaded; no reference into headers_out is alive.
            let time = unsafe { &mut (*request.as_ptr()).headers_out.last_modified_time };
            if *time == NONE {
                *time = ON_THE_WAY;
            }
            crate::error_response::failed(&request);
        }
        NGX_DECLINED as ngx_int_t
    })
}

impl Request {
    /// Whether nginx made up the response for an error by itself. To be asked once, when the header is sent.
    pub(crate) fn is_own_error(&self) -> bool {
        // SAFETY: single-threaded; no reference into headers_out is alive.
        let time = unsafe { &mut (*self.as_ptr()).headers_out.last_modified_time };
        if *time == ON_THE_WAY {
            *time = NONE;
            return false;
        }
        *time == NONE && self.error_status() >= 400
    }

    /// Whether nginx looked for an `error_page` of this request.
    pub(crate) fn had_error_page(&self) -> bool {
        self.raw().error_page() != 0
    }

    /// Whether nginx has redirected the request by itself, or made it.
    pub(crate) fn is_internal(&self) -> bool {
        self.raw().internal() != 0
    }

    /// Whether the request is on its way to the URI of an `error_page` without `=`, and not to a named location.
    pub(crate) fn is_for_error_uri(&self) -> bool {
        // SAFETY: set before any configuration is read.
        let index = unsafe { ngx_http_core_module.ctx_index };
        // SAFETY: loc_conf has an entry for each http module; the core module's is never null.
        let core = unsafe { (*self.raw().loc_conf.add(index)).cast::<ngx_http_core_loc_conf_t>() };
        // SAFETY: as above.
        let is_named = unsafe { core.as_ref() }.is_some_and(|core| core.named() != 0);
        self.is_internal() && self.error_status() >= 400 && !is_named
    }

    /// Whether no location has taken the request, or not yet: what counts is the server's configuration.
    pub(crate) fn has_no_location(&self) -> bool {
        // SAFETY: set before any configuration is read.
        let index = unsafe { ngx_http_core_module.ctx_index };
        // SAFETY: srv_conf has an entry for each http module; the core module's is never null.
        let core = unsafe { (*self.raw().srv_conf.add(index)).cast::<ngx_http_core_srv_conf_t>() };
        // SAFETY: a server's `ctx` is the context of its block.
        let server = unsafe { core.as_ref().and_then(|core| core.ctx.as_ref()) };
        server.is_some_and(|server| std::ptr::eq(server.loc_conf, self.raw().loc_conf))
    }

    /// This module's configuration of the server, which lives as long as that of a location.
    pub(crate) fn server_conf<T>(&self, module: &ngx::ffi::ngx_module_t) -> Option<&'static T> {
        // SAFETY: srv_conf has an entry for each http module; ours is what create_srv_conf returned.
        unsafe { (*self.raw().srv_conf.add(module.ctx_index)).cast::<T>().as_ref() }
    }
}
