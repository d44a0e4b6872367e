//! Error logs: what they get to know, and at which level.

use nginx::Level;
use nginx::log_writer::LogMask;
use s3::{FaultSource, S3Error};

use crate::S3Signature;

impl LogMask for S3Signature {
    fn mask(line: &mut [u8]) {
        sigv4::mask(line);
    }
}

/// The level that nginx uses for such faults. What is logged holds no secret, and no signature that we computed.
pub(crate) fn level(answer: &S3Error) -> Level {
    match answer.fault() {
        FaultSource::Client => Level::Info,
        FaultSource::Authentication | FaultSource::Origin | FaultSource::Ours => Level::Error,
    }
}
