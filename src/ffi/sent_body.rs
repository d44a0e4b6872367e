//! Whose body nginx will send: what follows the head in `u->request_bufs`.
//!
//! proxy_pass links the buffers of `r->request_body` behind the head, or none (`proxy_set_body`, `proxy_pass_request_body
//! off`); a subrequest has the request body of its main request, or one of its own (auth_request, a capture), and the headers
//! of its main request in any case (ngx_http_proxy_create_request, ngx_http_subrequest).

use ngx::ffi::{ngx_buf_t, ngx_chain_t, ngx_http_request_body_t};

use crate::ffi::chain::{is_in_memory, size};
use crate::ffi::request::Request;
use crate::ffi::string::span;

/// What will be sent behind the buffer of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentBody {
    /// The body that the client sent, past this module's filter.
    OfClient,
    /// None, and the client has sent none.
    None,
    /// None, though the client has announced one.
    Withheld,
    /// None, for nothing has read the client's body, or it was discarded; or our filter has emptied it.
    Unread,
    /// A piece of the client's body, which streams.
    Rest,
    /// Somebody else's, of that length in bytes.
    Other(u64),
}

/// Looks at a request whose head was serialized, before it is sent: sending moves the buffers' positions.
pub(crate) fn of(r: &Request) -> SentBody {
    if crate::ffi::request_body::streams(r) {
        return SentBody::OfClient;
    }
    let main = r.main();
    let own = r.raw().request_body;
    // SAFETY: null, or the upstream's chain of the request that is about to be sent.
    let head = r.upstream().and_then(|u| unsafe { u.request_bufs.as_ref() });
    // A head that was made anew for a next attempt: nginx takes the buffers back to their beginning after this
    // (ngx_http_upstream_reinit).
    let again = r.upstream().is_some_and(|u| u.request_sent() != 0);
    let size_to_send = |one| if again { whole_size(one) } else { size(one) };
    let length: u64 = head.map_or(0, |head| buffers(head.next).map(size_to_send).sum());
    if length > 0 {
        return match std::ptr::eq(own, main.raw().request_body) {
            true if crate::ffi::request_body::streams(&main) => SentBody::Rest,
            true => SentBody::OfClient,
            false => SentBody::Other(length),
        };
    }
    let is_there = crate::ffi::request_body::streams(&main)
        || client_body(&main).is_some_and(|body| buffers(body.bufs).any(|one| size(one) > 0));
    match is_there {
        true => SentBody::Withheld,
        false if !crate::ffi::request_body::is_missing(&main) => SentBody::None,
        // Its body was not read yet, or is another one's.
        false if !r.is_main() => SentBody::Withheld,
        false => SentBody::Unread,
    }
}

/// Whether `text` holds the beginning of the client's body as it lies in memory, as `$request_body` gives it. False where
/// the body is empty, or in a file, of which that variable knows nothing.
pub(crate) fn is_quoted(r: &Request, text: &[u8]) -> bool {
    let main = r.main();
    let Some(body) = client_body(&main) else { return false };
    // As much as no other text begins with by chance, so that the search is linear.
    let mut beginning = [0; 64];
    let mut length = 0;
    for buffer in buffers(body.bufs).take_while(|buffer| is_in_memory(buffer)) {
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
pub(crate) fn quotes(r: &Request) -> bool {
    // SAFETY: as in `of`.
    let head = r.upstream().and_then(|u| unsafe { u.request_bufs.as_ref() });
    let buffers = head.into_iter().flat_map(|head| buffers(head.next));
    // SAFETY: as in `is_quoted`.
    let mut texts = buffers
        .filter(|buffer| is_in_memory(buffer))
        .map(|buffer| unsafe { span(buffer.pos, buffer.last) });
    texts.any(|text| is_quoted(r, text))
}

fn client_body(main: &Request) -> Option<&ngx_http_request_body_t> {
    // SAFETY: null or in the request's pool; nothing changes it while a peer is chosen.
    unsafe { main.raw().request_body.as_ref() }
}

/// The buffers of a chain of nginx's that is alive and not changed meanwhile.
fn buffers<'a>(chain: *mut ngx_chain_t) -> impl Iterator<Item = &'a ngx_buf_t> {
    // SAFETY: null or a link of the request's pool.
    let link = |chain: *mut ngx_chain_t| unsafe { chain.as_ref() };
    let links = std::iter::successors(link(chain), move |current| link(current.next));
    // SAFETY: a link's buffer is never null.
    links.map(|current| unsafe { &*current.buf })
}

/// The size from where the buffer begins, whatever was sent of it.
fn whole_size(buffer: &ngx_buf_t) -> u64 {
    if !is_in_memory(buffer) {
        return u64::try_from(buffer.file_last).unwrap_or(0);
    }
    let start = if buffer.start.is_null() { buffer.pos } else { buffer.start.min(buffer.pos) };
    buffer.last.addr().saturating_sub(start.addr()) as u64
}
