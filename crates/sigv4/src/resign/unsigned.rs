//! Headers that are sent and not signed.

use crate::header;
use crate::resign::disposition::{Disposition, disposition};

/// Takes the lines of that header, in any case, out of a head that [`resign`](crate::resign()) wrote.
///
/// Nothing is taken out that a signature covers: for a name that is signed this does nothing.
///
/// ```
/// let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n".to_vec();
/// sigv4::remove_unsigned(&mut head, "accept-encoding");
/// assert_eq!(head, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/// ```
pub fn remove_unsigned(head: &mut Vec<u8>, name: &'static str) {
    if disposition(name.as_bytes()) != Disposition::Forward {
        return;
    }
    let mut kept = Vec::with_capacity(head.len());
    for (number, line) in head.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let own = line.split(|&byte| byte == b':').next().unwrap_or_default();
        if number == 0 || !header::is(own, name) {
            kept.extend_from_slice(line);
        }
    }
    *head = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, head: &str, expected: &str) {
        let mut bytes = head.as_bytes().to_vec();
        remove_unsigned(&mut bytes, name);
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn every_line_of_that_name_and_no_other() {
        check(
            "accept-encoding",
            "GET /accept-encoding:x HTTP/1.1\r\naccept-ENCODING: a\r\nx: accept-encoding:\r\nAccept-Encoding:b\r\n\r\n",
            "GET /accept-encoding:x HTTP/1.1\r\nx: accept-encoding:\r\n\r\n",
        );
        let signed = "GET / HTTP/1.1\r\nx-amz-date: 1\r\nHost: a\r\n\r\n";
        check("x-amz-date", signed, signed);
        check("host", signed, signed);
    }
}
