//! The head of an upstream's response, and the beginning of its body, before nginx does anything with them.
//!
//! `u->process_header` parses the head. When it says that the head is complete, nginx decides by the status alone whether
//! another peer is asked (ngx_http_upstream_test_next), and sends the head on. This wraps it: the answer can be held until
//! more of its body has come, in the buffer that both are read into, and can be taken for an error of the peer.

use std::cell::Cell;

use ngx::ffi::{
    NGX_AGAIN, NGX_ERROR, NGX_HTTP_UPSTREAM_FT_HTTP_503, NGX_OK, ngx_connection_t,
    ngx_http_request_t, ngx_http_upstream_t, ngx_int_t, u_char,
};

use super::conf::UpstreamId;
use super::head_room::is_head_too_large;
use super::held_answer::HeldAnswer;
use super::interim;
use super::peers::PeerId;
use crate::boundary::boundary;
use crate::log::Level;
use crate::module::HttpModule;
use crate::request::{Headers, Request};
use crate::string::{bytes, span};

/// What a module does with the answer of a peer before nginx does anything.
pub trait UpstreamResponse: HttpModule {
    /// Called when the head is complete, after [`Next::Wait`] each time that more of the body has come, and after [`Next::Hold`]
    /// when [`Attempt::resume`](super::Attempt::resume) was called.
    fn next(r: Request<'_>, answer: &UpstreamAnswer<'_>) -> Next;

    /// Called when the answer of some request is held.
    fn held() {}

    /// Called when the head of an answer has no room in nginx's buffer (`proxy_buffer_size`). The request ends with 500, and the peer
    /// has not failed: another request that it answers so would put it out of use for all (`max_fails`).
    fn head_too_large(r: Request<'_>);
}

/// What becomes of an answer whose head is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// What nginx does with such a status.
    Pass,
    /// More of the body is needed. Not for long: nginx's buffer has an end, and its timer for reading goes on.
    Wait,
    /// It is not known yet, and the answer has no more to say: nothing of it goes on before
    /// [`Attempt::resume`](super::Attempt::resume) is called. After so many milliseconds the peer counts as one that has not
    /// answered.
    Hold(u64),
    /// It is the answer: no other peer is asked, and this one has not failed.
    Final,
    /// The peer has failed, as if its connection had broken: `proxy_next_upstream error`, `max_fails`, and 502 where no
    /// other may be asked.
    Failed,
}

/// How the end of an answer's body is told (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpstreamFraming {
    /// After so many bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The connection's end is the body's.
    Close,
}

/// An answer so far.
pub struct UpstreamAnswer<'a> {
    u: &'a ngx_http_upstream_t,
    /// What came of the body since it was last asked.
    pub new: &'a [u8],
    /// Whether nginx's buffer has no room for more.
    pub is_full: bool,
}

impl UpstreamAnswer<'_> {
    /// The status.
    pub fn status(&self) -> u16 {
        u16::try_from(self.u.headers_in.status_n).unwrap_or(0)
    }

    /// The status and the reason phrase.
    pub fn status_line(&self) -> &[u8] {
        // SAFETY: in the response's buffer or the request's pool.
        unsafe { bytes(&self.u.headers_in.status_line) }
    }

    /// The header lines.
    pub fn headers(&self) -> Headers<'_> {
        // SAFETY: the list and its strings are in the request's pool, where nothing changes them during the call.
        unsafe { Headers::of_response(&raw const self.u.headers_in.headers) }
    }

    /// How the body is framed, whether or not there is one.
    pub fn framing(&self) -> UpstreamFraming {
        let head = &self.u.headers_in;
        match u64::try_from(head.content_length_n) {
            _ if head.chunked() != 0 => UpstreamFraming::Chunked,
            Ok(length) => UpstreamFraming::Length(length),
            Err(_) => UpstreamFraming::Close,
        }
    }

    /// The upstream and the peer that it is of; none of an address that belongs to no upstream.
    pub fn peer(&self) -> Option<(UpstreamId, PeerId)> {
        let upstream = self.u.upstream;
        (!upstream.is_null()).then(|| (UpstreamId::of(upstream), PeerId::of(self.u.peer.sockaddr)))
    }

    /// Whether nginx would ask another peer after a 503, as far as that does not depend on the request.
    pub fn is_passed_over_at_503(&self) -> bool {
        // SAFETY: null or the configuration of the location, which outlives the request.
        let mask = unsafe { self.u.conf.as_ref() }.map_or(0, |conf| conf.next_upstream);
        has_more_tries(self.u) && mask & NGX_HTTP_UPSTREAM_FT_HTTP_503 as usize != 0
    }
}

/// Whether another peer may be tried after the one that the request is at.
pub(super) fn has_more_tries(u: &ngx_http_upstream_t) -> bool {
    // The one under way is counted until it is freed.
    u.peer.tries > 1
}

/// `u->process_header` and `u->reinit_request`.
type Hook = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;

/// What was saved of one request's hooks, and how far its present answer is.
#[derive(Default)]
pub(crate) struct ResponseHead {
    process_header: Cell<Option<Hook>>,
    reinit_request: Cell<Option<Hook>>,
    /// Whether the final response has begun.
    is_begun: Cell<bool>,
    /// Whether the head is complete.
    is_parsed: Cell<bool>,
    /// How much of the body was shown.
    shown: Cell<usize>,
    /// Whether a failed answer was kept out of the cache that the next one may go into.
    was_cacheable: Cell<bool>,
    /// Whether it stands still.
    pub(super) held: Cell<Option<HeldAnswer>>,
}

/// For the attempt that begins: `M` is asked what becomes of its answer. To be called for each attempt.
pub fn watch<M: UpstreamResponse>(r: Request<'_>) {
    let Some(hooks) = r.hooks::<M>() else { return };
    let head = &hooks.response_head;
    head.is_begun.set(false);
    head.is_parsed.set(false);
    head.shown.set(0);
    // SAFETY: null or the upstream part of this request; nothing else refers to it meanwhile.
    let Some(u) = (unsafe { r.read(|r| r.upstream).as_mut() }) else { return };
    wrap(&mut u.process_header, process_header::<M>, &head.process_header);
    // An attempt that has sent something is followed by `reinit_request`, which comes after the next peer was picked and
    // sets `process_header` anew (ngx_http_upstream_connect).
    wrap(&mut u.reinit_request, reinit_request::<M>, &head.reinit_request);
}

fn wrap(hook: &mut Option<Hook>, ours: Hook, saved: &Cell<Option<Hook>>) {
    let Some(original) = *hook else { return };
    if !std::ptr::fn_addr_eq(original, ours) {
        saved.set(Some(original));
        *hook = Some(ours);
    }
}

unsafe extern "C" fn reinit_request<M: UpstreamResponse>(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let request = unsafe { Request::from_ptr(r) };
        let hooks = request.and_then(Request::existing_hooks::<M>);
        let original = hooks.and_then(|hooks| hooks.response_head.reinit_request.get());
        let (Some(request), Some(original)) = (request, original) else {
            return NGX_ERROR as ngx_int_t;
        };
        // SAFETY: what nginx would have called.
        let code = unsafe { original(r) };
        if code == NGX_OK as ngx_int_t {
            watch::<M>(request);
        }
        code
    })
}

unsafe extern "C" fn process_header<M: UpstreamResponse>(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let request = unsafe { Request::from_ptr(r) };
        let hooks = request.and_then(Request::existing_hooks::<M>);
        let (Some(request), Some(hooks)) = (request, hooks) else { return NGX_ERROR as ngx_int_t };
        let head = &hooks.response_head;
        if !head.is_parsed.get() {
            // nginx reads a stored response by the same hook (ngx_http_upstream_cache_send); nobody has answered that now.
            let is_stored = request.read(crate::request::bits::cached);
            if !is_stored && !head.is_begun.get() {
                let code = begin(request, head);
                if code != NGX_OK as ngx_int_t {
                    return code;
                }
            }
            let code = parse::<M>(request, head);
            if code == NGX_AGAIN as ngx_int_t && !is_stored && is_head_too_large(request) {
                M::head_too_large(request);
                return NGX_ERROR as ngx_int_t;
            }
            if code != NGX_OK as ngx_int_t || is_stored {
                return code;
            }
            head.is_parsed.set(true);
        }
        let u = request.read(|r| r.upstream);
        let next = {
            // SAFETY: the upstream part of this request, whose answer is being read; nothing writes to it during the call.
            let Some(u) = (unsafe { u.as_ref() }) else { return NGX_ERROR as ngx_int_t };
            // SAFETY: nginx reads into the buffer between `start` and `end`; what is not parsed is from `pos` to `last`.
            let body = unsafe { span(u.buffer.pos, u.buffer.last) };
            let new = body.get(head.shown.replace(body.len())..).unwrap_or_default();
            let is_full = u.buffer.last == u.buffer.end;
            match M::next(request, &UpstreamAnswer { u, new, is_full }) {
                Next::Wait | Next::Hold(_) if is_full => Next::Pass,
                next => next,
            }
        };
        // SAFETY: as above; no reference into it is alive.
        let Some(u) = (unsafe { u.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        match next {
            Next::Wait => NGX_AGAIN as ngx_int_t,
            Next::Hold(limit) => {
                let Some(held) = HeldAnswer::hold::<M>(u, limit) else {
                    return NGX_OK as ngx_int_t;
                };
                head.held.set(Some(held));
                M::held();
                NGX_AGAIN as ngx_int_t
            }
            Next::Pass => NGX_OK as ngx_int_t,
            Next::Final => {
                // ngx_http_upstream_test_next asks another only where there is more than one left.
                u.peer.tries = u.peer.tries.min(1);
                NGX_OK as ngx_int_t
            }
            Next::Failed => fail(u, head),
        }
    })
}

/// Has nginx's own hook read on in the head. It is replaced by the next one when it has read the status line.
fn parse<M: UpstreamResponse>(r: Request<'_>, head: &ResponseHead) -> ngx_int_t {
    let Some(original) = head.process_header.get() else { return NGX_ERROR as ngx_int_t };
    let u = r.read(|r| r.upstream);
    // SAFETY: the upstream part of a live request; nothing refers to it during the call.
    unsafe {
        // What the head says about caching comes on top of that.
        if head.was_cacheable.replace(false) {
            (*u).set_cacheable(1);
        }
        (*u).process_header = Some(original);
        let code = original(r.as_ptr());
        head.process_header.set((*u).process_header);
        (*u).process_header = Some(process_header::<M>);
        code
    }
}

/// Takes off what is not nginx's to read. NGX_OK when the final response has begun.
fn begin(r: Request<'_>, head: &ResponseHead) -> ngx_int_t {
    // SAFETY: null or the upstream part of this request, whose answer is being read; nothing else refers to it during the call.
    let Some(u) = (unsafe { r.read(|r| r.upstream).as_mut() }) else {
        return NGX_ERROR as ngx_int_t;
    };
    let Some(is_begun) = interim::pass_over(&mut u.buffer) else {
        r.log(Level::Error, format_args!("upstream sent what is no response of HTTP/1"));
        return fail(u, head);
    };
    head.is_begun.set(is_begun);
    if is_begun { NGX_OK as ngx_int_t } else { NGX_AGAIN as ngx_int_t }
}

/// What follows NGX_AGAIN is that nginx reads on (ngx_http_upstream_process_header). That fails, which is the one way to
/// NGX_HTTP_UPSTREAM_FT_ERROR from here; the connection is closed then and never used again.
fn fail(u: &mut ngx_http_upstream_t, head: &ResponseHead) -> ngx_int_t {
    // Where nobody else is asked, or nobody answers, `proxy_cache_valid any` would keep the 502.
    if u.cacheable() != 0 {
        u.set_cacheable(0);
        head.was_cacheable.set(true);
    }
    // A buffer without room would be "too big header".
    u.buffer.last = u.buffer.pos;
    // A connection that was kept open and is found closed costs no attempt; this one has answered.
    u.peer.set_cached(0);
    // SAFETY: null or the connection that the answer came by.
    if let Some(connection) = unsafe { u.peer.connection.as_mut() } {
        connection.recv = Some(fail_to_read);
    }
    NGX_AGAIN as ngx_int_t
}

unsafe extern "C" fn fail_to_read(_: *mut ngx_connection_t, _: *mut u_char, _: usize) -> isize {
    NGX_ERROR as isize
}
