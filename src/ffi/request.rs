//! A view of nginx's request for the handlers of this module.

use std::fmt;
use std::ptr::NonNull;

use ngx::ffi::{
    NGX_HTTP_VERSION_20, ngx_cached_time, ngx_http_request_t, ngx_http_upstream_t, ngx_list_part_t,
    ngx_list_t, ngx_module_t, ngx_str_t, ngx_table_elt_t,
};

use crate::ffi::context::{place, placed};
use crate::ffi::log::{self, Level};
use crate::ffi::string::{bytes, pool_copy};

/// A request that nginx is working on.
///
/// The view is made at the border (`unsafe`) for one call from nginx and is passed by reference from there, so that the
/// slices it lends end with the call. They are unchanged meanwhile: nothing that this module calls frees or moves them.
pub(crate) struct Request(NonNull<ngx_http_request_t>);

impl Request {
    /// # Safety
    ///
    /// `r` must be null or a request that stays alive as long as the view.
    pub(crate) unsafe fn new(r: *mut ngx_http_request_t) -> Option<Self> {
        NonNull::new(r).map(Request)
    }

    /// The raw pointer, for the other views of this folder.
    pub(crate) fn as_ptr(&self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// nginx's own structure, read only.
    pub(crate) fn raw(&self) -> &ngx_http_request_t {
        // SAFETY: alive by the promise of `new`; single-threaded, and no `&mut` to it exists in this module.
        unsafe { self.0.as_ref() }
    }

    /// Whether this is the client's request and not a subrequest of it.
    pub(crate) fn is_main(&self) -> bool {
        std::ptr::eq(self.raw().main, self.as_ptr())
    }

    /// The client's request that this one serves; itself unless it is a subrequest.
    pub(crate) fn main(&self) -> Request {
        // A subrequest's `main` is never null (src/http/ngx_http_core_module.c).
        Request(NonNull::new(self.raw().main).unwrap_or(self.0))
    }

    /// The method as the client wrote it, or as `proxy_method` and internal redirects left it.
    pub(crate) fn method(&self) -> &[u8] {
        // SAFETY: in the connection's header buffers or static, for as long as the request.
        unsafe { bytes(&self.raw().method_name) }
    }

    /// The path of the target as received, not decoded and without the query, which may authorize.
    pub(crate) fn target_path(&self) -> &[u8] {
        self.target().split(|&byte| byte == b'?').next().unwrap_or_default()
    }

    /// The request target exactly as received, path and query, not decoded.
    pub(crate) fn target(&self) -> &[u8] {
        // SAFETY: as for the method.
        unsafe { bytes(&self.raw().unparsed_uri) }
    }

    /// The authority of a target in absolute form (`GET http://host/…`); none for the usual origin form.
    pub(crate) fn target_authority(&self) -> Option<&[u8]> {
        let r = self.raw();
        // HTTP/2 and later have no request line; :authority is their Host (src/http/v2/ngx_http_v2.c).
        if r.http_version >= NGX_HTTP_VERSION_20 as _ || r.host_start.is_null() {
            return None;
        }
        // The end is looked for here: `host_end` leaves out the port, and nginx 1.27 and later have no `port_end`.
        // SAFETY: the request line, in the connection's header buffers for as long as the request.
        let line = unsafe { bytes(&r.request_line) };
        let offset = r.host_start.addr().checked_sub(line.as_ptr().addr())?;
        line.get(offset..)?.split(|byte| matches!(byte, b'/' | b'?' | b' ')).next()
    }

    /// `:authority` of HTTP/2 or later where nginx made no Host header of it, as it does not for HTTP/3
    /// (ngx_http_v3_process_request_header); port included. Where both were sent, nginx has seen to it that they are equal.
    pub(crate) fn authority_without_host(&self) -> Option<&[u8]> {
        let r = self.raw();
        let is_pseudo = r.http_version >= NGX_HTTP_VERSION_20 as _;
        if !is_pseudo || !r.headers_in.host.is_null() || r.host_start.is_null() {
            return None;
        }
        let len = r.host_end.addr().checked_sub(r.host_start.addr())?;
        let authority = ngx_str_t { len, data: r.host_start };
        // SAFETY: both point into the value of `:authority`, in memory of the request's pool (ngx_http_v3_parse.c,
        // ngx_http_v2.c), `host_end` behind its last byte.
        Some(unsafe { bytes(&authority) })
    }

    /// The header lines in order of arrival, repeated names included.
    pub(crate) fn headers(&self) -> Headers<'_> {
        Headers::of_request(&self.raw().headers_in.headers)
    }

    /// The first header of that lower-case name.
    pub(crate) fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The length that the client announced for its body; none if it announced none.
    pub(crate) fn content_length(&self) -> Option<u64> {
        u64::try_from(self.raw().headers_in.content_length_n).ok()
    }

    /// Whether the body comes with `Transfer-Encoding: chunked`, or over HTTP/2 without a length.
    pub(crate) fn is_chunked(&self) -> bool {
        self.raw().headers_in.chunked() != 0
    }

    /// Whether the protocol marks the end of a body besides its Content-Length, so that the two may differ: HTTP/2 (END_STREAM)
    /// and HTTP/3 (the stream's FIN).
    pub(crate) fn ends_apart_from_length(&self) -> bool {
        self.raw().http_version >= NGX_HTTP_VERSION_20 as _
    }

    /// Whether the client waits for "100 Continue" before it sends its body.
    pub(crate) fn expects_continue(&self) -> bool {
        !self.raw().headers_in.expect.is_null() && self.raw().expect_tested() == 0
    }

    /// Seconds since 1970, as nginx last read the clock.
    pub(crate) fn now(&self) -> i64 {
        // SAFETY: ngx_cached_time always points to one of nginx's time slots (src/core/ngx_times.c).
        unsafe { (*ngx_cached_time).sec }
    }

    /// This module's context of the request, made by `T::default()` when first asked for; none when memory is out.
    pub(crate) fn context<T: Default>(&self, module: &ngx_module_t) -> Option<&T> {
        if let Some(context) = self.existing_context::<T>(module) {
            return Some(context);
        }
        // SAFETY: the request's pool lives as long as the request.
        let context = unsafe { place(self.raw().pool, T::default()) };
        if context.is_null() {
            return None;
        }
        // SAFETY: `ctx` has an entry for each http module.
        unsafe { *self.raw().ctx.add(module.ctx_index) = context.cast() };
        // SAFETY: placed above.
        unsafe { context.as_ref() }
    }

    /// This module's context, if it has one yet.
    pub(crate) fn existing_context<T>(&self, module: &ngx_module_t) -> Option<&T> {
        // SAFETY: `ctx` has an entry for each http module; ours is null or what `context` placed, and is only ever
        // lent shared (its members have interior mutability).
        unsafe { (*self.raw().ctx.add(module.ctx_index)).cast::<T>().as_ref() }
    }

    /// The contexts that requests of this pool (redirected, or subrequests) have had, the latest first.
    pub(crate) fn contexts<'a, T: 'a>(&'a self) -> impl Iterator<Item = &'a T> {
        // SAFETY: the request's pool; what `context` placed there is only ever lent shared.
        unsafe { placed(self.raw().pool) }
    }

    /// This module's configuration of the location that was found. It outlives every request: nginx destroys a cycle's
    /// pool only when the cycle's connections are gone (ngx_clean_old_cycles).
    pub(crate) fn location_conf<T>(&self, module: &ngx_module_t) -> Option<&'static T> {
        // SAFETY: loc_conf has an entry for each http module; ours is what create_loc_conf returned.
        unsafe { (*self.raw().loc_conf.add(module.ctx_index)).cast::<T>().as_ref() }
    }

    /// This module's main configuration, which lives as long as [`location_conf`](Self::location_conf).
    pub(crate) fn main_conf<T>(&self, module: &ngx_module_t) -> Option<&'static T> {
        // SAFETY: main_conf has an entry for each http module; ours is what create_main_conf returned.
        unsafe { (*self.raw().main_conf.add(module.ctx_index)).cast::<T>().as_ref() }
    }

    /// The upstream part of the request, once its content handler has made one.
    pub(crate) fn upstream(&self) -> Option<&ngx_http_upstream_t> {
        // SAFETY: null or in the request's pool.
        unsafe { self.raw().upstream.as_ref() }
    }

    /// A copy of `value` that lives as long as the request; none when memory is out.
    pub(crate) fn allocate_copy(&self, value: &[u8]) -> Option<&'static [u8]> {
        // SAFETY: the request's pool; callers hand the slice to nginx or to this request's context, which die with it.
        unsafe { pool_copy(self.raw().pool, value).map(|copy| bytes(&copy)) }
    }

    /// Writes a line to the error log with the request's context (client, server, request).
    pub(crate) fn log(&self, level: Level, line: fmt::Arguments<'_>) {
        // SAFETY: a request has a connection with a log as long as it lives.
        let log = unsafe { (*self.raw().connection).log };
        log::write(log, level, line);
    }
}

/// Iterates over an nginx list of headers.
pub(crate) struct Headers<'r> {
    part: Option<&'r ngx_list_part_t>,
    index: usize,
    /// Whether a header whose hash is zero was taken out.
    has_removed: bool,
}

impl<'r> Headers<'r> {
    /// All lines of a request, which is alive.
    pub(crate) fn of_request(list: &'r ngx_list_t) -> Self {
        Headers { part: Some(&list.part), index: 0, has_removed: false }
    }

    /// The lines of a response that will be sent: nginx and modules take one out by giving it a hash of zero.
    pub(crate) fn of_response(list: &'r ngx_list_t) -> Self {
        Headers { part: Some(&list.part), index: 0, has_removed: true }
    }
}

impl<'r> Iterator for Headers<'r> {
    type Item = (&'r [u8], &'r [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let part = self.part?;
            if self.index >= part.nelts {
                // SAFETY: `next` is null or the next part of the list.
                self.part = unsafe { part.next.as_ref() };
                self.index = 0;
                continue;
            }
            // SAFETY: a part has `nelts` elements of ngx_table_elt_t.
            let header = unsafe { &*part.elts.cast::<ngx_table_elt_t>().add(self.index) };
            self.index += 1;
            // Of a request `hash` is not asked: names can hash to zero, some do because they are made of symbols only, and
            // the proxy module sends them all (ngx_http_proxy_create_request). What was taken out is no longer in the list.
            if self.has_removed && header.hash == 0 {
                continue;
            }
            // SAFETY: names and values are in the connection's header buffers or the request's pool.
            return Some(unsafe { (bytes(&header.key), bytes(&header.value)) });
        }
    }
}
