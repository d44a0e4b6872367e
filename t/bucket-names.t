# Tests for origins that address buckets in ways of their own: `style`, `bucket` and a path in `endpoint` of s3_origin.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our $client = $CLIENT;
# Each origin has a name for itself, below which buckets may stand.
our %styles = (a => 'host s3.a.example; bucket media acme-media; bucket logs-* l-*; bucket * us-*;',
    b => 'style virtual; host s3.b.example; bucket media eu.media; bucket logs-* archive-*;');
sub names (%option) { return http_config(%styles, %option) }
default_sections(http_config => names(), config => config(), origins => $ORIGINS, s3_sign => $CLIENT);

run_tests();

__DATA__

=== TEST 1: one bucket, two names, in two styles: each attempt speaks its origin's words
--- origins
b: 503
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- request eval: ["GET /media/2026/a+b%2Fc?versionId=1", "GET /logs-1/k"]
--- error_code: 200
--- response_body: from a
--- origin_request_like
b[0]: ^GET /2026/a%20b/c\?versionId=1 HTTP/1.1$
b[0]: ^Host: eu\.media\.s3\.b\.example$
a[0]: ^GET /acme-media/2026/a%20b/c\?versionId=1 HTTP/1.1$
a[0]: ^Host: s3\.a\.example$
b[1]: ^GET /k HTTP
b[1]: ^Host: archive-1\.s3\.b\.example$
a[1]: ^GET /l-1/k HTTP

=== TEST 2: the bucket itself, and the service
--- request eval: ["GET /media?list-type=2", "GET /media/", "POST /media?delete\n<Delete/>", "GET /", "HEAD /media"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /\?list-type=2 HTTP
b[0]: ^Host: eu\.media\.s3\.b\.example$
b[1]: ^GET / HTTP
b[2]: ^POST /\?delete= HTTP
b[3]: ^GET / HTTP
b[3]: ^Host: s3\.b\.example$
b[4]: ^HEAD / HTTP

=== TEST 3: a bucket without a name at the origin is none, and nothing is asked
--- request eval: ["GET /other/k", "PUT /eu.media/k", "GET /archive-1/k", "GET //media/k"]
--- s3_error: 404 NoSuchBucket
--- origin_count: a=0 b=0

=== TEST 4: unless another origin has it, whose attempt failed
--- http_config eval: ::names(b => 'bucket x y;') =~ s/server %%ORIGIN_B%%/server %%ORIGIN_A%%/r =~ s/server %%ORIGIN_A%% backup/server %%ORIGIN_B%% backup/r
--- origins
a: 503
b: 200
--- request: GET /media/k
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=1 b=0

=== TEST 5: the source of a copy has the origin's name of its bucket, and stays signed
--- more_headers eval: [map { "x-amz-copy-source: $_" } "/media/a+b?versionId=x", "media%2Fk", "logs-7/k", "/other/k", "/eu.media/k", "/media"]
--- request eval: [("PUT /logs-1/k") x 6]
--- request_body eval: [("") x 6]
--- error_code eval: [200, 200, 200, 404, 404, 400]
--- origin_count: b=3
--- origin_request_like
b[0]: ^x-amz-copy-source: /eu\.media/a\+b\?versionId=x$
b[0]: SignedHeaders=[^ ]*;x-amz-copy-source;
b[1]: ^x-amz-copy-source: eu\.media%2Fk$
b[2]: ^x-amz-copy-source: archive-7/k$

=== TEST 5.1: of two sources nobody knows which one the origin would obey
--- config eval: ::config() =~ s/s3_verify apps/s3_verify off/r
--- s3_sign
--- more_headers eval: ["x-amz-copy-source: /media/k\nx_amz_copy_source: /logs-7/k", "x-amz-copy-source: /media/k"]
--- request eval: [("PUT /logs-1/k") x 2]
--- request_body eval: [("") x 2]
--- error_code eval: [400, 200]
--- origin_count: b=1

=== TEST 6: in a presigned URL, too
--- s3_sign eval: "$::client presign=900"
--- request eval: ["PUT /logs-1/k?x-amz-copy-source=%2Fmedia%2Fk", "PUT /logs-1/k?x-amz-copy-source=%2Fother%2Fk"]
--- error_code eval: [200, 404]
--- origin_count: b=1
--- origin_request_like
b: ^x-amz-copy-source: /eu\.media/k$
b: ^PUT /k HTTP

=== TEST 7: where it could name an object and is no header, it is refused
--- request eval: ["PUT /logs-1/k?x-amz-copy-source=%2Fmedia%2Fk", "PUT /logs-1/k?X_Amz_Rename-Source=k"]
--- s3_error: 400 InvalidRequest
--- origin_count: b=0

=== TEST 8: sources of renames, and of other protocols
--- more_headers eval: ["x-amz-rename-source: /media/old", "x-amz-rename-source: old", "x-amz-rename-source: dir/old", "x-oss-copy-source: /media/k"]
--- request eval: [("PUT /media/new?renameObject") x 4]
--- request_body eval: [("") x 4]
--- error_code eval: [200, 200, 400, 400]
--- origin_request_like
b[0]: ^x-amz-rename-source: /eu\.media/old$
b[1]: ^x-amz-rename-source: old$

=== TEST 9: names that a host name cannot have
--- http_config eval: ::names(b => 'style virtual; host s3.b.example;')
--- request eval: ["GET /media_1/k", "GET /Media/k", "GET /a..b/k", "GET /me%64ia/k"]
--- error_code eval: [404, 404, 404, 200]
--- origin_count: b=1
--- origin_request_like
b: ^Host: media\.s3\.b\.example$

=== TEST 10: grants and variables speak the clients' names
--- http_config eval: 's3_clients apps { file clients.json; } log_format names "$s3_bucket|$s3_key|$s3_origin|$s3_origin_host|$s3_cache_key"; access_log %%SERVROOT%%/logs/access.log names;' . S3Proxy::Setup::origin_blocks(%::styles) . S3Proxy::Setup::upstream()
--- files
>>> conf/clients.json 0600
{"clients": [{"access_key": "AKIDCLIENT", "secret_key": "client/Secret+Key=0123456789",
  "grants": [{"buckets": ["media"], "allow": ["read"]}]}]}
--- request eval: ["GET /media/k", "GET /eu.media/k", "GET /logs-1/k", "GET /?format=json"]
--- error_code eval: [200, 403, 403, 403]
--- origin_count: b=1
--- access_log
media|k|b|eu.media.s3.b.example|/media/k?

=== TEST 11: a base path
--- http_config eval: S3Proxy::Setup::clients() . (S3Proxy::Setup::origin_blocks(b => 'bucket * eu-*;') =~ s{endpoint http://%%ORIGIN_B%%}{endpoint http://%%ORIGIN_B%%/storage/v1/s3/}r) . S3Proxy::Setup::upstream()
--- request eval: ["GET /media/k?x=/y", "GET /", "PUT /media"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /storage/v1/s3/eu-media/k\?x=%2Fy HTTP
b[1]: ^GET /storage/v1/s3/ HTTP
b[2]: ^PUT /storage/v1/s3/eu-media HTTP

=== TEST 12: what is not S3's stays shut in the origin's words, whoever asks
--- http_config eval: ::names(clients => 'admin_api on;', b => 'style virtual; host s3.b.example; bucket x-* *; bucket a b;')
--- request eval: ["GET /x-minio/admin/v3/info", "GET /a/minio/admin/v3/info", "GET /a/k?session", "GET /a/admin/k", "POST /", "GET /a/k/../minio/x"]
--- error_code eval: [403, 403, 403, 200, 403, 403]
--- origin_count: b=1

=== TEST 13: both sides in virtual-host style
--- http_config eval: ::names(clients => 'domain s3.example.com;')
--- more_headers
Host: media.s3.example.com
--- request eval: ["GET /k", "GET /"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /k HTTP
b[0]: ^Host: eu\.media\.s3\.b\.example$
b[1]: ^GET / HTTP

=== TEST 14: chunks are signed for it
--- s3_sign eval: "$::client payload=streaming chunk=8192"
--- request: PUT /media/k
--- request_body_size: 30k
--- error_code: 200
--- origin_request_like
b: ^PUT /k HTTP

=== TEST 15: a preflight, unsigned
--- config eval: ::config(location => 's3_cors_preflight on;')
--- origins
b: 200
--- s3_sign
--- more_headers
Origin: http://x
--- request eval: ["OPTIONS /media/k", "OPTIONS /other/k"]
--- error_code eval: [200, 404]
--- origin_request_like
b: ^OPTIONS /k HTTP
b: ^Host: eu\.media\.s3\.b\.example$

=== TEST 16: TLS: the bucket's host in SNI, and in the certificate
--- http_config eval: ($::tls = S3Proxy::Setup::tls_blocks()) =~ s/(s3_origin b \{)/$1 style virtual; host s3.b.example;/r . S3Proxy::Setup::tls_upstream('keepalive 4;')
--- config eval: ::config(scheme => 'https')
--- origins eval: S3Proxy::Setup::tls_origins('*.s3.b.example', '127.1', '200 body="from b" | 200 body="from b" | 503 | ')
--- request eval: ["GET /media/k", "GET /other/k", "GET /media/k"]
--- error_code: 200
--- response_body eval: ["from b", "from b", "from a"]
--- code
is(($t->received('b'))[0]{sni}, 'media.s3.b.example', 'SNI');
is(($t->received('a'))[0]{sni}, '127.1', 'SNI of the other origin, in path style');

=== TEST 17: a certificate for the endpoint alone is refused
--- http_config eval: S3Proxy::Setup::tls_blocks() =~ s/(s3_origin b \{)/$1 style virtual; host s3.b.example;/r . S3Proxy::Setup::tls_upstream()
--- config eval: ::config(scheme => 'https')
--- origins eval: S3Proxy::Setup::tls_origins('s3.b.example', '127.1')
--- request: GET /media/k
--- response_body: from a
--- error_log: upstream SSL certificate does not match "media.s3.b.example"

=== TEST 18: one object of a cache, whichever origin it comes from
--- http_config eval: ::names(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m;')
--- config eval: ::config(location => 'proxy_cache cache; proxy_cache_valid 200 1m;')
--- request eval: [("GET /media/k") x 2, "GET /logs-1/k"]
--- error_code: 200
--- origin_count: b=2

=== TEST 19: two names for one bucket
--- http_config eval: ::names(b => 'bucket a c; bucket b c;')
--- nginx_conf_fails: invalid "bucket" "b" "c": another line has the origin's name "c"

=== TEST 20: two patterns that mean some of the same buckets
--- http_config eval: ::names(b => 'bucket a-* x-*; bucket b-* x-y-*;')
--- nginx_conf_fails: invalid "bucket" "b-\*" "x-y-\*": another line has the origin's name

=== TEST 21: no bucket can stand in front of an address
--- http_config eval: ::names(b => 'style virtual;')
--- nginx_conf_fails: "style virtual" needs a name that buckets can stand in front of, not "127\.0\.0\.1"

=== TEST 22: a path that is none
--- http_config eval: S3Proxy::Setup::clients() . (S3Proxy::Setup::origin_blocks() =~ s{endpoint http://%%ORIGIN_B%%}{endpoint http://%%ORIGIN_B%%/a/../b}r) . S3Proxy::Setup::upstream()
--- nginx_conf_fails: invalid endpoint "[^"]*": its path must be of letters
