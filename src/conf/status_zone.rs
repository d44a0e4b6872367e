//! `s3_status_zone`: what counters lie in.

use std::rc::Rc;

use nginx::conf::{MainDirective, argument, size, text};
use nginx::shared_memory::SizedZone;
use nginx::upstream::{Server, Upstream, UpstreamId, peers};
use nginx::{Conf, ConfError, phase};
use status::StatusZone;

use crate::S3Signature;
use crate::conf::origin::Origin;
use crate::conf::upstreams;
use crate::status::StatusLog;

/// `s3_status_zone`.
pub(crate) struct StatusConf {
    pub(crate) name: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) zone: SizedZone<S3Signature>,
    /// Whether requests are counted by bucket, too.
    pub(crate) by_bucket: bool,
    /// Upstreams whose peers can be looked at, so that all are told of before they are asked.
    pub(crate) upstreams: Vec<ListedUpstream>,
}

/// An upstream with origins.
pub(crate) struct ListedUpstream {
    pub(crate) id: UpstreamId,
    pub(crate) name: Vec<u8>,
    /// What stands in each `server` line, and the origin that is there.
    pub(crate) servers: Vec<(Vec<u8>, Rc<Origin>)>,
}

/// `s3_status_zone NAME:SIZE [bucket]`
pub(crate) struct S3StatusZone;

impl MainDirective for S3StatusZone {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        if cf.main_conf::<S3Signature>()?.status.is_some() {
            return Err("\"s3_status_zone\" directive is duplicate".into());
        }
        let word = text(argument(words), "zone of \"s3_status_zone\"")?;
        let wrong =
            || format!("invalid zone \"{word}\" of \"s3_status_zone\": it must be NAME:SIZE");
        let (name, bytes) = word.split_once(':').ok_or_else(wrong)?;
        let bytes = size(bytes.as_bytes()).filter(|_| !name.is_empty()).ok_or_else(wrong)?;
        let length = usize::try_from(bytes).map_err(|_| wrong())?;
        let has_room = SizedZone::<S3Signature>::capacity(length) >= StatusZone::LEAST;
        if bytes < LEAST_SIZE || !has_room {
            return Err(format!(
                "zone \"{name}\" of \"s3_status_zone\" is too small: 128k at least"
            )
            .into());
        }
        let by_bucket = match words.get(2) {
            None => false,
            Some(word) if *word == b"bucket" => true,
            Some(word) => {
                let word = word.escape_ascii();
                return Err(format!("invalid parameter \"{word}\" of \"s3_status_zone\"").into());
            }
        };
        let zone = SizedZone::add(cf, name.as_bytes(), length)?;
        let (name, upstreams) = (name.to_owned(), Vec::new());
        let conf = StatusConf { name, size: bytes, zone, by_bucket, upstreams };
        cf.main_conf::<S3Signature>()?.status = Some(conf);
        Ok(())
    }
}

/// The least size, in bytes: the heads of all workers, and series beside them.
const LEAST_SIZE: u64 = 128 << 10;

/// Has requests counted, where there is a zone. For postconfiguration.
///
/// # Errors
///
/// Something is to be told, and nothing is counted.
pub(crate) fn configure(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let main = cf.main_conf::<S3Signature>()?;
    if main.status.is_none() {
        return match main.status_at.clone() {
            Some(at) => Err(cf.error_at(&at, "\"s3_status\" without \"s3_status_zone\"")),
            None => Ok(()),
        };
    }
    let mut listed = Vec::new();
    for upstream in Upstream::all(cf) {
        let main = cf.main_conf::<S3Signature>()?;
        let servers = upstream.servers().unwrap_or_default();
        let origin = |server: &Server<'_>| {
            let origin = upstreams::origin_of_server(main, upstream, server)?;
            Some((server.name.to_vec(), origin))
        };
        let servers: Vec<_> = servers.iter().filter_map(origin).collect();
        if !servers.is_empty() && peers::note::<S3Signature>(cf, upstream)? {
            let (id, name) = (upstream.id(), upstream.host().to_vec());
            listed.push(ListedUpstream { id, name, servers });
        }
    }
    let status = &mut cf.main_conf::<S3Signature>()?.status;
    status.iter_mut().for_each(|status| status.upstreams = std::mem::take(&mut listed));
    phase::install::<StatusLog>(cf)
}
