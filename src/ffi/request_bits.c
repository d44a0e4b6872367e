/*
 * The bit fields of ngx_http_request_t that src/ffi/request_bits.rs asks for. C has the last word on where they lie: bindgen counts
 * from the first of them, and is wrong where that does not begin a word, as since nginx 1.29.3, which has a 16-bit `port` before it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#define NGX_HTTP_S3_READ(name)                                                \
    ngx_uint_t ngx_http_s3_request_##name(const ngx_http_request_t *r)        \
    {                                                                         \
        return r->name;                                                       \
    }

#define NGX_HTTP_S3_WRITE(name)                                               \
    void ngx_http_s3_request_set_##name(ngx_http_request_t *r, ngx_uint_t v)  \
    {                                                                         \
        r->name = v ? 1 : 0;                                                  \
    }

NGX_HTTP_S3_READ(discard_body)
NGX_HTTP_S3_READ(error_page)
NGX_HTTP_S3_READ(expect_tested)
NGX_HTTP_S3_READ(header_only)
NGX_HTTP_S3_READ(internal)
NGX_HTTP_S3_READ(keepalive)
NGX_HTTP_S3_READ(request_body_no_buffering)

NGX_HTTP_S3_WRITE(disable_not_modified)
NGX_HTTP_S3_WRITE(header_only)
NGX_HTTP_S3_WRITE(keepalive)
NGX_HTTP_S3_WRITE(request_body_no_buffering)
