//! What a worker counts.

use std::sync::atomic::Ordering::Relaxed;

use s3::Operation;

use crate::histogram::{Timing, observe};
use crate::series_key::{SeriesKey, SeriesKind};
use crate::series_table::{RoomShare, SeriesAt};
use crate::zone::{Gauge, StatusZone, WorkerPlace, ZonePart};

/// What stands in the place of labels for which there is no room.
pub(crate) const OTHER: &str = "other";
/// The same in the place of an operation's number.
pub(crate) const OTHER_OPERATION: u16 = u16::MAX;

/// Who has answered with an error.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ErrorSource {
    /// An origin.
    Origin,
    /// The proxy.
    Proxy,
}

impl ErrorSource {
    /// As a label.
    pub fn name(self) -> &'static str {
        match self {
            ErrorSource::Origin => "origin",
            ErrorSource::Proxy => "proxy",
        }
    }
}

/// Where an origin was asked.
#[derive(Clone, Copy, Debug)]
pub struct OriginPlace<'a> {
    /// The name of the upstream.
    pub upstream: &'a [u8],
    /// The name of the origin.
    pub origin: &'a [u8],
    /// The peer's address.
    pub address: &'a [u8],
}

/// The series of such a place, for what comes later of the same attempt. Good for the worker and the memory that it was made in;
/// in others it counts nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OriginSeries {
    at: SeriesAt,
    /// The address of the memory that it is in.
    part: usize,
}

/// The counters of a worker.
#[derive(Clone, Copy)]
pub struct Counted<'z> {
    zone: StatusZone<'z>,
    place: WorkerPlace,
    part: ZonePart<'z>,
}

impl<'z> Counted<'z> {
    /// None where the place is not of this zone.
    pub fn new(zone: StatusZone<'z>, place: WorkerPlace) -> Option<Self> {
        Some(Counted { zone, place, part: zone.part(place)? })
    }

    /// A client's request that has ended. `client` is empty where nobody's signature was verified, and the operation none
    /// where it is not known. Bytes are those of heads and bodies.
    pub fn request(
        &self,
        client: &[u8],
        operation: Option<Operation>,
        status: u16,
        received: u64,
        sent: u64,
    ) {
        let number = operation.map_or(0, |operation| (operation as u16).saturating_add(1));
        let key = SeriesKey::new(SeriesKind::Requests, number, status.into()).with(client);
        let share = if client.is_empty() { RoomShare::Half } else { RoomShare::Most };
        let of_class = || {
            let class = u32::from(status / 100).saturating_mul(100);
            let key = SeriesKey::new(SeriesKind::Requests, OTHER_OPERATION, class);
            key.with(OTHER.as_bytes())
        };
        self.add(&key, share, of_class, &[1, received, sent]);
    }

    /// A request of a verified client for something in a bucket.
    pub fn bucket(&self, bucket: &[u8], received: u64, sent: u64) {
        let key = |name| SeriesKey::new(SeriesKind::Buckets, 0, 0).with(name);
        let other = || key(OTHER.as_bytes());
        self.add(&key(bucket), RoomShare::Most, other, &[1, received, sent]);
    }

    /// An answer with an error of S3's. The code must be one of a set with a bound.
    pub fn error(&self, code: &str, source: ErrorSource) {
        let key =
            |code: &str| SeriesKey::new(SeriesKind::Errors, source as u16, 0).with(code.as_bytes());
        self.add(&key(code), RoomShare::Most, || key(OTHER), &[1]);
    }

    /// A request that was refused. The cause must be one of a set with a bound.
    pub fn refusal(&self, cause: &str) {
        let key = |cause: &str| SeriesKey::new(SeriesKind::Refusals, 0, 0).with(cause.as_bytes());
        self.add(&key(cause), RoomShare::Most, || key(OTHER), &[1]);
    }

    /// An attempt at an origin.
    pub fn attempt(&self, place: &OriginPlace<'_>) -> Option<OriginSeries> {
        let key = |place: &OriginPlace<'_>| {
            let key = SeriesKey::new(SeriesKind::Origins, 0, 0).with(place.upstream);
            key.with(place.origin).with(place.address)
        };
        let other = OTHER.as_bytes();
        let other = OriginPlace { upstream: other, origin: other, address: other };
        let at = self.add(&key(place), RoomShare::Most, || key(&other), &[1])?;
        Some(OriginSeries { at, part: self.part.address() })
    }

    /// That an attempt has failed.
    pub fn failure(&self, series: OriginSeries) {
        if series.part == self.part.address() {
            self.part.table.add(series.at, 1, 1);
        }
    }

    /// That an attempt was answered.
    pub fn response(&self, series: OriginSeries, status: u16) {
        if series.part != self.part.address() {
            return;
        }
        let key = |status: u16| {
            let key = SeriesKey::new(SeriesKind::Responses, 0, status.into());
            key.with_number(series.at.number().into())
        };
        self.add(&key(status), RoomShare::Most, || key((status / 100).saturating_mul(100)), &[1]);
    }

    /// That a request needed another attempt after its first.
    pub fn failover(&self) {
        self.part.failovers().fetch_add(1, Relaxed);
    }

    /// How long something took, in nanoseconds.
    pub fn time(&self, timing: Timing, nanoseconds: u64) {
        observe(self.part.histograms, timing, nanoseconds);
    }

    /// How many uploads the worker checks at present, and the memory in bytes that what was checked waits in.
    pub fn uploads(&self, active: u64, memory: u64) {
        self.zone.show(self.place, Gauge::Uploads, active);
        self.zone.show(self.place, Gauge::ChunkMemory, memory);
    }

    fn add(
        &self,
        key: &SeriesKey,
        share: RoomShare,
        other: impl FnOnce() -> SeriesKey,
        values: &[u64],
    ) -> Option<SeriesAt> {
        let table = &self.part.table;
        let series = table.find_or_insert(key, share).or_else(|| {
            self.part.other().fetch_add(1, Relaxed);
            table.find_or_insert(&other(), RoomShare::All)
        })?;
        for (number, value) in values.iter().enumerate() {
            table.add(series, number, *value);
        }
        Some(series)
    }
}
