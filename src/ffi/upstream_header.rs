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
use s3::origin_error::Framing;

use crate::ctx::{self, Ctx};
use crate::ffi::boundary::boundary;
use crate::ffi::request::{Headers, Request};
use crate::ffi::string::{bytes, span};

/// `u->process_header` and `u->reinit_request`.
type Hook = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;

/// What was saved of one request's hooks, and how far its present answer is.
#[derive(Default)]
pub(crate) struct ResponseHead {
    process_header: Cell<Option<Hook>>,
    reinit_request: Cell<Option<Hook>>,
    /// Whether the head is complete.
    is_parsed: Cell<bool>,
    /// How much of the body was shown.
    shown: Cell<usize>,
    /// Whether a failed answer was kept out of the cache that the next one may go into.
    was_cacheable: Cell<bool>,
}

/// What becomes of an answer whose head is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// What nginx does with such a status.
    Pass,
    /// More of the body is needed. Not for long: nginx's buffer has an end, and its timer for reading goes on.
    Wait,
    /// It is the answer: no other peer is asked, and this one has not failed.
    Final,
    /// The peer has failed, as if it had closed the connection: `proxy_next_upstream error`, `max_fails`, and 502 where no
    /// other may be asked.
    Failed,
}

/// The answer so far, for whoever decides.
pub(crate) struct Answer<'a> {
    u: &'a ngx_http_upstream_t,
    /// What came of the body since it was last asked.
    pub(crate) new: &'a [u8],
    /// Whether nginx's buffer has no room for more.
    pub(crate) is_full: bool,
}

impl Answer<'_> {
    pub(crate) fn status(&self) -> u16 {
        u16::try_from(self.u.headers_in.status_n).unwrap_or(0)
    }

    /// What stands behind the version in the status line.
    pub(crate) fn status_line(&self) -> &[u8] {
        // SAFETY: in the response's buffer or the request's pool.
        unsafe { bytes(&self.u.headers_in.status_line) }
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        Headers::of_response(&self.u.headers_in.headers)
    }

    pub(crate) fn framing(&self) -> Framing {
        let head = &self.u.headers_in;
        match u64::try_from(head.content_length_n) {
            _ if head.chunked() != 0 => Framing::Chunked,
            Ok(length) => Framing::Length(length),
            Err(_) => Framing::Close,
        }
    }

    /// Whether nginx would ask another peer after a 503, as far as that does not depend on the request.
    pub(crate) fn is_passed_over_at_503(&self) -> bool {
        // SAFETY: null or the configuration of the location, which outlives the request.
        let mask = unsafe { self.u.conf.as_ref() }.map_or(0, |conf| conf.next_upstream);
        self.u.peer.tries > 1 && mask & NGX_HTTP_UPSTREAM_FT_HTTP_503 as usize != 0
    }
}

/// For the attempt that begins: [`crate::origin_answer::next`] is asked when its answer's head is complete.
pub(crate) fn watch(r: &Request, ctx: &Ctx) {
    let head = &ctx.response_head;
    head.begin();
    // SAFETY: null or the upstream part of this request.
    let Some(u) = (unsafe { r.raw().upstream.as_mut() }) else { return };
    wrap(&mut u.process_header, process_header, &head.process_header);
    // An attempt that has sent something is followed by `reinit_request`, which comes after the next peer was picked and
    // sets `process_header` anew (ngx_http_upstream_connect).
    wrap(&mut u.reinit_request, reinit_request, &head.reinit_request);
}

impl ResponseHead {
    fn begin(&self) {
        self.is_parsed.set(false);
        self.shown.set(0);
    }
}

fn wrap(hook: &mut Option<Hook>, ours: Hook, saved: &Cell<Option<Hook>>) {
    let Some(original) = *hook else { return };
    if !std::ptr::fn_addr_eq(original, ours) {
        saved.set(Some(original));
        *hook = Some(ours);
    }
}

unsafe extern "C" fn reinit_request(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return NGX_ERROR as ngx_int_t };
        let Some(ctx) = ctx::existing(&request) else { return NGX_ERROR as ngx_int_t };
        let Some(original) = ctx.response_head.reinit_request.get() else {
            return NGX_ERROR as ngx_int_t;
        };
        // SAFETY: what nginx would have called.
        let code = unsafe { original(r) };
        if code == NGX_OK as ngx_int_t {
            watch(&request, ctx);
            if ctx.response_head.was_cacheable.replace(false) {
                // SAFETY: the upstream part of this request, which is being made ready for the next attempt.
                unsafe { (*request.raw().upstream).set_cacheable(1) };
            }
        }
        code
    })
}

unsafe extern "C" fn process_header(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return NGX_ERROR as ngx_int_t };
        let Some(ctx) = ctx::existing(&request) else { return NGX_ERROR as ngx_int_t };
        let head = &ctx.response_head;
        if !head.is_parsed.get() {
            let code = parse(&request, head);
            // nginx reads a stored response by the same hook (ngx_http_upstream_cache_send); nobody has answered that now.
            if code != NGX_OK as ngx_int_t || request.raw().cached() != 0 {
                return code;
            }
            head.is_parsed.set(true);
        }
        // SAFETY: the upstream part of this request, whose answer is being read.
        let Some(u) = (unsafe { (*r).upstream.as_ref() }) else { return NGX_ERROR as ngx_int_t };
        let buffer = &u.buffer;
        // SAFETY: nginx reads into the buffer between `start` and `end`; what is not parsed is from `pos` to `last`.
        let body = unsafe { span(buffer.pos, buffer.last) };
        let new = body.get(head.shown.replace(body.len())..).unwrap_or_default();
        let is_full = buffer.last == buffer.end;
        let next = crate::origin_answer::next(&request, ctx, &Answer { u, new, is_full });
        // SAFETY: as above; no reference into it is alive.
        let Some(u) = (unsafe { (*r).upstream.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        match next {
            Next::Wait if !is_full => NGX_AGAIN as ngx_int_t,
            Next::Pass | Next::Wait => NGX_OK as ngx_int_t,
            Next::Final => {
                // ngx_http_upstream_test_next asks another only where there is more than one left.
                u.peer.tries = u.peer.tries.min(1);
                NGX_OK as ngx_int_t
            }
            Next::Failed => {
                // Where nobody else is asked, `proxy_cache_valid any` would keep the 502.
                if u.cacheable() != 0 {
                    u.set_cacheable(0);
                    head.was_cacheable.set(true);
                }
                fail(u);
                NGX_AGAIN as ngx_int_t
            }
        }
    })
}

/// Has nginx's own hook read on in the head. It is replaced by the next one when it has read the status line.
fn parse(r: &Request, head: &ResponseHead) -> ngx_int_t {
    let Some(original) = head.process_header.get() else { return NGX_ERROR as ngx_int_t };
    // SAFETY: the upstream part of a live request; nothing refers to it during the call.
    unsafe {
        let u = r.raw().upstream;
        (*u).process_header = Some(original);
        let code = original(r.as_ptr());
        head.process_header.set((*u).process_header);
        (*u).process_header = Some(process_header);
        code
    }
}

/// What follows NGX_AGAIN is that nginx reads on (ngx_http_upstream_process_header). That fails, which is the one way to
/// NGX_HTTP_UPSTREAM_FT_ERROR from here; the connection is closed then and never used again.
fn fail(u: &mut ngx_http_upstream_t) {
    // A buffer without room would be "too big header".
    u.buffer.last = u.buffer.pos;
    // A connection that was kept open and is found closed costs no attempt; this one has answered.
    u.peer.set_cached(0);
    // SAFETY: null or the connection that the answer came by.
    if let Some(connection) = unsafe { u.peer.connection.as_mut() } {
        connection.recv = Some(fail_to_read);
    }
}

unsafe extern "C" fn fail_to_read(_: *mut ngx_connection_t, _: *mut u_char, _: usize) -> isize {
    NGX_ERROR as isize
}
