//! The upstream's output filter: the last place that sees the request's bytes before the socket.
//!
//! Where a client's body was chunk-signed, what arrives here are proven frames with hashes in their signature fields, from
//! memory or read back from nginx's temporary file. They leave with the origin's signatures, for the peer of this attempt.
//! The bytes that arrive are not touched: another attempt would need the hashes.
//!
//! A part of a buffer is sent as a buffer of ours that points into it (a shadow). nginx takes a buffer back when it is
//! empty, so after each call every buffer is moved on to where its first unsent shadow begins.

use std::collections::VecDeque;
use std::ffi::c_void;

use ngx::ffi::{
    NGX_ERROR, ngx_buf_t, ngx_chain_t, ngx_chain_writer, ngx_http_request_t, ngx_int_t,
    ngx_output_chain_filter_pt, ngx_pcalloc,
};
use sigv4::aws_chunked::{Resigner, Sink};

use crate::ffi::boundary::boundary;
use crate::ffi::chain::Made;
use crate::ffi::log::Level;
use crate::ffi::request::Request;
use crate::ffi::string::span;

/// What is kept of one request's output, for one attempt.
pub(crate) struct Output {
    resigner: Resigner,
    next: ngx_output_chain_filter_pt,
    next_data: *mut c_void,
    head_sent: bool,
    /// What was handed on and is not sent yet, in order.
    waiting: VecDeque<Piece>,
    spare_buffers: Vec<*mut ngx_buf_t>,
    spare_lines: Vec<Vec<u8>>,
}

/// A buffer of ours on its way to the socket.
struct Piece {
    buffer: *mut ngx_buf_t,
    /// nginx's buffer that this is a part of, or that must be seen as sent when this is.
    source: *mut ngx_buf_t,
    /// Whether nothing of `source` comes after this piece.
    ends_source: bool,
    /// A line of our own; empty for a part of `source`.
    line: Vec<u8>,
}

/// Most lines whose memory is kept.
const MAX_SPARE_LINES: usize = 16;

/// Puts `resigner` before the upstream's output for the attempt that begins, or takes that of an earlier attempt away.
pub(crate) fn install(r: &Request, resigner: Option<Resigner>) {
    // A subrequest (mirror) has a context of its own, perhaps not yet.
    let Some(ctx) = crate::ctx::of(r) else { return };
    // SAFETY: null or the upstream part of this request, which only nginx's single thread touches.
    let Some(u) = (unsafe { r.raw().upstream.as_mut() }) else { return };
    let mut slot = ctx.output.borrow_mut();
    let earlier = slot.take();
    if let Some(earlier) = &earlier {
        u.output.output_filter = earlier.next;
        u.output.filter_ctx = earlier.next_data;
    }
    let Some(resigner) = resigner else { return };
    *slot = Some(Box::new(Output {
        resigner,
        next: u.output.output_filter,
        next_data: u.output.filter_ctx,
        head_sent: false,
        waiting: VecDeque::new(),
        spare_buffers: Vec::new(),
        spare_lines: Vec::new(),
    }));
    u.output.output_filter = Some(output_filter);
    u.output.filter_ctx = r.as_ptr().cast();
    // A body in nginx's temporary file must pass through memory, not sendfile (src/core/ngx_output_chain.c).
    u.output.set_need_in_memory(1);
}

/// Sends the body as it is, without `Transfer-Encoding: chunked` around it: the head announces the object's length, though
/// nginx knew none.
pub(crate) fn send_plain(r: &Request) {
    // SAFETY: as in `install`.
    let Some(u) = (unsafe { r.raw().upstream.as_mut() }) else { return };
    u.output.output_filter = Some(ngx_chain_writer);
    u.output.filter_ctx = (&raw mut u.writer).cast();
}

unsafe extern "C" fn output_filter(data: *mut c_void, chain: *mut ngx_chain_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: `install` made the request this filter's data.
        let Some(request) = (unsafe { Request::new(data.cast::<ngx_http_request_t>()) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        let Some(ctx) = crate::ctx::existing(&request) else { return NGX_ERROR as ngx_int_t };
        let mut slot = ctx.output.borrow_mut();
        let Some(output) = slot.as_deref_mut() else { return NGX_ERROR as ngx_int_t };
        let code = output.send(&request, chain);
        crate::request_body_filter::sent(&request, ctx);
        code
    })
}

impl Output {
    fn send(&mut self, r: &Request, chain: *mut ngx_chain_t) -> ngx_int_t {
        let mut made = Made::new(r.raw().pool);
        let mut link = chain;
        // SAFETY: nginx's chain, which it leaves alone during the call.
        while let Some(current) = unsafe { link.as_ref() } {
            link = current.next;
            // The first buffer is the head, which is signed already.
            if !std::mem::replace(&mut self.head_sent, true) {
                if made.append(current.buf).is_none() {
                    return NGX_ERROR as ngx_int_t;
                }
                continue;
            }
            if let Err(why) = self.resign(current.buf, &mut made) {
                r.log(Level::Alert, format_args!("s3: the body could not be signed anew: {why}"));
                return NGX_ERROR as ngx_int_t;
            }
        }
        let code = match self.next {
            // SAFETY: what nginx would have called, with its data.
            Some(next) => unsafe { next(self.next_data, made.first()) },
            None => NGX_ERROR as ngx_int_t,
        };
        // The writer made its own.
        made.free();
        self.settle();
        code
    }

    /// Hands on the parts of one buffer.
    fn resign(&mut self, source: *mut ngx_buf_t, made: &mut Made) -> Result<(), String> {
        // SAFETY: nginx's buffer, in memory as `need_in_memory` asks for.
        let (bytes, last) =
            unsafe { (span((*source).pos, (*source).last), (*source).last_buf() != 0) };
        let Output { resigner, waiting, spare_buffers, spare_lines, .. } = self;
        let before = waiting.len();
        let mut parts = Parts { source, waiting, spare_buffers, spare_lines, made, failed: false };
        resigner.process(bytes, &mut parts).map_err(|error| error.to_string())?;
        if parts.failed {
            return Err("out of memory".to_owned());
        }
        if last {
            resigner.finish().map_err(|error| error.to_string())?;
        }
        if waiting.len() == before {
            // All of it was held back (the beginning of a line), or it is empty: an empty one may carry the end.
            // SAFETY: as above; nothing refers to its bytes.
            unsafe { (*source).pos = (*source).last };
            if last || bytes.is_empty() {
                made.append(source).ok_or("out of memory")?;
            }
            return Ok(());
        }
        if let Some(piece) = waiting.back_mut() {
            piece.ends_source = true;
            // SAFETY: a buffer of ours that was just made.
            unsafe {
                (*piece.buffer).set_last_buf(u32::from(last));
                (*piece.buffer).set_flush((*source).flush());
            }
        }
        Ok(())
    }

    /// Moves nginx's buffers on to what is not sent yet, and takes ours back.
    fn settle(&mut self) {
        while let Some(piece) = self.waiting.front_mut() {
            // SAFETY: a buffer of ours; the writer has moved `pos` to what it sent.
            let buffer = unsafe { &*piece.buffer };
            // SAFETY: nginx's buffer, which it keeps until it is empty.
            let source = unsafe { &mut *piece.source };
            if buffer.pos < buffer.last {
                if piece.line.is_empty() {
                    source.pos = buffer.pos;
                }
                return;
            }
            if piece.ends_source {
                source.pos = source.last;
            }
            self.spare_buffers.push(piece.buffer);
            let line = std::mem::take(&mut piece.line);
            if line.capacity() > 0 && self.spare_lines.len() < MAX_SPARE_LINES {
                self.spare_lines.push(line);
            }
            self.waiting.pop_front();
        }
    }
}

/// Makes buffers of what the resigner gives on.
struct Parts<'o> {
    source: *mut ngx_buf_t,
    waiting: &'o mut VecDeque<Piece>,
    spare_buffers: &'o mut Vec<*mut ngx_buf_t>,
    spare_lines: &'o mut Vec<Vec<u8>>,
    made: &'o mut Made,
    failed: bool,
}

impl Parts<'_> {
    fn piece(&mut self, bytes: &[u8], line: Vec<u8>) {
        let start = bytes.as_ptr().cast_mut();
        let pointer = match self.spare_buffers.pop() {
            Some(buffer) => {
                // SAFETY: one of ours that was sent, and in no chain any more.
                unsafe { buffer.write_bytes(0, 1) };
                buffer
            }
            // SAFETY: the request's pool.
            None => unsafe { ngx_pcalloc(self.made.pool(), size_of::<ngx_buf_t>()) }.cast(),
        };
        // SAFETY: null or a zeroed buffer.
        let Some(buffer) = (unsafe { pointer.as_mut() }) else {
            self.failed = true;
            return;
        };
        buffer.set_memory(1);
        buffer.start = start;
        buffer.pos = start;
        buffer.last = start.wrapping_add(bytes.len());
        buffer.end = buffer.last;
        self.waiting.push_back(Piece {
            buffer: pointer,
            source: self.source,
            ends_source: false,
            line,
        });
        self.failed |= self.made.append(pointer).is_none();
    }
}

impl Sink for Parts<'_> {
    fn borrowed(&mut self, bytes: &[u8]) {
        self.piece(bytes, Vec::new());
    }

    fn copied(&mut self, bytes: &[u8]) {
        let mut line = self.spare_lines.pop().unwrap_or_default();
        line.clear();
        line.extend_from_slice(bytes);
        // The vector's memory stays where it is while the vector moves into the queue.
        // SAFETY: `line` is not changed until the piece was sent.
        let bytes = unsafe { std::slice::from_raw_parts(line.as_ptr(), line.len()) };
        self.piece(bytes, line);
    }
}
