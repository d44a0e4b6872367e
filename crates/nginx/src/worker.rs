//! The process that serves requests: its clock, its timer, and whether it is about to end.

use std::ffi::c_void;
use std::time::Instant;

use ngx::ffi::{
    NGX_PROCESS_SINGLE, NGX_PROCESS_WORKER, kill, ngx_add_timer, ngx_cached_time, ngx_core_conf_t,
    ngx_core_module, ngx_current_msec, ngx_cycle, ngx_event_t, ngx_exiting, ngx_msec_t, ngx_pid,
    ngx_process, ngx_uint_t, ngx_worker,
};

use crate::boundary::boundary;
use crate::cycle::Cycle;

/// Milliseconds of a clock that never goes back, as nginx last read it. All processes of a machine have the same
/// (src/core/ngx_times.c, ngx_monotonic_time).
pub fn now() -> u64 {
    // SAFETY: a plain number, written by this thread.
    unsafe { ngx_current_msec as u64 }
}

/// Seconds since 1970, as nginx last read the clock.
pub fn unix_time() -> i64 {
    // SAFETY: ngx_cached_time always points to one of nginx's time slots (src/core/ngx_times.c).
    unsafe { (*ngx_cached_time).sec }
}

/// Nanoseconds of a clock that never goes back, read now.
pub fn nanoseconds() -> u64 {
    thread_local! {
        static BEGAN: Instant = Instant::now();
    }
    u64::try_from(BEGAN.with(Instant::elapsed).as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970, as nginx last read the clock.
pub fn unix_milliseconds() -> u64 {
    // SAFETY: as for `unix_time`.
    let (seconds, milliseconds) = unsafe { ((*ngx_cached_time).sec, (*ngx_cached_time).msec) };
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000).saturating_add(milliseconds as u64)
}

/// Whether another worker of that id is there. To be asked by workers, which all have one user.
pub fn is_alive(id: u32) -> bool {
    // SAFETY: no signal is sent; what is found out is whether one could be.
    id == self::id() || i32::try_from(id).is_ok_and(|id| id > 0 && unsafe { kill(id, 0) } == 0)
}

/// How many workers the configuration wants. For a cycle whose configuration was read.
pub fn count(cycle: &Cycle<'_>) -> usize {
    // SAFETY: set at start.
    let conf = cycle.core_conf(unsafe { ngx_core_module.index }).cast::<ngx_core_conf_t>();
    // SAFETY: null or the core module's configuration, complete by then.
    let workers = unsafe { conf.as_ref() }.map_or(1, |conf| conf.worker_processes);
    usize::try_from(workers).unwrap_or(1).max(1)
}

/// The id of this process.
pub fn id() -> u32 {
    // SAFETY: a plain number that is set when a process starts.
    u32::try_from(unsafe { ngx_pid }).unwrap_or(0)
}

/// Whether it serves what it has begun and nothing else: it was asked to quit, or a reload has replaced it.
pub fn is_exiting() -> bool {
    // SAFETY: a plain number, written by this thread's signal handling.
    unsafe { ngx_exiting != 0 }
}

/// Whether it is the first of the workers: one of them may speak for all.
pub fn is_first() -> bool {
    // SAFETY: a plain number that is set when a process starts; one that starts in the place of another has its number
    // (src/os/unix/ngx_process_cycle.c).
    unsafe { ngx_worker == 0 }
}

/// Whether this process is the only one (`master_process off`).
pub fn is_single() -> bool {
    // SAFETY: a plain number that is set when a process starts.
    unsafe { ngx_process == NGX_PROCESS_SINGLE as ngx_uint_t }
}

/// Whether this process serves requests. A cache manager does not.
pub fn serves() -> bool {
    // SAFETY: a plain number that is set when a process starts.
    let kind = unsafe { ngx_process };
    kind == NGX_PROCESS_WORKER as ngx_uint_t || kind == NGX_PROCESS_SINGLE as ngx_uint_t
}

/// Runs `body` with the cycle that this process serves; none before there is one.
///
/// No view of it for longer: with `master_process off` a reload replaces the cycle.
pub fn with_cycle<R>(body: impl FnOnce(&Cycle<'_>) -> R) -> Option<R> {
    // SAFETY: nginx's own pointer: null, or the cycle of this process, alive as long as this call from nginx.
    let cycle = unsafe { Cycle::from_ptr(ngx_cycle) }?;
    Some(body(&cycle))
}

/// What a module does at each tick of a timer of its process.
pub trait Tick: 'static {
    /// Called with the cycle that the process serves. Says in how many milliseconds the next one is to be.
    fn tick(cycle: &Cycle<'_>) -> u64;
}

struct WorkerTimer {
    event: ngx_event_t,
    /// What the last tick said.
    interval: u64,
    tick: fn(&Cycle<'_>) -> u64,
    /// What nginx's debug lines read as the number of a connection (`ngx_event_ident`): an ngx_connection_t's fourth word.
    connection: [usize; 4],
}

/// Calls `T` for as long as this process lives, the first time after `first` milliseconds, then in intervals that it says itself, or
/// in `interval` as long as it has said none. For `init_process`.
///
/// A worker that shuts down does not wait for it (`cancelable`), and has it go on while it waits for something else.
pub fn every<T: Tick>(first: u64, interval: u64) {
    // SAFETY: all of an ngx_event_t's members may be zero.
    let event: ngx_event_t = unsafe { std::mem::zeroed() };
    let timer = WorkerTimer { event, interval, tick: T::tick, connection: [0, 0, 0, usize::MAX] };
    // Freed by nobody: it is nginx's until the process ends.
    let timer: *mut WorkerTimer = Box::leak(Box::new(timer));
    // SAFETY: leaked above, and nothing else refers to it; the cycle of this process is set before init_process.
    unsafe {
        (*timer).event.handler = Some(expired);
        (*timer).event.log = ngx_cycle.as_ref().map_or(std::ptr::null_mut(), |cycle| cycle.log);
        (*timer).event.data = (&raw mut (*timer).connection).cast::<c_void>();
        (*timer).event.set_cancelable(1);
        let first = ngx_msec_t::try_from(first.max(1)).unwrap_or(ngx_msec_t::MAX);
        ngx_add_timer(&raw mut (*timer).event, first);
    }
}

unsafe extern "C" fn expired(event: *mut ngx_event_t) {
    let timer =
        event.wrapping_byte_sub(std::mem::offset_of!(WorkerTimer, event)).cast::<WorkerTimer>();
    // SAFETY: `every` made it and leaked it; nginx's timers belong to this thread. With `master_process off` the log's cycle may
    // have been replaced.
    let (tick, interval) = unsafe {
        (*timer).event.log = ngx_cycle.as_ref().map_or(std::ptr::null_mut(), |cycle| cycle.log);
        ((*timer).tick, (*timer).interval)
    };
    // A tick that panics changes nothing: the timer goes on.
    let interval = boundary(interval, || with_cycle(tick).unwrap_or(interval));
    // SAFETY: as above.
    unsafe {
        (*timer).interval = interval;
        ngx_add_timer(event, ngx_msec_t::try_from(interval.max(1)).unwrap_or(ngx_msec_t::MAX));
    }
}
