//! The panic boundary: a bug of ours costs one request, never the worker.
//!
//! Unwinding into C is undefined behaviour, so each `extern "C"` body of this crate runs inside [`boundary`]. A module must be
//! built with `panic = "unwind"` for it.

use std::panic::{self, AssertUnwindSafe};

use ngx::ffi::ngx_cycle;

use crate::log::{self, Level};

/// Runs `body`; where it panics, gives `on_panic` instead. The panic's message and place go to the error log.
///
/// `AssertUnwindSafe` holds because what a panic could leave half done belongs to one request, which the caller's
/// `on_panic` ends, or to buffers that are cleared before each use.
pub(crate) fn boundary<R>(on_panic: R, body: impl FnOnce() -> R) -> R {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // Dropping a payload could panic again, outside of the boundary; leaking a few bytes per bug is harmless.
            std::mem::forget(payload);
            on_panic
        }
    }
}

/// Sends panics to nginx's error log at `alert`, with file and line, instead of to standard error. Lines begin with `prefix`.
///
/// Called whenever a configuration is read, so it also serves processes that nginx forks later.
pub(crate) fn install_panic_hook(prefix: &'static str) {
    panic::set_hook(Box::new(move |info| {
        // SAFETY: ngx_cycle is set before any module's configuration is read.
        let log = unsafe { ngx_cycle.as_ref() }.map_or(std::ptr::null_mut(), |cycle| cycle.log);
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("?");
        let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
        // One line, for whoever reads logs line by line.
        // SAFETY: null, or the cycle's log, which lives as long as the cycle.
        unsafe {
            log::write(log, Level::Alert, format_args!("{prefix}: panicked{place}: {text}"));
        }
    }));
}
