//! nginx's memory pools: bytes, and values of ours that are dropped with the pool.

use std::cell::Cell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;

use ngx::ffi::{
    ngx_palloc, ngx_pcalloc, ngx_pnalloc, ngx_pool_cleanup_add, ngx_pool_cleanup_pt, ngx_pool_t,
};

use crate::boundary::boundary;

/// Marks a view's lifetime as one that neither grows nor shrinks.
pub(crate) type Invariant<'a> = PhantomData<Cell<&'a ()>>;

/// A pool that lives for `'p`: a request's, or that of the cycle whose configuration is being read.
#[derive(Clone, Copy)]
pub struct Pool<'p> {
    raw: NonNull<ngx_pool_t>,
    lifetime: Invariant<'p>,
}

impl<'p> Pool<'p> {
    /// # Safety
    ///
    /// `raw` must be null or a pool that lives for `'p`.
    pub(crate) unsafe fn from_ptr(raw: *mut ngx_pool_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Pool { raw, lifetime: PhantomData })
    }

    pub(crate) fn as_ptr(self) -> *mut ngx_pool_t {
        self.raw.as_ptr()
    }

    /// A copy of `bytes`; none when memory is out.
    pub fn copy(self, bytes: &[u8]) -> Option<&'p [u8]> {
        // SAFETY: a live pool; ngx_pnalloc gives null when memory is out.
        let data = unsafe { ngx_pnalloc(self.as_ptr(), bytes.len().max(1)) }.cast::<u8>();
        if data.is_null() {
            return None;
        }
        // SAFETY: `data` is a fresh allocation of at least `bytes.len()` bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len()) };
        // SAFETY: written above, and nobody else knows of it; it lives as long as the pool.
        Some(unsafe { std::slice::from_raw_parts(data, bytes.len()) })
    }

    /// Zeroed memory for one of nginx's structures, for which zero is a valid value; null when memory is out.
    pub(crate) fn zeroed<T>(self) -> *mut T {
        // ngx_pcalloc aligns to NGX_ALIGNMENT, a machine word (src/core/ngx_config.h).
        const { assert!(align_of::<T>() <= size_of::<usize>()) };
        // SAFETY: a live pool.
        unsafe { ngx_pcalloc(self.as_ptr(), size_of::<T>()) }.cast()
    }

    /// Memory for a value, to be written before it is read; null when memory is out. Nothing drops it.
    pub(crate) fn room_for<T>(self) -> *mut T {
        // ngx_palloc aligns to NGX_ALIGNMENT, a machine word.
        const { assert!(align_of::<T>() <= size_of::<usize>() && !std::mem::needs_drop::<T>()) };
        // SAFETY: a live pool.
        unsafe { ngx_palloc(self.as_ptr(), size_of::<T>()) }.cast()
    }

    /// Moves `value` into the pool and gives its address; it is dropped with the pool. Null when memory is out.
    pub(crate) fn place<T: 'static>(self, value: T) -> *mut T {
        self.place_with(|| value, drop_in_pool::<T>)
    }

    /// The same of a value that is made when there is room for it, so that it need not be moved, with a cleanup that drops it in a
    /// way of its own.
    ///
    /// nginx's pools run no destructors, so each value gets a cleanup.
    pub(crate) fn place_with<T: 'static>(
        self,
        make: impl FnOnce() -> T,
        cleanup: unsafe extern "C" fn(*mut c_void),
    ) -> *mut T {
        // ngx_palloc aligns to NGX_ALIGNMENT, a machine word.
        const { assert!(align_of::<T>() <= size_of::<usize>()) };
        // SAFETY: a live pool. The cleanup's data is `size` bytes from ngx_palloc (src/core/ngx_palloc.c).
        let added = unsafe { ngx_pool_cleanup_add(self.as_ptr(), size_of::<T>()).as_mut() };
        let Some(added) = added else { return std::ptr::null_mut() };
        let place = added.data.cast::<T>();
        // SAFETY: `place` is fresh memory of T's size and, by the assertion above, of its alignment.
        unsafe { place.write(make()) };
        added.handler = Some(cleanup);
        place
    }

    /// The data of each cleanup with this handler, the latest first.
    pub(crate) fn cleanups(
        self,
        handler: unsafe extern "C" fn(*mut c_void),
    ) -> impl Iterator<Item = *mut c_void> + use<'p> {
        let is_wanted =
            move |of: ngx_pool_cleanup_pt| of.is_some_and(|of| std::ptr::fn_addr_eq(of, handler));
        // SAFETY: a live pool.
        let mut next = unsafe { (*self.as_ptr()).cleanup };
        std::iter::from_fn(move || {
            while !next.is_null() {
                // SAFETY: a cleanup of the pool, which keeps it as long as it lives.
                let cleanup = unsafe { &*next };
                let (of, data) = (cleanup.handler, cleanup.data);
                next = cleanup.next;
                if is_wanted(of) {
                    return Some(data);
                }
            }
            None
        })
    }
}

unsafe extern "C" fn drop_in_pool<T>(data: *mut c_void) {
    boundary((), || {
        // SAFETY: `data` is the value that `place` wrote; nginx runs each cleanup once.
        unsafe { data.cast::<T>().drop_in_place() }
    });
}
