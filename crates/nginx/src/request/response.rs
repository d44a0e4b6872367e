//! The response's header.

use ngx::ffi::{ngx_array_t, ngx_http_request_t, ngx_list_push, ngx_str_t, ngx_table_elt_t, off_t};

use super::headers::{Elements, Headers};
use crate::request::Request;
use crate::string::{bytes, string};

/// What nginx looks for in a cache: an array of `ngx_str_t`. None where no cache is asked.
#[cfg(ngx_feature = "http_cache")]
fn cache_keys(r: &ngx_http_request_t) -> Option<ngx_array_t> {
    // SAFETY: null or the cache's part of the request, in its pool; nothing changes it during the call.
    unsafe { r.cache.as_ref() }.map(|cache| cache.keys)
}

#[cfg(not(ngx_feature = "http_cache"))]
fn cache_keys(_: &ngx_http_request_t) -> Option<ngx_array_t> {
    None
}

impl<'r> Request<'r> {
    /// The status that nginx itself decided on, where it makes the response (`return`ed codes, its error pages); 0 for
    /// responses of a content handler or an upstream.
    pub fn error_status(self) -> u16 {
        u16::try_from(self.read(|r| r.err_status)).unwrap_or(0)
    }

    /// The response's status.
    pub fn status(self) -> u16 {
        u16::try_from(self.read(|r| r.headers_out.status)).unwrap_or(0)
    }

    /// The status that the upstream answered with; none where it did not, or not yet.
    pub fn upstream_status(self) -> Option<u16> {
        let status = self.read_upstream(|u| u.headers_in.status_n)?;
        u16::try_from(status).ok().filter(|status| *status > 0)
    }

    /// Whether nginx's 502 means that nobody has answered: the last attempt met no connection, one that broke, or something that
    /// is no HTTP, or there was nobody to ask (ngx_http_upstream_next). nginx writes its own verdict into the attempt's state;
    /// where an upstream itself has answered 502, its head says so.
    pub fn upstream_gave_no_answer(self) -> bool {
        const BAD_GATEWAY: usize = 502;
        self.read_upstream(|u| {
            // SAFETY: null before the first attempt, or an element of the request's list of states, in its pool.
            let attempt = unsafe { u.state.as_ref() };
            u.headers_in.status_n != BAD_GATEWAY
                && attempt.is_none_or(|attempt| attempt.status == BAD_GATEWAY)
        })
        .unwrap_or(false)
    }

    /// Whether nginx has done with the upstream, well or not (src/http/ngx_http_upstream.c,
    /// ngx_http_upstream_finalize_request): what it passes to the body filter then is the last of it.
    pub fn upstream_is_over(self) -> bool {
        self.read_upstream(|u| u.cleanup.is_null()).unwrap_or(true)
    }

    /// The response's header lines, but for those that nginx makes at the end (Content-Length, Content-Type, ...).
    pub fn response_headers(self) -> Headers<'r> {
        // SAFETY: the list of the request, which lives for `'r`. Its strings are the upstream's head or a module's, in the pool
        // or static; `set_response_header` puts others in their place, and changes none.
        unsafe { Headers::of_response(&raw const (*self.as_ptr()).headers_out.headers) }
    }

    /// Whether the response has no body: HEAD, 204, 304.
    pub fn is_header_only(self) -> bool {
        self.is_bare() || self.method() == b"HEAD"
    }

    /// Whether the response's header has gone out, and no body is to follow it. nginx knows so from then on: with a HEAD, a filter may
    /// withhold the header until it has seen a body.
    pub fn is_bare(self) -> bool {
        self.read(crate::request::bits::header_only)
    }

    /// The lines of the response's header that were not taken out.
    fn lines(self) -> impl Iterator<Item = *mut ngx_table_elt_t> {
        // SAFETY: the list lives as long as the request.
        let all = unsafe { Elements::of(&raw const (*self.as_ptr()).headers_out.headers) };
        // SAFETY: an element of the list.
        all.filter(|header| unsafe { (**header).hash != 0 })
    }

    /// Takes the header lines of that name, in any case, out of the response.
    pub fn remove_response_header(self, name: &[u8]) {
        // SAFETY: elements of the list; their names are in the request's pool or static.
        let named =
            self.lines().filter(|line| unsafe { bytes(&(**line).key).eq_ignore_ascii_case(name) });
        // SAFETY: as above; no reference to the line is alive.
        named.for_each(|line| unsafe { (*line).hash = 0 });
        let asks = self.read(|r| r.headers_out.www_authenticate);
        // SAFETY: null or one of the list's elements.
        if unsafe { asks.as_ref() }.is_some_and(|header| header.hash == 0) {
            // SAFETY: single-threaded; no reference into headers_out is alive.
            unsafe { (*self.as_ptr()).headers_out.www_authenticate = std::ptr::null_mut() };
        }
    }

    /// The first header of the response that has this name, in any case.
    pub fn response_header(self, name: &[u8]) -> Option<&'r [u8]> {
        let mut headers = self.response_headers();
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Gives each header of the response that has this name, in any case, this value.
    pub fn set_response_header(self, name: &[u8], value: &'r [u8]) {
        for line in self.lines() {
            // SAFETY: an element of the list; its name is in the request's pool or static.
            let key = unsafe { bytes(&(*line).key) };
            if key.eq_ignore_ascii_case(name) {
                // SAFETY: as above; no reference to the line is alive.
                unsafe { (*line).value = string(value) };
            }
        }
    }

    /// Adds a header to the response; false when memory is out.
    pub fn add_header(self, name: &'static [u8], value: &'r [u8]) -> bool {
        // SAFETY: the list is in the request's pool; ngx_list_push gives null when memory is out.
        let header = unsafe { ngx_list_push(&raw mut (*self.as_ptr()).headers_out.headers) };
        let header = header.cast::<ngx_table_elt_t>();
        if header.is_null() {
            return false;
        }
        // SAFETY: all of an ngx_table_elt_t's members may be zero.
        let mut line: ngx_table_elt_t = unsafe { std::mem::zeroed() };
        line.hash = 1;
        line.key = string(name);
        line.value = string(value);
        // SAFETY: a fresh element of the list.
        unsafe { header.write(line) };
        true
    }

    /// The length of the body that the header states; none where it states none.
    pub fn response_length(self) -> Option<u64> {
        u64::try_from(self.read(|r| r.headers_out.content_length_n)).ok()
    }

    /// Whether the header says that no body follows.
    pub fn is_empty(self) -> bool {
        self.read(|r| r.headers_out.content_length_n) == 0
    }

    /// Keeps the upstream's response out of the cache and the store. With either, nginx would write the body to a file first
    /// and show the filters that. Called from the header filter, before nginx decides.
    pub fn do_not_keep(self) {
        let u = self.read(|r| r.upstream);
        if !u.is_null() {
            // SAFETY: the upstream part belongs to this request; no reference to it is alive.
            unsafe { (*u).set_cacheable(0) };
        }
        self.do_not_store();
    }

    /// What finds the response in a cache, or is going to: the texts that nginx hashes, one behind the other. None where no cache is
    /// asked for it.
    pub fn cache_key(self) -> Option<Vec<u8>> {
        let keys = self.read(cache_keys)?;
        if keys.elts.is_null() {
            return Some(Vec::new());
        }
        // SAFETY: an array of `nelts` ngx_str_t (ngx_http_file_cache_new).
        let keys = unsafe { std::slice::from_raw_parts(keys.elts.cast::<ngx_str_t>(), keys.nelts) };
        // SAFETY: texts in the request's pool or the cycle's.
        Some(keys.iter().flat_map(|key| unsafe { bytes(key) }).copied().collect())
    }

    /// Keeps the upstream's response out of the store (`proxy_store`), which keeps by a name of the configuration's. Called before
    /// the response comes.
    pub fn do_not_store(self) {
        let u = self.read(|r| r.upstream);
        if !u.is_null() {
            // SAFETY: the upstream part belongs to this request; no reference to it is alive.
            unsafe { (*u).set_store(0) };
        }
    }

    /// Makes the response's header that of a body of the module's: everything that described another body is gone, headers of
    /// the upstream too. Filters that come later add what the configuration wants (`add_header`).
    pub fn replace_header(self, status: u16, content_type: &'static [u8], content_length: usize) {
        // What `auth_basic` asks for is part of its 401; that of an upstream is not ours to pass on.
        let asks = status == 401 && self.read(|r| r.upstream.is_null());
        let kept =
            if asks { self.read(|r| r.headers_out.www_authenticate) } else { std::ptr::null_mut() };
        for line in self.lines().filter(|line| !std::ptr::eq(*line, kept)) {
            // SAFETY: an element of the list; a zero hash takes a header out.
            unsafe { (*line).hash = 0 };
        }
        // SAFETY: the request is alive and no other reference into headers_out is.
        let out = unsafe { &mut (*self.as_ptr()).headers_out };
        out.status = status.into();
        out.status_line = ngx_str_t::empty();
        out.content_type = string(content_type);
        out.content_type_len = content_type.len();
        out.content_type_lowcase = std::ptr::null_mut();
        out.charset = ngx_str_t::empty();
        out.content_length_n = off_t::try_from(content_length).unwrap_or(-1);
        out.last_modified_time = -1;
        out.server = std::ptr::null_mut();
        out.date = std::ptr::null_mut();
        out.content_length = std::ptr::null_mut();
        out.content_encoding = std::ptr::null_mut();
        out.location = std::ptr::null_mut();
        out.refresh = std::ptr::null_mut();
        out.last_modified = std::ptr::null_mut();
        out.content_range = std::ptr::null_mut();
        out.accept_ranges = std::ptr::null_mut();
        out.www_authenticate = kept;
        out.expires = std::ptr::null_mut();
        out.etag = std::ptr::null_mut();
        // What the client and the logs see is the new status.
        if self.error_status() != 0 {
            // SAFETY: single-threaded; no reference to the structure is alive.
            unsafe { (*self.as_ptr()).err_status = status.into() };
        }
    }
}
