//! The credential scope: what a signing key is good for.

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
}
