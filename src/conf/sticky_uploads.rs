//! `s3_sticky_uploads`: multipart uploads stay with the origin that began them.

use std::rc::Rc;

use nginx::conf::ServerDirective;
use nginx::upstream::{Upstream, peers};
use nginx::{Conf, ConfError};
use s3::UploadIdKeys;
use watch::FileReading;

use crate::S3Signature;
use crate::conf::secret::Value;
use crate::live::{Live, LiveSource};

/// What an upstream{} says of its uploads.
pub(crate) struct StickyUploads {
    /// The upstream's name, for log lines.
    pub(crate) upstream: String,
    /// What upload ids are made with.
    pub(crate) keys: Live<UploadKeyWords>,
}

/// What stands in the line.
pub(crate) struct UploadKeyWords {
    key: Value,
    old: Option<Value>,
}

impl LiveSource for UploadKeyWords {
    type State = UploadIdKeys;

    fn read(&self, reading: &mut FileReading) -> Result<UploadIdKeys, String> {
        let key = self.key.read(reading)?;
        let old = self.old.as_ref().map(|old| old.read(reading)).transpose()?;
        Ok(UploadIdKeys::new(key, old))
    }
}

/// `s3_sticky_uploads KEY [old=KEY]`
pub(crate) struct S3StickyUploads;

impl ServerDirective for S3StickyUploads {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let upstream = Upstream::of_block(cf).ok_or("\"s3_sticky_uploads\" is for upstreams")?;
        let [_, key, parameters @ ..] = words else {
            return Err("\"s3_sticky_uploads\" takes a key".into());
        };
        let old = match parameters {
            [] => None,
            [word] => Some(word.strip_prefix(b"old=").ok_or_else(|| {
                let word = word.escape_ascii();
                format!("invalid parameter \"{word}\" of \"s3_sticky_uploads\"")
            })?),
            _ => return Err("\"s3_sticky_uploads\" takes a key and an old one".into()),
        };
        let words = UploadKeyWords {
            key: Value::of(cf, key, "upload key")?,
            old: old.map(|old| Value::of(cf, old, "old upload key")).transpose()?,
        };
        let mut reading = FileReading::first();
        let state = words.read(&mut reading)?;
        let sticky = StickyUploads {
            upstream: upstream.host().escape_ascii().to_string(),
            keys: Live::new(words, state, &reading),
        };
        let known = &mut cf.main_conf::<S3Signature>()?.sticky_uploads;
        match known.insert(upstream.id(), Rc::new(sticky)) {
            Some(_) => Err("\"s3_sticky_uploads\" directive is duplicate".into()),
            None => Ok(()),
        }
    }
}

/// Sees to it that the peers of these upstreams can be chosen among. For postconfiguration.
///
/// # Errors
///
/// Names the upstream whose balancer keeps its peers in a way of its own.
pub(crate) fn configure(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    for upstream in Upstream::all(cf) {
        let known = &cf.main_conf::<S3Signature>()?.sticky_uploads;
        if !known.contains_key(&upstream.id()) || peers::note::<S3Signature>(cf, upstream)? {
            continue;
        }
        let (name, place) = (upstream.host().escape_ascii(), upstream.place());
        return Err(format!(
            "\"s3_sticky_uploads\" in upstream \"{name}\" {place}: its balancer is none of nginx's own"
        )
        .into());
    }
    Ok(())
}
