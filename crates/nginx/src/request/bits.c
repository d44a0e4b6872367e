/*
 * The bit fields of ngx_http_request_t that request/bits.rs asks for. C has the last word on where they lie: bindgen counts
 * from the first of them, and is wrong where that does not begin a word, as since nginx 1.29.3, which has a 16-bit `port` before it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#define NGX_BITS_READ(name)                                                \
    ngx_uint_t ngx_rust_request_##name(const ngx_http_request_t *r)        \
    {                                                                         \
        return r->name;                                                       \
    }

#define NGX_BITS_WRITE(name)                                               \
    void ngx_rust_request_set_##name(ngx_http_request_t *r, ngx_uint_t v)  \
    {                                                                         \
        r->name = v ? 1 : 0;                                                  \
    }

#if (NGX_HTTP_CACHE)
NGX_BITS_READ(cached)
#else
ngx_uint_t ngx_rust_request_cached(const ngx_http_request_t *r)
{
    /* Built --without-http-cache: no answer comes from one. */
    (void) r;
    return 0;
}
#endif

NGX_BITS_READ(discard_body)
NGX_BITS_READ(error_page)
NGX_BITS_READ(expect_tested)
NGX_BITS_READ(header_only)
NGX_BITS_READ(internal)
NGX_BITS_READ(keepalive)
NGX_BITS_READ(request_body_no_buffering)

/* Whether limit_req or limit_conn has refused the request; the numbers have names in those modules only. */
ngx_uint_t ngx_rust_request_over_limit(const ngx_http_request_t *r)
{
    return r->main->limit_req_status == 3 || r->main->limit_conn_status == 2;
}

NGX_BITS_WRITE(allow_ranges)
NGX_BITS_WRITE(disable_not_modified)
NGX_BITS_WRITE(header_only)
NGX_BITS_WRITE(keepalive)
NGX_BITS_WRITE(request_body_no_buffering)
NGX_BITS_WRITE(valid_location)
