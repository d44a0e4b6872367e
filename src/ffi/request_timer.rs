//! A time limit of a request's own.

use std::ptr::NonNull;

use ngx::ffi::{
    ngx_add_timer, ngx_del_timer, ngx_event_t, ngx_http_post_request, ngx_http_request_t,
    ngx_http_run_posted_requests,
};

use crate::ffi::boundary::boundary;
use crate::ffi::context::place;
use crate::ffi::request::Request;

/// In the request's pool, whose end stops it.
struct Timer {
    event: ngx_event_t,
    request: *mut ngx_http_request_t,
    has_expired: bool,
}

impl Drop for Timer {
    fn drop(&mut self) {
        stop(&raw mut self.event);
    }
}

fn stop(event: *mut ngx_event_t) {
    // SAFETY: an event of ours; nginx's timers belong to this thread.
    unsafe {
        if (*event).timer_set() != 0 {
            ngx_del_timer(event);
        }
    }
}

/// A timer that was started, for the request's context, which ends with the request as it does.
pub(crate) struct RequestTimer(NonNull<Timer>);

impl RequestTimer {
    /// Has the request's phase handler called again after so many milliseconds. None when memory is out.
    pub(crate) fn start(r: &Request, milliseconds: u64) -> Option<Self> {
        // SAFETY: all of an ngx_event_t's members may be zero.
        let event: ngx_event_t = unsafe { std::mem::zeroed() };
        let timer = Timer { event, request: r.as_ptr(), has_expired: false };
        // SAFETY: the request's pool.
        let timer = NonNull::new(unsafe { place(r.raw().pool, timer) })?;
        let connection = r.raw().connection;
        // SAFETY: placed above; the connection lives as long as the request, and is what nginx's debug lines want `data` to be.
        unsafe {
            let event = &raw mut (*timer.as_ptr()).event;
            (*event).data = connection.cast();
            (*event).log = (*connection).log;
            (*event).handler = Some(expired);
            ngx_add_timer(event, milliseconds as usize);
        }
        Some(RequestTimer(timer))
    }

    /// Whether the time is over.
    pub(crate) fn has_expired(&self) -> bool {
        // SAFETY: in the request's pool, as the context that has this.
        unsafe { (*self.0.as_ptr()).has_expired }
    }

    /// Nobody is called any more.
    pub(crate) fn stop(&self) {
        // SAFETY: as above.
        stop(unsafe { &raw mut (*self.0.as_ptr()).event });
    }
}

unsafe extern "C" fn expired(event: *mut ngx_event_t) {
    boundary((), || {
        let timer = event.wrapping_byte_sub(std::mem::offset_of!(Timer, event)).cast::<Timer>();
        // SAFETY: the event of a timer whose request lives, since its pool's end would have stopped it.
        unsafe {
            (*timer).has_expired = true;
            let r = (*timer).request;
            let c = (*r).connection;
            // The way of a subrequest's end: what waits for it is run by the connection.
            if ngx_http_post_request(r, std::ptr::null_mut()) == 0 {
                ngx_http_run_posted_requests(c);
            }
        }
    });
}
