//! The upstreams of the configuration: their servers, and which one a location proxies to.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use ngx::ffi::{
    ngx_addr_t, ngx_command_t, ngx_http_upstream_conf_t, ngx_http_upstream_main_conf_t,
    ngx_http_upstream_module, ngx_http_upstream_server_t, ngx_http_upstream_srv_conf_t,
    ngx_module_t, ngx_uint_t,
};

use super::address::{SocketAddress, SocketAddressRef};
use crate::conf::Conf;
use crate::pool::Invariant;
use crate::request::Request;
use crate::string::bytes;

unsafe extern "C" {
    /// nginx's proxy module; its headers do not declare it.
    static mut ngx_http_proxy_module: ngx_module_t;
}

/// NGX_HTTP_VERSION_20, as `proxy_http_version` keeps it.
const HTTP_2: ngx_uint_t = 2000;

/// Where the directive of that name keeps its value, from the beginning of its module's location configuration.
fn offset_of_command(mut commands: *const ngx_command_t, name: &[u8]) -> Option<usize> {
    loop {
        // SAFETY: null, or in a module's table, whose last command has no name.
        let command = unsafe { commands.as_ref() }.filter(|command| command.name.len > 0)?;
        // SAFETY: a constant of the module.
        if unsafe { bytes(&command.name) } == name {
            return Some(command.offset);
        }
        // SAFETY: that was not the last one.
        commands = unsafe { commands.add(1) };
    }
}

/// An upstream by its address, which is unique in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamId(usize);

impl UpstreamId {
    pub(crate) fn of(us: *const ngx_http_upstream_srv_conf_t) -> Self {
        UpstreamId(us.addr())
    }

    pub(crate) fn address(self) -> usize {
        self.0
    }
}

/// An upstream of the configuration that is being read: an `upstream` block, or what `proxy_pass http://host` implies.
#[derive(Clone, Copy)]
pub struct Upstream<'c> {
    raw: NonNull<ngx_http_upstream_srv_conf_t>,
    lifetime: Invariant<'c>,
}

/// A `server` line of an `upstream` block.
pub struct Server<'c> {
    /// The address as the user wrote it: `host`, `host:port` or `unix:path`.
    pub name: &'c [u8],
    /// What the name was resolved to when the configuration was read; nothing with `resolve`.
    pub addresses: Vec<SocketAddress>,
    /// Whether its addresses are looked up while nginx runs (`resolve`).
    pub resolves: bool,
    /// Whether its ports are, too (`service=`).
    pub is_service: bool,
}

impl<'c> Upstream<'c> {
    fn new(raw: *mut ngx_http_upstream_srv_conf_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Upstream { raw, lifetime: PhantomData })
    }

    /// All of them. Complete once the upstream module has been initialised, so from merging on.
    pub fn all(cf: &Conf<'c>) -> Vec<Upstream<'c>> {
        let Some(ctx) = cf.http() else { return Vec::new() };
        // SAFETY: the main configurations of the cycle that is being read.
        let all = unsafe { upstreams(ctx.main_conf) };
        all.iter().filter_map(|us| Upstream::new(*us)).collect()
    }

    /// The `upstream` block that is being read; none in another one.
    pub fn of_block(cf: &Conf<'c>) -> Option<Upstream<'c>> {
        let confs = cf.http()?.srv_conf;
        // SAFETY: srv_conf has an entry for each http module; ngx_http_upstream has put the block there, and in a server{} there is
        // none, for the module makes none.
        let us = unsafe { *confs.add(ngx_http_upstream_module.ctx_index) };
        Upstream::new(us.cast())
    }

    /// The upstream that `proxy_pass` of the location being merged names; none where there is no `proxy_pass`, or one
    /// with variables.
    pub fn of_location(cf: &Conf<'c>) -> Option<Upstream<'c>> {
        // SAFETY: null or the proxy module's location configuration.
        Upstream::new(unsafe { proxy_conf(cf).as_ref() }?.upstream)
    }

    /// Whether `proxy_pass` of the location being merged speaks HTTP/2 (`proxy_http_version 2`, nginx 1.29.4 and later): its
    /// heads are frames.
    pub fn of_location_speaks_http2(cf: &Conf<'_>) -> bool {
        // SAFETY: the module's table is set at start; nothing writes to it later.
        let commands = unsafe { ngx_http_proxy_module.commands };
        let conf = proxy_conf(cf);
        let Some(offset) = offset_of_command(commands, b"proxy_http_version") else { return false };
        if conf.is_null() {
            return false;
        }
        // SAFETY: the command is an ngx_conf_set_enum_slot, which writes an ngx_uint_t there (ngx_http_proxy_commands); the
        // modules that nginx is built with are merged before this one.
        let version = unsafe { conf.byte_add(offset).cast::<ngx_uint_t>().read() };
        version == HTTP_2
    }

    pub(crate) fn as_ptr(self) -> *mut ngx_http_upstream_srv_conf_t {
        self.raw.as_ptr()
    }

    fn read<T: Copy>(self, read: impl FnOnce(&ngx_http_upstream_srv_conf_t) -> T) -> T {
        // SAFETY: in the pool of the cycle that is being read; the reference ends with this call.
        read(unsafe { self.raw.as_ref() })
    }

    /// What it is known by.
    pub fn id(self) -> UpstreamId {
        UpstreamId::of(self.as_ptr())
    }

    /// The name of the block, or the host that `proxy_pass` names.
    pub fn host(self) -> &'c [u8] {
        // SAFETY: in the cycle's pool.
        unsafe { bytes(&self.read(|us| us.host)) }
    }

    /// The port that `proxy_pass` names or implies; 0 for a block.
    pub fn port(self) -> u16 {
        self.read(|us| us.port)
    }

    /// Whether the peers are copied to shared memory (`zone`).
    pub fn has_zone(self) -> bool {
        !self.read(|us| us.shm_zone).is_null()
    }

    /// Where the block begins, for messages.
    pub fn place(self) -> String {
        let (name, line) = self.read(|us| (us.file_name.cast::<c_char>(), us.line));
        if name.is_null() {
            return String::new();
        }
        // SAFETY: nginx terminates the names of configuration files with a null byte.
        let file = unsafe { CStr::from_ptr(name) };
        format!("in {}:{line}", file.to_string_lossy())
    }

    /// The `server` lines; none for an upstream that `proxy_pass` implies.
    pub fn servers(self) -> Option<Vec<Server<'c>>> {
        // SAFETY: an upstream of the cycle.
        let servers = unsafe { servers(self.as_ptr()) }?;
        // SAFETY: servers of the cycle's pool.
        Some(servers.iter().map(|server| unsafe { server_of(server) }).collect())
    }
}

/// What `proxy_*` directives say in the location that is being merged; null outside of http{}.
///
/// The proxy module's structure is private, but begins with an ngx_http_upstream_conf_t in every nginx
/// (src/http/modules/ngx_http_proxy_module.c, ngx_http_proxy_loc_conf_t).
pub(crate) fn proxy_conf(cf: &Conf<'_>) -> *mut ngx_http_upstream_conf_t {
    // SAFETY: the module's index is set at start.
    let index = unsafe { ngx_http_proxy_module.ctx_index };
    cf.location_conf_of(index).cast()
}

/// # Safety
///
/// The server must be in a pool that lives for `'c`.
unsafe fn server_of<'c>(server: &ngx_http_upstream_server_t) -> Server<'c> {
    let resolves = server_resolves(server);
    // With `resolve` one that only has the port.
    let addresses: &[ngx_addr_t] = if server.addrs.is_null() || resolves {
        &[]
    } else {
        // SAFETY: a server has `naddrs` addresses.
        unsafe { std::slice::from_raw_parts(server.addrs, server.naddrs) }
    };
    let addresses = addresses.iter().filter_map(|address| {
        // SAFETY: in the cycle's pool.
        SocketAddress::copy_of(unsafe {
            SocketAddressRef::from_ptr(address.sockaddr, address.socklen)
        })
    });
    let addresses = addresses.collect();
    // SAFETY: in the cycle's pool.
    let name = unsafe { bytes(&server.name) };
    Server { name, addresses, resolves, is_service: is_service(server) }
}

#[cfg(all(ngx_feature = "http_upstream_zone", nginx_resolves))]
fn server_resolves(server: &ngx_http_upstream_server_t) -> bool {
    server.host.len > 0
}

#[cfg(not(all(ngx_feature = "http_upstream_zone", nginx_resolves)))]
fn server_resolves(_server: &ngx_http_upstream_server_t) -> bool {
    false
}

#[cfg(all(ngx_feature = "http_upstream_zone", nginx_resolves))]
fn is_service(server: &ngx_http_upstream_server_t) -> bool {
    server.service.len > 0
}

#[cfg(not(all(ngx_feature = "http_upstream_zone", nginx_resolves)))]
fn is_service(_server: &ngx_http_upstream_server_t) -> bool {
    false
}

/// Whether a server of the upstream says `resolve`.
///
/// # Safety
///
/// It must be an upstream of a cycle that lives.
pub(super) unsafe fn resolves(us: *const ngx_http_upstream_srv_conf_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { servers(us) }.is_some_and(|servers| servers.iter().any(server_resolves))
}

/// # Safety
///
/// It must be an upstream of a cycle that lives for `'a`.
unsafe fn servers<'a>(
    us: *const ngx_http_upstream_srv_conf_t,
) -> Option<&'a [ngx_http_upstream_server_t]> {
    // SAFETY: null or an array of the cycle's pool.
    let array = unsafe { (*us).servers.as_ref() }?;
    if array.elts.is_null() {
        return Some(&[]);
    }
    // SAFETY: an ngx_array_t of servers with `nelts` elements, which nothing changes once they have been read.
    Some(unsafe { std::slice::from_raw_parts(array.elts.cast(), array.nelts) })
}

/// The upstreams of the configuration, explicit and implicit.
///
/// # Safety
///
/// `confs` must be the array of main configurations of a cycle that lives for `'a`, and that nothing changes meanwhile.
unsafe fn upstreams<'a>(confs: *mut *mut c_void) -> &'a [*mut ngx_http_upstream_srv_conf_t] {
    // SAFETY: the module's index is set at start.
    let index = unsafe { ngx_http_upstream_module.ctx_index };
    // SAFETY: the caller's promise; the upstream module's is never null.
    let array =
        unsafe { &(*(*confs.add(index)).cast::<ngx_http_upstream_main_conf_t>()).upstreams };
    if array.elts.is_null() {
        return &[];
    }
    // SAFETY: an ngx_array_t of pointers with `nelts` elements.
    unsafe { std::slice::from_raw_parts(array.elts.cast(), array.nelts) }
}

/// The upstreams of the cycle that the request belongs to.
pub(crate) fn upstreams_of(r: Request<'_>) -> &[*mut ngx_http_upstream_srv_conf_t] {
    // SAFETY: the main configurations of the request's cycle.
    unsafe { upstreams(r.read(|r| r.main_conf)) }
}
