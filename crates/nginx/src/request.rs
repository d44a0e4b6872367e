//! A view of nginx's request.

pub(crate) mod bits;
mod client;
mod context;
mod error_page;
mod headers;
mod response;
mod target;
mod timer;
mod traffic;

use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use ngx::ffi::{
    NGX_HTTP_VERSION_20, ngx_http_core_loc_conf_t, ngx_http_core_module, ngx_http_request_t,
    ngx_http_upstream_t, ngx_pool_t, ngx_str_t,
};

pub use self::error_page::{ErrorPage, install_error_page, note_error_page};
pub use self::headers::Headers;
pub use self::target::note_target_variable;
pub(crate) use self::timer::RequestTimer;
use crate::log::{self, Level};
use crate::module::{HttpModule, MainSlot, ctx_index};
use crate::pool::{Invariant, Pool};
use crate::string::bytes;

/// A request that nginx is working on, for the duration of one call from nginx.
///
/// Slices and contexts that it lends live for `'r`, in the connection's buffers, the request's pool or its cycle's, and stay
/// unchanged meanwhile: nothing that a module can call frees or moves them. No reference to nginx's structure itself is ever
/// kept, since setters here and nginx's functions write to it.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    raw: NonNull<ngx_http_request_t>,
    lifetime: Invariant<'r>,
}

impl PartialEq for Request<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<'r> Request<'r> {
    /// # Safety
    ///
    /// `r` must be null or a request that lives for `'r`.
    pub(crate) unsafe fn from_ptr(r: *mut ngx_http_request_t) -> Option<Self> {
        NonNull::new(r).map(|raw| Request { raw, lifetime: PhantomData })
    }

    pub(crate) fn as_ptr(self) -> *mut ngx_http_request_t {
        self.raw.as_ptr()
    }

    /// Reads nginx's structure, which nothing writes to meanwhile: `read` has no request to write through.
    pub(crate) fn read<T: Copy>(self, read: impl FnOnce(&ngx_http_request_t) -> T) -> T {
        // SAFETY: alive by the promise of `from_ptr`; the reference ends with this call.
        read(unsafe { self.raw.as_ref() })
    }

    /// The same with the upstream part of the request, once its content handler has made one.
    pub(crate) fn read_upstream<T: Copy>(
        self,
        read: impl FnOnce(&ngx_http_upstream_t) -> T,
    ) -> Option<T> {
        // SAFETY: null or in the request's pool; the reference ends with this call.
        unsafe { self.read(|r| r.upstream).as_ref() }.map(read)
    }

    /// A string of the request, which lives as long as it.
    fn string(self, read: impl FnOnce(&ngx_http_request_t) -> ngx_str_t) -> &'r [u8] {
        // SAFETY: the request's strings are in the connection's header buffers, in its pool, or static.
        unsafe { bytes(&self.read(read)) }
    }

    /// Whether this is the client's request and not a subrequest of it.
    pub fn is_main(self) -> bool {
        self == self.main()
    }

    /// The client's request that this one serves; itself unless it is a subrequest.
    pub fn main(self) -> Request<'r> {
        // A request's `main` is never null, outlives its subrequests and shares its pool with them
        // (src/http/ngx_http_core_module.c, ngx_http_subrequest).
        let main = NonNull::new(self.read(|r| r.main)).unwrap_or(self.raw);
        Request { raw: main, lifetime: PhantomData }
    }

    /// The request that this subrequest was made by; none for the client's request.
    pub fn parent(self) -> Option<Request<'r>> {
        // SAFETY: null, or a request that lives until its subrequests have ended.
        unsafe { Request::from_ptr(self.read(|r| r.parent)) }
    }

    /// Whether nginx has redirected the request by itself, or made it.
    pub fn is_internal(self) -> bool {
        self.read(bits::internal)
    }

    /// The method as the client wrote it, or as `proxy_method` and internal redirects left it.
    pub fn method(self) -> &'r [u8] {
        self.string(|r| r.method_name)
    }

    /// The method as the client wrote it, where [`method`](Self::method) may be what an internal redirect has made of it.
    pub fn client_method(self) -> &'r [u8] {
        let (line, method) = (self.request_line(), self.method());
        match line.strip_prefix(method) {
            Some([b' ', ..]) => method,
            _ if line.is_empty() => method,
            _ => line.split(|byte| *byte == b' ').next().unwrap_or(method),
        }
    }

    /// The request target exactly as received, path and query, not decoded.
    pub fn target(self) -> &'r [u8] {
        self.string(|r| r.unparsed_uri)
    }

    /// The request line, or with HTTP/2 and later what nginx makes of it; empty before there is one.
    pub fn request_line(self) -> &'r [u8] {
        self.string(|r| r.request_line)
    }

    /// The path of the target as received, not decoded and without the query, which may authorize.
    pub fn target_path(self) -> &'r [u8] {
        self.target().split(|&byte| byte == b'?').next().unwrap_or_default()
    }

    /// The authority of a target in absolute form (`GET http://host/…`); none for the usual origin form.
    pub fn target_authority(self) -> Option<&'r [u8]> {
        let host_start = self.read(|r| r.host_start);
        // HTTP/2 and later have no request line; :authority is their Host (src/http/v2/ngx_http_v2.c).
        if self.has_pseudo_headers() || host_start.is_null() {
            return None;
        }
        // The end is looked for here: `host_end` leaves out the port, and nginx 1.27 and later have no `port_end`.
        let line = self.string(|r| r.request_line);
        let offset = host_start.addr().checked_sub(line.as_ptr().addr())?;
        line.get(offset..)?.split(|byte| matches!(byte, b'/' | b'?' | b' ')).next()
    }

    /// `:authority` of HTTP/2 or later where nginx made no Host header of it, as it does not for HTTP/3
    /// (ngx_http_v3_process_request_header); port included. Where both were sent, nginx has seen to it that they are equal.
    pub fn authority_without_host(self) -> Option<&'r [u8]> {
        let (start, end) = self.read(|r| (r.host_start, r.host_end));
        let has_host = self.read(|r| !r.headers_in.host.is_null());
        if !self.has_pseudo_headers() || has_host || start.is_null() {
            return None;
        }
        let len = end.addr().checked_sub(start.addr())?;
        // SAFETY: both point into the value of `:authority`, in memory of the request's pool (ngx_http_v3_parse.c,
        // ngx_http_v2.c), `host_end` behind its last byte.
        Some(unsafe { bytes(&ngx_str_t { len, data: start }) })
    }

    /// Whether the protocol marks the end of a body besides its Content-Length, so that the two may differ: HTTP/2 (END_STREAM)
    /// and HTTP/3 (the stream's FIN).
    pub fn ends_apart_from_length(self) -> bool {
        self.has_pseudo_headers()
    }

    fn has_pseudo_headers(self) -> bool {
        self.read(|r| r.http_version) >= NGX_HTTP_VERSION_20 as _
    }

    /// The header lines in order of arrival, repeated names included.
    pub fn headers(self) -> Headers<'r> {
        // SAFETY: the list of the request, which lives for `'r`.
        unsafe { Headers::of_request(&raw const (*self.as_ptr()).headers_in.headers) }
    }

    /// The first header of that name, in any case.
    pub fn header(self, name: &[u8]) -> Option<&'r [u8]> {
        self.headers()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether the client waits for "100 Continue" before it sends its body.
    pub fn expects_continue(self) -> bool {
        self.read(|r| !r.headers_in.expect.is_null() && !bits::expect_tested(r))
    }

    /// Whether the client speaks TLS to nginx, with HTTP/3 too.
    pub fn is_tls(self) -> bool {
        // SAFETY: a request has a connection as long as it lives.
        unsafe { !(*self.read(|r| r.connection)).ssl.is_null() }
    }

    /// Whether the connection was to be kept open when the request was read.
    pub fn keeps_alive(self) -> bool {
        self.read(bits::keepalive)
    }

    /// The client's address as text: that of the connection, or what `real_ip` and the PROXY protocol have put in its place.
    pub fn client_address(self) -> &'r [u8] {
        // SAFETY: a request has a connection as long as it lives; the text is in the connection's pool, or, from `real_ip`, in
        // the request's, which has a cleanup to put the other back.
        unsafe { bytes(&(*self.read(|r| r.connection)).addr_text) }
    }

    /// Whether `limit_req` or `limit_conn` has refused the request.
    pub fn is_over_limit(self) -> bool {
        self.read(bits::over_limit)
    }

    /// Opens or closes the connection after the response.
    pub fn set_keep_alive(self, keep: bool) {
        // SAFETY: single-threaded; no reference to the structure is alive.
        unsafe { bits::set_keepalive(self.as_ptr(), keep) };
    }

    /// Seconds since 1970, as nginx last read the clock.
    pub fn now(self) -> i64 {
        crate::worker::unix_time()
    }

    /// When the first bytes of the request came, in seconds since 1970.
    pub fn began(self) -> i64 {
        self.read(|r| r.start_sec)
    }

    /// The request's pool, which it shares with its subrequests.
    pub fn pool(self) -> Option<Pool<'r>> {
        // SAFETY: a request has a pool as long as it lives.
        unsafe { Pool::from_ptr(self.pool_ptr()) }
    }

    pub(crate) fn pool_ptr(self) -> *mut ngx_pool_t {
        self.read(|r| r.pool)
    }

    /// A copy of `value` that lives as long as the request; none when memory is out.
    pub fn allocate_copy(self, value: &[u8]) -> Option<&'r [u8]> {
        self.pool()?.copy(value)
    }

    /// The module's configuration of the location that was found. It outlives the request: nginx destroys a cycle's pool
    /// only when the cycle's connections are gone (ngx_clean_old_cycles).
    pub fn location_conf<M: HttpModule>(self) -> Option<&'r M::LocationConf> {
        // SAFETY: loc_conf has an entry for each http module; ours is what create_loc_conf::<M> returned.
        unsafe {
            let entry = *self.read(|r| r.loc_conf).add(ctx_index::<M>());
            entry.cast::<M::LocationConf>().as_ref()
        }
    }

    /// What nginx's own directives say of the request's location.
    pub(crate) fn core_location(self) -> Option<&'r ngx_http_core_loc_conf_t> {
        // SAFETY: set before any configuration is read.
        let index = unsafe { ngx_http_core_module.ctx_index };
        // SAFETY: loc_conf has an entry for each http module; the core module's is never null.
        unsafe {
            (*self.read(|r| r.loc_conf).add(index)).cast::<ngx_http_core_loc_conf_t>().as_ref()
        }
    }

    /// The module's configuration of the server, which lives as long as that of a location.
    pub fn server_conf<M: HttpModule>(self) -> Option<&'r M::ServerConf> {
        // SAFETY: srv_conf has an entry for each http module; ours is what create_srv_conf::<M> returned.
        unsafe {
            let entry = *self.read(|r| r.srv_conf).add(ctx_index::<M>());
            entry.cast::<M::ServerConf>().as_ref()
        }
    }

    /// The module's main configuration, which lives as long as that of a location.
    pub fn main_conf<M: HttpModule>(self) -> Option<&'r M::MainConf> {
        Some(&self.main_slot::<M>()?.conf)
    }

    pub(crate) fn main_slot<M: HttpModule>(self) -> Option<&'r MainSlot<M>> {
        // SAFETY: main_conf has an entry for each http module; ours is what create_main_conf::<M> returned.
        unsafe {
            let entry = *self.read(|r| r.main_conf).add(ctx_index::<M>());
            entry.cast::<MainSlot<M>>().as_ref()
        }
    }

    /// Writes a line to the error log with the request's context (client, server, request).
    ///
    /// Requests that go well write none, so that whatever leads here is laid out apart from what they run through.
    #[cold]
    #[inline(never)]
    pub fn log(self, level: Level, line: fmt::Arguments<'_>) {
        // SAFETY: a request has a connection with a log as long as it lives.
        unsafe { log::write((*self.read(|r| r.connection)).log, level, line) };
    }
}
