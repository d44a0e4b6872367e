//! A server that answers whoever signs: each request is verified, its body too, and answered with who sent it.
//!
//!     cargo run --package sigv4 --example verifying-server -- 127.0.0.1:8080 AKID secret
//!     curl --aws-sigv4 aws:amz:us-east-1:s3 --user AKID:secret --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
//!         http://127.0.0.1:8080/bucket/key
//!
//! The standard library's sockets and threads, for brevity; with hyper, `sigv4::http::verify_parts` takes its requests. One
//! keyring serves all threads.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sigv4::aws_chunked::{BodyFilter, Forward, Progress, Rules};
use sigv4::request_head::{HeadLines, parse};
use sigv4::{Credential, Keyring, Policy, RequestParts, Secret, TargetBuffers, Timestamp, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, access_key, secret] = arguments.as_slice() else {
        return Err("usage: verifying-server LISTEN ACCESS_KEY SECRET".into());
    };
    let mut keyring = Keyring::default();
    keyring.insert(Credential::new(access_key.as_str(), Secret::new(secret.as_str()), ()))?;
    let listener = TcpListener::bind(listen)?;
    eprintln!("listening on {}", listener.local_addr()?);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| serve(&listener, &keyring, &Policy::default(), usize::MAX));
        }
    });
    Ok(())
}

/// Serves that many connections, one request each.
pub(crate) fn serve(
    listener: &TcpListener,
    keyring: &Keyring<()>,
    policy: &Policy,
    connections: usize,
) {
    // What each thread reuses from request to request.
    let mut buffers = TargetBuffers::default();
    for mut stream in listener.incoming().take(connections).flatten() {
        let answer = answer(&mut stream, keyring, policy, &mut buffers);
        let (status, text) = match answer {
            Ok(text) => ("200 OK", text),
            // What it says is no secret; S3 has a code for each, which the caller would choose here.
            Err(error) => ("403 Forbidden", error.to_string()),
        };
        let length = text.len() + 1;
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}\n"
        );
    }
}

/// Who has sent the request, and what for. Nothing may be done with a body before all of it is proven.
fn answer(
    stream: &mut TcpStream,
    keyring: &Keyring<()>,
    policy: &Policy,
    buffers: &mut TargetBuffers,
) -> Result<String, Box<dyn Error>> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let bytes = read_head(stream)?;
    let mut lines = HeadLines::new();
    let (head, begun) = parse(&bytes, &mut lines)?;
    let headers: Vec<_> = head.headers().collect();
    let header = |name: &str| {
        let mut found =
            headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name.as_bytes()));
        found.next().map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    if header("Transfer-Encoding").is_some() {
        return Err("this example knows Content-Length only".into());
    }
    let length: u64 = header("Content-Length").map_or(Ok(0), |value| value.parse())?;

    let request = RequestParts { method: head.method(), target: head.target(), headers: &headers };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = Timestamp::from_unix(now.try_into()?).ok_or("the clock is wrong")?;
    let verified = verify(&request, keyring, policy, now, buffers)?;

    // Refused before that, a client does not send its body at all.
    if header("Expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let filter =
        BodyFilter::of_request(&verified, Some(length), Rules::default(), Forward::Unwrap)?;
    let object = read_body(stream, begun, length, filter)?;
    let (who, target) = (verified.credential().access_key(), verified.target());
    Ok(format!(
        "{} {} {} ({} bytes)",
        who.escape_ascii(),
        head.method().escape_ascii(),
        target.path().escape_ascii(),
        object.len()
    ))
}

/// Reads up to the blank line, and perhaps beyond.
fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        // Bounds the memory for unauthenticated clients.
        if count == 0 || head.len() > 16 << 10 {
            return Err(io::Error::other("no head"));
        }
        head.extend_from_slice(&buffer[..count]);
    }
    Ok(head)
}

/// Reads a body, without its aws-chunked framing if it has one.
fn read_body(
    stream: &mut TcpStream,
    begun: &[u8],
    length: u64,
    mut filter: Option<BodyFilter>,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut body = begun.chain(stream).take(length);
    let (mut object, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = body.read(&mut buffer)?;
        let (input, is_last) = (&buffer[..count], body.limit() == 0);
        if count == 0 && !is_last {
            return Err("the body is not complete".into());
        }
        match &mut filter {
            Some(filter) => {
                let progress = filter.push(input, is_last, &mut object)?;
                if progress == Progress::Complete {
                    return Ok(object);
                }
            }
            None => object.extend_from_slice(input),
        }
        if is_last {
            return Ok(object);
        }
    }
}
