//! The peer hooks: between the balancer's choice and the connection.
//!
//! `peer.init` of each upstream is wrapped when the configuration is complete; per request it wraps `get` and hands every
//! other hook through with its own data (the manner of ngx_http_upstream_keepalive_module.c). `get` is called for the first
//! peer and for each next one, and what it leaves in the first buffer of `u->request_bufs` is what nginx sends.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use ngx::ffi::{
    NGX_AGAIN, NGX_BUSY, NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_OK, ngx_cmp_sockaddr,
    ngx_event_free_peer_pt, ngx_event_get_peer_pt, ngx_event_notify_peer_pt,
    ngx_event_save_peer_session_pt, ngx_event_set_peer_session_pt, ngx_http_request_t,
    ngx_http_upstream_init_peer_pt, ngx_http_upstream_srv_conf_t, ngx_int_t, ngx_palloc,
    ngx_peer_connection_t, ngx_str_t, ngx_uint_t, sockaddr, socklen_t,
};

use crate::ffi::attempt::Link;
use crate::ffi::boundary::boundary;
use crate::ffi::request::Request;
use crate::ffi::sent_body::{self, SentBody};
use crate::ffi::string::{bytes, pool_copy};

/// What was saved of one request's peer hooks. In the request's pool; owns nothing.
struct Hooks {
    request: *mut ngx_http_request_t,
    upstream: *mut ngx_http_upstream_srv_conf_t,
    data: *mut c_void,
    get: ngx_event_get_peer_pt,
    free: ngx_event_free_peer_pt,
    notify: ngx_event_notify_peer_pt,
    set_session: ngx_event_set_peer_session_pt,
    save_session: ngx_event_save_peer_session_pt,
    /// The unsigned head as proxy_pass serialized it last; each attempt signs from it.
    head: ngx_str_t,
    /// Where the signed head begins that we put in its place; null before the first attempt.
    placed: *mut u8,
    /// What goes behind that head; once it was sent, its buffers no longer tell.
    body: SentBody,
    /// The attempt's place among those of this worker.
    attempt: Link,
}

/// An upstream whose `peer.init` was wrapped, by address; that of the configuration lives as long as its cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UpstreamId(usize);

impl UpstreamId {
    pub(crate) fn of(us: *const ngx_http_upstream_srv_conf_t) -> Self {
        UpstreamId(us.addr())
    }
}

/// The original `peer.init` of a wrapped upstream.
#[derive(Clone, Copy)]
pub(crate) struct OriginalInit(ngx_http_upstream_init_peer_pt);

/// Wraps the upstream's `peer.init`; gives the original one, or none where there is nothing to wrap.
pub(crate) fn wrap(us: NonNull<ngx_http_upstream_srv_conf_t>) -> Option<OriginalInit> {
    // SAFETY: an upstream of the configuration that is being read; nothing else refers to it meanwhile.
    let peer = unsafe { &mut (*us.as_ptr()).peer };
    let original = peer.init?;
    peer.init = Some(init_peer);
    Some(OriginalInit(Some(original)))
}

/// The peer that the balancer picked.
pub(crate) struct Peer<'a> {
    /// The upstream that it was picked from.
    pub(crate) upstream: UpstreamId,
    /// `ip:port` or the socket's path, for log lines.
    pub(crate) name: &'a [u8],
    address: Address,
}

impl Peer<'_> {
    pub(crate) fn address(&self) -> Address {
        self.address
    }
}

/// A socket address in memory of nginx's.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub(crate) sockaddr: *mut sockaddr,
    pub(crate) socklen: socklen_t,
}

impl Address {
    /// Whether both are one object. Round robin keeps pointers to the addresses of the configuration, so that two names
    /// with equal addresses stay apart; with `zone` it copies them.
    pub(crate) fn is(self, other: Address) -> bool {
        std::ptr::eq(self.sockaddr, other.sockaddr)
    }

    /// Whether family, address and port are equal.
    pub(crate) fn equals(self, other: Address) -> bool {
        if self.sockaddr.is_null() || other.sockaddr.is_null() {
            return false;
        }
        // SAFETY: both are of their lengths: the configuration's and the peer connection's.
        let order = unsafe {
            ngx_cmp_sockaddr(self.sockaddr, self.socklen, other.sockaddr, other.socklen, 1)
        };
        order == NGX_OK as ngx_int_t
    }
}

unsafe extern "C" fn init_peer(
    r: *mut ngx_http_request_t,
    us: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return NGX_ERROR as ngx_int_t };
        let original = crate::upstream::original_init(&request, UpstreamId::of(us));
        let Some(OriginalInit(Some(original))) = original else { return NGX_ERROR as ngx_int_t };
        // SAFETY: what nginx would have called.
        let code = unsafe { original(r, us) };
        if code != NGX_OK as ngx_int_t || !crate::upstream::signs(&request) {
            return code;
        }
        // SAFETY: the request has an upstream part, for its peer is being initialised.
        let Some(u) = (unsafe { (*r).upstream.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        // SAFETY: the request's pool.
        let hooks = unsafe { ngx_palloc((*r).pool, size_of::<Hooks>()) }.cast::<Hooks>();
        if hooks.is_null() {
            return NGX_ERROR as ngx_int_t;
        }
        let saved = Hooks {
            request: r,
            upstream: us,
            data: u.peer.data,
            get: u.peer.get,
            free: u.peer.free,
            notify: u.peer.notify,
            set_session: u.peer.set_session,
            save_session: u.peer.save_session,
            head: ngx_str_t::empty(),
            placed: null_mut(),
            body: SentBody::None,
            attempt: Link::new(r, UpstreamId::of(us)),
        };
        // SAFETY: fresh memory of that size; ngx_palloc aligns to a machine word, which is all that Hooks needs.
        unsafe { hooks.write(saved) };
        u.peer.data = hooks.cast();
        u.peer.get = Some(get_peer);
        // A hook that the balancer does not have must stay absent: nginx tests for it.
        u.peer.free = u.peer.free.map(|_| free_peer as unsafe extern "C" fn(_, _, _));
        u.peer.notify = u.peer.notify.map(|_| notify_peer as unsafe extern "C" fn(_, _, _));
        u.peer.set_session =
            u.peer.set_session.map(|_| set_session as unsafe extern "C" fn(_, _) -> _);
        u.peer.save_session =
            u.peer.save_session.map(|_| save_session as unsafe extern "C" fn(_, _));
        NGX_OK as ngx_int_t
    })
}

/// The saved hooks behind `data`.
///
/// # Safety
///
/// `data` must be what `init_peer` left in `u->peer.data`, which nginx passes to each hook.
unsafe fn hooks<'a>(data: *mut c_void) -> Option<&'a mut Hooks> {
    // SAFETY: the caller's promise; hooks of one request never run inside of one another.
    unsafe { data.cast::<Hooks>().as_mut() }
}

unsafe extern "C" fn get_peer(pc: *mut ngx_peer_connection_t, data: *mut c_void) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes `u->peer.data`.
        let Some(hooks) = (unsafe { hooks(data) }) else { return NGX_ERROR as ngx_int_t };
        let Some(get) = hooks.get else { return NGX_ERROR as ngx_int_t };
        // SAFETY: the balancer's own hook with its own data.
        let code = unsafe { get(pc, hooks.data) };
        if !sends(code, pc) {
            return code;
        }
        if prepare_head(pc, hooks).is_none() {
            return NGX_ERROR as ngx_int_t;
        }
        // Nothing else would take it out.
        if hooks.free.is_some() {
            // SAFETY: hooks stay where they are in the request's pool; `free_peer` takes it out.
            unsafe { Link::insert(&raw mut hooks.attempt) };
        }
        code
    })
}

/// Whether nginx may send the request after such an answer of the balancer's (ngx_http_upstream_connect). Other answers are
/// none of our business: "busy", or the status that `ngx.exit` of a balancer_by_lua gives, which OpenResty ends the request
/// with.
fn sends(code: ngx_int_t, pc: *const ngx_peer_connection_t) -> bool {
    // NGX_DONE: a connection that is kept alive. NGX_AGAIN: one that the balancer has begun by itself.
    const GO_ON: [ngx_int_t; 3] =
        [NGX_OK as ngx_int_t, NGX_DONE as ngx_int_t, NGX_AGAIN as ngx_int_t];
    const NEXT: [ngx_int_t; 3] =
        [NGX_ERROR as ngx_int_t, NGX_BUSY as ngx_int_t, NGX_DECLINED as ngx_int_t];
    if GO_ON.contains(&code) || NEXT.contains(&code) {
        return GO_ON.contains(&code);
    }
    // An nginx that does not know the code goes on with the connection, where there is one.
    // SAFETY: null or the peer connection of the request that is being sent.
    unsafe { pc.as_ref() }.is_none_or(|pc| !pc.connection.is_null())
}

/// Puts the head that is signed for the chosen peer in the place of the one that is there. None when the request must not
/// be sent; the reason is in the request's context then.
fn prepare_head(pc: *mut ngx_peer_connection_t, hooks: &mut Hooks) -> Option<()> {
    // SAFETY: hooks live in the request's pool, so the request does too.
    let request = unsafe { Request::new(hooks.request) }?;
    let u = request.upstream()?;
    // SAFETY: the chain of the request that is about to be sent, in the request's pool; null if nothing was created.
    let Some(first) = (unsafe { u.request_bufs.as_ref() }) else {
        crate::upstream::refuse_headless(&request);
        return None;
    };
    // SAFETY: a link's buffer is never null; only nginx's single thread uses it, and not now.
    let buffer = unsafe { &mut *first.buf };
    // A head that is not ours is the first one, or one that a balancer has had made anew (`recreate_request` of ngx.balancer).
    if hooks.placed.is_null() || buffer.start != hooks.placed {
        let len = buffer.last.addr().saturating_sub(buffer.pos.addr());
        hooks.head = ngx_str_t { len, data: buffer.pos };
        hooks.body = sent_body::of(&request);
    }
    // SAFETY: the serialized head stays where proxy_pass put it, in the request's pool.
    let head = unsafe { bytes(&hooks.head) };

    // SAFETY: nginx passes the peer connection of this request.
    let pc = unsafe { &*pc };
    // SAFETY: null or a name in configuration, zone or pool memory that lives as long as the peer.
    let name = unsafe { pc.name.as_ref() };
    let peer = Peer {
        upstream: UpstreamId::of(hooks.upstream),
        // SAFETY: as above.
        name: name.map(|name| unsafe { bytes(name) }).unwrap_or_default(),
        address: Address { sockaddr: pc.sockaddr, socklen: pc.socklen },
    };
    let signed = crate::upstream::sign(&request, &peer, head, hooks.body, |signed| {
        // SAFETY: the request's pool.
        unsafe { pool_copy(request.raw().pool, signed) }
    })?;

    // ngx_http_upstream_reinit sets `pos = start` before the next attempt, so `start` must be the head's beginning too.
    hooks.placed = signed.data;
    buffer.start = signed.data;
    buffer.pos = signed.data;
    // SAFETY: `data` is an allocation of `len` bytes.
    buffer.last = unsafe { signed.data.add(signed.len) };
    buffer.end = buffer.last;
    Some(())
}

unsafe extern "C" fn free_peer(
    pc: *mut ngx_peer_connection_t,
    data: *mut c_void,
    state: ngx_uint_t,
) {
    boundary((), || {
        // SAFETY: nginx passes `u->peer.data`.
        let Some(hooks) = (unsafe { hooks(data) }) else { return };
        // SAFETY: as where it was put in.
        unsafe { Link::remove(&raw mut hooks.attempt) };
        if let Some(free) = hooks.free {
            // SAFETY: the balancer's own hook with its own data.
            unsafe { free(pc, hooks.data, state) };
        }
    });
}

unsafe extern "C" fn notify_peer(
    pc: *mut ngx_peer_connection_t,
    data: *mut c_void,
    kind: ngx_uint_t,
) {
    boundary((), || {
        // SAFETY: nginx passes `u->peer.data`.
        let Some(hooks) = (unsafe { hooks(data) }) else { return };
        if let Some(notify) = hooks.notify {
            // SAFETY: the balancer's own hook with its own data.
            unsafe { notify(pc, hooks.data, kind) };
        }
    });
}

unsafe extern "C" fn set_session(pc: *mut ngx_peer_connection_t, data: *mut c_void) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes `u->peer.data`.
        let Some(hooks) = (unsafe { hooks(data) }) else { return NGX_ERROR as ngx_int_t };
        let Some(set_session) = hooks.set_session else { return NGX_ERROR as ngx_int_t };
        // SAFETY: the balancer's own hook with its own data.
        unsafe { set_session(pc, hooks.data) }
    })
}

unsafe extern "C" fn save_session(pc: *mut ngx_peer_connection_t, data: *mut c_void) {
    boundary((), || {
        // SAFETY: nginx passes `u->peer.data`.
        let Some(hooks) = (unsafe { hooks(data) }) else { return };
        if let Some(save_session) = hooks.save_session {
            // SAFETY: the balancer's own hook with its own data.
            unsafe { save_session(pc, hooks.data) };
        }
    });
}
