//! Whose body nginx will send: what follows the head in `u->request_bufs`.
//!
//! proxy_pass links the buffers of `r->request_body` behind the head, or none (`proxy_set_body`, `proxy_pass_request_body
//! off`); a subrequest has the request body of its main request, or one of its own (auth_request, a capture), and the headers
//! of its main request in any case (ngx_http_proxy_create_request, ngx_http_subrequest).

use ngx::ffi::{ngx_buf_t, ngx_chain_t};

use crate::chain::{buffers, is_in_memory, size};
use crate::request::Request;
use crate::string::span;

/// What will be sent behind the buffer of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentBody {
    /// The body that the client sent, past the module's filter.
    OfClient,
    /// None, and the client has sent none.
    None,
    /// None, though the client has declared one.
    Withheld,
    /// None, for nothing has read the client's body, or it was discarded; or the module's filter has emptied it.
    Unread,
    /// A piece of the client's body, which streams.
    Rest,
    /// Somebody else's, of that length in bytes.
    Other(u64),
}

impl SentBody {
    /// Looks at a request whose head was serialized, before it is sent: sending moves the buffers' positions.
    pub(super) fn of(r: Request<'_>) -> SentBody {
        if r.streams_body() {
            return SentBody::OfClient;
        }
        let main = r.main();
        // A head that was made anew for a next attempt: nginx takes the buffers back to their beginning after this
        // (ngx_http_upstream_reinit).
        let again = r.read_upstream(|u| u.request_sent() != 0).unwrap_or(false);
        let size_to_send = |one| if again { whole_size(one) } else { size(one) };
        let length: u64 = behind_head(r).map(size_to_send).sum();
        let own = r.read(|r| r.request_body);
        if length > 0 {
            return match std::ptr::eq(own, main.read(|r| r.request_body)) {
                true if main.streams_body() => SentBody::Rest,
                true => SentBody::OfClient,
                false => SentBody::Other(length),
            };
        }
        let is_there = main.streams_body() || client_body(main).any(|one| size(one) > 0);
        match is_there {
            true => SentBody::Withheld,
            false if !main.body_is_missing() => SentBody::None,
            // Its body was not read yet, or is another one's.
            false if !r.is_main() => SentBody::Withheld,
            false => SentBody::Unread,
        }
    }
}

/// Whether `text` holds the beginning of the client's body as it lies in memory, as `$request_body` gives it. False where
/// the body is empty, or in a file, of which that variable knows nothing.
pub fn is_quoted(r: Request<'_>, text: &[u8]) -> bool {
    // As much as no other text begins with by chance, so that the search is linear.
    let mut beginning = [0; 64];
    let mut length = 0;
    for buffer in client_body(r.main()).take_while(|buffer| is_in_memory(buffer)) {
        // SAFETY: a buffer in memory; pos and last belong to one allocation, in the request's pool.
        let bytes = unsafe { span(buffer.pos, buffer.last) };
        for (place, byte) in beginning.iter_mut().skip(length).zip(bytes) {
            *place = *byte;
            length += 1;
        }
    }
    let beginning = beginning.get(..length).unwrap_or_default();
    !beginning.is_empty() && text.windows(length).any(|window| window == beginning)
}

/// The same for a body that follows the head in buffers of its own.
pub fn quotes(r: Request<'_>) -> bool {
    let in_memory = behind_head(r).filter(|buffer| is_in_memory(buffer));
    // SAFETY: as in `is_quoted`.
    let mut texts = in_memory.map(|buffer| unsafe { span(buffer.pos, buffer.last) });
    texts.any(|text| is_quoted(r, text))
}

/// What will be sent behind the head.
fn behind_head(r: Request<'_>) -> impl Iterator<Item = &ngx_buf_t> {
    let head = r.read_upstream(|u| u.request_bufs).unwrap_or(std::ptr::null_mut());
    // SAFETY: null, or the upstream's chain of the request that is about to be sent.
    let rest = unsafe { head.as_ref() }.map_or(std::ptr::null_mut(), |head| head.next);
    // SAFETY: as above; nothing changes it while a peer is chosen.
    unsafe { buffers(rest) }
}

/// What has come of the client's body.
fn client_body(main: Request<'_>) -> impl Iterator<Item = &ngx_buf_t> {
    let none: *mut ngx_chain_t = std::ptr::null_mut();
    // SAFETY: null or in the request's pool.
    let chain = unsafe { main.read(|r| r.request_body).as_ref() }.map_or(none, |body| body.bufs);
    // SAFETY: as above; nothing changes it while a peer is chosen.
    unsafe { buffers(chain) }
}

/// The size from where the buffer begins, whatever was sent of it.
fn whole_size(buffer: &ngx_buf_t) -> u64 {
    if !is_in_memory(buffer) {
        return u64::try_from(buffer.file_last).unwrap_or(0);
    }
    let start = if buffer.start.is_null() { buffer.pos } else { buffer.start.min(buffer.pos) };
    buffer.last.addr().saturating_sub(start.addr()) as u64
}
