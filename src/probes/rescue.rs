//! Requests that wait for a peer that has gone down leave it.

use nginx::upstream::{Attempt, PeerId, UpstreamId, attempt};
use nginx::{Level, Request};
use s3::S3Error;

use crate::ctx;
use crate::probes::state;

/// An upload of which nothing more went out for so long, in milliseconds, waits. One that goes on may well end well: a probe
/// can be late because uploads fill the line.
const STANDSTILL: u64 = 300;

/// Lets go of what waits at one of these peers. In the upstreams of `refusing` nobody else is there to be asked.
pub(super) fn all(down: &[(UpstreamId, PeerId)], refusing: &[UpstreamId], now: u64) {
    attempt::for_each(|attempt| {
        if down.contains(&(attempt.upstream(), attempt.peer())) {
            one(attempt, refusing.contains(&attempt.upstream()), now);
        }
    });
}

fn one(attempt: &Attempt<'_>, is_refusing: bool, now: u64) {
    // What has begun to answer goes on; a client cannot be given another beginning.
    if attempt.is_answering() {
        return;
    }
    if attempt.is_sent() && attempt.is_unbuffered() {
        // Its body is gone, so that no other peer can have it: the client must send it anew.
        if attempt.stands_still(now) >= STANDSTILL {
            end(attempt, "an upload is given up, its origin is down", UNFINISHED_UPLOAD);
        }
        return;
    }
    // Such a one may be slow on a peer that is well (CompleteMultipartUpload), and must not be done twice.
    let stays = attempt.is_sent() && attempt.is_non_idempotent();
    if stays {
        return;
    }
    if is_refusing {
        end(attempt, "a request is given up, all origins are down", NO_ORIGIN);
    } else if attempt.has_more_tries() {
        attempt.give_up();
    } else if let Some(request) = attempt.request().filter(|request| names_upload(*request)) {
        // The answer is there since it was signed (`uploads::error_of_origin`).
        request.log(
            Level::Error,
            format_args!("s3: a request is given up, the origin of its upload is down"),
        );
        attempt.give_up_for_good();
    }
}

/// Whether it is about a multipart upload that no other origin has.
fn names_upload(request: Request<'_>) -> bool {
    ctx::existing(request).is_some_and(|ctx| ctx.upstream.names_upload())
}

const UNFINISHED_UPLOAD: &str =
    "The origin went out of order while it took the body. Please try again.";
const NO_ORIGIN: &str = "No origin is in order. Please try again.";

/// Ends a request, with an answer after which clients try again.
fn end(attempt: &Attempt<'_>, why: &str, message: &'static str) {
    let Some(request) = attempt.request() else { return };
    answer(request, message);
    request.log(Level::Error, format_args!("s3: {why}"));
    attempt.give_up_for_good();
}

/// Called where the balancer has no peer for a request.
pub(crate) fn no_peer(request: Request<'_>, upstream: UpstreamId) {
    if state::is_refusing(upstream) {
        answer(request, NO_ORIGIN);
    }
}

/// What the client gets in the place of nginx's own error.
fn answer(request: Request<'_>, message: &'static str) {
    if let Some(ctx) = ctx::of(request) {
        ctx.response.error.replace(Some(S3Error::for_status(503).with_message(message)));
    }
}
