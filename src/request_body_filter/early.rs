//! A body that was read, discarded or replaced by others, before the access phase or after it.

use s3::S3Error;
use sigv4::aws_chunked::Forward;

use super::{Body, announces_body, refusal};
use crate::conf::location::LocationConf;
use crate::ctx::{self, Ctx};
use crate::ffi::log::Level;
use crate::ffi::request::Request;
use crate::ffi::request_body;
use crate::ffi::stored_body::{self, Kept, StoredBody};

impl Body {
    /// Whether the body lies here already, and no filter is called for it: it is to be checked in its place.
    pub(crate) fn is_stored(r: &Request) -> bool {
        request_body::was_read(r) && announces_body(r)
    }

    /// Goes on with a body that is stored: true when all of it is proven, and false when there is more. What takes its place
    /// is what the filter lets through of one that streams.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Nothing of it is left then, if it has been changed.
    pub(crate) fn check_stored(
        &mut self,
        r: &Request,
        stored: &mut StoredBody,
    ) -> Result<bool, S3Error> {
        let changes_bytes = self.changes_bytes();
        let Body { filter, access_key, .. } = self;
        let mut fault = None;
        let result = stored.advance(r, |input, last, out| {
            filter.push(input, last, out).map(|_| ()).map_err(|error| {
                fault = Some(error);
                0
            })
        });
        if matches!(result, Ok(true)) {
            self.kept = Some(Kept::of(r));
        }
        result.map_err(|_| {
            let error = match fault {
                Some(error) => refusal(r, &error, access_key),
                None => S3Error::internal_error(),
            };
            if changes_bytes {
                stored_body::discard(r);
            }
            error
        })
    }

    /// Whether what lies there to be sent was put there after what was let through, or in its place. Of a body that streams
    /// nothing lies there.
    pub(crate) fn is_replaced(&self, r: &Request) -> bool {
        !request_body::streams(r) && self.kept != Some(Kept::of(r))
    }

    /// Whether what goes on is no longer what could be checked: signatures are replaced, or frames are taken off. (A trailer
    /// line of an unsigned body may end in other characters, which is as good.)
    fn changes_bytes(&self) -> bool {
        match self.forward {
            Forward::AsSent => false,
            Forward::Frames => self.framing.is_some(),
            Forward::Unwrap => self.chunked,
        }
    }
}

/// A request that stores something leaves with the body that its client sent, or not at all: what nginx has thrown away by now
/// would leave an empty object where the payload is unsigned.
pub(super) fn must_be_whole(r: &Request, conf: &LocationConf) -> Result<(), S3Error> {
    // A page that `error_page` names is asked for by GET, whatever came of the body (ngx_http_internal_redirect).
    let may_store = !matches!(r.method(), b"GET" | b"HEAD");
    if conf.resign().is_none() || !may_store || request_body::is_whole(r) {
        return Ok(());
    }
    r.log(
        Level::Error,
        format_args!(
            "s3: refused: the body was discarded, or sent elsewhere, before this location"
        ),
    );
    Err(S3Error::service_unavailable()
        .with_message("The body of the request is no longer there. Please send it again."))
}

/// Whether a body that was read before can be checked where it lies: it is whole, and as the client sent it.
pub(super) fn fit_to_check(r: &Request) -> Result<(), S3Error> {
    let changed = |ctx: &Ctx| ctx.body.borrow().as_deref().is_some_and(Body::changes_bytes);
    if ctx::earlier(r).any(changed) {
        r.log(
            Level::Error,
            format_args!("s3: refused: the body was changed on its way to another origin"),
        );
        return Err(S3Error::service_unavailable()
            .with_message("The body of the request cannot be used again. Please send it again."));
    }
    if request_body::is_whole(r) {
        return Ok(());
    }
    r.log(Level::Error, format_args!("s3: refused: the body was read in part, or discarded"));
    Err(S3Error::service_unavailable()
        .with_message("The body of the request is no longer there. Please send it again."))
}
