//! `s3_explain_mismatch`: of how many signatures that do not match the cause is looked for.

use nginx::conf::LocationDirective;
use nginx::{Conf, ConfError};

use super::{LocationConf, once};
use crate::S3Signature;

/// `s3_explain_mismatch off | rate=NUMBERr/s`
pub(crate) struct S3ExplainMismatch;

impl LocationDirective for S3ExplainMismatch {
    type Module = S3Signature;

    fn set(_cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let rate = match words {
            [_, b"off"] => Some(0),
            [_, word] => rate(word),
            _ => None,
        };
        let wrong = || {
            let most = MAX_EXPLAINED;
            format!(
                "\"s3_explain_mismatch\" takes off, or a rate from 1r/s to {most}r/s: rate=1r/s"
            )
        };
        once(words, conf.explain_mismatch.replace(rate.ok_or_else(wrong)?).is_some())
    }
}

/// Most causes that a worker looks for in a second: each may take some milliseconds.
const MAX_EXPLAINED: u32 = 20;

/// `rate=5r/s`, as `limit_req_zone` has it.
fn rate(word: &[u8]) -> Option<u32> {
    let number = word.strip_prefix(b"rate=")?.strip_suffix(b"r/s")?;
    let is_number = number.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(number).ok().filter(|_| is_number)?.parse().ok()?;
    (1..=MAX_EXPLAINED).contains(&number).then_some(number)
}
