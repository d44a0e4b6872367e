//! nginx module: verifies the AWS Signature V4 of S3 requests and signs them anew for the origin that nginx picked.
//!
//! This file holds what nginx looks for when it loads the module: the module, its hooks into the configuration, and the
//! life of a cycle. What happens to a request is in `access` (verify), `request_body_filter` (verify the body), `upstream` (sign),
//! `origin_answer` (ask another), `error_response` (S3 errors) and `variables`; `conf` holds the directives, `ffi` all that is `unsafe`.

mod access;
mod conf;
mod ctx;
mod error_response;
mod fault;
mod ffi;
mod health;
mod origin_answer;
mod request_body_filter;
mod request_id;
mod response_headers;
mod spare_memory;
mod upstream;
mod variables;
mod worker;

use std::ffi::{c_char, c_void};

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_MODULE, NGX_OK, NGX_RS_MODULE_SIGNATURE, nginx_version, ngx_conf_t,
    ngx_cycle_t, ngx_http_module_t, ngx_int_t, ngx_module_t, ngx_uint_t,
};

use crate::conf::{LocationConf, MainConf, ServerConf};
use crate::ffi::conf::Conf;

static NGX_HTTP_S3_SIGNATURE_MODULE_CTX: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: Some(ngx_http_s3_signature_preconfiguration),
    postconfiguration: Some(ngx_http_s3_signature_postconfiguration),
    create_main_conf: Some(ngx_http_s3_signature_create_main_conf),
    init_main_conf: None,
    create_srv_conf: Some(ngx_http_s3_signature_create_srv_conf),
    merge_srv_conf: None,
    create_loc_conf: Some(ngx_http_s3_signature_create_loc_conf),
    merge_loc_conf: Some(ngx_http_s3_signature_merge_loc_conf),
};

ngx::ngx_modules!(ngx_http_s3_signature_module);

/// The module. nginx writes its indexes into it when it is loaded; from then on it is only read.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name that load_module's tables refer to")]
pub static mut ngx_http_s3_signature_module: ngx_module_t = ngx_module_t {
    ctx_index: ngx_uint_t::MAX,
    index: ngx_uint_t::MAX,
    name: std::ptr::null_mut(),
    spare0: 0,
    spare1: 0,
    version: nginx_version as ngx_uint_t,
    signature: NGX_RS_MODULE_SIGNATURE.as_ptr().cast::<c_char>(),
    ctx: (&raw const NGX_HTTP_S3_SIGNATURE_MODULE_CTX).cast::<c_void>().cast_mut(),
    commands: (&raw const conf::NGX_HTTP_S3_SIGNATURE_COMMANDS).cast_mut().cast(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    init_master: None,
    init_module: Some(ngx_http_s3_signature_init_module),
    init_process: Some(ffi::environment::init_process),
    init_thread: None,
    exit_thread: None,
    exit_process: None,
    exit_master: None,
    spare_hook0: 0,
    spare_hook1: 0,
    spare_hook2: 0,
    spare_hook3: 0,
    spare_hook4: 0,
    spare_hook5: 0,
    spare_hook6: 0,
    spare_hook7: 0,
};

/// The module, for looking up its configuration and contexts.
fn module() -> &'static ngx_module_t {
    // Written by nginx before any configuration is read, and not while a callback or request runs.
    let module = &raw const ngx_http_s3_signature_module;
    // SAFETY: a static, and see above.
    unsafe { &*module }
}

unsafe extern "C" fn ngx_http_s3_signature_preconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    ffi::boundary::install_panic_hook();
    ffi::environment::keep_original();
    ffi::conf::callback(cf, |cf| {
        ffi::flavour::check()?;
        ffi::resolved_host::add_variable(cf)?;
        variables::add_all(cf)
    })
}

unsafe extern "C" fn ngx_http_s3_signature_create_main_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    ffi::boundary::boundary(std::ptr::null_mut(), || {
        // SAFETY: nginx's own ngx_conf_t, for this call.
        unsafe { Conf::new(cf) }.create(MainConf::default())
    })
}

unsafe extern "C" fn ngx_http_s3_signature_create_srv_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    ffi::boundary::boundary(std::ptr::null_mut(), || {
        // SAFETY: as above.
        unsafe { Conf::new(cf) }.create(ServerConf::default())
    })
}

unsafe extern "C" fn ngx_http_s3_signature_create_loc_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    ffi::boundary::boundary(std::ptr::null_mut(), || {
        // SAFETY: as above.
        unsafe { Conf::new(cf) }.create(LocationConf::default())
    })
}

unsafe extern "C" fn ngx_http_s3_signature_merge_loc_conf(
    cf: *mut ngx_conf_t,
    previous: *mut c_void,
    current: *mut c_void,
) -> *mut c_char {
    // SAFETY: both are what ngx_http_s3_signature_create_loc_conf returned.
    unsafe { ffi::conf::merge::<LocationConf>(cf, previous, current, conf::location::merge) }
}

/// Runs when all of http{} was read and every other module's part of it is initialised.
unsafe extern "C" fn ngx_http_s3_signature_postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    ffi::conf::callback(cf, |cf| {
        ffi::phase::install_access(cf)?;
        ffi::error_page::install(cf)?;
        ffi::filter::install();
        ffi::request_body::install();
        let main = cf.main_conf::<MainConf>(module()).ok_or("no main configuration")?;
        conf::upstreams::wrap_all(cf, main)?;
        conf::upstreams::guard_all(cf, main)
    })
}

/// Runs when the whole configuration was read and is going to be used: from here on no log shows what authorizes.
unsafe extern "C" fn ngx_http_s3_signature_init_module(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    ffi::boundary::boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes the cycle that it is about to use.
        let Some(cycle) = (unsafe { cycle.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        let main = ffi::log_writer::main_conf::<MainConf>(cycle, module());
        let Some(main) = main.filter(|main| main.is_used()) else { return NGX_OK as ngx_int_t };
        let logs: Vec<_> = main.error_logs.iter().copied().collect();
        let done = ffi::log_writer::mask_all(cycle, &logs);
        if done { NGX_OK as ngx_int_t } else { NGX_ERROR as ngx_int_t }
    })
}
