//! Attempts: requests that are at a peer, from the balancer's choice to their end there.
//!
//! Each worker has a list of its own. What is in it lives in its request's pool, and `peer.free`, which nginx calls once for
//! each peer that was got, takes it out (src/http/ngx_http_upstream.c, ngx_http_upstream_next and
//! ngx_http_upstream_finalize_request).

use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

use ngx::ffi::{
    NGX_HTTP_LOCK, NGX_HTTP_PATCH, NGX_HTTP_POST, ngx_event_t, ngx_http_request_t,
    ngx_http_upstream_t, ngx_post_event, ngx_posted_events, ngx_uint_t,
};

use super::conf::UpstreamId;
use super::peers::PeerId;
use super::process_header::{self, UpstreamResponse};
use crate::request::Request;

/// A place in the list.
pub(crate) struct Link {
    request: *mut ngx_http_request_t,
    upstream: UpstreamId,
    is_linked: bool,
    previous: *mut Link,
    next: *mut Link,
    /// For whoever watches its progress: bytes that were sent, and since when it is so many.
    progress: Cell<(i64, u64)>,
}

thread_local! {
    static FIRST: Cell<*mut Link> = const { Cell::new(null_mut()) };
}

impl Link {
    /// Of an attempt that has not begun.
    pub(crate) fn new(request: *mut ngx_http_request_t, upstream: UpstreamId) -> Self {
        let progress = Cell::new((-1, 0));
        Link {
            request,
            upstream,
            is_linked: false,
            previous: null_mut(),
            next: null_mut(),
            progress,
        }
    }

    /// Puts it into the list, unless it is there.
    ///
    /// # Safety
    ///
    /// `link` must stay where it is, and its request alive, until [`remove`](Self::remove).
    pub(crate) unsafe fn insert(link: *mut Link) {
        // SAFETY: the caller's promise, also of all that is in the list; one thread uses it.
        unsafe {
            if (*link).is_linked {
                return;
            }
            let first = FIRST.replace(link);
            (*link).is_linked = true;
            (*link).progress.set((-1, 0));
            (*link).previous = null_mut();
            (*link).next = first;
            if let Some(first) = first.as_mut() {
                first.previous = link;
            }
        }
    }

    /// Takes it out of the list, if it is there.
    ///
    /// # Safety
    ///
    /// As for [`insert`](Self::insert).
    pub(crate) unsafe fn remove(link: *mut Link) {
        // SAFETY: the caller's promise, also of its neighbours.
        unsafe {
            if !(*link).is_linked {
                return;
            }
            (*link).is_linked = false;
            match (*link).previous.as_mut() {
                Some(previous) => previous.next = (*link).next,
                None => FIRST.set((*link).next),
            }
            if let Some(next) = (*link).next.as_mut() {
                next.previous = (*link).previous;
            }
        }
    }
}

/// An attempt under way, for the duration of one visit.
pub struct Attempt<'a> {
    link: &'a Link,
    u: NonNull<ngx_http_upstream_t>,
}

/// Shows each attempt that has a connection, of whatever upstream, to `visit`.
pub fn for_each(mut visit: impl FnMut(&Attempt<'_>)) {
    let mut next = FIRST.get();
    // SAFETY: what is in the list is alive, and nothing that `visit` can do takes it out: giving up is only posted.
    while let Some(link) = unsafe { next.as_ref() } {
        next = link.next;
        // SAFETY: as above.
        let Some(u) = NonNull::new(unsafe { (*link.request).upstream }) else { continue };
        // SAFETY: the upstream part of a live request.
        if unsafe { !(*u.as_ptr()).peer.connection.is_null() } {
            visit(&Attempt { link, u });
        }
    }
}

impl<'a> Attempt<'a> {
    /// Reads nginx's structure, which nothing writes to meanwhile.
    fn read<T: Copy>(&self, read: impl FnOnce(&ngx_http_upstream_t) -> T) -> T {
        // SAFETY: the upstream part of a live request; the reference ends with this call.
        read(unsafe { self.u.as_ref() })
    }

    /// The upstream that the peer was picked from.
    pub fn upstream(&self) -> UpstreamId {
        self.link.upstream
    }

    /// The peer that it is at.
    pub fn peer(&self) -> PeerId {
        PeerId::of(self.read(|u| u.peer.sockaddr))
    }

    /// The request that it serves.
    pub fn request(&self) -> Option<Request<'a>> {
        // SAFETY: alive while its link is in the list; the view ends with the visit.
        unsafe { Request::from_ptr(self.link.request) }
    }

    /// Whether the client has got anything of the peer's answer.
    pub fn is_answering(&self) -> bool {
        self.read(|u| u.header_sent()) != 0
    }

    /// Whether anything of the request may have reached the peer.
    pub fn is_sent(&self) -> bool {
        self.read(|u| u.request_sent()) != 0
    }

    /// Whether the method is one that nginx does not repeat (ngx_http_upstream_next).
    pub fn is_non_idempotent(&self) -> bool {
        const METHODS: ngx_uint_t = (NGX_HTTP_POST | NGX_HTTP_LOCK | NGX_HTTP_PATCH) as ngx_uint_t;
        self.request().is_some_and(|r| r.read(|r| r.method) & METHODS != 0)
    }

    /// Whether the body goes on as it comes, and is not kept for another peer.
    pub fn is_unbuffered(&self) -> bool {
        self.request().is_some_and(|r| r.read(crate::request::bits::request_body_no_buffering))
    }

    /// Whether another peer may be tried after this one.
    pub fn has_more_tries(&self) -> bool {
        self.read(process_header::has_more_tries)
    }

    /// For how long nothing was sent, in milliseconds, as far as this was asked before.
    pub fn stands_still(&self, now: u64) -> u64 {
        // SAFETY: `for_each` has seen that there is a connection.
        let sent = unsafe { (*self.read(|u| u.peer.connection)).sent };
        let (before, since) = self.link.progress.get();
        if sent != before {
            self.link.progress.set((sent, now));
            return 0;
        }
        now.saturating_sub(since)
    }

    /// Whether it is one of a subrequest of this request.
    pub fn is_for(&self, r: Request<'_>) -> bool {
        self.request().and_then(Request::parent).is_some_and(|parent| parent.as_ptr() == r.as_ptr())
    }

    /// Has [`UpstreamResponse::next`] say again what becomes of its answer, if that is held.
    pub fn resume<M: UpstreamResponse>(&self) {
        let hooks = self.request().and_then(Request::existing_hooks::<M>);
        let Some(held) = hooks.map(|hooks| &hooks.response_head.held) else { return };
        // SAFETY: `for_each` has seen that there is a connection.
        let c = unsafe { &mut *self.read(|u| u.peer.connection) };
        if let Some(mut answer) = held.take() {
            answer.resume(c);
            held.set(Some(answer));
        }
    }

    /// As [`give_up`](Self::give_up), and no other peer is tried.
    pub fn give_up_for_good(&self) {
        // nginx frees the peer, which takes the last try, before it looks whether there is one.
        // SAFETY: the upstream part of a live request; no reference to it is alive.
        unsafe { (*self.u.as_ptr()).peer.tries = 1 };
        self.give_up();
    }

    /// Ends it as if the time to wait for the peer had run out: nginx tries the next peer or says 504, at once.
    pub fn give_up(&self) {
        let c = self.read(|u| u.peer.connection);
        // Both: while a TLS handshake is under way, the write event alone says that the time is over.
        // SAFETY: a live connection, whose events nginx handles at the end of this turn of its loop
        // (ngx_process_events_and_timers); closing it takes them out.
        unsafe {
            let (read, write): (*mut ngx_event_t, *mut ngx_event_t) = ((*c).read, (*c).write);
            (*read).set_timedout(1);
            (*write).set_timedout(1);
            ngx_post_event(read, &raw mut ngx_posted_events);
        }
    }
}
