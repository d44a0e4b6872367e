//! A body that nginx read before the access phase: in memory, or in nginx's temporary file.
//!
//! It is looked at where it lies, a piece at a time, and what may go on takes its place. That is never longer than what was
//! read of it, so writing stays behind reading: in memory in the very buffers, in the file at offsets that were read before.
//! Nothing else is allocated than room for a piece.

use ngx::ffi::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_buf_t, ngx_chain_t, ngx_read_file, ngx_write_file, off_t,
};

use crate::chain::{is_in_memory, size, total_size};
use crate::module::HttpModule;
use crate::request::Request;
use crate::spare_memory;
use crate::string::lies_in;

/// Bytes that are read at once. nginx sends a body from its file in pieces of `proxy_buffer_size` or with sendfile.
const PIECE: usize = 32 << 10;
/// Bytes that are looked at before other requests of the worker have their turn.
const TURN: usize = 256 << 10;

/// Why a stored body is not gone through to its end: memory is out, or the file cannot be read or written. nginx has logged it.
pub const FAILED: u16 = NGX_HTTP_INTERNAL_SERVER_ERROR as u16;

/// Begins with the request's body, which is all there. False where its length cannot be told, or memory is out.
pub fn begin<M: HttpModule>(r: Request<'_>) -> bool {
    let stored = StoredBody::of(r);
    let begun = stored.is_some();
    r.hooks::<M>().is_some_and(|hooks| {
        hooks.stored.replace(stored);
        begun
    })
}

/// Whether a body was begun, and its end was not reached.
pub fn is_begun<M: HttpModule>(r: Request<'_>) -> bool {
    r.existing_hooks::<M>().is_some_and(|hooks| hooks.stored.borrow().is_some())
}

/// Shows the next bytes to `check`, which gives on what may go on; its second argument says that no more come. True at the end of
/// the body, which is then what was given on; false when it is others' turn, for which
/// [`Verdict::Yield`](crate::phase::Verdict::Yield) is.
///
/// # Errors
///
/// The status that `check` gave, or [`FAILED`].
pub fn advance<M: HttpModule>(
    r: Request<'_>,
    check: impl FnMut(&[u8], bool, &mut Rewritten<'_>) -> Result<(), u16>,
) -> Result<bool, u16> {
    let hooks = r.existing_hooks::<M>().ok_or(FAILED)?;
    let mut stored = hooks.stored.take().ok_or(FAILED)?;
    let at_end = stored.advance(r, check)?;
    if !at_end {
        hooks.stored.replace(Some(stored));
    }
    Ok(at_end)
}

/// How far a stored body has been gone through, among the request's hooks.
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
    fn of(r: Request<'_>) -> Option<Self> {
        // SAFETY: null or the request's own.
        let body = unsafe { r.read(|r| r.request_body).as_ref() }?;
        let start = Place { link: body.bufs, offset: 0, total: 0 };
        let length = {
            // SAFETY: its chain, which nothing changes meanwhile.
            unsafe { total_size(body.bufs) }?
        };
        Some(StoredBody { length, read: start, written: start, piece: spare_memory::take() })
    }

    fn advance(
        &mut self,
        r: Request<'_>,
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
    fn cut(&mut self, r: Request<'_>) {
        if self.written.total >= self.length {
            return;
        }
        if self.written.total == 0 {
            // SAFETY: the request's own body, which this call alone looks at.
            unsafe { (*r.read(|r| r.request_body)).bufs = std::ptr::null_mut() };
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
pub struct Rewritten<'b> {
    /// The bytes that are being looked at, and where they begin in the body.
    input: &'b [u8],
    start: u64,
    /// How far was read.
    read: u64,
    written: &'b mut Place,
    failed: bool,
}

impl Rewritten<'_> {
    /// Gives on a part of the input; it is not written where it is in its place already.
    pub fn borrowed(&mut self, bytes: &[u8]) {
        let offset = bytes.as_ptr().addr().wrapping_sub(self.input.as_ptr().addr()) as u64;
        let is_there =
            lies_in(bytes, self.input) && self.start.saturating_add(offset) == self.written.total;
        self.failed |= self.write(bytes, is_there).is_none();
    }

    /// Gives on a copy.
    pub fn copied(&mut self, bytes: &[u8]) {
        self.failed |= self.write(bytes, false).is_none();
    }

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

/// Leaves nothing of a body that was refused when a part of it had been changed: the request is then one whose body was
/// discarded ([`Request::body_is_whole`]).
pub fn discard(r: Request<'_>) {
    // SAFETY: null or the request's own body, which nothing refers to.
    if let Some(body) = unsafe { r.read(|r| r.request_body).as_mut() } {
        body.bufs = std::ptr::null_mut();
    }
    // SAFETY: single-threaded; no reference to the field is alive.
    unsafe { (*r.as_ptr()).headers_in.content_length_n = -1 };
}
