//! The code of an origin's error, for the counters: of a set with a bound, for an origin may say anything.

use nginx::Request;
use s3::origin_error::{code_in, is_code_header, known_code};

use crate::ctx::Ctx;
use crate::status::is_on;

/// Looks for the code in the header of an origin's answer, and sees to it that it is looked for in the body.
pub(crate) fn look_for_code(r: Request<'_>, ctx: &Ctx) {
    if r.upstream_status().is_none_or(|status| status < 400) || !is_on(r) {
        return;
    }
    let in_header = r.response_headers().find(|(name, _)| is_code_header(name));
    ctx.status.origin_code.set(in_header.map(|(_, code)| known_code(code)));
    ctx.status.awaits_code.set(in_header.is_none() && !r.is_header_only());
}

/// Looks for it in the beginning of the body: S3's documents have it there, in less than any buffer holds.
pub(crate) fn read_code(ctx: &Ctx, bytes: &[u8]) {
    if !bytes.is_empty() {
        ctx.status.awaits_code.set(false);
        ctx.status.origin_code.set(code_in(bytes).map(known_code));
    }
}
