//! What ties a module's own types to the module that nginx knows.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use ngx::ffi::{
    ngx_http_complex_value_t, ngx_http_upstream_init_peer_pt, ngx_http_upstream_local_t,
    ngx_http_upstream_srv_conf_t, ngx_log_t, ngx_module_t, ngx_shm_zone_t,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::exchange::tls::ClientSettings;

/// An http module: the types of its configurations and of its request context.
///
/// Views hand out these types and no others, so that no caller can ask a slot of nginx's for a type that is not in it.
///
/// # Safety
///
/// `module` must give the module that nginx has loaded: a static that [`definition`](crate::lifecycle::definition) made for this very type, with a context
/// from [`http_module`](crate::lifecycle::http_module) and commands from [`crate::conf`] that are for this very type, too.
pub unsafe trait HttpModule: Sized + 'static {
    /// What lines in the error log begin with that this crate writes for the module.
    const LOG_PREFIX: &'static str;

    /// What is configured in http{}.
    type MainConf: Default + 'static;
    /// What is known of a server{} or an upstream{}.
    type ServerConf: Default + 'static;
    /// What is configured in a location, or inherited by it.
    type LocationConf: Default + 'static;
    /// What is kept per request. It is lent shared, for handlers of one request call one another through nginx; what changes is
    /// in cells.
    type Context: Default + 'static;

    /// The module. nginx writes its indexes into it when it is loaded; from then on it is only read.
    fn module() -> *const ngx_module_t;

    /// A request that nginx has redirected by itself gets a new context; `earlier` is the one before.
    fn redirected(_earlier: &Self::Context, _context: &Self::Context) {}
}

/// A module's main configuration, and what the hooks of this crate keep beside it.
#[repr(C)]
pub(crate) struct MainSlot<M: HttpModule> {
    pub(crate) conf: M::MainConf,
    pub(crate) hooks: MainHooks,
}

/// What hooks keep beside a module's main configuration, in the cycle's pool. Modules cannot get at it, so that a pointer into
/// the cycle never leaves it. It is filled while the configuration is read, and only read from then on.
#[derive(Default)]
pub(crate) struct MainHooks {
    /// The original `peer.init` of each wrapped upstream, by the upstream's address.
    pub(crate) inits: RefCell<FxHashMap<usize, ngx_http_upstream_init_peer_pt>>,
    /// Places of the configuration whose upstreams are to be guarded: arrays of location configurations.
    pub(crate) places: RefCell<Vec<*mut *mut c_void>>,
    /// What the user's `proxy_bind` says where ours has taken its place, by the address of ours; null without one.
    pub(crate) binds: RefCell<FxHashMap<usize, *mut ngx_http_upstream_local_t>>,
    /// The error logs of all servers and locations.
    pub(crate) error_logs: RefCell<FxHashSet<*mut ngx_log_t>>,
    /// The upstreams whose peers are known to be round robin's, by address.
    pub(crate) round_robins: RefCell<FxHashMap<usize, *mut ngx_http_upstream_srv_conf_t>>,
    /// How locations proxy.
    pub(crate) clients: RefCell<Vec<ClientSettings>>,
    /// Zones of shared memory, and how many words each has.
    pub(crate) zones: RefCell<Vec<(*mut ngx_shm_zone_t, usize)>>,
    /// The index of the variable that holds the request's target.
    pub(crate) target_variable: Cell<Option<usize>>,
    /// The compiled parameters of directives.
    pub(crate) values: RefCell<Vec<ngx_http_complex_value_t>>,
}

/// The module's place among http modules.
pub(crate) fn ctx_index<M: HttpModule>() -> usize {
    // SAFETY: a static; nginx has written the index before it calls anything of the module.
    unsafe { (*M::module()).ctx_index }
}
