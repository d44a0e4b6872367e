//! `s3_status`: where it is told what was counted.

use nginx::conf::LocationDirective;
use nginx::{Conf, ConfError, content};
use status::StatusFormat;

use crate::S3Signature;
use crate::conf::location::{LocationConf, StatusView, once};
use crate::status::StatusContent;

/// `s3_status [prometheus | openmetrics | json]`
pub(crate) struct S3Status;

impl LocationDirective for S3Status {
    type Module = S3Signature;

    fn set(cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let format = match words.get(1) {
            None => None,
            Some(word) => {
                // The page asks the address where it is for the JSON.
                let format = StatusFormat::of_name(word).filter(|it| *it != StatusFormat::Html);
                Some(format.ok_or_else(|| {
                    let word = word.escape_ascii();
                    format!(
                        "invalid format \"{word}\" of \"s3_status\": prometheus, openmetrics or json"
                    )
                })?)
            }
        };
        once(words, conf.status.replace(StatusView { format }).is_some())?;
        let position = cf.position();
        cf.main_conf::<S3Signature>()?.status_at.get_or_insert(position);
        content::install::<StatusContent>(cf)
    }
}
