//! Counters that processes share, and what is told of them: JSON, Prometheus's text, and a page.
//!
//! Whoever calls has the memory (words that start as zero, which any process may change at any time), the clock and the list
//! of processes. Nothing is locked and no word points anywhere: a process that dies in the middle of whatever it does loses
//! the counts of that moment, and nothing else.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unwrap_used
    )
)]

mod counting;
mod format;
mod histogram;
mod metrics;
mod page;
mod read;
mod report;
mod series_key;
mod series_table;
mod zone;

pub use counting::{Counted, ErrorSource, OriginPlace, OriginSeries};
pub use format::{StatusFormat, negotiated};
pub use histogram::Timing;
pub use metrics::{MetricsDialect, write_metrics};
pub use page::StatusPage;
pub use report::{
    BucketCount, ConnectionReport, ErrorCount, Gauges, HistogramReport, KeyFileReport, KeyReport,
    LatencyReport, OriginReport, RefusalCount, RequestCount, StatusReport, ZoneReport,
};
pub use zone::{StatusZone, WorkerPlace};
