//! Lines for nginx's error log.

use std::fmt;

use ngx::ffi::{
    NGX_LOG_ALERT, NGX_LOG_EMERG, NGX_LOG_ERR, NGX_LOG_INFO, NGX_LOG_NOTICE, NGX_LOG_WARN,
    ngx_log_error_core, ngx_log_t, ngx_uint_t,
};

/// nginx's severities, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The configuration cannot be used.
    Emerg,
    /// A bug.
    Alert,
    /// A request failed, by no fault of the client's.
    Error,
    /// Something that may be wrong.
    Warn,
    /// Something that an operator may want to know.
    Notice,
    /// A client's mistake.
    Info,
}

impl Level {
    pub(crate) fn number(self) -> ngx_uint_t {
        let number = match self {
            Level::Emerg => NGX_LOG_EMERG,
            Level::Alert => NGX_LOG_ALERT,
            Level::Error => NGX_LOG_ERR,
            Level::Warn => NGX_LOG_WARN,
            Level::Notice => NGX_LOG_NOTICE,
            Level::Info => NGX_LOG_INFO,
        };
        number as ngx_uint_t
    }
}

/// Writes one line to `log`, unless its level hides it; a null `log` takes nothing.
///
/// The text is formatted only when it will be written. nginx cuts lines at 2048 bytes.
///
/// # Safety
///
/// `log` must be null or a log of nginx (a cycle's, a connection's) that outlives the call.
#[cold]
#[inline(never)]
pub(crate) unsafe fn write(log: *mut ngx_log_t, level: Level, line: fmt::Arguments<'_>) {
    // SAFETY: the caller's promise.
    let Some(threshold) = unsafe { log.as_ref() }.map(|log| log.log_level) else { return };
    if threshold < level.number() {
        return;
    }
    // Bytes of a peer that reach a line are escaped by the formatter of whoever quotes them.
    let text = line.to_string();
    // SAFETY: `%*s` takes a size_t and a pointer to that many bytes (src/core/ngx_string.c); both are given.
    unsafe {
        ngx_log_error_core(level.number(), log, 0, c"%*s".as_ptr(), text.len(), text.as_ptr())
    };
}
