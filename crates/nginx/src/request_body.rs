//! The request's body: what is known of it, and what nginx will do with it.

use crate::chain::total_size;
use crate::kept_body::Kept;
use crate::request::Request;
use crate::string::bytes;

impl Request<'_> {
    /// The length that the client declared for its body; none if it declared none.
    pub fn content_length(self) -> Option<u64> {
        u64::try_from(self.read(|r| r.headers_in.content_length_n)).ok()
    }

    /// Whether the body comes with `Transfer-Encoding: chunked`, or over HTTP/2 without a length.
    pub fn is_chunked(self) -> bool {
        self.read(|r| r.headers_in.chunked()) != 0
    }

    /// Makes nginx read the whole body before the upstream gets any of it. For the request body filter's first call, which comes
    /// before nginx looks at this for the last time (ngx_http_read_client_request_body).
    pub fn buffer_whole_body(self) {
        // SAFETY: single-threaded; no reference to the structure is alive.
        unsafe { crate::request::bits::set_request_body_no_buffering(self.as_ptr(), false) };
    }

    /// Whether the body is passed on while it arrives.
    pub fn streams_body(self) -> bool {
        self.read(crate::request::bits::request_body_no_buffering)
    }

    /// Whether nothing is there of a body that the client has declared. Not to be asked of one that streams, or that a filter of
    /// the module's has emptied.
    pub(crate) fn body_is_missing(self) -> bool {
        if Kept::of(self).length() != Some(0) {
            return false;
        }
        let declared = self.declared_length() != Ok(None) && self.declared_length() != Ok(Some(0));
        let discarded = self.read(crate::request::bits::discard_body) || self.skips_data();
        match (declared, self.is_chunked()) {
            (true, _) => true,
            (false, true) => discarded || !self.body_was_read(),
            (false, false) => self.content_length().is_some_and(|length| length > 0),
        }
    }

    /// Whether the body was read, or is being read.
    pub fn body_was_read(self) -> bool {
        !self.read(|r| r.request_body).is_null()
    }

    /// Whether the body of a request in the access phase is all there, or still to come; there may be none. It is neither where
    /// nginx has thrown it away, for an answer that an `error_page` then replaced (ngx_http_discard_request_body), or where it
    /// was passed on to an upstream before.
    pub fn body_is_whole(self) -> bool {
        // What nginx leaves of the length falls while it discards; the header still says what it was.
        let length = self.content_length();
        let Ok(declared) = self.declared_length() else { return false };
        if declared.unwrap_or(0) == 0 && !self.is_chunked() {
            return true;
        }
        if self.read(crate::request::bits::discard_body) {
            return false;
        }
        // SAFETY: null or the request's own, which nothing changes during the call.
        let Some(body) = (unsafe { self.read(|r| r.request_body).as_ref() }) else {
            // Without a header the length is unknown until something has been read.
            return length == declared && !self.skips_data();
        };
        // Passed on while it arrived: what was sent is gone.
        if self.streams_body() || body.rest > 0 {
            return false;
        }
        // A chunked body's length is what has come of it.
        // SAFETY: the chain of the request's body, which nothing changes during the call.
        unsafe { total_size(body.bufs) == declared.or(length) }
    }

    /// The length that the Content-Length header states; an error where that is no number.
    fn declared_length(self) -> Result<Option<u64>, ()> {
        let header = self.read(|r| r.headers_in.content_length);
        // SAFETY: null or an element of the request's headers.
        let Some(header) = (unsafe { header.as_ref() }) else { return Ok(None) };
        // SAFETY: nginx's string, alive as long as the request.
        let value = unsafe { bytes(&header.value) };
        let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        number.map(Some).ok_or(())
    }

    /// Whether HTTP/2 drops what comes of the body: all that discarding means there.
    #[cfg(ngx_feature = "http_v2")]
    fn skips_data(self) -> bool {
        // SAFETY: null or the request's stream, which lives as long as it does.
        unsafe { self.read(|r| r.stream).as_ref() }.is_some_and(|stream| stream.skip_data() != 0)
    }

    #[cfg(not(ngx_feature = "http_v2"))]
    fn skips_data(self) -> bool {
        false
    }
}
