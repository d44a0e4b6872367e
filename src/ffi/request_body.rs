//! The request body filter: between nginx reading the client's body and keeping it for the upstream.
//!
//! nginx hands over buffers that point into its reading buffer, and reuses that once they are empty. What is passed on is
//! either such a buffer, narrowed to the part that may go on, or one of ours with memory of ours. Nothing here grows with
//! the body: unbuffered, no more input is taken while enough of ours waits for the upstream (nginx then stops to read from
//! the client, `rb->busy`); buffered, nginx empties our buffers into its temporary file whenever its own is full.

use std::collections::VecDeque;

use ngx::ffi::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_buf_t, ngx_chain_t, ngx_http_request_body_filter_pt,
    ngx_http_request_t, ngx_http_top_request_body_filter, ngx_int_t, ngx_pcalloc, ngx_pool_t,
};
use sigv4::aws_chunked::Sink;

use crate::ffi::boundary::boundary;
use crate::ffi::chain::{Made, buffered_length};
use crate::ffi::request::Request;
use crate::ffi::stored_body::Kept;
use crate::ffi::string::{bytes, span};
use crate::spare_memory;

static mut NEXT_REQUEST_BODY_FILTER: ngx_http_request_body_filter_pt = None;

/// Memory, in bytes, that may wait for the upstream before no more input is taken.
const MAX_WAITING: usize = 64 << 10;

/// Puts the module's filter in front of nginx's, which keeps the body. For postconfiguration.
pub(crate) fn install() {
    // SAFETY: called from postconfiguration, where nginx builds the chain anew, in one thread.
    unsafe { NEXT_REQUEST_BODY_FILTER = ngx_http_top_request_body_filter };
    // SAFETY: as above.
    unsafe { ngx_http_top_request_body_filter = Some(request_body_filter) };
}

/// The buffers of a body that is being filtered.
#[derive(Default)]
pub(crate) struct Buffers {
    /// Buffers of nginx's that were not looked at yet, as there is enough on its way to the upstream.
    pending: VecDeque<*mut ngx_buf_t>,
    /// Our buffers that were passed on, in order.
    passed: Vec<Passed>,
    /// Emptied ones.
    spare_buffers: Vec<*mut ngx_buf_t>,
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // The request is over, and nothing of it is sent any more.
        self.passed.drain(..).for_each(|passed| spare_memory::keep(passed.memory));
    }
}

struct Passed {
    buffer: *mut ngx_buf_t,
    memory: Vec<u8>,
}

impl Passed {
    fn is_sent(&self) -> bool {
        // SAFETY: in the request's pool, and nginx has moved `pos` to what it sent.
        let buffer = unsafe { &*self.buffer };
        buffer.pos >= buffer.last
    }
}

/// What a filter says to a piece of the body.
pub(crate) trait Check {
    /// Takes the next bytes and gives on to `out` what may go on; `last` says that no more come. An error is the HTTP status
    /// that the request ends with.
    fn push(&mut self, input: &[u8], last: bool, out: &mut Output<'_>) -> Result<(), u16>;
}

unsafe extern "C" fn request_body_filter(
    r: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    boundary(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        };
        match crate::request_body_filter::filter(&request, Input(chain)) {
            Ok(Filtered::Unchanged(chain)) => next(&request, chain),
            Ok(Filtered::Made(made, ends)) => {
                let code = next(&request, made.first());
                // nginx's save filter has made its own links.
                made.free();
                if ends {
                    crate::request_body_filter::ended(&request);
                }
                code
            }
            Err(status) => ngx_int_t::from(status as i16),
        }
    })
}

fn next(r: &Request, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: written in postconfiguration only.
    match unsafe { NEXT_REQUEST_BODY_FILTER } {
        // SAFETY: the chain is nginx's own, or made of links of the request's pool.
        Some(next) => unsafe { next(r.as_ptr(), chain) },
        None => NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
    }
}

/// What the filter passes on.
pub(crate) enum Filtered {
    /// nginx's own chain.
    Unchanged(*mut ngx_chain_t),
    /// One of ours, and whether it has the body's end.
    Made(Made, bool),
}

/// The chain that nginx passed to the filter; null asks to get on with what waits.
pub(crate) struct Input(*mut ngx_chain_t);

impl Input {
    /// For requests whose body is not looked at.
    pub(crate) fn pass(self) -> Filtered {
        Filtered::Unchanged(self.0)
    }

    /// Whether nothing has come.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// Runs what has come, and what was left pending, through `check`.
    ///
    /// # Errors
    ///
    /// The status that `check` gave, or 500 when memory is out.
    pub(crate) fn run(
        self,
        r: &Request,
        buffers: &mut Buffers,
        check: &mut impl Check,
    ) -> Result<Filtered, u16> {
        // Half of the calls ask to get on, and nothing waits.
        if self.0.is_null() && buffers.pending.is_empty() {
            return Ok(self.pass());
        }
        buffers.reclaim();
        let mut link = self.0;
        // SAFETY: the chain and its buffers are the filter's during the call.
        while let Some(current) = unsafe { link.as_ref() } {
            buffers.pending.push_back(current.buf);
            link = current.next;
        }
        let streams = streams(r);
        let mut out = Output::new(r.raw().pool, buffers);
        while let Some(&buffer) = out.buffers.pending.front() {
            if streams && out.buffers.waiting() > MAX_WAITING {
                break;
            }
            out.buffers.pending.pop_front();
            out.take(buffer, check)?;
        }
        Ok(Filtered::Made(out.made, out.ended))
    }
}

impl Buffers {
    /// Takes back what was sent, or written to nginx's temporary file. Only while the body is being read, so that a buffer
    /// which a retry would send again (of a buffered body, read to its end) is never among them.
    fn reclaim(&mut self) {
        self.give_back();
        let sent = self.passed.iter().filter(|passed| passed.is_sent());
        self.spare_buffers.extend(sent.map(|passed| passed.buffer));
        self.passed.retain(|passed| !passed.is_sent());
    }

    /// Gives the memory of what was sent to other requests, without waiting for the answer. Its buffers stay: nginx may
    /// still have them in a chain, where they are empty.
    pub(crate) fn give_back(&mut self) {
        for passed in self.passed.iter_mut().filter(|passed| passed.is_sent()) {
            spare_memory::keep(std::mem::take(&mut passed.memory));
        }
    }

    /// Bytes of memory on their way to the upstream.
    fn waiting(&self) -> usize {
        self.passed.iter().map(|passed| passed.memory.capacity()).sum()
    }
}

/// The chain that is passed on, as it is being made.
pub(crate) struct Output<'b> {
    made: Made,
    buffers: &'b mut Buffers,
    /// The buffer that is being looked at, until a part of it was passed on.
    current: Option<*mut ngx_buf_t>,
    /// Memory is out.
    failed: bool,
    /// The end of the body is passed on.
    ended: bool,
}

impl<'b> Output<'b> {
    fn new(pool: *mut ngx_pool_t, buffers: &'b mut Buffers) -> Self {
        Output { made: Made::new(pool), buffers, current: None, failed: false, ended: false }
    }

    fn take(&mut self, buffer: *mut ngx_buf_t, check: &mut impl Check) -> Result<(), u16> {
        // SAFETY: nginx's buffer stays as it is until it is empty.
        let (input, last) =
            unsafe { (span((*buffer).pos, (*buffer).last), (*buffer).last_buf() != 0) };
        self.current = Some(buffer);
        check.push(input, last, self)?;
        if self.current.take().is_some() {
            // Nothing of it goes on: nginx may have it back.
            // SAFETY: as above; `input` is not used any more.
            unsafe { (*buffer).pos = (*buffer).last };
        }
        if last {
            self.end();
        }
        if self.failed { Err(NGX_HTTP_INTERNAL_SERVER_ERROR as u16) } else { Ok(()) }
    }

    /// Passes on the end of the body: an empty buffer that says so, which nginx itself makes after a chunked body.
    fn end(&mut self) {
        let buffer = self.new_buffer();
        // SAFETY: null or a zeroed buffer of the request's pool.
        if let Some(buffer) = unsafe { buffer.as_mut() } {
            buffer.set_last_buf(1);
        }
        self.append(buffer);
        self.ended = true;
    }

    fn own(&mut self, memory: Vec<u8>) {
        if memory.is_empty() {
            return;
        }
        let pointer = self.new_buffer();
        // SAFETY: null or a zeroed buffer of the request's pool.
        if let Some(buffer) = unsafe { pointer.as_mut() } {
            let start = memory.as_ptr().cast_mut();
            buffer.set_temporary(1);
            // Unbuffered, each piece is to be sent at once.
            buffer.set_flush(1);
            buffer.start = start;
            buffer.pos = start;
            buffer.last = start.wrapping_add(memory.len());
            buffer.end = buffer.last;
            // The vector's memory stays where it is while the vector moves.
            self.buffers.passed.push(Passed { buffer: pointer, memory });
        }
        self.append(pointer);
    }

    fn new_buffer(&mut self) -> *mut ngx_buf_t {
        match self.buffers.spare_buffers.pop() {
            Some(buffer) => {
                // SAFETY: one of ours, empty, and in no chain any more.
                unsafe { buffer.write_bytes(0, 1) };
                buffer
            }
            // SAFETY: the request's pool.
            None => unsafe { ngx_pcalloc(self.made.pool(), size_of::<ngx_buf_t>()) }.cast(),
        }
    }

    fn append(&mut self, buffer: *mut ngx_buf_t) {
        self.failed |= self.made.append(buffer).is_none();
    }

    fn copy(&mut self, bytes: &[u8]) {
        let mut memory = spare_memory::take();
        memory.extend_from_slice(bytes);
        self.own(memory);
    }
}

impl Sink for Output<'_> {
    fn borrowed(&mut self, bytes: &[u8]) {
        // The first part that goes on of nginx's buffer goes on in that very buffer, so that nginx sees when it was sent;
        // others, which are rare, are copied.
        let Some(buffer) = self.current.take() else { return self.copy(bytes) };
        let start = bytes.as_ptr().cast_mut();
        // ngx_http_upstream_reinit() sets `pos = start` before another attempt, so `start` must be this part's beginning too.
        // Nothing of nginx's needs the old one: these buffers only point into its reading buffer (`rb->buf`), each is made anew
        // by whoever hands it over (ngx_http_request_body_length_filter and its like), and what is written to the temporary
        // file is read from there.
        // SAFETY: the buffer that is being looked at; `bytes` is a part of it.
        unsafe {
            (*buffer).start = start;
            (*buffer).pos = start;
            (*buffer).last = start.wrapping_add(bytes.len());
            (*buffer).set_last_buf(0);
        }
        self.append(buffer);
    }

    fn copied(&mut self, bytes: &[u8]) {
        self.copy(bytes);
    }

    fn buffered(&mut self, bytes: &mut Vec<u8>) {
        self.own(std::mem::replace(bytes, spare_memory::take()));
    }
}

/// Makes nginx read the whole body before the upstream gets any of it. For the filter's first call, which comes before nginx
/// looks at this for the last time (ngx_http_read_client_request_body).
pub(crate) fn buffer_whole(r: &Request) {
    // SAFETY: single-threaded; no reference to the bit field is alive.
    unsafe { (*r.as_ptr()).set_request_body_no_buffering(0) };
}

/// Whether nothing is there of a body that the client has announced. Not to be asked of one that streams, or that was
/// emptied by our filter.
pub(crate) fn is_missing(r: &Request) -> bool {
    if Kept::of(r).length() != Some(0) {
        return false;
    }
    let announced = announced_length(r) != Ok(None) && announced_length(r) != Ok(Some(0));
    let discarded = r.raw().discard_body() != 0 || skips_data(r);
    match (announced, r.is_chunked()) {
        (true, _) => true,
        (false, true) => discarded || !was_read(r),
        (false, false) => r.content_length().is_some_and(|length| length > 0),
    }
}

/// Whether the body is passed on while it arrives.
pub(crate) fn streams(r: &Request) -> bool {
    r.raw().request_body_no_buffering() != 0
}

/// Whether the body was read, or is being read, before the access phase: past a filter that knew nothing of it.
pub(crate) fn was_read(r: &Request) -> bool {
    !r.raw().request_body.is_null()
}

/// Whether the body of a request in the access phase is all there, or still to come; there may be none. It is neither where
/// nginx has thrown it away, for an answer that an `error_page` then replaced (ngx_http_discard_request_body), or where it was
/// passed on to an upstream before.
pub(crate) fn is_whole(r: &Request) -> bool {
    let raw = r.raw();
    // What nginx leaves of the length falls while it discards; the header still says what it was.
    let length = r.content_length();
    let announced = match announced_length(r) {
        Ok(announced) => announced,
        Err(()) => return false,
    };
    if announced.unwrap_or(0) == 0 && !r.is_chunked() {
        return true;
    }
    if raw.discard_body() != 0 {
        return false;
    }
    // SAFETY: null or the request's own, which nothing changes during the call.
    let Some(body) = (unsafe { raw.request_body.as_ref() }) else {
        // Without a header the length is unknown until something has been read.
        return length == announced && !skips_data(r);
    };
    // Passed on while it arrived: what was sent is gone.
    if streams(r) || body.rest > 0 {
        return false;
    }
    // A chunked body's length is what has come of it.
    buffered_length(body.bufs) == announced.or(length)
}

/// The length that the Content-Length header states; an error where that is no number.
fn announced_length(r: &Request) -> Result<Option<u64>, ()> {
    // SAFETY: null or an element of the request's headers.
    let Some(header) = (unsafe { r.raw().headers_in.content_length.as_ref() }) else {
        return Ok(None);
    };
    // SAFETY: nginx's string, alive as long as the request.
    let value = unsafe { bytes(&header.value) };
    let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
    number.map(Some).ok_or(())
}

/// Whether HTTP/2 drops what comes of the body: all that discarding means there.
#[cfg(ngx_feature = "http_v2")]
fn skips_data(r: &Request) -> bool {
    // SAFETY: null or the request's stream, which lives as long as it does.
    unsafe { r.raw().stream.as_ref() }.is_some_and(|stream| stream.skip_data() != 0)
}

#[cfg(not(ngx_feature = "http_v2"))]
fn skips_data(_: &Request) -> bool {
    false
}
