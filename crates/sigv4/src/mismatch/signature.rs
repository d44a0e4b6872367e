//! Signatures of texts, whatever they are.
//!
//! Everywhere else what is signed is right; finding out what a client did wrong takes signing that too.

use sha2::{Digest as _, Sha256};

use crate::bytes::hex;
use crate::canonical::TextSink as _;
use crate::canonical::sha256::MacKey;
use crate::{Explanation, Secret, signature_v2};

/// The right signature of a request under a secret.
pub(crate) fn of(explanation: &Explanation, secret: &[u8]) -> Vec<u8> {
    let Explanation { scope, string_to_sign, .. } = explanation;
    if explanation.is_v2() { v2(secret, string_to_sign) } else { v4(secret, scope, string_to_sign) }
}

/// `hex(HMAC(key, string to sign))`; the key is that of the scope: `"AWS4" + secret`, and an HMAC for each of its parts.
pub(crate) fn v4(secret: &[u8], scope: &[u8], string_to_sign: &[u8]) -> Vec<u8> {
    let mut key = Secret::new([b"AWS4", secret].concat());
    for part in scope.split(|&b| b == b'/') {
        key = Secret::new(hmac_sha256(key.expose(), part));
    }
    hex::encode(&hmac_sha256(key.expose(), string_to_sign)).into()
}

/// `base64(HMAC-SHA1(secret, string to sign))`.
pub(crate) fn v2(secret: &[u8], string_to_sign: &[u8]) -> Vec<u8> {
    signature_v2::sign(&Secret::new(secret), string_to_sign).to_vec()
}

/// `hex(SHA-256(text))`.
pub(crate) fn sha256(text: &[u8]) -> [u8; 64] {
    hex::encode(&Sha256::digest(text).into())
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    MacKey::new(key).mac(|mac| mac.put(text))
}
