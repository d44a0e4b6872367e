//! Signature V4's arithmetic by another crate than the one under test.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The signature of a string to sign whose third line is the scope; none if that has not four parts.
pub fn sign(secret: &[u8], string_to_sign: &[u8]) -> Option<String> {
    let scope = string_to_sign.split(|&b| b == b'\n').nth(2)?;
    let parts: Vec<_> = scope.split(|&b| b == b'/').collect();
    let [date, region, service, terminal] = parts[..] else { return None };
    let key = [date, region, service, terminal]
        .into_iter()
        .fold([b"AWS4", secret].concat(), |key, part| keyed_hash(&key, part));
    Some(hex::encode(keyed_hash(&key, string_to_sign)))
}

fn keyed_hash(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
