//! Peers that are down are marked as that in the upstreams of this worker.

use std::rc::Rc;

use nginx::Cycle;
use nginx::upstream::{PeerCopy, PeerId, Peers, UpstreamId, close_idle};

use crate::S3Signature;
use crate::conf::plan::{ProbePlan, Probed};
use crate::probes::rescue;
use crate::probes::state::{self, Known, ProbeState};
use crate::probes::table::{Key, Table};

/// Marks peers by what is known, and lets go of what waits at those that are down.
pub(super) fn apply(cycle: &Cycle<'_>, plan: &ProbePlan, table: Table<'_>, now: u64) {
    let down = state::with(|state| mark(state, cycle, plan, table));
    if !down.is_empty() {
        rescue::all(&down, now);
    }
}

/// The peers that are passed over from now on.
fn mark(
    state: &mut ProbeState,
    cycle: &Cycle<'_>,
    plan: &ProbePlan,
    table: Table<'_>,
) -> Vec<(UpstreamId, PeerId)> {
    let (mut down, mut marked) = (Vec::new(), Vec::new());
    state.known.clear();
    let mut copies = std::mem::take(&mut state.copies);
    for upstream in &plan.upstreams {
        let Some(peers) = Peers::of::<S3Signature>(cycle, upstream.id) else { continue };
        peers.copy(&mut copies);
        let keys = keys(upstream, &copies);
        note_known(state, upstream, &copies, &keys);
        let chosen = chosen(table, &copies, &keys);
        if copies.iter().any(|peer| peer.is_marked != chosen.contains(&peer.id)) {
            peers.mark(&chosen);
        }
        for (peer, key) in copies.iter().zip(&keys).filter(|(peer, _)| chosen.contains(&peer.id)) {
            down.push((upstream.id, peer.id));
            marked.push(*key);
            // Each worker has connections of its own.
            if !state.marked.contains(key) {
                close_idle(cycle, peer.address());
            }
        }
    }
    state.copies = copies;
    state.marked = marked;
    down
}

pub(super) fn keys(upstream: &Probed, peers: &[PeerCopy]) -> Vec<Key> {
    let key = |peer: &PeerCopy| Key::of(&upstream.name, peer.server(), peer.address());
    peers.iter().map(key).collect()
}

/// The peers that are to be passed over. All of them would be none at all: then a probe is wrong, or nothing is lost by trying.
fn chosen(table: Table<'_>, peers: &[PeerCopy], keys: &[Key]) -> Vec<PeerId> {
    let is_down = |key: &Key| table.slot(*key).is_some_and(|slot| slot.health().is_down());
    let usable = || peers.iter().zip(keys).filter(|(peer, _)| !peer.is_off);
    if usable().all(|(_, key)| is_down(key)) {
        return Vec::new();
    }
    usable().filter(|(_, key)| is_down(key)).map(|(peer, _)| peer.id).collect()
}

fn note_known(state: &mut ProbeState, upstream: &Probed, peers: &[PeerCopy], keys: &[Key]) {
    let parameters = &upstream.parameters;
    // Two turns that were missed, and the time for another process to take over.
    let patience = 2 * (parameters.interval + parameters.timeout) + 2000;
    for (peer, key) in peers.iter().zip(keys).filter(|(peer, _)| !peer.is_off) {
        if let Some(target) = upstream.target(peer.server()) {
            let origin = Rc::clone(&target.origin);
            state.known.push(Known { key: *key, origin, patience });
        }
    }
}
