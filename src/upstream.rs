//! Signing: what proxy_pass serialized, for the peer that the balancer picked.

mod addressed;
mod origin_body;
mod refusal;
mod uploads;

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use ::status::Timing;
use nginx::Request;
use nginx::upstream::guard::UpstreamGuard;
use nginx::upstream::{
    Peer, PeerChoice, PeerHooks, PreparedHead, SentBody, UpstreamId, output, process_header,
};
use s3::{Access, AddressingError, Denied, Operation, Reserved};
use sigv4::aws_chunked::Resigner;
use sigv4::request_head::{HeadError, HeadLines, parse_next};
use sigv4::{Header, OriginBody, OriginRequest, Permit, check_lines, in_client_spelling};

use self::addressed::Addressed;
use self::origin_body::{ChunkSignatures, check_frames, check_length, origin_body};
use self::refusal::{Refusal, refuse};
use crate::S3Signature;
use crate::answer;
use crate::cache;
use crate::conf::location::{Resign, Verify};
use crate::conf::origin::Origin;
use crate::ctx;
use crate::ctx::body::Body;
use crate::probes;
use crate::status;
use crate::worker::{self, Worker};

/// What an answer may be compressed in.
const ACCEPT_ENCODING: &str = "accept-encoding";

impl PeerHooks for S3Signature {
    /// Whether requests of this location are signed.
    fn prepares(r: Request<'_>) -> bool {
        let conf = r.location_conf::<S3Signature>();
        conf.is_some_and(|conf| conf.resign().is_some())
    }

    fn choice(r: Request<'_>, upstream: UpstreamId, head: &[u8]) -> PeerChoice {
        uploads::choice(r, upstream, head)
    }

    fn accepts(r: Request<'_>, peer: &Peer<'_>) -> bool {
        let upload = uploads::of_request(r);
        origin_for(r, peer)
            .is_ok_and(|origin| upload.is_none_or(|upload| upload.may_go_to(&origin)))
    }

    fn prepare<'r>(
        r: Request<'r>,
        peer: &Peer<'_>,
        head: &[u8],
        body: SentBody,
    ) -> PreparedHead<'r> {
        sign(r, peer, head, body)
    }

    fn has_no_peer(r: Request<'_>, upstream: UpstreamId) {
        if !uploads::has_no_peer(r) {
            probes::no_peer(r, upstream);
        }
    }

    fn refuse_headless(r: Request<'_>) {
        refuse(r, &Refusal::NoHead);
    }

    fn left_peer(r: Request<'_>, failed: bool) {
        if failed {
            status::attempt_failed(r);
        }
        if let Some(ctx) = ctx::existing(r) {
            ctx.upstream.key_check.take();
        }
    }
}

impl UpstreamGuard for S3Signature {
    const VARIABLE: &'static str = "$s3_resign_local_address";
    const NOWHERE: &'static str = "(refused by s3_resign)";

    /// Stops a request whose host nginx would resolve by itself, past every peer hook.
    fn refuse_unknown_host(r: Request<'_>, host: &[u8]) {
        refuse(r, &Refusal::UnknownHost { host: host.escape_ascii().to_string() });
    }
}

/// Signs `head`, as proxy_pass serialized it, for `peer`.
///
/// Where the request must not be sent, the answer is in the context, the reason in the error log.
fn sign<'r>(r: Request<'r>, peer: &Peer<'_>, head: &[u8], sent: SentBody) -> PreparedHead<'r> {
    let result = status::timed(r, Timing::Sign, || try_sign(r, peer, head, sent));
    match &result {
        Ok(_) => {
            let origin = ctx::existing(r).map(|ctx| ctx.upstream.origin.borrow());
            status::attempt(r, peer, origin.as_ref().and_then(|it| it.as_deref()).map(name));
        }
        // To nginx it is an attempt that has failed.
        Err(Refusal::KeyEnded { origin, .. }) => status::attempt(r, peer, Some(origin)),
        Err(_) => status::attempt(r, peer, None),
    }
    match result {
        Ok(signed) => PreparedHead::Ready(signed),
        Err(refusal) => {
            refuse(r, &refusal);
            match refusal {
                Refusal::KeyEnded { .. } => PreparedHead::NextPeer,
                _ => PreparedHead::Refused,
            }
        }
    }
}

fn pair<'a>(header: Header<'a>) -> (&'a [u8], &'a [u8]) {
    (header.name, header.value)
}

fn name(origin: &Origin) -> &str {
    &origin.name
}

fn try_sign<'r>(
    r: Request<'r>,
    peer: &Peer<'_>,
    head: &[u8],
    sent: SentBody,
) -> Result<&'r [u8], Refusal> {
    crate::fault::inject(r, "sign");
    // A subrequest (slice, mirror, background update) is sent on behalf of the request that was let in.
    let main = r.main();
    let main_ctx = ctx::existing(main);
    let admitted = main_ctx.and_then(|ctx| ctx.access.admission.get());
    let root = admitted.and_then(|admission| admission.root.as_ref());
    let permit = match admitted {
        Some(admission) => admission.permit.clone(),
        // nginx runs no access phase for subrequests, so the word of their own location counts as it would there.
        None if !r.is_main() && verify_is_off(r) => Permit::verify_off(),
        None => return Err(Refusal::NotAdmitted),
    };
    if root.is_some_and(|root| cache::is_shared(r, root)) {
        return Err(Refusal::SharedCache);
    }
    let origin = origin_for(r, peer)?;
    let Some(now) = worker::now(r) else { return Err(Refusal::Clock) };
    let key = origin.key.current();
    if let Some(reason) = key.ended(now.unix()) {
        return Err(Refusal::KeyEnded { origin: origin.name.clone(), reason });
    }

    let mut lines = HeadLines::new();
    let parsed = worker::with(|worker| parse_next(head, &mut lines, &mut worker.names));
    let (head, body) = parsed.map_err(Refusal::Head)?;
    // Before anything is believed of the head: `$uri` in a header's value may have made more headers of it.
    check_lines(&head, body, r.target()).map_err(Refusal::Sign)?;
    // nginx may have decoded and escaped it anew: `rewrite`, `try_files`, `proxy_pass` with a URI, subrequests.
    let target = in_client_spelling(head.target(), r.target()).map_err(Refusal::Sign)?;
    let upload = uploads::of_request(r);
    let target = match &upload {
        Some(upload) if !upload.may_go_to(&origin) => return Err(Refusal::OtherOrigin),
        Some(upload) => uploads::target_at_origin(upload, target),
        None => target,
    };
    let with_target;
    let head = match &target {
        Cow::Borrowed(_) => &head,
        Cow::Owned(target) => {
            with_target = head.with_target(target).ok_or(Refusal::Head(HeadError::Target))?;
            &with_target
        }
    };

    let body_of_main = main_ctx.map(|ctx| ctx.body.check.borrow());
    let checked = body_of_main.as_ref().and_then(|body| body.as_deref());
    let origin_body = origin_body(r, checked, body, sent, head.method())?;
    let goes_as_it_came = matches!(origin_body, OriginBody::AsSent);
    if goes_as_it_came {
        check_length(r, head, sent)?;
    }
    let is_rooted = checked.is_some_and(|body| body.rooted.is_some() && !body.is_replaced(main))
        && body.is_empty()
        && matches!(sent, SentBody::OfClient | SentBody::None);

    let Some(ctx) = ctx::of(r) else { return Err(Refusal::Memory) };
    let (placed, chunk_chain) = worker::with(|Worker { buffers, head: signed, .. }| {
        let addressed = Addressed::of(head, &origin, root, buffers)?;
        let addressed = addressed.as_deref();
        let replaced = addressed.map(Addressed::headers).unwrap_or_default();
        let with_target;
        let head = match addressed {
            None => head,
            Some(addressed) => {
                with_target = head
                    .with_target(&addressed.target)
                    .and_then(|head| head.with_replaced(&replaced))
                    .ok_or(Refusal::Head(HeadError::Target))?;
                &with_target
            }
        };
        let in_host = addressed.and_then(|addressed| addressed.authority.as_deref());
        let request = OriginRequest {
            head,
            permit: &permit,
            authority: in_host.unwrap_or(origin.endpoint.authority().as_bytes()),
            credential: &key.credential,
            body: &origin_body,
            now,
        };
        let resigned = sigv4::resign(&request, buffers, signed).map_err(Refusal::Sign)?;
        if goes_as_it_came {
            check_frames(checked, &resigned.payload())?;
        }
        let target = resigned.target();
        // The access phase has seen the client's target; this one may be rewritten, or anybody's. Of the headers, those count that
        // name another object.
        let headers = head.sources().map(pair).chain(target.hoisted());
        let (method, path, query) = (head.method(), target.path(), target.query());
        let access = match addressed {
            None => Access::new(method, path, query, headers),
            Some(addressed) => {
                let kept = headers.filter(|(name, _)| !addressed.replaces(name));
                let own = replaced.iter().copied().map(pair);
                Access::new(method, path, query, kept.chain(own))
            }
        };
        let in_host = addressed.and_then(|addressed| addressed.bucket_in_host.as_deref());
        match access.reserved_at(&origin.addressing, in_host) {
            // In the origin's words it is not what the access phase has judged.
            Some(Reserved::AdminApi) if addressed.is_none() && opens_admin_api(main) => {}
            Some(reserved) => return Err(Refusal::Reserved(reserved)),
            None => {}
        }
        if addressed.is_some_and(|addressed| !addressed.covers(&origin.addressing, target)) {
            return Err(Refusal::Addressing(AddressingError::SourceUnclear));
        }
        let below = root.map(|root| answer::is_below(root, &access, &origin, in_host));
        match below {
            Some((operation, false)) => {
                return Err(Refusal::Root(Denied::NotBelowRoot(operation)));
            }
            // In its body are keys.
            Some((Operation::DeleteObjects, true)) if !is_rooted => {
                return Err(Refusal::Root(Denied::NotBelowRoot(Operation::DeleteObjects)));
            }
            _ => {}
        }
        let is_renamed = root.is_some() || upload.is_some() || answer::renames(&origin);
        let operation = answer::operation(&access, &origin, in_host, is_renamed);
        let wants_identity =
            |operation| answer::wants_identity(main, operation, &origin, upload.is_some());
        if operation.is_some_and(wants_identity) {
            sigv4::remove_unsigned(signed, ACCEPT_ENCODING);
        }
        // `proxy_set_body` puts the body behind the head, into the same buffer.
        signed.extend_from_slice(body);
        let Some(placed) = r.allocate_copy(signed) else { return Err(Refusal::Memory) };
        let in_host = addressed.and_then(|addressed| addressed.bucket_in_host.as_ref());
        put(&ctx.upstream.bucket_in_host, in_host.cloned());
        ctx.upstream.operation.set(operation);
        // In a box: it is large, and of downloads there is none.
        Ok((placed, resigned.chunk_chain().map(Box::new)))
    })?;
    if root.is_some() {
        // By a name of the client's, which is another object to others.
        r.do_not_store();
    }
    match (chunk_chain, checked.and_then(Body::signed_frames)) {
        (Some(chain), Some(framing)) => {
            let signatures = ChunkSignatures(Resigner::new(framing, *chain));
            output::install::<S3Signature, _>(r, signatures);
        }
        (Some(_), None) => return Err(Refusal::UnprovenBody),
        (None, _) => output::remove::<S3Signature>(r),
    }
    if matches!(origin_body, OriginBody::Unwrapped(_)) {
        output::send_plain(r);
    }
    ctx.upstream.origin.replace(Some(origin));
    ctx.upstream.key.replace(Some(key));
    // What an earlier attempt has left; or what nginx's own error is to be.
    put(&ctx.response.error, upload.as_deref().and_then(uploads::error_of_origin));
    put(&ctx.upstream.reading, None);
    ctx.upstream.sends_head.set(head.method() == b"HEAD");
    process_header::watch::<S3Signature>(r);
    Ok(placed)
}

/// Puts a value in the place of the one of an earlier attempt. Nearly always there is neither, and nothing is moved.
#[inline]
fn put<T>(cell: &RefCell<Option<T>>, value: Option<T>) {
    if value.is_some() || cell.borrow().is_some() {
        cell.replace(value);
    }
}

/// Whether the keys of the location that let the request in may use interfaces that are not S3's.
fn opens_admin_api(main: Request<'_>) -> bool {
    let conf = main.location_conf::<S3Signature>();
    conf.is_some_and(
        |conf| matches!(conf.verify(), Some(Verify::Clients(clients)) if clients.admin_api),
    )
}

fn verify_is_off(r: Request<'_>) -> bool {
    let conf = r.location_conf::<S3Signature>();
    conf.is_some_and(|conf| matches!(conf.verify(), Some(Verify::Off)))
}

/// The origin that the request is signed for.
fn origin_for(r: Request<'_>, peer: &Peer<'_>) -> Result<Rc<Origin>, Refusal> {
    let (Some(conf), Some(main)) = (r.location_conf::<S3Signature>(), r.main_conf::<S3Signature>())
    else {
        return Err(Refusal::NotConfigured);
    };
    match conf.resign() {
        Some(Resign::ByPeer) => {
            let peers = main.upstreams.get(&peer.upstream);
            let origin = peers.and_then(|peers| peers.origin(peer));
            origin.cloned().ok_or_else(|| Refusal::no_origin(peer.name))
        }
        Some(Resign::Origin(origin)) => Ok(Rc::clone(origin)),
        Some(Resign::Variable(value)) => {
            let name = value.value(r).ok_or(Refusal::Memory)?;
            let origin = main.origin(name).cloned();
            origin.ok_or_else(|| Refusal::unknown_origin(name))
        }
        Some(Resign::Named(_) | Resign::Off) | None => Err(Refusal::NotConfigured),
    }
}
