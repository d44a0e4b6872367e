//! `s3_health`: which origins a health location tells of.

use std::ops::RangeInclusive;

use nginx::conf::{LocationDirective, milliseconds, text};
use nginx::{Conf, ConfError};

use crate::S3Signature;
use crate::conf::location::{HealthCheck, HealthOrigin, LocationConf, once};

/// `s3_health NAME[=URI] … [timeout=TIME]`
pub(crate) struct S3Health;

impl LocationDirective for S3Health {
    type Module = S3Signature;

    fn set(cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let mut health = HealthCheck::default();
        for word in words.iter().skip(1) {
            let text = text(word, "parameter of \"s3_health\"")?;
            let wrong = |why| format!("invalid parameter \"{text}\" of \"s3_health\": {why}");
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            if let ("timeout", Some(time)) = (name, value.filter(|uri| !uri.starts_with('/'))) {
                let time = milliseconds(time.as_bytes()).filter(|time| HEALTH_TIMES.contains(time));
                health.timeout = time.ok_or_else(|| wrong("a time from 1ms to 1h"))?;
                continue;
            }
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            let is_uri = value.is_none_or(|uri| uri.starts_with('/'));
            if name.is_empty() || !name.bytes().all(plain) || !is_uri {
                return Err(
                    wrong("a name, \"=\" and a URI, or the name of a probed s3_origin").into()
                );
            }
            if health.origins.iter().any(|origin| origin.name == name) {
                return Err(format!("duplicate name \"{name}\" in \"s3_health\"").into());
            }
            if value.is_none() {
                let position = cf.position();
                cf.main_conf::<S3Signature>()?.health_names.push((name.to_owned(), position));
            }
            health.origins.push(HealthOrigin { name: name.to_owned(), uri: value.map(Into::into) });
        }
        if health.origins.is_empty() {
            return Err("\"s3_health\" names no origin".into());
        }
        once(words, conf.health.replace(health).is_some())
    }
}

/// What `s3_health` may wait, in milliseconds.
const HEALTH_TIMES: RangeInclusive<u64> = 1..=3_600_000;
