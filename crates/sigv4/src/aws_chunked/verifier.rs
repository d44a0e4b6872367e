//! What is checked in an `aws-chunked` body.

use sha2::{Digest, Sha256};

use super::checksum::DigestValue;
use super::{
    BodyDeclaration, BodyError, Checksum, ChecksumAlgorithm, ChunkHeader, Decoder, Event,
    FrameError, Framing, Rules, SIGNATURE_LEN, Scheme, Trailer, TrailerError, TrailerSignature,
};
use crate::ChunkChain;
use crate::canonical::sha256;

/// An event that passed the checks that can be made when it comes.
///
/// A chunk's header and data come before its signature can be checked; they are proven by the
/// [`Event::ChunkEnd`] that follows them, and a chunk without data by its header.
#[derive(Clone, Copy, Debug)]
pub struct CheckedEvent<'a> {
    /// The event.
    pub event: Event<'a>,
    /// Whether all declared data has come with it, though it may not be proven yet.
    pub all_data: bool,
    /// The SHA-256 that was just found signed, or merely found where nothing is verified: of the
    /// chunk that ends, of the last chunk's nothing, or of the trailer.
    pub proven: Option<[u8; 32]>,
}

/// A [`Decoder`] whose events are checked against the request's head and signature.
pub struct Verifier {
    decoder: Decoder,
    checks: Checks,
    /// Set by a failed check; the decoder remembers its own faults.
    failed: bool,
}

impl Verifier {
    /// A verifier at the start of a body.
    ///
    /// # Errors
    ///
    /// [`TrailerError::NotStreaming`] when a trailer was declared for a body whose grammar has
    /// none.
    pub fn new(scheme: Scheme, declared: BodyDeclaration, rules: Rules) -> Result<Self, BodyError> {
        let framing = scheme.framing();
        if framing == Framing::Signed && declared.trailer.is_some() {
            return Err(trailer(TrailerError::NotStreaming));
        }
        let chain = match scheme {
            Scheme::Signed(chain) | Scheme::SignedTrailer(chain) => Some(chain),
            Scheme::UnsignedTrailer | Scheme::Unverified(_) => None,
        };
        let checksum = declared.trailer.filter(|_| rules.verify_checksum).and_then(Checksum::new);
        let checks = Checks {
            declared,
            block: Sha256::new(),
            chain,
            checksum,
            chunk: Chunk { number: 0, size: 0, hash: Sha256::new(), claimed: [0; SIGNATURE_LEN] },
            concluded: false,
            chunk_total: 0,
            received: 0,
            rules,
            signed: framing.is_signed(),
            trailer: TrailerValue::Absent,
        };
        Ok(Self { decoder: Decoder::new(framing), checks, failed: false })
    }

    /// Takes the next event off the front of `input`; `None` when all of it is taken and more is
    /// needed.
    ///
    /// # Errors
    ///
    /// Any [`BodyError`] but [`BodyError::PayloadMismatch`]. After one, every call is an error.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<CheckedEvent<'a>>, BodyError> {
        let offset = self.decoder.offset();
        if self.failed {
            return Err(BodyError::MalformedFrame { offset, fault: FrameError::Failed });
        }
        let Some(event) = self.decoder.next(input)? else { return Ok(None) };
        self.failed = true;
        let proven = self.checks.check(&event, offset)?;
        self.failed = false;
        Ok(Some(CheckedEvent { event, all_data: self.checks.has_all_data(), proven }))
    }

    /// Says that no more bytes come, and makes the last checks.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn finish(&mut self) -> Result<(), BodyError> {
        if self.failed {
            let (offset, fault) = (self.decoder.offset(), FrameError::Failed);
            return Err(BodyError::MalformedFrame { offset, fault });
        }
        if let Err(error) = self.decoder.finish() {
            // Where data is missing its amount says more than the place.
            return Err(if self.checks.has_all_data() {
                error
            } else {
                let expected = self.checks.declared.decoded_length;
                BodyError::IncompleteBody { expected, provided: self.checks.received }
            });
        }
        self.checks.conclude()
    }

    /// See [`Decoder::offset`].
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// See [`Decoder::held`].
    pub fn held(&self) -> usize {
        self.decoder.held()
    }

    /// The declared trailer, once it has come: name and value.
    pub fn trailer(&self) -> Option<(&'static str, String)> {
        match (self.checks.declared.trailer, &self.checks.trailer) {
            (Some(algorithm), TrailerValue::Digest(digest)) => {
                Some((algorithm.trailer(), digest.base64()))
            }
            _ => None,
        }
    }
}

struct Checks {
    declared: BodyDeclaration,
    /// Over the lines of the trailer block.
    block: Sha256,
    /// What the signatures must be, if that is known.
    chain: Option<ChunkChain>,
    checksum: Option<Checksum>,
    chunk: Chunk,
    concluded: bool,
    /// Sum of the chunk sizes of all headers; never more than the declared length.
    chunk_total: u64,
    /// Bytes of data that came; never more than `chunk_total`.
    received: u64,
    rules: Rules,
    /// Whether chunks have signatures.
    signed: bool,
    trailer: TrailerValue,
}

/// The chunk that is being read, or the one before between two.
struct Chunk {
    number: u64,
    size: u64,
    hash: Sha256,
    claimed: [u8; SIGNATURE_LEN],
}

enum TrailerValue {
    Absent,
    Digest(DigestValue),
    Invalid,
}

impl Checks {
    fn has_all_data(&self) -> bool {
        self.received == self.declared.decoded_length
    }

    fn check(&mut self, event: &Event<'_>, offset: u64) -> Result<Option<[u8; 32]>, BodyError> {
        match event {
            Event::ChunkEnd => self.prove_chunk(),
            Event::Data(data) => {
                self.received = self.received.saturating_add(data.len() as u64);
                if self.signed {
                    sha256::add(&mut self.chunk.hash, data);
                }
                if let Some(checksum) = &mut self.checksum {
                    checksum.update(data);
                }
                Ok(None)
            }
            Event::End => self.conclude().map(|()| None),
            Event::Header(header) => self.header(header, offset),
            Event::Trailer(field) => self.trailer(field).map(|()| None),
            Event::TrailerSignature(signature) => self.trailer_signature(signature),
        }
    }

    fn header(
        &mut self,
        header: &ChunkHeader<'_>,
        offset: u64,
    ) -> Result<Option<[u8; 32]>, BodyError> {
        let size = header.size;
        let number = self.chunk.number.saturating_add(1);
        let expected = self.declared.decoded_length;
        let small = self.signed && number > 1 && self.chunk.size < self.rules.min_chunk;
        if size > 0 && small {
            return Err(BodyError::InvalidChunkSize { chunk: number, size: self.chunk.size });
        }
        let total = self.chunk_total.saturating_add(size);
        if total > expected || (size == 0 && total != expected) {
            return Err(BodyError::IncompleteBody { expected, provided: total });
        }
        if self.signed && size > self.rules.max_chunk {
            return Err(BodyError::ChunkTooLarge { size, limit: self.rules.max_chunk });
        }
        self.chunk_total = total;
        self.chunk.number = number;
        self.chunk.size = size;
        match header.signature {
            _ if !self.signed => return Ok(None),
            Some(claimed) => self.chunk.claimed = *claimed,
            // The decoder has seen to it; should it ever not, a chunk without signature is a
            // downgrade.
            None => {
                let fault = FrameError::ChunkSignature;
                return Err(BodyError::MalformedFrame { offset, fault });
            }
        }
        if size == 0 { self.prove_chunk() } else { Ok(None) }
    }

    fn prove_chunk(&mut self) -> Result<Option<[u8; 32]>, BodyError> {
        if !self.signed {
            return Ok(None);
        }
        let hash: [u8; 32] = self.chunk.hash.finalize_reset().into();
        let Some(chain) = &mut self.chain else { return Ok(Some(hash)) };
        if chain.verify_chunk(&hash, &self.chunk.claimed).is_err() {
            return Err(mismatch(chain, chain.chunk_string_to_sign(&hash), &self.chunk.claimed));
        }
        Ok(Some(hash))
    }

    fn trailer(&mut self, field: &Trailer<'_>) -> Result<(), BodyError> {
        let sent = ChecksumAlgorithm::of_trailer(field.name);
        let Some(algorithm) = self.declared.trailer.filter(|declared| sent == Some(*declared))
        else {
            return Err(trailer(TrailerError::Undeclared));
        };
        if !matches!(self.trailer, TrailerValue::Absent) {
            return Err(trailer(TrailerError::Duplicate));
        }
        // block = lines `name:value\n`, names lower-case, sorted, values trimmed (`\n` alone if
        // none); as one trailer can be declared there is nothing to sort.
        for part in [algorithm.trailer().as_bytes(), b":", field.value, b"\n"] {
            sha256::add(&mut self.block, part);
        }
        self.trailer = match algorithm.decode(field.value) {
            Some(digest) => TrailerValue::Digest(digest),
            None => TrailerValue::Invalid,
        };
        Ok(())
    }

    fn trailer_signature(
        &mut self,
        line: &TrailerSignature<'_>,
    ) -> Result<Option<[u8; 32]>, BodyError> {
        if matches!(self.trailer, TrailerValue::Absent) {
            if self.declared.trailer.is_some() {
                return Err(trailer(TrailerError::Missing));
            }
            sha256::add(&mut self.block, b"\n");
        }
        let hash: [u8; 32] = self.block.finalize_reset().into();
        match &self.chain {
            Some(chain) if chain.verify_trailer(&hash, line.signature).is_err() => {
                return Err(mismatch(chain, chain.trailer_string_to_sign(&hash), line.signature));
            }
            _ => {}
        }
        self.conclude()?;
        Ok(Some(hash))
    }

    /// The checks that need the whole body. The order is: framing, presence, signature, form,
    /// value.
    fn conclude(&mut self) -> Result<(), BodyError> {
        if std::mem::replace(&mut self.concluded, true) {
            return Ok(());
        }
        let Some(algorithm) = self.declared.trailer else { return Ok(()) };
        match &self.trailer {
            TrailerValue::Absent => Err(trailer(TrailerError::Missing)),
            TrailerValue::Invalid => {
                Err(BodyError::InvalidTrailerValue { name: algorithm.trailer() })
            }
            TrailerValue::Digest(sent) => match self.checksum.take() {
                Some(checksum) => checksum.verify(sent),
                None => Ok(()),
            },
        }
    }
}

fn trailer(fault: TrailerError) -> BodyError {
    BodyError::MalformedTrailer { fault }
}

fn mismatch(
    chain: &ChunkChain,
    string_to_sign: Vec<u8>,
    provided: &[u8; SIGNATURE_LEN],
) -> BodyError {
    let (access_key, provided) = (chain.access_key().to_vec(), provided.to_vec());
    BodyError::SignatureMismatch { access_key, string_to_sign, provided }
}
