//! The directives, and the structures that they fill.

pub(crate) mod clients;
pub(crate) mod location;
pub(crate) mod origin;
pub(crate) mod secret;
pub(crate) mod upstreams;

use std::ffi::CStr;
use std::rc::Rc;

use ngx::ffi::{
    NGX_CONF_1MORE, NGX_CONF_BLOCK, NGX_CONF_FLAG, NGX_CONF_TAKE1, NGX_HTTP_LMT_CONF,
    NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF, NGX_HTTP_MAIN_CONF_OFFSET,
    NGX_HTTP_SRV_CONF, ngx_command_t, ngx_str_t, ngx_uint_t,
};
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use self::location::LocationConf;
use crate::conf::clients::Clients;
use crate::conf::origin::Origin;
use crate::conf::upstreams::Peers;
use crate::ffi::conf::{Directive, directive};
use crate::ffi::log_writer::ErrorLog;
use crate::ffi::peer::UpstreamId;
use crate::ffi::resolved_host::{GuardId, UsersBind};
use crate::ffi::upstream_conf::Place;

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
    /// The wrapped upstreams, with the origin of each of their peers.
    pub(crate) upstreams: FxHashMap<UpstreamId, Peers>,
    /// The error logs of all servers and locations.
    pub(crate) error_logs: FxHashSet<ErrorLog>,
    /// Where `s3_resign` is in force; complete when all was merged.
    pub(crate) resigning: Vec<Place>,
    /// What the user's `proxy_bind` says in those places, where ours has taken its place.
    pub(crate) guards: FxHashMap<GuardId, UsersBind>,
}

impl MainConf {
    /// Whether anything here is for the module to do.
    pub(crate) fn is_used(&self) -> bool {
        !self.clients.is_empty() || !self.origins.is_empty()
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
pub(crate) static mut NGX_HTTP_S3_SIGNATURE_COMMANDS: [ngx_command_t; 10] = [
    command::<clients::S3Clients>(c"s3_clients", BLOCK, NGX_HTTP_MAIN_CONF_OFFSET),
    command::<origin::S3Origin>(c"s3_origin", BLOCK, NGX_HTTP_MAIN_CONF_OFFSET),
    command::<location::S3Verify>(
        c"s3_verify",
        ANYWHERE | NGX_HTTP_LMT_CONF | NGX_CONF_TAKE1,
        NGX_HTTP_LOC_CONF_OFFSET,
    ),
    command::<location::S3Resign>(
        c"s3_resign",
        ANYWHERE | NGX_CONF_TAKE1,
        NGX_HTTP_LOC_CONF_OFFSET,
    ),
    command::<location::S3NextUpstream>(
        c"s3_next_upstream",
        ANYWHERE | NGX_CONF_1MORE,
        NGX_HTTP_LOC_CONF_OFFSET,
    ),
    command::<location::S3CorsPreflight>(
        c"s3_cors_preflight",
        ANYWHERE | NGX_CONF_FLAG,
        NGX_HTTP_LOC_CONF_OFFSET,
    ),
    command::<location::S3VerifyPayload>(
        c"s3_verify_payload",
        ANYWHERE | NGX_CONF_FLAG,
        NGX_HTTP_LOC_CONF_OFFSET,
    ),
    command::<location::S3MaxChunkSize>(
        c"s3_max_chunk_size",
        ANYWHERE | NGX_CONF_TAKE1,
        NGX_HTTP_LOC_CONF_OFFSET,
    ),
    command::<location::S3Health>(
        c"s3_health",
        NGX_HTTP_LOC_CONF | NGX_CONF_1MORE,
        NGX_HTTP_LOC_CONF_OFFSET,
    ),
    ngx_command_t::empty(),
];

/// A C string, for nginx compares directives with strcmp.
const fn command<D: Directive>(name: &'static CStr, kind: u32, offset: usize) -> ngx_command_t {
    ngx_command_t {
        name: ngx_str_t { len: name.count_bytes(), data: name.as_ptr().cast_mut().cast() },
        type_: kind as ngx_uint_t,
        set: Some(directive::<D>),
        conf: offset,
        offset: 0,
        post: std::ptr::null_mut(),
    }
}

/// A word of the configuration as text; nginx allows any bytes.
pub(crate) fn text<'w>(word: &'w [u8], what: &str) -> Result<&'w str, String> {
    std::str::from_utf8(word)
        .map_err(|_| format!("{what} \"{}\" is not UTF-8", word.escape_ascii()))
}

/// `on` or `off`.
pub(crate) fn flag(words: &[&[u8]]) -> Result<bool, String> {
    match words {
        [_, b"on"] => Ok(true),
        [_, b"off"] => Ok(false),
        _ => {
            let name = words.first().copied().unwrap_or_default().escape_ascii().to_string();
            Err(format!("invalid value in \"{name}\" directive, it must be \"on\" or \"off\""))
        }
    }
}
