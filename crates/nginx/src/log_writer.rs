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
    ngx_cached_time, ngx_listening_t, ngx_log_t, ngx_log_writer_pt, ngx_uint_t, u_char,
};

use crate::boundary::boundary;
use crate::conf::{Conf, ConfError};
use crate::cycle::Cycle;
use crate::module::HttpModule;
use crate::pool::Pool;

/// What a module changes in the lines of error logs.
pub trait LogMask: HttpModule {
    /// Sees each line, its line feed included, before it is written; it may change bytes, and not the length.
    fn mask(line: &mut [u8]);
}

/// Notes the log of the server or location that is being merged, for [`install`]: nginx keeps no list of them.
///
/// # Errors
///
/// The parser is outside of http{}.
pub fn note_log<M: LogMask>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let log = cf.core_location_conf().map_or(std::ptr::null_mut(), |core| core.error_log);
    if !log.is_null() {
        cf.main_slot::<M>()?.hooks.error_logs.get_mut().insert(log);
    }
    Ok(())
}

/// What our writer stands in front of, where that is not the log's file.
#[derive(Clone, Copy)]
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

/// Puts the writer into the logs that were noted, the cycle's own, and those of its listening sockets.
///
/// For `init_module`, when the cycle's configuration is read and its files are open; before, a later `error_log` could
/// change what the cycle's own log is.
///
/// # Errors
///
/// Memory is out.
pub fn install<M: LogMask>(cycle: &Cycle<'_>) -> Result<(), ConfError> {
    let raw = cycle.as_ptr();
    // SAFETY: the cycle is alive, and so is its pool.
    let pool = unsafe { Pool::from_ptr((*raw).pool) }.ok_or_else(ConfError::out_of_memory)?;
    // SAFETY: an array of ngx_listening_t with `nelts` elements.
    let (sockets, count) =
        unsafe { ((*raw).listening.elts.cast::<ngx_listening_t>(), (*raw).listening.nelts) };
    // nginx has copied the log into each already (ngx_configure_listening_sockets).
    // SAFETY: as above.
    let of_sockets = (0..count).map(|index| unsafe { &raw mut (*sockets.add(index)).log });
    // SAFETY: the cycle is alive.
    let own = std::iter::once(unsafe { &raw mut (*raw).new_log });
    let noted = cycle.main_slot::<M>().map(|slot| slot.hooks.error_logs.borrow());
    let noted = noted.iter().flat_map(|logs| logs.iter().copied());
    own.chain(of_sockets).chain(noted).try_for_each(|first| {
        let mut log = first;
        // A log is the first of a chain, one for each `error_log` line of its place.
        while !log.is_null() {
            // SAFETY: a log of this cycle.
            unsafe { put::<M>(pool, log) }?;
            // SAFETY: as above.
            log = unsafe { (*log).next };
        }
        Ok(())
    })
}

/// # Safety
///
/// `log` must be a log of the cycle whose pool this is.
unsafe fn put<M: LogMask>(pool: Pool<'_>, log: *mut ngx_log_t) -> Result<(), ConfError> {
    // SAFETY: the caller's promise.
    let original = unsafe { Original { writer: (*log).writer, data: (*log).wdata } };
    let ours: unsafe extern "C" fn(_, _, _, _) = write::<M>;
    if original.writer.is_some_and(|writer| std::ptr::fn_addr_eq(writer, ours)) {
        return Ok(());
    }
    let changed = pool.place(Changed { log, original });
    if changed.is_null() {
        return Err(ConfError::out_of_memory());
    }
    // SAFETY: the caller's promise; what was placed lives as long as the log.
    unsafe {
        (*log).writer = Some(ours);
        (*log).wdata = (&raw mut (*changed).original).cast();
    }
    Ok(())
}

/// nginx calls a log's `writer` with the whole line, its line feed included, which it wrote on its stack and passes to each
/// log of the chain in turn (src/core/ngx_log.c, ngx_log_error_core).
unsafe extern "C" fn write<M: LogMask>(
    log: *mut ngx_log_t,
    level: ngx_uint_t,
    line: *mut u_char,
    len: usize,
) {
    boundary((), || {
        if log.is_null() || line.is_null() {
            return;
        }
        // SAFETY: nginx's line buffer, which nothing else refers to; the slice ends with this statement.
        M::mask(unsafe { std::slice::from_raw_parts_mut(line, len) });
        // SAFETY: nginx passes the log that it writes to.
        let data = unsafe { (*log).wdata };
        // SAFETY: a log that has this writer got its `wdata` in `put`; connections copy both (ngx_set_connection_log).
        let Some(original) = (unsafe { data.cast::<Original>().as_ref().copied() }) else { return };
        match original.writer {
            // SAFETY: what nginx would have called, with its arguments and the data that it expects.
            Some(writer) => unsafe {
                (*log).wdata = original.data;
                writer(log, level, line, len);
                (*log).wdata = data;
            },
            // SAFETY: as above.
            None => unsafe { write_to_file(&mut *log, std::slice::from_raw_parts(line, len)) },
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
