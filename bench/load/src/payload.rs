//! The one body of all uploads, and its hashes.
//!
//! Every object is a prefix of the same repeated block. What a hash costs does not depend on the bytes, so the generator
//! hashes each length once and does not become the bottleneck of what it measures; heads and signatures are all distinct.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

/// Length of the block in bytes.
pub(crate) const BLOCK: usize = 1 << 20;

/// The block, and hashes of its prefixes.
pub(crate) struct Body {
    pub(crate) block: Vec<u8>,
    chunks: HashMap<(usize, usize), [u8; 32]>,
    whole: HashMap<u64, [u8; 32]>,
    checksums: HashMap<u64, u32>,
}

impl Default for Body {
    fn default() -> Self {
        // A generator without a seed: it has to be nothing but the same each time and no constant byte.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let block = (0..BLOCK).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        Self {
            block: block.collect(),
            chunks: HashMap::new(),
            whole: HashMap::new(),
            checksums: HashMap::new(),
        }
    }
}

impl Body {
    /// The pieces of `length` bytes, none across the end of the block.
    fn pieces(&self, length: u64) -> impl Iterator<Item = &[u8]> {
        let full = length / BLOCK as u64;
        let rest = (length % BLOCK as u64) as usize;
        (0..full).map(|_| self.block.as_slice()).chain([&self.block[..rest]])
    }

    /// SHA-256 of the first `length` bytes.
    pub(crate) fn sha256(&mut self, length: u64) -> [u8; 32] {
        if let Some(known) = self.whole.get(&length) {
            return *known;
        }
        let mut hash = Sha256::new();
        self.pieces(length).for_each(|piece| hash.update(piece));
        let hash = hash.finalize().into();
        self.whole.insert(length, hash);
        hash
    }

    /// SHA-256 of one chunk, which does not reach across the end of the block.
    pub(crate) fn chunk_sha256(&mut self, offset: u64, length: usize) -> [u8; 32] {
        let start = (offset % BLOCK as u64) as usize;
        let block = &self.block;
        *self
            .chunks
            .entry((start, length))
            .or_insert_with(|| Sha256::digest(&block[start..start + length]).into())
    }

    /// CRC-32 of the first `length` bytes.
    pub(crate) fn crc32(&mut self, length: u64) -> u32 {
        if let Some(known) = self.checksums.get(&length) {
            return *known;
        }
        let mut hash = crc32fast::Hasher::new();
        self.pieces(length).for_each(|piece| hash.update(piece));
        let hash = hash.finalize();
        self.checksums.insert(length, hash);
        hash
    }
}
