//! Reading the response to a probe: as much of it as says whether the origin is in order.

use httparse::{EMPTY_HEADER, Response, Status};
use s3::origin_error::{Chunks, DocumentFraming};
use s3::origin_health::{self, Ailment};

/// Most bytes of a response that are read: a head, and an error document of the largest size that is judged.
pub const LIMIT: usize = LARGEST_HEAD + s3::origin_error::LIMIT;

/// Longest head. nginx's own buffer for it (`proxy_buffer_size`) has 4 or 8 KiB unless it is told otherwise.
const LARGEST_HEAD: usize = 16 * 1024;
/// Most header lines.
const MOST_HEADERS: usize = 128;

/// A response, as far as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProbeAnswer {
    status: u16,
    has_request_id: bool,
    encoding: Vec<u8>,
    body: Vec<u8>,
}

/// A head, and how its body ends.
struct Head {
    status: u16,
    has_request_id: bool,
    encoding: Vec<u8>,
    framing: DocumentFraming,
    /// Where the body begins.
    end: usize,
}

/// What the bytes so far are.
enum Read {
    Head(Head),
    Partial,
    NotHttp,
}

/// Whether nothing that may follow these bytes matters.
pub fn is_complete(bytes: &[u8]) -> bool {
    match read(bytes) {
        Read::NotHttp => true,
        Read::Partial => bytes.len() >= LARGEST_HEAD,
        Read::Head(head) => {
            // Of an object nothing is wanted but that it is there.
            head.status < 300 || bytes.len() >= LIMIT || body(&head, bytes).1
        }
    }
}

impl ProbeAnswer {
    /// Reads all that came. None where that is no response of HTTP/1.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let Read::Head(head) = read(bytes) else { return None };
        let body = if head.status < 300 { Vec::new() } else { body(&head, bytes).0 };
        let Head { status, has_request_id, encoding, .. } = head;
        Some(Self { status, has_request_id, encoding, body })
    }

    /// What is the matter with the origin that gave this answer to a request signed with `access_key`; none if it is in
    /// order.
    pub fn ailment(&self, access_key: &[u8]) -> Option<Ailment> {
        let Self { status, has_request_id, encoding, body } = self;
        let (status, has_request_id) = (*status, *has_request_id);
        let answer = origin_health::OriginAnswer { status, has_request_id, encoding, body };
        origin_health::ailment(&answer, access_key)
    }
}

/// Reads the head of the final response; interim ones (RFC 9110, 15.2) are passed over.
fn read(bytes: &[u8]) -> Read {
    let mut start = 0usize;
    loop {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut response = Response::new(&mut headers);
        let length = match response.parse(bytes.get(start..).unwrap_or_default()) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Read::Partial,
            Err(_) => return Read::NotHttp,
        };
        start = start.saturating_add(length);
        let Some(status) = response.code else { return Read::NotHttp };
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        return Read::Head(Head {
            status,
            has_request_id: ["x-amz-request-id", "x-amz-id-2"]
                .into_iter()
                .any(|name| values(&response, name).next().is_some()),
            encoding: values(&response, "content-encoding").next().unwrap_or_default().to_vec(),
            framing: framing(&response),
            end: start,
        });
    }
}

fn values<'a>(response: &Response<'_, 'a>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let own = move |header: &&httparse::Header<'a>| header.name.eq_ignore_ascii_case(name);
    let values: Vec<&[u8]> =
        response.headers.iter().filter(own).map(|header| header.value).collect();
    values.into_iter()
}

fn framing(response: &Response<'_, '_>) -> DocumentFraming {
    let mut codings = values(response, "transfer-encoding");
    if codings.any(|value| value.trim_ascii().eq_ignore_ascii_case(b"chunked")) {
        return DocumentFraming::Chunked;
    }
    let length = values(response, "content-length").next();
    let length =
        length.and_then(|value| std::str::from_utf8(value.trim_ascii()).ok()?.parse().ok());
    length.map_or(DocumentFraming::Close, DocumentFraming::Length)
}

/// What came of the body, and whether that is all.
fn body(head: &Head, bytes: &[u8]) -> (Vec<u8>, bool) {
    let rest = bytes.get(head.end..).unwrap_or_default();
    match head.framing {
        DocumentFraming::Chunked => unchunked(rest),
        DocumentFraming::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            match rest.get(..length) {
                Some(body) => (body.to_vec(), true),
                None => (rest.to_vec(), false),
            }
        }
        DocumentFraming::Close => (rest.to_vec(), false),
    }
}

/// The data of the chunks. A framing that is wrong ends it: more can not be read.
fn unchunked(framed: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let is_over = Chunks::default().feed(framed, |data| body.extend_from_slice(data));
    (body, is_over.unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: &str = "<Error><Code>InvalidAccessKeyId</Code><Message>m</Message></Error>";

    fn ailment(text: &str) -> Option<String> {
        let answer = ProbeAnswer::read(text.as_bytes()).expect("a response");
        answer.ailment(b"AKIDORIGIN").map(|ailment| ailment.to_string())
    }

    /// The least number of bytes that are enough.
    fn enough(text: &str) -> usize {
        let least = (0..=text.len()).find(|end| is_complete(&text.as_bytes()[..*end]));
        least.unwrap_or(usize::MAX)
    }

    #[test]
    fn the_head_of_a_success_is_enough() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        assert_eq!(enough(&format!("{head}<ListAllMy")), head.len());
        assert_eq!(ailment(head), None);
    }

    #[test]
    fn an_error_is_read_to_its_end() {
        let length = ERROR.len();
        let text = format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {length}\r\n\r\n{ERROR}");
        assert_eq!(enough(&text), text.len());
        assert_eq!(ailment(&text).as_deref(), Some("403 InvalidAccessKeyId"));
        let (one, two) = ERROR.split_at(10);
        let chunked = format!(
            "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{one}\r\n{:x};x=y\r\n{two}\r\n0\r\n\r\n",
            two.len()
        );
        assert_eq!(ailment(&chunked).as_deref(), Some("403 InvalidAccessKeyId"));
        assert!(enough(&chunked) > chunked.len() - 5);
        let close = format!("HTTP/1.0 403 Forbidden\r\n\r\n{ERROR}");
        assert_eq!(enough(&close), usize::MAX);
        assert_eq!(ailment(&close).as_deref(), Some("403 InvalidAccessKeyId"));
    }

    #[test]
    fn interim_responses_are_passed_over() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(enough(text), text.len());
        assert_eq!(ailment(text), None);
    }

    #[test]
    fn a_request_id_makes_an_answer_of_s3() {
        assert_eq!(
            ailment("HTTP/1.1 301 Moved\r\nX-Amz-Request-Id: 1\r\nContent-Length: 0\r\n\r\n"),
            None
        );
        assert!(
            ailment("HTTP/1.1 301 Moved\r\nServer: AmazonS3\r\nContent-Length: 0\r\n\r\n")
                .is_some()
        );
    }

    #[test]
    fn what_is_no_http() {
        for text in ["", "SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n", "\u{16}\u{3}\u{1}"] {
            assert_eq!(ProbeAnswer::read(text.as_bytes()), None, "{text}");
        }
        assert!(is_complete(b"SSH-2.0-OpenSSH\r\n"));
    }

    #[test]
    fn nothing_is_read_for_ever() {
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(LARGEST_HEAD));
        assert!(is_complete(endless.as_bytes()) && ProbeAnswer::read(endless.as_bytes()).is_none());
        let endless = format!("HTTP/1.1 404 Not Found\r\n\r\n{}", "x".repeat(LIMIT));
        assert!(is_complete(endless.as_bytes()));
        assert!(ailment(&endless).is_some());
        let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
        assert!(is_complete(interim.as_bytes()));
        let huge = "HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc";
        assert!(!is_complete(huge.as_bytes()) && ailment(huge).is_some());
    }
}
