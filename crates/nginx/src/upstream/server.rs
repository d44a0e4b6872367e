//! The `server` line that a peer comes from, where addresses change while nginx runs.
//!
//! With `server NAME resolve` in an upstream with `zone` (nginx 1.27.3 and later) the configuration knows no addresses: nginx's
//! resolver makes peers of what DNS answers, and takes them away again (src/http/modules/ngx_http_upstream_zone_module.c). A
//! peer that was picked is kept while it is in use (`refs`); so is the template that it was made after, which has the name.

#[cfg(all(ngx_feature = "http_upstream_zone", nginx_resolves))]
use ngx::ffi::{
    ngx_http_upstream_rr_peer_t, ngx_http_upstream_rr_peers_t, ngx_rwlock_rlock, ngx_rwlock_unlock,
};
use ngx::ffi::{ngx_http_upstream_srv_conf_t, ngx_str_t};

/// What stands in the `server` line of the peer that was picked; none where it is no peer of the upstream's list, as with
/// balancers that choose addresses by themselves.
///
/// # Safety
///
/// `us` must be an upstream, of a cycle that lives for `'a`, whose `peer.data` is what round robin makes of servers; `name` the
/// name of the peer connection that its balancer has just filled.
#[cfg(all(ngx_feature = "http_upstream_zone", nginx_resolves))]
pub(super) unsafe fn server_of_peer<'a>(
    us: *const ngx_http_upstream_srv_conf_t,
    name: *const ngx_str_t,
) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    let mut peers = unsafe { (*us).peer.data }.cast::<ngx_http_upstream_rr_peers_t>();
    while !peers.is_null() {
        // SAFETY: a list of the cycle, whose lock is in the memory that it protects; nothing returns in between.
        let found = unsafe {
            let lock = (!(*peers).shpool.is_null()).then_some(&raw mut (*peers).rwlock);
            if let Some(lock) = lock {
                ngx_rwlock_rlock(lock);
            }
            let found = find((*peers).peer, name);
            if let Some(lock) = lock {
                ngx_rwlock_unlock(lock);
            }
            found
        };
        if !found.is_null() {
            // SAFETY: in use, and so is the `server` of it or of its template, which nobody changes.
            return Some(unsafe {
                let host = (*found).host;
                let line = if host.is_null() { found } else { (*host).peer };
                crate::string::bytes(&(*line).server)
            });
        }
        // SAFETY: null or the backups.
        peers = unsafe { (*peers).next };
    }
    None
}

/// The peer whose name this very string is: round robin and all that is built upon it give `&peer->name` away.
///
/// # Safety
///
/// The list must be locked, or belong to this process.
#[cfg(all(ngx_feature = "http_upstream_zone", nginx_resolves))]
unsafe fn find(
    mut peer: *mut ngx_http_upstream_rr_peer_t,
    name: *const ngx_str_t,
) -> *mut ngx_http_upstream_rr_peer_t {
    // SAFETY: the caller's promise; the name's address is only compared.
    unsafe {
        while !peer.is_null() && !std::ptr::eq(&raw const (*peer).name, name) {
            peer = (*peer).next;
        }
    }
    peer
}

/// Nothing changes while such an nginx runs.
///
/// # Safety
///
/// None is needed.
#[cfg(not(all(ngx_feature = "http_upstream_zone", nginx_resolves)))]
pub(super) unsafe fn server_of_peer<'a>(
    _us: *const ngx_http_upstream_srv_conf_t,
    _name: *const ngx_str_t,
) -> Option<&'a [u8]> {
    None
}
