//! The upstream's output filter: the last place that sees the request's bytes before the socket.
//!
//! A module may rewrite a body here for the peer of this attempt, whether it comes from memory or back from nginx's temporary
//! file. The bytes that arrive are not touched: another attempt would need them.
//!
//! A part of a buffer is sent as a buffer of ours that points into it (a shadow). nginx takes a buffer back when it is
//! empty, so after each call every buffer is moved on to where its first unsent shadow begins.

use std::collections::VecDeque;
use std::ffi::c_void;

use ngx::ffi::{
    NGX_ERROR, ngx_buf_t, ngx_chain_t, ngx_chain_writer, ngx_http_request_t, ngx_int_t,
    ngx_output_chain_filter_pt, ngx_str_t,
};

use crate::boundary::boundary;
use crate::chain::{Made, new_buffer};
use crate::log::Level;
use crate::module::HttpModule;
use crate::request::Request;
use crate::request_body_filter;
use crate::string::{lies_in, span, string};

/// What rewrites a body for one attempt.
pub trait Rewriter {
    /// Takes the next bytes of the body, and gives on what is to be sent.
    ///
    /// # Errors
    ///
    /// Why the body cannot be sent, for the error log; the attempt ends.
    fn process(&mut self, input: &[u8], out: &mut Parts<'_, '_>) -> Result<(), String>;

    /// The body has ended.
    ///
    /// # Errors
    ///
    /// As for `process`.
    fn finish(&mut self) -> Result<(), String>;
}

/// What is kept of one request's output, for one attempt, among the request's hooks.
pub(crate) struct RewrittenBody<R: ?Sized = dyn Rewriter> {
    next: ngx_output_chain_filter_pt,
    next_data: *mut c_void,
    head_sent: bool,
    /// What was handed on and is not sent yet, in order.
    waiting: VecDeque<Piece>,
    spare_buffers: Vec<*mut ngx_buf_t>,
    spare_lines: Vec<Vec<u8>>,
    rewriter: R,
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

/// Puts `rewriter` before the upstream's output for the attempt that begins.
pub fn install<M: HttpModule, R: Rewriter + 'static>(r: Request<'_>, rewriter: R) {
    remove::<M>(r);
    // A subrequest (mirror) has a context of its own, perhaps not yet.
    let Some(hooks) = r.hooks::<M>() else { return };
    // SAFETY: null or the upstream part of this request, which only nginx's single thread touches; no other reference to it is
    // alive.
    let Some(u) = (unsafe { r.read(|r| r.upstream).as_mut() }) else { return };
    hooks.output.replace(Some(Box::new(RewrittenBody {
        next: u.output.output_filter,
        next_data: u.output.filter_ctx,
        head_sent: false,
        waiting: VecDeque::new(),
        spare_buffers: Vec::new(),
        spare_lines: Vec::new(),
        rewriter,
    })));
    u.output.output_filter = Some(output_filter::<M>);
    u.output.filter_ctx = r.as_ptr().cast();
    // A body in nginx's temporary file must pass through memory, not sendfile (src/core/ngx_output_chain.c).
    u.output.set_need_in_memory(1);
}

/// Takes the rewriter of an earlier attempt away, if there was one.
pub fn remove<M: HttpModule>(r: Request<'_>) {
    let Some(earlier) = r.existing_hooks::<M>().and_then(|hooks| hooks.output.take()) else {
        return;
    };
    // SAFETY: as in `install`.
    let Some(u) = (unsafe { r.read(|r| r.upstream).as_mut() }) else { return };
    u.output.output_filter = earlier.next;
    u.output.filter_ctx = earlier.next_data;
}

/// Sends the body as it is, without `Transfer-Encoding: chunked` around it: the head declares its length, though nginx knew
/// none.
pub fn send_plain(r: Request<'_>) {
    // SAFETY: as in `install`.
    let Some(u) = (unsafe { r.read(|r| r.upstream).as_mut() }) else { return };
    u.output.output_filter = Some(ngx_chain_writer);
    u.output.filter_ctx = (&raw mut u.writer).cast();
}

unsafe extern "C" fn output_filter<M: HttpModule>(
    data: *mut c_void,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: `install` made the request this filter's data.
        let Some(request) = (unsafe { Request::from_ptr(data.cast::<ngx_http_request_t>()) })
        else {
            return NGX_ERROR as ngx_int_t;
        };
        let Some(hooks) = request.existing_hooks::<M>() else { return NGX_ERROR as ngx_int_t };
        let mut slot = hooks.output.borrow_mut();
        let Some(output) = slot.as_deref_mut() else { return NGX_ERROR as ngx_int_t };
        let code = output.send(request, chain, M::LOG_PREFIX);
        request_body_filter::sent::<M>(request);
        code
    })
}

impl RewrittenBody {
    fn send(&mut self, r: Request<'_>, chain: *mut ngx_chain_t, prefix: &str) -> ngx_int_t {
        let mut made = Made::new(r);
        let mut link = chain;
        while !link.is_null() {
            // SAFETY: nginx's chain, which it leaves alone during the call.
            let (buffer, next) = unsafe { ((*link).buf, (*link).next) };
            link = next;
            // The first buffer is the head.
            if !std::mem::replace(&mut self.head_sent, true) {
                if made.append(buffer).is_none() {
                    return NGX_ERROR as ngx_int_t;
                }
                continue;
            }
            if let Err(why) = self.rewrite(r, buffer, &mut made) {
                r.log(
                    Level::Alert,
                    format_args!("{prefix}: the body could not be rewritten: {why}"),
                );
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
    fn rewrite<'r>(
        &mut self,
        r: Request<'r>,
        source: *mut ngx_buf_t,
        made: &mut Made<'r>,
    ) -> Result<(), String> {
        // SAFETY: nginx's buffer, in memory as `need_in_memory` asks for.
        let (bytes, last) =
            unsafe { (span((*source).pos, (*source).last), (*source).last_buf() != 0) };
        let RewrittenBody { rewriter, waiting, spare_buffers, spare_lines, .. } = self;
        let before = waiting.len();
        let mut parts = Parts {
            r,
            source,
            source_bytes: bytes,
            waiting,
            spare_buffers,
            spare_lines,
            made,
            failed: false,
        };
        rewriter.process(bytes, &mut parts)?;
        if parts.failed {
            return Err("out of memory".to_owned());
        }
        if last {
            rewriter.finish()?;
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
            let (pos, last) = unsafe { ((*piece.buffer).pos, (*piece.buffer).last) };
            if pos < last {
                if piece.line.is_empty() {
                    // SAFETY: nginx's buffer, which it keeps until it is empty; no reference to it is alive.
                    unsafe { (*piece.source).pos = pos };
                }
                return;
            }
            if piece.ends_source {
                // SAFETY: as above.
                unsafe { (*piece.source).pos = (*piece.source).last };
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

/// Makes buffers of what a rewriter gives on.
pub struct Parts<'r, 'o> {
    r: Request<'r>,
    source: *mut ngx_buf_t,
    source_bytes: &'o [u8],
    waiting: &'o mut VecDeque<Piece>,
    spare_buffers: &'o mut Vec<*mut ngx_buf_t>,
    spare_lines: &'o mut Vec<Vec<u8>>,
    made: &'o mut Made<'r>,
    failed: bool,
}

impl Parts<'_, '_> {
    /// Sends a part of the input without copying it. Anything else is copied.
    pub fn borrowed(&mut self, bytes: &[u8]) {
        if lies_in(bytes, self.source_bytes) {
            self.piece(string(bytes), Vec::new());
        } else {
            self.copied(bytes);
        }
    }

    /// Sends a copy.
    pub fn copied(&mut self, bytes: &[u8]) {
        let mut line = self.spare_lines.pop().unwrap_or_default();
        line.clear();
        line.extend_from_slice(bytes);
        // The vector's memory stays where it is while the vector moves into the queue, and is not changed until it was sent.
        self.piece(string(&line), line);
    }

    fn piece(&mut self, bytes: ngx_str_t, line: Vec<u8>) {
        let pointer = new_buffer(self.r, self.spare_buffers);
        // SAFETY: null or a zeroed buffer, which nothing else refers to.
        let Some(buffer) = (unsafe { pointer.as_mut() }) else {
            self.failed = true;
            return;
        };
        buffer.set_memory(1);
        buffer.start = bytes.data;
        buffer.pos = bytes.data;
        buffer.last = bytes.data.wrapping_add(bytes.len);
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
