//! The worker's tick.

use nginx::upstream::{PeerCopy, Peers};
use nginx::{Cycle, worker};

use crate::S3Signature;
use crate::conf::plan::{ProbePlan, Probed};
use crate::probes::marks::{apply, keys};
use crate::probes::prober::OpenProbe;
use crate::probes::state::{self, ProbeState, plan_of};
use crate::probes::table::Table;

/// From one tick to the next, in milliseconds.
pub(crate) const TICK: u64 = 50;

/// A tick that comes so late, in milliseconds, is one of a worker that could not see what had arrived meanwhile.
const STALL: u64 = 200;

/// What a worker does at each tick: it asks who is to be asked, and does what [`apply`] does.
pub(crate) struct Probes;

impl worker::Tick for Probes {
    fn tick(cycle: &Cycle<'_>) -> u64 {
        let now = worker::now();
        let Some((plan, table)) = plan_of(cycle) else { return TICK };
        let questions = state::with(|state| questions(state, cycle, plan, table, now));
        apply(cycle, plan, table, now);
        state::with(forget_gone);
        // Without the state: an answer may be there at once.
        questions.into_iter().for_each(|question| question.ask(cycle));
        TICK
    }
}

/// Gives the lease to others. For workers that end.
pub(crate) fn release(cycle: &Cycle<'_>) {
    if let Some((_, table)) = plan_of(cycle) {
        table.release(worker::id(), worker::now());
    }
}

/// What is to be asked now, by this process if it holds the lease.
fn questions(
    state: &mut ProbeState,
    cycle: &Cycle<'_>,
    plan: &ProbePlan,
    table: Table<'_>,
    now: u64,
) -> Vec<OpenProbe> {
    if now.saturating_sub(state.ticked_at) > STALL {
        state.stalled_at = now;
    }
    state.ticked_at = now;
    if state.began_at == 0 {
        state.began_at = now.max(1);
    }
    let process = worker::id();
    let mut questions = Vec::new();
    if worker::is_exiting() {
        // It still has peers to mark and requests to let go of, but for how long nobody knows.
        table.release(process, now);
    } else if table.claim(process, now) {
        let mut copies = std::mem::take(&mut state.copies);
        for upstream in &plan.upstreams {
            let Some(peers) = Peers::of::<S3Signature>(cycle, upstream.id) else { continue };
            peers.copy(&mut copies);
            ask(state, upstream, table, &copies, now, &mut questions);
        }
        state.copies = copies;
        return questions;
    }
    state.schedules.clear();
    questions
}

/// With `resolve` peers come and go.
fn forget_gone(state: &mut ProbeState) {
    if state.schedules.len() > state.known.len() {
        let known = &state.known;
        state.schedules.retain(|key, _| known.iter().any(|known| known.key == *key));
    }
}

fn ask(
    state: &mut ProbeState,
    upstream: &Probed,
    table: Table<'_>,
    peers: &[PeerCopy],
    now: u64,
    questions: &mut Vec<OpenProbe>,
) {
    let keys = keys(upstream, peers);
    let parameters = &upstream.parameters;
    for (number, (peer, key)) in peers.iter().zip(&keys).enumerate() {
        // One peer that stands there twice is asked once.
        let is_repeated = keys.get(..number).unwrap_or_default().contains(key);
        let Some(target) = upstream
            .target(peer.server())
            .filter(|target| target.is_reachable() && !peer.is_off && !is_repeated)
        else {
            continue;
        };
        let Some(slot) = table.slot_or_new(*key, now) else { continue };
        let schedule = state.schedules.entry(*key).or_default();
        if !schedule.is_due(now, slot.health(), parameters) {
            continue;
        }
        questions.extend(OpenProbe::new(state, upstream, target, *key, peer, now));
    }
}
