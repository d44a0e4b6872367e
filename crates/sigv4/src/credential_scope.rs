//! The credential scope: what a signing key is good for.

use crate::sink::Sink;

/// The only service whose signatures are verified.
pub(crate) const S3: &[u8] = b"s3";
/// The last part of every scope.
pub(crate) const TERMINAL: &[u8] = b"aws4_request";

/// `yyyyMMdd/region/service/aws4_request`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CredentialScope<'a> {
    pub(crate) date: &'a [u8],
    pub(crate) region: &'a [u8],
    pub(crate) service: &'a [u8],
}

impl CredentialScope<'_> {
    /// Writes the scope as it stands in a credential and in a string to sign.
    pub(crate) fn write(&self, sink: &mut impl Sink) {
        for part in [self.date, self.region, self.service] {
            sink.put(part);
            sink.put(b"/");
        }
        sink.put(TERMINAL);
    }
}
