//! The string to sign of a request, of a chunk and of a trailer.

use crate::Timestamp;
use crate::canonical::TextSink;

/// The algorithm's name, and the first line of a request's string to sign.
pub(crate) const ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256";

/// `label \n date \n scope \n (line \n)* hash`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StringToSign<'a, const PIECES: usize> {
    /// What is signed: the algorithm, for chunks and trailers with a suffix.
    pub(crate) label: &'a [u8],
    /// `yyyyMMddTHHmmssZ` of the request, also for its chunks after midnight.
    pub(crate) date: Timestamp,
    /// The credential scope of the key, in pieces.
    pub(crate) scope: [&'a [u8]; PIECES],
    /// Lines between scope and hash: the previous signature, and for chunks the hash of nothing.
    pub(crate) chain: &'a [&'a [u8]],
    /// Hash of the canonical request, of the chunk's data or of the trailer block; lower-case hex.
    pub(crate) hash: &'a [u8; 64],
}

impl<const PIECES: usize> StringToSign<'_, PIECES> {
    /// Writes the string; it does not end in a newline.
    pub(crate) fn write(&self, sink: &mut impl TextSink) {
        sink.put(self.label);
        sink.put(b"\n");
        sink.put(self.date.as_bytes());
        sink.put(b"\n");
        self.scope.into_iter().for_each(|piece| sink.put(piece));
        sink.put(b"\n");
        for line in self.chain {
            sink.put(line);
            sink.put(b"\n");
        }
        sink.put(self.hash);
    }

    /// The string in one piece, for error documents.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        self.write(&mut text);
        text
    }
}
