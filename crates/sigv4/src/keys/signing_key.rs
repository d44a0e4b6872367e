//! Signing keys: derived from a secret for one scope, and kept a while.
//!
//! A key is held as the keyed states of HMAC, so that a signature costs one pass over the string to sign. There is no `==`
//! on signatures: [`SigningKey::verify`] compares in constant time.

use std::cell::{Ref, RefCell};
use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::bytes::hex;
use crate::canonical::TextSink as _;
use crate::canonical::sha256::MacKey;
use crate::canonical::string_to_sign::StringToSign;
use crate::keys::credential_scope::{CredentialScope, TERMINAL};
use crate::{Secret, Timestamp};

/// The key of one secret for one scope.
#[derive(Clone)]
pub(crate) struct SigningKey(MacKey);

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
    pub(crate) fn sign(&self, string_to_sign: &StringToSign<'_>) -> [u8; 64] {
        hex::encode(&self.0.mac(|text| string_to_sign.write(text)))
    }

    /// Whether `claimed` is the signature: 64 lower-case digits, compared in constant time.
    pub(crate) fn verify(&self, string_to_sign: &StringToSign<'_>, claimed: &[u8]) -> bool {
        let signature = self.sign(string_to_sign);
        // How long the claimed one is, everybody knows; a digit in upper case is another byte, and never matches.
        claimed.try_into().is_ok_and(|claimed| words(&signature).ct_eq(&words(claimed)).into())
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

/// How many derived keys one credential keeps.
const SLOTS: usize = 4;
/// A request may be at most a week old (presigned) and is dated at most a skew ahead: keys outside this are not kept.
const KEPT_DAYS: i64 = 8;
/// Longer region names are not kept; real ones have about a dozen bytes.
const MAX_KEPT_REGION: usize = 64;

/// A few derived keys of one credential.
///
/// Keys enter only after they have verified a signature, so that nobody without the secret can fill it; it
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
    pub(crate) fn get(
        &self,
        secret: usize,
        scope: &CredentialScope<'_>,
    ) -> Option<Ref<'_, SigningKey>> {
        let is_hit = |slot: &&Slot| {
            slot.secret == secret && slot.date == *scope.date && slot.region == scope.region
        };
        let slots = self.0.try_borrow().ok()?;
        Ref::filter_map(slots, |slots| slots.slots.iter().find(is_hit).map(|slot| &slot.key)).ok()
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
