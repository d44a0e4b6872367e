//! What one worker keeps from tick to tick, and what can be told of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use nginx::upstream::{PeerCopy, UpstreamId};
use nginx::{Cycle, worker};
use probe::Schedule;
use sigv4::TargetBuffers;

use crate::S3Signature;
use crate::conf::origin::Origin;
use crate::conf::plan::ProbePlan;
use crate::probes::table::{Key, Slot, Table};

/// See the [module](self).
#[derive(Default)]
pub(super) struct ProbeState {
    /// The peers that the last tick has seen.
    pub(super) known: Vec<Known>,
    /// What this worker has asked, while it holds the lease.
    pub(super) schedules: HashMap<Key, Schedule>,
    /// The peers that this worker has marked as down.
    pub(super) marked: Vec<Key>,
    /// The upstreams whose requests are refused, since all of their peers are down (`all_down=503`).
    pub(super) refusing: Vec<UpstreamId>,
    /// When the first tick was; 0 before it.
    pub(super) began_at: u64,
    /// When the last tick was.
    pub(super) ticked_at: u64,
    /// When this worker last came back from doing something else for long.
    pub(super) stalled_at: u64,
    /// Room for copies of peers, and for signing.
    pub(super) copies: Vec<PeerCopy>,
    pub(super) buffers: TargetBuffers,
}

/// A peer of a probed upstream.
pub(super) struct Known {
    pub(super) key: Key,
    pub(super) origin: Rc<Origin>,
    /// After so long without an answer or a failure, in milliseconds, nobody asks.
    pub(super) patience: u64,
}

thread_local! {
    // A worker process has one thread that handles events.
    static STATE: RefCell<ProbeState> = RefCell::default();
}

/// Lends the state. Must not be nested; it would panic, which costs that one tick.
pub(super) fn with<R>(body: impl FnOnce(&mut ProbeState) -> R) -> R {
    STATE.with_borrow_mut(body)
}

/// What is probed, and what is known of it; none where nothing is.
pub(super) fn plan_of<'c>(cycle: &Cycle<'c>) -> Option<(&'c ProbePlan, Table<'c>)> {
    let plan = cycle.main_conf::<S3Signature>()?.probes.as_ref()?;
    Some((plan, Table::of(cycle, &plan.zone)?))
}

/// How long that is, in milliseconds.
const BEGINNING: u64 = 2000;

/// What is known of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeReport {
    /// Why it is not in order; none if it is.
    pub(crate) reason: Option<String>,
    /// Since when that is so, in seconds since 1970; none where it is not known.
    pub(crate) since: Option<i64>,
}

/// What is known of the origin `name`: the best that any of its peers can say. None where it is not probed.
pub(crate) fn report(cycle: &Cycle<'_>, name: &str) -> Option<ProbeReport> {
    let (_, table) = plan_of(cycle).filter(|(plan, _)| plan.has(name))?;
    let now = worker::now();
    let report = with(|state| {
        // Its servers are "down" in the configuration, or their name has no address.
        let is_known = |known: &Known| known.origin.name == name;
        if state.began_at != 0 && !state.known.iter().any(is_known) {
            return Some(ProbeReport { reason: Some("no server".to_owned()), since: None });
        }
        let peers = state.known.iter().filter(|known| known.origin.name == name);
        let reports = peers.map(|known| of_peer(table, known, now));
        reports.reduce(|best, next| if best.reason.is_some() { next } else { best })
    });
    Some(report.unwrap_or_else(ProbeReport::unknown))
}

/// Notes that the origin `name` has refused our key in words, so that the other workers know it too. Nothing where it is not
/// probed.
pub(crate) fn note_refusal(name: &str) {
    let now = worker::now();
    refusals(name, |slot, _| slot.note_refusal(now));
}

/// Whether the origin `name` has refused our key in words, to whatever worker, and not taken it since. None where it is not
/// probed.
pub(crate) fn refuses_key(name: &str) -> Option<bool> {
    let (now, mut refuses) = (worker::now(), None);
    refusals(name, |slot, patience| {
        // Where nobody probes any more, nobody would take it back.
        let this = slot.refused_at().is_some_and(|at| now.saturating_sub(at) <= patience);
        refuses = Some(this || refuses == Some(true));
    });
    refuses
}

/// Shows what is known of each address of the origin, and after which silence that is nothing any more.
fn refusals(name: &str, mut show: impl FnMut(Slot<'_>, u64)) {
    worker::with_cycle(|cycle| {
        let Some((_, table)) = plan_of(cycle) else { return };
        with(|state| {
            for known in state.known.iter().filter(|known| known.origin.name == name) {
                if let Some(slot) = table.slot(known.key) {
                    show(slot, known.patience);
                }
            }
        });
    });
}

/// Whether requests to that upstream are refused at present, since all of its peers are down.
pub(super) fn is_refusing(upstream: UpstreamId) -> bool {
    with(|state| state.refusing.contains(&upstream))
}

/// Whether this worker has only just begun, and the first answers of all may still be under way.
pub(crate) fn is_beginning() -> bool {
    with(|state| state.began_at == 0 || worker::now().saturating_sub(state.began_at) < BEGINNING)
}

impl ProbeReport {
    fn unknown() -> Self {
        ProbeReport { reason: Some("not asked yet".to_owned()), since: None }
    }

    /// Whether no answer has come yet, as in the first moments of nginx.
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::unknown()
    }
}

pub(super) fn of_peer(table: Table<'_>, known: &Known, now: u64) -> ProbeReport {
    let slot = table.slot(known.key).filter(|slot| slot.health().was_asked());
    let Some(slot) = slot else {
        return ProbeReport::unknown();
    };
    let silence = now.saturating_sub(slot.asked_at());
    if silence > known.patience {
        // A prober that hangs must not look like an origin that does not.
        let reason = Some(format!("not asked for {} s", silence / 1000));
        return ProbeReport { reason, since: None };
    }
    let health = slot.health();
    let age = i64::try_from(now.saturating_sub(health.since()) / 1000).unwrap_or(0);
    ProbeReport {
        reason: health.is_down().then(|| slot.reason()),
        since: Some(worker::unix_time().saturating_sub(age)),
    }
}
