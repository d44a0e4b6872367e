//! A cycle: the configuration that nginx works with, and all that was opened for it.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use ngx::ffi::{ngx_cycle_t, ngx_http_conf_ctx_t, ngx_http_module};

use crate::conf::ConfError;
use crate::log::{self, Level};
use crate::module::{HttpModule, MainSlot, ctx_index};
use crate::pool::Invariant;

/// A cycle whose configuration was read.
pub struct Cycle<'c> {
    raw: NonNull<ngx_cycle_t>,
    lifetime: Invariant<'c>,
}

impl<'c> Cycle<'c> {
    /// # Safety
    ///
    /// `raw` must be null or a cycle that lives for `'c`, its configuration read.
    pub(crate) unsafe fn from_ptr(raw: *mut ngx_cycle_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Cycle { raw, lifetime: PhantomData })
    }

    pub(crate) fn as_ptr(&self) -> *mut ngx_cycle_t {
        self.raw.as_ptr()
    }

    /// The configuration of the core module of that index; null without one.
    pub(crate) fn core_conf(&self, index: usize) -> *mut c_void {
        // SAFETY: conf_ctx has an entry for each module (ngx_get_conf).
        unsafe { (*(*self.as_ptr()).conf_ctx.add(index)).cast() }
    }

    pub(crate) fn main_slot<M: HttpModule>(&self) -> Option<&'c MainSlot<M>> {
        // SAFETY: set before any configuration is read.
        let http = self.core_conf(unsafe { ngx_http_module.index }).cast::<ngx_http_conf_ctx_t>();
        // SAFETY: null where there is no http{}, or its context.
        let main = unsafe { http.as_ref() }?.main_conf;
        // SAFETY: main_conf has an entry for each http module; ours is what create_main_conf returned. The configuration was
        // read, so nothing changes it.
        unsafe { (*main.add(ctx_index::<M>())).cast::<MainSlot<M>>().as_ref() }
    }

    /// The module's main configuration; none where there is no http{}.
    pub fn main_conf<M: HttpModule>(&self) -> Option<&'c M::MainConf> {
        Some(&self.main_slot::<M>()?.conf)
    }

    /// Writes a line to the cycle's error log.
    pub fn log(&self, level: Level, line: fmt::Arguments<'_>) {
        // SAFETY: the cycle's own log.
        unsafe { log::write((*self.as_ptr()).log, level, line) };
    }

    pub(crate) fn report(&self, error: &ConfError) {
        let ConfError::Message(text) = error else { return };
        self.log(Level::Emerg, format_args!("{text}"));
    }
}
