//! SHA-256 and HMAC-SHA256 of texts that come in many small pieces.
//!
//! The compression function, which is nearly all of the work and is chosen for the processor at run time, is the library's.
//! What surrounds it is here: a request has four hashes of two to ten blocks each, and for those the library's buffers cost
//! half as much as the compression does. Pieces are put together in a buffer, which is padded in place (FIPS 180-4, 5.1.1) and
//! compressed in one call.

use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::canonical::TextSink;

/// Bytes of a block.
const BLOCK: usize = 64;
/// The state before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A text on its way into a hash. All but one of the `BLOCKS` blocks are for text; the last one is room for the padding.
pub(crate) struct TextHash<const BLOCKS: usize> {
    state: [u32; 8],
    /// Bytes that were compressed.
    before: usize,
    /// Behind the text, all are zero.
    blocks: [[u8; BLOCK]; BLOCKS],
    /// Bytes in the blocks.
    length: usize,
}

impl<const BLOCKS: usize> TextHash<BLOCKS> {
    pub(crate) fn new() -> Self {
        Self::after(INITIAL, 0)
    }

    fn after(state: [u32; 8], before: usize) -> Self {
        Self { state, before, blocks: [[0; BLOCK]; BLOCKS], length: 0 }
    }

    /// The hash of all that was put; once.
    pub(crate) fn finish(&mut self) -> [u8; 32] {
        let bits = self.before.wrapping_add(self.length).wrapping_mul(8);
        let bits = u64::try_from(bits).unwrap_or(u64::MAX).to_be_bytes();
        // A one bit, zeros, which are there already, and the length of the text in the last eight bytes of a block.
        let count = self.length.wrapping_add(bits.len()).div_euclid(BLOCK).wrapping_add(1);
        let blocks = self.blocks.get_mut(..count).unwrap_or_default();
        let padding = blocks.as_flattened_mut().get_mut(self.length..).unwrap_or_default();
        if let Some(first) = padding.first_mut() {
            *first = 0x80;
        }
        if let Some(last) = padding.last_chunk_mut() {
            *last = bits;
        }
        compress(&mut self.state, blocks);
        to_bytes(self.state)
    }

    /// Fills the blocks up, compresses them, and goes on with what is left.
    #[cold]
    fn overflow(&mut self, mut bytes: &[u8]) {
        loop {
            let (text, _) = self.blocks.split_at_mut(BLOCKS.saturating_sub(1));
            let room = text.as_flattened_mut().get_mut(self.length..).unwrap_or_default();
            if room.len() > bytes.len() {
                return self.put(bytes);
            }
            let (now, later) = bytes.split_at(room.len());
            room.copy_from_slice(now);
            bytes = later;
            compress(&mut self.state, text);
            self.before = self.before.wrapping_add(text.as_flattened().len());
            text.as_flattened_mut().fill(0);
            self.length = 0;
        }
    }
}

impl<const BLOCKS: usize> TextSink for TextHash<BLOCKS> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.length.wrapping_add(bytes.len());
        let text = BLOCKS.saturating_sub(1).wrapping_mul(BLOCK);
        match self.blocks.as_flattened_mut().get_mut(self.length..end) {
            Some(room) if end < text => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            _ => self.overflow(bytes),
        }
    }
}

/// The library's. Out of line: what it has for processors without SHA instructions are kilobytes, which would otherwise stand in each
/// function that hashes.
#[inline(never)]
fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
    sha2::block_api::compress256(state, blocks);
}

/// Adds a piece of a body, for which the library's own buffer is good enough. Out of line for the same reason.
#[inline(never)]
pub(crate) fn add(hash: &mut Sha256, data: &[u8]) {
    hash.update(data);
}

fn to_bytes(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, word) in bytes.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// The key of HMAC-SHA256 (RFC 2104), as the states that it leaves: a text costs no more than its own blocks and one more.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct MacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

/// Behind a block and a hash: a one bit, zeros, and the length of 96 bytes in bits, which is 0x300.
const OUTER_PADDING: [u8; 32] = {
    let mut padding = [0; 32];
    let [first, .., high, _] = &mut padding;
    (*first, *high) = (0x80, 0x03);
    padding
};

/// A string to sign has two to six blocks.
pub(crate) type MacText = TextHash<5>;

impl MacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        match block.get_mut(..key.len()) {
            Some(room) => room.copy_from_slice(key),
            None => block.split_at_mut(32).0.copy_from_slice(&Sha256::digest(key)),
        }
        let state = |pad: u8| {
            let mut state = INITIAL;
            let mut padded = block.map(|byte| byte ^ pad);
            compress(&mut state, &[padded]);
            padded.zeroize();
            state
        };
        let (inner, outer) = (state(0x36), state(0x5c));
        block.zeroize();
        Self { inner, outer }
    }

    /// Length as numbers.
    pub(crate) const WORDS: usize = 8;

    /// Both states, two words in each number.
    pub(crate) fn to_words(&self) -> Zeroizing<[u64; Self::WORDS]> {
        let mut words = Zeroizing::new([0; Self::WORDS]);
        let pairs = self.inner.chunks_exact(2).chain(self.outer.chunks_exact(2));
        for (word, pair) in words.iter_mut().zip(pairs) {
            if let [first, second] = *pair {
                *word = u64::from(second) << 32 | u64::from(first);
            }
        }
        words
    }

    /// The key of these states.
    #[inline]
    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        // A copy of bytes, where numbers lie in memory as they do on most processors.
        let bytes = words.map(u64::to_le_bytes);
        let mut states = [[0; 8]; 2];
        let halves = bytes.as_flattened().chunks_exact(4);
        for (word, half) in states.as_flattened_mut().iter_mut().zip(halves) {
            *word = half.first_chunk().map_or(0, |half| u32::from_le_bytes(*half));
        }
        let [inner, outer] = states;
        Self { inner, outer }
    }

    /// The authentication code of what `write` puts.
    pub(crate) fn mac(&self, write: impl FnOnce(&mut MacText)) -> [u8; 32] {
        self.mac_after(BLOCK, write)
    }

    /// The states for texts that begin with this block, which is compressed once for all of them: for [`mac_begun`](Self::mac_begun).
    pub(crate) fn begin(&self, block: &[u8; BLOCK]) -> Self {
        let mut begun = self.clone();
        compress(&mut begun.inner, &[*block]);
        begun
    }

    /// The authentication code of the block that these states have [begun](Self::begin) with, and what `write` puts behind it.
    pub(crate) fn mac_begun(&self, write: impl FnOnce(&mut MacText)) -> [u8; 32] {
        self.mac_after(2 * BLOCK, write)
    }

    /// The same for the states behind which so many bytes were compressed, the key's own block among them.
    fn mac_after(&self, before: usize, write: impl FnOnce(&mut MacText)) -> [u8; 32] {
        let mut text = MacText::after(self.inner, before);
        write(&mut text);
        // The last block: a hash, and the padding behind a block and a hash.
        let mut block = [0; BLOCK];
        let (hash, padding) = block.split_at_mut(32);
        hash.copy_from_slice(&text.finish());
        padding.copy_from_slice(&OUTER_PADDING);
        let mut state = self.outer;
        compress(&mut state, &[block]);
        to_bytes(state)
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    use super::*;

    #[test]
    fn texts_of_every_length_in_pieces_of_many() {
        let text: Vec<u8> = (0..700).map(|i| (i * 7) as u8).collect();
        for length in 0..text.len() {
            let text = &text[..length];
            let expected: [u8; 32] = Sha256::digest(text).into();
            for size in [1, 3, 63, 64, 65, 255, 256, 600, 700] {
                let mut hash = TextHash::<5>::new();
                text.chunks(size).for_each(|piece| hash.put(piece));
                hash.put(b"");
                assert_eq!(hash.finish(), expected, "{length} bytes in pieces of {size}");
            }
        }
    }

    #[test]
    fn keys_of_every_length() {
        let bytes: Vec<u8> = (0..150).map(|i| (i * 11) as u8).collect();
        for length in 0..bytes.len() {
            let key = &bytes[..length];
            let mut expected = Hmac::<Sha256>::new_from_slice(key).unwrap();
            expected.update(&bytes);
            let expected: [u8; 32] = expected.finalize().into_bytes().into();
            assert_eq!(MacKey::new(key).mac(|text| text.put(&bytes)), expected, "{length}");
            let (first, rest) = bytes.split_first_chunk().unwrap();
            let begun = MacKey::new(key).begin(first);
            let begun = MacKey::from_words(*begun.to_words());
            assert_eq!(begun.mac_begun(|text| text.put(rest)), expected, "{length}");
        }
    }
}
