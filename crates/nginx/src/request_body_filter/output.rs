//! What a request body filter gives on, as buffers.

use ngx::ffi::{NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_buf_t};

use super::{Buffers, Check, MAX_WAITING, Own};
use crate::chain::{Made, new_buffer};
use crate::request::Request;
use crate::spare_memory;
use crate::string::{lies_in, span, string};

/// The chain that is passed on, as it is being made.
pub struct Output<'r, 'b> {
    r: Request<'r>,
    made: Made<'r>,
    buffers: &'b mut Buffers,
    /// The buffer that is being looked at, and its bytes, until a part of it was passed on.
    current: Option<(*mut ngx_buf_t, *const [u8])>,
    /// The same, from when a part of it was passed on in it until something else was: what follows that part may go on with it.
    open: Option<(*mut ngx_buf_t, *const [u8])>,
    /// Memory is out.
    failed: bool,
    /// The end of the body is passed on.
    ended: bool,
}

impl<'r, 'b> Output<'r, 'b> {
    pub(super) fn new(r: Request<'r>, buffers: &'b mut Buffers) -> Self {
        Output {
            r,
            made: Made::new(r),
            buffers,
            current: None,
            open: None,
            failed: false,
            ended: false,
        }
    }

    /// What was made, and whether it has the body's end.
    pub(super) fn into_chain(self) -> (Made<'r>, bool) {
        (self.made, self.ended)
    }

    /// The next buffer to look at; none where enough waits for the upstream.
    pub(super) fn next_pending(&mut self, streams: bool) -> Option<*mut ngx_buf_t> {
        if streams && self.buffers.waiting() > MAX_WAITING {
            return None;
        }
        self.buffers.pending.pop_front()
    }

    pub(super) fn take(
        &mut self,
        buffer: *mut ngx_buf_t,
        check: &mut impl Check,
    ) -> Result<(), u16> {
        // SAFETY: nginx's buffer stays as it is until it is empty.
        let (start, input, last) = unsafe {
            ((*buffer).pos, span((*buffer).pos, (*buffer).last), (*buffer).last_buf() != 0)
        };
        self.current = Some((buffer, input));
        self.buffers.replacements.clear();
        check.push(input, last, self)?;
        self.open = None;
        if self.current.take().is_some() {
            // Nothing of it goes on: nginx may have it back.
            // SAFETY: as above; `input` is not used any more.
            unsafe { (*buffer).pos = (*buffer).last };
        }
        for (offset, bytes) in self.buffers.replacements.iter() {
            // SAFETY: `replaced` has seen that as many bytes lie there, in memory of this buffer that may be written to, and nobody
            // refers to them: `input` is not used any more.
            unsafe { start.add(offset).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        if last {
            self.end();
        }
        if self.failed { Err(NGX_HTTP_INTERNAL_SERVER_ERROR as u16) } else { Ok(()) }
    }

    /// Passes on the end of the body: an empty buffer that says so, which nginx itself makes after a chunked body.
    fn end(&mut self) {
        let buffer = new_buffer(self.r, &mut self.buffers.spare_buffers);
        if !buffer.is_null() {
            // SAFETY: a zeroed buffer of the request's pool.
            unsafe { (*buffer).set_last_buf(1) };
        }
        self.append(buffer);
        self.ended = true;
    }

    /// Passes on a part of the input without copying it, where that is possible. Anything else is copied.
    pub fn borrowed(&mut self, bytes: &[u8]) {
        if !self.in_place(bytes) {
            self.copied(bytes);
        }
    }

    /// Passes on `bytes` in the place of `original`, a part of the input that is as long: they are written there when the check is
    /// done with the input, where it can be passed on without copying it.
    pub fn replaced(&mut self, original: &[u8], bytes: &[u8]) {
        // SAFETY: the buffer that is being looked at; nginx marks what may not be written to as `memory` or `mmap`.
        let is_ours = |(buffer, _): &(*mut ngx_buf_t, _)| unsafe { (**buffer).temporary() != 0 };
        let (Some((_, input)), true) =
            (self.open.or(self.current).filter(is_ours), original.len() == bytes.len())
        else {
            return self.copied(bytes);
        };
        let offset = original.as_ptr().addr().wrapping_sub(input.cast::<u8>().addr());
        if self.in_place(original) {
            self.buffers.replacements.push(offset, bytes);
        } else {
            self.copied(bytes);
        }
    }

    /// Passes on a part of the input in nginx's buffer; false where that cannot be.
    fn in_place(&mut self, bytes: &[u8]) -> bool {
        // The first part that goes on of nginx's buffer, and what follows it without a gap, goes on in that very buffer, so that
        // nginx sees when it was sent; others, which are rare, are copied.
        // SAFETY: the bytes of the buffer that is being looked at, which stay until it is empty.
        let is_input = |input: *const [u8]| unsafe { lies_in(bytes, &*input) };
        let string = string(bytes);
        let end = string.data.wrapping_add(string.len);
        if let Some((buffer, _)) = self.open.filter(|(_, input)| is_input(*input)) {
            // SAFETY: the buffer that is being looked at; up to `end` are bytes of its own.
            unsafe {
                let follows = (*buffer).last == string.data;
                if follows {
                    (*buffer).last = end;
                }
                return follows;
            }
        }
        let Some(current) = self.current.take_if(|(_, input)| is_input(*input)) else {
            return false;
        };
        let (buffer, _) = current;
        // ngx_http_upstream_reinit() sets `pos = start` before another attempt, so `start` must be this part's beginning too.
        // Nothing of nginx's needs the old one: these buffers only point into its reading buffer (`rb->buf`), each is made anew
        // by whoever hands it over (ngx_http_request_body_length_filter and its like), and what is written to the temporary
        // file is read from there.
        // SAFETY: the buffer that is being looked at; `bytes` is a part of it.
        unsafe {
            (*buffer).start = string.data;
            (*buffer).pos = string.data;
            (*buffer).last = end;
            (*buffer).set_last_buf(0);
        }
        self.append(buffer);
        self.open = Some(current);
        true
    }

    /// Passes on a copy.
    pub fn copied(&mut self, bytes: &[u8]) {
        let mut memory = spare_memory::take();
        memory.extend_from_slice(bytes);
        self.own(memory);
    }

    /// Passes on the bytes with their memory, and leaves other memory in its place.
    pub fn buffered(&mut self, bytes: &mut Vec<u8>) {
        self.own(std::mem::replace(bytes, spare_memory::take()));
    }

    fn own(&mut self, memory: Vec<u8>) {
        if memory.is_empty() {
            return;
        }
        let pointer = new_buffer(self.r, &mut self.buffers.spare_buffers);
        // SAFETY: null or a zeroed buffer of the request's pool, which nothing else refers to.
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
            self.buffers.passed.push(Own::new(pointer, memory));
        }
        self.append(pointer);
    }

    fn append(&mut self, buffer: *mut ngx_buf_t) {
        self.open = None;
        self.failed |= self.made.append(buffer).is_none();
    }
}

/// Bytes that are to be written into the buffer that is being looked at.
#[derive(Default)]
pub(super) struct Replacements {
    /// Where each begins in the buffer, and how long it is.
    places: Vec<(usize, usize)>,
    /// One after the other.
    bytes: Vec<u8>,
}

impl Replacements {
    fn clear(&mut self) {
        self.places.clear();
        self.bytes.clear();
    }

    fn push(&mut self, offset: usize, bytes: &[u8]) {
        self.places.push((offset, bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.places.iter().map_while(move |(offset, length)| {
            let (bytes, later) = rest.split_at_checked(*length)?;
            rest = later;
            Some((*offset, bytes))
        })
    }
}
