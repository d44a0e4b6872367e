//! Signing keys: derived from a secret for one scope, and kept a while.
//!
//! A key is held as the keyed state of HMAC, so that a signature costs one pass over the string to sign. There is no `==`
//! on signatures: [`SigningKey::verify`] compares in constant time.

use std::cell::RefCell;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::credential_scope::{CredentialScope, TERMINAL};
use crate::hex_text;
use crate::sink::Gathered;
use crate::string_to_sign::StringToSign;
use crate::{Secret, Timestamp};

/// The key of one secret for one scope.
#[derive(Clone)]
pub(crate) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// `HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request")`.
    pub(crate) fn derive(secret: &Secret, scope: &CredentialScope<'_>) -> Self {
        let mut seed = zeroize::Zeroizing::new([0u8; 256]);
        let key = match keyed(&mut seed, secret.expose()) {
            Some(key) => keyed_hmac(key),
            // Longer than any secret that is given out; the allocation does not matter.
            None => keyed_hmac(&zeroize::Zeroizing::new([b"AWS4", secret.expose()].concat())),
        };
        let key = step(key, scope.date);
        let key = step(key, scope.region);
        let key = step(key, scope.service);
        Self(step(key, TERMINAL))
    }

    /// A key of nobody, for the same work on requests whose access key is unknown.
    pub(crate) fn dummy() -> Self {
        Self(keyed_hmac(b"AWS4"))
    }

    /// The signature, as it is written.
    pub(crate) fn sign(&self, string_to_sign: &StringToSign<'_>) -> [u8; 64] {
        hex_text::encode(&self.mac(string_to_sign).finalize().into_bytes().into())
    }

    /// Whether `claimed` is the signature: 64 lower-case digits, compared in constant time.
    pub(crate) fn verify(&self, string_to_sign: &StringToSign<'_>, claimed: &[u8]) -> bool {
        let mac = self.mac(string_to_sign);
        // A signature of the wrong form costs the same work and never matches.
        let bytes = hex_text::decode_lower(claimed);
        mac.verify_slice(&bytes.unwrap_or_default()).is_ok() & bytes.is_some()
    }

    fn mac(&self, string_to_sign: &StringToSign<'_>) -> Hmac<Sha256> {
        let mut text = Gathered::new(self.0.clone());
        string_to_sign.write(&mut text);
        text.finish()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

fn keyed<'a>(buffer: &'a mut [u8; 256], secret: &[u8]) -> Option<&'a [u8]> {
    let end = secret.len().checked_add(4)?;
    let key = buffer.get_mut(..end)?;
    let (prefix, rest) = key.split_at_mut_checked(4)?;
    prefix.copy_from_slice(b"AWS4");
    rest.copy_from_slice(secret);
    Some(key)
}

fn keyed_hmac(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

fn step(mut mac: Hmac<Sha256>, part: &[u8]) -> Hmac<Sha256> {
    mac.update(part);
    keyed_hmac(&mac.finalize().into_bytes())
}

/// How many derived keys one credential keeps.
const SLOTS: usize = 4;
/// A request may be at most a week old (presigned) and is dated at most a skew ahead: keys outside this are not kept.
const KEPT_DAYS: i64 = 8;
/// Longer region names are not kept; real ones have about a dozen bytes.
const MAX_KEPT_REGION: usize = 64;

/// A few derived keys of one credential.
///
/// Keys enter only after they have verified a signature, or to sign, so that nobody without the secret can fill it; it
/// belongs to its credential and goes with it, so that a rotated secret leaves nothing behind.
#[derive(Default)]
pub(crate) struct SigningKeyCache(RefCell<Slots>);

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    /// Where the next key goes when all slots are taken.
    next: usize,
}

struct Slot {
    secret: usize,
    date: [u8; 8],
    region: Vec<u8>,
    key: SigningKey,
}

impl SigningKeyCache {
    /// The kept key of the credential's secret number `secret` for a scope.
    ///
    /// The service is no part of the index: one cache serves one service.
    pub(crate) fn get(&self, secret: usize, scope: &CredentialScope<'_>) -> Option<SigningKey> {
        let slots = self.0.try_borrow().ok()?;
        let hit = slots.slots.iter().find(|slot| {
            slot.secret == secret && slot.date == *scope.date && slot.region == scope.region
        })?;
        Some(hit.key.clone())
    }

    /// Keeps a key, in place of the one that was kept longest.
    pub(crate) fn keep(
        &self,
        secret: usize,
        scope: &CredentialScope<'_>,
        date: Timestamp,
        now: Timestamp,
        key: &SigningKey,
    ) {
        let days = date.unix().abs_diff(now.unix()).div_euclid(86_400);
        let (Ok(day), Ok(mut slots)) = (scope.date.try_into(), self.0.try_borrow_mut()) else {
            return;
        };
        if i64::try_from(days).unwrap_or(i64::MAX) > KEPT_DAYS
            || scope.region.len() > MAX_KEPT_REGION
        {
            return;
        }
        let slot = Slot { secret, date: day, region: scope.region.to_vec(), key: key.clone() };
        let at = slots.next;
        match slots.slots.get_mut(at) {
            Some(old) => *old = slot,
            None => slots.slots.push(slot),
        }
        slots.next = at.wrapping_add(1).wrapping_rem(SLOTS);
    }

    /// How many keys are kept: never more than a constant.
    pub(crate) fn len(&self) -> usize {
        self.0.try_borrow().map_or(0, |slots| slots.slots.len())
    }
}

impl fmt::Debug for SigningKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeyCache({} keys)", self.len())
    }
}
