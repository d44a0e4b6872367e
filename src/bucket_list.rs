//! ListBuckets of a client whose grants name each of its buckets: answered here, no origin is asked.

use nginx::Request;
use nginx::content::{self, ContentHandler};
use nginx::phase::PhaseAnswer;

use crate::ctx::{self, Ctx};
use crate::request_id::RequestId;

/// Has the request answered with this list, in the place of what its location would do. Not at once: whatever else has a say in
/// the access phase and behind it (`auth_request`, `access_by_lua`, `mirror`) keeps it.
pub(crate) fn answer(r: Request<'_>, ctx: &Ctx, document: Vec<u8>) {
    ctx.response.bucket_list.replace(Some(document));
    content::take::<BucketList>(r);
}

struct BucketList;

impl ContentHandler for BucketList {
    fn answer(r: Request<'_>) -> Option<PhaseAnswer<'_>> {
        let ctx = ctx::existing(r)?;
        let document = ctx.response.bucket_list.take()?;
        let id = ctx.response.request_id.get_or_init(RequestId::new);
        let id = r.allocate_copy(id.as_bytes())?;
        let body = r.allocate_copy(&document)?;
        let is_marked = r.add_header(b"x-amz-request-id", id) && r.add_header(b"x-amz-id-2", id);
        is_marked.then_some(PhaseAnswer { status: 200, content_type: b"application/xml", body })
    }
}
