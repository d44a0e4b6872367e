//! Where canonical text goes: into a hash as it is formed, or into a buffer when an error document wants to show it.

use hmac::{Hmac, Mac as _};
use sha1::Sha1;

/// Digests go where text goes.
pub(crate) use crate::hex_text::{decode_lower as unhex64, encode as hex64};

/// Takes text piece by piece.
pub(crate) trait Sink {
    /// Takes the next piece.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Hmac<Sha1> {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
