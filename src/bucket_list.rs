//! ListBuckets of a client whose grants name each of its buckets: answered here, no origin is asked.

use std::io::Write;

use nginx::Request;
use nginx::content::{self, BodyWriter, Content, ContentHandler};

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
    fn answer<'r>(r: Request<'r>) -> Result<Content<'r>, u16> {
        with_list(r).ok_or(500)
    }
}

fn with_list(r: Request<'_>) -> Option<Content<'_>> {
    let ctx = ctx::existing(r)?;
    // It stays, for the header filter.
    let list = ctx.response.bucket_list.borrow();
    let document = list.as_ref()?;
    let id = ctx.response.request_id.get_or_init(RequestId::new);
    let is_marked = id.add_to(r);
    let mut body = BodyWriter::new(r);
    body.write_all(document).ok()?;
    is_marked.then_some(Content { content_type: "application/xml", headers: &[], body })
}
