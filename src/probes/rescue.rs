//! Requests that wait for a peer that has gone down leave it.

use nginx::Level;
use nginx::upstream::{Attempt, PeerId, UpstreamId, attempt};
use s3::S3Error;

use crate::ctx;

/// An upload of which nothing more went out for so long, in milliseconds, waits. One that goes on may well end well: a probe
/// can be late because uploads fill the line.
const STANDSTILL: u64 = 300;

/// Lets go of what waits at one of these peers.
pub(super) fn all(down: &[(UpstreamId, PeerId)], now: u64) {
    attempt::for_each(|attempt| {
        if down.contains(&(attempt.upstream(), attempt.peer())) {
            one(attempt, now);
        }
    });
}

fn one(attempt: &Attempt<'_>, now: u64) {
    // What has begun to answer goes on; a client cannot be given another beginning.
    if attempt.is_answering() {
        return;
    }
    if attempt.is_sent() && attempt.is_unbuffered() {
        // Its body is gone, so that no other peer can have it: the client must send it anew.
        if attempt.stands_still(now) >= STANDSTILL {
            end(attempt);
        }
        return;
    }
    // Such a one may be slow on a peer that is well (CompleteMultipartUpload), and must not be done twice.
    let stays = attempt.is_sent() && attempt.is_non_idempotent();
    if !stays && attempt.has_more_tries() {
        attempt.give_up();
    }
}

/// Ends an upload, with an answer after which clients try again.
fn end(attempt: &Attempt<'_>) {
    let Some(request) = attempt.request() else { return };
    if let Some(ctx) = ctx::of(request) {
        let error = S3Error::for_status(503)
            .with_message("The origin went out of order while it took the body. Please try again.");
        ctx.response.error.replace(Some(error));
    }
    request.log(Level::Error, format_args!("s3: an upload is given up, its origin is down"));
    attempt.give_up();
}
