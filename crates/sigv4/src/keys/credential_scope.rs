//! The credential scope: what a signing key is good for.

use crate::bytes;

/// The only service whose signatures are verified.
pub(crate) const S3: &[u8] = b"s3";
/// The last part of every scope.
pub(crate) const TERMINAL: &[u8] = b"aws4_request";

/// `yyyyMMdd/region/s3/aws4_request`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CredentialScope<'a> {
    /// The whole, as it stands in a credential and in a string to sign.
    pub(crate) text: &'a [u8],
    pub(crate) date: &'a [u8],
    pub(crate) region: &'a [u8],
}

/// A credential in its parts, of which nothing is known but that there are five.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CredentialParts<'a> {
    pub(crate) access_key: &'a [u8],
    pub(crate) scope: CredentialScope<'a>,
    pub(crate) service: &'a [u8],
    pub(crate) terminal: &'a [u8],
}

impl<'a> CredentialParts<'a> {
    /// Splits a credential of a request of that day: there are exactly four slashes. What stands between them is not looked at.
    pub(crate) fn split(credential: &'a [u8], day: &[u8; 8]) -> Option<Self> {
        let (access_key, text) = bytes::cut(credential, b'/')?;
        let (date, rest) = match text.split_first_chunk() {
            Some((date, [b'/', rest @ ..])) if date == day => (date.as_slice(), rest),
            _ => bytes::cut(text, b'/')?,
        };
        let (region, rest) = bytes::cut(rest, b'/')?;
        // What nearly all end with.
        let (service, terminal) = match rest {
            b"s3/aws4_request" => (S3, TERMINAL),
            _ => bytes::cut(rest, b'/').filter(|(_, last)| !last.contains(&b'/'))?,
        };
        let scope = CredentialScope { text, date, region };
        Some(Self { access_key, scope, service, terminal })
    }
}
