//! The worker process: its clock, its timer, and whether it is about to end.

use std::ffi::c_void;
use std::fmt;

use ngx::ffi::{
    NGX_PROCESS_SINGLE, NGX_PROCESS_WORKER, ngx_add_timer, ngx_cached_time, ngx_current_msec,
    ngx_cycle, ngx_event_t, ngx_exiting, ngx_http_conf_ctx_t, ngx_http_module, ngx_module_t,
    ngx_msec_t, ngx_pid, ngx_process, ngx_uint_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::log::{self, Level};

/// Milliseconds of a clock that never goes back, as nginx last read it. All processes of a machine have the same
/// (src/core/ngx_times.c, ngx_monotonic_time).
pub(crate) fn now() -> u64 {
    // SAFETY: a plain number, written by this thread.
    unsafe { ngx_current_msec as u64 }
}

/// Seconds since 1970, as nginx last read the clock.
pub(crate) fn unix_time() -> i64 {
    // SAFETY: ngx_cached_time always points to one of nginx's time slots (src/core/ngx_times.c).
    unsafe { (*ngx_cached_time).sec }
}

/// Writes a line to the error log of the cycle that this process serves.
pub(crate) fn log(level: Level, line: fmt::Arguments<'_>) {
    // SAFETY: the cycle of this process, whose log lives as long as it.
    let log = unsafe { ngx_cycle.as_ref() }.map_or(std::ptr::null_mut(), |cycle| cycle.log);
    log::write(log, level, line);
}

/// The id of this process.
pub(crate) fn id() -> u32 {
    // SAFETY: a plain number that is set when a process starts.
    u32::try_from(unsafe { ngx_pid }).unwrap_or(0)
}

/// Whether it serves what it has begun and nothing else: it was asked to quit, or a reload has replaced it.
pub(crate) fn is_exiting() -> bool {
    // SAFETY: a plain number, written by this thread's signal handling.
    unsafe { ngx_exiting != 0 }
}

/// Whether this process serves requests. A cache manager does not.
pub(crate) fn serves() -> bool {
    // SAFETY: a plain number that is set when a process starts.
    let kind = unsafe { ngx_process };
    kind == NGX_PROCESS_WORKER as ngx_uint_t || kind == NGX_PROCESS_SINGLE as ngx_uint_t
}

/// Runs `body` with this module's main configuration in the cycle that this process serves; none where it has no http{}.
///
/// Not a reference for longer: with `master_process off` a reload replaces the cycle.
pub(crate) fn with_main_conf<T, R>(module: &ngx_module_t, body: impl FnOnce(&T) -> R) -> Option<R> {
    // SAFETY: the cycle of this process, alive as long as `ngx_cycle` names it; the index is set before any configuration is
    // read, and conf_ctx has an entry for each module.
    let http = unsafe {
        let cycle = ngx_cycle.as_ref()?;
        (*cycle.conf_ctx.add(ngx_http_module.index)).cast::<ngx_http_conf_ctx_t>().as_ref()
    }?;
    // SAFETY: main_conf has an entry for each http module; ours is what create_main_conf returned.
    let conf = unsafe { (*http.main_conf.add(module.ctx_index)).cast::<T>().as_ref() }?;
    Some(body(conf))
}

struct Timer {
    event: ngx_event_t,
    interval: ngx_msec_t,
    tick: fn(),
    /// What nginx's debug lines read as the number of a connection (`ngx_event_ident`): an ngx_connection_t's fourth word.
    connection: [usize; 4],
}

/// Calls `tick` every `interval` milliseconds for as long as this process lives. For `init_process`.
///
/// A worker that shuts down does not wait for it (`cancelable`), and has it go on while it waits for something else.
pub(crate) fn every(interval: usize, tick: fn()) {
    // SAFETY: all of an ngx_event_t's members may be zero.
    let event: ngx_event_t = unsafe { std::mem::zeroed() };
    let timer = Timer { event, interval: interval.max(1), tick, connection: [0, 0, 0, usize::MAX] };
    // Freed by nobody: it is nginx's until the process ends.
    let timer: *mut Timer = Box::leak(Box::new(timer));
    // SAFETY: leaked above, and nothing else refers to it; the cycle of this process is set before init_process.
    unsafe {
        (*timer).event.handler = Some(expired);
        (*timer).event.log = ngx_cycle.as_ref().map_or(std::ptr::null_mut(), |cycle| cycle.log);
        (*timer).event.data = (&raw mut (*timer).connection).cast::<c_void>();
        (*timer).event.set_cancelable(1);
        ngx_add_timer(&raw mut (*timer).event, 1);
    }
}

unsafe extern "C" fn expired(event: *mut ngx_event_t) {
    let timer = event.wrapping_byte_sub(std::mem::offset_of!(Timer, event)).cast::<Timer>();
    // Set before the tick, which may panic: the timer must go on.
    // SAFETY: `every` made it and leaked it; nginx's timers belong to this thread. With `master_process off` the log's cycle may
    // have been replaced.
    let tick = unsafe {
        (*timer).event.log = ngx_cycle.as_ref().map_or(std::ptr::null_mut(), |cycle| cycle.log);
        ngx_add_timer(event, (*timer).interval);
        (*timer).tick
    };
    boundary((), tick);
}
