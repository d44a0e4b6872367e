//! nginx module: verifies the AWS Signature V4 of S3 requests and signs them anew for the origin that nginx picked.
//!
//! This file holds what nginx looks for when it loads the module, and says which hooks the module has. The other files are named
//! after what nginx calls: `subrequest` and `error_page` (rewrite phases), `access` (verify), `request_body_filter` (verify the
//! body), `bucket_list` (a list that is made here), `upstream` (sign), `origin_answer` (ask another), `answer` (the client's names),
//! `header_filter` and `body_filter` (S3 errors), `variables`, `log`, `status` (counters). `live` reads keys again that change. `conf`
//! holds the directives, `ctx` what is kept of a request. All that is `unsafe` is in crates/nginx, but for the statics below.

#![deny(unsafe_code)]

mod access;
mod answer;
mod audit;
mod body_filter;
mod bucket_list;
mod cache;
mod caller;
mod conf;
mod ctx;
mod error_page;
mod error_response;
mod fault;
mod header_filter;
mod health;
mod live;
mod log;
mod malloc;
mod mismatch;
mod origin_answer;
mod probes;
mod request_body;
mod request_body_filter;
mod request_id;
mod status;
mod stored_body;
mod subrequest;
mod time;
mod upstream;
mod variables;
mod virtual_host;
mod worker;

use nginx::conf::Conf;
use nginx::filter::{self, NextFilters, OutputFilter};
use nginx::{
    Chain, ConfError, Cycle, HttpModule, Level, Lifecycle, Request, Status, flavour, log_writer,
    phase, request, worker as worker_process,
};
use ngx::ffi::{ngx_http_module_t, ngx_module_t};

use crate::conf::{LocationConf, MainConf, ServerConf};
use crate::ctx::Ctx;

/// What the error log says at each start and reload, for nginx -V knows nothing of modules: the code that is in memory, which a reload
/// does not replace. In one piece, so that it is found in the file too.
const VERSION: &str = concat!("S3 signature module ", env!("CARGO_PKG_VERSION"));

/// The module, for looking up its configuration and contexts.
pub(crate) struct S3Signature;

static NGX_HTTP_S3_SIGNATURE_MODULE_CTX: ngx_http_module_t =
    nginx::lifecycle::http_module::<S3Signature>();

#[allow(unsafe_code, reason = "symbols that nginx looks for")]
mod exported {
    use super::ngx_http_s3_signature_module;

    ngx::ngx_modules!(ngx_http_s3_signature_module);
}

/// The module. nginx writes its indexes into it when it is loaded; from then on it is only read.
#[allow(unsafe_code, reason = "nginx looks for the symbol")]
#[allow(non_upper_case_globals, reason = "the name that load_module's tables refer to")]
#[unsafe(no_mangle)]
pub static mut ngx_http_s3_signature_module: ngx_module_t =
    nginx::lifecycle::definition::<S3Signature>(
        &raw const NGX_HTTP_S3_SIGNATURE_MODULE_CTX,
        (&raw mut conf::NGX_HTTP_S3_SIGNATURE_COMMANDS).cast(),
    );

#[allow(unsafe_code, reason = "a promise about the static above")]
// SAFETY: the static is the module's definition for this type, with its context and commands.
unsafe impl HttpModule for S3Signature {
    const LOG_PREFIX: &'static str = "s3";

    type MainConf = MainConf;
    type ServerConf = ServerConf;
    type LocationConf = LocationConf;
    type Context = Ctx;

    fn module() -> *const ngx_module_t {
        &raw const ngx_http_s3_signature_module
    }

    fn redirected(earlier: &Ctx, context: &Ctx) {
        context.take_over(earlier);
    }
}

impl Lifecycle for S3Signature {
    fn preconfiguration(cf: &mut Conf<'_>) -> Result<(), ConfError> {
        flavour::check("S3 signature module")?;
        nginx::upstream::guard::add_variable::<Self>(cf)?;
        variables::add_all(cf)?;
        audit::add_all(cf)
    }

    fn postconfiguration(cf: &mut Conf<'_>) -> Result<(), ConfError> {
        phase::install::<access::AccessPhase>(cf)?;
        phase::install::<subrequest::RewritePhase>(cf)?;
        request::install_error_page::<Self>(cf)?;
        filter::install::<Self>(cf);
        nginx::request_body_filter::install::<Self>(cf);
        conf::upstreams::wrap_all(cf)?;
        conf::domains::configure(cf)?;
        conf::sticky_uploads::configure(cf)?;
        conf::plan::configure(cf)?;
        conf::status_zone::configure(cf)?;
        nginx::upstream::guard::install::<Self>(cf)
    }

    fn merge_location_conf(
        cf: &mut Conf<'_>,
        previous: &LocationConf,
        conf: &mut LocationConf,
    ) -> Result<(), ConfError> {
        conf::location::merge::merge(cf, previous, conf)
    }

    /// From here on no log shows what authorizes.
    fn init_module(cycle: &Cycle<'_>) -> Result<(), ConfError> {
        cycle.log(Level::Notice, format_args!("{VERSION}"));
        match cycle.main_conf::<Self>() {
            Some(main) if main.is_used() => {
                status::begin(cycle, main);
                live::warn_of_unreadable(cycle, main);
                log_writer::install::<Self>(cycle)
            }
            _ => Ok(()),
        }
    }

    fn init_process(cycle: &Cycle<'_>) {
        let main = cycle.main_conf::<Self>().filter(|main| main.is_used());
        if let Some(main) = main.filter(|_| worker_process::serves()) {
            live::LiveKeys::start(cycle, main);
        }
        if main.is_some_and(|main| main.status.is_some()) && worker_process::serves() {
            worker_process::every::<status::StatusTick>(1, status::TICK);
        }
        if main.is_some_and(|main| main.malloc_keep.unwrap_or(true)) {
            malloc::keep_freed_memory();
        }
        if main.is_some_and(|main| main.probes.is_some()) && worker_process::serves() {
            worker_process::every::<probes::Probes>(1, probes::TICK);
        }
    }

    fn exit_process(cycle: &Cycle<'_>) {
        probes::release(cycle);
        status::release(cycle);
    }
}

static NEXT_FILTERS: NextFilters = NextFilters::new();

impl OutputFilter for S3Signature {
    fn next() -> &'static NextFilters {
        &NEXT_FILTERS
    }

    fn header(r: Request<'_>) -> Status {
        header_filter::header_filter(r)
    }

    fn body<'r>(r: Request<'r>, chain: Chain<'r>) -> Status {
        body_filter::body_filter(r, chain)
    }
}
