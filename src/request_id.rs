//! The id of a request in error documents, in `x-amz-request-id` and in logs.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use nginx::Request;

/// Sixteen upper-case hexadecimal digits, as S3's ids look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId([u8; 16]);

thread_local! {
    /// A sequence that starts at an unpredictable number in each worker, so that ids of workers do not meet.
    static NEXT: Cell<u64> = Cell::new(RandomState::new().hash_one(std::process::id()));
}

impl RequestId {
    /// A new id. It need only be unique, and is nothing to authenticate by.
    pub(crate) fn new() -> Self {
        let number = NEXT.replace(NEXT.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut digits = [0; 16];
        for (index, digit) in digits.iter_mut().enumerate() {
            let shift = 60 - 4 * index;
            *digit = b"0123456789ABCDEF"[(mix(number) >> shift) as usize & 15];
        }
        RequestId(digits)
    }

    /// Adds it to an answer, where S3 has its own; false when memory is out.
    pub(crate) fn add_to(&self, r: Request<'_>) -> bool {
        r.allocate_copy(&self.0).is_some_and(|id| {
            r.add_header(b"x-amz-request-id", id) && r.add_header(b"x-amz-id-2", id)
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The finaliser of splitmix64: neighbours in the sequence look unrelated, and no two numbers give one id.
fn mix(number: u64) -> u64 {
    let mut bits = number;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
