//! Signatures of texts, whatever they are.
//!
//! `sigv4` signs what is right, and nothing else; finding out what a client did wrong takes signing that too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use sigv4::Secret;

/// `hex(HMAC(key, string to sign))`; the key is that of the scope: `"AWS4" + secret`, and an HMAC for each of its parts.
pub(super) fn v4(secret: &[u8], scope: &[u8], string_to_sign: &[u8]) -> Vec<u8> {
    let seed = Secret::new([b"AWS4", secret].concat());
    let mut key = seed;
    for part in scope.split(|&b| b == b'/') {
        key = Secret::new(hmac_sha256(key.expose(), part));
    }
    hex::encode(hmac_sha256(key.expose(), string_to_sign)).into()
}

/// `base64(HMAC-SHA1(secret, string to sign))`.
pub(super) fn v2(secret: &[u8], string_to_sign: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha1>::new_from_slice(secret).map(|mac| mac.chain_update(string_to_sign));
    // HMAC takes keys of every length.
    mac.map(|mac| STANDARD.encode(mac.finalize().into_bytes()).into()).unwrap_or_default()
}

/// `hex(SHA-256(text))`.
pub(super) fn sha256(text: &[u8]) -> String {
    hex::encode(Sha256::digest(text))
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(text));
    // HMAC takes keys of every length.
    mac.map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
}
