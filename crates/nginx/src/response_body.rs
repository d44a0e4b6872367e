//! A response's body that a module changes on its way to the client.
//!
//! What comes in is copied into buffers of ours, changed, and sent; nginx's own buffers are taken for sent only when all of
//! that is. So whoever fills them waits for the client as ever, and no more is kept than what came of the buffers that nginx
//! gave at once: those of an upstream that is not buffered are one of `proxy_buffer_size`.

use std::collections::VecDeque;

use ngx::ffi::{ngx_buf_t, off_t};

use crate::chain::{Chain, Made, consume, is_in_memory, new_buffer};
use crate::filter::{self, OutputFilter};
use crate::module::HttpModule;
use crate::request::Request;
use crate::string::{span, string};
use crate::{Status, request};

/// Buffers of ours whose memory is kept for the next ones.
const MAX_SPARES: usize = 4;

/// The buffers of a body that is being changed, among the request's hooks. All point into the request's pool.
#[derive(Default)]
pub(crate) struct ResponseBuffers {
    /// Buffers of nginx's that were looked at, and that it must not use again yet.
    sources: Vec<*mut ngx_buf_t>,
    /// Our buffers that were handed on, in order, with their memory.
    waiting: VecDeque<(*mut ngx_buf_t, Vec<u8>)>,
    spare_buffers: Vec<*mut ngx_buf_t>,
    spare_memory: Vec<Vec<u8>>,
}

/// Why a part of a body is not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unsent {
    /// It lies in a file, which nothing here reads.
    InFile,
    /// Memory is out.
    Memory,
}

/// Shows the bytes of `chain` to `change`, which appends what becomes of them to its second argument, and hands that on to the
/// filters after `M`'s. `change` is called with `true`, and no bytes, at the end of the body. An empty chain only sends what
/// waits.
///
/// # Errors
///
/// What `change` says; or an [`Unsent`], as an `E`. Nothing is handed on then, and the response has no end: the caller gives
/// nginx [`Status::NGX_ERROR`].
pub fn rewrite<'r, M: HttpModule + OutputFilter, E: From<Unsent>>(
    r: Request<'r>,
    chain: Chain<'r>,
    mut change: impl FnMut(&[u8], bool, &mut Vec<u8>) -> Result<(), E>,
) -> Result<Status, E> {
    let hooks = r.hooks::<M>().ok_or(Unsent::Memory)?;
    // They stay there whatever comes of this, a panic too: what waits is still to be sent, and has its memory there.
    let mut buffers = hooks.response.borrow_mut();
    buffers.get_or_insert_default().rewrite::<M, E>(r, chain, &mut change)
}

/// What the buffers of one call have said besides their bytes.
#[derive(Default)]
struct Seen {
    last: bool,
    flush: bool,
}

impl Seen {
    /// Notes what a buffer says, and gives its bytes.
    ///
    /// # Safety
    ///
    /// The buffer's memory must live and stay unchanged as long as the bytes are used, which need not be as long as the
    /// reference.
    unsafe fn look_at<'b>(&mut self, buffer: &ngx_buf_t) -> Result<&'b [u8], Unsent> {
        self.last |= buffer.last_buf() != 0 || buffer.last_in_chain() != 0;
        self.flush |= buffer.flush() != 0;
        if is_in_memory(buffer) {
            // SAFETY: pos and last belong to one allocation, by the caller's promise.
            return Ok(unsafe { span(buffer.pos, buffer.last) });
        }
        let in_file: off_t = buffer.file_last.saturating_sub(buffer.file_pos);
        if buffer.in_file() != 0 && in_file > 0 { Err(Unsent::InFile) } else { Ok(b"") }
    }
}

impl ResponseBuffers {
    fn rewrite<'r, M: HttpModule + OutputFilter, E: From<Unsent>>(
        &mut self,
        r: Request<'r>,
        chain: Chain<'r>,
        change: &mut impl FnMut(&[u8], bool, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Status, E> {
        let mut out = self.spare_memory.pop().unwrap_or_default();
        out.clear();
        let mut seen = Seen::default();
        let mut link = chain.into_ptr();
        while !link.is_null() {
            // SAFETY: the chain and its buffers are the filter's during the call; a link's buffer is never null.
            let (pointer, next) = unsafe { ((*link).buf, (*link).next) };
            link = next;
            // SAFETY: as above; the reference ends before the buffer is written to.
            let bytes = unsafe { seen.look_at(&*pointer) }?;
            change(bytes, false, &mut out)?;
            self.sources.push(pointer);
        }
        if seen.last {
            change(b"", true, &mut out)?;
        }
        let mut made = Made::new(r);
        if !out.is_empty() || seen.last || seen.flush {
            self.hand_on(r, out, &seen, &mut made).ok_or(Unsent::Memory)?;
        } else {
            self.spare_memory.push(out);
        }
        // SAFETY: a chain of links of the request's pool, of buffers that live until the request ends.
        let code = filter::next_body::<M>(r, unsafe { Chain::from_ptr(made.first()) });
        // Filters make their own links of what they keep.
        made.free();
        self.settle();
        Ok(code)
    }

    /// Makes a buffer of `out` and appends it to the chain; none when memory is out.
    fn hand_on(
        &mut self,
        r: Request<'_>,
        out: Vec<u8>,
        seen: &Seen,
        made: &mut Made<'_>,
    ) -> Option<()> {
        let pointer = new_buffer(r, &mut self.spare_buffers);
        // SAFETY: null or a zeroed buffer, which nothing else refers to.
        let buffer = unsafe { pointer.as_mut() }?;
        // The vector's memory stays where it is while the vector moves into the queue, and is not changed until it was sent.
        let bytes = string(&out);
        buffer.start = bytes.data;
        buffer.pos = bytes.data;
        buffer.last = bytes.data.wrapping_add(bytes.len);
        buffer.end = buffer.last;
        // An empty buffer must not claim memory, or the writers complain of a zero size buffer.
        buffer.set_memory(u32::from(!out.is_empty()));
        buffer.set_last_buf(u32::from(seen.last && r.is_main()));
        buffer.set_last_in_chain(u32::from(seen.last));
        buffer.set_flush(u32::from(seen.flush));
        // As ngx_http_send_special has it: the end of a subrequest's body is no mark that writers know.
        buffer.set_sync(u32::from(out.is_empty() && seen.last && !r.is_main()));
        self.waiting.push_back((pointer, out));
        made.append(pointer)
    }

    /// Takes back what was sent, and gives nginx its buffers back when all was.
    fn settle(&mut self) {
        // SAFETY: a buffer of ours; the writer has moved `pos` to what it sent.
        let is_sent = |buffer: *mut ngx_buf_t| unsafe { (*buffer).pos >= (*buffer).last };
        while self.waiting.front().is_some_and(|(buffer, _)| is_sent(*buffer)) {
            let Some((buffer, memory)) = self.waiting.pop_front() else { break };
            // An empty one may still stand in a chain with the end of the response.
            if memory.is_empty() {
                continue;
            }
            self.spare_buffers.push(buffer);
            if self.spare_memory.len() < MAX_SPARES {
                self.spare_memory.push(memory);
            }
        }
        if self.waiting.is_empty() {
            // SAFETY: nginx's buffers, which it keeps until they are empty; no reference to them is alive.
            self.sources.drain(..).for_each(|buffer| unsafe { consume(buffer) });
        }
    }
}

impl Request<'_> {
    /// Says that the body will be another than the header describes: what tells of its length, of parts of it, or of its bytes
    /// goes. Called from the header filter, as the following.
    pub fn body_will_change(self) {
        for name in [&b"content-md5"[..], b"etag", b"accept-ranges", b"content-length"] {
            self.remove_response_header(name);
        }
        // SAFETY: the request is alive and no other reference into headers_out is.
        let out = unsafe { &mut (*self.as_ptr()).headers_out };
        out.content_length_n = -1;
        out.content_length = std::ptr::null_mut();
        out.accept_ranges = std::ptr::null_mut();
        out.etag = std::ptr::null_mut();
        // SAFETY: single-threaded; no reference to the structure is alive.
        unsafe { request::bits::set_allow_ranges(self.as_ptr(), false) };
    }

    /// Has nginx send the upstream's response as it comes, by memory alone, and keep it nowhere: as `X-Accel-Buffering: no`
    /// does, and before nginx looks at that (ngx_http_upstream_send_response).
    pub fn do_not_buffer(self) {
        self.do_not_keep();
        let u = self.read(|r| r.upstream);
        if !u.is_null() {
            // SAFETY: the upstream part belongs to this request; no reference to it is alive.
            unsafe { (*u).set_buffering(0) };
        }
    }
}
