//! Catches a `proxy_pass` whose variable names no `upstream`.
//!
//! Such a request never calls a `peer.init`: nginx resolves the host by itself and connects
//! (ngx_http_upstream_init_request). Nothing of ours would run between the serialized head and the socket, so it must be
//! stopped before: at `create_request`, which every upstream request calls. The proxy handler sets that pointer and may go
//! on to connect in the same call, hence the detour through the content handler and, where there is a body, through the
//! request body filter, which runs in between.

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_http_conf_ctx_t, ngx_http_handler_pt,
    ngx_http_request_t, ngx_http_upstream_init, ngx_http_upstream_main_conf_t,
    ngx_http_upstream_module, ngx_http_upstream_srv_conf_t, ngx_http_upstream_t, ngx_int_t,
};

use crate::ctx::Ctx;
use crate::ffi::boundary::boundary;
use crate::ffi::request::Request;
use crate::ffi::string::bytes;

/// `create_request` of an upstream.
pub(crate) type CreateRequest = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;

type ContentHandler = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;

/// Puts a guard in front of the location's content handler. For the access phase, which runs after the handler was set and
/// before it is called.
pub(crate) fn guard(r: &Request, ctx: &Ctx) {
    let handler = r.raw().content_handler;
    let Some(handler) = handler else { return };
    if std::ptr::fn_addr_eq(handler, guarded as ContentHandler) {
        return;
    }
    ctx.content_handler.set(Some(handler));
    // SAFETY: single-threaded; no reference to the member is alive.
    unsafe { (*r.as_ptr()).content_handler = Some(guarded) };
}

unsafe extern "C" fn guarded(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return NGX_ERROR as ngx_int_t };
        let handler: ngx_http_handler_pt =
            crate::ctx::existing(&request).and_then(|ctx| ctx.content_handler.get());
        let Some(handler) = handler else { return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t };

        let raw = request.raw();
        if !raw.request_body.is_null() {
            return start_stopped(r, handler);
        }
        // ngx_http_read_client_request_body calls the request body filter before it calls the upstream, if there is a body.
        // Where there is none, one of no bytes serves; `watch` takes it back before the head is made.
        if raw.headers_in.content_length_n < 0 && raw.headers_in.chunked() == 0 {
            // SAFETY: single-threaded; no reference to the member is alive.
            unsafe { (*r).headers_in.content_length_n = 0 };
            if let Some(ctx) = crate::ctx::existing(&request) {
                ctx.pretends_body.set(true);
            }
        }
        // SAFETY: the handler that nginx had set for this request.
        unsafe { handler(r) }
    })
}

/// Starts the content handler of a request whose body another module has read already (`mirror`), so that no filter runs in
/// between. ngx_http_upstream_init leaves a request alone that waits for a file operation: it stops in front of
/// `create_request`, and goes on below.
fn start_stopped(r: *mut ngx_http_request_t, handler: ContentHandler) -> ngx_int_t {
    // SAFETY: single-threaded; no reference to the bit field is alive.
    unsafe { (*r).set_aio(1) };
    // SAFETY: the handler that nginx had set for this request.
    let code = unsafe { handler(r) };
    // SAFETY: the request has not ended: an upstream did not start, and anything else gives a code that ends it.
    unsafe { (*r).set_aio(0) };
    // SAFETY: as above.
    let request = unsafe { Request::new(r) };
    let stopped =
        |request: &Request| code < NGX_HTTP_SPECIAL_RESPONSE && request.upstream().is_some();
    if let Some(request) = request.filter(stopped) {
        watch(&request);
        // SAFETY: exactly the call that the handler had made and that did nothing.
        unsafe { ngx_http_upstream_init(r) };
    }
    code
}

/// Codes from here on end a request (src/http/ngx_http_request.h).
const NGX_HTTP_SPECIAL_RESPONSE: ngx_int_t = 300;

/// Wraps the upstream's `create_request`, once.
pub(crate) fn watch(r: &Request) {
    let Some(ctx) = crate::ctx::existing(r) else { return };
    if ctx.pretends_body.replace(false) {
        // SAFETY: single-threaded; no reference to the member is alive.
        unsafe { (*r.as_ptr()).headers_in.content_length_n = -1 };
    }
    // SAFETY: null or the request's upstream, which only nginx's single thread touches.
    let Some(u) = (unsafe { r.raw().upstream.as_mut() }) else { return };
    let Some(create) = u.create_request else { return };
    if ctx.create_request.get().is_none() {
        ctx.create_request.set(Some(create));
        u.create_request = Some(checked_create_request);
    }
}

unsafe extern "C" fn checked_create_request(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return NGX_ERROR as ngx_int_t };
        let create = crate::ctx::existing(&request).and_then(|ctx| ctx.create_request.get());
        let (Some(create), Some(u)) = (create, request.upstream()) else {
            return NGX_ERROR as ngx_int_t;
        };
        if let Some(host) = unknown_host(&request, u) {
            crate::upstream::refuse_unknown_host(&request, host);
            return NGX_ERROR as ngx_int_t;
        }
        // SAFETY: what the content handler had set for this request.
        unsafe { create(r) }
    })
}

/// The host that nginx will resolve by itself; none where an `upstream` or a fixed host of the configuration is used.
/// The comparison is that of ngx_http_upstream_init_request.
fn unknown_host<'r>(r: &'r Request, u: &ngx_http_upstream_t) -> Option<&'r [u8]> {
    // SAFETY: null or in the request's pool.
    let resolved = unsafe { u.resolved.as_ref() }?;
    // SAFETY: in the request's pool.
    let host = unsafe { bytes(&resolved.host) };
    // SAFETY: the module's index is set at start.
    let index = unsafe { ngx_http_upstream_module.ctx_index };
    // SAFETY: main_conf has an entry for each http module; the upstream module's is never null.
    let main = unsafe { &*(*r.raw().main_conf.add(index)).cast::<ngx_http_upstream_main_conf_t>() };
    let known = upstreams(main).iter().any(|us| {
        // SAFETY: the array holds pointers into the cycle's pool.
        let us = unsafe { &**us };
        // SAFETY: in the cycle's pool.
        let name = unsafe { bytes(&us.host) };
        let same_port = us.port == resolved.port || (us.port == 0 && resolved.no_port != 0);
        same_port && name.eq_ignore_ascii_case(host)
    });
    (!known).then_some(host)
}

/// The upstreams of the configuration, explicit and implicit.
pub(crate) fn upstreams(
    main: &ngx_http_upstream_main_conf_t,
) -> &[*mut ngx_http_upstream_srv_conf_t] {
    let array = &main.upstreams;
    if array.elts.is_null() {
        return &[];
    }
    // SAFETY: an ngx_array_t of pointers with `nelts` elements.
    unsafe { std::slice::from_raw_parts(array.elts.cast(), array.nelts) }
}

/// The upstream module's main configuration at configuration time.
pub(crate) fn main_conf(ctx: &ngx_http_conf_ctx_t) -> &ngx_http_upstream_main_conf_t {
    // SAFETY: the module's index is set at start.
    let index = unsafe { ngx_http_upstream_module.ctx_index };
    // SAFETY: main_conf has an entry for each http module; the upstream module's is never null.
    unsafe { &*(*ctx.main_conf.add(index)).cast::<ngx_http_upstream_main_conf_t>() }
}
