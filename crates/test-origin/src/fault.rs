//! Faults on demand: while the file that `--faults` names is there, its line says what becomes of each request.
//!
//! ```text
//! slow SECONDS             the answer is kept back so long
//! answer STATUS CODE       this S3 error instead of an answer, when the request has been read
//! reset BYTES              so many bytes of the answer go out, and the connection is reset
//! ```
//!
//! A file, since a test changes it from outside and at any moment; it is read for each request.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What becomes of a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    Slow(Duration),
    Answer { status: u16, code: String },
    Reset(usize),
}

impl Fault {
    /// The fault that is in force; a line that says none is none.
    pub(crate) fn read(path: &Path) -> Option<Fault> {
        Self::parse(&std::fs::read_to_string(path).ok()?)
    }

    fn parse(line: &str) -> Option<Fault> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["slow", seconds] => {
                Duration::try_from_secs_f64(seconds.parse().ok()?).ok().map(Fault::Slow)
            }
            ["answer", status, code] => {
                Some(Fault::Answer { status: status.parse().ok()?, code: (*code).to_owned() })
            }
            ["reset", bytes] => bytes.parse().ok().map(Fault::Reset),
            _ => None,
        }
    }
}

/// S3's document for an error of that code.
pub(crate) fn document(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>As the test wants it.</Message></Error>"
    )
}

/// How many bytes may still leave by a connection.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// Any number.
    pub(crate) fn unlimited() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }

    /// From here on, so many.
    pub(crate) fn limit(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// A connection that is reset when its allowance is used up.
pub(crate) struct Socket {
    stream: TcpStream,
    allowance: Allowance,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, allowance: Allowance) -> Self {
        Self { stream, allowance }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.allowance.0.load(Ordering::Relaxed);
        if left == 0 {
            // Closing does not wait then, and the peer is told so by a reset.
            self.stream.set_zero_linger()?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let bytes = bytes.get(..left).unwrap_or(bytes);
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        match written {
            Poll::Ready(Ok(count)) if left != usize::MAX => {
                self.allowance.limit(left.saturating_sub(count));
            }
            _ => {}
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert_eq!(Fault::parse("slow 0.5\n"), Some(Fault::Slow(Duration::from_millis(500))));
        let answer = Fault::Answer { status: 503, code: "SlowDown".to_owned() };
        assert_eq!(Fault::parse("answer 503 SlowDown"), Some(answer));
        assert_eq!(Fault::parse("reset 100"), Some(Fault::Reset(100)));
        assert!(
            ["", "slow", "slow -1", "answer 503", "reset x"]
                .map(Fault::parse)
                .iter()
                .all(Option::is_none)
        );
    }
}
