//! nginx's error logs, with a writer of ours that sees each line before it is written.
//!
//! A writer sees the whole line, message and all that nginx adds to it, from the first byte of a connection on and of
//! whatever request it serves. nginx's handlers of the log (`c->log->handler`, `r->log_handler`) see but what they add
//! themselves, and nginx sets them anew with each request of a kept connection.

use std::ffi::c_void;
use std::io::{ErrorKind, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

use ngx::ffi::{
    ngx_cached_time, ngx_cycle_t, ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t,
    ngx_http_core_module, ngx_http_module, ngx_listening_t, ngx_log_t, ngx_log_writer_pt,
    ngx_module_t, ngx_uint_t, u_char,
};

use crate::ffi::boundary::boundary;
use crate::ffi::conf::Conf;
use crate::ffi::context::place;

/// An error log of the configuration, by address; it lives as long as its cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ErrorLog(*mut ngx_log_t);

impl ErrorLog {
    /// The log of the server or location that is being merged; nginx's core module merges its own before ours.
    pub(crate) fn of_location(cf: &Conf) -> Option<Self> {
        // SAFETY: the core module's index is set before any configuration is read.
        let index = unsafe { ngx_http_core_module.ctx_index };
        let core = cf.location_conf_of(index).cast::<ngx_http_core_loc_conf_t>();
        // SAFETY: null or the core module's configuration of the place that is being merged.
        let log = unsafe { core.as_ref() }?.error_log;
        (!log.is_null()).then_some(ErrorLog(log))
    }
}

/// What our writer stands in front of, where that is not the log's file.
struct Original {
    writer: ngx_log_writer_pt,
    data: *mut c_void,
}

/// A log that was changed, and what it was: the cycle's pool puts it back when it goes, since nginx's last lines about a
/// cycle may come when the module is already unloaded.
struct Changed {
    log: *mut ngx_log_t,
    original: Original,
}

impl Drop for Changed {
    fn drop(&mut self) {
        // SAFETY: a log of the cycle whose pool is being destroyed; pools run cleanups before they free memory.
        let log = unsafe { &mut *self.log };
        log.writer = self.original.writer;
        log.wdata = self.original.data;
    }
}

/// Puts the masking writer into these logs, the cycle's own, and those of its listening sockets. False when memory is out.
///
/// Called when the cycle's configuration is read and its files are open (`init_module`); before, a later `error_log` could
/// change what the cycle's own log is.
pub(crate) fn mask_all(cycle: &mut ngx_cycle_t, logs: &[ErrorLog]) -> bool {
    let pool = cycle.pool;
    let listening = cycle.listening.elts.cast::<ngx_listening_t>();
    let sockets = (0..cycle.listening.nelts).map(|index| {
        // SAFETY: an array has `nelts` elements. nginx has copied the log into each already (ngx_configure_listening_sockets).
        ErrorLog(unsafe { &raw mut (*listening.add(index)).log })
    });
    let own = std::iter::once(ErrorLog(&raw mut cycle.new_log));
    own.chain(sockets).chain(logs.iter().copied()).all(|ErrorLog(log)| {
        let mut next = log;
        // A log is the first of a chain, one for each `error_log` line of its place.
        // SAFETY: null, or a log of this cycle.
        while let Some(log) = unsafe { next.as_mut() } {
            next = log.next;
            if log.writer.is_some_and(|writer| std::ptr::fn_addr_eq(writer, MASKED)) {
                continue;
            }
            let original = Original { writer: log.writer, data: log.wdata };
            // SAFETY: the cycle's pool.
            let changed = unsafe { place(pool, Changed { log, original }) };
            // SAFETY: null, or what was placed, which lives as long as the log.
            let Some(changed) = (unsafe { changed.as_mut() }) else { return false };
            log.writer = Some(MASKED);
            log.wdata = (&raw mut changed.original).cast();
        }
        true
    })
}

/// This module's main configuration in a cycle that has been read; none where there is no http{}.
pub(crate) fn main_conf<'a, T>(cycle: &'a ngx_cycle_t, module: &ngx_module_t) -> Option<&'a T> {
    // SAFETY: set before any configuration is read.
    let index = unsafe { ngx_http_module.index };
    // SAFETY: conf_ctx has an entry for each module.
    let http = unsafe { (*cycle.conf_ctx.add(index)).cast::<ngx_http_conf_ctx_t>().as_ref() }?;
    // SAFETY: main_conf has an entry for each http module; ours is what create_main_conf returned.
    unsafe { (*http.main_conf.add(module.ctx_index)).cast::<T>().as_ref() }
}

type Writer = unsafe extern "C" fn(*mut ngx_log_t, ngx_uint_t, *mut u_char, usize);

const MASKED: Writer = masked;

/// nginx calls a log's `writer` with the whole line, its line feed included, which it wrote on its stack and passes to each
/// log of the chain in turn (src/core/ngx_log.c, ngx_log_error_core).
unsafe extern "C" fn masked(log: *mut ngx_log_t, level: ngx_uint_t, line: *mut u_char, len: usize) {
    boundary((), || {
        // SAFETY: nginx passes the log that it writes to.
        let Some(log) = (unsafe { log.as_mut() }) else { return };
        // SAFETY: nginx's line buffer, which nothing else refers to.
        let text = unsafe { std::slice::from_raw_parts_mut(line, len) };
        sigv4::mask(text);
        let data = log.wdata;
        // SAFETY: a log that has this writer got its `wdata` in `mask_all`; connections copy both (ngx_set_connection_log).
        let Some(original) = (unsafe { data.cast::<Original>().as_ref() }) else { return };
        match original.writer {
            Some(writer) => {
                log.wdata = original.data;
                // SAFETY: what nginx would have called, with its arguments and the data that it expects.
                unsafe { writer(log, level, line, len) };
                log.wdata = data;
            }
            None => write_to_file(log, text),
        }
    });
}

/// What nginx does where a log has no writer: one write, and none in the second in which the disk was full.
fn write_to_file(log: &mut ngx_log_t, line: &[u8]) {
    // SAFETY: null or an open file of the cycle, whose descriptor changes when logs are reopened.
    let Some(file) = (unsafe { log.file.as_ref() }) else { return };
    // SAFETY: ngx_cached_time always points to one of nginx's time slots (src/core/ngx_times.c).
    let now = unsafe { (*ngx_cached_time).sec };
    if log.disk_full_time == now || file.fd < 0 {
        return;
    }
    // SAFETY: nginx keeps the descriptor open, and `ManuallyDrop` does not close it.
    let mut file = ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(file.fd) });
    if file.write(line).is_err_and(|error| error.kind() == ErrorKind::StorageFull) {
        log.disk_full_time = now;
    }
}
