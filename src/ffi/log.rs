//! Lines for nginx's error log.

use std::fmt;

use ngx::ffi::{
    NGX_LOG_ALERT, NGX_LOG_EMERG, NGX_LOG_ERR, NGX_LOG_INFO, ngx_log_error_core, ngx_log_t,
    ngx_uint_t,
};

/// nginx's severities, as far as the module uses them. A client's fault is `Info`, a failed authentication or an origin's
/// fault `Error`, a fault of ours `Alert`: the levels that nginx itself uses for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The configuration cannot be used.
    Emerg,
    /// A bug in the module.
    Alert,
    /// A refused signature, or an origin that misbehaves.
    Error,
    /// A client's mistake.
    Info,
}

impl Level {
    fn number(self) -> ngx_uint_t {
        let number = match self {
            Level::Emerg => NGX_LOG_EMERG,
            Level::Alert => NGX_LOG_ALERT,
            Level::Error => NGX_LOG_ERR,
            Level::Info => NGX_LOG_INFO,
        };
        number as ngx_uint_t
    }
}

/// Writes one line to `log`, unless its level hides it; a null `log` takes nothing.
///
/// The text is formatted only when it will be written. nginx cuts lines at 2048 bytes.
pub(crate) fn write(log: *mut ngx_log_t, level: Level, line: fmt::Arguments<'_>) {
    // SAFETY: callers pass a log of nginx (a cycle's, a connection's), which outlives the call, or null.
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
