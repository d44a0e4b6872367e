//! What stands before the head of an upstream's final response, which nginx would take for that.
//!
//! The first status line is nginx's answer, be it of an interim response (RFC 9110, 15.2): the client would get that status, and wait for a
//! body without an end. What has no status line is an answer of HTTP/0.9 to nginx (ngx_http_proxy_process_status_line): the alert of an
//! origin that expects TLS would be an object, and might be stored in a cache.

use httparse::{EMPTY_HEADER, Error, Response, Status};
use ngx::ffi::ngx_buf_t;

use crate::string::span;

/// Most header lines of an interim response.
const MOST_HEADERS: usize = 64;

/// Where the final response begins.
enum Beginning {
    /// After so many bytes.
    At(usize),
    /// That has not come yet. So many bytes are whole interim responses.
    NeedMore(usize),
    /// Nowhere: it is no HTTP, or another protocol from here on (101), for which nobody has asked.
    NotHttp,
}

/// Takes interim responses out of the buffer that an answer is read into, before nginx has parsed anything of it. Whether the final
/// response has begun; none where it will not.
pub(super) fn pass_over(buffer: &mut ngx_buf_t) -> Option<bool> {
    // SAFETY: nginx reads into the buffer between `start` and `end`; what is not parsed is from `pos` to `last`.
    let (length, is_begun) = match beginning(unsafe { span(buffer.pos, buffer.last) }) {
        Beginning::At(length) => (length, true),
        Beginning::NeedMore(length) => (length, false),
        Beginning::NotHttp => return None,
    };
    if length != 0 {
        // A cache notes how far from the buffer's start the head is, before it comes: what is left goes there.
        // SAFETY: both are in the buffer, and of `length` bytes and what follows them up to `last` there are as many.
        unsafe {
            let left = buffer.last.offset_from(buffer.pos) as usize - length;
            std::ptr::copy(buffer.pos.add(length), buffer.pos, left);
            buffer.last = buffer.pos.add(left);
        }
    }
    Some(is_begun)
}

/// Looks for the final response in what has come of an answer.
fn beginning(answer: &[u8]) -> Beginning {
    match answer.strip_prefix(b"HTTP/1.") {
        // Nearly all answers.
        Some([b'0' | b'1', b' ', b'2'..=b'5', second, third, b' ' | b'\r' | b'\n', ..])
            if second.is_ascii_digit() && third.is_ascii_digit() =>
        {
            Beginning::At(0)
        }
        _ => searched(answer),
    }
}

#[cold]
fn searched(answer: &[u8]) -> Beginning {
    let mut at = 0usize;
    loop {
        let rest = answer.get(at..).unwrap_or_default();
        match status(rest) {
            Some(Status::Complete(100 | 102..=199)) => match interim_length(rest) {
                Some(Status::Complete(length)) => at = at.saturating_add(length),
                Some(Status::Partial) => return Beginning::NeedMore(at),
                None => return Beginning::NotHttp,
            },
            Some(Status::Complete(200..)) => return Beginning::At(at),
            Some(Status::Partial) => return Beginning::NeedMore(at),
            Some(Status::Complete(_)) | None => return Beginning::NotHttp,
        }
    }
}

/// The code in a status line; none if it is no such line.
fn status(answer: &[u8]) -> Option<Status<u16>> {
    // httparse passes over empty lines, and nginx does not.
    if answer.first().is_some_and(|first| *first != b'H') {
        return None;
    }
    let mut response = Response::new(&mut []);
    match response.parse(answer) {
        Err(Error::Version | Error::Status | Error::Token | Error::NewLine) => None,
        // Headers are nginx's.
        Ok(_) | Err(_) => Some(response.code.map_or(Status::Partial, Status::Complete)),
    }
}

fn interim_length(answer: &[u8]) -> Option<Status<usize>> {
    Response::new(&mut [EMPTY_HEADER; MOST_HEADERS]).parse(answer).ok()
}
