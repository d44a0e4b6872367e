//! Shared memory, which all workers see and which outlives a reload: of a fixed shape, or of a size that the configuration says.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64;

use ngx::ffi::{
    NGX_ERROR, NGX_OK, ngx_int_t, ngx_shared_memory_add, ngx_shm_zone_t, ngx_slab_calloc,
    ngx_slab_pool_t,
};

use crate::boundary::boundary;
use crate::conf::{Conf, ConfError};
use crate::cycle::Cycle;
use crate::module::{HttpModule, MainHooks};
use crate::request::Request;
use crate::string::string;

/// Words that start as zero and are changed at any time by any process.
pub type Words<const N: usize> = [AtomicU64; N];

/// Shared memory of `N` words: its place in the cycle that it belongs to.
pub struct Zone<M, const N: usize>(SizedZone<M>);

const PAGE: usize = 4096;
/// More pages than a slab pool keeps for itself, where it has a few hundred.
const OVERHEAD: usize = 16;

impl<M: HttpModule, const N: usize> Zone<M, N> {
    /// Asks for the memory under `name`. After a reload the zone of that name has what it had before.
    ///
    /// # Errors
    ///
    /// Another zone has the name, or memory is out; nginx has said so.
    pub fn add(cf: &mut Conf<'_>, name: &'static str) -> Result<Self, ConfError> {
        let size = (size_of::<Words<N>>().div_ceil(PAGE) + OVERHEAD) * PAGE;
        SizedZone::add(cf, name.as_bytes(), size).map(Zone)
    }

    /// The words; none before nginx has mapped them, or where the cycle is another one.
    pub fn words<'c>(&self, cycle: &Cycle<'c>) -> Option<&'c Words<N>> {
        self.0.words(cycle)?.first_chunk()
    }
}

/// Shared memory of a size that the configuration says: its place in the cycle that it belongs to.
#[derive(Debug)]
pub struct SizedZone<M> {
    index: usize,
    words: usize,
    module: PhantomData<fn() -> M>,
}

/// Pages that a slab pool keeps for itself, where there are so many of them: its head, and 24 bytes for each page.
fn overhead(pages: usize) -> usize {
    3 + pages.div_ceil(128)
}

/// Words in a zone of that many bytes.
fn words_in(size: usize) -> usize {
    let pages = size / PAGE;
    pages.saturating_sub(overhead(pages)) * (PAGE / size_of::<AtomicU64>())
}

impl<M: HttpModule> SizedZone<M> {
    /// Asks for `size` bytes under `name`. After a reload the zone of that name and size has what it had before.
    ///
    /// # Errors
    ///
    /// Another zone has the name, or the size is another in one place, or memory is out; nginx has said so.
    pub fn add(cf: &mut Conf<'_>, name: &[u8], size: usize) -> Result<Self, ConfError> {
        // nginx keeps the pointer to the text until the cycle's end.
        let name = cf.pool().and_then(|pool| pool.copy(name));
        let mut name = string(name.ok_or_else(ConfError::out_of_memory)?);
        let tag = M::module().cast_mut().cast::<c_void>();
        // SAFETY: the text is in the cycle's pool.
        let zone = unsafe { ngx_shared_memory_add(cf.as_ptr(), &raw mut name, size, tag) };
        if zone.is_null() {
            return Err(ConfError::Reported);
        }
        // SAFETY: a zone of the cycle that is being read.
        unsafe { (*zone).init = Some(init) };
        let words = words_in(size);
        let zones = cf.main_slot::<M>()?.hooks.zones.get_mut();
        zones.push((zone, words));
        Ok(SizedZone { index: zones.len() - 1, words, module: PhantomData })
    }

    /// How many words a zone of that many bytes has.
    pub fn capacity(size: usize) -> usize {
        words_in(size)
    }

    /// The words; none before nginx has mapped them, or where the cycle is another one.
    pub fn words<'c>(&self, cycle: &Cycle<'c>) -> Option<&'c [AtomicU64]> {
        self.of_hooks(&cycle.main_slot::<M>()?.hooks)
    }

    /// The same for the cycle that a request belongs to.
    pub fn words_of<'r>(&self, r: Request<'r>) -> Option<&'r [AtomicU64]> {
        self.of_hooks(&r.main_slot::<M>()?.hooks)
    }

    fn of_hooks<'c>(&self, hooks: &'c MainHooks) -> Option<&'c [AtomicU64]> {
        let (zone, words) = *hooks.zones.borrow().get(self.index)?;
        if words != self.words {
            return None;
        }
        // SAFETY: a zone of the cycle.
        let data = unsafe { (*zone).data }.cast::<AtomicU64>();
        if data.is_null() {
            return None;
        }
        // SAFETY: memory that stays mapped as long as the cycle; `data` is what `init` left there, for a zone of that size.
        Some(unsafe { std::slice::from_raw_parts(data, words) })
    }
}

/// Called by nginx when the memory is mapped; `old` is the `data` of the cycle before, where that has a zone of this name,
/// size and module.
unsafe extern "C" fn init(zone: *mut ngx_shm_zone_t, old: *mut c_void) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        if !old.is_null() {
            // SAFETY: nginx passes the zone that is being mapped.
            unsafe { (*zone).data = old };
            return NGX_OK as ngx_int_t;
        }
        // SAFETY: as above. nginx has made a slab pool at the beginning of the memory, and what it gives is aligned to a power of
        // two, a word at least.
        unsafe {
            let pool = (*zone).shm.addr.cast::<ngx_slab_pool_t>();
            let size = words_in((*zone).shm.size) * size_of::<AtomicU64>();
            (*zone).data = ngx_slab_calloc(pool, size);
            if (*zone).data.is_null() { NGX_ERROR as ngx_int_t } else { NGX_OK as ngx_int_t }
        }
    })
}
