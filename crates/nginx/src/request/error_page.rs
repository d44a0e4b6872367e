//! Telling a page that `error_page` names from one that nginx makes up.
//!
//! In both, `r->err_status` is the error's, and `r->error_page` says that an `error_page` was looked for (not even that with
//! `recursive_error_pages`), not that it came to be: its location may have failed in turn. What differs is that for a page of
//! its own nginx clears `Last-Modified` (src/http/ngx_http_special_response.c, ngx_http_send_special_response). So a request
//! that sets out for an `error_page` gets a time that means "none" as well, but is not the one that clearing leaves. Whoever
//! delivers a page leaves it alone or sets a real time.

use ngx::ffi::{ngx_http_core_module, ngx_http_core_srv_conf_t};

use crate::conf::{Conf, ConfError};
use crate::phase::{self, Phase, PhaseHandler, Verdict};
use crate::request::Request;

/// No `Last-Modified`.
const NONE: i64 = -1;
/// None either: nginx looks for -1 only where a header is sent, and there this module has put it back.
const ON_THE_WAY: i64 = -2;

/// What a module does with a request that is on its way to an `error_page`.
pub trait ErrorPage: 'static {
    /// Called when it sets out, with the error that it has now.
    fn sets_out(r: Request<'_>);
}

/// Puts a handler where requests for an `error_page` come by: a URI starts in the server's rewrite phase. A named location starts
/// in that of a location, whose handler calls [`note_error_page`]. For postconfiguration; without both
/// [`Request::is_own_error`] cannot tell.
///
/// # Errors
///
/// Memory is out.
pub fn install_error_page<H: ErrorPage>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    phase::install::<AtUri<H>>(cf)
}

struct AtUri<H>(H);

impl<H: ErrorPage> PhaseHandler for AtUri<H> {
    const PHASE: Phase = Phase::ServerRewrite;

    fn handle(r: Request<'_>) -> Verdict<'_> {
        note_error_page::<H>(r);
        Verdict::Declined
    }
}

/// Marks a request that is on its way to an `error_page`. For a handler of the rewrite phase, before it does anything else.
#[inline]
pub fn note_error_page<H: ErrorPage>(r: Request<'_>) {
    if !r.is_internal() || r.error_status() < 400 {
        return;
    }
    if r.read(|r| r.headers_out.last_modified_time) == NONE {
        // SAFETY: single-threaded; no reference into headers_out is alive.
        unsafe { (*r.as_ptr()).headers_out.last_modified_time = ON_THE_WAY };
    }
    H::sets_out(r);
}

impl Request<'_> {
    /// Whether nginx made up the response for an error by itself. To be asked once, when the header is sent.
    pub fn is_own_error(self) -> bool {
        match self.read(|r| r.headers_out.last_modified_time) {
            ON_THE_WAY => {
                // SAFETY: single-threaded; no reference into headers_out is alive.
                unsafe { (*self.as_ptr()).headers_out.last_modified_time = NONE };
                false
            }
            time => time == NONE && self.error_status() >= 400,
        }
    }

    /// Whether nginx looked for an `error_page` of this request.
    pub fn had_error_page(self) -> bool {
        self.read(crate::request::bits::error_page)
    }

    /// Whether the request is on its way to the URI of an `error_page` without `=`, and not to a named location.
    pub fn is_for_error_uri(self) -> bool {
        let is_named = self.core_location().is_some_and(|core| core.named() != 0);
        self.is_internal() && self.error_status() >= 400 && !is_named
    }

    /// Whether no location has taken the request, or not yet: what counts is the server's configuration.
    pub fn has_no_location(self) -> bool {
        // SAFETY: set before any configuration is read.
        let index = unsafe { ngx_http_core_module.ctx_index };
        // SAFETY: srv_conf has an entry for each http module; the core module's is never null.
        let core = unsafe {
            (*self.read(|r| r.srv_conf).add(index)).cast::<ngx_http_core_srv_conf_t>().as_ref()
        };
        // SAFETY: a server's `ctx` is the context of its block.
        let server = core.and_then(|core| unsafe { core.ctx.as_ref() });
        server.is_some_and(|server| std::ptr::eq(server.loc_conf, self.read(|r| r.loc_conf)))
    }
}
