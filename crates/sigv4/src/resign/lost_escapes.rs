//! A path that a server has decoded, and sends without escaping it again.
//!
//! Where `proxy_pass` has variables, nginx sends what it makes of them as it is, and captures of a location's regular expression are
//! decoded. Whoever may write `a?acl`, an object, asks with `/bucket/a%3Facl` for its access list then, `%252e%252e` leads out of
//! a prefix, and a line's end is followed by headers of the client's choice, which would be signed.

use crate::bytes;
use crate::request_head::RequestHead;
use crate::resign::error::ResignError;
use crate::target::encoding::decode;

/// So many parts of a path are looked at: each is compared with the whole path that is sent.
const MAX_PARTS: usize = 16;

/// Whether `target`, which a server is about to send, has a part of the client's path decoded once more than the client wrote it: a
/// `?` that begins a query, a `&` that goes on with one, an escape that the client had escaped, or the end of a line. Parts that are
/// not there at all were rewritten, but for those with a line's end: what follows that is no part of a path.
pub(crate) fn has_lost_escapes(target: &[u8], client: &[u8]) -> bool {
    // Of nearly all paths none.
    let is_escape = |three: &[u8]| {
        matches!(three, b"%25" | b"%26" | b"%3F" | b"%3f" | b"%0D" | b"%0d" | b"%0A" | b"%0a")
    };
    if bytes::find(client, b'&').is_none() && !client.windows(3).any(is_escape) {
        return false;
    }
    let (path, query) = parted(target);
    let (sent, came) = (decoded(path), decoded(client));
    let sent: Vec<_> = sent.split(is_slash).collect();
    let is_sent = |part: &[u8]| sent.iter().any(|own| own.starts_with(part) || own.ends_with(part));
    let mut parts =
        came.split(is_slash).filter(|part| part.iter().any(|byte| b"%&?\r\n".contains(byte)));
    let is_lost = |part: &[u8]| {
        if query.is_some_and(|query| separates(query, part)) {
            return true;
        }
        if is_sent(part) {
            return false;
        }
        if part.iter().any(|byte| b"\r\n".contains(byte)) {
            return true;
        }
        let (before, after) = parted(part);
        if after.is_some_and(|after| query.is_some_and(|query| begin_alike(query, after))) {
            return true;
        }
        let again = decoded(before);
        let again = again.split(is_slash).next().unwrap_or_default();
        let is_begun = |own: &&[u8]| !own.is_empty() && again.starts_with(own);
        again != before && (is_sent(again) || sent.iter().any(is_begun))
    };
    parts.by_ref().take(MAX_PARTS).any(is_lost) || parts.next().is_some()
}

/// Whether a `&` of that part of a path separates parameters of the query.
fn separates(query: &[u8], part: &[u8]) -> bool {
    let Some(at) = part.iter().position(|&byte| byte == b'&') else { return false };
    // With the byte before it, for what follows may be nothing.
    let before = at.min(1);
    let (text, behind) = part.split_at_checked(at.saturating_add(1)).unwrap_or_default();
    let text = text.get(at.saturating_sub(before)..).unwrap_or_default();
    let places = query.iter().enumerate().filter(|(_, byte)| **byte == b'&').take(MAX_PARTS);
    let mut begins = places.filter_map(|(place, _)| query.get(place.checked_sub(before)?..));
    begins.any(|rest| rest.strip_prefix(text).is_some_and(|rest| begin_alike(rest, behind)))
}

/// Whether two texts begin with the same byte, or one of them is empty: a capture may leave off what follows, and be followed by something
/// else.
fn begin_alike(one: &[u8], other: &[u8]) -> bool {
    one.first().zip(other.first()).is_none_or(|(one, other)| one == other)
}

/// Refuses a head, and the `body` behind it in one piece, that a line's end in the client's path has broken, where a server puts
/// the decoded path into a header: what follows in the path would be headers of the client's choice.
///
/// `client` is the target as the client sent it.
///
/// # Errors
///
/// [`ResignError::EscapesLost`].
pub fn check_lines(head: &RequestHead<'_>, body: &[u8], client: &[u8]) -> Result<(), ResignError> {
    let (path, _) = parted(client);
    // Of nearly all paths there is no such byte.
    match bytes::find(path, b'%') {
        Some(_) if has_broken_lines(head, body, path) => Err(ResignError::EscapesLost),
        _ => Ok(()),
    }
}

#[inline(never)]
fn has_broken_lines(head: &RequestHead<'_>, body: &[u8], path: &[u8]) -> bool {
    if !path.windows(3).any(|three| three.eq_ignore_ascii_case(b"%0a")) {
        return false;
    }
    let path = decoded(path);
    // A line's end alone is none that `parse` takes.
    let mut pieces = path.split(|&byte| byte == b'\n').skip(1);
    let is_line = |piece: &[u8]| {
        let piece = piece.strip_suffix(b"\r").unwrap_or(piece);
        if piece.is_empty() {
            return !body.is_empty();
        }
        let text = head.text(0, head.headers().len());
        let lines = text.split(|&byte| byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        // What follows may have been left off, and something else be behind it; a name that is there tells all the same.
        let name = bytes::cut(piece, b':').map_or(piece, |(name, _)| name);
        lines.filter(|line| !line.is_empty()).any(|line| {
            piece.starts_with(line)
                || line
                    .strip_prefix(name)
                    .is_some_and(|rest| name == piece || rest.starts_with(b":"))
        })
    };
    pieces.by_ref().take(MAX_PARTS).any(is_line) || pieces.next().is_some()
}

/// What stands before the first `?`, and what behind it.
#[inline]
pub(super) fn parted(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes::cut(target, b'?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    decode(path, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, client: &str) -> bool {
        has_lost_escapes(target.as_bytes(), client.as_bytes())
    }

    #[test]
    fn decoded_once_more() {
        for (target, client) in [
            ("/b/a?acl", "/b/a%3Facl"),
            ("/pre-b/a?acl&x=1", "/b/a%3facl"),
            ("/b/?acl", "/b/%3Facl"),
            ("/b/a?", "/b/a%3F"),
            ("/b/a?c/d", "/b/a%3Fc/d"),
            ("/b/mine/%2e%2e/c", "/b/mine/%252e%252e/c"),
            ("/b/mine/%2e%2e%2fc", "/b/mine/%252e%252e%252fc"),
            ("/x/a%41.html", "/b/a%2541"),
            ("/b/a%2541", "/b/a%252541"),
            ("/b/a%253F?x", "/b/a%25253F%3Fx"),
            ("/b/a", "/b/a%20HTTP/1.1%0d%0aX-Amz-Acl:%20public-read%0D%0AY:%20z"),
            ("/b/a", "/b/a%0a"),
            ("/b?prefix=a&acl", "/list/a%26acl"),
            ("/b?list-type=2&prefix=x/a&acl", "/list/x/a&acl"),
            ("/b?prefix=&acl", "/list/&acl"),
            // What a capture takes may end before the client's path does, and be followed by something else.
            ("/b/a?acl", "/b/a%3Facl.html"),
            ("/b/a?acl&x=1", "/b/a%3Facl.html"),
            ("/b/a?", "/b/a%3F.html"),
            ("/b?prefix=a&acl", "/list/a%26acl.html"),
            ("/b?prefix=a&acl&list-type=2", "/list/a%26acl.html"),
            ("/b/mine/x/%2e%2e", "/b/mine/x/%252e%252e.html"),
        ] {
            assert!(check(target, client), "{target} of {client}");
        }
    }

    #[test]
    fn escaped_again_or_rewritten() {
        for (target, client) in [
            ("/c/a%3Facl", "/b/a%3Facl"),
            ("/c/a%3Facl?x=1", "/b/a%3facl"),
            ("/c/pre-a%3Facl.html", "/b/a%3facl"),
            ("/c/a%2541", "/b/a%2541"),
            ("/c/100%25", "/b/100%25"),
            ("/c/100%", "/b/100%25"),
            ("/c/%252e%252e/c", "/b/mine/%252e%252e/c"),
            ("/policy/ok", "/b/a%3Facl"),
            ("/c?prefix=a%3Facl", "/b/a%3Facl"),
            ("/c/a", "/b/a%41"),
            ("/c/a%0D%0Ab%20", "/b/a%0d%0ab%20"),
            ("/c/AT&T?x=1&y=2", "/b/AT&T"),
            ("/c/AT&?x=1&y=2", "/b/AT%26"),
            ("/b?prefix=a%26acl&x=1", "/list/a%26acl"),
        ] {
            assert!(!check(target, client), "{target} of {client}");
        }
    }

    #[test]
    fn lines() {
        let check = |head: &str, client: &str| {
            let mut lines = crate::request_head::HeadLines::new();
            let (head, body) = crate::request_head::parse(head.as_bytes(), &mut lines).unwrap();
            check_lines(&head, body, client.as_bytes()).is_err()
        };
        let client = "/b/a%0d%0aX-Amz-Acl:%20public-read?x=%0d%0aHost:";
        let begin = "PUT /b/k HTTP/1.1\r\nHost: a\r\nX-P: /b/a";
        for (rest, client) in [
            ("\r\nX-Amz-Acl: public-read\r\n\r\n", client),
            ("\r\nX-Amz-Acl: public-read.html\r\n\r\n", client),
            ("\r\nX-Amz-Acl: pu\r\n\r\n", client),
            ("\r\nX-Amz-Acl: public; and more\r\n\r\n", client),
            ("\r\nX-Amz-Acl: private\r\n\r\n", "/b/a%0d%0aX-Amz-Acl"),
            ("\r\n\r\nA: b\r\n\r\n", "/b/a%0D%0A"),
            ("\r\n\r\nA: b\r\n\r\n", "/b/a%0D%0A%0d%0a"),
        ] {
            assert!(check(&[begin, rest].concat(), client), "{rest:?} of {client}");
        }
        for (rest, client) in [
            ("%0D%0AX-Amz-Acl: public-read\r\n\r\n", client),
            ("\r\n\r\n", client),
            ("\r\n\r\n", "/b/a%0D%0A"),
            ("\r\nX-Amz-Acl: public-read\r\n\r\n", "/b/a?%0d%0aX-Amz-Acl:%20public-read"),
            ("\r\nX-Amz-Acl: public-read\r\n\r\nbody", "/b/a%20b"),
        ] {
            assert!(!check(&[begin, rest].concat(), client), "{rest:?} of {client}");
        }
        assert!(check(&[begin, "\r\n\r\n"].concat(), &"%0A~".repeat(17)));
    }

    #[test]
    fn many_parts() {
        let client = "/a%25b".repeat(17);
        assert!(!check(&client, &"/a%25b".repeat(16)));
        assert!(check("/c", &client));
    }
}
