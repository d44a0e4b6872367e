//! An origin that does as little as possible, so that the proxy is what is measured.
//!
//! GET and PUT of `/NAME-SIZE/…`: a GET answers with SIZE bytes, a PUT's body is read and forgotten. Nothing is stored, and
//! no signature is looked at, but for buckets that begin with `check-`: their requests' heads are verified, so that the
//! driver can prove before it measures that a design signs what it claims to sign. GET of `/handshakes` answers with how many
//! TLS handshakes there were, full and resumed, and GET of `/` as an S3 that has no buckets would, for who asks whether it is there.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use rustls::HandshakeKind;
use sigv4::{Credential, Header, Keyring, Policy, RequestParts, TargetBuffers, Timestamp};

use crate::payload::{BLOCK, Body};
use crate::scenario::secret;
use crate::transport::{Transport, server_config};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Address to listen at.
    #[arg(long)]
    listen: SocketAddr,
    /// How many addresses to listen at, counted up from that one.
    #[arg(long, default_value_t = 1)]
    addresses: u32,
    /// Address to listen at with TLS.
    #[arg(long, requires = "certificate", requires = "private_key")]
    https: Option<SocketAddr>,
    /// The certificate, PEM.
    #[arg(long)]
    certificate: Option<PathBuf>,
    /// Its key, PEM.
    #[arg(long)]
    private_key: Option<PathBuf>,
}

/// The origin's access key; the configurations have the same.
const ACCESS_KEY: &str = "AKIDORIGIN";
/// Tokens of listeners are those from here on.
const LISTENERS: usize = usize::MAX / 2;

pub(crate) fn serve(args: &ServeArgs) -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let tls = match (&args.certificate, &args.private_key) {
        (Some(certificate), Some(key)) => Some(server_config(certificate, key)?),
        _ => None,
    };
    let mut listeners = Vec::new();
    for number in 0..args.addresses {
        listeners.push((TcpListener::bind(counted_up(args.listen, number)?)?, None));
    }
    if let Some(address) = args.https {
        listeners.push((TcpListener::bind(address)?, tls));
    }
    for (number, (listener, _)) in listeners.iter_mut().enumerate() {
        poll.registry().register(listener, Token(LISTENERS + number), Interest::READABLE)?;
    }
    let mut keyring = Keyring::default();
    let _ = keyring.insert(Credential::new(ACCESS_KEY, secret(ACCESS_KEY), ()));
    let mut connections: Vec<Option<AcceptedConnection>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 256 << 10];
    let block = Body::default().block;
    let mut handshakes = Handshakes::default();
    loop {
        crate::poll::wait(&mut poll, &mut events)?;
        for event in &events {
            if let Some(number) = event.token().0.checked_sub(LISTENERS) {
                let Some((listener, tls)) = listeners.get(number) else { continue };
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let mut transport = match tls {
                        Some(config) => Transport::server(stream, config)?,
                        None => Transport::plain(stream),
                    };
                    let free = connections.iter().position(Option::is_none);
                    let number = free.unwrap_or(connections.len());
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut transport.stream, Token(number), interest)?;
                    let connection = AcceptedConnection::new(transport);
                    match connections.get_mut(number) {
                        Some(slot) => *slot = Some(connection),
                        None => connections.push(Some(connection)),
                    }
                }
                continue;
            }
            let Some(slot) = connections.get_mut(event.token().0) else { continue };
            let Some(connection) = slot else { continue };
            if connection.go_on(&mut buffer, &block, &keyring, &mut handshakes).is_err() {
                *slot = None;
            }
        }
    }
}

/// `to` with a later address.
fn counted_up(to: SocketAddr, number: u32) -> io::Result<SocketAddr> {
    match to.ip() {
        IpAddr::V4(ip) => {
            Ok(SocketAddr::new(IpAddr::V4((u32::from(ip) + number).into()), to.port()))
        }
        IpAddr::V6(_) if number == 0 => Ok(to),
        IpAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// TLS handshakes since the start.
#[derive(Default)]
struct Handshakes {
    full: usize,
    resumed: usize,
}

struct AcceptedConnection {
    transport: Transport,
    head: Vec<u8>,
    /// Bytes of the upload that are still to come.
    upload: u64,
    /// Whether a request is there whose answer was not yet written.
    pending: Option<OriginAnswer>,
    out: Vec<u8>,
    written: usize,
    /// Bytes of the object that are still to be sent.
    download: u64,
}

#[derive(Clone, Copy)]
struct OriginAnswer {
    status: &'static str,
    size: u64,
}

impl AcceptedConnection {
    fn new(transport: Transport) -> Self {
        Self {
            transport,
            head: Vec::new(),
            upload: 0,
            pending: None,
            out: Vec::new(),
            written: 0,
            download: 0,
        }
    }

    /// Writes and reads until the socket has no more.
    fn go_on(
        &mut self,
        buffer: &mut [u8],
        block: &[u8],
        keys: &Keyring<()>,
        handshakes: &mut Handshakes,
    ) -> io::Result<()> {
        self.write(block)?;
        loop {
            let read = self.transport.read(buffer);
            match self.transport.handshake() {
                Some(HandshakeKind::Resumed) => handshakes.resumed += 1,
                Some(_) => handshakes.full += 1,
                None => {}
            }
            let count = match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.take(&buffer[..count], keys, handshakes)?;
            self.write(block)?;
            if count < buffer.len() && !self.transport.is_tls() {
                return Ok(());
            }
        }
    }

    fn take(
        &mut self,
        bytes: &[u8],
        keys: &Keyring<()>,
        handshakes: &Handshakes,
    ) -> io::Result<()> {
        if self.pending.is_some() {
            self.upload = self.upload.checked_sub(bytes.len() as u64).ok_or_else(wrong)?;
        } else {
            self.head.extend_from_slice(bytes);
            let end = self.head.windows(4).position(|window| window == b"\r\n\r\n");
            let Some(end) = end.map(|at| at + 4) else { return Ok(()) };
            if self.head[..end].starts_with(b"GET /handshakes ") {
                let Handshakes { full, resumed } = handshakes;
                let text = serde_json::json!({ "full": full, "resumed": resumed }).to_string();
                self.head.clear();
                self.out.clear();
                self.written = 0;
                let length = text.len();
                write!(self.out, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}")?;
                return Ok(());
            }
            let (answer, upload) = request(&self.head[..end], keys).ok_or_else(wrong)?;
            let body = (self.head.len() - end) as u64;
            self.head.clear();
            self.upload = upload.checked_sub(body).ok_or_else(wrong)?;
            self.pending = Some(answer);
        }
        if self.upload == 0 {
            if let Some(OriginAnswer { status, size }) = self.pending.take() {
                self.out.clear();
                self.written = 0;
                self.download = size;
                write!(
                    self.out,
                    "HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{RESPONSE_HEADERS}\r\n"
                )?;
            }
        }
        Ok(())
    }

    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        while self.written < self.out.len() || self.download > 0 {
            let head = &self.out[self.written..];
            let data = &block[..self.download.min(BLOCK as u64) as usize];
            match self.transport.write_vectored(&[io::IoSlice::new(head), io::IoSlice::new(data)]) {
                Ok(count) => {
                    let of_head = count.min(head.len());
                    self.written += of_head;
                    self.download -= (count - of_head) as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.transport.flush()
    }
}

/// What S3 sends besides.
const RESPONSE_HEADERS: &str = "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n\
    Last-Modified: Sun, 22 Nov 2026 08:15:30 GMT\r\n\
    ETag: \"9b2cf535f27731c974343645a3985328\"\r\n\
    Accept-Ranges: bytes\r\n\
    Content-Type: binary/octet-stream\r\n\
    x-amz-request-id: 4YBQ1D0R4DZ4M0Z1\r\n\
    Server: bench\r\n";

/// The answer to a request, and the length of its body.
fn request(head: &[u8], keys: &Keyring<()>) -> Option<(OriginAnswer, u64)> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if (method, target) == ("GET", "/") {
        return Some((OriginAnswer { status: "200 OK", size: 0 }, 0));
    }
    let bucket = target.split('/').nth(1)?;
    let (name, size) = bucket.split_once('-')?;
    let headers = || {
        lines
            .clone()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| Header { name: name.as_bytes(), value: value.trim().as_bytes() })
    };
    let upload = match headers().find(|h| h.name.eq_ignore_ascii_case(b"content-length")) {
        Some(header) => std::str::from_utf8(header.value).ok()?.parse().ok()?,
        None => 0,
    };
    let mut status = "200 OK";
    if name == "check" {
        let headers: Vec<_> = headers().collect();
        let request = RequestParts {
            method: method.as_bytes(),
            target: target.as_bytes(),
            headers: &headers,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let now = Timestamp::from_unix(now.try_into().ok()?)?;
        let (policy, mut buffers) = (Policy::default(), TargetBuffers::default());
        if let Err(error) = sigv4::verify(&request, keys, &policy, now, &mut buffers) {
            eprintln!("origin: refused: {error}");
            status = "403 Forbidden";
        }
    }
    let size = if method == "GET" { size.parse().ok()? } else { 0 };
    Some((OriginAnswer { status, size }, upload))
}

fn wrong() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a request that was not expected")
}
