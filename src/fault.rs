//! Panics on demand, for the test of the panic boundary (t/panic.t). Only in builds with the feature `fault-injection`,
//! which no release has.

use nginx::Request;

/// Panics where the request has a header `X-S3-Fault` that names this place.
#[cfg(feature = "fault-injection")]
pub(crate) fn inject(r: Request<'_>, place: &str) {
    assert!(r.header(b"x-s3-fault") != Some(place.as_bytes()), "injected in {place}");
}

/// Nothing, in a build that is meant for use.
#[cfg(not(feature = "fault-injection"))]
pub(crate) fn inject(_r: Request<'_>, _place: &str) {}
