//! The counters of this worker.

use std::cell::Cell;
use std::sync::atomic::AtomicU64;

use nginx::{Cycle, Request, worker};
use status::{Counted, StatusZone, WorkerPlace};

use crate::S3Signature;
use crate::conf::MainConf;

thread_local! {
    static PLACE: Cell<Option<WorkerPlace>> = const { Cell::new(None) };
    /// When there was no place to be had, in seconds since 1970: to look for one costs a call of the kernel for each worker.
    static WITHOUT_PLACE: Cell<i64> = const { Cell::new(0) };
}

/// For the worker that serves the request; none where nothing is counted.
pub(super) fn counted(r: Request<'_>) -> Option<Counted<'_>> {
    let conf = r.main_conf::<S3Signature>()?.status.as_ref()?;
    of_words(conf.zone.words_of(r)?)
}

/// The same apart from a request.
pub(super) fn counted_in<'c>(cycle: &Cycle<'c>) -> Option<Counted<'c>> {
    let conf = cycle.main_conf::<S3Signature>()?.status.as_ref()?;
    of_words(conf.zone.words(cycle)?)
}

/// The zone of the cycle.
pub(super) fn zone_in<'c>(cycle: &Cycle<'c>, main: &MainConf) -> Option<StatusZone<'c>> {
    StatusZone::new(main.status.as_ref()?.zone.words(cycle)?)
}

fn of_words(words: &[AtomicU64]) -> Option<Counted<'_>> {
    let zone = StatusZone::new(words)?;
    // With `master_process off` a reload may have brought another zone.
    let held = PLACE.get().filter(|place| zone.is_held(*place));
    Counted::new(zone, held.or_else(|| claim(zone))?)
}

fn claim(zone: StatusZone<'_>) -> Option<WorkerPlace> {
    let now = worker::unix_time();
    if WITHOUT_PLACE.get() == now {
        return None;
    }
    let place = zone.claim(worker::id(), worker::is_alive);
    PLACE.set(place);
    if place.is_none() {
        WITHOUT_PLACE.set(now);
    }
    place
}

/// Gives the worker's place to others. For workers that end.
pub(crate) fn release(cycle: &Cycle<'_>) {
    let main = cycle.main_conf::<S3Signature>();
    if let (Some(zone), Some(place)) = (main.and_then(|main| zone_in(cycle, main)), PLACE.take()) {
        zone.release(place);
    }
}
