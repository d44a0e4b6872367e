//! The sum of all parts of a zone.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use s3::Operation;

use crate::counting::{ErrorSource, OTHER, OTHER_OPERATION};
use crate::histogram::{Observed, Timing};
use crate::report::{
    BucketCount, ErrorCount, Gauges, HistogramReport, LatencyReport, OriginReport, RefusalCount,
    RequestCount, StatusReport, ZoneReport,
};
use crate::series_key::{KeyLabels, SeriesKind};
use crate::series_table::{SeriesAt, SeriesTable, StoredSeries};
use crate::zone::StatusZone;

/// Words of a series as they mostly are, where there is none yet to tell.
const USUAL: usize = 10;

impl StatusReport {
    /// What the zone has. What it does not know, whoever calls adds: names and versions, the state of origins, keys.
    pub fn of_zone(zone: StatusZone<'_>, is_alive: impl Fn(u32) -> bool) -> Self {
        let (workers, active, chunk_memory_bytes) = zone.sums(is_alive);
        let mut sums = Sums::default();
        let (mut other, mut failovers, mut capacity) = (0_u64, 0_u64, None);
        for part in zone.all_parts() {
            let stored = sums.add(part.table);
            other = other.saturating_add(part.other().load(Relaxed));
            failovers = failovers.saturating_add(part.failovers().load(Relaxed));
            // A worker counts in one part, so the fullest says how much there is room for.
            let fits = fitting(part.table, stored);
            capacity = Some(capacity.map_or(fits, |least: usize| least.min(fits)));
        }
        let series = sums.len();
        let histogram = |timing| {
            let mut observed = Observed::default();
            zone.all_parts().for_each(|part| observed.add(part.histograms, timing));
            in_seconds(timing, &observed)
        };
        let mut report = StatusReport {
            since: zone.since() as f64 / 1000.0,
            workers,
            zone: ZoneReport {
                series,
                capacity: capacity.unwrap_or(0).max(series),
                other,
                ..ZoneReport::default()
            },
            failovers,
            latency: LatencyReport {
                first_byte: histogram(Timing::FirstByte),
                total: histogram(Timing::Request),
                verify: histogram(Timing::Verify),
                sign: histogram(Timing::Sign),
            },
            uploads: Gauges { active, chunk_memory_bytes },
            ..StatusReport::default()
        };
        sums.fill(&mut report);
        report
    }
}

/// About how many series the table can have.
fn fitting(table: SeriesTable<'_>, stored: usize) -> usize {
    let (room, used) = table.room();
    let usual = used.checked_div(stored).unwrap_or(USUAL).max(1);
    let free = room.saturating_sub(used).checked_div(usual).unwrap_or(0);
    stored.saturating_add(free)
}

fn in_seconds(timing: Timing, observed: &Observed) -> HistogramReport {
    const SECOND: f64 = 1e9;
    let mut count = 0_u64;
    let mut cumulated = observed.counts.iter().map(|met| {
        count = count.saturating_add(*met);
        count
    });
    let bounds = timing.bounds();
    let counts: Vec<_> = cumulated.by_ref().take(bounds.len()).collect();
    let total = cumulated.last();
    HistogramReport {
        le: bounds.iter().map(|bound| *bound as f64 / SECOND).collect(),
        counts,
        sum: observed.sum as f64 / SECOND,
        count: total.unwrap_or(0),
    }
}

/// Counters by what they count.
#[derive(Default)]
struct Sums {
    requests: BTreeMap<(String, &'static str, u32), [u64; 3]>,
    buckets: BTreeMap<String, [u64; 3]>,
    errors: BTreeMap<(&'static str, String), u64>,
    refusals: BTreeMap<String, u64>,
    origins: BTreeMap<[String; 3], OriginSums>,
}

#[derive(Default)]
struct OriginSums {
    attempts: u64,
    failures: u64,
    responses: BTreeMap<u32, u64>,
}

impl Sums {
    /// Adds what the table has; how many series that are.
    fn add(&mut self, table: SeriesTable<'_>) -> usize {
        let mut count = 0_usize;
        let mut responses = Vec::new();
        let mut origins = BTreeMap::new();
        for series in table.all() {
            count = count.saturating_add(1);
            let Some(mut labels) = KeyLabels::of(series.key) else { continue };
            match labels.kind() {
                Some(SeriesKind::Origins) => {
                    if let Some(place) = origin_place(&mut labels) {
                        let sums = self.origins.entry(place.clone()).or_default();
                        let [attempts, failures] = values(&series);
                        sums.attempts = sums.attempts.saturating_add(attempts);
                        sums.failures = sums.failures.saturating_add(failures);
                        origins.insert(series.at.number(), place);
                    }
                }
                // Of an origin that may come later.
                Some(SeriesKind::Responses) => {
                    let [met] = values(&series);
                    responses.push((labels.number(), labels.large(), met));
                }
                Some(kind) => _ = self.add_simple(kind, labels, &series),
                None => {}
            }
        }
        for (origin, status, met) in responses {
            let origin = origin.and_then(|origin| u32::try_from(origin).ok());
            let place =
                origin.and_then(|origin| origins.get(&SeriesAt::of_number(origin).number()));
            if let Some(sums) = place.and_then(|place| self.origins.get_mut(place)) {
                let count = sums.responses.entry(status).or_default();
                *count = count.saturating_add(met);
            }
        }
        count
    }

    fn add_simple(
        &mut self,
        kind: SeriesKind,
        mut labels: KeyLabels<'_>,
        series: &StoredSeries<'_>,
    ) -> Option<()> {
        let text = labels.text()?;
        match kind {
            SeriesKind::Requests => {
                let key = (text, operation(labels.small()), labels.large());
                add(self.requests.entry(key).or_default(), values(series));
            }
            SeriesKind::Buckets => add(self.buckets.entry(text).or_default(), values(series)),
            SeriesKind::Errors => {
                let source = match labels.small() {
                    source if source == ErrorSource::Proxy as u16 => ErrorSource::Proxy,
                    _ => ErrorSource::Origin,
                };
                let count = self.errors.entry((source.name(), text)).or_default();
                let [met] = values(series);
                *count = count.saturating_add(met);
            }
            SeriesKind::Refusals => {
                let count = self.refusals.entry(text).or_default();
                let [met] = values(series);
                *count = count.saturating_add(met);
            }
            SeriesKind::Origins | SeriesKind::Responses => {}
        }
        Some(())
    }

    /// How many there are.
    fn len(&self) -> usize {
        let origins = self.origins.values().map(|sums| sums.responses.len().saturating_add(1));
        [self.requests.len(), self.buckets.len(), self.errors.len(), self.refusals.len()]
            .into_iter()
            .chain(origins)
            .fold(0, usize::saturating_add)
    }

    fn fill(self, report: &mut StatusReport) {
        let requests = self.requests.into_iter();
        report.requests = requests
            .map(|((client, operation, status), [count, received_bytes, sent_bytes])| {
                RequestCount {
                    client,
                    operation: operation.to_owned(),
                    status,
                    count,
                    received_bytes,
                    sent_bytes,
                }
            })
            .collect();
        let buckets = self.buckets.into_iter();
        report.buckets = buckets
            .map(|(bucket, [count, received_bytes, sent_bytes])| BucketCount {
                bucket,
                count,
                received_bytes,
                sent_bytes,
            })
            .collect();
        let errors = self.errors.into_iter();
        report.errors =
            errors.map(|((source, code), count)| ErrorCount { code, source, count }).collect();
        let refusals = self.refusals.into_iter();
        report.refusals = refusals.map(|(cause, count)| RefusalCount { cause, count }).collect();
        let origins = self.origins.into_iter();
        report.origins = origins
            .map(|([upstream, origin, address], sums)| OriginReport {
                upstream,
                origin,
                address,
                state: "unknown",
                attempts: sums.attempts,
                failures: sums.failures,
                responses: sums.responses,
                ..OriginReport::default()
            })
            .collect();
    }
}

fn add(sums: &mut [u64; 3], values: [u64; 3]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.saturating_add(value);
    }
}

fn values<const N: usize>(series: &StoredSeries<'_>) -> [u64; N] {
    std::array::from_fn(|number| series.values.get(number).map_or(0, |word| word.load(Relaxed)))
}

fn origin_place(labels: &mut KeyLabels<'_>) -> Option<[String; 3]> {
    Some([labels.text()?, labels.text()?, labels.text()?])
}

fn operation(number: u16) -> &'static str {
    match number {
        0 => "",
        OTHER_OPERATION => OTHER,
        number => {
            let operation = Operation::ALL.get(usize::from(number).wrapping_sub(1));
            operation.map_or(OTHER, |operation| operation.name())
        }
    }
}
