//! The head that is sent: in the first buffer of `u->request_bufs`, anew for each peer.

use ngx::ffi::{ngx_buf_t, ngx_peer_connection_t, ngx_str_t};

use super::Hooks;
use super::interface::{Peer, PeerHooks, PreparedHead};
use crate::request::Request;
use crate::string::{bytes, string};
use crate::upstream::sent_body::SentBody;

/// The buffer with the serialized head; none where nothing was created.
pub(super) fn head_buffer(request: Request<'_>) -> Option<*mut ngx_buf_t> {
    let first = request.read_upstream(|u| u.request_bufs)?;
    // SAFETY: the chain of the request that is about to be sent, in the request's pool; null if nothing was created.
    unsafe { first.as_ref() }.map(|first| first.buf)
}

/// Has the head made for the chosen peer, and puts it in the place of the one that is there.
pub(super) fn prepare_head<'r, M: PeerHooks>(
    pc: *mut ngx_peer_connection_t,
    hooks: &mut Hooks,
) -> PreparedHead<'r> {
    // SAFETY: hooks live in the request's pool, so the request does too.
    let Some(request) = (unsafe { Request::from_ptr(hooks.request) }) else {
        return PreparedHead::Refused;
    };
    let Some(buffer) = head_buffer(request) else {
        M::refuse_headless(request);
        return PreparedHead::Refused;
    };
    // SAFETY: a link's buffer is never null; only nginx's single thread uses it, and not now.
    let (start, pos, last) = unsafe { ((*buffer).start, (*buffer).pos, (*buffer).last) };
    // A head that is not ours is the first one, or one that a balancer has had made anew (`recreate_request` of ngx.balancer).
    if hooks.placed.is_null() || start != hooks.placed {
        let len = last.addr().saturating_sub(pos.addr());
        hooks.head = ngx_str_t { len, data: pos };
        hooks.body = SentBody::of(request);
    }
    // SAFETY: the serialized head stays where the content handler put it, in the request's pool.
    let head = unsafe { bytes(&hooks.head) };

    // SAFETY: nginx passes the peer connection of this request.
    let peer = unsafe { Peer::picked(pc, hooks.upstream) };
    let prepared = M::prepare(request, &peer, head, hooks.body);
    if let PreparedHead::Ready(head) = prepared {
        let head = string(head);
        // ngx_http_upstream_reinit sets `pos = start` before the next attempt, so `start` must be the head's beginning too.
        hooks.placed = head.data;
        // SAFETY: as above; no reference to the buffer is alive.
        unsafe {
            (*buffer).start = head.data;
            (*buffer).pos = head.data;
            (*buffer).last = head.data.wrapping_add(head.len);
            (*buffer).end = (*buffer).last;
        }
    }
    prepared
}
