//! Where canonical text goes: into a hash as it is formed, or into a buffer when an error document wants to show it.

use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Digests go where text goes.
pub(crate) use crate::hex_text::{decode_lower as unhex64, encode as hex64};

/// Takes text piece by piece.
pub(crate) trait Sink {
    /// Takes the next piece.
    fn put(&mut self, bytes: &[u8]);
}

/// Pieces on their way into a hash or a MAC.
///
/// Most pieces are a few bytes long. To hand each one to a digest costs more than to hash it, so they are put together
/// first.
pub(crate) struct Gathered<S> {
    sink: S,
    buffer: [u8; 512],
    length: usize,
}

impl<S: Sink> Gathered<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self { sink, buffer: [0; 512], length: 0 }
    }

    /// The digest, which has everything now.
    pub(crate) fn finish(mut self) -> S {
        self.flush();
        self.sink
    }

    fn flush(&mut self) {
        self.sink.put(self.buffer.get(..self.length).unwrap_or_default());
        self.length = 0;
    }

    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        self.flush();
        match self.buffer.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length = bytes.len();
            }
            None => self.sink.put(bytes),
        }
    }
}

impl<S: Sink> Sink for Gathered<S> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.length.wrapping_add(bytes.len());
        match self.buffer.get_mut(self.length..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            None => self.overflow(bytes),
        }
    }
}

impl Sink for Sha256 {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Hmac<Sha256> {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathering_changes_nothing() {
        for length in [0, 1, 63, 511, 512, 513, 2000] {
            for count in [0, 1, 2, 7] {
                let piece: Vec<u8> = (0..length).map(|i| i as u8).collect();
                let mut gathered = Gathered::new(Vec::new());
                (0..count).for_each(|_| gathered.put(&piece));
                gathered.put(b"\n");
                assert_eq!(gathered.finish(), [piece.repeat(count), b"\n".to_vec()].concat());
            }
        }
    }
}
