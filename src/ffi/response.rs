//! The response's header, as the error responses need it.

use ngx::ffi::{ngx_list_push, ngx_str_t, ngx_table_elt_t, off_t};

use crate::ffi::request::{Headers, Request};
use crate::ffi::string::bytes;

impl Request {
    /// The status that nginx itself decided on, where it makes the response (`return`ed codes, its error pages); 0 for
    /// responses of a content handler or an upstream.
    pub(crate) fn error_status(&self) -> u16 {
        u16::try_from(self.raw().err_status).unwrap_or(0)
    }

    /// The response's status.
    pub(crate) fn status(&self) -> u16 {
        u16::try_from(self.raw().headers_out.status).unwrap_or(0)
    }

    /// The status that the upstream answered with; none where it did not, or not yet.
    pub(crate) fn upstream_status(&self) -> Option<u16> {
        let status = self.upstream()?.headers_in.status_n;
        u16::try_from(status).ok().filter(|status| *status > 0)
    }

    /// Whether nginx has done with the upstream, well or not (src/http/ngx_http_upstream.c,
    /// ngx_http_upstream_finalize_request): what it passes to the body filter then is the last of it.
    pub(crate) fn upstream_is_over(&self) -> bool {
        self.upstream().is_none_or(|u| u.cleanup.is_null())
    }

    /// The response's header lines, but for those that nginx makes at the end (Content-Length, Content-Type, ...).
    pub(crate) fn response_headers(&self) -> Headers<'_> {
        Headers::of_response(&self.raw().headers_out.headers)
    }

    /// Takes the header lines of that lower-case name out of the response.
    pub(crate) fn remove_response_header(&self, name: &[u8]) {
        // SAFETY: the request is alive, and no reference into headers_out is.
        let out = unsafe { &mut (*self.as_ptr()).headers_out };
        let mut part = &raw mut out.headers.part;
        // SAFETY: the list's parts are in the request's pool.
        while let Some(current) = unsafe { part.as_mut() } {
            for index in 0..current.nelts {
                // SAFETY: a part has `nelts` elements.
                let header = unsafe { &mut *current.elts.cast::<ngx_table_elt_t>().add(index) };
                // SAFETY: the key is a string of the request's pool.
                if unsafe { bytes(&header.key) }.eq_ignore_ascii_case(name) {
                    header.hash = 0;
                }
            }
            part = current.next;
        }
        // SAFETY: null or one of the list's elements.
        if unsafe { out.www_authenticate.as_ref() }.is_some_and(|header| header.hash == 0) {
            out.www_authenticate = std::ptr::null_mut();
        }
    }

    /// Whether the response has no body: HEAD, 204, 304.
    pub(crate) fn is_header_only(&self) -> bool {
        self.raw().header_only() != 0 || self.method() == b"HEAD"
    }

    /// Keeps the upstream's response out of the cache and the store. With either, nginx would write the body to a file first
    /// and show the filters that. Called from the header filter, before nginx decides.
    pub(crate) fn do_not_keep(&self) {
        let u = self.raw().upstream;
        if !u.is_null() {
            // SAFETY: the upstream part belongs to this request.
            unsafe { (*u).set_cacheable(0) };
            // SAFETY: as above.
            unsafe { (*u).set_store(0) };
        }
    }

    /// Whether the connection was to be kept open when the request was read.
    pub(crate) fn keeps_alive(&self) -> bool {
        self.raw().keepalive() != 0
    }

    /// Opens or closes the connection after the response.
    pub(crate) fn set_keep_alive(&self, keep: bool) {
        // SAFETY: single-threaded; no reference to the bit field is alive.
        unsafe { (*self.as_ptr()).set_keepalive(u32::from(keep)) };
    }

    /// Makes the response's header that of a body of ours: everything that described another body is gone, headers of the
    /// upstream too. Filters that come later add what the configuration wants (`add_header`).
    pub(crate) fn replace_header(
        &self,
        status: u16,
        content_type: &'static [u8],
        content_length: usize,
    ) {
        // SAFETY: the request is alive and no reference into headers_out is.
        let out = unsafe { &mut (*self.as_ptr()).headers_out };
        // What `auth_basic` asks for is part of its 401; that of an upstream is not ours to pass on.
        let asks = status == 401 && self.raw().upstream.is_null();
        let kept = if asks { out.www_authenticate } else { std::ptr::null_mut() };
        let mut part = &raw mut out.headers.part;
        // SAFETY: the list's parts are in the request's pool.
        while let Some(current) = unsafe { part.as_mut() } {
            for index in 0..current.nelts {
                // SAFETY: a part has `nelts` elements.
                let header = unsafe { current.elts.cast::<ngx_table_elt_t>().add(index) };
                if !std::ptr::eq(header, kept) {
                    // SAFETY: as above; a zero hash takes a header out.
                    unsafe { (*header).hash = 0 };
                }
            }
            part = current.next;
        }
        out.status = status.into();
        out.status_line = ngx_str_t::empty();
        out.content_type =
            ngx_str_t { len: content_type.len(), data: content_type.as_ptr().cast_mut() };
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
        // SAFETY: as above; what the client and the logs see is the new status.
        unsafe {
            if (*self.as_ptr()).err_status != 0 {
                (*self.as_ptr()).err_status = status.into();
            }
        }
    }

    /// Gives each header of the response that has this name, in any case, this value.
    pub(crate) fn set_response_header(&self, name: &[u8], value: &'static [u8]) {
        // SAFETY: the request is alive and no reference into headers_out is.
        let mut part = unsafe { &raw mut (*self.as_ptr()).headers_out.headers.part };
        // SAFETY: the list's parts are in the request's pool.
        while let Some(current) = unsafe { part.as_mut() } {
            for index in 0..current.nelts {
                // SAFETY: a part has `nelts` elements, and nothing else refers to them now.
                let header = unsafe { &mut *current.elts.cast::<ngx_table_elt_t>().add(index) };
                // A zero hash marks a header that was taken out.
                if header.hash != 0 && header.key.as_bytes().eq_ignore_ascii_case(name) {
                    header.value = ngx_str_t { len: value.len(), data: value.as_ptr().cast_mut() };
                }
            }
            part = current.next;
        }
    }

    /// Adds a header to the response; false when memory is out.
    pub(crate) fn add_header(&self, name: &'static [u8], value: &'static [u8]) -> bool {
        // SAFETY: the list is in the request's pool; ngx_list_push gives null when memory is out.
        let header = unsafe { ngx_list_push(&raw mut (*self.as_ptr()).headers_out.headers) };
        // SAFETY: null or a fresh element of the list.
        let Some(header) = (unsafe { header.cast::<ngx_table_elt_t>().as_mut() }) else {
            return false;
        };
        // SAFETY: all of an ngx_table_elt_t's members may be zero.
        *header = unsafe { std::mem::zeroed() };
        header.hash = 1;
        header.key = ngx_str_t { len: name.len(), data: name.as_ptr().cast_mut() };
        header.value = ngx_str_t { len: value.len(), data: value.as_ptr().cast_mut() };
        true
    }
}
