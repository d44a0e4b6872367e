//! Peers that are down are marked as that in the upstreams of this worker.

use std::rc::Rc;

use nginx::Cycle;
use nginx::upstream::{PeerCopy, PeerId, Peers, UpstreamId, close_idle};
use probe::{AllDown, ProbeParameters};

use crate::S3Signature;
use crate::conf::plan::{ProbePlan, Probed};
use crate::probes::rescue;
use crate::probes::state::{self, Known, ProbeState};
use crate::probes::table::{Key, Table};

/// Marks peers by what is known, and lets go of what waits at those that are down.
pub(super) fn apply(cycle: &Cycle<'_>, plan: &ProbePlan, table: Table<'_>, now: u64) {
    let (down, refusing) = state::with(|state| {
        let down = mark(state, cycle, plan, table, now);
        (down, state.refusing.clone())
    });
    if !down.is_empty() {
        rescue::all(&down, &refusing, now);
    }
}

/// The peers that are passed over from now on.
fn mark(
    state: &mut ProbeState,
    cycle: &Cycle<'_>,
    plan: &ProbePlan,
    table: Table<'_>,
    now: u64,
) -> Vec<(UpstreamId, PeerId)> {
    let (mut down, mut marked) = (Vec::new(), Vec::new());
    state.known.clear();
    state.refusing.clear();
    let mut copies = std::mem::take(&mut state.copies);
    for upstream in &plan.upstreams {
        let Some(peers) = Peers::of::<S3Signature>(cycle, upstream.id) else { continue };
        peers.copy(&mut copies);
        let keys = keys(upstream, &copies);
        note_known(state, upstream, &copies, &keys);
        let chosen = match found_down(table, &upstream.parameters, &copies, &keys, now) {
            FoundDown::Some(down) => down,
            // Then a probe is wrong, or nothing is lost by trying.
            FoundDown::All(_) if upstream.parameters.all_down == AllDown::Try => Vec::new(),
            FoundDown::All(down) => {
                state.refusing.push(upstream.id);
                down
            }
        };
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

pub(super) fn key(upstream: &Probed, peer: &PeerCopy) -> Key {
    Key::of(&upstream.name, peer.server(), peer.address())
}

pub(super) fn keys(upstream: &Probed, peers: &[PeerCopy]) -> Vec<Key> {
    peers.iter().map(|peer| key(upstream, peer)).collect()
}

/// Those of the peers in use that are down by what their probes say.
enum FoundDown {
    Some(Vec<PeerId>),
    /// Each of them, and at least one.
    All(Vec<PeerId>),
}

fn found_down(
    table: Table<'_>,
    parameters: &ProbeParameters,
    peers: &[PeerCopy],
    keys: &[Key],
    now: u64,
) -> FoundDown {
    let patience = patience(parameters);
    let is_down = |key: &Key| {
        // What nobody asks any more could never come back.
        let is_fresh = |at: u64| now.saturating_sub(at) <= patience;
        table.slot(*key).is_some_and(|slot| slot.health().is_down() && is_fresh(slot.asked_at()))
    };
    let usable = || peers.iter().zip(keys).filter(|(peer, _)| !peer.is_off);
    let down: Vec<_> = usable().filter(|(_, key)| is_down(key)).map(|(peer, _)| peer.id).collect();
    match down.len() {
        0 => FoundDown::Some(down),
        count if count == usable().count() => FoundDown::All(down),
        _ => FoundDown::Some(down),
    }
}

/// After so long without an answer or a failure, in milliseconds, nobody asks: two turns that were missed, and the time for
/// another process to take over.
pub(super) fn patience(parameters: &ProbeParameters) -> u64 {
    2 * (parameters.interval + parameters.timeout) + 2000
}

fn note_known(state: &mut ProbeState, upstream: &Probed, peers: &[PeerCopy], keys: &[Key]) {
    let patience = patience(&upstream.parameters);
    for (peer, key) in peers.iter().zip(keys).filter(|(peer, _)| !peer.is_off) {
        if let Some(target) = upstream.target(peer.server()) {
            let origin = Rc::clone(&target.origin);
            state.known.push(Known { key: *key, origin, patience });
        }
    }
}
