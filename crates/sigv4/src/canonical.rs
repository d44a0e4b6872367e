//! What is hashed and signed: the canonical request, and the strings to sign.

pub(crate) mod canonical_request;
pub(crate) mod sha256;
pub(crate) mod signed_headers;
pub(crate) mod signed_lines;
pub(crate) mod string_to_sign;

/// Where canonical text goes, piece by piece: into a hash as it is formed, or into a buffer when an error document wants to
/// show it.
pub(crate) trait TextSink {
    /// Takes the next piece.
    fn put(&mut self, bytes: &[u8]);
}

impl TextSink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
