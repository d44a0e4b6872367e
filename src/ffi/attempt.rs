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

use crate::ffi::peer::UpstreamId;
use crate::ffi::request::Request;
use crate::ffi::upstream_peers::PeerId;

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

/// An attempt under way.
pub(crate) struct Attempt {
    link: NonNull<Link>,
    u: NonNull<ngx_http_upstream_t>,
}

/// Shows each attempt that has a connection, of whatever upstream, to `visit`.
pub(crate) fn for_each(mut visit: impl FnMut(&Attempt)) {
    let mut next = FIRST.get();
    while let Some(link) = NonNull::new(next) {
        // SAFETY: what is in the list is alive, and nothing that `visit` can do takes it out: giving up is only posted.
        let u = unsafe {
            next = (*link.as_ptr()).next;
            NonNull::new((*(*link.as_ptr()).request).upstream)
        };
        let Some(u) = u else { continue };
        // SAFETY: the upstream part of a live request.
        if unsafe { (*u.as_ptr()).peer.connection.is_null() } {
            continue;
        }
        visit(&Attempt { link, u });
    }
}

impl Attempt {
    fn link(&self) -> &Link {
        // SAFETY: in the list, as long as `for_each` runs.
        unsafe { self.link.as_ref() }
    }

    fn u(&self) -> &ngx_http_upstream_t {
        // SAFETY: the upstream part of a live request; single-threaded.
        unsafe { self.u.as_ref() }
    }

    /// The upstream that the peer was picked from.
    pub(crate) fn upstream(&self) -> UpstreamId {
        self.link().upstream
    }

    /// The peer that it is at.
    pub(crate) fn peer(&self) -> PeerId {
        PeerId::of(self.u().peer.sockaddr)
    }

    /// The request that it serves.
    pub(crate) fn request(&self) -> Option<Request> {
        // SAFETY: alive while its link is in the list; the view ends with the visit.
        unsafe { Request::new(self.link().request) }
    }

    /// Whether the client has got anything of the peer's answer.
    pub(crate) fn is_answering(&self) -> bool {
        self.u().header_sent() != 0
    }

    /// Whether anything of the request may have reached the peer.
    pub(crate) fn is_sent(&self) -> bool {
        self.u().request_sent() != 0
    }

    /// Whether the method is one that nginx does not repeat (ngx_http_upstream_next).
    pub(crate) fn is_non_idempotent(&self) -> bool {
        const METHODS: ngx_uint_t = (NGX_HTTP_POST | NGX_HTTP_LOCK | NGX_HTTP_PATCH) as ngx_uint_t;
        // SAFETY: alive while its link is in the list.
        unsafe { (*self.link().request).method & METHODS != 0 }
    }

    /// Whether the body goes on as it comes, and is not kept for another peer.
    pub(crate) fn is_unbuffered(&self) -> bool {
        // SAFETY: alive while its link is in the list.
        unsafe { (*self.link().request).request_body_no_buffering() != 0 }
    }

    /// Whether another peer may be tried after this one.
    pub(crate) fn has_more_tries(&self) -> bool {
        // The one under way is counted until it is freed.
        self.u().peer.tries > 1
    }

    /// For how long nothing was sent, in milliseconds, as far as this was asked before.
    pub(crate) fn stands_still(&self, now: u64) -> u64 {
        // SAFETY: `for_each` has seen that there is a connection.
        let sent = unsafe { (*self.u().peer.connection).sent };
        let (before, since) = self.link().progress.get();
        if sent != before {
            self.link().progress.set((sent, now));
            return 0;
        }
        now.saturating_sub(since)
    }

    /// Whether it is one of a subrequest of this request.
    pub(crate) fn is_for(&self, r: &Request) -> bool {
        // SAFETY: alive while its link is in the list.
        unsafe { std::ptr::eq((*self.link().request).parent, r.as_ptr()) }
    }

    /// As [`give_up`](Self::give_up), and no other peer is tried.
    pub(crate) fn give_up_for_good(&self) {
        // nginx frees the peer, which takes the last try, before it looks whether there is one.
        // SAFETY: the upstream part of a live request; no reference to it is alive.
        unsafe { (*self.u.as_ptr()).peer.tries = 1 };
        self.give_up();
    }

    /// Ends it as if the time to wait for the peer had run out: nginx tries the next peer or says 504, at once.
    pub(crate) fn give_up(&self) {
        let c = self.u().peer.connection;
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
