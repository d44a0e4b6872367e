//! The peer hooks: between the balancer's choice and the connection.
//!
//! `peer.init` of each upstream is wrapped when the configuration is complete; per request it wraps `get` and hands every
//! other hook through with its own data (the manner of ngx_http_upstream_keepalive_module.c). `get` is called for the first
//! peer and for each next one, and what it leaves in the first buffer of `u->request_bufs` is what nginx sends.

mod choice;
mod head;
mod interface;

use std::ffi::c_void;
use std::ptr::null_mut;

use ngx::ffi::{
    NGX_AGAIN, NGX_BUSY, NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_OK, NGX_PEER_FAILED,
    ngx_event_free_peer_pt, ngx_event_get_peer_pt, ngx_event_notify_peer_pt,
    ngx_event_save_peer_session_pt, ngx_event_set_peer_session_pt, ngx_http_request_t,
    ngx_http_upstream_srv_conf_t, ngx_http_upstream_t, ngx_int_t, ngx_peer_connection_t, ngx_str_t,
    ngx_uint_t,
};

use self::head::prepare_head;
pub use self::interface::{Peer, PeerChoice, PeerHooks, PreparedHead};
use super::attempt::Link;
use super::conf::{Upstream, UpstreamId};
use super::sent_body::SentBody;
use crate::boundary::boundary;
use crate::conf::{Conf, ConfError};
use crate::request::Request;

/// Wraps `peer.init` of an upstream. For postconfiguration, when each balancer has set its own.
///
/// # Errors
///
/// The parser is outside of http{}.
pub fn wrap<M: PeerHooks>(cf: &mut Conf<'_>, upstream: Upstream<'_>) -> Result<(), ConfError> {
    // SAFETY: an upstream of the configuration that is being read; nothing else refers to it meanwhile.
    let init = unsafe { &raw mut (*upstream.as_ptr()).peer.init };
    // SAFETY: as above.
    let original = unsafe { *init };
    if original.is_some() {
        cf.main_slot::<M>()?.hooks.inits.get_mut().insert(upstream.as_ptr().addr(), original);
        // SAFETY: as above.
        unsafe { *init = Some(init_peer::<M>) };
    }
    Ok(())
}

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
    /// The head as the content handler serialized it last; each attempt begins with it.
    head: ngx_str_t,
    /// Where the prepared head begins that we put in its place; null before the first attempt.
    placed: *mut u8,
    /// What goes behind that head; once it was sent, its buffers no longer tell.
    body: SentBody,
    /// Which peers may get it; none until that is known.
    choice: Option<PeerChoice>,
    /// Of a request that some may get, how many tries were left when its peer was picked.
    tries: ngx_uint_t,
    /// The attempt's place among those of this worker.
    attempt: Link,
}

unsafe extern "C" fn init_peer<M: PeerHooks>(
    r: *mut ngx_http_request_t,
    us: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        // SAFETY: an upstream of the configuration, whose peers are being initialised for the request.
        let code = unsafe { init_original::<M>(request, us) };
        if code != NGX_OK as ngx_int_t || !M::prepares(request) {
            return code;
        }
        let hooks = request.pool().map_or(null_mut(), |pool| pool.room_for::<Hooks>());
        // SAFETY: null, or the request's upstream part, whose peer is being initialised; nothing else refers to it.
        let u = unsafe { request.read(|r| r.upstream).as_mut() };
        let Some(u) = u.filter(|_| !hooks.is_null()) else { return NGX_ERROR as ngx_int_t };
        let fresh = Hooks {
            request: r,
            upstream: us,
            data: null_mut(),
            get: None,
            free: None,
            notify: None,
            set_session: None,
            save_session: None,
            head: ngx_str_t::empty(),
            placed: null_mut(),
            body: SentBody::None,
            choice: None,
            tries: 0,
            attempt: Link::new(r, UpstreamId::of(us)),
        };
        // SAFETY: fresh memory of that size and alignment.
        unsafe { hooks.write(fresh) };
        // SAFETY: in the request's pool, as the request's upstream part.
        unsafe { wrap_hooks::<M>(&mut *hooks, u) };
        NGX_OK as ngx_int_t
    })
}

/// Calls what nginx would have called for the upstream.
///
/// # Safety
///
/// `us` must be an upstream of the request's cycle, and its peers be about to be initialised for the request.
unsafe fn init_original<M: PeerHooks>(
    request: Request<'_>,
    us: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    let hooks = request.main_slot::<M>().map(|slot| &slot.hooks);
    let original = hooks.and_then(|hooks| *hooks.inits.borrow().get(&us.addr())?);
    let Some(original) = original else { return NGX_ERROR as ngx_int_t };
    // SAFETY: the caller's promise.
    unsafe { original(request.as_ptr(), us) }
}

/// Saves the hooks that `peer.init` has left, and puts ours in their place.
///
/// # Safety
///
/// `hooks` must live as long as the request that `u` is of.
unsafe fn wrap_hooks<M: PeerHooks>(hooks: &mut Hooks, u: &mut ngx_http_upstream_t) {
    hooks.data = u.peer.data;
    hooks.get = u.peer.get;
    hooks.free = u.peer.free;
    hooks.notify = u.peer.notify;
    hooks.set_session = u.peer.set_session;
    hooks.save_session = u.peer.save_session;
    u.peer.data = (&raw mut *hooks).cast();
    u.peer.get = Some(get_peer::<M>);
    // A hook that the balancer does not have must stay absent: nginx tests for it.
    u.peer.free = u.peer.free.map(|_| free_peer::<M> as unsafe extern "C" fn(_, _, _));
    u.peer.notify = u.peer.notify.map(|_| notify_peer as unsafe extern "C" fn(_, _, _));
    u.peer.set_session = u.peer.set_session.map(|_| set_session as unsafe extern "C" fn(_, _) -> _);
    u.peer.save_session = u.peer.save_session.map(|_| save_session as unsafe extern "C" fn(_, _));
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

unsafe extern "C" fn get_peer<M: PeerHooks>(
    pc: *mut ngx_peer_connection_t,
    data: *mut c_void,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes `u->peer.data`.
        let Some(hooks) = (unsafe { hooks(data) }) else { return NGX_ERROR as ngx_int_t };
        // SAFETY: nginx passes the peer connection of this request, and is about to pick its peer.
        let code = unsafe { choice::pick::<M>(pc, hooks) };
        if !sends(code, pc) {
            // SAFETY: hooks live in the request's pool, so the request does too.
            let request = unsafe { Request::from_ptr(hooks.request) };
            if let Some(request) = request.filter(|_| code == NGX_BUSY as ngx_int_t) {
                M::has_no_peer(request, UpstreamId::of(hooks.upstream));
            }
            return code;
        }
        match prepare_head::<M>(pc, hooks) {
            PreparedHead::Ready(_) => {}
            PreparedHead::NextPeer => {
                // nginx would take it for a connection that the peer has closed meanwhile, and not count the attempt
                // (ngx_http_upstream_next). The connection is closed there.
                // SAFETY: nginx passes the peer connection of this request.
                unsafe { (*pc).set_cached(0) };
                return NGX_DECLINED as ngx_int_t;
            }
            PreparedHead::Refused => return NGX_ERROR as ngx_int_t,
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

unsafe extern "C" fn free_peer<M: PeerHooks>(
    pc: *mut ngx_peer_connection_t,
    data: *mut c_void,
    state: ngx_uint_t,
) {
    boundary((), || {
        // SAFETY: nginx passes `u->peer.data`.
        let Some(hooks) = (unsafe { hooks(data) }) else { return };
        // SAFETY: as where it was put in.
        unsafe { Link::remove(&raw mut hooks.attempt) };
        // SAFETY: hooks live in the request's pool, so the request does too.
        if let Some(request) = unsafe { Request::from_ptr(hooks.request) } {
            // A balancer that keeps the connection must not keep what holds an answer.
            let held = request.existing_hooks::<M>().and_then(|own| own.response_head.held.take());
            // SAFETY: nginx passes the peer connection of this request, whose connection is null or alive.
            if let (Some(held), Some(c)) = (held, unsafe { (*pc).connection.as_mut() }) {
                held.release(c);
            }
            M::left_peer(request, state & NGX_PEER_FAILED as ngx_uint_t != 0);
        }
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
