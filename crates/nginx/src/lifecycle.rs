//! The life of a configuration: what nginx calls when it loads a module, reads a configuration and starts a worker.

use std::ffi::{c_char, c_void};

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_MODULE, NGX_OK, NGX_RS_MODULE_SIGNATURE, nginx_version, ngx_command_t,
    ngx_conf_t, ngx_cycle_t, ngx_http_module_t, ngx_int_t, ngx_module_t, ngx_uint_t,
};

use crate::boundary::{boundary, install_panic_hook};
use crate::conf::{Conf, ConfError, NGX_CONF_ERROR};
use crate::cycle::Cycle;
use crate::environment;
use crate::module::{HttpModule, MainHooks, MainSlot};

/// What a module does with a configuration.
pub trait Lifecycle: HttpModule {
    /// Before any directive is read: for variables.
    ///
    /// # Errors
    ///
    /// Ends the start of nginx, or the reload. So do those of the following.
    fn preconfiguration(_cf: &mut Conf<'_>) -> Result<(), ConfError> {
        Ok(())
    }

    /// When all of http{} was read and every other module's part of it is initialised: for hooks.
    fn postconfiguration(_cf: &mut Conf<'_>) -> Result<(), ConfError> {
        Ok(())
    }

    /// Inherits into `conf` what does not stand in it, and checks what can be checked now.
    fn merge_location_conf(
        _cf: &mut Conf<'_>,
        _previous: &Self::LocationConf,
        _conf: &mut Self::LocationConf,
    ) -> Result<(), ConfError> {
        Ok(())
    }

    /// When the whole configuration was read and is going to be used.
    fn init_module(_cycle: &Cycle<'_>) -> Result<(), ConfError> {
        Ok(())
    }

    /// When a worker starts.
    fn init_process(_cycle: &Cycle<'_>) {}

    /// When a process ends by itself.
    fn exit_process(_cycle: &Cycle<'_>) {}
}

/// What nginx calls while it reads a configuration of http{}.
pub const fn http_module<M: Lifecycle>() -> ngx_http_module_t {
    ngx_http_module_t {
        preconfiguration: Some(preconfiguration::<M>),
        postconfiguration: Some(postconfiguration::<M>),
        create_main_conf: Some(create_main_conf::<M>),
        init_main_conf: None,
        create_srv_conf: Some(create_srv_conf::<M>),
        merge_srv_conf: None,
        create_loc_conf: Some(create_loc_conf::<M>),
        merge_loc_conf: Some(merge_loc_conf::<M>),
    }
}

/// The module that nginx loads. `context` is from [`http_module`], `commands` a table that ends with an empty entry; both are
/// statics.
pub const fn definition<M: Lifecycle>(
    context: *const ngx_http_module_t,
    commands: *mut ngx_command_t,
) -> ngx_module_t {
    ngx_module_t {
        ctx_index: ngx_uint_t::MAX,
        index: ngx_uint_t::MAX,
        name: std::ptr::null_mut(),
        spare0: 0,
        spare1: 0,
        version: nginx_version as ngx_uint_t,
        signature: NGX_RS_MODULE_SIGNATURE.as_ptr().cast::<c_char>(),
        ctx: context.cast::<c_void>().cast_mut(),
        commands,
        type_: NGX_HTTP_MODULE as ngx_uint_t,
        init_master: None,
        init_module: Some(init_module::<M>),
        init_process: Some(init_process::<M>),
        init_thread: None,
        exit_thread: None,
        exit_process: Some(exit_process::<M>),
        exit_master: None,
        spare_hook0: 0,
        spare_hook1: 0,
        spare_hook2: 0,
        spare_hook3: 0,
        spare_hook4: 0,
        spare_hook5: 0,
        spare_hook6: 0,
        spare_hook7: 0,
    }
}

/// Runs a configuration callback that has only a return code.
///
/// # Safety
///
/// `cf` must be what nginx passed to that callback.
unsafe fn callback(
    cf: *mut ngx_conf_t,
    body: impl FnOnce(&mut Conf<'_>) -> Result<(), ConfError>,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: the caller's promise.
        let Some(mut cf) = (unsafe { Conf::from_ptr(cf) }) else { return NGX_ERROR as ngx_int_t };
        match body(&mut cf) {
            Ok(()) => NGX_OK as ngx_int_t,
            Err(error) => {
                cf.report(&error);
                NGX_ERROR as ngx_int_t
            }
        }
    })
}

unsafe extern "C" fn preconfiguration<M: Lifecycle>(cf: *mut ngx_conf_t) -> ngx_int_t {
    install_panic_hook(M::LOG_PREFIX);
    environment::keep_original();
    // SAFETY: nginx's own ngx_conf_t, for this call.
    unsafe { callback(cf, M::preconfiguration) }
}

unsafe extern "C" fn postconfiguration<M: Lifecycle>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: as above.
    unsafe { callback(cf, M::postconfiguration) }
}

/// # Safety
///
/// `cf` must be what nginx passed to the running callback.
unsafe fn create<T: 'static>(cf: *mut ngx_conf_t, make: impl FnOnce() -> T) -> *mut c_void {
    boundary(std::ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let pool = unsafe { Conf::from_ptr(cf) }.and_then(|cf| cf.pool());
        pool.map_or(std::ptr::null_mut(), |pool| pool.place(make()).cast())
    })
}

unsafe extern "C" fn create_main_conf<M: Lifecycle>(cf: *mut ngx_conf_t) -> *mut c_void {
    let slot = || MainSlot::<M> { conf: M::MainConf::default(), hooks: MainHooks::default() };
    // SAFETY: nginx's own ngx_conf_t, for this call.
    unsafe { create(cf, slot) }
}

unsafe extern "C" fn create_srv_conf<M: Lifecycle>(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: as above.
    unsafe { create(cf, M::ServerConf::default) }
}

unsafe extern "C" fn create_loc_conf<M: Lifecycle>(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: as above.
    unsafe { create(cf, M::LocationConf::default) }
}

unsafe extern "C" fn merge_loc_conf<M: Lifecycle>(
    cf: *mut ngx_conf_t,
    previous: *mut c_void,
    current: *mut c_void,
) -> *mut c_char {
    boundary(NGX_CONF_ERROR, || {
        // SAFETY: nginx's own ngx_conf_t, for this call.
        let Some(mut cf) = (unsafe { Conf::from_ptr(cf) }) else { return NGX_CONF_ERROR };
        // SAFETY: both are what create_loc_conf of this module returned, and two different structures; a `Conf` gives no
        // access to either.
        let previous = unsafe { previous.cast::<M::LocationConf>().as_ref() };
        // SAFETY: as above.
        let current = unsafe { current.cast::<M::LocationConf>().as_mut() };
        let (Some(previous), Some(current)) = (previous, current) else { return NGX_CONF_ERROR };
        let merged = M::merge_location_conf(&mut cf, previous, current);
        cf.answer(merged)
    })
}

unsafe extern "C" fn init_module<M: Lifecycle>(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes the cycle that it is about to use.
        let Some(cycle) = (unsafe { Cycle::from_ptr(cycle) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        match M::init_module(&cycle) {
            Ok(()) => NGX_OK as ngx_int_t,
            Err(error) => {
                cycle.report(&error);
                NGX_ERROR as ngx_int_t
            }
        }
    })
}

unsafe extern "C" fn init_process<M: Lifecycle>(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    boundary(NGX_OK as ngx_int_t, || {
        // SAFETY: nginx passes the cycle that this process works for.
        if let Some(cycle) = unsafe { Cycle::from_ptr(cycle) } {
            environment::forget_listed(&cycle);
            M::init_process(&cycle);
        }
        NGX_OK as ngx_int_t
    })
}

unsafe extern "C" fn exit_process<M: Lifecycle>(cycle: *mut ngx_cycle_t) {
    boundary((), || {
        // SAFETY: nginx passes the cycle that this process worked for.
        if let Some(cycle) = unsafe { Cycle::from_ptr(cycle) } {
            M::exit_process(&cycle);
        }
    });
}
