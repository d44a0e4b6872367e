//! The upstreams of the configuration: their servers, and which one a location proxies to.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

use ngx::ffi::{
    ngx_addr_t, ngx_http_conf_ctx_t, ngx_http_upstream_conf_t, ngx_http_upstream_server_t,
    ngx_http_upstream_srv_conf_t, ngx_module_t,
};

use crate::ffi::conf::Conf;
use crate::ffi::content;
use crate::ffi::peer::{self, Address, OriginalInit, UpstreamId};
use crate::ffi::request::Request;
use crate::ffi::string::bytes;

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
        let upstreams = content::upstreams(content::main_conf(ctx));
        upstreams.iter().filter_map(|us| NonNull::new(*us)).map(Upstream).collect()
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

    /// Wraps `peer.init`.
    pub(crate) fn wrap(&self) -> Option<OriginalInit> {
        peer::wrap(self.0)
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

/// Whether the location's `proxy_pass` names its upstream without variables.
pub(crate) fn is_fixed(r: &Request) -> bool {
    // SAFETY: the module's index is set at start.
    let index = unsafe { ngx_http_proxy_module.ctx_index };
    // SAFETY: loc_conf has an entry for each http module.
    proxy_upstream(unsafe { *r.raw().loc_conf.add(index) }).is_some()
}

/// `upstream.upstream` of a proxy location. The proxy module's structure is private, but begins with an
/// ngx_http_upstream_conf_t in every nginx (src/http/modules/ngx_http_proxy_module.c, ngx_http_proxy_loc_conf_t).
fn proxy_upstream(conf: *mut c_void) -> Option<NonNull<ngx_http_upstream_srv_conf_t>> {
    // SAFETY: null or the proxy module's location configuration.
    let conf = unsafe { conf.cast::<ngx_http_upstream_conf_t>().as_ref() }?;
    NonNull::new(conf.upstream)
}
