//! A time limit of a request's own.

use std::ptr::null_mut;

use ngx::ffi::{
    NGX_OK, ngx_add_timer, ngx_del_timer, ngx_event_t, ngx_http_post_request, ngx_http_request_t,
    ngx_http_run_posted_requests, ngx_int_t, ngx_msec_t,
};

use crate::boundary::boundary;
use crate::module::HttpModule;
use crate::request::Request;

/// A timer that was started; it stops when it is dropped, with the request's context at the latest.
pub(crate) struct RequestTimer(*mut RunningTimer);

struct RunningTimer {
    event: ngx_event_t,
    request: *mut ngx_http_request_t,
    has_expired: bool,
}

impl Drop for RequestTimer {
    fn drop(&mut self) {
        // SAFETY: `start_timer` made it and nothing else owns it; nginx's timers belong to this thread.
        unsafe {
            if (*self.0).event.timer_set() != 0 {
                ngx_del_timer(&raw mut (*self.0).event);
            }
            drop(Box::from_raw(self.0));
        }
    }
}

impl Request<'_> {
    /// Has the phase handler that waits called again after so many milliseconds, unless the timer is stopped. False when memory
    /// is out.
    pub fn start_timer<M: HttpModule>(self, milliseconds: u64) -> bool {
        let Some(hooks) = self.hooks::<M>() else { return false };
        // SAFETY: all of an ngx_event_t's members may be zero.
        let event: ngx_event_t = unsafe { std::mem::zeroed() };
        let running = RunningTimer { event, request: self.as_ptr(), has_expired: false };
        let running: *mut RunningTimer = Box::into_raw(Box::new(running));
        let connection = self.read(|r| r.connection);
        // SAFETY: made above; the connection lives as long as the request, and is what nginx's debug lines want `data` to be.
        unsafe {
            (*running).event.data = connection.cast();
            (*running).event.log = (*connection).log;
            (*running).event.handler = Some(expired);
            let time = ngx_msec_t::try_from(milliseconds).unwrap_or(ngx_msec_t::MAX);
            ngx_add_timer(&raw mut (*running).event, time);
        }
        hooks.timer.replace(Some(RequestTimer(running)));
        true
    }

    /// Whether the time of the timer is over; none where no timer was started, or where it was stopped.
    pub fn timer_has_expired<M: HttpModule>(self) -> Option<bool> {
        let timer = self.existing_hooks::<M>()?.timer.borrow();
        // SAFETY: alive as long as the timer that has it.
        timer.as_ref().map(|timer| unsafe { (*timer.0).has_expired })
    }

    /// Nobody is called any more.
    pub fn stop_timer<M: HttpModule>(self) {
        if let Some(hooks) = self.existing_hooks::<M>() {
            hooks.timer.replace(None);
        }
    }

    /// Has the phase handler that waits called again, when what is under way has ended.
    pub(crate) fn wake(self) {
        // Out of memory: then its timer wakes it, or the client's patience ends.
        // SAFETY: a live request.
        unsafe { ngx_http_post_request(self.as_ptr(), null_mut()) };
    }
}

unsafe extern "C" fn expired(event: *mut ngx_event_t) {
    boundary((), || {
        let running = event
            .wrapping_byte_sub(std::mem::offset_of!(RunningTimer, event))
            .cast::<RunningTimer>();
        // SAFETY: the event of a timer whose request lives, since the end of its context would have stopped it. After the
        // request was run, neither may be left.
        unsafe {
            (*running).has_expired = true;
            let r = (*running).request;
            let c = (*r).connection;
            if ngx_http_post_request(r, null_mut()) == NGX_OK as ngx_int_t {
                ngx_http_run_posted_requests(c);
            }
        }
    });
}
