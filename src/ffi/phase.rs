//! Registration of the phase handlers.

use ngx::ffi::{
    NGX_AGAIN, NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK,
    ngx_array_push, ngx_http_conf_ctx_t, ngx_http_core_main_conf_t, ngx_http_core_module,
    ngx_http_handler_pt, ngx_http_phases_NGX_HTTP_ACCESS_PHASE as NGX_HTTP_ACCESS_PHASE,
    ngx_http_phases_NGX_HTTP_REWRITE_PHASE as NGX_HTTP_REWRITE_PHASE, ngx_http_request_t,
    ngx_int_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::conf::{Conf, Fault};
use crate::ffi::request::Request;

/// What a phase handler tells nginx's phase engine (src/http/ngx_http_core_module.c, ngx_http_core_access_phase).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The handler waits, and wants to be called again.
    Again,
    /// The handler has answered the request.
    Answered,
    /// This handler has nothing to say; the next one decides.
    Declined,
    /// Access is granted, as far as this handler is concerned.
    Granted,
    /// The request ends with this HTTP status.
    Refused(u16),
}

impl Verdict {
    pub(crate) fn code(self) -> ngx_int_t {
        match self {
            Verdict::Declined => NGX_DECLINED as ngx_int_t,
            Verdict::Again => NGX_AGAIN as ngx_int_t,
            Verdict::Answered => NGX_DONE as ngx_int_t,
            Verdict::Granted => NGX_OK as ngx_int_t,
            Verdict::Refused(status) => ngx_int_t::from(status as i16),
        }
    }
}

/// A handler of nginx's phase engine.
pub(crate) type Handler = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;

/// Puts [`crate::access::handler`] into the access phase, and [`crate::access::subrequest`] into the rewrite phase, the
/// first of those that a subrequest passes in its location: before a `return` there.
pub(crate) fn install_access(cf: &Conf) -> Result<(), Fault> {
    install(cf, NGX_HTTP_ACCESS_PHASE, access_phase)?;
    install(cf, NGX_HTTP_REWRITE_PHASE, rewrite_phase)
}

/// Puts a handler into a phase. Handlers run in reverse order of registration, so that of a dynamic module runs before
/// nginx's own.
pub(crate) fn install(cf: &Conf, phase: u32, handler: Handler) -> Result<(), Fault> {
    let out_of_memory = || "out of memory".to_owned();
    // SAFETY: inside http{} the parser's `ctx` is the http configuration context.
    let ctx = unsafe { (*cf.as_ptr()).ctx.cast::<ngx_http_conf_ctx_t>().as_ref() }
        .ok_or_else(out_of_memory)?;
    // SAFETY: the core module's index is set before any configuration is read.
    let index = unsafe { ngx_http_core_module.ctx_index };
    // SAFETY: main_conf has one entry for each http module; the core module's is never null.
    let core = unsafe { (*ctx.main_conf.add(index)).cast::<ngx_http_core_main_conf_t>() };
    // SAFETY: as above; `phases` has an element for each phase.
    let handlers = unsafe { &raw mut (*core).phases[phase as usize].handlers };
    // SAFETY: ngx_http_init_phases has initialised the array before postconfiguration.
    let place = unsafe { ngx_array_push(handlers) }.cast::<ngx_http_handler_pt>();
    if place.is_null() {
        return Err(out_of_memory());
    }
    // SAFETY: a fresh element of the array.
    unsafe { place.write(Some(handler)) };
    Ok(())
}

unsafe extern "C" fn rewrite_phase(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        match unsafe { Request::new(r) } {
            Some(request) => crate::access::subrequest(&request).code(),
            None => NGX_ERROR as ngx_int_t,
        }
    })
}

unsafe extern "C" fn access_phase(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        match unsafe { Request::new(r) } {
            Some(request) => crate::access::handler(&request).code(),
            None => NGX_ERROR as ngx_int_t,
        }
    })
}
