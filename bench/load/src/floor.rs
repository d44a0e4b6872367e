//! What hashing alone costs: no proxy that verifies and signs can be cheaper.

use std::hint::black_box;
use std::time::Instant;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Length of a canonical request in bytes: those of the GETs here have 290 to 560.
const CANONICAL: usize = 420;
/// Length of a string to sign in bytes.
const STRING_TO_SIGN: usize = 138;

/// Prints nanoseconds of: the hashes of one GET (two canonical requests, two HMACs with keys that are already expanded),
/// and what 64 KiB in one signed chunk add (one hash of the data, four HMACs: chunk and end, verified and signed).
pub(crate) fn print() {
    let text = vec![b'x'; 65536];
    let key = Hmac::<Sha256>::new_from_slice(&text[..32]).expect("any length");
    let hash = |length: usize| {
        black_box(Sha256::digest(black_box(&text[..length])));
    };
    let hmac = |length: usize| {
        let mut mac = key.clone();
        mac.update(black_box(&text[..length]));
        black_box(mac.finalize());
    };
    let get = median(2000, || {
        hash(CANONICAL);
        hmac(STRING_TO_SIGN);
        hash(CANONICAL);
        hmac(STRING_TO_SIGN);
    });
    let chunk = median(200, || {
        hash(65536);
        (0..4).for_each(|_| hmac(270));
    });
    println!("{}", json!({ "get_ns": get, "signed_64k_ns": chunk }));
}

/// Median over 31 rounds of the time of one call in nanoseconds.
fn median(calls: u32, mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<_> = (0..31)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| work());
            start.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
