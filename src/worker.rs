//! What a worker reuses from request to request.

use std::cell::{Cell, RefCell};

use sigv4::request_head::HeadNames;
use sigv4::{Header, TargetBuffers, Timestamp, header};
use smallvec::SmallVec;

use nginx::Request;

const TRANSFER_ENCODING: &[u8] = header::TRANSFER_ENCODING.as_bytes();

/// Header lines on the stack; real requests have 10 to 30.
pub(crate) type HeaderLines<'a> = SmallVec<[Header<'a>; 32]>;

/// Buffers that grow to the size of the largest head and stay, and what the next head may have in common with the last one.
#[derive(Default)]
pub(crate) struct Worker {
    pub(crate) buffers: TargetBuffers,
    /// Of heads that were signed.
    pub(crate) names: HeadNames,
    /// The head being signed.
    pub(crate) head: Vec<u8>,
}

thread_local! {
    // A worker process has one thread that handles requests.
    static WORKER: RefCell<Worker> = RefCell::default();
    static NOW: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

/// The second that nginx's clock shows; its text is made once for all requests of that second. None outside of the years
/// that a signature can name.
pub(crate) fn now(r: Request<'_>) -> Option<Timestamp> {
    let seconds = r.now();
    if let Some(now) = NOW.get().filter(|now| now.unix() == seconds) {
        return Some(now);
    }
    let now = Timestamp::from_unix(seconds);
    NOW.set(now);
    now
}

/// Lends the worker's buffers. Must not be nested; it would panic, which costs that one request.
pub(crate) fn with<R>(body: impl FnOnce(&mut Worker) -> R) -> R {
    WORKER.with_borrow_mut(body)
}

/// Collects the client's header lines as sigv4 wants them. (Into `lines`, where they stay: they are a kilobyte.)
pub(crate) fn header_lines<'a>(r: Request<'a>, lines: &mut HeaderLines<'a>) {
    lines.extend(r.headers().map(|(name, value)| Header { name, value }));
    if let Some(authority) = r.authority_without_host() {
        lines.push(Header { name: header::HOST.as_bytes(), value: authority });
    }
    // HTTP/2 says with frames what HTTP/1.1 says with a header: that the body's length is not known in advance.
    if r.is_chunked() && !lines.iter().any(|line| line.name.eq_ignore_ascii_case(TRANSFER_ENCODING))
    {
        lines.push(Header { name: TRANSFER_ENCODING, value: b"chunked" });
    }
}
