//! `s3_health`: which origins a health location asks about.

use nginx::conf::{LocationDirective, text};
use nginx::{Conf, ConfError};

use crate::S3Signature;
use crate::conf::location::{LocationConf, Probe, once};

/// `s3_health NAME=URI …`
pub(crate) struct S3Health;

impl LocationDirective for S3Health {
    type Module = S3Signature;

    fn set(_cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let mut probes: Vec<Probe> = Vec::new();
        for word in words.iter().skip(1) {
            let text = text(word, "parameter of \"s3_health\"")?;
            let plain = |name: &str| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            };
            let probe = text
                .split_once('=')
                .filter(|(name, uri)| !name.is_empty() && plain(name) && uri.starts_with('/'));
            let Some((name, uri)) = probe else {
                return Err(format!(
                    "invalid parameter \"{text}\" of \"s3_health\": a name, \"=\" and a URI"
                )
                .into());
            };
            if probes.iter().any(|probe| probe.name == name) {
                return Err(format!("duplicate name \"{name}\" in \"s3_health\"").into());
            }
            probes.push(Probe { name: name.to_owned(), uri: uri.into() });
        }
        once(words, conf.health.replace(probes).is_some())
    }
}
