//! Catches a `*_pass` whose variable names no `upstream`, in the places that a module guards.
//!
//! Such a request never calls a `peer.init`: nginx resolves the host by itself and connects, so nothing of a module's would run
//! between the serialized head and the socket. ngx_http_upstream_init_request evaluates `proxy_bind` after it has made the
//! head and before it looks at the host (src/http/ngx_http_upstream.c, ngx_http_upstream_set_local). It does so for each
//! request and subrequest that starts an upstream there, whatever phases it went through and whoever has read its body. So
//! `proxy_bind` is a variable of ours in those places: it judges the host, and then gives what the user's own would have given.

use std::ffi::CStr;
use std::ptr::null_mut;

use ngx::ffi::{
    NGX_HTTP_MODULE, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_NOHASH, NGX_OK,
    ngx_http_complex_value_t, ngx_http_request_t, ngx_http_upstream_conf_t,
    ngx_http_upstream_local_t, ngx_http_upstream_resolved_t, ngx_http_variable_value_t, ngx_int_t,
    ngx_uint_t,
};

use super::conf::upstreams_of;
use crate::boundary::boundary;
use crate::conf::{Conf, ConfError};
use crate::module::HttpModule;
use crate::request::Request;
use crate::string::{bytes, string};
use crate::variable::{add_handler, compile, evaluate};

/// A module that wants no request to leave past its peer hooks.
pub trait UpstreamGuard: HttpModule {
    /// The name, with `$`, of the variable that stands in the place of `proxy_bind`. Nobody else uses it.
    const VARIABLE: &'static str;
    /// The name of no `upstream`, which nginx logs in the place of a host that is refused.
    const NOWHERE: &'static str;

    /// Called when a request would have gone to a host that is no upstream of the configuration, and does not.
    fn refuse_unknown_host(r: Request<'_>, host: &[u8]);
}

/// Registers the variable. For preconfiguration.
///
/// # Errors
///
/// Another module has a variable of that name, or memory is out.
pub fn add_variable<M: UpstreamGuard>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let name = M::VARIABLE.strip_prefix('$').unwrap_or(M::VARIABLE);
    // Subrequests share the values of their request, so this one must never be kept. No hash: out of reach of scripts.
    let flags = NGX_HTTP_VAR_NOCACHEABLE | NGX_HTTP_VAR_NOHASH;
    add_handler(cf, name, flags, Some(judge::<M>))
}

/// Notes the place that is being merged, for [`install`]: what starts an upstream there by a name of the request's own is to
/// be refused, unless that is an upstream of the configuration.
///
/// # Errors
///
/// The parser is outside of http{}.
pub fn note_place<M: UpstreamGuard>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let place = cf.http().ok_or("not inside of http")?.loc_conf;
    cf.main_slot::<M>()?.hooks.places.get_mut().push(place);
    Ok(())
}

/// Closes the way past the peer hooks in all places that were noted. For postconfiguration: modules are merged in the order in
/// which they were loaded, and a value that is merged later would take ours along to places that do not want it.
///
/// # Errors
///
/// Memory is out.
pub fn install<M: UpstreamGuard>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let places = std::mem::take(cf.main_slot::<M>()?.hooks.places.get_mut());
    if places.is_empty() {
        return Ok(());
    }
    let pool = cf.pool().ok_or_else(ConfError::out_of_memory)?;
    let value = pool.place(compile(cf, M::VARIABLE.as_bytes())?);
    if value.is_null() {
        return Err(ConfError::out_of_memory());
    }
    let modules = upstream_modules(cf);
    for place in places {
        for &ctx_index in &modules {
            // SAFETY: loc_conf has an entry for each http module; those begin with an ngx_http_upstream_conf_t. Nothing else
            // refers to the configuration that is being read.
            let conf = unsafe { (*place.add(ctx_index)).cast::<ngx_http_upstream_conf_t>() };
            // What has an upstream of its own does not look at the request's.
            // SAFETY: as above.
            if conf.is_null() || !unsafe { (*conf).upstream.is_null() } {
                continue;
            }
            // SAFETY: as above.
            unsafe { replace_bind::<M>(cf, conf, value) }?;
        }
    }
    Ok(())
}

/// Takes the place of the `proxy_bind` of `conf`.
///
/// # Safety
///
/// `conf` must be of the cycle that is being read, and so must `value`.
unsafe fn replace_bind<M: UpstreamGuard>(
    cf: &mut Conf<'_>,
    conf: *mut ngx_http_upstream_conf_t,
    value: *mut ngx_http_complex_value_t,
) -> Result<(), ConfError> {
    // SAFETY: the caller's promise.
    let user = unsafe { (*conf).local };
    // SAFETY: null or the user's, in the cycle's pool. All members may be zero (nginx takes them from ngx_pcalloc).
    let mut local = unsafe { user.as_ref().map_or_else(|| std::mem::zeroed(), |it| *it) };
    // What is left is `transparent`, where the platform has it.
    local.addr = null_mut();
    local.value = value;
    let local = cf.pool().map_or(null_mut(), |pool| pool.place(local));
    if local.is_null() {
        return Err(ConfError::out_of_memory());
    }
    // SAFETY: the caller's promise.
    unsafe { (*conf).local = local };
    cf.main_slot::<M>()?.hooks.binds.get_mut().insert(local.addr(), user);
    Ok(())
}

/// nginx's modules whose `*_pass` takes variables. They are private, and any of them may be absent; but the location
/// configuration of each begins with an ngx_http_upstream_conf_t in every nginx (src/http/modules/ngx_http_*_module.c).
const UPSTREAM_MODULES: [&CStr; 5] = [
    c"ngx_http_proxy_module",
    c"ngx_http_fastcgi_module",
    c"ngx_http_uwsgi_module",
    c"ngx_http_scgi_module",
    c"ngx_http_grpc_module",
];

/// The `ctx_index` of each of them that this nginx has.
fn upstream_modules(cf: &Conf<'_>) -> Vec<usize> {
    // SAFETY: the cycle that is being read; its modules are an array of pointers.
    let (modules, len) = unsafe {
        let cycle = (*cf.as_ptr()).cycle;
        ((*cycle).modules, (*cycle).modules_n)
    };
    if modules.is_null() {
        return Vec::new();
    }
    // SAFETY: ngx_cycle_modules has copied `modules_n` pointers to modules that live as long as the process.
    let modules = unsafe { std::slice::from_raw_parts(modules, len) };
    let found = modules.iter().filter_map(|module| {
        // SAFETY: as above.
        let module = unsafe { module.as_ref() }?;
        if module.type_ != NGX_HTTP_MODULE as ngx_uint_t || module.name.is_null() {
            return None;
        }
        // SAFETY: nginx names each module with a C string when it is added.
        let name = unsafe { CStr::from_ptr(module.name) };
        UPSTREAM_MODULES.contains(&name).then_some(module.ctx_index)
    });
    found.collect()
}

/// The variable's handler.
unsafe extern "C" fn judge<M: UpstreamGuard>(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: nginx passes the place for the value.
    if let Some(place) = unsafe { value.as_mut() } {
        // Empty, also where a panic follows. Always valid and never kept: what nginx believes "not found" it asks no more.
        place.set_len(0);
        place.set_valid(1);
        place.set_not_found(0);
        place.set_no_cacheable(1);
        place.data = null_mut();
    }
    boundary((), || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else { return };
        let bind = address::<M>(request).unwrap_or_default();
        // SAFETY: as above; no other reference to it is alive.
        if let Some(place) = unsafe { value.as_mut() } {
            place.set_len(u32::try_from(bind.len()).unwrap_or(0));
            place.data = string(bind).data;
        }
    });
    NGX_OK as ngx_int_t
}

/// Judges the host that the request's upstream is about to connect to, and makes nginx end the request where that is none of
/// the configuration's. Gives the local address that the user wants, if any.
fn address<M: UpstreamGuard>(r: Request<'_>) -> Option<&[u8]> {
    // SAFETY: the configuration that the upstream was started with, in the cycle's pool.
    let local = r.read_upstream(|u| unsafe { u.conf.as_ref() }.map(|conf| conf.local))??;
    // None where somebody else asks for the variable.
    let user = r.main_slot::<M>()?.hooks.binds.borrow().get(&local.addr()).copied()?;
    // Closed until it was judged: a panic leaves it so.
    let Some(found) = close::<M>(r) else { return bind(r, user) };
    if !is_known(r, &found) {
        // SAFETY: in the request's pool.
        M::refuse_unknown_host(r, unsafe { bytes(&found.host) });
        return None;
    }
    let address = bind(r, user)?;
    let resolved = r.read_upstream(|u| u.resolved)?;
    // SAFETY: not null, for `close` has read it.
    unsafe { *resolved = found };
    Some(address)
}

/// Does what nginx does with the user's own `proxy_bind`, and gives its value; none when memory is out.
fn bind(r: Request<'_>, user: *mut ngx_http_upstream_local_t) -> Option<&[u8]> {
    // SAFETY: null or in the cycle's pool.
    let address = match unsafe { user.as_ref() } {
        None => null_mut(),
        // As text: from 1.29.3 on nginx drops the address that it finds in `u->peer.local` when the value is empty.
        Some(user) if user.value.is_null() => {
            // SAFETY: null or the address, whose name is the text that it was read from (ngx_http_upstream_bind_set_slot).
            return Some(
                unsafe { user.addr.as_ref() }.map_or(b"", |addr| unsafe { bytes(&addr.name) }),
            );
        }
        // SAFETY: of the request's own cycle.
        Some(user) => return unsafe { evaluate(r, user.value) },
    };
    // SAFETY: the request has an upstream, for this is its `proxy_bind`; no reference to it is alive.
    unsafe { (*r.read(|r| r.upstream)).peer.local = address };
    Some(b"")
}

/// Makes nginx end the request when it looks for the host ("no port in upstream"), and gives what was there; none where the
/// upstream was not named by the request.
fn close<M: UpstreamGuard>(r: Request<'_>) -> Option<ngx_http_upstream_resolved_t> {
    // SAFETY: null or in the request's pool, of this request alone; no other reference to it is alive.
    let resolved = unsafe { r.read_upstream(|u| u.resolved)?.as_mut() }?;
    let found = *resolved;
    resolved.host = string(M::NOWHERE.as_bytes());
    resolved.port = 0;
    resolved.no_port = 0;
    resolved.sockaddr = null_mut();
    resolved.naddrs = 0;
    Some(found)
}

/// Whether nginx will take an `upstream` or a fixed host of the configuration. The comparison is that of
/// ngx_http_upstream_init_request.
fn is_known(r: Request<'_>, resolved: &ngx_http_upstream_resolved_t) -> bool {
    // SAFETY: in the request's pool.
    let host = unsafe { bytes(&resolved.host) };
    upstreams_of(r).iter().any(|us| {
        // SAFETY: the array holds pointers into the cycle's pool.
        let us = unsafe { &**us };
        // SAFETY: in the cycle's pool.
        let name = unsafe { bytes(&us.host) };
        let same_port = us.port == resolved.port || (us.port == 0 && resolved.no_port != 0);
        same_port && name.eq_ignore_ascii_case(host)
    })
}
