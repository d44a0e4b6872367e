//! Content handlers: who answers the requests of a location, once nginx has let them in.

use std::io::{self, Write};

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_create_temp_buf,
    ngx_http_core_loc_conf_t, ngx_http_core_module, ngx_http_discard_request_body,
    ngx_http_output_filter, ngx_http_request_t, ngx_http_send_header, ngx_int_t, off_t,
};

use crate::boundary::boundary;
use crate::chain::Made;
use crate::conf::{Conf, ConfError};
use crate::phase::status_code;
use crate::request::Request;
use crate::string::string;

/// Answers requests itself.
pub trait ContentHandler {
    /// Makes the answer, which goes out with status 200, and which nobody is to keep.
    ///
    /// # Errors
    ///
    /// The HTTP status that nginx answers with instead.
    fn answer<'r>(r: Request<'r>) -> Result<Content<'r>, u16>;
}

/// An answer.
pub struct Content<'r> {
    /// The Content-Type.
    pub content_type: &'static str,
    /// Other headers, name and value.
    pub headers: &'r [(&'static str, &'r str)],
    /// The body; not empty.
    pub body: BodyWriter<'r>,
}

/// Puts `H` into the location whose directive is being read, in the place of any other content handler.
///
/// # Errors
///
/// The parser is outside of http{}.
pub fn install<H: ContentHandler>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    // SAFETY: the core module's index is set before any configuration is read.
    let index = unsafe { ngx_http_core_module.ctx_index };
    let core = cf.location_conf_of(index).cast::<ngx_http_core_loc_conf_t>();
    // SAFETY: null or the core module's configuration of the location, which nothing else refers to during the callback.
    let core = unsafe { core.as_mut() }.ok_or("not inside of http")?;
    core.handler = Some(handler::<H>);
    Ok(())
}

/// Has `H` answer this request in the place of its location's handler (`proxy_pass` and the like), once every phase before has let
/// it pass. To be called in the access phase: nginx sets the location's handler before that, and sets it anew at an internal
/// redirect (src/http/ngx_http_core_module.c, ngx_http_core_find_config_phase).
pub fn take<H: ContentHandler>(r: Request<'_>) {
    // SAFETY: single-threaded; no reference to the structure is alive.
    unsafe { (*r.as_ptr()).content_handler = Some(handler::<H>) };
}

unsafe extern "C" fn handler<H: ContentHandler>(r: *mut ngx_http_request_t) -> ngx_int_t {
    boundary(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        // SAFETY: a live request whose body nobody has read.
        let code = unsafe { ngx_http_discard_request_body(r) };
        if code != NGX_OK as ngx_int_t {
            return code;
        }
        match H::answer(request) {
            Ok(content) => send(request, content),
            Err(status) => status_code(status),
        }
    })
}

fn send<'r>(r: Request<'r>, content: Content<'r>) -> ngx_int_t {
    let Content { content_type, headers, body } = content;
    let mut headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    // What was made for this request is nobody else's.
    if !headers.all(|(name, value)| r.add_header(name, value))
        || !r.add_header(b"Cache-Control", b"no-store")
    {
        return NGX_ERROR as ngx_int_t;
    }
    // An answer that is made up on the spot has no version that an If-Match could be about.
    // SAFETY: single-threaded; no reference to the structure is alive.
    unsafe { crate::request::bits::set_disable_not_modified(r.as_ptr(), true) };
    // SAFETY: the request is alive, and no other reference into headers_out is.
    let out = unsafe { &mut (*r.as_ptr()).headers_out };
    out.status = 200;
    out.content_type = string(content_type.as_bytes());
    // Lists of types (`gzip_types`) are without parameters.
    out.content_type_len = content_type.split(';').next().unwrap_or_default().len();
    out.content_type_lowcase = std::ptr::null_mut();
    out.content_length_n = off_t::try_from(body.length).unwrap_or(-1);
    // SAFETY: the request is alive and has a header now.
    let code = unsafe { ngx_http_send_header(r.as_ptr()) };
    if code == NGX_ERROR as ngx_int_t || code > NGX_OK as ngx_int_t || r.is_header_only() {
        return code;
    }
    let Some(chain) = body.end(r) else { return NGX_ERROR as ngx_int_t };
    // SAFETY: a chain of the request's own buffers.
    unsafe { ngx_http_output_filter(r.as_ptr(), chain.first()) }
}

/// Bytes in one buffer.
const BUFFER: usize = 16 << 10;

/// A body that is being written, into buffers of the request's pool: none is large, however long the body.
pub struct BodyWriter<'r> {
    r: Request<'r>,
    made: Made<'r>,
    length: usize,
    last: *mut ngx::ffi::ngx_buf_t,
}

impl<'r> BodyWriter<'r> {
    /// An empty one.
    pub fn new(r: Request<'r>) -> Self {
        BodyWriter { r, made: Made::new(r), length: 0, last: std::ptr::null_mut() }
    }

    /// Marks the end. None where nothing was written.
    fn end(self, r: Request<'_>) -> Option<Made<'r>> {
        // SAFETY: null, or the last buffer of the chain, in the request's pool.
        let last = unsafe { self.last.as_mut() }?;
        last.set_last_buf(u32::from(r.is_main()));
        last.set_last_in_chain(1);
        Some(self.made)
    }

    fn next_buffer(&mut self) -> io::Result<()> {
        // SAFETY: the request's pool.
        let buffer = unsafe { ngx_create_temp_buf(self.r.pool_ptr(), BUFFER) };
        self.made.append(buffer).ok_or(io::ErrorKind::OutOfMemory)?;
        self.last = buffer;
        Ok(())
    }
}

impl Write for BodyWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: null, or a buffer of ours.
        let is_full = unsafe { self.last.as_ref() }.is_none_or(|buffer| buffer.last == buffer.end);
        if is_full {
            self.next_buffer()?;
        }
        // SAFETY: a buffer of ours, which nothing else refers to before the body's end.
        let Some(buffer) = (unsafe { self.last.as_mut() }) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let room = buffer.end.addr().saturating_sub(buffer.last.addr());
        let part = string(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        // SAFETY: there is room for as much, and `bytes` is nobody's memory of nginx's that is being written.
        unsafe { std::ptr::copy_nonoverlapping(part.data, buffer.last, part.len) };
        buffer.last = buffer.last.wrapping_add(part.len);
        self.length = self.length.saturating_add(part.len);
        Ok(part.len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
