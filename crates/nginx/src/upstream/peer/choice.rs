//! Requests that only some of the peers may get.
//!
//! The balancer is asked until it picks one of them. Round robin and what is built upon it picks no peer twice for one request,
//! but goes on to the others and then to the backups (`tried` of ngx_http_upstream_rr_peer_data_t), so that a peer is passed
//! over by giving it back; and whatever else balancers do, weights and failures and addresses that change, is done by them.

use std::ptr::null_mut;

use ngx::ffi::{
    NGX_BUSY, NGX_ERROR, NGX_OK, ngx_close_connection, ngx_destroy_pool, ngx_int_t,
    ngx_peer_connection_t, ngx_ssl_shutdown,
};

use super::head::head_buffer;
use super::interface::{Peer, PeerChoice, PeerHooks};
use super::{Hooks, init_original, sends, wrap_hooks};
use crate::request::Request;
use crate::upstream::{PeerId, Peers, UpstreamId};

/// Has a peer picked that may get the request; the answer is what the balancer's own `peer.get` would give.
///
/// # Safety
///
/// `pc` must be the peer connection of the request whose hooks these are, and nginx be asking for a peer.
pub(super) unsafe fn pick<M: PeerHooks>(
    pc: *mut ngx_peer_connection_t,
    hooks: &mut Hooks,
) -> ngx_int_t {
    let Some(get) = hooks.get else { return NGX_ERROR as ngx_int_t };
    // SAFETY: hooks live in the request's pool, so the request does too.
    let Some(request) = (unsafe { Request::from_ptr(hooks.request) }) else {
        return NGX_ERROR as ngx_int_t;
    };
    let choice = match hooks.choice {
        Some(choice) => choice,
        None => {
            let choice = choose::<M>(request, hooks);
            hooks.choice = Some(choice);
            if let PeerChoice::Some(count) = choice {
                // SAFETY: the caller's promise. nginx asks no further than there are tries, and the last one's answer, whatever it is, is
                // the client's.
                unsafe { (*pc).tries = (*pc).tries.min(count) };
            }
            choice
        }
    };
    match choice {
        // SAFETY: the balancer's own hook with its own data.
        PeerChoice::All => unsafe { get(pc, hooks.data) },
        PeerChoice::Refused => NGX_ERROR as ngx_int_t,
        // SAFETY: the caller's promise.
        PeerChoice::Some(0) => unsafe { nobody(pc, hooks) },
        // SAFETY: the caller's promise.
        PeerChoice::Some(_) => unsafe { pick_some::<M>(pc, hooks, request) },
    }
}

fn choose<M: PeerHooks>(request: Request<'_>, hooks: &Hooks) -> PeerChoice {
    // That nothing was serialized is said when a peer is known.
    let Some(buffer) = head_buffer(request) else { return PeerChoice::All };
    // SAFETY: a link's buffer is never null; only nginx's single thread uses it, and not now. The head lies in it whole.
    let head = unsafe {
        let (pos, last) = ((*buffer).pos, (*buffer).last);
        match pos.is_null() {
            true => &[],
            false => std::slice::from_raw_parts(pos, last.addr().saturating_sub(pos.addr())),
        }
    };
    M::choice(request, UpstreamId::of(hooks.upstream), head)
}

/// # Safety
///
/// As for [`pick`].
#[inline(never)]
unsafe fn pick_some<M: PeerHooks>(
    pc: *mut ngx_peer_connection_t,
    hooks: &mut Hooks,
    request: Request<'_>,
) -> ngx_int_t {
    // A kept connection that the peer had closed meanwhile: nginx gives one more try (ngx_http_upstream_next), which is meant for
    // that peer again, and the balancer would not pick it.
    // SAFETY: the caller's promise.
    if unsafe { (*pc).cached() != 0 && (*pc).tries >= hooks.tries && hooks.tries > 0 } {
        // SAFETY: the caller's promise; the peer was freed.
        let code = unsafe { begin_anew::<M>(pc, hooks, request) };
        if code != NGX_OK as ngx_int_t {
            return NGX_ERROR as ngx_int_t;
        }
    }
    // SAFETY: the caller's promise.
    let tries = unsafe { (*pc).tries };
    // A balancer that goes on (a script's, say) gives some of them again.
    let peers = Peers::of_request::<M>(request, UpstreamId::of(hooks.upstream));
    for _ in 0..=peers.map_or(0, |peers| peers.count()) {
        let Some(get) = hooks.get else { return NGX_ERROR as ngx_int_t };
        // SAFETY: the balancer's own hook with its own data.
        let code = unsafe { get(pc, hooks.data) };
        // SAFETY: the caller's promise.
        unsafe { (*pc).tries = tries };
        if !sends(code, pc) {
            return code;
        }
        // SAFETY: the caller's promise.
        let peer = unsafe { Peer::picked(pc, hooks.upstream) };
        if M::accepts(request, &peer) {
            hooks.tries = tries;
            return code;
        }
        // SAFETY: the caller's promise; the balancer has just picked this peer.
        if !unsafe { pass_over::<M>(pc, hooks, request) } {
            break;
        }
        // SAFETY: as above.
        unsafe { (*pc).tries = tries };
    }
    // SAFETY: the caller's promise.
    unsafe { nobody(pc, hooks) }
}

/// What a balancer answers that has no peer.
///
/// # Safety
///
/// As for [`pick`]; no peer may be picked.
unsafe fn nobody(pc: *mut ngx_peer_connection_t, hooks: &Hooks) -> ngx_int_t {
    // SAFETY: the caller's promise. nginx would free what is there; the name, which it reads without asking whether there is one, is
    // the upstream's, as round robin has it.
    unsafe {
        (*pc).sockaddr = null_mut();
        (*pc).connection = null_mut();
        (*pc).set_cached(0);
        (*pc).name = &raw mut (*hooks.upstream).host;
    }
    NGX_BUSY as ngx_int_t
}

/// Gives back a peer that was picked, as if nothing had been asked of it. False where the balancer has no way to take it back.
///
/// # Safety
///
/// As for [`pick`]; the balancer must have picked a peer.
unsafe fn pass_over<M: PeerHooks>(
    pc: *mut ngx_peer_connection_t,
    hooks: &mut Hooks,
    request: Request<'_>,
) -> bool {
    let Some(free) = hooks.free else { return false };
    // SAFETY: the caller's promise.
    let id = PeerId::of(unsafe { (*pc).sockaddr });
    if let Some(peers) = Peers::of_request::<M>(request, UpstreamId::of(hooks.upstream)) {
        peers.leave_check(id);
    }
    // SAFETY: the request's upstream part; nothing else refers to it.
    let Some(u) = (unsafe { request.read(|r| r.upstream).as_mut() }) else { return false };
    // A connection that was kept goes back to the others: `keepalive` takes only those of requests that ended well.
    let (keepalive, body_sent) = (u.keepalive(), u.request_body_sent());
    u.set_keepalive(1);
    u.set_request_body_sent(1);
    // SAFETY: the balancer's own hook with its own data.
    unsafe { free(pc, hooks.data, 0) };
    // SAFETY: as above.
    let Some(u) = (unsafe { request.read(|r| r.upstream).as_mut() }) else { return false };
    u.set_keepalive(keepalive);
    u.set_request_body_sent(body_sent);
    // SAFETY: the caller's promise; one that `keepalive` did not want is ours to close, and nobody else knows of it.
    unsafe {
        close(pc);
        (*pc).sockaddr = null_mut();
        (*pc).set_cached(0);
    }
    true
}

/// Closes the connection that is there, as ngx_http_upstream_next does.
///
/// # Safety
///
/// As for [`pick`].
unsafe fn close(pc: *mut ngx_peer_connection_t) {
    // SAFETY: the caller's promise: null or a connection of this process.
    unsafe {
        let c = (*pc).connection;
        if c.is_null() {
            return;
        }
        if !(*c).ssl.is_null() {
            (*(*c).ssl).set_no_wait_shutdown(1);
            (*(*c).ssl).set_no_send_shutdown(1);
            ngx_ssl_shutdown(c);
        }
        if !(*c).pool.is_null() {
            ngx_destroy_pool((*c).pool);
        }
        ngx_close_connection(c);
        (*pc).connection = null_mut();
    }
}

/// Has the balancer forget which peers it has tried for the request.
///
/// # Safety
///
/// As for [`pick`]; no peer may be picked.
unsafe fn begin_anew<M: PeerHooks>(
    pc: *mut ngx_peer_connection_t,
    hooks: &mut Hooks,
    request: Request<'_>,
) -> ngx_int_t {
    // SAFETY: the caller's promise; round robin would take what is there for its own.
    let tries = unsafe {
        (*pc).data = null_mut();
        (*pc).tries
    };
    // SAFETY: the request's upstream, of whose peers none is in use.
    let code = unsafe { init_original::<M>(request, hooks.upstream) };
    // SAFETY: the request's upstream part; nothing else refers to it.
    let Some(u) = (unsafe { request.read(|r| r.upstream).as_mut() }) else {
        return NGX_ERROR as ngx_int_t;
    };
    if code == NGX_OK as ngx_int_t {
        // SAFETY: `hooks` lies in the request's pool.
        unsafe { wrap_hooks::<M>(hooks, u) };
    } else {
        u.peer.data = (&raw mut *hooks).cast();
    }
    u.peer.tries = tries;
    code
}
