//! An answer whose head is complete, and that stands still until its module knows what becomes of it.
//!
//! While a head is read, nginx goes by what `recv` gives, and calls `u->process_header` after each byte of it
//! (ngx_http_upstream_process_header). So the last byte is taken back, and given once more when the answer may go on. Meanwhile nothing is
//! read of the connection: that the peer closes it, or sends what it should not, is found out then, as if it came then.

use ngx::ffi::{
    NGX_AGAIN, NGX_ERROR, ngx_add_timer, ngx_connection_t, ngx_http_upstream_t, ngx_msec_t,
    ngx_post_event, ngx_posted_events, ngx_recv_pt, u_char,
};

use crate::boundary::boundary;
use crate::module::HttpModule;
use crate::request::Request;

/// What was taken from a connection and a buffer while their answer stands still.
#[derive(Clone, Copy)]
pub(crate) struct HeldAnswer {
    recv: ngx_recv_pt,
    last: u8,
    /// Whether it may go on.
    is_over: bool,
}

impl HeldAnswer {
    /// Holds the answer of `u`, of which all that has come was shown, for at most so many milliseconds. None where it cannot be held.
    pub(super) fn hold<M: HttpModule>(u: &mut ngx_http_upstream_t, limit: u64) -> Option<Self> {
        // SAFETY: null, or the connection that the answer came by, and what nginx counts of this attempt.
        let (c, state) = unsafe { (u.peer.connection.as_mut()?, u.state.as_mut()?) };
        u.buffer.last = u.buffer.last.wrapping_sub(1);
        // It is counted again when it is given again.
        state.bytes_received -= 1;
        // SAFETY: a head is more than one byte long, and stands in the buffer.
        let last = unsafe { u.buffer.last.read() };
        let recv = c.recv.replace(recv::<M>);
        // SAFETY: a live connection's event. nginx has set its own timer there, for an answer that does not come.
        unsafe { ngx_add_timer(c.read, limit as ngx_msec_t) };
        Some(HeldAnswer { recv, last, is_over: false })
    }

    /// Has nginx look at it again, at the end of this turn of its loop.
    pub(super) fn resume(&mut self, c: &mut ngx_connection_t) {
        self.is_over = true;
        // SAFETY: a live connection's event; closing the connection takes it out.
        unsafe { ngx_post_event(c.read, &raw mut ngx_posted_events) };
    }

    /// Gives the connection back what was taken from it: it may be kept for another request.
    pub(super) fn release(self, c: &mut ngx_connection_t) {
        c.recv = self.recv;
    }
}

unsafe extern "C" fn recv<M: HttpModule>(
    c: *mut ngx_connection_t,
    buffer: *mut u_char,
    size: usize,
) -> isize {
    boundary(NGX_ERROR as isize, || {
        // SAFETY: a connection to a peer has its request as data until it is freed (ngx_http_upstream_connect), and this is taken
        // out before that.
        let request = unsafe { Request::from_ptr((*c).data.cast()) };
        let hooks = request.and_then(Request::existing_hooks::<M>);
        let Some(held) = hooks.map(|hooks| &hooks.response_head.held) else {
            return NGX_ERROR as isize;
        };
        match held.get() {
            Some(answer) if answer.is_over && size > 0 => {
                held.set(None);
                // SAFETY: nginx passes a live connection, and a buffer with room for `size` bytes.
                unsafe {
                    answer.release(&mut *c);
                    buffer.write(answer.last);
                }
                1
            }
            Some(_) => NGX_AGAIN as isize,
            None => NGX_ERROR as isize,
        }
    })
}
