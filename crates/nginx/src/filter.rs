//! The chain of output filters: header filter and body filter.

use std::cell::Cell;

use ngx::core::Status;
use ngx::ffi::{
    NGX_ERROR, ngx_chain_t, ngx_http_output_body_filter_pt, ngx_http_output_header_filter_pt,
    ngx_http_request_t, ngx_http_top_body_filter, ngx_http_top_header_filter, ngx_int_t,
};

use crate::boundary::boundary;
use crate::chain::Chain;
use crate::request::Request;

/// What a module does with a response on its way to the client.
pub trait OutputFilter: 'static {
    /// Where the filters that come after this one are kept: a static of its own.
    fn next() -> &'static NextFilters;

    /// Called with the response's header. Hands it on with [`next_header`], now or later.
    fn header(r: Request<'_>) -> Status;

    /// Called with each part of the response's body, and with none to send what waits. Hands on with [`next_body`].
    fn body<'r>(r: Request<'r>, chain: Chain<'r>) -> Status;
}

/// The filters that come after one of ours.
pub struct NextFilters {
    header: Cell<ngx_http_output_header_filter_pt>,
    body: Cell<ngx_http_output_body_filter_pt>,
}

// SAFETY: written in postconfiguration only, and read while requests are worked on: nginx does both in its one thread. Neither
// `Conf` nor `Request`, which the functions here ask for, can get to another.
unsafe impl Sync for NextFilters {}

impl NextFilters {
    /// None yet.
    #[allow(clippy::new_without_default, reason = "for statics, where Default is of no use")]
    pub const fn new() -> Self {
        NextFilters { header: Cell::new(None), body: Cell::new(None) }
    }
}

/// Puts the filters of `F` in front of the chains. For postconfiguration. A dynamic module is initialised last, so they see a
/// response before any filter of nginx does: as it came from the upstream or from nginx's own error pages.
pub fn install<F: OutputFilter>(_cf: &mut crate::Conf<'_>) {
    let next = F::next();
    // SAFETY: called from postconfiguration, where nginx builds the chains anew, in one thread.
    next.header.set(unsafe { ngx_http_top_header_filter });
    // SAFETY: as above.
    unsafe { ngx_http_top_header_filter = Some(header_filter::<F>) };
    // SAFETY: as above.
    next.body.set(unsafe { ngx_http_top_body_filter });
    // SAFETY: as above.
    unsafe { ngx_http_top_body_filter = Some(body_filter::<F>) };
}

/// Hands the response's header on.
pub fn next_header<F: OutputFilter>(r: Request<'_>) -> Status {
    match F::next().header.get() {
        // SAFETY: nginx's filters take any live request.
        Some(next) => Status(unsafe { next(r.as_ptr()) }),
        None => Status::NGX_ERROR,
    }
}

/// Hands a part of the response's body on.
pub fn next_body<'r, F: OutputFilter>(r: Request<'r>, chain: Chain<'r>) -> Status {
    match F::next().body.get() {
        // SAFETY: the chain is one that nginx gave us, or one from the request's pool.
        Some(next) => Status(unsafe { next(r.as_ptr(), chain.into_ptr()) }),
        None => Status::NGX_ERROR,
    }
}

unsafe extern "C" fn header_filter<F: OutputFilter>(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        match unsafe { Request::from_ptr(r) } {
            Some(request) => F::header(request).into(),
            None => NGX_ERROR as ngx_int_t,
        }
    })
}

unsafe extern "C" fn body_filter<F: OutputFilter>(
    r: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        // SAFETY: the chain is the filter's until it is handed on.
        F::body(request, unsafe { Chain::from_ptr(chain) }).into()
    })
}
