//! Whether a claim is true: the signature, its key, its token.

use crate::canonical::canonical_request::CanonicalRequest;
use crate::canonical::string_to_sign::{ALGORITHM, StringToSign};
use crate::error::shown;
use crate::keys::credential::TokenCheck;
use crate::keys::signing_key::SigningKey;
use crate::signature_v2::{self, BucketForm};
use crate::verify::Parsed;
use crate::verify::claim::Claim;
use crate::verify::v2::{self, ClaimV2};
use crate::{
    ChunkChain, Credential, Error, Keyring, Payload, Policy, Secret, SignatureError, Timestamp,
    TokenError,
};

/// What the signature of a claim has proven.
pub(super) struct Proven<'k, 'c, G> {
    pub(super) credential: &'k Credential<G>,
    pub(super) date: Option<Timestamp>,
    pub(super) payload: &'c Payload,
    pub(super) chunk_chain: Option<Box<ChunkChain>>,
}

impl Parsed<'_, '_> {
    /// Rows 16 to 18 of 1.3.
    pub(super) fn prove<'k, 'c, G>(
        &self,
        claim: &'c Claim<'_>,
        keyring: &'k Keyring<G>,
        now: Timestamp,
    ) -> Result<Proven<'k, 'c, G>, Error> {
        // Hashed before the key is looked up, so that it takes as long where there is no such key.
        let canonical = self.canonical_request(claim);
        let (hash, complete) = canonical.hash();
        let string = string_to_sign(claim, &hash);
        let Some(credential) = keyring.find(claim.access_key) else {
            // About the same work as for a key that exists.
            let _ = std::hint::black_box(SigningKey::dummy().verify(&string, claim.signature));
            return Err(Error::Signature(SignatureError::UnknownAccessKey {
                access_key: shown(claim.access_key),
            }));
        };
        // Row 17 before row 18, as S3 has it; tokens are compared in constant time, too.
        check_token(credential, claim.token, now)?;
        // A listed header that is absent is a mismatch, found out after the HMAC like every other one.
        let proven = credential.proving_secret(&claim.scope, &string, claim.signature, now);
        let Some(secret) = proven.filter(|_| complete) else {
            return Err(mismatch(claim, &canonical, &string));
        };
        // Without a chain no chunk is believed.
        let chunk_chain = if claim.payload.is_signed_streaming() {
            chunk_chain(credential, secret, claim)
        } else {
            None
        };
        Ok(Proven { credential, date: Some(claim.date), payload: &claim.payload, chunk_chain })
    }

    /// The same for Signature V2, whose secrets sign directly.
    #[inline(never)]
    pub(super) fn prove_v2<'k, 'c, G>(
        &self,
        claim: &'c ClaimV2<'_>,
        keyring: &'k Keyring<G>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Proven<'k, 'c, G>, Error> {
        let bucket = self.virtual_bucket;
        let text = |form| claim.string_to_sign(self.request, policy, self.target, bucket, form);
        let (string_to_sign, other) = (text(BucketForm::AsSent), text(BucketForm::Other));
        let Some(credential) = keyring.find(claim.access_key) else {
            let nobody = Secret::new(*b"nobody");
            let _ = std::hint::black_box(signature_v2::matches(
                &nobody,
                &string_to_sign,
                claim.signature,
            ));
            return Err(Error::Signature(SignatureError::UnknownAccessKey {
                access_key: shown(claim.access_key),
            }));
        };
        check_token(credential, claim.token, now)?;
        let matches = credential.secrets().fold(false, |found, secret| {
            found
                | signature_v2::matches(secret, &string_to_sign, claim.signature)
                | signature_v2::matches(secret, &other, claim.signature)
        });
        if !matches {
            return Err(Error::Signature(SignatureError::Mismatch {
                access_key: shown(claim.access_key),
                string_to_sign,
                provided: shown(claim.signature),
                canonical_request: Vec::new(),
            }));
        }
        // After the signature: only who holds the key learns which parameters it should have covered.
        v2::check_parameters(self.target, self.mechanism)?;
        Ok(Proven { credential, date: claim.date, payload: &claim.payload, chunk_chain: None })
    }
}

/// What is told of a signature that is not the request's.
#[cold]
#[inline(never)]
fn mismatch(
    claim: &Claim<'_>,
    canonical: &CanonicalRequest<'_>,
    string_to_sign: &StringToSign<'_, 1>,
) -> Error {
    let mut canonical_request = Vec::with_capacity(512);
    canonical.write(&mut canonical_request);
    Error::Signature(SignatureError::Mismatch {
        access_key: claim.access_key.to_vec(),
        string_to_sign: string_to_sign.to_vec(),
        provided: claim.signature.to_vec(),
        canonical_request,
    })
}

/// The chain of chunks whose seed is the signature of a request that the secret of that number has signed.
#[inline(never)]
fn chunk_chain<G>(
    credential: &Credential<G>,
    secret: usize,
    claim: &Claim<'_>,
) -> Option<Box<ChunkChain>> {
    let key = credential.signing_key(secret, &claim.scope)?;
    let (scope, seed) = (claim.scope.text.to_vec(), claim.signature.try_into().ok()?);
    Some(Box::new(ChunkChain::new(key, claim.date, scope, claim.access_key, seed)))
}

pub(crate) fn string_to_sign<'a>(claim: &Claim<'a>, hash: &'a [u8; 64]) -> StringToSign<'a, 1> {
    StringToSign { label: ALGORITHM, date: claim.date, scope: [claim.scope.text], chain: &[], hash }
}

fn check_token<G>(
    credential: &Credential<G>,
    sent: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), Error> {
    let token = || shown(sent.unwrap_or_default());
    match credential.check_token(sent, now) {
        TokenCheck::Expired => Err(Error::Token(TokenError::Expired { token: token() })),
        TokenCheck::Invalid => Err(Error::Token(TokenError::Invalid { token: token() })),
        TokenCheck::KeyExpired => Err(Error::Signature(SignatureError::ExpiredAccessKey {
            access_key: shown(credential.access_key()),
        })),
        TokenCheck::Missing => {
            Err(Error::Token(TokenError::Missing { access_key: shown(credential.access_key()) }))
        }
        TokenCheck::Right => Ok(()),
    }
}
