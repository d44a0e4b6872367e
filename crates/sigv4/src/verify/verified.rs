//! A request whose signature was verified. [`verify`](crate::verify) alone makes one.

use std::fmt;
use std::sync::Arc;

use crate::resign::permit::{Permit, PermitKind};
use crate::{ChunkChain, Credential, Mechanism, Payload, Target, Timestamp};

/// Proof that a request was signed by the holder of one of our keys, and what follows from its head.
///
/// No public constructor and no `Clone`: whoever holds one got it from [`verify`](crate::verify).
pub struct Verified<'k, 'b, G> {
    pub(crate) credential: &'k Credential<G>,
    pub(crate) mechanism: Mechanism,
    pub(crate) target: Target<'b>,
    pub(crate) payload: Payload,
    pub(crate) decoded_length: Option<u64>,
    pub(crate) trailer: Option<&'static str>,
    pub(crate) date: Option<Timestamp>,
    pub(crate) chunk_chain: Option<Box<ChunkChain>>,
    /// Lower-case names of headers that came unsigned, which the policy lets them.
    pub(crate) dropped: Option<Arc<[Vec<u8>]>>,
}

impl<'k, 'b, G> Verified<'k, 'b, G> {
    /// Who signed.
    pub fn credential(&self) -> &'k Credential<G> {
        self.credential
    }

    /// How.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The target in canonical form, as it goes to an origin.
    pub fn target(&self) -> Target<'b> {
        self.target
    }

    /// What was signed about the body.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Length of the object in bytes inside aws-chunked framing; none for other payloads.
    pub fn decoded_length(&self) -> Option<u64> {
        self.decoded_length
    }

    /// Lower-case name of the trailer that was declared.
    pub fn trailer(&self) -> Option<&'static str> {
        self.trailer
    }

    /// The request's date; none where only an expiry was signed (presigned Signature V2).
    pub fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// For the signed streaming payloads: the chain to verify chunks with, seeded with the request's signature.
    pub fn chunk_chain(&self) -> Option<ChunkChain> {
        self.chunk_chain.as_deref().cloned()
    }

    /// Leave to sign this request for an origin.
    pub fn permit(&self) -> Permit {
        let kind = match self.mechanism {
            Mechanism::Header | Mechanism::V2Header => PermitKind::Header,
            Mechanism::Presigned => PermitKind::Presigned,
            Mechanism::V2Presigned => PermitKind::V2Presigned,
        };
        Permit::new(kind, self.dropped.clone())
    }
}

impl<G> fmt::Debug for Verified<'_, '_, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("credential", &self.credential)
            .field("mechanism", &self.mechanism)
            .field("payload", &self.payload)
            .field("decoded_length", &self.decoded_length)
            .field("trailer", &self.trailer)
            .finish_non_exhaustive()
    }
}
