//! A body that was read before the access phase: it is checked where it lies.

use nginx::Request;
use nginx::kept_body::Kept;
use nginx::stored_body::{self, FAILED, Rewritten};
use s3::S3Error;
use sigv4::aws_chunked::Sink;

use crate::S3Signature;
use crate::ctx::body::Body;
use crate::request_body::refusal;

/// Goes on with a body that is stored: true when all of it is proven, and false when there is more. What takes its place is what
/// the filter lets through of one that streams.
///
/// # Errors
///
/// What is wrong with it. Nothing of it is left then, if it has been changed.
pub(crate) fn go_on(r: Request<'_>, body: &mut Body) -> Result<bool, S3Error> {
    let changes_bytes = body.changes_bytes();
    let mut fault = None;
    let result = stored_body::advance::<S3Signature>(r, |input, last, out| {
        body.push(input, last, &mut InPlace(out)).map_err(|error| {
            fault = Some(error);
            FAILED
        })
    });
    if matches!(result, Ok(true)) {
        body.kept = Some(Kept::of(r));
    }
    result.map_err(|_| {
        let error = match fault {
            Some(error) => refusal(r, &error, &body.access_key),
            None => S3Error::internal_error(),
        };
        if changes_bytes {
            stored_body::discard(r);
        }
        error
    })
}

/// What takes the place of the bytes, as sigv4 gives it.
struct InPlace<'o, 'b>(&'o mut Rewritten<'b>);

impl Sink for InPlace<'_, '_> {
    fn borrowed(&mut self, bytes: &[u8]) {
        self.0.borrowed(bytes);
    }

    fn copied(&mut self, bytes: &[u8]) {
        self.0.copied(bytes);
    }
}
