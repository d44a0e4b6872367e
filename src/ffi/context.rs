//! Our data in nginx's pools: the request context and the configuration structures.
//!
//! nginx's pools free memory but run no destructors; each value placed here gets a pool cleanup that drops it.

use std::ffi::c_void;

use ngx::ffi::{ngx_pool_cleanup_add, ngx_pool_t};

use crate::ffi::boundary::boundary;

/// Moves `value` into `pool` and gives its address; it is dropped with the pool. Null when memory is out.
///
/// # Safety
///
/// `pool` must be a live pool of nginx, and nothing else is asked: what `T` may be is checked at compile time.
pub(crate) unsafe fn place<T>(pool: *mut ngx_pool_t, value: T) -> *mut T {
    // ngx_palloc aligns to NGX_ALIGNMENT, a machine word (src/core/ngx_config.h).
    const { assert!(align_of::<T>() <= size_of::<usize>()) };
    // SAFETY: the caller's promise. The cleanup's data is `size` bytes from ngx_palloc (src/core/ngx_palloc.c).
    let Some(cleanup) = (unsafe { ngx_pool_cleanup_add(pool, size_of::<T>()).as_mut() }) else {
        return std::ptr::null_mut();
    };
    let place = cleanup.data.cast::<T>();
    // SAFETY: `place` is fresh memory of T's size and, by the assertion above, of its alignment.
    unsafe { place.write(value) };
    cleanup.handler = Some(drop_in_pool::<T>);
    place
}

/// The values of this type that [`place`] put into `pool`, the latest first.
///
/// # Safety
///
/// `pool` must be a live pool of nginx, and the values are only ever lent shared; they live as long as it.
pub(crate) unsafe fn placed<'a, T: 'a>(pool: *mut ngx_pool_t) -> impl Iterator<Item = &'a T> {
    let ours: unsafe extern "C" fn(*mut c_void) = drop_in_pool::<T>;
    // SAFETY: the caller's promise; a pool's cleanups are in it.
    let mut next = unsafe { (*pool).cleanup };
    std::iter::from_fn(move || {
        // SAFETY: null or a cleanup of the pool.
        while let Some(cleanup) = unsafe { next.as_ref() } {
            next = cleanup.next;
            if cleanup.handler.is_some_and(|handler| std::ptr::fn_addr_eq(handler, ours)) {
                // SAFETY: the cleanup of a value that `place` wrote; by the caller's promise nothing borrows it mutably.
                return unsafe { cleanup.data.cast::<T>().as_ref() };
            }
        }
        None
    })
}

unsafe extern "C" fn drop_in_pool<T>(data: *mut c_void) {
    boundary((), || {
        // SAFETY: `data` is the value that `place` wrote; nginx runs each cleanup once.
        unsafe { data.cast::<T>().drop_in_place() }
    });
}
