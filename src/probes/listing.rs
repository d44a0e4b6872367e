//! What is known of each peer, for whoever shows it.

use std::rc::Rc;

use nginx::upstream::Peers;
use nginx::{Cycle, worker};

use crate::S3Signature;
use crate::probes::marks::{keys, patience};
use crate::probes::state::{Known, ProbeReport, of_peer, plan_of};

/// A peer of an upstream with `s3_probe`.
pub(crate) struct ProbedPeer {
    pub(crate) upstream: String,
    pub(crate) origin: String,
    /// `ip:port` or the socket's path.
    pub(crate) address: String,
    pub(crate) is_backup: bool,
    /// Whether the configuration has it out of use.
    pub(crate) is_off: bool,
    pub(crate) report: ProbeReport,
}

/// All of them, in the order of the configuration.
pub(crate) fn probed_peers(cycle: &Cycle<'_>) -> Vec<ProbedPeer> {
    let Some((plan, table)) = plan_of(cycle) else { return Vec::new() };
    let now = worker::now();
    let (mut all, mut copies) = (Vec::new(), Vec::new());
    for upstream in &plan.upstreams {
        let Some(peers) = Peers::of::<S3Signature>(cycle, upstream.id) else { continue };
        peers.copy(&mut copies);
        let patience = patience(&upstream.parameters);
        for (peer, key) in copies.iter().zip(keys(upstream, &copies)) {
            let Some(target) = upstream.target(peer.server()) else { continue };
            let known = Known { key, origin: Rc::clone(&target.origin), patience };
            all.push(ProbedPeer {
                upstream: String::from_utf8_lossy(&upstream.name).into_owned(),
                origin: target.origin.name.clone(),
                address: String::from_utf8_lossy(peer.name()).into_owned(),
                is_backup: peer.is_backup,
                is_off: peer.is_off,
                report: of_peer(table, &known, now),
            });
        }
    }
    all
}
