//! Latencies of a run, all of them kept: percentiles are exact.

use std::time::Duration;

/// Latencies in nanoseconds.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u64>);

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The latency in microseconds that `percent` of the requests stayed below; none without requests.
    pub(crate) fn percentile(&mut self, percent: f64) -> Option<f64> {
        self.0.sort_unstable();
        let at = ((self.0.len() as f64) * percent / 100.0) as usize;
        let at = at.min(self.0.len().checked_sub(1)?);
        self.0.get(at).map(|&nanoseconds| nanoseconds as f64 / 1000.0)
    }
}
