//! The origin's signatures, put into frames that are on their way out.

use super::line::replace_signature;
use super::sink::Stretch;
use super::{BodyError, Decoder, Event, Framing, Sink};
use crate::ChunkChain;
use crate::bytes::hex;

/// Replaces the hashes in the frames that a [`BodyFilter`](super::BodyFilter) let through by
/// signatures for one origin.
///
/// One is made for each attempt, with the chain that belongs to the head of that attempt, and is
/// fed the body from its first byte. It does not write into its input, since the next attempt needs
/// the hashes that stand there. The length of all output is that of all input; up to a line may be
/// held back between two calls.
pub struct Resigner {
    chain: ChunkChain,
    decoder: Decoder,
    line: Vec<u8>,
}

impl Resigner {
    /// A resigner at the start of a body; `chain` begins with the signature of the head that was
    /// sent to the origin.
    ///
    /// Frames without signatures ([`Framing::UnsignedTrailer`]) pass as they are.
    pub fn new(framing: Framing, chain: ChunkChain) -> Self {
        Self { chain, decoder: Decoder::new(framing), line: Vec::new() }
    }

    /// Takes the next bytes of the body.
    ///
    /// Data is given on as parts of `input`, lines with a signature as copies.
    ///
    /// # Errors
    ///
    /// The bytes are not the frames that were let through: a fault on this side. The attempt must
    /// not be completed.
    pub fn process(&mut self, input: &[u8], out: &mut impl Sink) -> Result<(), BodyError> {
        let mut rest = input;
        let mut run = Stretch::new(input, self.decoder.held());
        while let Some(event) = self.decoder.next(&mut rest)? {
            let signature = match &event {
                Event::Header(header) => header
                    .signature
                    .and_then(|field| hex::decode_lower(field))
                    .map(|hash| self.chain.chunk(&hash)),
                Event::TrailerSignature(line) => {
                    hex::decode_lower(line.signature).map(|hash| self.chain.trailer(&hash))
                }
                _ => None,
            };
            let Some(signature) = signature else {
                run.pass(&event, rest, out);
                continue;
            };
            run.leave_out(rest, out);
            self.line.clear();
            self.line.extend_from_slice(event.raw());
            replace_signature(&mut self.line, &signature);
            out.copied(&self.line);
        }
        run.flush(out);
        Ok(())
    }

    /// Says that the body is over.
    ///
    /// # Errors
    ///
    /// As [`process`](Self::process); here, that the frames are not complete.
    pub fn finish(&self) -> Result<(), BodyError> {
        self.decoder.finish()
    }
}
