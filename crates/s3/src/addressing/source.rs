//! The object that `x-amz-copy-source` or `x-amz-rename-source` names, with the origin's name of its bucket.
//!
//! Only the bucket changes: key and version stay as the client wrote them, since origins differ in how they decode them.

use percent_encoding::percent_decode;

use super::AddressingError;
use crate::BucketName;
use crate::address::cut;

/// `[/]bucket/key[?versionId=…]`, whose slashes may be escaped.
pub(super) fn of_copy(
    value: &[u8],
    name: impl FnOnce(&[u8]) -> Result<BucketName, AddressingError>,
) -> Result<Vec<u8>, AddressingError> {
    let slash = leading_slash(value);
    let (front, rest) = value.split_at_checked(slash).unwrap_or((b"", value));
    let length = segment(rest).ok_or(AddressingError::SourceUnclear)?;
    let (bucket, key) = rest.split_at_checked(length).unwrap_or((rest, b""));
    let decoded: BucketName = percent_decode(bucket).collect();
    // `//host/bucket/key` is a URL to some.
    if decoded.is_empty() {
        return Err(AddressingError::SourceUnclear);
    }
    Ok([front, &*name(&decoded)?, key].concat())
}

/// Where the key of `[/]bucket/key[?versionId=…]` begins. None where it has none, or where a slash in front makes a host of what
/// should be the bucket.
pub(crate) fn key_of_source(value: &[u8]) -> Option<usize> {
    let front = leading_slash(value);
    let rest = value.get(front..)?;
    let bucket = segment(rest).filter(|length| *length > 0)?;
    let behind = rest.get(bucket..)?;
    front.checked_add(bucket)?.checked_add(leading_slash(behind))
}

/// `[/]key` of the same bucket, which Amazon takes, or `[/]bucket/key`, which others do. None where it stays as it is.
pub(super) fn of_rename(
    value: &[u8],
    bucket: &[u8],
    name: &[u8],
) -> Result<Option<Vec<u8>>, AddressingError> {
    let slash = leading_slash(value);
    let (front, rest) = value.split_at_checked(slash).unwrap_or((b"", value));
    let Some(length) = segment(rest) else { return Ok(None) };
    let (first, key) = rest.split_at_checked(length).unwrap_or((rest, b""));
    // A key with a slash in it may be of any bucket to those others.
    if !percent_decode(first).eq(bucket.iter().copied()) {
        return Err(AddressingError::SourceUnclear);
    }
    Ok(Some([front, name, key].concat()))
}

/// The length of a slash at the beginning, which may be escaped.
fn leading_slash(value: &[u8]) -> usize {
    match value {
        [b'/', ..] => 1,
        [b'%', b'2', b'f' | b'F', ..] => 3,
        _ => 0,
    }
}

/// The length of what stands before the first slash; none without one.
fn segment(value: &[u8]) -> Option<usize> {
    let (path, _) = cut(value, b'?');
    (0..path.len()).find(|at| leading_slash(path.get(*at..).unwrap_or_default()) > 0)
}
