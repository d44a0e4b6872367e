//! Directives of http{} that are no blocks.

use std::ops::RangeInclusive;

use nginx::conf::{MainDirective, argument, flag, milliseconds};
use nginx::{Conf, ConfError};

use crate::S3Signature;

/// `s3_malloc_keep on | off`
pub(crate) struct S3MallocKeep;

impl MainDirective for S3MallocKeep {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let keep = flag(words)?;
        match cf.main_conf::<S3Signature>()?.malloc_keep.replace(keep) {
            Some(_) => Err("\"s3_malloc_keep\" directive is duplicate".into()),
            None => Ok(()),
        }
    }
}

/// How often files with keys are looked at where `s3_watch` does not say it, in milliseconds.
pub(crate) const WATCH_INTERVAL: u64 = 1000;

/// What it may say. Below, a worker would do little else.
const WATCH_INTERVALS: RangeInclusive<u64> = 10..=3_600_000;

/// `s3_watch TIME | off`
pub(crate) struct S3Watch;

impl MainDirective for S3Watch {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let interval = match argument(words) {
            b"off" => None,
            word => {
                let time = milliseconds(word).filter(|time| WATCH_INTERVALS.contains(time));
                let wrong = || {
                    let word = word.escape_ascii();
                    format!("\"s3_watch\" must be from 10ms to 1h, or \"off\", not \"{word}\"")
                };
                Some(time.ok_or_else(wrong)?)
            }
        };
        match cf.main_conf::<S3Signature>()?.watch.replace(interval) {
            Some(_) => Err("\"s3_watch\" directive is duplicate".into()),
            None => Ok(()),
        }
    }
}
