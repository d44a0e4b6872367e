//! Bodies whose length their head does not state: `Transfer-Encoding: chunked`, and streams of HTTP/2 and HTTP/3.

use nginx::{Level, Request};
use s3::{ErrorCode, S3Error};
use sigv4::header;

use super::parameters;
use crate::S3Signature;
use crate::conf::location::{LocationConf, UnknownLength};

/// Refuses a body of unknown length before any of it is read: S3 takes none, and whoever has one presigned URL could fill the place
/// where nginx stores it.
pub(super) fn may_come(r: Request<'_>, conf: &LocationConf, chunked: bool) -> Result<(), S3Error> {
    if undeclared(r, conf, chunked) != Some(0) || has_no_body(r) {
        return Ok(());
    }
    Err(undeclared_refusal(r))
}

/// Whether S3 expects no body with the request. Over HTTP/2 and HTTP/3 it has one of unknown length all the same where its stream ends
/// later than its head, and a body only if bytes come.
fn has_no_body(r: Request<'_>) -> bool {
    match r.method() {
        b"GET" | b"HEAD" | b"DELETE" | b"OPTIONS" => true,
        // CreateMultipartUpload
        b"POST" => parameters(r).any(|pair| matches!(pair, b"uploads" | b"uploads=")),
        // CopyObject, UploadPartCopy
        b"PUT" => r.header(header::X_AMZ_COPY_SOURCE.as_bytes()).is_some(),
        _ => false,
    }
}

/// How many bytes may come of a body whose length its head does not state; none where nothing limits it here.
///
/// `chunked` is one in aws-chunked framing, whose object has a length that the head states. One that was read before has its length
/// by now.
pub(crate) fn undeclared(r: Request<'_>, conf: &LocationConf, chunked: bool) -> Option<u64> {
    if !r.is_chunked() || chunked || r.body_was_read() {
        return None;
    }
    match conf.unknown_length() {
        UnknownLength::Buffer => conf.max_object_size(),
        UnknownLength::Refuse => Some(0),
    }
}

/// The answer to a body of unknown length that is longer than it may be. (AWS says 501 NotImplemented to `Transfer-Encoding:
/// chunked`, which HTTP/2 has not, and 411 to no length at all.)
pub(crate) fn undeclared_refusal(r: Request<'_>) -> S3Error {
    let conf = r.location_conf::<S3Signature>();
    let stored = conf.filter(|conf| conf.unknown_length() == UnknownLength::Buffer);
    match stored.and_then(LocationConf::max_object_size) {
        Some(max) => {
            r.log(Level::Info, format_args!("s3: refused: a body of more than {max} bytes"));
            S3Error::entity_too_large(max.saturating_add(1), max)
        }
        None => {
            r.log(Level::Info, format_args!("s3: refused: a body of unknown length"));
            S3Error::new(ErrorCode::MissingContentLength)
        }
    }
}
