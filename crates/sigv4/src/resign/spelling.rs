//! The target that a server is about to send, in the client's spelling.
//!
//! In a client's path `+` is a blank, as S3 reads it. A server that rewrites a path decodes it first and escapes it again
//! when it sends it, and leaves `+` as it is: there it is the plus that the client sent as `%2B`. Taken for a blank, it would
//! make another object of the one that was verified.

use std::borrow::Cow;

use crate::ResignError;
use crate::resign::lost_escapes::{has_lost_escapes, parted};
use crate::target::encoding::escaped;

/// `target`, as the server is about to send it, with each plus of its path that stands for itself written as `%2B`.
///
/// `client` is the target as the client sent it. A path that is the client's to the letter is left as it is, since it was
/// verified as such, and so is every query, which servers pass on as it came. In another path `+` is a plus, unless it is in
/// a part that both paths have in common up to their ends, and the client wrote it `+` there, not `%2B`. (Slashes that the
/// server has merged make no difference.)
///
/// ```
/// let sent = sigv4::in_client_spelling(b"/bucket/a+b?x=c+d", b"/a%2Bb?x=c+d")?;
/// assert_eq!(&*sent, b"/bucket/a%2Bb?x=c+d");
/// let sent = sigv4::in_client_spelling(b"/bucket/a+b", b"/a+b")?;
/// assert_eq!(&*sent, b"/bucket/a+b");
/// # Ok::<(), sigv4::ResignError>(())
/// ```
///
/// What is left as it is comes back as the very `target`.
///
/// # Errors
///
/// [`ResignError::EscapesLost`]: the server sends what it has decoded without escaping it again, so that a key becomes a query, or
/// another key. [`ResignError::PlusAmbiguous`]: the client wrote `+`, and the path was changed so much that it cannot be told whether one
/// that is there is the client's.
pub fn in_client_spelling<'t>(
    target: &'t [u8],
    client: &[u8],
) -> Result<Cow<'t, [u8]>, ResignError> {
    if target == client {
        return Ok(Cow::Borrowed(target));
    }
    let ((path, _), (client, _)) = (parted(target), parted(client));
    if path == client {
        return Ok(Cow::Borrowed(target));
    }
    if has_lost_escapes(target, client) {
        return Err(ResignError::EscapesLost);
    }
    if !path.contains(&b'+') {
        return Ok(Cow::Borrowed(target));
    }
    let blanks = match client.contains(&b'+') {
        true => Tails::of(path, client).blanks(path)?,
        false => Vec::new(),
    };
    let mut blanks = blanks.into_iter().peekable();
    let mut out = Vec::with_capacity(target.len().saturating_add(16));
    for (at, byte) in target.iter().enumerate() {
        if *byte == b'+' && at < path.len() && blanks.next_if_eq(&at).is_none() {
            out.extend_from_slice(b"%2B");
        } else {
            out.push(*byte);
        }
    }
    Ok(Cow::Owned(out))
}

/// A decoded byte of a path, and where it stood.
#[derive(Clone, Copy)]
struct Decoded {
    byte: u8,
    at: usize,
    is_escaped: bool,
}

/// What two paths have in common up to their ends, when decoded.
struct Tails {
    /// Where in the server's path a plus stands that the client wrote as `+`, from the end on.
    blanks: Vec<usize>,
    /// Whether the client wrote `+` in front of that.
    has_others: bool,
    /// Where the common part begins in the server's path.
    begins: usize,
}

impl Tails {
    fn of(path: &[u8], client: &[u8]) -> Self {
        let (sent, came) = (decoded(path), decoded(client));
        let mut tails = Self { blanks: Vec::new(), has_others: false, begins: path.len() };
        let (mut sent, mut came) = (sent.iter().rev().peekable(), came.iter().rev().peekable());
        let mut previous = 0;
        while let (Some(own), Some(theirs)) = (sent.peek(), came.peek()) {
            if own.byte == theirs.byte {
                if own.byte == b'+' && !own.is_escaped && !theirs.is_escaped {
                    tails.blanks.push(own.at);
                }
                (previous, tails.begins) = (own.byte, own.at);
                sent.next();
            } else if !(theirs.byte == b'/' && previous == b'/') {
                break;
            }
            came.next();
        }
        tails.has_others = came.any(|theirs| theirs.byte == b'+' && !theirs.is_escaped);
        tails
    }

    /// The blanks, in order.
    fn blanks(mut self, path: &[u8]) -> Result<Vec<usize>, ResignError> {
        let before = path.get(..self.begins).unwrap_or_default();
        if self.has_others && before.contains(&b'+') {
            return Err(ResignError::PlusAmbiguous);
        }
        self.blanks.reverse();
        Ok(self.blanks)
    }
}

fn decoded(path: &[u8]) -> Vec<Decoded> {
    let mut out = Vec::with_capacity(path.len());
    let (mut rest, mut at) = (path, 0usize);
    while let [byte, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, ..] => escaped(*high, *low),
            _ => None,
        };
        out.push(Decoded { byte: escape.unwrap_or(*byte), at, is_escaped: escape.is_some() });
        let length = if escape.is_some() { 3 } else { 1 };
        rest = if length == 1 { after } else { rest.get(length..).unwrap_or_default() };
        at = at.saturating_add(length);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pluses() {
        let check = |target: &str, client: &str, expected: &str| {
            let found = in_client_spelling(target.as_bytes(), client.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&found), expected, "{target} of {client}");
        };
        // The client's own, whatever is in its query.
        check("/b/a+b", "/b/a+b", "/b/a+b");
        check("/b/a+b?x=+", "/b/a+b?y=+", "/b/a+b?x=+");
        check("/b/a%2Bb", "/b/a%2Bb", "/b/a%2Bb");
        // Escaped anew.
        check("/b/a+b", "/b/a%2Bb", "/b/a%2Bb");
        check("/c/a+b?q=1+2", "/b/a%2bb?q=1+2", "/c/a%2Bb?q=1+2");
        check("/x+y/a+b", "/b/a%2Bb", "/x%2By/a%2Bb");
        check("/b/a%20b%252B", "/b/a%20b%252B", "/b/a%20b%252B");
        // Blanks that the client wrote as pluses.
        check("/c/a+b", "/b/a+b", "/c/a+b");
        check("/c/a+b+c%20+", "/b/a+b%2Bc%20%2B", "/c/a+b%2Bc%20%2B");
        check("/x+y/a+b", "/b/a+b", "/x%2By/a+b");
        check("/b/a+b/c+d", "/b//a+b///c%2Bd", "/b/a+b/c%2Bd");
        check("/new/a+b%2Bc", "/a+b%2Bc", "/new/a+b%2Bc");
        check("/c/d+e", "/b+b/d%2Be", "/c/d%2Be");
    }

    #[test]
    fn what_cannot_be_told() {
        for (target, client) in
            [("/b/a+c", "/b/x/../a+b"), ("/a+b/d", "/a+b/c"), ("/a+b", "/a+b/c")]
        {
            let found = in_client_spelling(target.as_bytes(), client.as_bytes());
            assert_eq!(found.unwrap_err(), ResignError::PlusAmbiguous, "{target} of {client}");
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for byte in (0..=255u8).filter(|byte| !b"?+".contains(byte)) {
            let target = [b"/c/a", &[byte][..], b"b"].concat();
            assert_eq!(&*in_client_spelling(&target, b"/b/a+b").unwrap(), target);
        }
    }
}
