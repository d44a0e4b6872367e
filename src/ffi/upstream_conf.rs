//! The upstreams of the configuration: their servers, and which one a location proxies to.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

use ngx::ffi::{
    NGX_HTTP_MODULE, ngx_addr_t, ngx_http_conf_ctx_t, ngx_http_upstream_conf_t,
    ngx_http_upstream_main_conf_t, ngx_http_upstream_module, ngx_http_upstream_rr_peers_t,
    ngx_http_upstream_server_t, ngx_http_upstream_srv_conf_t, ngx_module_t, ngx_uint_t,
};

use crate::ffi::conf::{Conf, Fault};
use crate::ffi::exchange::LocalAddress;
use crate::ffi::peer::{self, Address, OriginalInit, UpstreamId};
use crate::ffi::request::Request;
use crate::ffi::resolved_host::{Guard, GuardId, UsersBind};
use crate::ffi::string::bytes;
use crate::ffi::tls_client::Tls;
use crate::ffi::upstream_peers::Peers;

unsafe extern "C" {
    /// nginx's proxy module; its headers do not declare it.
    static mut ngx_http_proxy_module: ngx_module_t;
}

/// An upstream of the configuration: an `upstream` block, or what `proxy_pass http://host` implies.
pub(crate) struct Upstream(NonNull<ngx_http_upstream_srv_conf_t>);

/// A `server` line of an `upstream` block.
pub(crate) struct Server<'a> {
    /// The address as the user wrote it: `host`, `host:port` or `unix:path`.
    pub(crate) name: &'a [u8],
    /// What the name was resolved to when the configuration was read.
    pub(crate) addresses: Vec<Address>,
}

impl Upstream {
    /// All of them. Complete once the upstream module has been initialised, so from merging on.
    pub(crate) fn all(cf: &Conf) -> Vec<Upstream> {
        // SAFETY: inside http{} the parser's `ctx` is the http configuration context.
        let Some(ctx) = (unsafe { (*cf.as_ptr()).ctx.cast::<ngx_http_conf_ctx_t>().as_ref() })
        else {
            return Vec::new();
        };
        // SAFETY: main_conf has an entry for each http module.
        upstreams(unsafe { main_conf(ctx.main_conf) })
            .iter()
            .filter_map(|us| NonNull::new(*us))
            .map(Upstream)
            .collect()
    }

    /// The upstream that `proxy_pass` of the location being merged names; none where there is no `proxy_pass`, or one
    /// with variables.
    pub(crate) fn of_location(cf: &Conf) -> Option<Upstream> {
        // SAFETY: the module's index is set at start.
        let index = unsafe { ngx_http_proxy_module.ctx_index };
        proxy_upstream(cf.location_conf_of(index)).map(Upstream)
    }

    fn conf(&self) -> &ngx_http_upstream_srv_conf_t {
        // SAFETY: in the pool of the cycle that is being read.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn id(&self) -> UpstreamId {
        UpstreamId::of(self.0.as_ptr())
    }

    /// The name of the block, or the host that `proxy_pass` names.
    pub(crate) fn host(&self) -> &[u8] {
        // SAFETY: in the cycle's pool.
        unsafe { bytes(&self.conf().host) }
    }

    /// The port that `proxy_pass` names or implies; 0 for a block.
    pub(crate) fn port(&self) -> u16 {
        self.conf().port
    }

    /// Whether the peers are copied to shared memory (`zone`).
    pub(crate) fn has_zone(&self) -> bool {
        !self.conf().shm_zone.is_null()
    }

    /// Where the block begins.
    pub(crate) fn place(&self) -> String {
        let name: *const c_char = self.conf().file_name.cast();
        if name.is_null() {
            return String::new();
        }
        // SAFETY: nginx terminates the names of configuration files with a null byte.
        let file = unsafe { CStr::from_ptr(name) };
        format!("in {}:{}", file.to_string_lossy(), self.conf().line)
    }

    /// The `server` lines; none for an upstream that `proxy_pass` implies.
    pub(crate) fn servers(&self) -> Option<Vec<Server<'_>>> {
        // SAFETY: null or an array of the cycle's pool.
        let array = unsafe { self.conf().servers.as_ref() }?;
        if array.elts.is_null() {
            return Some(Vec::new());
        }
        // SAFETY: an ngx_array_t of servers with `nelts` elements.
        let servers: &[ngx_http_upstream_server_t] =
            unsafe { std::slice::from_raw_parts(array.elts.cast(), array.nelts) };
        Some(servers.iter().map(server).collect())
    }

    /// This module's configuration in the block; none for an upstream that `proxy_pass` implies.
    pub(crate) fn server_conf<T>(&self, module: &ngx_module_t) -> Option<&T> {
        let confs = NonNull::new(self.conf().srv_conf)?;
        // SAFETY: srv_conf of a block has an entry for each http module; ours is what create_srv_conf returned.
        unsafe { (*confs.as_ptr().add(module.ctx_index)).cast::<T>().as_ref() }
    }

    /// Its peers, where they are kept as nginx's own balancers keep them. For postconfiguration, when the balancer has made
    /// them: round robin notes the upstream's name with them (ngx_http_upstream_init_round_robin), and `zone` copies them only
    /// later.
    pub(crate) fn round_robin(&self) -> Option<RoundRobin> {
        let peers = NonNull::new(self.conf().peer.data.cast::<ngx_http_upstream_rr_peers_t>())?;
        // SAFETY: memory of some balancer's in the cycle's pool. One that does not keep round robin peers would have to keep as
        // much, with this very pointer in the same place, to be mistaken.
        let name = unsafe { (*peers.as_ptr()).name };
        std::ptr::eq(name, &raw const self.conf().host).then_some(RoundRobin(self.0))
    }

    /// Wraps `peer.init`.
    pub(crate) fn wrap(&self) -> Option<OriginalInit> {
        peer::wrap(self.0)
    }
}

/// An upstream with a balancer of nginx's own.
pub(crate) struct RoundRobin(NonNull<ngx_http_upstream_srv_conf_t>);

impl RoundRobin {
    /// The peers that this process picks from. Asked for anew each time, since `zone` puts others in their place after the
    /// configuration was read (ngx_http_upstream_init_zone).
    pub(crate) fn peers(&self) -> Option<Peers> {
        // SAFETY: an upstream of the cycle whose configuration has this view, and see `Upstream::round_robin`.
        unsafe { NonNull::new((*self.0.as_ptr()).peer.data.cast()).map(|peers| Peers::new(peers)) }
    }
}

fn server(server: &ngx_http_upstream_server_t) -> Server<'_> {
    let addresses: &[ngx_addr_t] = if server.addrs.is_null() {
        &[]
    } else {
        // SAFETY: a server has `naddrs` addresses.
        unsafe { std::slice::from_raw_parts(server.addrs, server.naddrs) }
    };
    let addresses = addresses
        .iter()
        .map(|address| Address { sockaddr: address.sockaddr, socklen: address.socklen });
    // SAFETY: in the cycle's pool.
    Server { name: unsafe { bytes(&server.name) }, addresses: addresses.collect() }
}

/// A place of the configuration: a location, or the server or http{} around it, or an `if` in it.
pub(crate) struct Place(*mut *mut c_void);

impl Place {
    /// The one that is being merged.
    pub(crate) fn of(cf: &Conf) -> Option<Place> {
        // SAFETY: inside http{} the parser's `ctx` is the http configuration context.
        let ctx = unsafe { (*cf.as_ptr()).ctx.cast::<ngx_http_conf_ctx_t>().as_ref() }?;
        Some(Place(ctx.loc_conf))
    }

    /// The upstream that `proxy_pass` names here; none where there is no `proxy_pass`, or one with variables.
    pub(crate) fn upstream(&self) -> Option<UpstreamId> {
        let upstream = NonNull::new(self.proxy_conf()?.upstream)?;
        Some(UpstreamId::of(upstream.as_ptr()))
    }

    /// How `proxy_pass` speaks TLS here; none where it does not.
    pub(crate) fn tls(&self) -> Option<Tls> {
        Tls::of_location(self.proxy_conf()?)
    }

    /// The address that `proxy_bind` names here, where that does not depend on the request.
    pub(crate) fn local_address(&self) -> Option<LocalAddress> {
        // SAFETY: null, or what was made for this configuration.
        let local = unsafe { self.proxy_conf()?.local.as_ref() }?;
        let address = NonNull::new(local.addr)?;
        local.value.is_null().then_some(LocalAddress(address))
    }

    /// The proxy module's part; see [`proxy_upstream`].
    fn proxy_conf(&self) -> Option<&ngx_http_upstream_conf_t> {
        // SAFETY: loc_conf has an entry for each http module, null or the proxy module's location configuration.
        unsafe {
            let conf = *self.0.add(ngx_http_proxy_module.ctx_index);
            conf.cast::<ngx_http_upstream_conf_t>().as_ref()
        }
    }

    /// Sees to it that what starts an upstream here by a name of the request's own is refused, unless that is an upstream of
    /// the configuration. For postconfiguration: modules are merged in the order in which they were loaded, and a value that
    /// is merged later would take ours along to places that do not want it.
    ///
    /// # Errors
    ///
    /// Memory is out.
    pub(crate) fn guard(
        &self,
        cf: &Conf,
        guard: &Guard,
    ) -> Result<Vec<(GuardId, UsersBind)>, Fault> {
        let confs = upstream_modules(cf).into_iter().filter_map(|ctx_index| {
            // SAFETY: loc_conf has an entry for each http module; those begin with an ngx_http_upstream_conf_t. Nothing else
            // refers to the configuration that is being read.
            unsafe { (*self.0.add(ctx_index)).cast::<ngx_http_upstream_conf_t>().as_mut() }
        });
        // What has an upstream of its own does not look at the request's.
        let named = confs.filter(|conf| conf.upstream.is_null());
        named.map(|conf| guard.install(cf, conf)).collect()
    }
}

/// nginx's modules whose `*_pass` takes variables. They are private, and any of them may be absent; but the location
/// configuration of each begins with an ngx_http_upstream_conf_t in every nginx (src/http/modules/ngx_http_*_module.c).
const UPSTREAM_MODULES: [&CStr; 5] = [
    c"ngx_http_proxy_module",
    c"ngx_http_fastcgi_module",
    c"ngx_http_uwsgi_module",
    c"ngx_http_scgi_module",
    c"ngx_http_grpc_module",
];

/// The `ctx_index` of each of them that this nginx has.
fn upstream_modules(cf: &Conf) -> Vec<usize> {
    // SAFETY: the cycle that is being read; its modules are an array of pointers.
    let (modules, len) = unsafe {
        let cycle = &*(*cf.as_ptr()).cycle;
        (cycle.modules, cycle.modules_n)
    };
    if modules.is_null() {
        return Vec::new();
    }
    // SAFETY: ngx_cycle_modules has copied `modules_n` pointers to modules that live as long as the process.
    let modules = unsafe { std::slice::from_raw_parts(modules, len) };
    let found = modules.iter().filter_map(|module| {
        // SAFETY: as above.
        let module = unsafe { module.as_ref() }?;
        if module.type_ != NGX_HTTP_MODULE as ngx_uint_t || module.name.is_null() {
            return None;
        }
        // SAFETY: nginx names each module with a C string when it is added.
        let name = unsafe { CStr::from_ptr(module.name) };
        UPSTREAM_MODULES.contains(&name).then_some(module.ctx_index)
    });
    found.collect()
}

/// The upstreams of the configuration, explicit and implicit.
pub(crate) fn upstreams(
    main: &ngx_http_upstream_main_conf_t,
) -> &[*mut ngx_http_upstream_srv_conf_t] {
    let array = &main.upstreams;
    if array.elts.is_null() {
        return &[];
    }
    // SAFETY: an ngx_array_t of pointers with `nelts` elements.
    unsafe { std::slice::from_raw_parts(array.elts.cast(), array.nelts) }
}

/// The upstream module's main configuration, of the cycle that the request belongs to.
pub(crate) fn main_conf_of(r: &Request) -> &ngx_http_upstream_main_conf_t {
    // SAFETY: main_conf has an entry for each http module.
    unsafe { main_conf(r.raw().main_conf) }
}

/// # Safety
///
/// `confs` must be the array of main configurations of a cycle that lives for `'a`.
unsafe fn main_conf<'a>(confs: *mut *mut c_void) -> &'a ngx_http_upstream_main_conf_t {
    // SAFETY: the module's index is set at start.
    let index = unsafe { ngx_http_upstream_module.ctx_index };
    // SAFETY: the caller's promise; the upstream module's is never null.
    unsafe { &*(*confs.add(index)).cast::<ngx_http_upstream_main_conf_t>() }
}

/// `upstream.upstream` of a proxy location. The proxy module's structure is private, but begins with an
/// ngx_http_upstream_conf_t in every nginx (src/http/modules/ngx_http_proxy_module.c, ngx_http_proxy_loc_conf_t).
fn proxy_upstream(conf: *mut c_void) -> Option<NonNull<ngx_http_upstream_srv_conf_t>> {
    // SAFETY: null or the proxy module's location configuration.
    let conf = unsafe { conf.cast::<ngx_http_upstream_conf_t>().as_ref() }?;
    NonNull::new(conf.upstream)
}
