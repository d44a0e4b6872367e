//! Hides what authorizes in a line of a log.
//!
//! The query of a presigned request is a bearer credential: whoever reads it in a log can use it until it expires. So are
//! tokens, and V2's Authorization header is a signature and little else. A log quotes them in many ways: as parameters of
//! a request line, a Referer or an upstream's URL, decoded or encoded once more, and as header lines.

/// Ends of the names whose values authorize. V2's `Signature` ends V4's, those of chunks, and other vendors'.
const SECRET: [&[u8]; 5] = [
    b"signature",
    b"security-token",
    // Of `s3session-token`.
    b"session-token",
    b"auth-token",
    // Not of a signature, but a key all the same: SSE-C.
    b"encryption-customer-key",
];
/// This header's value is hidden to its end, for it has several parts.
const AUTHORIZATION: &[u8] = b"authorization";

/// How often a name may have been percent-encoded. Bounds the work for a line of `%252525…`.
const ENCODINGS: usize = 4;

/// Overwrites with `*`, in place, the values of parameters and headers that authorize.
///
/// Names are known in any case, percent-encoded or not, with `_` for `-`; a value ends where a parameter, a header or a
/// quotation does. In doubt more is hidden.
///
/// ```
/// let mut line = *b"request: \"GET /b/k?X-Amz-Signature=0a1b&a=b HTTP/1.1\"";
/// sigv4::mask(&mut line);
/// assert_eq!(&line, b"request: \"GET /b/k?X-Amz-Signature=****&a=b HTTP/1.1\"");
/// ```
pub fn mask(line: &mut [u8]) {
    let mut at = 0;
    while let Some((separator, length)) = next_separator(line, at) {
        at = separator.saturating_add(length);
        let (front, value) = line.split_at_mut(at.min(line.len()));
        let name = front.get(..separator).unwrap_or_default();
        let is_end: fn(u8) -> bool = if ends_in(name, AUTHORIZATION) {
            |byte| byte == b'"' || byte.is_ascii_control()
        } else if SECRET.iter().any(|secret| ends_in(name, secret)) {
            |byte| byte.is_ascii_control() || b" \"'&,;<>".contains(&byte)
        } else {
            continue;
        };
        let start = value.iter().position(|byte| !b" \t\"'\\".contains(byte));
        let value = value.get_mut(start.unwrap_or(0)..).unwrap_or_default();
        let length = value.iter().position(|byte| is_end(*byte)).unwrap_or(value.len());
        value.iter_mut().take(length).for_each(|byte| *byte = b'*');
    }
}

/// The next `=` or `:`, raw or percent-encoded: its place and its length.
fn next_separator(line: &[u8], from: usize) -> Option<(usize, usize)> {
    let rest = line.get(from..)?;
    rest.iter().enumerate().find_map(|(place, byte)| {
        let length = match byte {
            b'=' | b':' => 1,
            b'%' => {
                let mut escape = rest.get(place.saturating_add(1)..)?;
                for _ in 0..ENCODINGS {
                    escape = escape.strip_prefix(b"25").unwrap_or(escape);
                }
                let [b'3', b'a' | b'A' | b'd' | b'D', after @ ..] = escape else { return None };
                rest.len().saturating_sub(place).saturating_sub(after.len())
            }
            _ => return None,
        };
        Some((from.saturating_add(place), length))
    })
}

/// Whether `text` ends in this lower-case name, with a quotation mark or blanks behind it or not.
fn ends_in(text: &[u8], name: &[u8]) -> bool {
    let mut rest = text.trim_ascii_end();
    rest = rest.strip_suffix(b"\"").or_else(|| rest.strip_suffix(b"'")).unwrap_or(rest);
    name.iter().rev().all(|expected| match last(rest) {
        Some((byte, before)) => {
            rest = before;
            byte.to_ascii_lowercase() == *expected || (byte == b'_' && *expected == b'-')
        }
        None => false,
    })
}

/// The last character and what is before it; a percent-escape, whatever encodes its `%`, is one character.
fn last(text: &[u8]) -> Option<(u8, &[u8])> {
    let (byte, before) = text.split_last()?;
    let escape = || {
        let (low, before) = (hex(*byte)?, before);
        let (high, mut before) = before.split_last()?;
        let byte = hex(*high)?.wrapping_shl(4) | low;
        for _ in 0..ENCODINGS {
            before = before.strip_suffix(b"25").unwrap_or(before);
        }
        Some((byte, before.strip_suffix(b"%")?))
    };
    Some(escape().unwrap_or((*byte, before)))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `S` stands for each byte that must be hidden; all others must stay.
    fn check(line: &str) {
        let mut masked = line.replace('S', "0").into_bytes();
        mask(&mut masked);
        assert_eq!(String::from_utf8_lossy(&masked), line.replace('S', "*"));
    }

    #[test]
    fn parameters() {
        check("request: \"GET /b/k?X-Amz-signature=SSSS HTTP/1.1\", host: \"h\"\n");
        check("request: \"GET /b/k?x-amz-signature=SSSS&b=c HTTP/1.1\"");
        check("upstream: \"http://1:80/?X-Amz-security-Token=SSSSSSSSSS&X-Amz-Date=2\"");
        check("?a=b&X-Amz-s3session-Token=SSSS&awsAccessKeyId=A&signature=SSSSSS&Expires=1");
        check("args: \"signature=SS\"");
        check("?X-Amz-signature=SSSS\r\n");
        check("?X-Amz-signature=SSSS");
        check("?X-Amz-signature=");
        check("?X-Amz-signature=&X-Amz-signature=S");
        check("?X-Amz-signature=SSS&x-goog-signature=S&a=b");
    }

    #[test]
    fn values_with_separators() {
        for (line, masked) in [
            ("?X-Amz-Signature=a==&b=c", "?X-Amz-Signature=***&b=c"),
            ("?X-Amz-Signature=%41/+:=&b=c", "?X-Amz-Signature=*******&b=c"),
            ("\"Authorization: AWS AKID:s1g=\"", "\"Authorization: *************\""),
            (
                "\"Authorization: AWS4 A=b, c=d;\\te\", x=y",
                "\"Authorization: *****************\", x=y",
            ),
        ] {
            let mut line = line.as_bytes().to_vec();
            mask(&mut line);
            assert_eq!(String::from_utf8_lossy(&line), masked);
        }
    }

    #[test]
    fn encoded() {
        check("?X%2DAmz%2dsignature=SSSS&a=b");
        check("?X-Amz-%73ignature=SSSS&a=b");
        check("?X-Amz-%53ignatur%65=SSSS&a=b");
        check("?u=http%3A%2F%2Fh%2F%3FX-Amz-signature%3DSSSSSSSSS HTTP/1.1");
        check("?u=%252Fb%253FX%252DAmz%252Dsignature%253dSSSS HTTP/1.1");
        check("?%252525252525252525252525252525");
        check("?X-Amz-signature%");
        check("%3D%3d%=%2=");
        check("x_amz_security_token=SS&a=b");
    }

    #[test]
    fn headers() {
        check("header line: \"Authorization: SSSSSSSSSSSSSSS\", previous value: \"a\"");
        check("header: \"authorization: SSSSSSSSSSSS\"");
        check("header line: \"x-amz-security-token: SSSS\", client: 127.0.0.1");
        check("header: \"x-amz-copy-source-server-side-encryption-customer-key: SSSS\"");
        check("\"x-amz-server-side-encryption-customer-key-md5: AAAA\"");
        check("{\"signature\":\"SSSS\",\"a\":\"b\"}");
        check("Credential=A/2/r/s3/aws4_request,signedHeaders=host,signature=SSS\"");
        check("0;chunk-signature=SSSS\r\n");
    }

    #[test]
    fn the_rest_stays() {
        check("s3: refused: \"Authorization\" header has no space after its scheme, client: 1");
        check("?X-Amz-signatureX=a&X-Amz-Credential=b&X-Amz-signedHeaders=host");
        check("2026/01/01 00:00:00 [error] 1#1: *1 open() \"/a=b\" failed (2: No such file)");
        check("");
        check("=:%3D");
    }
}
