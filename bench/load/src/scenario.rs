//! What is asked of the proxy: signed requests of one kind, with distinct keys and distinct objects.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::ValueEnum;
use sigv4::{Header, OriginCredential, Payload, RequestParts, Secret, Timestamp};

use crate::payload::Body;
use crate::prepared::Prepared;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// GET, signed in its headers.
    GetHeader,
    /// GET, signed in its query.
    GetPresigned,
    /// GET whose signature is wrong.
    Reject,
    /// PUT whose body's SHA-256 is signed.
    PutHex,
    /// PUT with UNSIGNED-PAYLOAD.
    PutUnsigned,
    /// PUT in chunks without signatures, with a checksum behind them.
    PutUnsignedTrailer,
    /// PUT in signed chunks.
    PutSigned,
    /// PUT in signed chunks, with a signed checksum behind them.
    PutSignedTrailer,
}

/// Which requests, how many, how large.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Mix {
    /// Kind of request.
    #[arg(long, value_enum)]
    pub(crate) scenario: Scenario,
    /// Size of the objects in bytes.
    #[arg(long, default_value_t = 4096)]
    pub(crate) size: u64,
    /// Size of chunks in bytes; divides a MiB.
    #[arg(long, default_value_t = 65536)]
    pub(crate) chunk: u64,
    /// How many requests are prepared; they are sent in turn.
    #[arg(long, default_value_t = 4096)]
    pub(crate) prepared: usize,
    /// How many access keys sign: AKIDBENCH0000 and so on.
    #[arg(long, default_value_t = 64)]
    pub(crate) keys: usize,
    /// Have the origin verify each head, with the key that the proxies have for it.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Requests of a mix, and what their preparation cost.
pub(crate) struct Pool {
    pub(crate) requests: Vec<Prepared>,
    pub(crate) body: Body,
    /// Time of one signature in nanoseconds, everything that signs a request included, bodies' hashes excluded.
    pub(crate) sign_ns: u128,
}

/// The length of what `secret` gives for a key; the configurations have the same rule.
pub(crate) fn secret(access_key: &str) -> Secret {
    Secret::new(format!("wJalrXUtnFEMI/K7MDENG/{access_key}"))
}

impl Mix {
    /// Signs the requests.
    pub(crate) fn prepare(&self, host: &str) -> Result<Pool, sigv4::Error> {
        let now = now();
        let keys: Vec<_> = (0..self.keys).map(key).collect();
        let mut body = Body::default();
        // Hashes and derived keys are made outside of what is timed.
        for key in &keys {
            self.request(host, key, 0, now, &mut body)?;
        }
        let start = Instant::now();
        // Where there are more keys than requests, those that sign are as far apart as they can be.
        let step = (keys.len() / self.prepared.max(1)).max(1);
        let requests: Result<Vec<_>, _> = (0..self.prepared)
            .map(|number| (number, &keys[number * step % keys.len()]))
            .map(|(number, key)| self.request(host, key, number, now, &mut body))
            .collect();
        let sign_ns = start.elapsed().as_nanos() / self.prepared.max(1) as u128;
        Ok(Pool { requests: requests?, body, sign_ns })
    }

    /// Targets of presigned GETs, as many as are prepared.
    pub(crate) fn presigned_targets(&self, host: &str) -> Result<Vec<String>, sigv4::Error> {
        let (now, keys) = (now(), (0..self.keys).map(key).collect::<Vec<_>>());
        (0..self.prepared)
            .map(|number| presigned(&self.target(number), host, &keys[number % keys.len()], now))
            .collect()
    }

    /// The status that the answer must have.
    pub(crate) fn expected_status(&self) -> u16 {
        if self.scenario == Scenario::Reject { 403 } else { 200 }
    }

    fn target(&self, number: usize) -> String {
        let bucket = if self.check { "check" } else { "bench" };
        format!("/{bucket}-{}/folder/object-{number:08}", self.size)
    }

    fn request(
        &self,
        host: &str,
        key: &OriginCredential,
        number: usize,
        now: Timestamp,
        body: &mut Body,
    ) -> Result<Prepared, sigv4::Error> {
        let target = self.target(number);
        let host_header = Header { name: b"host", value: host.as_bytes() };
        if self.scenario == Scenario::GetPresigned {
            let target = presigned(&target, host, key, now)?;
            let mut prepared = Prepared::default();
            prepared.own(head("GET", &target, host, &[], COMMON).as_bytes());
            return Ok(prepared);
        }
        let is_get = matches!(self.scenario, Scenario::GetHeader | Scenario::Reject);
        let payload = self.payload(body)?;
        let decoded = self.size.to_string();
        let mut headers = vec![host_header];
        if payload.is_streaming() {
            headers.push(Header { name: b"content-encoding", value: b"aws-chunked" });
            headers
                .push(Header { name: b"x-amz-decoded-content-length", value: decoded.as_bytes() });
        }
        if matches!(payload, Payload::StreamingSignedTrailer | Payload::StreamingUnsignedTrailer) {
            headers.push(Header { name: b"x-amz-trailer", value: b"x-amz-checksum-crc32" });
        }
        let method = if is_get { "GET" } else { "PUT" };
        let request = RequestParts {
            method: method.as_bytes(),
            target: target.as_bytes(),
            headers: &headers,
        };
        let mut signed = sigv4::sign_request(&request, &payload, key, now)?;
        if self.scenario == Scenario::Reject {
            let (_, authorization) = signed.headers.last_mut().expect("Authorization");
            let last = authorization.last_mut().expect("a signature");
            *last = if *last == b'0' { b'1' } else { b'0' };
        }

        let mut framed = Prepared::default();
        let length = if is_get {
            0
        } else if payload.is_streaming() {
            self.frames(&mut framed, signed.chunk_chain.take(), body)
        } else {
            framed.data(self.size);
            self.size
        };
        let mut all: Vec<(&str, String)> = headers
            .iter()
            .skip(1)
            .map(|h| (h.name, h.value))
            .chain(signed.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())))
            .map(|(name, value)| (text(name), text(value).to_owned()))
            .collect();
        if !is_get {
            all.push(("content-length", length.to_string()));
        }
        let mut prepared = Prepared::default();
        prepared.own(head(method, &target, host, &all, COMMON).as_bytes());
        prepared.append(framed);
        Ok(prepared)
    }

    fn payload(&self, body: &mut Body) -> Result<Payload, sigv4::Error> {
        match self.scenario {
            Scenario::GetHeader | Scenario::GetPresigned | Scenario::Reject => {
                Payload::parse(EMPTY_SHA256)
            }
            Scenario::PutHex => Payload::parse(hex(&body.sha256(self.size)).as_bytes()),
            Scenario::PutUnsigned => Ok(Payload::Unsigned),
            Scenario::PutUnsignedTrailer => Ok(Payload::StreamingUnsignedTrailer),
            Scenario::PutSigned => Ok(Payload::StreamingSigned),
            Scenario::PutSignedTrailer => Ok(Payload::StreamingSignedTrailer),
        }
    }

    /// Appends the aws-chunked body; the answer is its length.
    fn frames(
        &self,
        to: &mut Prepared,
        mut chain: Option<sigv4::ChunkChain>,
        body: &mut Body,
    ) -> u64 {
        let mut length = 0;
        let mut own = |to: &mut Prepared, text: &str| {
            to.own(text.as_bytes());
            length += text.len() as u64;
        };
        let mut offset = 0;
        while offset < self.size {
            let size = self.chunk.min(self.size - offset);
            let signature =
                chain.as_mut().map(|chain| chain.chunk(&body.chunk_sha256(offset, size as usize)));
            let end = if offset == 0 { "" } else { "\r\n" };
            own(to, &format!("{end}{size:x}{}\r\n", extension(signature)));
            to.data(size);
            offset += size;
        }
        let signature = chain.as_mut().map(|chain| chain.chunk(&body.chunk_sha256(0, 0)));
        let end = if self.size == 0 { "" } else { "\r\n" };
        own(to, &format!("{end}0{}\r\n", extension(signature)));
        let has_trailer =
            matches!(self.scenario, Scenario::PutUnsignedTrailer | Scenario::PutSignedTrailer);
        if has_trailer {
            let checksum = BASE64_STANDARD.encode(body.crc32(self.size).to_be_bytes());
            own(to, &format!("x-amz-checksum-crc32:{checksum}\r\n"));
            if let Some(chain) = &chain {
                let block = format!("x-amz-checksum-crc32:{checksum}\n");
                let signature = chain.trailer(&sha256(block.as_bytes()));
                own(to, &format!("x-amz-trailer-signature:{}\r\n", text(&signature)));
            }
        }
        own(to, "\r\n");
        length + self.size
    }
}

const EMPTY_SHA256: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What the common SDKs send besides, unsigned.
const COMMON: &str = "User-Agent: aws-sdk-rust/1.3.3 os/linux lang/rust/1.90.0\r\n\
    Accept-Encoding: identity\r\n\
    amz-sdk-invocation-id: 3f1c5f5e-0a9c-4b31-9a3e-9d9a6f1d2c11\r\n\
    amz-sdk-request: attempt=1; max=3\r\n";

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Timestamp::from_unix(now as i64).expect("a clock between the years 0 and 9999")
}

/// A client's key; the configurations have the same rule.
fn key(number: usize) -> OriginCredential {
    let id = format!("AKIDBENCH{number:04}");
    OriginCredential::new(id.clone(), secret(&id), None, "us-east-1", "s3")
}

/// The target of a GET that is signed in its query.
fn presigned(
    target: &str,
    host: &str,
    key: &OriginCredential,
    now: Timestamp,
) -> Result<String, sigv4::Error> {
    let host = Header { name: b"host", value: host.as_bytes() };
    let request = RequestParts { method: b"GET", target: target.as_bytes(), headers: &[host] };
    let target = sigv4::presign(&request, 3600, key, now)?;
    Ok(String::from_utf8_lossy(&target).into_owned())
}

fn head(
    method: &str,
    target: &str,
    host: &str,
    headers: &[(&str, String)],
    common: &str,
) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{common}");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head
}

fn extension(signature: Option<[u8; 64]>) -> String {
    signature.map_or(String::new(), |digits| format!(";chunk-signature={}", text(&digits)))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("what was signed is ASCII")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
