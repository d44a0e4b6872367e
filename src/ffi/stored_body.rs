//! A body that nginx read before the access phase: in memory, or in nginx's temporary file.
//!
//! It is looked at where it lies, a piece at a time, and what may go on takes its place. That is never longer than what was
//! read of it, so writing stays behind reading: in memory in the very buffers, in the file at offsets that were read before.
//! Nothing else is allocated than room for a piece.

use ngx::ffi::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_buf_t, ngx_chain_t, ngx_http_core_run_phases,
    ngx_post_event, ngx_posted_next_events, ngx_read_file, ngx_write_file, off_t,
};
use sigv4::aws_chunked::Sink;

use crate::ffi::chain::{buffered_length, is_in_memory, size};
use crate::ffi::request::Request;
use crate::spare_memory;

/// Bytes that are read at once. nginx sends a body from its file in pieces of `proxy_buffer_size` or with sendfile.
const PIECE: usize = 32 << 10;
/// Bytes that are looked at before other requests of the worker have their turn.
const TURN: usize = 256 << 10;

/// Why a stored body is not gone through to its end: memory is out, or the file cannot be read or written. nginx has logged it.
pub(crate) const FAILED: u16 = NGX_HTTP_INTERNAL_SERVER_ERROR as u16;

/// How far a stored body has been gone through.
pub(crate) struct StoredBody {
    length: u64,
    read: Place,
    written: Place,
    piece: Vec<u8>,
}

/// A place in the chain.
#[derive(Clone, Copy)]
struct Place {
    link: *mut ngx_chain_t,
    /// Bytes from the beginning of the link's buffer.
    offset: u64,
    /// Bytes from the beginning of the body.
    total: u64,
}

impl StoredBody {
    /// The request's body, which is all there; none where its length cannot be told.
    pub(crate) fn of(r: &Request) -> Option<Self> {
        // SAFETY: null or the request's own.
        let body = unsafe { r.raw().request_body.as_ref() }?;
        let start = Place { link: body.bufs, offset: 0, total: 0 };
        let length = buffered_length(body.bufs)?;
        Some(StoredBody { length, read: start, written: start, piece: spare_memory::take() })
    }

    /// Shows the next bytes to `check`, which gives on what may go on; its second argument says that no more come. True at
    /// the end of the body, which is then what was given on; false when it is others' turn.
    ///
    /// # Errors
    ///
    /// The status that `check` gave, or [`FAILED`].
    pub(crate) fn advance(
        &mut self,
        r: &Request,
        mut check: impl FnMut(&[u8], bool, &mut Rewritten<'_>) -> Result<(), u16>,
    ) -> Result<bool, u16> {
        let turn = self.read.total.saturating_add(TURN as u64);
        loop {
            let start = self.read.total;
            self.read_piece().ok_or(FAILED)?;
            let last = self.read.total >= self.length;
            let mut out = Rewritten {
                input: &self.piece,
                start,
                read: self.read.total,
                written: &mut self.written,
                failed: false,
            };
            check(&self.piece, last, &mut out)?;
            if out.failed {
                return Err(FAILED);
            }
            if last {
                self.cut(r);
                return Ok(true);
            }
            if self.read.total >= turn {
                return Ok(false);
            }
        }
    }

    /// Copies the next bytes; what is copied is changed in its place later.
    fn read_piece(&mut self) -> Option<()> {
        self.piece.clear();
        while self.piece.len() < PIECE && self.read.total < self.length {
            let (buffer, room) = self.read.buffer()?;
            let length = usize::try_from(room).ok()?.min(PIECE.saturating_sub(self.piece.len()));
            let before = self.piece.len();
            self.piece.reserve_exact(PIECE.saturating_sub(before));
            // SAFETY: `buffer()` has checked that this many bytes follow in the buffer, and that much room was reserved.
            unsafe {
                let target = self.piece.as_mut_ptr().add(before);
                if is_in_memory(&*buffer) {
                    let offset = usize::try_from(self.read.offset).ok()?;
                    std::ptr::copy_nonoverlapping((*buffer).pos.add(offset), target, length);
                } else {
                    let at =
                        (*buffer).file_pos.checked_add(off_t::try_from(self.read.offset).ok()?)?;
                    let file = (*buffer).file;
                    let kept = (*file).offset;
                    let count = ngx_read_file(file, target, length, at);
                    (*file).offset = kept;
                    if usize::try_from(count).ok()? != length {
                        return None;
                    }
                }
                self.piece.set_len(before.checked_add(length)?);
            }
            self.read.move_on(length);
        }
        Some(())
    }

    /// Ends the chain where writing has come to.
    fn cut(&mut self, r: &Request) {
        if self.written.total >= self.length {
            return;
        }
        if self.written.total == 0 {
            // SAFETY: the request's own body, which this call alone looks at.
            unsafe { (*r.raw().request_body).bufs = std::ptr::null_mut() };
            return;
        }
        // SAFETY: a link of the chain, in whose buffer the last byte was written.
        unsafe {
            let link = self.written.link;
            let buffer = (*link).buf;
            if is_in_memory(&*buffer) {
                (*buffer).last = (*buffer).pos.wrapping_add(self.written.offset as usize);
            } else {
                (*buffer).file_last =
                    (*buffer).file_pos.saturating_add(self.written.offset as off_t);
            }
            (*link).next = std::ptr::null_mut();
        }
    }
}

impl Drop for StoredBody {
    fn drop(&mut self) {
        spare_memory::keep(std::mem::take(&mut self.piece));
    }
}

impl Place {
    /// The buffer that the place is in, and how many bytes of it follow: at least one. None behind the last byte.
    fn buffer(&mut self) -> Option<(*mut ngx_buf_t, u64)> {
        loop {
            // SAFETY: null or a link of the request's body, which nothing else changes meanwhile.
            let link = unsafe { self.link.as_ref() }?;
            // SAFETY: a link of such a chain has a buffer.
            let size = size(unsafe { &*link.buf });
            match size.checked_sub(self.offset) {
                Some(room) if room > 0 => return Some((link.buf, room)),
                _ => {
                    self.link = link.next;
                    self.offset = 0;
                }
            }
        }
    }

    fn move_on(&mut self, length: usize) {
        self.offset = self.offset.saturating_add(length as u64);
        self.total = self.total.saturating_add(length as u64);
    }
}

/// What takes the place of the bytes that were read.
pub(crate) struct Rewritten<'b> {
    /// The bytes that are being looked at, and where they begin in the body.
    input: &'b [u8],
    start: u64,
    /// How far was read.
    read: u64,
    written: &'b mut Place,
    failed: bool,
}

impl Rewritten<'_> {
    fn write(&mut self, mut bytes: &[u8], is_there: bool) -> Option<()> {
        if self.written.total.checked_add(bytes.len() as u64)? > self.read {
            return None;
        }
        while !bytes.is_empty() {
            let (buffer, room) = self.written.buffer()?;
            let length = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let (now, later) = bytes.split_at(length);
            if !is_there {
                // SAFETY: a buffer of the request's body, of which this many bytes follow; they were read, into memory that
                // `now` is a part of, and nothing refers to them.
                unsafe { replace(buffer, self.written.offset, now) }?;
            }
            self.written.move_on(length);
            bytes = later;
        }
        Some(())
    }
}

/// Writes `bytes` at `offset` of a buffer.
///
/// # Safety
///
/// The buffer has that many bytes there, to which no reference exists.
unsafe fn replace(buffer: *mut ngx_buf_t, offset: u64, bytes: &[u8]) -> Option<()> {
    // SAFETY: the caller's promise.
    unsafe {
        if is_in_memory(&*buffer) {
            // `memory` and `mmap` say that the bytes must not be changed; nginx reads bodies into none of these.
            if (*buffer).temporary() == 0 {
                return None;
            }
            let target = (*buffer).pos.add(usize::try_from(offset).ok()?);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
            return Some(());
        }
        let at = (*buffer).file_pos.checked_add(off_t::try_from(offset).ok()?)?;
        let file = (*buffer).file;
        let kept = (*file).offset;
        // Fails for a file that is not nginx's own (Lua's set_body_file), which is open for reading only.
        let count = ngx_write_file(file, bytes.as_ptr().cast_mut(), bytes.len(), at);
        (*file).offset = kept;
        (usize::try_from(count).ok()? == bytes.len()).then_some(())
    }
}

impl Sink for Rewritten<'_> {
    fn borrowed(&mut self, bytes: &[u8]) {
        let offset = bytes.as_ptr().addr().wrapping_sub(self.input.as_ptr().addr()) as u64;
        let is_there = self.start.saturating_add(offset) == self.written.total;
        self.failed |= self.write(bytes, is_there).is_none();
    }

    fn copied(&mut self, bytes: &[u8]) {
        self.failed |= self.write(bytes, false).is_none();
    }
}

/// The body that nginx keeps for the upstream, by where it lies: another one that somebody puts into its place (Lua's
/// `ngx.req.set_body_data`) has another buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Addresses of the first buffer, its bytes in memory, and its file's name. Lua puts another body into the same buffer.
    first: [usize; 3],
    length: Option<u64>,
}

impl Kept {
    /// None at all.
    pub(crate) const NONE: Kept = Kept { first: [0; 3], length: Some(0) };

    /// What the request has now.
    pub(crate) fn of(r: &Request) -> Self {
        // SAFETY: null or the request's own, which nothing changes during the call.
        let Some(body) = (unsafe { r.raw().request_body.as_ref() }) else { return Self::NONE };
        // SAFETY: null or the first link of the body.
        let link = unsafe { body.bufs.as_ref() };
        // SAFETY: a link of such a chain has a buffer.
        let first = link.map(|link| unsafe { &*link.buf }).map_or([0; 3], |buffer| {
            // SAFETY: null or the file that the buffer is a part of, which is open.
            let file = unsafe { buffer.file.as_ref() };
            let name = file.map_or(0, |file| file.name.data.addr());
            [std::ptr::from_ref(buffer).addr(), buffer.pos.addr(), name]
        });
        Kept { first, length: buffered_length(body.bufs) }
    }

    /// Its length in bytes, if that can be told.
    pub(crate) fn length(self) -> Option<u64> {
        self.length
    }
}

/// Leaves nothing of a body that was refused when a part of it had been changed: the request is then one whose body was
/// discarded ([`is_whole`](crate::ffi::request_body::is_whole)).
pub(crate) fn discard(r: &Request) {
    // SAFETY: null or the request's own body, which nothing refers to.
    if let Some(body) = unsafe { r.raw().request_body.as_mut() } {
        body.bufs = std::ptr::null_mut();
    }
    // SAFETY: single-threaded; no reference to the field is alive.
    unsafe { (*r.as_ptr()).headers_in.content_length_n = -1 };
}

/// Makes nginx run the request's phases again when others have had their turn. For a handler that then says
/// [`Verdict::Again`](crate::ffi::phase::Verdict::Again).
pub(crate) fn come_again(r: &Request) {
    // SAFETY: single-threaded; what limit_req sets when it delays a request, and what stands there in these phases.
    unsafe { (*r.as_ptr()).write_event_handler = Some(ngx_http_core_run_phases) };
    // SAFETY: a request's connection, also a stream's, has a write event, whose handler (ngx_http_request_handler) calls
    // the above. nginx takes it from the queue when the connection is closed (ngx_close_connection,
    // ngx_http_v2_close_stream).
    unsafe {
        ngx_post_event((*r.raw().connection).write, &raw mut ngx_posted_next_events);
    }
}
