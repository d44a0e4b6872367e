//! A client's connection: one request at a time, kept alive.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use rustls::ClientConfig;

use crate::prepared::{Prepared, SendProgress};
use crate::transport::Transport;

/// What a connection is doing.
enum State {
    Idle,
    /// Sending, or waiting for the head of the answer.
    Asking,
    /// So many bytes of the answer's body are to come.
    Answered {
        left: u64,
        status: u16,
    },
}

pub(crate) struct Connection {
    pub(crate) transport: Transport,
    state: State,
    request: usize,
    progress: SendProgress,
    is_sent: bool,
    /// Whether a request was made on it.
    pub(crate) is_used: bool,
    head: Vec<u8>,
    pub(crate) since: Instant,
    pub(crate) body_bytes: u64,
}

/// Longest head of an answer.
const MAX_HEAD: usize = 16384;

impl Connection {
    /// Connects, with TLS where there is a configuration for it; the handshake begins with the first request.
    pub(crate) fn open(to: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        // Blocking, so that connections are there before the measurement begins.
        let stream = std::net::TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        let transport = match tls {
            Some(config) => Transport::client(stream, config)?,
            None => Transport::plain(stream),
        };
        Ok(Self {
            transport,
            state: State::Idle,
            request: 0,
            progress: SendProgress::default(),
            is_sent: true,
            is_used: false,
            head: Vec::new(),
            since: Instant::now(),
            body_bytes: 0,
        })
    }

    /// Begins request number `request` of the pool.
    pub(crate) fn start(
        &mut self,
        request: usize,
        pool: &[Prepared],
        block: &[u8],
    ) -> io::Result<()> {
        self.state = State::Asking;
        self.request = request;
        self.progress = SendProgress::default();
        self.is_sent = false;
        self.is_used = true;
        self.head.clear();
        self.send(pool, block)
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Sends what is still to be sent.
    pub(crate) fn send(&mut self, pool: &[Prepared], block: &[u8]) -> io::Result<()> {
        if !self.is_sent {
            self.is_sent =
                pool[self.request].send(&mut self.progress, block, &mut self.transport)?;
        }
        self.transport.flush()
    }

    /// Reads what is there; the answer is the status once the response is complete.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<u16>> {
        loop {
            let count = match self.transport.read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if let Some(status) = self.take(&buffer[..count])? {
                self.state = State::Idle;
                return Ok(Some(status));
            }
            // A read that did not fill the buffer has emptied the socket: epoll(7), edge-triggered.
            if count < buffer.len() && !self.transport.is_tls() {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<Option<u16>> {
        let mut body = bytes.len() as u64;
        if matches!(self.state, State::Asking) {
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            let from = before.saturating_sub(3);
            let Some(end) = find(&self.head[from..], b"\r\n\r\n").map(|at| from + at + 4) else {
                return if self.head.len() > MAX_HEAD { Err(unexpected()) } else { Ok(None) };
            };
            body = (self.head.len() - end) as u64;
            let (status, left) = parse(&self.head[..end]).ok_or_else(unexpected)?;
            self.state = State::Answered { left, status };
        }
        let State::Answered { left, status } = &mut self.state else { return Err(unexpected()) };
        *left = left.checked_sub(body).ok_or_else(unexpected)?;
        self.body_bytes += body;
        Ok((*left == 0).then_some(*status))
    }
}

/// Status and Content-Length.
fn parse(head: &[u8]) -> Option<(u16, u64)> {
    let head = std::str::from_utf8(head).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    for line in head.lines().skip(1) {
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                return Some((status, value.trim().parse().ok()?));
            }
        }
    }
    None
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an answer that was not expected")
}
