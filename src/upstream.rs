//! Signing: what proxy_pass serialized, for the peer that the balancer picked.

use std::fmt;
use std::rc::Rc;

use s3::{Access, Reserved, S3Error};
use sigv4::aws_chunked::Resigner;
use sigv4::request_head::{HeadError, HeadLines};
use sigv4::{OriginBody, OriginRequest, OtherBody, Permit, ResignError, in_client_spelling};

use crate::conf::location::{LocationConf, Resign, Verify};
use crate::conf::origin::Origin;
use crate::conf::{MainConf, upstreams};
use crate::ctx;
use crate::ffi::log::Level;
use crate::ffi::peer::{OriginalInit, Peer, UpstreamId};
use crate::ffi::request::Request;
use crate::ffi::resolved_host::{GuardId, UsersBind};
use crate::ffi::sent_body::{self, SentBody};
use crate::ffi::upstream_output;
use crate::request_body_filter::Body;
use crate::worker::{self, Worker};

/// Why a request may not leave. It would leave unsigned, or signed for somebody else.
#[derive(Debug)]
enum Refusal {
    /// nginx's clock is outside of the years that a signature can name.
    Clock,
    /// The head is not HTTP/1.x: another protocol's content handler, or something that no parser should guess at.
    Head(HeadError),
    /// Nobody let the request in: the location has no `s3_verify`, or `satisfy any` was met by something else.
    NotAdmitted,
    /// No `s3_origin` is at the peer.
    NoOrigin { peer: String },
    /// The configuration or memory is missing.
    Internal,
    /// It asks for something that is not S3's, in the origin's own words.
    Reserved(Reserved),
    /// The head cannot be signed.
    Sign(ResignError),
    /// `proxy_pass` has a variable, and its value names no `upstream`.
    UnknownHost { host: String },
    /// Another body than the client's has the client's aws-chunked frames in it.
    QuotedFrames,
    /// A body stands behind the head, and another one follows.
    TwoBodies,
    /// The client's body was not read, or is being read: an object that is none, or a piece of one, would be stored.
    UnreadBody,
    /// The head announces signed chunks, and nothing has proven them.
    UnprovenBody,
    /// The value of `s3_resign`'s variable names no `s3_origin`.
    UnknownOrigin { name: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Clock => f.write_str("the clock is wrong"),
            Refusal::Head(error) => write!(f, "the upstream request is not HTTP/1.x: {error}"),
            Refusal::NotAdmitted => f.write_str("\"s3_verify\" has not let it in"),
            Refusal::NoOrigin { peer } => write!(f, "no s3_origin has the endpoint of peer {peer}"),
            Refusal::Internal => f.write_str("out of memory"),
            Refusal::Reserved(Reserved::AdminApi) => {
                f.write_str("an administration interface is no bucket")
            }
            Refusal::Reserved(Reserved::CreateSession) => {
                f.write_str("CreateSession hands out a credential of the origin")
            }
            Refusal::Sign(error) => error.fmt(f),
            Refusal::UnknownHost { host } => {
                write!(f, "proxy_pass to \"{host}\", which is no upstream of the configuration")
            }
            Refusal::QuotedFrames => {
                f.write_str("its body would be the client's aws-chunked frames")
            }
            Refusal::TwoBodies => f.write_str("a body follows that of \"proxy_set_body\""),
            Refusal::UnreadBody => f.write_str("the client's body was not read whole"),
            Refusal::UnprovenBody => {
                f.write_str("it announces signed chunks that were not verified")
            }
            Refusal::UnknownOrigin { name } => write!(f, "s3_resign \"{name}\" is no s3_origin"),
        }
    }
}

/// Whether requests of this location are signed.
pub(crate) fn signs(r: &Request) -> bool {
    let conf = r.location_conf::<LocationConf>(crate::module());
    conf.is_some_and(|conf| conf.resign().is_some())
}

/// The `peer.init` that was there before ours.
pub(crate) fn original_init(r: &Request, upstream: UpstreamId) -> Option<OriginalInit> {
    Some(peers(r, upstream)?.init)
}

fn peers(r: &Request, upstream: UpstreamId) -> Option<&'static upstreams::Peers> {
    r.main_conf::<MainConf>(crate::module())?.upstreams.get(&upstream)
}

/// Signs `head`, as proxy_pass serialized it, for `peer`, and gives it to `place`. Called for the first peer and for each
/// next one, always with the pristine head.
///
/// None where the request must not be sent: the answer is in the context, the reason in the error log.
pub(crate) fn sign<T>(
    r: &Request,
    peer: &Peer<'_>,
    head: &[u8],
    sent: SentBody,
    place: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    match try_sign(r, peer, head, sent, place) {
        Ok(placed) => Some(placed),
        Err(refusal) => {
            refuse(r, &refusal);
            None
        }
    }
}

fn try_sign<T>(
    r: &Request,
    peer: &Peer<'_>,
    head: &[u8],
    sent: SentBody,
    place: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, Refusal> {
    crate::fault::inject(r, "sign");
    // A subrequest (slice, mirror, background update) is sent on behalf of the request that was let in.
    let main = r.main();
    let main_ctx = ctx::existing(&main);
    let admitted = main_ctx.and_then(|ctx| ctx.admission.get());
    let permit = match admitted {
        Some(admission) => admission.permit.clone(),
        // nginx runs no access phase for subrequests, so the word of their own location counts as it would there.
        None if !r.is_main() && verify_is_off(r) => Permit::verify_off(),
        None => return Err(Refusal::NotAdmitted),
    };
    let origin = origin_for(r, peer)?;
    let now = worker::now(r).ok_or(Refusal::Clock)?;

    let mut lines = HeadLines::new();
    let (head, body) = sigv4::request_head::parse(head, &mut lines).map_err(Refusal::Head)?;
    // nginx may have decoded and escaped it anew: `rewrite`, `try_files`, `proxy_pass` with a URI, subrequests.
    let target = in_client_spelling(head.target(), r.target()).map_err(Refusal::Sign)?;
    let head = head.with_target(&target).ok_or(Refusal::Head(HeadError::Target))?;

    let body_of_main = main_ctx.map(|ctx| ctx.body.borrow());
    let checked = body_of_main.as_ref().and_then(|body| body.as_deref());
    let origin_body = origin_body(r, checked, body, sent)?;

    let (placed, chunk_chain) = worker::with(|Worker { buffers, head: signed }| {
        let request = OriginRequest {
            head: &head,
            permit: &permit,
            authority: origin.endpoint.authority().as_bytes(),
            credential: &origin.credential,
            body: &origin_body,
            now,
        };
        let resigned = sigv4::resign(&request, buffers, signed).map_err(Refusal::Sign)?;
        let target = resigned.target();
        // The access phase has seen the client's target; this one may be rewritten, or anybody's.
        let headers = head.headers().map(|header| (header.name, header.value));
        let headers = headers.chain(target.hoisted());
        match Access::new(head.method(), target.path(), target.query(), headers).reserved() {
            Some(Reserved::AdminApi) if opens_admin_api(&main) => {}
            Some(reserved) => return Err(Refusal::Reserved(reserved)),
            None => {}
        }
        // `proxy_set_body` puts the body behind the head, into the same buffer.
        signed.extend_from_slice(body);
        place(signed).map(|placed| (placed, resigned.chunk_chain())).ok_or(Refusal::Internal)
    })?;
    let frames = checked.and_then(Body::signed_frames);
    let resigner = match (chunk_chain, frames) {
        (Some(chain), Some(framing)) => Some(Resigner::new(framing, chain)),
        (Some(_), None) => return Err(Refusal::UnprovenBody),
        (None, _) => None,
    };
    upstream_output::install(r, resigner);
    if matches!(origin_body, OriginBody::Unwrapped(_)) {
        upstream_output::send_plain(r);
    }
    ctx::of(r).ok_or(Refusal::Internal)?.origin.replace(Some(origin));
    Ok(placed)
}

/// What is to be said of the body that is sent: `inline`, which proxy_pass has put behind the head, or `sent`.
fn origin_body(
    r: &Request,
    checked: Option<&Body>,
    inline: &[u8],
    sent: SentBody,
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
    match sent {
        SentBody::OfClient | SentBody::None => {
            Ok(checked.and_then(Body::unwrapped).map_or(OriginBody::AsSent, OriginBody::Unwrapped))
        }
        SentBody::Withheld => Ok(OriginBody::Other(OtherBody::known(b""))),
        SentBody::Unread | SentBody::Rest => Err(Refusal::UnreadBody),
        SentBody::Other(_) if is_framed && sent_body::quotes(r) => Err(Refusal::QuotedFrames),
        SentBody::Other(length) => Ok(OriginBody::Other(OtherBody::of_length(length))),
    }
}

/// Whether the keys of the location that let the request in may use interfaces that are not S3's.
fn opens_admin_api(main: &Request) -> bool {
    let conf = main.location_conf::<LocationConf>(crate::module());
    conf.is_some_and(
        |conf| matches!(conf.verify(), Some(Verify::Clients(clients)) if clients.admin_api),
    )
}

fn verify_is_off(r: &Request) -> bool {
    let conf = r.location_conf::<LocationConf>(crate::module());
    conf.is_some_and(|conf| matches!(conf.verify(), Some(Verify::Off)))
}

/// The origin that the request is signed for.
fn origin_for(r: &Request, peer: &Peer<'_>) -> Result<Rc<Origin>, Refusal> {
    let conf = r.location_conf::<LocationConf>(crate::module()).ok_or(Refusal::Internal)?;
    match conf.resign() {
        Some(Resign::ByPeer) => {
            let origin = peers(r, peer.upstream).and_then(|peers| peers.origin(peer.address()));
            origin
                .cloned()
                .ok_or_else(|| Refusal::NoOrigin { peer: peer.name.escape_ascii().to_string() })
        }
        Some(Resign::Origin(origin)) => Ok(Rc::clone(origin)),
        Some(Resign::Variable(value)) => {
            let name = value.value(r).ok_or(Refusal::Internal)?;
            let main = r.main_conf::<MainConf>(crate::module()).ok_or(Refusal::Internal)?;
            let origin = main.origin(name).cloned();
            origin.ok_or_else(|| Refusal::UnknownOrigin { name: name.escape_ascii().to_string() })
        }
        Some(Resign::Named(_) | Resign::Off) | None => Err(Refusal::Internal),
    }
}

/// Stops a request of which nothing was serialized.
pub(crate) fn refuse_headless(r: &Request) {
    refuse(r, &Refusal::Internal);
}

/// What the user's `proxy_bind` says, where `guard` is in its place.
pub(crate) fn users_bind(r: &Request, guard: GuardId) -> Option<UsersBind> {
    r.main_conf::<MainConf>(crate::module())?.guards.get(&guard).copied()
}

/// Stops a request whose host nginx would resolve by itself, past every peer hook.
pub(crate) fn refuse_unknown_host(r: &Request, host: &[u8]) {
    refuse(r, &Refusal::UnknownHost { host: host.escape_ascii().to_string() });
}

/// Leaves the answer for `error_response`, which finds nginx's own 500 in its place.
fn refuse(r: &Request, refusal: &Refusal) {
    r.log(
        Level::Error,
        format_args!("s3: the request is not sent, it could not be signed: {refusal}"),
    );
    let error = match refusal {
        Refusal::Reserved(_) => S3Error::access_denied(),
        _ => S3Error::for_status(502)
            .with_message("The proxy could not sign the request for the origin."),
    };
    if let Some(ctx) = ctx::of(r) {
        ctx.error.replace(Some(error));
    }
}
