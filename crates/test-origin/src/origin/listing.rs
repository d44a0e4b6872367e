//! Listings as S3 gives them, made of what s3s-fs gives.
//!
//! s3s-fs lists the right keys, but leaves out the ETags (s3cmd stops there), echoes `encoding-type=url` without
//! encoding anything (every SDK then decodes names that were never encoded) and trips over an empty delimiter (which is
//! what "none" looks like in requests of the AWS SDK for Go and of minio-py).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{CommonPrefix, EncodingType, HeadObjectInput, Object};
use s3s::{S3, S3Request, S3Result};
use s3s_fs::FileSystem;

/// What stays as it is under `encoding-type=url`: the unreserved characters of RFC 3986 and the slash.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'/').remove(b'_').remove(b'~');

/// An empty delimiter means that there is none.
pub(super) fn without_empty(delimiter: &mut Option<String>) {
    if delimiter.as_deref() == Some("") {
        *delimiter = None;
    }
}

/// Adds the ETag of each object, as a HEAD by the same `caller` would tell it.
pub(super) async fn add_etags(
    files: &FileSystem,
    caller: &S3Request<()>,
    bucket: &str,
    objects: &mut Option<Vec<Object>>,
) -> S3Result<()> {
    for object in objects.iter_mut().flatten() {
        let Some(key) = object.key.clone() else { continue };
        let head = HeadObjectInput { bucket: bucket.to_owned(), key, ..Default::default() };
        object.e_tag = files.head_object(caller.clone().map_input(|()| head)).await?.output.e_tag;
    }
    Ok(())
}

/// Encodes, where it was asked for, all that S3 encodes: keys, common prefixes and the request's own words.
pub(super) fn encode(
    encoding: Option<&EncodingType>,
    objects: &mut Option<Vec<Object>>,
    prefixes: &mut Option<Vec<CommonPrefix>>,
    words: &mut [&mut Option<String>],
) {
    if encoding.map(EncodingType::as_str) != Some(EncodingType::URL) {
        return;
    }
    let keys = objects.iter_mut().flatten().map(|object| &mut object.key);
    let prefixes = prefixes.iter_mut().flatten().map(|common| &mut common.prefix);
    let words = words.iter_mut().map(|word| &mut **word);
    for text in keys.chain(prefixes).chain(words).flatten() {
        *text = utf8_percent_encode(text, ENCODED).to_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_where_asked_for() {
        let check = |encoding: Option<&'static str>, key: &str, listed: &str| {
            let object = Object { key: Some(key.to_owned()), ..Default::default() };
            let mut objects = Some(vec![object]);
            let encoding = encoding.map(EncodingType::from_static);
            encode(encoding.as_ref(), &mut objects, &mut None, &mut [&mut None]);
            assert_eq!(objects.unwrap()[0].key.as_deref(), Some(listed));
        };
        check(Some("url"), "a b+c/100%~é", "a%20b%2Bc/100%25~%C3%A9");
        check(None, "a b+c/100%~é", "a b+c/100%~é");
    }
}
