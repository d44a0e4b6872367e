//! Where an origin says that something is, for a client.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::address::cut;
use crate::{Addressing, BucketName};

/// The path, in path style and with the client's name of the bucket, of what an origin says is at `location`, a URL or an
/// absolute path. `authorities` are the names that the origin goes by.
///
/// None where that is no place at the origin, or one in a bucket that the client does not have.
///
/// ```
/// let addressing = s3::Addressing::default();
/// let path = s3::answer::client_path(b"http://10.0.0.1:9000/b/k", &[b"10.0.0.1:9000"], &addressing);
/// assert_eq!(path.as_deref(), Some(&b"/b/k"[..]));
/// ```
pub fn client_path(
    location: &[u8],
    authorities: &[&[u8]],
    addressing: &Addressing,
) -> Option<Vec<u8>> {
    let (bucket, path) = match location {
        [b'/', b'/', ..] => return None,
        [b'/', ..] => (None, location),
        _ => at_origin(location, authorities)?,
    };
    let behind_base = path.strip_prefix(addressing.base_path.as_bytes());
    let path = behind_base.filter(|path| matches!(path, [] | [b'/', ..])).unwrap_or(path);
    let (bucket, rest): (BucketName, _) = match bucket {
        Some(bucket) => (bucket.to_ascii_lowercase().into(), path),
        None => {
            let path = path.strip_prefix(b"/").unwrap_or(path);
            let (bucket, rest) = cut(path, b'/');
            (percent_decode(bucket).collect(), rest)
        }
    };
    if bucket.is_empty() {
        return Some(path.to_vec());
    }
    let client = addressing.names.to_client(&bucket)?;
    Some([b"/", client.as_slice(), rest].concat())
}

/// An origin's `arn:PARTITION:s3:::BUCKET` with the client's name of the bucket, which `to_client` tells; without any where the client
/// has no such bucket.
pub fn client_arn<N: AsRef<[u8]>>(
    arn: &[u8],
    to_client: impl FnOnce(&[u8]) -> Option<N>,
) -> Cow<'_, [u8]> {
    let Some(colon) = arn.iter().rposition(|&byte| byte == b':') else {
        return Cow::Borrowed(arn);
    };
    let (fields, bucket) = arn.split_at_checked(colon.saturating_add(1)).unwrap_or_default();
    let client = to_client(bucket);
    Cow::Owned([fields, client.as_ref().map(AsRef::as_ref).unwrap_or_default()].concat())
}

/// The bucket that stands in the host of a URL at the origin, if one does, and its path.
fn at_origin<'a>(url: &'a [u8], authorities: &[&[u8]]) -> Option<(Option<&'a [u8]>, &'a [u8])> {
    let rest = url.strip_prefix(b"http://").or_else(|| url.strip_prefix(b"https://"))?;
    let (authority, path) = cut(rest, b'/');
    authorities.iter().find_map(|own| {
        let front = authority.len().checked_sub(own.len())?;
        let (front, end) = authority.split_at_checked(front)?;
        if !end.eq_ignore_ascii_case(own) {
            return None;
        }
        match front {
            [] => Some((None, path)),
            [bucket @ .., b'.'] if !bucket.is_empty() => Some((Some(bucket), path)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: &str, names: &[(&str, &str)], expected: &str) {
        let mut addressing = Addressing { base_path: "/s3".to_owned(), ..Addressing::default() };
        for (client, origin) in names {
            addressing.names.insert(client, origin).unwrap();
        }
        let path =
            client_path(location.as_bytes(), &[b"s3.eu.example", b"10.0.0.1:9000"], &addressing);
        assert_eq!(
            path.as_deref(),
            Some(expected.as_bytes()).filter(|it| !it.is_empty()),
            "{location}"
        );
    }

    #[test]
    fn places() {
        let names = &[("media", "acme-media"), ("l*", "eu-l*")];
        for (location, expected) in [
            ("http://10.0.0.1:9000/s3/acme-media/a%20b", "/media/a%20b"),
            ("https://S3.EU.example/acme-media", "/media"),
            ("https://Acme-Media.s3.eu.example/s3/k/l", "/media/k/l"),
            ("https://acme-media.s3.eu.example", "/media"),
            ("/acme-media", "/media"),
            ("/eu-logs/k?x=1", "/logs/k?x=1"),
            ("/s3/acme-media/k", "/media/k"),
            ("/s3acme-media/k", ""),
            ("/other/k", ""),
            ("https://other.s3.eu.example/k", ""),
            ("https://elsewhere.example/acme-media", ""),
            ("https://xs3.eu.example/acme-media", ""),
            ("//s3.eu.example/acme-media", ""),
            ("acme-media", ""),
            ("", ""),
        ] {
            check(location, names, expected);
        }
        check("https://s3.eu.example/s3/b/k", &[], "/b/k");
        check("https://b.s3.eu.example/k", &[], "/b/k");
        check("https://s3.eu.example/", &[], "/");
    }
}
