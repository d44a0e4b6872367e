//! The directives about request bodies: what of them is checked, and which are taken.

use nginx::conf::{LocationDirective, argument, flag, size};
use nginx::{Conf, ConfError};

use super::{LocationConf, UnknownLength, once};
use crate::S3Signature;

/// `s3_verify_payload on | off`
pub(crate) struct S3VerifyPayload;

impl LocationDirective for S3VerifyPayload {
    type Module = S3Signature;

    fn set(_cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        once(words, conf.verify_payload.replace(flag(words)?).is_some())
    }
}

/// `s3_max_chunk_size SIZE`
pub(crate) struct S3MaxChunkSize;

impl LocationDirective for S3MaxChunkSize {
    type Module = S3Signature;

    fn set(_cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let [_, word] = words else { return Err("\"s3_max_chunk_size\" takes a size".into()) };
        let size = size(word).filter(|size| CHUNK_SIZES.contains(size));
        let wrong = || {
            format!("\"s3_max_chunk_size\" must be from 8k to 1g, not \"{}\"", word.escape_ascii())
        };
        once(words, conf.max_chunk_size.replace(size.ok_or_else(wrong)?).is_some())
    }
}

/// `s3_unknown_length refuse | buffer`
pub(crate) struct S3UnknownLength;

impl LocationDirective for S3UnknownLength {
    type Module = S3Signature;

    fn set(_cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let unknown_length = match argument(words) {
            b"buffer" => UnknownLength::Buffer,
            b"refuse" => UnknownLength::Refuse,
            word => {
                let word = word.escape_ascii();
                return Err(format!(
                    "invalid value \"{word}\" in \"s3_unknown_length\" directive, it must be \"refuse\" or \"buffer\""
                )
                .into());
            }
        };
        once(words, conf.unknown_length.replace(unknown_length).is_some())
    }
}

/// Sizes that `s3_max_chunk_size` may have: clients must not send smaller chunks than the least.
const CHUNK_SIZES: std::ops::RangeInclusive<u64> = (8 << 10)..=(1 << 30);
