//! Catches a `proxy_pass` whose variable names no `upstream`, in the places where `s3_resign` is in force.
//!
//! Such a request never calls a `peer.init`: nginx resolves the host by itself and connects, so nothing of ours would run
//! between the serialized head and the socket. ngx_http_upstream_init_request evaluates `proxy_bind` after it has made the
//! head and before it looks at the host (src/http/ngx_http_upstream.c, ngx_http_upstream_set_local). It does so for each
//! request and subrequest that starts an upstream there, whatever phases it went through and whoever has read its body. So
//! `proxy_bind` is a variable of ours in those places: it judges the host, and then gives what the user's own would have given.

use std::ptr::null_mut;

use ngx::ffi::{
    NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_NOHASH, NGX_OK, ngx_http_add_variable,
    ngx_http_complex_value, ngx_http_complex_value_t, ngx_http_request_t, ngx_http_upstream_conf_t,
    ngx_http_upstream_local_t, ngx_http_upstream_resolved_t, ngx_http_upstream_t,
    ngx_http_variable_value_t, ngx_int_t, ngx_str_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::conf::{Conf, Fault};
use crate::ffi::context::place;
use crate::ffi::request::Request;
use crate::ffi::string::bytes;
use crate::ffi::upstream_conf;
use crate::ffi::variable::ComplexValue;

/// The variable, as the text of a `proxy_bind` that nothing but [`Guard::new`] writes.
const VARIABLE: &[u8] = b"$s3_resign_local_address";

/// Registers the variable. For preconfiguration.
///
/// # Errors
///
/// Another module has a variable of that name, or memory is out.
pub(crate) fn add_variable(cf: &Conf) -> Result<(), Fault> {
    let name = &VARIABLE[1..];
    let mut name = ngx_str_t { len: name.len(), data: name.as_ptr().cast_mut() };
    // Subrequests share the values of their request, so this one must never be kept. No hash: out of reach of scripts.
    let flags = NGX_HTTP_VAR_NOCACHEABLE | NGX_HTTP_VAR_NOHASH;
    // SAFETY: called from preconfiguration; nginx copies the name.
    let variable = unsafe { ngx_http_add_variable(cf.as_ptr(), &raw mut name, flags as _) };
    // SAFETY: null or the variable that was added.
    let variable = unsafe { variable.as_mut() }.ok_or("out of memory")?;
    variable.get_handler = Some(judge);
    Ok(())
}

/// A `proxy_bind` of ours: its address, which is unique in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GuardId(usize);

/// What the user's `proxy_bind` made, in the cycle's pool; null without one.
#[derive(Clone, Copy)]
pub(crate) struct UsersBind(*mut ngx_http_upstream_local_t);

/// The value of all our `proxy_bind`s.
pub(crate) struct Guard(*mut ngx_http_complex_value_t);

impl Guard {
    /// For postconfiguration of the cycle that it is put into.
    ///
    /// # Errors
    ///
    /// Memory is out.
    pub(crate) fn new(cf: &Conf) -> Result<Self, Fault> {
        let value = ComplexValue::compile(cf, VARIABLE)?.into_pool(cf);
        if value.is_null() { Err("out of memory".to_owned()) } else { Ok(Guard(value)) }
    }

    /// Takes the place of the `proxy_bind` of `conf`.
    ///
    /// # Errors
    ///
    /// Memory is out.
    pub(crate) fn install(
        &self,
        cf: &Conf,
        conf: &mut ngx_http_upstream_conf_t,
    ) -> Result<(GuardId, UsersBind), Fault> {
        // SAFETY: null or the user's, in the cycle's pool. All members may be zero (nginx takes them from ngx_pcalloc).
        let mut local = unsafe { conf.local.as_ref().map_or_else(|| std::mem::zeroed(), |it| *it) };
        // What is left is `transparent`, where the platform has it.
        local.addr = null_mut();
        local.value = self.0;
        // SAFETY: the pool of the running callback's ngx_conf_t is the cycle's.
        let local = unsafe { place((*cf.as_ptr()).pool, local) };
        if local.is_null() {
            return Err("out of memory".to_owned());
        }
        let user = std::mem::replace(&mut conf.local, local);
        Ok((GuardId(local.addr()), UsersBind(user)))
    }
}

/// The variable's handler.
unsafe extern "C" fn judge(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: nginx passes the place for the value.
    if let Some(value) = unsafe { value.as_mut() } {
        // Empty, also where a panic follows. Always valid and never kept: what nginx believes "not found" it asks no more.
        value.set_len(0);
        value.set_valid(1);
        value.set_not_found(0);
        value.set_no_cacheable(1);
        value.data = null_mut();
        boundary((), || {
            // SAFETY: nginx passes a live request.
            let Some(request) = (unsafe { Request::new(r) }) else { return };
            let bind = address(&request).unwrap_or_default();
            value.set_len(u32::try_from(bind.len()).unwrap_or(0));
            value.data = bind.as_ptr().cast_mut();
        });
    }
    NGX_OK as ngx_int_t
}

/// Judges the host that the request's upstream is about to connect to, and makes nginx end the request where that is none of
/// the configuration's. Gives the local address that the user wants, if any.
fn address(r: &Request) -> Option<&[u8]> {
    // SAFETY: null or the request's upstream, which only nginx's single thread touches.
    let u = unsafe { r.raw().upstream.as_mut() }?;
    // SAFETY: the configuration that the upstream was started with, in the cycle's pool.
    let local = unsafe { u.conf.as_ref() }?.local;
    // None where somebody else asks for the variable.
    let user = crate::upstream::users_bind(r, GuardId(local.addr()))?;
    // Closed until it was judged: a panic leaves it so.
    let Some(found) = close(u) else { return bind(r, u, user) };
    if !is_known(r, &found) {
        // SAFETY: in the request's pool.
        crate::upstream::refuse_unknown_host(r, unsafe { bytes(&found.host) });
        return None;
    }
    let address = bind(r, u, user)?;
    // SAFETY: not null, for `close` has read it.
    unsafe { *u.resolved = found };
    Some(address)
}

/// Does what nginx does with the user's own `proxy_bind`, and gives its value; none when memory is out.
fn bind<'r>(r: &'r Request, u: &mut ngx_http_upstream_t, user: UsersBind) -> Option<&'r [u8]> {
    // SAFETY: null or in the cycle's pool.
    let user = unsafe { user.0.as_ref() };
    match user {
        None => u.peer.local = null_mut(),
        Some(user) if user.value.is_null() => u.peer.local = user.addr,
        Some(user) => {
            let mut value = ngx_str_t::empty();
            // SAFETY: nginx only reads the compiled value; the result is in the request's pool.
            let code = unsafe { ngx_http_complex_value(r.as_ptr(), user.value, &raw mut value) };
            // SAFETY: as above.
            return (code == NGX_OK as ngx_int_t).then(|| unsafe { bytes(&value) });
        }
    }
    Some(b"")
}

/// The name of no `upstream`, which nginx logs.
const NOWHERE: &[u8] = b"(refused by s3_resign)";

/// Makes nginx end the request when it looks for the host ("no port in upstream"), and gives what was there; none where the
/// upstream was not named by the request.
fn close(u: &mut ngx_http_upstream_t) -> Option<ngx_http_upstream_resolved_t> {
    // SAFETY: null or in the request's pool, of this request alone.
    let resolved = unsafe { u.resolved.as_mut() }?;
    let found = *resolved;
    resolved.host = ngx_str_t { len: NOWHERE.len(), data: NOWHERE.as_ptr().cast_mut() };
    resolved.port = 0;
    resolved.no_port = 0;
    resolved.sockaddr = null_mut();
    resolved.naddrs = 0;
    Some(found)
}

/// Whether nginx will take an `upstream` or a fixed host of the configuration. The comparison is that of
/// ngx_http_upstream_init_request.
fn is_known(r: &Request, resolved: &ngx_http_upstream_resolved_t) -> bool {
    // SAFETY: in the request's pool.
    let host = unsafe { bytes(&resolved.host) };
    upstream_conf::upstreams(upstream_conf::main_conf_of(r)).iter().any(|us| {
        // SAFETY: the array holds pointers into the cycle's pool.
        let us = unsafe { &**us };
        // SAFETY: in the cycle's pool.
        let name = unsafe { bytes(&us.host) };
        let same_port = us.port == resolved.port || (us.port == 0 && resolved.no_port != 0);
        same_port && name.eq_ignore_ascii_case(host)
    })
}
