//! The end of an upstream request that fails while its response is withheld.
//!
//! For most faults nginx asks the body filters to flush what they have. For a body that it cannot read (broken chunks) it
//! closes the client's connection without asking anybody; the last that it calls before is `u->finalize_request`.

use ngx::ffi::{NGX_ERROR, ngx_http_request_t, ngx_int_t};

use crate::boundary::boundary;
use crate::module::HttpModule;
use crate::request::Request;

/// `u->finalize_request` of the upstream module that serves a request.
pub(crate) type FinalizeRequest = unsafe extern "C" fn(*mut ngx_http_request_t, ngx_int_t);

/// What a module does when an upstream request breaks off.
pub trait UpstreamEnd: HttpModule {
    /// Called when it has ended with an error of nginx's, while the client is still there.
    fn cut_off(r: Request<'_>);
}

/// From here on, `M` hears when the request's upstream part breaks off.
pub fn watch<M: UpstreamEnd>(r: Request<'_>) {
    let Some(Some(original)) = r.read_upstream(|u| u.finalize_request) else { return };
    let ours: FinalizeRequest = finalize_request::<M>;
    if std::ptr::fn_addr_eq(original, ours) {
        return;
    }
    let Some(hooks) = r.hooks::<M>() else { return };
    hooks.finalize_request.set(Some(original));
    // SAFETY: the upstream part of this request, read above; no reference to it is alive.
    unsafe { (*r.read(|r| r.upstream)).finalize_request = Some(ours) };
}

unsafe extern "C" fn finalize_request<M: UpstreamEnd>(r: *mut ngx_http_request_t, rc: ngx_int_t) {
    boundary((), || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else { return };
        let Some(hooks) = request.existing_hooks::<M>() else { return };
        if let Some(original) = hooks.finalize_request.get() {
            // SAFETY: what nginx would have called, with its arguments.
            unsafe { original(r, rc) };
        }
        // SAFETY: a request has a connection as long as it lives.
        let is_client_there = unsafe { (*request.read(|r| r.connection)).error() == 0 };
        if rc == NGX_ERROR as ngx_int_t && is_client_there {
            M::cut_off(request);
        }
    });
}
