//! nginx's buffer chains.

use std::marker::PhantomData;

use ngx::ffi::{ngx_alloc_chain_link, ngx_buf_t, ngx_chain_t, ngx_pool_t};

use crate::pool::Invariant;
use crate::request::Request;
use crate::string::{span, string};

/// A chain that nginx passed to a filter of the request `'r`, or one made for the next filter.
pub struct Chain<'r> {
    first: *mut ngx_chain_t,
    lifetime: Invariant<'r>,
}

/// What [`Chain::drain`] met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// The chain holds the end of the message.
    pub last: bool,
    /// A buffer's bytes are in a file and not in memory.
    pub in_file: bool,
}

impl<'r> Chain<'r> {
    /// # Safety
    ///
    /// `first` must be null or a chain that nothing else uses until the view is gone, with buffers that live for `'r`.
    pub(crate) unsafe fn from_ptr(first: *mut ngx_chain_t) -> Self {
        Chain { first, lifetime: PhantomData }
    }

    /// A chain without buffers: it asks filters to send what waits in them.
    pub fn empty() -> Self {
        Chain { first: std::ptr::null_mut(), lifetime: PhantomData }
    }

    pub(crate) fn as_ptr(&self) -> *const ngx_chain_t {
        self.first
    }

    pub(crate) fn into_ptr(self) -> *mut ngx_chain_t {
        self.first
    }

    /// Whether there is no buffer in it.
    pub fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// The bytes of the first buffer that has any in memory; empty if none has.
    pub fn first_bytes(&self) -> &[u8] {
        // SAFETY: alive by the promise of `from_ptr`, and changed by nobody as long as this view is borrowed.
        let mut all = unsafe { buffers(self.first) };
        // SAFETY: as above.
        let bytes =
            all.find_map(|buffer| Some(unsafe { look_at(buffer) }.0).filter(|it| !it.is_empty()));
        bytes.unwrap_or_default()
    }

    /// Shows each buffer's bytes to `take` until it says stop, marks the buffers that it saw as sent, and leaves the chain
    /// at the first one that it did not see.
    ///
    /// The owner (nginx's event pipe or its request body reader) takes buffers back that are empty, so a filter that keeps
    /// nothing of them has consumed them. They must not be handed on: a writer complains of an empty buffer.
    pub fn drain(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> Drained {
        let mut drained = Drained::default();
        // SAFETY: the chain's links and buffers are alive and ours during the call, by the promise of `from_ptr`; a link's
        // buffer is never null.
        while let Some((buffer, next)) = unsafe { self.first.as_ref() }.map(|it| (it.buf, it.next))
        {
            // SAFETY: as above; the reference ends before the buffer is written to.
            let (bytes, in_file, last) = unsafe { look_at(&*buffer) };
            if in_file {
                drained.in_file = true;
                return drained;
            }
            let more = take(bytes);
            // SAFETY: as above; `bytes` is not used any more.
            unsafe { consume(buffer) };
            drained.last |= last;
            self.first = next;
            if !more {
                break;
            }
        }
        drained
    }

    /// Marks every buffer as sent, and leaves the chain empty.
    pub fn discard(&mut self) {
        // SAFETY: as in `drain`.
        while let Some((buffer, next)) = unsafe { self.first.as_ref() }.map(|it| (it.buf, it.next))
        {
            // SAFETY: as in `drain`.
            unsafe { consume(buffer) };
            self.first = next;
        }
    }

    /// A chain of one buffer with `body`, in front of this one; none when memory is out. `last` makes it the response's end.
    pub fn prepend(self, r: Request<'r>, body: &'r [u8], last: bool) -> Option<Self> {
        let pool = r.pool()?;
        let buffer = pool.zeroed::<ngx_buf_t>();
        // SAFETY: null or zeroed memory of an ngx_buf_t, which nothing else refers to.
        let filled = unsafe { buffer.as_mut() }?;
        let start = string(body).data;
        filled.start = start;
        filled.pos = start;
        filled.end = start.wrapping_add(body.len());
        filled.last = filled.end;
        // An empty buffer must not claim memory, or the writers complain of a zero size buffer.
        filled.set_memory(u32::from(!body.is_empty()));
        filled.set_last_buf(u32::from(last && r.is_main()));
        filled.set_last_in_chain(u32::from(last));
        // SAFETY: the request's pool.
        let link = unsafe { ngx_alloc_chain_link(pool.as_ptr()) };
        // SAFETY: null or a link of the pool.
        let linked = unsafe { link.as_mut() }?;
        linked.buf = buffer;
        linked.next = self.first;
        Some(Chain { first: link, lifetime: PhantomData })
    }
}

/// A buffer's bytes, whether they are in a file only, and whether it is the last.
///
/// # Safety
///
/// The buffer's memory must live and stay unchanged as long as the bytes are used, which need not be as long as the reference.
unsafe fn look_at<'b>(buffer: &ngx_buf_t) -> (&'b [u8], bool, bool) {
    let last = buffer.last_buf() != 0 || buffer.last_in_chain() != 0;
    let in_file = !is_in_memory(buffer) && buffer.in_file() != 0;
    // SAFETY: pos and last belong to one allocation, by the caller's promise.
    (unsafe { span(buffer.pos, buffer.last) }, in_file, last)
}

/// `ngx_buf_in_memory` (src/core/ngx_buf.h).
pub(crate) fn is_in_memory(buffer: &ngx_buf_t) -> bool {
    buffer.temporary() != 0 || buffer.memory() != 0 || buffer.mmap() != 0
}

/// `ngx_buf_size` (src/core/ngx_buf.h): bytes in memory, or in a file; none where they cannot be told.
pub(crate) fn known_size(buffer: &ngx_buf_t) -> Option<u64> {
    if is_in_memory(buffer) {
        return u64::try_from(buffer.last.addr().checked_sub(buffer.pos.addr())?).ok();
    }
    u64::try_from(buffer.file_last.checked_sub(buffer.file_pos)?).ok()
}

/// The same; 0 where it cannot be told.
pub(crate) fn size(buffer: &ngx_buf_t) -> u64 {
    known_size(buffer).unwrap_or(0)
}

/// Bytes in memory and in files; none where they cannot be told.
///
/// # Safety
///
/// The chain must be alive and not be changed during the call.
pub(crate) unsafe fn total_size(chain: *const ngx_chain_t) -> Option<u64> {
    // SAFETY: the caller's promise.
    let mut sizes = unsafe { buffers(chain) }.map(known_size);
    sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?))
}

/// Marks a buffer as sent.
///
/// # Safety
///
/// A buffer that is alive and that no reference points to.
pub(crate) unsafe fn consume(buffer: *mut ngx_buf_t) {
    // SAFETY: the caller's promise.
    let buffer = unsafe { &mut *buffer };
    buffer.pos = buffer.last;
    buffer.file_pos = buffer.file_last;
}

/// The buffers of a chain.
///
/// # Safety
///
/// The chain must be alive for `'a` and not be changed meanwhile.
pub(crate) unsafe fn buffers<'a>(chain: *const ngx_chain_t) -> impl Iterator<Item = &'a ngx_buf_t> {
    // SAFETY: null or a link of the chain.
    let link = |chain: *const ngx_chain_t| unsafe { chain.as_ref() };
    let links = std::iter::successors(link(chain), move |current| link(current.next));
    // SAFETY: a link's buffer is never null.
    links.map(|current| unsafe { &*current.buf })
}

/// A chain of links of ours that is being made, of buffers that live elsewhere.
pub(crate) struct Made<'r> {
    pool: *mut ngx_pool_t,
    first: *mut ngx_chain_t,
    last: *mut ngx_chain_t,
    lifetime: Invariant<'r>,
}

impl<'r> Made<'r> {
    /// An empty chain for the request.
    pub(crate) fn new(r: Request<'r>) -> Self {
        let none = std::ptr::null_mut();
        Made { pool: r.pool_ptr(), first: none, last: none, lifetime: PhantomData }
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
        while !link.is_null() {
            // SAFETY: a link that `append` took from the pool and that nothing else refers to. The pool's list of free links is
            // what ngx_alloc_chain_link takes from.
            unsafe {
                let following = (*link).next;
                (*link).next = (*self.pool).chain;
                (*self.pool).chain = link;
                link = following;
            }
        }
    }
}

/// A zeroed buffer: one of `spares`, which must be buffers of the request's pool that are in no chain any more, or a new one;
/// null when memory is out.
pub(crate) fn new_buffer(r: Request<'_>, spares: &mut Vec<*mut ngx_buf_t>) -> *mut ngx_buf_t {
    match spares.pop() {
        Some(buffer) => {
            // SAFETY: one of ours, empty, and referred to by nothing.
            unsafe { buffer.write_bytes(0, 1) };
            buffer
        }
        None => r.pool().map_or(std::ptr::null_mut(), |pool| pool.zeroed()),
    }
}
