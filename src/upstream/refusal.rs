//! Requests that are not sent.

use std::fmt;

use nginx::{Level, Request};
use s3::{AddressingError, Denied, ErrorCode, Reserved, S3Error};
use sigv4::ResignError;
use sigv4::request_head::HeadError;

use crate::ctx;

/// Why a request may not leave. It would leave unsigned, or signed for somebody else.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It cannot be said in the origin's words.
    Addressing(AddressingError),
    /// nginx's clock is outside of the years that a signature can name.
    Clock,
    /// The head is not HTTP/1.x: another protocol's content handler, or something that no parser should guess at.
    Head(HeadError),
    /// The origin's key has ended.
    KeyEnded { origin: String, reason: String },
    /// Nobody let the request in: the location has no `s3_verify`, or `satisfy any` was met by something else.
    NotAdmitted,
    /// No `s3_origin` is at the peer.
    NoOrigin { peer: String },
    /// Memory is out.
    Memory,
    /// The content handler has serialized nothing.
    NoHead,
    /// No `s3_resign` is in force, or none that names an origin.
    NotConfigured,
    /// It asks for something that is not S3's, in the origin's own words.
    Reserved(Reserved),
    /// Another origin has the upload that it is about.
    OtherOrigin,
    /// The head cannot be signed.
    Sign(ResignError),
    /// `proxy_pass` has a variable, and its value names no `upstream`.
    UnknownHost { host: String },
    /// Another body than the client's has the client's aws-chunked frames in it.
    QuotedFrames,
    /// The head states another length than that of the body that nginx sends, or in another way.
    LengthDiffers,
    /// It cannot be put below the client's root: nginx has made another request of the one that was let in.
    Root(Denied),
    /// An answer would be kept for clients with other roots.
    SharedCache,
    /// A body stands behind the head, and another one follows.
    TwoBodies,
    /// The client's body was not read, or is being read: an object that is none, or a piece of one, would be stored.
    UnreadBody,
    /// Something else is in the place of the client's aws-chunked frames.
    ReplacedFrames,
    /// The body is in aws-chunked framing, and the head no longer says so: the frames would be stored for the object.
    UndeclaredFrames,
    /// The head declares signed chunks, and nothing has proven them.
    UnprovenBody,
    /// The value of `s3_resign`'s variable names no `s3_origin`.
    UnknownOrigin { name: String },
}

impl Refusal {
    #[cold]
    #[inline(never)]
    pub(super) fn no_origin(peer: &[u8]) -> Self {
        Refusal::NoOrigin { peer: peer.escape_ascii().to_string() }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn unknown_origin(name: &[u8]) -> Self {
        Refusal::UnknownOrigin { name: name.escape_ascii().to_string() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Addressing(AddressingError::NoSuchBucket) => {
                f.write_str("the origin has no name for its bucket")
            }
            Refusal::Addressing(_) => f.write_str("it is not clear which object it names"),
            Refusal::Clock => f.write_str("the clock is wrong"),
            Refusal::Head(error) => write!(f, "the upstream request is not HTTP/1.x: {error}"),
            Refusal::KeyEnded { origin, reason } => write!(f, "s3_origin \"{origin}\": {reason}"),
            Refusal::NotAdmitted => f.write_str("\"s3_verify\" has not let it in"),
            Refusal::NoOrigin { peer } => write!(f, "no s3_origin has the endpoint of peer {peer}"),
            Refusal::Memory => f.write_str("out of memory"),
            Refusal::NoHead => f.write_str("there is no upstream request"),
            Refusal::NotConfigured => f.write_str("no s3_resign is in force"),
            Refusal::Reserved(Reserved::AdminApi) => {
                f.write_str("an administration interface is no bucket")
            }
            Refusal::Reserved(Reserved::CreateSession) => {
                f.write_str("CreateSession hands out a credential of the origin")
            }
            Refusal::LengthDiffers => f.write_str(
                "its \"Content-Length\" or \"Transfer-Encoding\" is not that of the body that is sent",
            ),
            Refusal::OtherOrigin => f.write_str("another origin has its upload"),
            Refusal::Root(denied) => denied.fmt(f),
            Refusal::SharedCache => f.write_str(
                "its client has a \"root\", and \"proxy_cache_key\" has no \"$s3_cache_key\", which would tell its objects from others'",
            ),
            Refusal::Sign(error) => error.fmt(f),
            Refusal::UnknownHost { host } => {
                write!(f, "proxy_pass to \"{host}\", which is no upstream of the configuration")
            }
            Refusal::QuotedFrames => {
                f.write_str("its body would be the client's aws-chunked frames")
            }
            Refusal::TwoBodies => f.write_str("a body follows that of \"proxy_set_body\""),
            Refusal::UnreadBody => f.write_str("the client's body was not read whole"),
            Refusal::ReplacedFrames => {
                f.write_str("the client's aws-chunked body was replaced after it was verified")
            }
            Refusal::UndeclaredFrames => f.write_str(
                "its body is the client's aws-chunked one, and \"x-amz-content-sha256\" no longer says so",
            ),
            Refusal::UnprovenBody => {
                f.write_str("it declares signed chunks that were not verified")
            }
            Refusal::UnknownOrigin { name } => write!(f, "s3_resign \"{name}\" is no s3_origin"),
        }
    }
}

/// Leaves the answer for `error_response`, which finds nginx's own 500 in its place.
#[cold]
#[inline(never)]
pub(super) fn refuse(r: Request<'_>, refusal: &Refusal) {
    let level = match refusal {
        Refusal::Addressing(_) => Level::Info,
        _ => Level::Error,
    };
    r.log(level, format_args!("s3: the request is not sent, it could not be signed: {refusal}"));
    // Another origin was asked before, and has the bucket.
    let is_retry = || ctx::existing(r).is_some_and(|ctx| ctx.upstream.origin.borrow().is_some());
    let error = match refusal {
        Refusal::Addressing(AddressingError::NoSuchBucket) if is_retry() => {
            S3Error::service_unavailable()
        }
        Refusal::Addressing(AddressingError::NoSuchBucket) => S3Error::new(ErrorCode::NoSuchBucket),
        Refusal::Addressing(_) => S3Error::new(ErrorCode::InvalidRequest)
            .with_message("The source of a copy or rename cannot be given in this way."),
        Refusal::Reserved(_) => S3Error::access_denied(),
        Refusal::Root(denied) => S3Error::from(*denied),
        Refusal::SharedCache => S3Error::internal_error(),
        // For the case that nobody else is asked.
        Refusal::KeyEnded { .. } => S3Error::origin_key_ended(),
        _ => S3Error::for_status(502)
            .with_message("The proxy could not sign the request for the origin."),
    };
    if let Some(ctx) = ctx::of(r) {
        ctx.response.error.replace(Some(error));
    }
}
