//! Signing keys, derived from a secret for one scope.
//!
//! A key is held as the keyed states of HMAC, so that a signature costs one pass over the string to sign. There is no `==`
//! on signatures: [`SigningKey::verify`] compares in constant time.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::Secret;
use crate::bytes::hex;
use crate::canonical::TextSink as _;
use crate::canonical::sha256::MacKey;
use crate::canonical::string_to_sign::StringToSign;
use crate::keys::credential_scope::TERMINAL;

/// The key of one secret for one scope.
#[derive(Clone)]
pub(crate) struct SigningKey(pub(super) MacKey);

impl SigningKey {
    /// `HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request")`.
    ///
    /// `scope`: date, region and service.
    pub(crate) fn derive(secret: &Secret, scope: [&[u8]; 3]) -> Self {
        let seed = Zeroizing::new([b"AWS4", secret.expose()].concat());
        let key = scope.into_iter().fold(MacKey::new(&seed), step);
        Self(step(key, TERMINAL))
    }

    /// A key of nobody, for the same work on requests whose access key is unknown.
    pub(crate) fn dummy() -> Self {
        Self(MacKey::new(b"AWS4"))
    }

    /// The signature, as it is written.
    pub(crate) fn sign<const PIECES: usize>(
        &self,
        string_to_sign: &StringToSign<'_, PIECES>,
    ) -> [u8; 64] {
        hex::encode(&self.0.mac(|text| string_to_sign.write(text)))
    }

    /// The same key for texts that begin with this block.
    pub(crate) fn begin(&self, block: &[u8; 64]) -> BegunKey {
        BegunKey(self.0.begin(block))
    }

    /// Whether `claimed` is the signature: 64 lower-case digits, compared in constant time.
    pub(crate) fn verify(&self, string_to_sign: &StringToSign<'_, 1>, claimed: &[u8]) -> bool {
        let signature = self.sign(string_to_sign);
        // How long the claimed one is, everybody knows; a digit in upper case is another byte, and never matches.
        claimed.try_into().is_ok_and(|claimed| words(&signature).ct_eq(&words(claimed)).into())
    }
}

/// A signing key that has the first block of a string to sign behind it.
pub(crate) struct BegunKey(pub(super) MacKey);

impl BegunKey {
    /// The signature of a string whose first block was followed by `rest` and the hash.
    pub(crate) fn sign(&self, rest: &[u8], hash: &[u8; 64]) -> [u8; 64] {
        hex::encode(&self.0.mac_begun(|text| {
            text.put(rest);
            text.put(hash);
        }))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

/// A signature as eight numbers, which are compared in an eighth of the time.
fn words(signature: &[u8; 64]) -> [u64; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(signature.chunks_exact(8)) {
        *word = bytes.try_into().map_or(0, u64::from_ne_bytes);
    }
    words
}

fn step(key: MacKey, part: &[u8]) -> MacKey {
    let next = Zeroizing::new(key.mac(|text| text.put(part)));
    MacKey::new(next.as_slice())
}
