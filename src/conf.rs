//! The directives, and the structures that they fill.

pub(crate) mod addressing;
pub(crate) mod client_keys;
pub(crate) mod clients;
pub(crate) mod domains;
pub(crate) mod health;
pub(crate) mod location;
pub(crate) mod main;
pub(crate) mod origin;
pub(crate) mod origin_key;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod region;
pub(crate) mod secret;
pub(crate) mod status;
pub(crate) mod status_zone;
pub(crate) mod sticky_uploads;
pub(crate) mod upstreams;

use std::rc::Rc;

use ::probe::ProbeParameters;
use nginx::conf::{Position, location_command, main_command, server_command};
use nginx::exchange::ExchangeClient;
use nginx::upstream::UpstreamId;
use ngx::ffi::{
    NGX_CONF_1MORE, NGX_CONF_ANY, NGX_CONF_BLOCK, NGX_CONF_FLAG, NGX_CONF_NOARGS, NGX_CONF_TAKE1,
    NGX_CONF_TAKE12, NGX_HTTP_LMT_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_MAIN_CONF, NGX_HTTP_SRV_CONF,
    NGX_HTTP_UPS_CONF, ngx_command_t,
};
use rustc_hash::FxHashMap;

pub(crate) use self::location::LocationConf;
use crate::S3Signature;
use crate::conf::clients::Clients;
use crate::conf::origin::Origin;
use crate::conf::plan::ProbePlan;
use crate::conf::status_zone::StatusConf;
use crate::conf::sticky_uploads::StickyUploads;
use crate::conf::upstreams::PeerOrigins;

/// What is known of a server{}.
#[derive(Default)]
pub(crate) struct ServerConf {
    /// Whether the module has anything to do in any of its locations.
    pub(crate) is_active: bool,
}

/// What is configured in http{}.
#[derive(Default)]
pub(crate) struct MainConf {
    /// The `s3_clients` blocks.
    pub(crate) clients: Vec<Rc<Clients>>,
    /// The `s3_origin` blocks.
    pub(crate) origins: Vec<Rc<Origin>>,
    /// `s3_watch`: milliseconds, or none for `off`; none of both where it does not stand.
    pub(crate) watch: Option<Option<u64>>,
    /// `s3_malloc_keep`.
    pub(crate) malloc_keep: Option<bool>,
    /// Of each upstream, the origin of each of its peers.
    pub(crate) upstreams: FxHashMap<UpstreamId, PeerOrigins>,
    /// Where requests are signed: complete when all was merged.
    pub(crate) resigning: Vec<Resigning>,
    /// What `s3_probe` says in each upstream{} that has it; none is `off`.
    pub(crate) probed: FxHashMap<UpstreamId, Option<Rc<ProbeParameters>>>,
    /// `s3_sticky_uploads` of each upstream{} that has it.
    pub(crate) sticky_uploads: FxHashMap<UpstreamId, Rc<StickyUploads>>,
    /// What is probed; none where nothing is.
    pub(crate) probes: Option<ProbePlan>,
    /// `s3_status_zone`.
    pub(crate) status: Option<StatusConf>,
    /// Where `s3_status` stands first.
    pub(crate) status_at: Option<Position>,
    /// Names of origins that `s3_health` answers for from memory, and where.
    pub(crate) health_names: Vec<(String, Position)>,
}

/// A place where `s3_resign` is in force.
pub(crate) struct Resigning {
    /// How requests reach their origins from there.
    pub(crate) client: ExchangeClient<S3Signature>,
    /// The origin that it names.
    pub(crate) origin: Option<Rc<Origin>>,
}

impl MainConf {
    /// Whether anything here is for the module to do.
    pub(crate) fn is_used(&self) -> bool {
        !self.clients.is_empty() || !self.origins.is_empty()
    }

    /// How often files with keys are looked at, in milliseconds; none where they are not.
    pub(crate) fn watch_interval(&self) -> Option<u64> {
        self.watch.unwrap_or(Some(main::WATCH_INTERVAL))
    }

    /// Whether any key may change while nginx runs, or end.
    pub(crate) fn has_live_keys(&self) -> bool {
        self.clients.iter().any(|clients| clients.keyring.is_watched())
            || self.origins.iter().any(|origin| origin.key.is_watched())
            || self.sticky_uploads.values().any(|sticky| sticky.keys.is_watched())
    }

    /// The `s3_origin` of that name.
    pub(crate) fn origin(&self, name: &[u8]) -> Option<&Rc<Origin>> {
        self.origins.iter().find(|origin| origin.name.as_bytes() == name)
    }

    /// The `s3_origin` whose endpoint is `host:port`.
    pub(crate) fn origin_at(&self, host: &str, port: u16) -> Option<&Rc<Origin>> {
        self.origins.iter().find(|origin| origin.endpoint.is_at(host, port))
    }
}

const BLOCK: u32 = NGX_HTTP_MAIN_CONF | NGX_CONF_BLOCK | NGX_CONF_TAKE1;
const ANYWHERE: u32 = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

/// The command table, in the order of the reference in README.md.
pub(crate) static mut NGX_HTTP_S3_SIGNATURE_COMMANDS: [ngx_command_t; 18] = [
    main_command::<clients::S3Clients>(c"s3_clients", BLOCK),
    main_command::<origin::S3Origin>(c"s3_origin", BLOCK),
    location_command::<location::S3Verify>(
        c"s3_verify",
        ANYWHERE | NGX_HTTP_LMT_CONF | NGX_CONF_TAKE1,
    ),
    location_command::<location::S3Resign>(c"s3_resign", ANYWHERE | NGX_CONF_TAKE1),
    location_command::<location::S3NextUpstream>(c"s3_next_upstream", ANYWHERE | NGX_CONF_1MORE),
    location_command::<location::S3CorsPreflight>(c"s3_cors_preflight", ANYWHERE | NGX_CONF_FLAG),
    location_command::<location::body::S3VerifyPayload>(
        c"s3_verify_payload",
        ANYWHERE | NGX_CONF_FLAG,
    ),
    location_command::<location::body::S3MaxChunkSize>(
        c"s3_max_chunk_size",
        ANYWHERE | NGX_CONF_TAKE1,
    ),
    location_command::<location::body::S3UnknownLength>(
        c"s3_unknown_length",
        ANYWHERE | NGX_CONF_TAKE1,
    ),
    location_command::<location::mismatch::S3ExplainMismatch>(
        c"s3_explain_mismatch",
        ANYWHERE | NGX_CONF_TAKE1,
    ),
    server_command::<probe::S3Probe>(c"s3_probe", NGX_HTTP_UPS_CONF | NGX_CONF_ANY),
    server_command::<sticky_uploads::S3StickyUploads>(
        c"s3_sticky_uploads",
        NGX_HTTP_UPS_CONF | NGX_CONF_TAKE12,
    ),
    main_command::<main::S3Watch>(c"s3_watch", NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1),
    main_command::<main::S3MallocKeep>(c"s3_malloc_keep", NGX_HTTP_MAIN_CONF | NGX_CONF_FLAG),
    location_command::<health::S3Health>(c"s3_health", NGX_HTTP_LOC_CONF | NGX_CONF_1MORE),
    main_command::<status_zone::S3StatusZone>(
        c"s3_status_zone",
        NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12,
    ),
    location_command::<status::S3Status>(
        c"s3_status",
        NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE1,
    ),
    ngx_command_t::empty(),
];
