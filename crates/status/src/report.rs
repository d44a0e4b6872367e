//! All that is told, as the JSON document has it.

use std::collections::BTreeMap;

use serde::Serialize;

/// The document. Times are seconds since 1970.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StatusReport {
    /// Of the module.
    pub version: String,
    /// Of nginx.
    pub nginx: String,
    /// When it was made.
    pub time: f64,
    /// When the counters were zero.
    pub since: f64,
    /// Processes that serve.
    pub workers: usize,
    /// Connections of nginx's; none where it does not count them.
    pub connections: Option<ConnectionReport>,
    /// What the counters lie in.
    pub zone: ZoneReport,
    /// Requests of clients.
    pub requests: Vec<RequestCount>,
    /// The same by bucket, where that is asked for.
    pub buckets: Vec<BucketCount>,
    /// Errors that clients got.
    pub errors: Vec<ErrorCount>,
    /// Requests that the proxy has refused.
    pub refusals: Vec<RefusalCount>,
    /// Origins, as peers of upstreams.
    pub origins: Vec<OriginReport>,
    /// Requests that needed more than one attempt.
    pub failovers: u64,
    /// How long things took.
    pub latency: LatencyReport,
    /// Keys, and their ends.
    pub keys: Vec<KeyReport>,
    /// Files with keys.
    pub files: Vec<KeyFileReport>,
    /// What is under way.
    pub uploads: Gauges,
}

/// Connections of clients, in all workers.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ConnectionReport {
    /// All.
    pub active: u64,
    /// Whose request is being read.
    pub reading: u64,
    /// Whose request is being answered.
    pub writing: u64,
    /// That wait for another request.
    pub waiting: u64,
}

/// The memory that counters lie in.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ZoneReport {
    /// `s3_status_zone NAME`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// How many series there are.
    pub series: usize,
    /// About how many there can be.
    pub capacity: usize,
    /// How often something was counted under `other`.
    pub other: u64,
}

/// Requests of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct RequestCount {
    /// The access key id; empty where no signature was verified.
    pub client: String,
    /// The operation of S3's; empty where it is not known.
    pub operation: String,
    /// The HTTP status of the answer.
    pub status: u32,
    /// How many.
    pub count: u64,
    /// Bytes of their heads and bodies.
    pub received_bytes: u64,
    /// Bytes of their answers.
    pub sent_bytes: u64,
}

/// Requests for one bucket.
#[derive(Clone, Debug, Serialize)]
pub struct BucketCount {
    /// Its name.
    pub bucket: String,
    /// How many.
    pub count: u64,
    /// Bytes of their heads and bodies.
    pub received_bytes: u64,
    /// Bytes of their answers.
    pub sent_bytes: u64,
}

/// Answers with one code.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorCount {
    /// The code of S3's.
    pub code: String,
    /// `proxy` or `origin`.
    pub source: &'static str,
    /// How many.
    pub count: u64,
}

/// Refusals for one cause.
#[derive(Clone, Debug, Serialize)]
pub struct RefusalCount {
    /// The cause.
    pub cause: String,
    /// How many.
    pub count: u64,
}

/// A peer of an upstream.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OriginReport {
    /// The upstream's name.
    pub upstream: String,
    /// The `s3_origin`.
    pub origin: String,
    /// The peer's address.
    pub address: String,
    /// Whether it is a backup.
    pub backup: bool,
    /// `up`, `down`, or `unknown` where nobody probes it.
    pub state: &'static str,
    /// Since when the state is what it is.
    pub since: Option<f64>,
    /// Why it is down.
    pub reason: Option<String>,
    /// Requests that were sent there, or were to be.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// Answers by status.
    pub responses: BTreeMap<u32, u64>,
}

/// How long things took.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LatencyReport {
    /// Until the head of the origin's answer.
    pub first_byte: HistogramReport,
    /// Until the end of the answer.
    pub total: HistogramReport,
    /// To verify.
    pub verify: HistogramReport,
    /// To sign.
    pub sign: HistogramReport,
}

/// A histogram, in seconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HistogramReport {
    /// Upper bounds.
    pub le: Vec<f64>,
    /// How many were at most as long.
    pub counts: Vec<u64>,
    /// The sum.
    pub sum: f64,
    /// How many in all.
    pub count: u64,
}

/// A key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyReport {
    /// `client` or `origin`.
    pub kind: &'static str,
    /// The client's access key id, or the origin's name.
    pub name: String,
    /// The access key id.
    pub access_key: String,
    /// When it ends, if it does.
    pub expires: Option<f64>,
    /// Seconds since it was read.
    pub age: f64,
}

/// A file with keys.
#[derive(Clone, Debug, Serialize)]
pub struct KeyFileReport {
    /// Its name.
    pub file: String,
    /// When what it holds was last read well.
    pub read: f64,
    /// Why it cannot be used as it is now.
    pub fault: Option<String>,
}

/// What is under way.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Gauges {
    /// Uploads whose bodies are being checked.
    pub active: u64,
    /// Memory that checked bytes wait in.
    pub chunk_memory_bytes: u64,
}
