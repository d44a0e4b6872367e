//! The end of an upstream request that fails while its response is withheld.
//!
//! For most faults nginx asks the body filters to flush what they have. For a body that it cannot read (broken chunks) it
//! closes the client's connection without asking anybody; the last that it calls before is `u->finalize_request`.

use ngx::ffi::{NGX_ERROR, ngx_http_request_t, ngx_int_t};

use crate::ctx;
use crate::ffi::boundary::boundary;
use crate::ffi::request::Request;

/// `u->finalize_request` of the upstream module that serves a request.
pub(crate) type FinalizeRequest = unsafe extern "C" fn(*mut ngx_http_request_t, ngx_int_t);

/// From here on, [`crate::error_response::cut_off`] hears when the upstream request ends with an error of nginx's.
pub(crate) fn watch(r: &Request, ctx: &ctx::Ctx) {
    // SAFETY: null or the upstream part of this request.
    let Some(u) = (unsafe { r.raw().upstream.as_mut() }) else { return };
    let Some(original) = u.finalize_request else { return };
    if !std::ptr::fn_addr_eq(original, finalize_request as FinalizeRequest) {
        ctx.finalize_request.set(Some(original));
        u.finalize_request = Some(finalize_request);
    }
}

unsafe extern "C" fn finalize_request(r: *mut ngx_http_request_t, rc: ngx_int_t) {
    boundary((), || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return };
        let Some(ctx) = ctx::existing(&request) else { return };
        if let Some(original) = ctx.finalize_request.get() {
            // SAFETY: what nginx would have called, with its arguments.
            unsafe { original(r, rc) };
        }
        // SAFETY: a request has a connection as long as it lives.
        let is_client_there = unsafe { (*request.raw().connection).error() == 0 };
        if rc == NGX_ERROR as ngx_int_t && is_client_there {
            crate::error_response::cut_off(&request, ctx);
        }
    });
}
