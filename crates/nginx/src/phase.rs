//! Handlers of nginx's phases.

use ngx::ffi::{
    NGX_AGAIN, NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR,
    NGX_HTTP_SATISFY_ANY, NGX_OK, ngx_array_push, ngx_http_complex_value_t,
    ngx_http_core_access_phase, ngx_http_core_main_conf_t, ngx_http_core_module,
    ngx_http_core_run_phases, ngx_http_finalize_request, ngx_http_handler_pt,
    ngx_http_phase_handler_s, ngx_http_phases_NGX_HTTP_ACCESS_PHASE as NGX_HTTP_ACCESS_PHASE,
    ngx_http_phases_NGX_HTTP_LOG_PHASE as NGX_HTTP_LOG_PHASE,
    ngx_http_phases_NGX_HTTP_REWRITE_PHASE as NGX_HTTP_REWRITE_PHASE,
    ngx_http_phases_NGX_HTTP_SERVER_REWRITE_PHASE as NGX_HTTP_SERVER_REWRITE_PHASE,
    ngx_http_request_t, ngx_http_send_response, ngx_int_t, ngx_post_event, ngx_posted_next_events,
    ngx_uint_t,
};

use crate::boundary::boundary;
use crate::conf::{Conf, ConfError};
use crate::request::Request;
use crate::string::string;

/// The phases that a handler can be put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before a location is looked for.
    ServerRewrite,
    /// In the location, before all else there. Subrequests pass it, too.
    Rewrite,
    /// Who may come in. Subrequests do not pass it.
    Access,
    /// When the request has ended; what a handler says is of no consequence. With `log_subrequest` that of each subrequest, too.
    Log,
}

impl Phase {
    fn number(self) -> u32 {
        match self {
            Phase::ServerRewrite => NGX_HTTP_SERVER_REWRITE_PHASE,
            Phase::Rewrite => NGX_HTTP_REWRITE_PHASE,
            Phase::Access => NGX_HTTP_ACCESS_PHASE,
            Phase::Log => NGX_HTTP_LOG_PHASE,
        }
    }
}

/// What a phase handler tells nginx's phase engine (src/http/ngx_http_core_module.c, ngx_http_core_access_phase).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'r> {
    /// The handler waits, and wants to be called again.
    Again,
    /// The handler wants to be called again when other requests have had their turn.
    Yield,
    /// The request is answered with this; the handler is done with it.
    Answered(PhaseAnswer<'r>),
    /// This handler has nothing to say; the next one decides.
    Declined,
    /// Access is granted, as far as this handler is concerned.
    Granted,
    /// The request ends with this HTTP status.
    Refused(u16),
}

/// An answer that a phase handler gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseAnswer<'r> {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static [u8],
    /// The body.
    pub body: &'r [u8],
}

/// A handler of one phase.
pub trait PhaseHandler {
    /// The phase that it is for.
    const PHASE: Phase;

    /// Decides about the request.
    fn handle(r: Request<'_>) -> Verdict<'_>;
}

/// Puts `H` into its phase. For postconfiguration. Handlers run in reverse order of registration, so that one of a dynamic
/// module runs before nginx's own.
///
/// # Errors
///
/// Memory is out.
pub fn install<H: PhaseHandler>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    // SAFETY: the core module's index is set before any configuration is read.
    let index = unsafe { ngx_http_core_module.ctx_index };
    let core = cf.main_conf_of(index).cast::<ngx_http_core_main_conf_t>();
    if core.is_null() {
        return Err("not inside of http".into());
    }
    // SAFETY: the core module's main configuration; `phases` has an element for each phase.
    let handlers = unsafe { &raw mut (*core).phases[H::PHASE.number() as usize].handlers };
    // SAFETY: ngx_http_init_phases has initialised the array before postconfiguration.
    let place = unsafe { ngx_array_push(handlers) }.cast::<ngx_http_handler_pt>();
    if place.is_null() {
        return Err(ConfError::out_of_memory());
    }
    // SAFETY: a fresh element of the array.
    unsafe { place.write(Some(handler::<H>)) };
    Ok(())
}

impl Request<'_> {
    /// Whether one way in is enough (`satisfy any`): nginx asks the next one after 401 and 403, and after no other status.
    pub fn satisfies_any(self) -> bool {
        self.core_location().is_some_and(|core| core.satisfy == NGX_HTTP_SATISFY_ANY as ngx_uint_t)
    }

    /// Whether the request has come to its location, for good, and neither access nor an answer to it is decided: the phase
    /// before access, where `limit_req` and `limit_conn` are, and that of access itself.
    pub fn awaits_access(self) -> bool {
        // SAFETY: set before any configuration is read.
        let index = unsafe { ngx_http_core_module.ctx_index };
        // SAFETY: main_conf has an entry for each http module; the core module's is never null.
        let core = unsafe {
            (*self.read(|r| r.main_conf).add(index)).cast::<ngx_http_core_main_conf_t>().as_ref()
        };
        let Some(core) = core else { return false };
        // Handlers of a phase name the first one of the next phase; the phase engine has nothing that says which phase it is in
        // (src/http/ngx_http.c, ngx_http_init_phase_handlers). There is an access phase: `install` has put a handler there.
        let Ok(current) = usize::try_from(self.read(|r| r.phase_handler)) else { return false };
        let handlers = core.phase_engine.handlers;
        // SAFETY: the handler that the request is at.
        let next = unsafe { (*handlers.add(current)).next };
        let decides = |index: usize| {
            // SAFETY: that one, or the first one of the phase after it; after the last handler of all there is room for a null
            // checker, and for nothing else.
            let checker = unsafe { (*handlers.add(index)).checker };
            checker.is_some_and(|checker| {
                std::ptr::fn_addr_eq(checker, ngx_http_core_access_phase as Checker)
            })
        };
        self.status() == 0 && (decides(current) || decides(next))
    }
}

/// What runs a phase's handlers.
type Checker =
    unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_http_phase_handler_s) -> ngx_int_t;

/// An HTTP status as the code that ends a request with it.
pub(crate) fn status_code(status: u16) -> ngx_int_t {
    // Every nginx_int_t of today has 32 bits or more.
    ngx_int_t::try_from(status).unwrap_or(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t)
}

unsafe extern "C" fn handler<H: PhaseHandler>(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        match H::handle(request) {
            Verdict::Declined => NGX_DECLINED as ngx_int_t,
            Verdict::Again => NGX_AGAIN as ngx_int_t,
            Verdict::Yield => {
                come_again(request);
                NGX_AGAIN as ngx_int_t
            }
            Verdict::Answered(answer) => {
                send(request, &answer);
                NGX_DONE as ngx_int_t
            }
            Verdict::Granted => NGX_OK as ngx_int_t,
            Verdict::Refused(status) => status_code(status),
        }
    })
}

/// Answers the request and ends it, as far as this handler is concerned: the request may be gone then. So this is done here,
/// when the handler has returned.
fn send(r: Request<'_>, answer: &PhaseAnswer<'_>) {
    // An answer that is made up on the spot has no version that an If-Match could be about.
    // SAFETY: single-threaded; no reference to the structure is alive.
    unsafe { crate::request::bits::set_disable_not_modified(r.as_ptr(), true) };
    let mut content_type = string(answer.content_type);
    // SAFETY: all of the structure's members may be zero; then it is a text without variables.
    let mut value: ngx_http_complex_value_t = unsafe { std::mem::zeroed() };
    value.value = string(answer.body);
    // SAFETY: the pointers are valid during the call; the bytes live as long as the request.
    let code = unsafe {
        let status = answer.status.into();
        ngx_http_send_response(r.as_ptr(), status, &raw mut content_type, &raw mut value)
    };
    // SAFETY: a live request; after this it may be gone.
    unsafe { ngx_http_finalize_request(r.as_ptr(), code) };
}

/// Makes nginx run the request's phases again when others have had their turn.
fn come_again(r: Request<'_>) {
    // SAFETY: single-threaded; what limit_req sets when it delays a request, and what stands there in these phases.
    unsafe { (*r.as_ptr()).write_event_handler = Some(ngx_http_core_run_phases) };
    // SAFETY: a request's connection, also a stream's, has a write event, whose handler (ngx_http_request_handler) calls
    // the above. nginx takes it from the queue when the connection is closed (ngx_close_connection,
    // ngx_http_v2_close_stream).
    unsafe {
        ngx_post_event((*r.read(|r| r.connection)).write, &raw mut ngx_posted_next_events);
    }
}
