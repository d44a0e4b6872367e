//! `s3_status`: what is counted of requests, in memory that workers share, and what is told of it.
//!
//! A client's request is counted when it has ended, once, with what the hooks have left in its context; attempts at origins where
//! they are made, since subrequests make some, too.

mod counters;
mod gather;
mod origin_code;
mod request;
mod view;

use nginx::upstream::Peer;
use nginx::{Cycle, Request, request_body_filter, worker};
use s3::{Access, Address, BucketName};
use sigv4::{Error, MechanismError, TimeError};
use status::{OriginPlace, Timing};

pub(crate) use self::counters::release;
use self::counters::{counted, counted_in, zone_in};
pub(crate) use self::origin_code::{look_for_code, read_code};
pub(crate) use self::request::StatusLog;
pub(crate) use self::view::StatusContent;
use crate::S3Signature;
use crate::conf::MainConf;
use crate::ctx::access::AccessKeyId;
use crate::ctx::body::Upload;
use crate::ctx::{self, Ctx};

/// From one tick to the next, in milliseconds.
pub(crate) const TICK: u64 = 1000;

/// The cause of a refusal whose code is that of many others.
pub(crate) const NOT_GRANTED: &str = "NotGranted";

/// Whether anything is counted.
pub(crate) fn is_on(r: Request<'_>) -> bool {
    r.main_conf::<S3Signature>().is_some_and(|main| main.status.is_some())
}

/// Runs `body`, and counts how long that takes.
pub(crate) fn timed<T>(r: Request<'_>, timing: Timing, body: impl FnOnce() -> T) -> T {
    let began = is_on(r).then(worker::nanoseconds);
    let result = body();
    if let Some(began) = began {
        count_time(r, timing, began);
    }
    result
}

#[inline(never)]
fn count_time(r: Request<'_>, timing: Timing, began: u64) {
    if let Some(counted) = counted(r) {
        counted.time(timing, worker::nanoseconds().saturating_sub(began));
    }
}

/// Notes whose signature was verified, and what the client asks for.
pub(crate) fn note_verified(r: Request<'_>, ctx: &Ctx, access_key: &[u8], access: &Access<'_>) {
    if is_on(r) {
        ctx.status.client.replace(AccessKeyId::from_slice(access_key));
        ctx.status.operation.set(Some(access.operation()));
    }
}

/// Notes in which bucket the client may do what it asks for.
pub(crate) fn note_granted(r: Request<'_>, ctx: &Ctx, access: &Access<'_>) {
    let conf = r.main_conf::<S3Signature>().and_then(|main| main.status.as_ref());
    if conf.is_some_and(|conf| conf.by_bucket) {
        ctx.status.bucket.replace(BucketName::from_slice(Address::of(access.path).bucket));
    }
}

/// What a refusal is counted as, where S3's code says less.
pub(crate) fn cause(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Mechanism(MechanismError::Missing) => "Unsigned",
        Error::Mechanism(MechanismError::Disabled { .. }) => "MechanismDisabled",
        Error::Time(TimeError::Expired { .. }) => "UrlExpired",
        Error::Time(TimeError::NotYetValid { .. }) => "UrlNotYetValid",
        _ => return None,
    })
}

/// Counts an attempt at the origin of that name; none where the request is not to be sent there.
pub(crate) fn attempt(r: Request<'_>, peer: &Peer<'_>, origin: Option<&str>) {
    let Some(counted) = counted(r) else { return };
    let Some(ctx) = ctx::of(r) else { return };
    let status = &ctx.status;
    let place = origin.map(|origin| OriginPlace {
        upstream: peer.upstream_name(),
        origin: origin.as_bytes(),
        address: peer.name,
    });
    status.origin.set(place.and_then(|place| counted.attempt(&place)));
    if place.is_some() {
        status.attempts.set(status.attempts.get().saturating_add(1));
        if status.attempts.get() == 2 {
            counted.failover();
        }
    }
}

/// Counts the answer to the last attempt.
pub(crate) fn attempt_answered(r: Request<'_>, ctx: &Ctx, status: u16) {
    if let Some(origin) = ctx.status.origin.get() {
        let counted = counted(r);
        counted.into_iter().for_each(|counted| counted.response(origin, status));
    }
}

/// Counts that the last attempt has failed.
pub(crate) fn attempt_failed(r: Request<'_>) {
    if let Some(origin) = ctx::existing(r).and_then(|ctx| ctx.status.origin.get()) {
        counted(r).into_iter().for_each(|counted| counted.failure(origin));
    }
}

/// Divides the memory. For `init_module`.
pub(crate) fn begin(cycle: &Cycle<'_>, main: &MainConf) {
    if let Some(zone) = zone_in(cycle, main) {
        zone.begin(worker::count(cycle), worker::unix_milliseconds());
    }
}

/// What a worker does at each tick: it says what it has under way.
pub(crate) struct StatusTick;

impl worker::Tick for StatusTick {
    fn tick(cycle: &Cycle<'_>) -> u64 {
        if let Some(counted) = counted_in(cycle) {
            counted.uploads(Upload::count(), request_body_filter::waiting_memory() as u64);
        }
        TICK
    }
}
