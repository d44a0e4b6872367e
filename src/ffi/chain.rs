//! nginx's buffer chains.

use ngx::ffi::{ngx_alloc_chain_link, ngx_buf_t, ngx_chain_t, ngx_pcalloc, ngx_pool_t};

use crate::ffi::request::Request;
use crate::ffi::string::span;

/// A chain that nginx passed to a filter, for the duration of that call.
pub(crate) struct Chain(*mut ngx_chain_t);

/// What [`Chain::drain`] met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drained {
    /// The chain holds the end of the message.
    pub(crate) last: bool,
    /// A buffer's bytes are in a file and not in memory.
    pub(crate) in_file: bool,
}

impl Chain {
    /// # Safety
    ///
    /// `chain` must be null or a chain that nothing else uses until the view is gone.
    pub(crate) unsafe fn new(chain: *mut ngx_chain_t) -> Self {
        Chain(chain)
    }

    /// A chain without buffers.
    pub(crate) fn empty() -> Self {
        Chain(std::ptr::null_mut())
    }

    pub(crate) fn as_ptr(&self) -> *mut ngx_chain_t {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// Shows each buffer's bytes to `take` until it says stop, marks the buffers that it saw as sent, and leaves the chain
    /// at the first one that it did not see.
    ///
    /// The owner (nginx's event pipe or its request body reader) takes buffers back that are empty, so a filter that keeps
    /// nothing of them has consumed them. They must not be handed on: a writer complains of an empty buffer.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> Drained {
        let mut drained = Drained::default();
        // SAFETY: the chain's links and buffers are alive and ours during the call, by the promise of `new`.
        while let Some(current) = unsafe { self.0.as_mut() } {
            // SAFETY: as above; a link's buffer is never null.
            let buffer = unsafe { &mut *current.buf };
            if !is_in_memory(buffer) && buffer.in_file() != 0 {
                drained.in_file = true;
                return drained;
            }
            // SAFETY: pos and last belong to one allocation.
            let more = take(unsafe { span(buffer.pos, buffer.last) });
            consume(buffer);
            drained.last |= buffer.last_buf() != 0 || buffer.last_in_chain() != 0;
            self.0 = current.next;
            if !more {
                break;
            }
        }
        drained
    }

    /// Marks every buffer as sent.
    pub(crate) fn discard(&mut self) {
        // SAFETY: as in `drain`.
        while let Some(current) = unsafe { self.0.as_mut() } {
            // SAFETY: as in `drain`.
            consume(unsafe { &mut *current.buf });
            self.0 = current.next;
        }
    }
}

/// `ngx_buf_in_memory` (src/core/ngx_buf.h).
pub(crate) fn is_in_memory(buffer: &ngx_buf_t) -> bool {
    buffer.temporary() != 0 || buffer.memory() != 0 || buffer.mmap() != 0
}

/// `ngx_buf_size` (src/core/ngx_buf.h).
pub(crate) fn size(buffer: &ngx_buf_t) -> u64 {
    if is_in_memory(buffer) {
        return buffer.last.addr().saturating_sub(buffer.pos.addr()) as u64;
    }
    u64::try_from(buffer.file_last.saturating_sub(buffer.file_pos)).unwrap_or(0)
}

/// Bytes in memory and in files; none where they cannot be told.
pub(crate) fn buffered_length(mut link: *mut ngx_chain_t) -> Option<u64> {
    let mut length = 0_u64;
    // SAFETY: the chain of the request's body, which nothing changes during the call.
    while let Some(current) = unsafe { link.as_ref() } {
        // SAFETY: a link of such a chain has a buffer.
        let buffer = unsafe { &*current.buf };
        // The rule of ngx_buf_size().
        let size = if is_in_memory(buffer) {
            u64::try_from(buffer.last.addr().checked_sub(buffer.pos.addr())?).ok()?
        } else {
            u64::try_from(buffer.file_last.checked_sub(buffer.file_pos)?).ok()?
        };
        length = length.checked_add(size)?;
        link = current.next;
    }
    Some(length)
}

fn consume(buffer: &mut ngx_buf_t) {
    buffer.pos = buffer.last;
    buffer.file_pos = buffer.file_last;
}

/// A chain of one buffer with `body`, in front of `rest`; null when memory is out.
///
/// `body` must live as long as the request: pool memory or static.
pub(crate) fn link(
    r: &Request,
    body: &'static [u8],
    last: bool,
    rest: *mut ngx_chain_t,
) -> *mut ngx_chain_t {
    let pool = r.raw().pool;
    // SAFETY: the request's pool.
    let buffer = unsafe { ngx_pcalloc(pool, size_of::<ngx_buf_t>()) }.cast::<ngx_buf_t>();
    // SAFETY: as above.
    let link = unsafe { ngx_alloc_chain_link(pool) };
    // SAFETY: null or zeroed memory of an ngx_buf_t.
    let Some(filled) = (unsafe { buffer.as_mut() }) else { return std::ptr::null_mut() };
    // SAFETY: null or a link of the pool.
    let Some(linked) = (unsafe { link.as_mut() }) else { return std::ptr::null_mut() };
    let start = body.as_ptr().cast_mut();
    filled.start = start;
    filled.pos = start;
    filled.end = start.wrapping_add(body.len());
    filled.last = filled.end;
    // An empty buffer must not claim memory, or the writers complain of a zero size buffer.
    filled.set_memory(u32::from(!body.is_empty()));
    filled.set_last_buf(u32::from(last && r.is_main()));
    filled.set_last_in_chain(u32::from(last));
    linked.buf = buffer;
    linked.next = rest;
    link
}

/// A chain of links of ours that is being made, of buffers that live elsewhere.
pub(crate) struct Made {
    pool: *mut ngx_pool_t,
    first: *mut ngx_chain_t,
    last: *mut ngx_chain_t,
}

impl Made {
    /// An empty chain; `pool` is a request's, and that request is alive as long as the chain.
    pub(crate) fn new(pool: *mut ngx_pool_t) -> Self {
        Made { pool, first: std::ptr::null_mut(), last: std::ptr::null_mut() }
    }

    pub(crate) fn pool(&self) -> *mut ngx_pool_t {
        self.pool
    }

    /// The chain; null while it is empty.
    pub(crate) fn first(&self) -> *mut ngx_chain_t {
        self.first
    }

    /// Appends a link; none when memory is out, for the link or, before, for the buffer.
    pub(crate) fn append(&mut self, buffer: *mut ngx_buf_t) -> Option<()> {
        if buffer.is_null() {
            return None;
        }
        // SAFETY: the request's pool.
        let link = unsafe { ngx_alloc_chain_link(self.pool) };
        // SAFETY: null or a link of the pool.
        let new = unsafe { link.as_mut() }?;
        new.buf = buffer;
        new.next = std::ptr::null_mut();
        // SAFETY: null or the link that was appended before.
        match unsafe { self.last.as_mut() } {
            Some(last) => last.next = link,
            None => self.first = link,
        }
        self.last = link;
        Some(())
    }

    /// Gives the links back to the pool (`ngx_free_chain`), once whoever got the chain has made links of its own. Without this
    /// a long body would take a link for each of its pieces.
    pub(crate) fn free(self) {
        let mut link = self.first;
        // SAFETY: links that `append` took from the pool and that nothing else refers to.
        while let Some(current) = unsafe { link.as_mut() } {
            let following = current.next;
            // SAFETY: the request's pool; its list of free links is what ngx_alloc_chain_link takes from.
            unsafe { current.next = (*self.pool).chain };
            // SAFETY: as above.
            unsafe { (*self.pool).chain = link };
            link = following;
        }
    }
}
