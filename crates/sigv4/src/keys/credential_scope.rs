//! The credential scope: what a signing key is good for.

use crate::bytes;

/// The only service whose signatures are verified.
pub(crate) const S3: &[u8] = b"s3";
/// The last part of every scope.
pub(crate) const TERMINAL: &[u8] = b"aws4_request";

/// `yyyyMMdd/region/service/aws4_request`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CredentialScope<'a> {
    /// The whole, as it stands in a credential and in a string to sign.
    pub(crate) text: &'a [u8],
    pub(crate) date: &'a [u8],
    pub(crate) region: &'a [u8],
    pub(crate) service: &'a [u8],
    pub(crate) terminal: &'a [u8],
}

impl<'a> CredentialScope<'a> {
    /// Splits a credential into access key and scope: there are exactly four slashes. What stands between them is not
    /// looked at.
    pub(crate) fn split(credential: &'a [u8]) -> Option<(&'a [u8], Self)> {
        let (access_key, text) = bytes::cut(credential, b'/')?;
        let (date, rest) = match text.split_at_checked(8) {
            Some((date, [b'/', rest @ ..])) if !date.contains(&b'/') => (date, rest),
            _ => bytes::cut(text, b'/')?,
        };
        let (region, rest) = bytes::cut(rest, b'/')?;
        // What nearly all end with.
        let (service, terminal) = match rest {
            b"s3/aws4_request" => (S3, TERMINAL),
            _ => bytes::cut(rest, b'/')?,
        };
        let ends = terminal == TERMINAL || bytes::find(terminal, b'/').is_none();
        ends.then_some((access_key, Self { text, date, region, service, terminal }))
    }
}
