//! How much came and went, and how long it took.

use ngx::ffi::{ngx_cached_time, ngx_http_upstream_state_t, ngx_msec_t};

use crate::request::Request;

impl Request<'_> {
    /// Bytes of the request so far, head and body (`$request_length`).
    pub fn received_bytes(self) -> u64 {
        u64::try_from(self.read(|r| r.request_length)).unwrap_or(0)
    }

    /// Bytes of the answer that were sent, head and body (`$bytes_sent`).
    pub fn sent_bytes(self) -> u64 {
        // SAFETY: a request has a connection as long as it lives.
        u64::try_from(unsafe { (*self.read(|r| r.connection)).sent }).unwrap_or(0)
    }

    /// Milliseconds since the first byte of the request (`$request_time`).
    pub fn age(self) -> u64 {
        let (second, millisecond) = self.read(|r| (r.start_sec, r.start_msec));
        // SAFETY: ngx_cached_time always points to one of nginx's time slots.
        let (seconds, milliseconds) = unsafe { ((*ngx_cached_time).sec, (*ngx_cached_time).msec) };
        let seconds = seconds.saturating_sub(second).saturating_mul(1000);
        let parts = milliseconds as i64 - millisecond as i64;
        // A clock that was set back.
        u64::try_from(seconds.saturating_add(parts)).unwrap_or(0)
    }

    /// Milliseconds from the beginning of the last attempt at an upstream until the head of its answer
    /// (`$upstream_header_time`); none where there was none.
    pub fn upstream_header_time(self) -> Option<u64> {
        // SAFETY: null or an array of the request's pool.
        let states = unsafe { self.read(|r| r.upstream_states).as_ref() }?;
        let last = states.elts.cast::<ngx_http_upstream_state_t>();
        // SAFETY: the array has `nelts` elements, more than none.
        let state = unsafe { last.add(states.nelts.checked_sub(1)?).as_ref() }?;
        // One that has not come is -1.
        (state.header_time != ngx_msec_t::MAX).then_some(state.header_time as u64)
    }

    /// The status of the answer, or what nginx answers with in its place (`$status`).
    pub fn final_status(self) -> u16 {
        match self.error_status() {
            0 => self.status(),
            status => status,
        }
    }
}
