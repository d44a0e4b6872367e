//! The body of a request that is signed: what is said of it, and the origin's signatures in it.

use nginx::Request;
use nginx::kept_body::Kept;
use nginx::upstream::{Parts, Rewriter, SentBody, sent_body};
use sigv4::aws_chunked::{Resigner, Sink};
use sigv4::request_head::RequestHead;
use sigv4::{OriginBody, OtherBody, Payload};

use super::refusal::Refusal;
use crate::ctx::body::Body;
use crate::request_body::framing;

/// The origin's signatures for the chunks of a body.
pub(super) struct ChunkSignatures(pub(super) Resigner);

impl Rewriter for ChunkSignatures {
    fn process(&mut self, input: &[u8], out: &mut Parts<'_, '_>) -> Result<(), String> {
        self.0.process(input, &mut ToUpstream(out)).map_err(|error| error.to_string())
    }

    fn finish(&mut self) -> Result<(), String> {
        self.0.finish().map_err(|error| error.to_string())
    }
}

struct ToUpstream<'p, 'r, 'o>(&'p mut Parts<'r, 'o>);

impl Sink for ToUpstream<'_, '_, '_> {
    fn borrowed(&mut self, bytes: &[u8]) {
        self.0.borrowed(bytes);
    }

    fn copied(&mut self, bytes: &[u8]) {
        self.0.copied(bytes);
    }
}

/// What is to be said of the body that is sent: `inline`, which proxy_pass has put behind the head, or `sent`.
pub(super) fn origin_body(
    r: Request<'_>,
    checked: Option<&Body>,
    inline: &[u8],
    sent: SentBody,
    method: &[u8],
) -> Result<OriginBody, Refusal> {
    let is_framed = checked.is_some_and(Body::is_framed);
    if !inline.is_empty() {
        // Two bodies would be one request too many.
        if matches!(sent, SentBody::OfClient | SentBody::Rest | SentBody::Other(_)) {
            return Err(Refusal::TwoBodies);
        }
        // `$request_body` of frames is no object, and hashes stand in the place of their signatures.
        if is_framed && sent_body::is_quoted(r, inline) {
            return Err(Refusal::QuotedFrames);
        }
        return Ok(OriginBody::Other(OtherBody::known(inline)));
    }
    let main = r.main();
    let replaced = checked.is_some_and(|body| body.is_replaced(main));
    match sent {
        // A script's (`ngx.req.set_body_data`), once the client's was checked.
        SentBody::OfClient | SentBody::None if replaced => {
            if is_framed {
                return Err(Refusal::ReplacedFrames);
            }
            let length = Kept::of(main).length().ok_or(Refusal::UnreadBody)?;
            Ok(OriginBody::Other(match length {
                0 => OtherBody::known(b""),
                _ => OtherBody::of_length(length),
            }))
        }
        SentBody::Unread if checked.is_some() && !replaced => {
            Ok(checked.map_or(OriginBody::AsSent, Body::origin_body))
        }
        SentBody::OfClient | SentBody::None => {
            Ok(checked.map_or(OriginBody::AsSent, Body::origin_body))
        }
        // A page that `error_page` asks for, say: it has no body, whatever came of the client's.
        SentBody::Unread if matches!(method, b"GET" | b"HEAD") => {
            Ok(OriginBody::Other(OtherBody::known(b"")))
        }
        SentBody::Withheld => Ok(OriginBody::Other(OtherBody::known(b""))),
        SentBody::Unread | SentBody::Rest => Err(Refusal::UnreadBody),
        SentBody::Other(_) if is_framed && sent_body::quotes(r) => Err(Refusal::QuotedFrames),
        SentBody::Other(length) => Ok(OriginBody::Other(OtherBody::of_length(length))),
    }
}

/// Refuses a head that states another length than that of the body that goes as it came: an origin would store a piece of it, or take
/// the rest for the next request. nginx states the right one, unless a `proxy_set_header` says otherwise.
pub(super) fn check_length(
    r: Request<'_>,
    head: &RequestHead<'_>,
    sent: SentBody,
) -> Result<(), Refusal> {
    let mut stated = head.content_lengths();
    let (length, is_once) = (stated.next(), stated.next().is_none());
    // What comes so over HTTP/1.1, or over HTTP/2 without a length, goes so as long as it streams.
    let is_right = match (length, head.has_transfer_coding()) {
        (None, true) => r.is_chunked(),
        (Some(_), true) => false,
        (Some(stated), false) => {
            let stated = std::str::from_utf8(stated).ok().and_then(|text| text.parse().ok());
            is_once && stated == r.content_length()
        }
        (None, false) if r.is_chunked() => !r.streams_body(),
        (None, false) => sent == SentBody::None || r.content_length().is_none_or(|it| it == 0),
    };
    is_right.then_some(()).ok_or(Refusal::LengthDiffers)
}

/// Refuses frames that were checked, and that the head does not declare (any more): a script, or a `proxy_set_header`, has taken the
/// client's word away.
pub(super) fn check_frames(checked: Option<&Body>, declared: &Payload) -> Result<(), Refusal> {
    match checked.filter(|body| body.is_framed()) {
        Some(body) if !declared.is_streaming() || framing(declared) != body.framing => {
            Err(Refusal::UndeclaredFrames)
        }
        _ => Ok(()),
    }
}
