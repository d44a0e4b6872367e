//! Requests about a multipart upload go to the origin that has it (`s3_sticky_uploads`).

use std::borrow::Cow;
use std::rc::Rc;

use nginx::upstream::{PeerChoice, Peers, UpstreamId};
use nginx::{Level, Request};
use s3::addressing::bucket_of;
use s3::upload_id::with_upload_id;
use s3::{ErrorCode, OriginTag, S3Error, UploadRequest};

use crate::S3Signature;
use crate::conf::MainConf;
use crate::conf::location::Resign;
use crate::conf::sticky_uploads::StickyUploads;
use crate::ctx;
use crate::ctx::upload::{NamedUpload, StickyUpload};

/// Which peers may get the request with this head, which is in the clients' words.
pub(super) fn choice(r: Request<'_>, upstream: UpstreamId, head: &[u8]) -> PeerChoice {
    let Some(main) = r.main_conf::<S3Signature>() else { return PeerChoice::All };
    let Some(sticky) = main.sticky_uploads.get(&upstream) else { return PeerChoice::All };
    choice_of_sticky(r, main, sticky, upstream, head)
}

/// The same where uploads stay with their origins.
#[inline(never)]
fn choice_of_sticky(
    r: Request<'_>,
    main: &MainConf,
    sticky: &StickyUploads,
    upstream: UpstreamId,
    head: &[u8],
) -> PeerChoice {
    let mut words = head.split(|&byte| byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let Some(request) = UploadRequest::of(method, target) else { return PeerChoice::All };
    let Some(ctx) = ctx::of(r) else { return PeerChoice::Refused };

    let keys = sticky.keys.current();
    let bucket = bucket_of(target);
    let named = request.id.map(|id| {
        let upload = keys.read(&bucket, &id)?;
        Ok(upload.map(|upload| NamedUpload { origin: upload.origin, id: upload.id.to_vec() }))
    });
    let named = match named.transpose() {
        Ok(named) => named.flatten(),
        Err(s3::UnknownUploadId) => {
            r.log(Level::Error, format_args!("s3: refused: its upload id is none of ours"));
            ctx.response.error.replace(Some(S3Error::new(ErrorCode::NoSuchUpload)));
            return PeerChoice::Refused;
        }
    };
    let choice = named.as_ref().map_or(PeerChoice::All, |named| {
        PeerChoice::Some(usable_peers(r, main, upstream, named.origin))
    });
    // An upload that was begun without us is called as its origin calls it, to its end.
    if named.is_some() || request.asks_for_ids {
        let upload = StickyUpload { keys, bucket, named };
        ctx.upstream.upload.replace(Some(Rc::new(upload)));
    }
    choice
}

/// How many peers in use are that origin.
fn usable_peers(r: Request<'_>, main: &MainConf, upstream: UpstreamId, origin: OriginTag) -> usize {
    // Where the configuration names the origin, each peer is that one.
    let named = match r.location_conf::<S3Signature>().and_then(|conf| conf.resign()) {
        Some(Resign::Origin(named)) => Some(named),
        Some(Resign::Variable(value)) => value.value(r).and_then(|name| main.origin(name)),
        _ => None,
    };
    if named.is_some_and(|named| named.tag != origin) {
        return 0;
    }
    let Some(peers) = Peers::of_request::<S3Signature>(r, upstream) else { return 0 };
    let mut copies = Vec::new();
    peers.copy(&mut copies);
    let origins = main.upstreams.get(&upstream);
    let usable = copies.iter().filter(|peer| !(peer.is_off || peer.is_marked || peer.has_failed));
    usable
        .filter(|peer| {
            let known = || origins.and_then(|origins| origins.origin_of(peer));
            named.is_some() || known().is_none_or(|known| known.tag == origin)
        })
        .count()
}

/// The upload that the request is about, where that stays with its origin.
pub(super) fn of_request(r: Request<'_>) -> Option<Rc<StickyUpload>> {
    ctx::existing(r)?.upstream.upload.borrow().as_ref().map(Rc::clone)
}

/// The target with the origin's own id of the upload.
pub(super) fn target_at_origin<'a>(upload: &StickyUpload, target: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    match &upload.named {
        Some(named) => Cow::Owned(with_upload_id(&target, &named.id)),
        None => target,
    }
}

/// What the client gets where nginx has an error of its own, since the origin does not answer: no other one has the upload.
pub(super) fn error_of_origin(upload: &StickyUpload) -> Option<S3Error> {
    let message = "The origin that has this upload is out of order. Please try again.";
    upload.named.as_ref().map(|_| S3Error::service_unavailable().with_message(message))
}

/// Called where the balancer has no peer; false where that is nothing to do with an upload.
pub(super) fn has_no_peer(r: Request<'_>) -> bool {
    let error = of_request(r).as_deref().and_then(error_of_origin);
    let Some((ctx, error)) = ctx::existing(r).zip(error) else { return false };
    r.log(Level::Error, format_args!("s3: the origin that has this upload is out of order"));
    ctx.response.error.replace(Some(error));
    true
}
