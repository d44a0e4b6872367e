//! Shared memory of a fixed shape, which all workers see and which outlives a reload.

use std::ffi::c_void;
use std::marker::PhantomData;

use ngx::ffi::{
    NGX_ERROR, NGX_OK, ngx_int_t, ngx_module_t, ngx_shared_memory_add, ngx_shm_zone_t,
    ngx_slab_calloc, ngx_slab_pool_t, ngx_str_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::conf::{Conf, Fault};

/// What may lie in shared memory: a number of words that start as zero and are changed at any time by any process.
pub(crate) type Words<const N: usize> = [std::sync::atomic::AtomicU64; N];

/// Shared memory of `N` words, of the cycle whose configuration has it.
pub(crate) struct Zone<const N: usize> {
    raw: *mut ngx_shm_zone_t,
    shape: PhantomData<Words<N>>,
}

/// What a slab pool needs besides (src/core/ngx_slab.c): its own head, a slot for each size, a note for each page.
const OVERHEAD: usize = 16;
const PAGE: usize = 4096;

impl<const N: usize> Zone<N> {
    /// Asks for the memory under `name`. After a reload the zone of that name has what it had before.
    ///
    /// # Errors
    ///
    /// Another zone has the name, or memory is out; nginx has said so.
    pub(crate) fn add(cf: &Conf, name: &'static str, module: &ngx_module_t) -> Result<Self, Fault> {
        let size = size_of::<Words<N>>().next_multiple_of(PAGE) + OVERHEAD * PAGE;
        let tag = std::ptr::from_ref(module).cast_mut().cast::<c_void>();
        let mut name = ngx_str_t { len: name.len(), data: name.as_ptr().cast_mut() };
        // SAFETY: nginx keeps the pointer to the text, which is static.
        let raw = unsafe { ngx_shared_memory_add(cf.as_ptr(), &raw mut name, size, tag) };
        // SAFETY: null or a zone of the cycle that is being read.
        let Some(zone) = (unsafe { raw.as_mut() }) else { return Err(Fault::new()) };
        zone.init = Some(init::<N>);
        Ok(Zone { raw, shape: PhantomData })
    }

    /// The words; none before nginx has mapped them.
    pub(crate) fn words(&self) -> Option<&Words<N>> {
        // SAFETY: this view is part of the configuration of the cycle that the zone belongs to; `data` is what `init` left, and
        // the memory stays mapped as long as the cycle.
        unsafe { (*self.raw).data.cast::<Words<N>>().as_ref() }
    }
}

/// Called by nginx when the memory is mapped; `old` is the `data` of the cycle before, where that has a zone of this name,
/// size and module.
unsafe extern "C" fn init<const N: usize>(
    zone: *mut ngx_shm_zone_t,
    old: *mut c_void,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes the zone that is being mapped.
        let Some(zone) = (unsafe { zone.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        if !old.is_null() {
            zone.data = old;
            return NGX_OK as ngx_int_t;
        }
        // nginx has made a slab pool at the beginning of the memory.
        let pool = zone.shm.addr.cast::<ngx_slab_pool_t>();
        // SAFETY: see above; the words are aligned, since a slab of a power of two is.
        let data = unsafe { ngx_slab_calloc(pool, size_of::<Words<N>>()) };
        if data.is_null() {
            return NGX_ERROR as ngx_int_t;
        }
        zone.data = data;
        NGX_OK as ngx_int_t
    })
}
