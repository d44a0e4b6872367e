//! Bodies with one SHA-256 in `x-amz-content-sha256`, or with nothing but a length.

use sha2::{Digest, Sha256};

use super::{BodyError, Sink};
use crate::PayloadHash;
use crate::bytes::hex;
use crate::canonical::sha256;

/// Compares a streaming body with the hash that its head states, or with its length alone.
pub struct PayloadDigest {
    /// What the head states, and the hash of what has come.
    hash: Option<(PayloadHash, Sha256)>,
    length: Option<u64>,
    received: u64,
    /// The last byte that came, while it may be the body's last.
    held: Option<u8>,
}

impl PayloadDigest {
    /// Expects the hash `claimed` of a body of `length` bytes, if that is known.
    pub fn new(claimed: PayloadHash, length: Option<u64>) -> Self {
        Self { hash: Some((claimed, Sha256::new())), length, received: 0, held: None }
    }

    /// Expects `length` bytes, if that is known, whatever they are.
    pub fn of_length(length: Option<u64>) -> Self {
        Self { hash: None, length, received: 0, held: None }
    }

    /// Adds bytes of the body.
    ///
    /// # Errors
    ///
    /// [`BodyError::IncompleteBody`] as soon as the body is longer than it should be.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.received = self.received.saturating_add(bytes.len() as u64);
        match self.length {
            Some(expected) if self.received > expected => {
                Err(BodyError::IncompleteBody { expected, provided: self.received })
            }
            _ => {
                if let Some((_, hash)) = &mut self.hash {
                    sha256::add(hash, bytes);
                }
                Ok(())
            }
        }
    }

    /// Says that the body is over.
    ///
    /// # Errors
    ///
    /// [`BodyError::IncompleteBody`] and [`BodyError::PayloadMismatch`].
    pub fn finish(&mut self) -> Result<(), BodyError> {
        match self.length {
            Some(expected) if self.received != expected => {
                return Err(BodyError::IncompleteBody { expected, provided: self.received });
            }
            _ => {}
        }
        let Some((claimed, hash)) = &mut self.hash else { return Ok(()) };
        let calculated: [u8; 32] = hash.finalize_reset().into();
        if calculated == claimed.digest() {
            return Ok(());
        }
        let text = |digits: &[u8]| String::from_utf8_lossy(digits).into_owned();
        Err(BodyError::PayloadMismatch {
            claimed: text(claimed.as_sent()),
            calculated: text(&hex::encode(&calculated)),
        })
    }

    /// Feeds `input` and gives it on, but for the body's last byte before hash and length are proven. Where
    /// the length is unknown every byte may be the last one.
    pub(super) fn push(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut impl Sink,
    ) -> Result<(), BodyError> {
        self.feed(input)?;
        if last {
            self.finish()?;
            self.release(out);
            if !input.is_empty() {
                out.borrowed(input);
            }
            return Ok(());
        }
        let Some((&end, start)) = input.split_last() else { return Ok(()) };
        self.release(out);
        let may_end = self.length.is_none_or(|length| self.received >= length);
        let pass = if may_end { start } else { input };
        self.held = may_end.then_some(end);
        if !pass.is_empty() {
            out.borrowed(pass);
        }
        Ok(())
    }

    fn release(&mut self, out: &mut impl Sink) {
        if let Some(byte) = self.held.take() {
            out.copied(&[byte]);
        }
    }
}
