//! Whether the nginx that has loaded the module is of the kind that it was built for.
//!
//! nginx compares version and a signature of its configure options. OpenResty keeps both of the nginx that it patches, but
//! adds members to ngx_cycle_t, ngx_http_request_t and ngx_http_upstream_t (its patches `intercept_error_log`,
//! `http2_subreq_error_wakeup`, `upstream_timeout_fields`), so that either kind's module kills a worker of the other's with
//! the first request.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

use ngx::ffi::NGINX_VER;

use crate::conf::ConfError;

unsafe extern "C" {
    /// POSIX; in the C library that nginx has loaded modules with.
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

/// What only OpenResty's nginx has, since 1.11.2 (its patch `delayed_posted_events`). nginx exports its symbols to modules.
const MARK: &CStr = c"ngx_posted_delayed_events";

/// The version of nginx that the module was built for, which is that of the one that has loaded it.
pub fn nginx_version() -> &'static str {
    let name = NGINX_VER.to_str().unwrap_or_default();
    name.split_once('/').map_or(name, |(_, version)| version)
}

/// Which nginx it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    Nginx,
    OpenResty,
}

impl Flavour {
    /// The one whose headers name themselves `version` (NGINX_VER; OpenResty's patch `server_header`).
    fn of_headers(version: &[u8]) -> Self {
        if version.starts_with(b"openresty/") { Flavour::OpenResty } else { Flavour::Nginx }
    }

    fn of_process() -> Self {
        // A null handle is RTLD_DEFAULT: the program and all that it has loaded.
        // SAFETY: the name is a C string; the address is looked at, and not what is there.
        let mark = unsafe { dlsym(null_mut(), MARK.as_ptr()) };
        if mark.is_null() { Flavour::Nginx } else { Flavour::OpenResty }
    }

    fn name(self) -> &'static str {
        match self {
            Flavour::Nginx => "nginx",
            Flavour::OpenResty => "OpenResty",
        }
    }
}

/// Compares the two. For preconfiguration, before anything looks into a structure that differs. `module` is what the module is
/// called in the message.
///
/// # Errors
///
/// Names both.
pub fn check(module: &str) -> Result<(), ConfError> {
    let built = Flavour::of_headers(NGINX_VER.to_bytes());
    let running = Flavour::of_process();
    if built == running {
        return Ok(());
    }
    Err(format!(
        "the {module} was built for {} and cannot run in {}, whose structures differ: build it against the headers of the \
         one that runs",
        built.name(),
        running.name()
    )
    .into())
}
