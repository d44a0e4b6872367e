//! The peers of an upstream, as every balancer of nginx's own has them, and whether they may be picked.
//!
//! `uscf->peer.data` is the list of round robin peers for round robin, least_conn, hash, ip_hash and random alike, with the
//! backup peers behind it (src/http/ngx_http_upstream_round_robin.c), and all of them pass over a peer whose `down` is set.
//! With `zone` the list is in shared memory; without, each worker has its own.

use std::marker::PhantomData;
use std::ptr::NonNull;

use ngx::ffi::{
    ngx_http_upstream_rr_peer_t, ngx_http_upstream_rr_peers_t, ngx_rwlock_rlock, ngx_rwlock_unlock,
    ngx_rwlock_wlock, ngx_uint_t, sockaddr,
};

use super::conf::{Upstream, UpstreamId};
use crate::conf::{Conf, ConfError};
use crate::cycle::Cycle;
use crate::module::HttpModule;
use crate::pool::Invariant;
use crate::string::bytes;

/// `down` as this module sets it. The configuration's own mark (`server … down`) is 1; balancers test for zero only.
const MARKED: ngx_uint_t = 2;

/// Room for a `sockaddr_un`, the largest.
const LONGEST_ADDRESS: usize = 110;
/// Room for a host name with a port.
const LONGEST_SERVER: usize = 262;

/// A peer while it is in its list, by the place of its address: what `ngx_peer_connection_t` points to when it was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerId(usize);

impl PeerId {
    pub(crate) fn of(address: *const sockaddr) -> Self {
        PeerId(address.addr())
    }
}

/// A peer, copied out of its list.
#[derive(Clone)]
pub struct PeerCopy {
    /// What it is known by.
    pub id: PeerId,
    /// Out of use by the configuration (`server … down`).
    pub is_off: bool,
    /// Out of use by this module.
    pub is_marked: bool,
    /// Asked only while no other can be (`server … backup`).
    pub is_backup: bool,
    address: [u8; LONGEST_ADDRESS],
    address_length: usize,
    server: [u8; LONGEST_SERVER],
    server_length: usize,
    name: [u8; LONGEST_SERVER],
    name_length: usize,
}

impl PeerCopy {
    const EMPTY: Self = PeerCopy {
        id: PeerId(0),
        is_off: false,
        is_marked: false,
        is_backup: false,
        address: [0; LONGEST_ADDRESS],
        address_length: 0,
        server: [0; LONGEST_SERVER],
        server_length: 0,
        name: [0; LONGEST_SERVER],
        name_length: 0,
    };

    /// The socket address, as the bytes of a `sockaddr`.
    pub fn address(&self) -> &[u8] {
        self.address.get(..self.address_length).unwrap_or_default()
    }

    /// What stands in its `server` line; two of them may have one address.
    pub fn server(&self) -> &[u8] {
        self.server.get(..self.server_length).unwrap_or_default()
    }

    /// `ip:port` or the socket's path.
    pub fn name(&self) -> &[u8] {
        self.name.get(..self.name_length).unwrap_or_default()
    }
}

/// Notes that the module wants to see the peers of this upstream. For postconfiguration, when the balancer has made them.
/// False where they are not kept as nginx's own balancers keep them, and nothing is noted.
///
/// # Errors
///
/// The parser is outside of http{}.
pub fn note<M: HttpModule>(cf: &mut Conf<'_>, upstream: Upstream<'_>) -> Result<bool, ConfError> {
    let us = upstream.as_ptr();
    // Round robin notes the upstream's name with its peers (ngx_http_upstream_init_round_robin); `zone` copies them later.
    // SAFETY: an upstream of the cycle that is being read; its `data` is null or memory of some balancer's in the cycle's pool. One
    // that does not keep round robin peers would have to keep as much, with this very pointer in the same place, to be
    // mistaken.
    let is_round_robin = unsafe {
        let peers = (*us).peer.data.cast::<ngx_http_upstream_rr_peers_t>();
        !peers.is_null() && std::ptr::eq((*peers).name, &raw const (*us).host)
    };
    if is_round_robin {
        cf.main_slot::<M>()?.hooks.round_robins.get_mut().insert(us.addr(), us);
    }
    Ok(is_round_robin)
}

/// The peers of an upstream.
pub struct Peers<'c> {
    first: NonNull<ngx_http_upstream_rr_peers_t>,
    lifetime: Invariant<'c>,
}

impl<'c> Peers<'c> {
    /// Those of an upstream that was noted in this cycle. Asked for anew each time, since `zone` puts others in their place after
    /// the configuration was read (ngx_http_upstream_init_zone).
    pub fn of<M: HttpModule>(cycle: &Cycle<'c>, upstream: UpstreamId) -> Option<Self> {
        let hooks = &cycle.main_slot::<M>()?.hooks;
        let us = hooks.round_robins.borrow().get(&upstream.address()).copied()?;
        // SAFETY: an upstream of this cycle, whose peers are round robin's.
        let peers = NonNull::new(unsafe { (*us).peer.data }.cast())?;
        Some(Peers { first: peers, lifetime: PhantomData })
    }

    /// The list of servers, and that of the backups.
    fn lists(&self) -> impl Iterator<Item = NonNull<ngx_http_upstream_rr_peers_t>> + use<> {
        // SAFETY: a list of the cycle; `next` is null or the backups, and does not change.
        let backups = NonNull::new(unsafe { (*self.first.as_ptr()).next });
        [Some(self.first), backups].into_iter().flatten()
    }

    /// Copies the peers into `copies`, which is reused from one call to the next.
    pub fn copy(&self, copies: &mut Vec<PeerCopy>) {
        // What runs under the lock must not allocate. Should the list grow meanwhile (`resolve`), the rest is seen next time.
        // SAFETY: lists of the cycle; a number that another process may change is only an estimate.
        let room = self.lists().map(|list| unsafe { (*list.as_ptr()).number }).sum();
        copies.resize(room, PeerCopy::EMPTY);
        let mut places = copies.iter_mut();
        let mut count = 0;
        for list in self.lists() {
            let locked = Locked::for_reading(list);
            for (peer, place) in locked.peers().zip(&mut places) {
                // SAFETY: a peer of the locked list.
                unsafe { copy_peer(peer, place) };
                place.is_backup = list != self.first;
                count += 1;
            }
        }
        copies.truncate(count);
    }

    /// Marks the peers with these ids as down, and no others.
    pub fn mark(&self, down: &[PeerId]) {
        for list in self.lists() {
            let locked = Locked::for_writing(list);
            for peer in locked.peers() {
                // SAFETY: a peer of the list, which is locked for writing.
                unsafe {
                    let id = PeerId::of((*peer.as_ptr()).sockaddr);
                    set(list, peer, down.contains(&id));
                }
            }
        }
    }
}

/// A list, locked where other processes use it too. Nothing that allocates, logs or may panic runs meanwhile: nobody unlocks
/// it for a worker that died (ngx_unlock_mutexes knows the mutexes of slab pools only).
struct Locked(NonNull<ngx_http_upstream_rr_peers_t>);

impl Locked {
    fn for_reading(list: NonNull<ngx_http_upstream_rr_peers_t>) -> Self {
        // SAFETY: a list of the serving cycle, as every `Peers` has them.
        unsafe {
            if !(*list.as_ptr()).shpool.is_null() {
                ngx_rwlock_rlock(&raw mut (*list.as_ptr()).rwlock);
            }
        }
        Locked(list)
    }

    fn for_writing(list: NonNull<ngx_http_upstream_rr_peers_t>) -> Self {
        // SAFETY: as above.
        unsafe {
            if !(*list.as_ptr()).shpool.is_null() {
                ngx_rwlock_wlock(&raw mut (*list.as_ptr()).rwlock);
            }
        }
        Locked(list)
    }

    fn peers(&self) -> impl Iterator<Item = NonNull<ngx_http_upstream_rr_peer_t>> + use<'_> {
        // SAFETY: the list stays as it is while it is locked, or belongs to this process.
        let mut next = unsafe { (*self.0.as_ptr()).peer };
        std::iter::from_fn(move || {
            let peer = NonNull::new(next)?;
            // SAFETY: as above.
            next = unsafe { (*peer.as_ptr()).next };
            Some(peer)
        })
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: locked by `for_reading` or `for_writing`.
        unsafe {
            if !(*self.0.as_ptr()).shpool.is_null() {
                ngx_rwlock_unlock(&raw mut (*self.0.as_ptr()).rwlock);
            }
        }
    }
}

/// # Safety
///
/// `peer` must be of a list that is locked.
unsafe fn copy_peer(peer: NonNull<ngx_http_upstream_rr_peer_t>, copy: &mut PeerCopy) {
    // SAFETY: the caller's promise; an address has `socklen` bytes.
    let (address, peer) = unsafe {
        let peer = &*peer.as_ptr();
        let address = if peer.sockaddr.is_null() {
            &[]
        } else {
            std::slice::from_raw_parts(peer.sockaddr.cast::<u8>(), peer.socklen as usize)
        };
        (address, peer)
    };
    copy.id = PeerId::of(peer.sockaddr);
    copy.is_marked = peer.down == MARKED;
    copy.is_off = peer.down != 0 && !copy.is_marked;
    copy.address_length = fill(&mut copy.address, address);
    // SAFETY: as above, the strings live as long as the peer.
    copy.server_length = fill(&mut copy.server, unsafe { bytes(&peer.server) });
    // SAFETY: as above.
    copy.name_length = fill(&mut copy.name, unsafe { bytes(&peer.name) });
}

fn fill(place: &mut [u8], bytes: &[u8]) -> usize {
    let length = bytes.len().min(place.len());
    for (place, byte) in place.iter_mut().zip(bytes) {
        *place = *byte;
    }
    length
}

/// # Safety
///
/// `list` must be locked for writing, and `peer` in it.
unsafe fn set(
    list: NonNull<ngx_http_upstream_rr_peers_t>,
    peer: NonNull<ngx_http_upstream_rr_peer_t>,
    down: bool,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let (list, peer) = (list.as_ptr(), peer.as_ptr());
        match (*peer).down {
            0 if down => {
                (*peer).down = MARKED;
                // nginx counts those that are up for its tries and, with `resolve`, takes them off again
                // (ngx_http_upstream_zone_remove_peer_locked).
                (*list).tries = (*list).tries.saturating_sub(1);
            }
            MARKED if !down => {
                (*peer).down = 0;
                // Or max_fails would keep it out for up to fail_timeout more: those who left it count as failures.
                (*peer).fails = 0;
                (*list).tries = (*list).tries.saturating_add(1);
            }
            _ => {}
        }
    }
}
