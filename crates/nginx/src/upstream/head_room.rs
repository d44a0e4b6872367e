//! Whether the head of an upstream's answer has room in nginx's buffer.

use ngx::ffi::{NGX_HTTP_UPSTREAM_FT_INVALID_HEADER, ngx_http_upstream_conf_t};

use crate::request::Request;

/// Whether nginx would say "upstream sent too big header". Where it is told to ask another peer then, or its cache, that is its own
/// affair.
pub(super) fn is_head_too_large(r: Request<'_>) -> bool {
    // SAFETY: null or the upstream part of this request; nothing writes to it during the call.
    let Some(u) = (unsafe { r.read(|r| r.upstream).as_ref() }) else { return false };
    // SAFETY: null or the configuration of the location, which outlives the request.
    let mask = unsafe { u.conf.as_ref() }.map_or(0, |conf| conf.next_upstream | use_stale(conf));
    u.buffer.last == u.buffer.end && mask & NGX_HTTP_UPSTREAM_FT_INVALID_HEADER as usize == 0
}

/// When a cache answers with what it has, though that is too old.
#[cfg(ngx_feature = "http_cache")]
fn use_stale(conf: &ngx_http_upstream_conf_t) -> usize {
    conf.cache_use_stale
}

#[cfg(not(ngx_feature = "http_cache"))]
fn use_stale(_: &ngx_http_upstream_conf_t) -> usize {
    0
}
