# Tests for clients in virtual-host style: `domain` of s3_clients.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our $domain = 'domain s3.example.com Eu.S3.example.com;';
our $client = $CLIENT;
our $grants = 'file %%SERVROOT%%/clients.json;';
sub domain_config (%option) { return http_config(clients => $domain, %option) }
default_sections(http_config => domain_config(), config => config(), origins => $ORIGINS, s3_sign => $CLIENT);

run_tests();

__DATA__

=== TEST 1: the bucket of the host name moves into the path
--- more_headers
Host: media.s3.example.com
--- request eval: ["GET /key", "GET /2026/a%2Fb+c%20d?versionId=1", "GET //x", "GET /%2Fx", "GET /a/../k"]
--- error_code: 200
--- response_body: from b
--- origin_request_like
b[0]: ^GET /media/key HTTP/1\.1$
b[0]: ^Host: 127\.0\.0\.1:\d+$
b[1]: ^GET /media/2026/a/b%20c%20d\?versionId=1 HTTP
b[2]: ^GET /media//x HTTP
b[3]: ^GET /media//x HTTP
b[4]: ^GET /media/a/\.\./k HTTP

=== TEST 2: the bucket itself
--- more_headers
Host: media.s3.example.com
--- request eval: ["GET /", "GET /?list-type=2&prefix=a%2F", "PUT /", "POST /?delete\n<Delete/>", "HEAD /"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media/ HTTP
b[1]: ^GET /media/\?list-type=2&prefix=a%2F HTTP
b[2]: ^PUT /media/ HTTP
b[3]: ^POST /media/\?delete= HTTP
b[4]: ^HEAD /media/ HTTP

=== TEST 3: names with dots, a port, upper case, a domain below another
--- more_headers eval: [map { "Host: $_" } qw(www.example.org.s3.example.com media.s3.example.com:8443 Media.S3.Example.COM media.eu.s3.example.com)]
--- request eval: [("GET /key") x 4]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /www\.example\.org/key HTTP
b[1]: ^GET /media/key HTTP
b[2]: ^GET /media/key HTTP
b[3]: ^GET /media/key HTTP

=== TEST 4: the domain itself is path style
--- more_headers eval: [map { "Host: $_" } qw(s3.example.com s3.example.com:8443 eu.s3.example.com)]
--- request eval: [("GET /media/key") x 3]
--- error_code: 200
--- origin_request_like
b: ^GET /media/key HTTP

=== TEST 5: every other host is refused, an address too
--- more_headers eval: [map { "Host: $_" } qw(media.example.com s3.example.com.evil.example 127.0.0.1 xs3.example.com)]
--- request eval: [("GET /key") x 4]
--- s3_error: 400 InvalidRequest
--- s3_error_like
Message: neither a domain that is served here nor a bucket
--- origin_count: b=0

=== TEST 6: unless it is one of those that are for path style
--- http_config eval: ::domain_config(clients => "$::domain host 127.0.0.1:9 minio.example;")
--- more_headers eval: [map { "Host: $_" } qw(127.0.0.1:9 minio.example media.s3.example.com media.minio.example)]
--- request eval: [("GET /media/key") x 4]
--- error_code eval: [200, 200, 200, 400]
--- origin_request_like
b[0]: ^GET /media/key HTTP
b[2]: ^GET /media/media/key HTTP

=== TEST 7: without a domain, a host below one that is served is refused
--- http_config eval: ::http_config(clients => 'host s3.example.com localhost:8080;')
--- more_headers eval: [map { "Host: $_" } qw(media.s3.example.com a.b.S3.example.com media.localhost:8080)]
--- request eval: [("GET /key") x 3]
--- s3_error: 400 InvalidRequest
--- s3_error_like
Message: virtual-host style
--- origin_count: b=0

=== TEST 8: what is no name of a bucket
--- more_headers eval: [map { "Host: $_.s3.example.com" } 'a_b', 'a%2Fb', 'a+b']
--- request eval: [("GET /key") x 3]
--- s3_error: 400 InvalidBucketName
--- origin_count: b=0

=== TEST 9: presigned, and Signature Version 2
--- http_config eval: ::domain_config(clients => "$::domain signature_v2 on;")
--- s3_sign eval: ["$::client presign=900", "$::client v2=1 bucket=media", "$::client v2=1 presign=900 bucket=media"]
--- more_headers
Host: media.s3.example.com
--- request eval: [("GET /key?versionId=1") x 3]
--- error_code: 200
--- origin_request_like
b: ^GET /media/key\?versionId=1 HTTP

=== TEST 10: Signature Version 2 covers the bucket
--- http_config eval: ::domain_config(clients => "$::domain signature_v2 on;")
--- s3_sign eval: ["$::client v2=1 bucket=other", "$::client v2=1", "$::client v2=1 presign=900"]
--- more_headers
Host: media.s3.example.com
--- request eval: [("GET /key") x 3]
--- s3_error: 403 SignatureDoesNotMatch
--- origin_count: b=0

=== TEST 11: the bucket in the host is signed: another one is refused
--- s3_sign eval: "$::client tamper=s/media/other/"
--- more_headers
Host: media.s3.example.com
--- request: GET /key
--- s3_error: 403 SignatureDoesNotMatch
--- origin_count: b=0

=== TEST 12: grants are about the bucket in the host, and the whole path is its key
--- http_config eval: 's3_clients apps { file clients.json; domain s3.example.com; }' . S3Proxy::Setup::origin_blocks() . S3Proxy::Setup::upstream()
--- files
>>> conf/clients.json 0600
{"clients": [{"access_key": "AKIDCLIENT", "secret_key": "client/Secret+Key=0123456789",
  "grants": [{"buckets": ["media"], "prefix": "2026/", "allow": ["read", "list"]}]}]}
--- more_headers eval: [map { "Host: $_.s3.example.com" } qw(media media media other media media)]
--- request eval: ["GET /2026/key", "GET /?prefix=2026%2F", "GET /key", "GET /2026/key", "GET /media/2026/key", "PUT /2026/key"]
--- error_code eval: [200, 200, 403, 403, 403, 403]
--- origin_count: b=2

=== TEST 13: what is not S3's stays shut, as a bucket and as a key's beginning
--- more_headers eval: ["Host: minio.s3.example.com", "Host: media.s3.example.com", "Host: media.s3.example.com"]
--- request eval: ["GET /admin/v3/info", "GET /?session", "GET /minio/admin"]
--- error_code eval: [403, 403, 200]
--- origin_request_like
b: ^GET /media/minio/admin HTTP

=== TEST 14: chunks that are signed
--- s3_sign eval: ["$::client payload=streaming chunk=8192", "$::client payload=streaming-trailer chunk=8192 trailer=x-amz-checksum-crc32c"]
--- more_headers
Host: media.s3.example.com
--- request eval: [("PUT /key") x 2]
--- request_body_size: 30k
--- error_code: 200
--- origin_request_like
b: ^PUT /media/key HTTP

=== TEST 15: HTTP/2 has :authority
--- http2
--- more_headers
Host: media.s3.example.com
--- request: GET /key
--- error_code: 200
--- origin_request_like
b: ^GET /media/key HTTP

=== TEST 16: each attempt gets it
--- origins
b: 503
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- more_headers
Host: media.s3.example.com
--- request: GET /key
--- response_body: from a
--- origin_request_like
b: ^GET /media/key HTTP
a: ^GET /media/key HTTP

=== TEST 17: a preflight is passed on for the bucket
--- config eval: ::config(location => 's3_cors_preflight on;')
--- s3_sign eval: ["", "", $::client]
--- more_headers eval: ["Host: media.s3.example.com\nOrigin: http://x", "Host: media.example.com\nOrigin: http://x", "Host: media.s3.example.com"]
--- request eval: [("OPTIONS /key") x 3]
--- origins
b: 200
--- error_code eval: [200, 400, 200]
--- origin_count: b=2
--- origin_request_like
b: ^OPTIONS /media/key HTTP

=== TEST 17.1: and for nothing that is none
--- config eval: ::config(location => 's3_cors_preflight on;')
--- s3_sign
--- more_headers
Host: no_bucket.s3.example.com
Origin: http://x
--- request: OPTIONS /key
--- s3_error: 400 InvalidBucketName
--- origin_count: b=0

=== TEST 18: where s3_verify is off the path alone says the bucket, as it says the location
--- config eval: ::config(server => 'location /public/ { s3_verify off; s3_resign on; proxy_pass http://s3; }')
--- s3_sign
--- more_headers
Host: secret.s3.example.com
--- request: GET /public/key
--- error_code: 200
--- origin_request_like
b: ^GET /public/key HTTP

=== TEST 19: variables say the same in both styles
--- http_config eval: ::domain_config(more => 'log_format names "$s3_bucket|$s3_key|$s3_operation|$s3_cache_key|$request_uri"; access_log %%SERVROOT%%/logs/access.log names;')
--- more_headers eval: ["Host: media.s3.example.com", "Host: s3.example.com", "Host: media.s3.example.com"]
--- request eval: ["GET /a/b?x=1", "GET /media/a/b?x=1", "GET /"]
--- error_code: 200
--- access_log
media|a/b|GetObject|/media/a/b?x=1|/media/a/b?x=1
media||ListObjects|/media/?|/media/

=== TEST 20: variables that are asked for before the request is let in, or that is refused
--- http_config eval: ::domain_config(more => 'map $s3_bucket $known { media 1; default 0; } log_format names "$known|$s3_bucket|$s3_key|$s3_operation"; access_log %%SERVROOT%%/logs/access.log names;')
--- config eval: ::config(server => 'if ($known) { set $k 1; } set $o $s3_operation; set $early $request_uri;', location => 'add_header X-Uri $request_uri;')
--- s3_sign eval: [$::client, "AKIDCLIENT wrong"]
--- more_headers
Host: media.s3.example.com
--- request eval: ["GET /a/b", "DELETE /c"]
--- error_code eval: [200, 403]
--- response_headers eval: ["X-Uri: /media/a/b", ""]
--- access_log
1|media|a/b|GetObject
1|media|c|DeleteObject

=== TEST 21: one key in two buckets is two objects of a cache, whatever its key is made of
--- http_config eval: ::domain_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m; limit_req_zone $request_uri zone=uris:1m rate=1000r/s;')
--- config eval: ::config(server => 'limit_req zone=uris burst=100; set $early $request_uri; location /by-uri { s3_verify apps; s3_resign on; proxy_cache cache; proxy_cache_valid 200 1m; proxy_cache_key $request_uri; proxy_pass http://s3; }', location => 'proxy_cache cache; proxy_cache_valid 200 1m;')
--- more_headers eval: [map { "Host: $_.s3.example.com" } qw(one two one two one two)]
--- request eval: [("GET /key") x 3, ("GET /by-uri") x 3]
--- error_code: 200
--- origin_count: b=4
--- origin_request_like
b[0]: ^GET /one/key HTTP
b[1]: ^GET /two/key HTTP
b[2]: ^GET /two/by-uri HTTP
b[3]: ^GET /one/by-uri HTTP

=== TEST 22: a mirror is in the bucket too
--- http_config eval: ::domain_config(more => 'upstream other { server %%ORIGIN_A%%; }')
--- config eval: ::config(server => 'location = /mirror { internal; s3_verify apps; s3_resign on; proxy_pass http://other$request_uri; }', location => 'mirror /mirror;')
--- more_headers
Host: media.s3.example.com
--- request: PUT /key
--- request_body: data
--- error_code: 200
--- origin_request_like
b: ^PUT /media/key HTTP
a: ^PUT /media/key HTTP

=== TEST 23: a location that the request is redirected to verifies what the client sent, and adds nothing again
--- config eval: ::config(server => 'location @again { s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }', location => 'proxy_intercept_errors on; error_page 404 = @again;')
--- origins
b: 404
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- more_headers
Host: media.s3.example.com
--- request: GET /key
--- response_body: from a
--- origin_request_like
b: ^GET /media/key HTTP
a: ^GET /media/key HTTP

=== TEST 24: clients to whom the same host is another bucket do not take it over
--- http_config eval: ::domain_config(more => "s3_clients wide { key $::client; domain example.com; }")
--- config eval: ::config(server => 'location @again { s3_verify wide; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }', location => 'proxy_intercept_errors on; error_page 404 = @again;')
--- origins
b: 404
a: 200
--- more_headers
Host: media.s3.example.com
--- request: GET /key
--- error_code: 403
--- origin_count: a=0

=== TEST 25: a path that nginx has rewritten is a key of the bucket
--- config eval: ::config(location => 'rewrite ^/old/(.*)$ /new/$1 break;')
--- more_headers
Host: media.s3.example.com
--- request eval: ["GET /old/a%20b+c", "GET /old/x?y=z"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media/new/a%20b%20c HTTP
b[1]: ^GET /media/new/x\?y=z HTTP

=== TEST 26: a URI in proxy_pass has no part in it
--- config eval: ::config(server => 'location /old/ { s3_verify apps; s3_resign on; proxy_pass http://s3/new/; }')
--- more_headers eval: ["Host: media.s3.example.com", "Host: s3.example.com"]
--- request eval: [("GET /old/key") x 2]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media/old/key HTTP
b[1]: ^GET /new/key HTTP

=== TEST 27: a target in absolute form, and no path at all
--- raw_request eval: ["GET http://media.s3.example.com/key HTTP/1.1\r\nHost: media.s3.example.com\r\nConnection: close\r\n\r\n"]
--- s3_sign
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 28: a host cannot be both
--- http_config eval: ::http_config(clients => 'host media.s3.example.com; domain s3.example.com;')
--- nginx_conf_fails: "host" "media\.s3\.example\.com" is below a "domain"

=== TEST 29: a domain is a host name
--- http_config eval: ::http_config(clients => 'domain s3.example.com:80;')
--- nginx_conf_fails: "domain" must be host names without a port, not "s3\.example\.com:80"

=== TEST 30: over TLS
--- https
--- more_headers
Host: media.s3.example.com
--- request eval: ["GET /key", "GET /"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media/key HTTP
b[1]: ^GET /media/ HTTP

=== TEST 31: an upload that is stored before it is sent, and repeated
--- config eval: ::config(location => 'proxy_request_buffering on;')
--- origins
b: 503
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200
--- s3_sign eval: "$::client payload=streaming chunk=8192"
--- more_headers
Host: media.s3.example.com
--- request: PUT /key
--- request_body_size: 100k
--- error_code: 200
--- origin_request_like
b: ^PUT /media/key HTTP
a: ^PUT /media/key HTTP

=== TEST 32: slices are pieces of the bucket's object
--- config eval: ::config(location => 'slice 1k; proxy_set_header Range $slice_range;')
--- origins
b: 206 header="Content-Range: bytes 0-3/4" header="ETag: x" body=data
--- more_headers
Host: media.s3.example.com
--- request: GET /key
--- response_body: data
--- origin_request_like
b: ^GET /media/key HTTP

=== TEST 33: auth_request asks for what its location says, whatever the host is
--- config eval: ::config(server => 'location = /auth { internal; s3_verify off; s3_resign a; proxy_pass_request_body off; proxy_pass http://%%ORIGIN_A%%/gate/key; }', location => 'auth_request /auth;')
--- more_headers
Host: media.s3.example.com
--- request: GET /key
--- error_code: 200
--- origin_request_like
a: ^GET /gate/key HTTP
b: ^GET /media/key HTTP

=== TEST 34: what sign_s3 presigns, which has the bucket in the host name
--- http_config eval: ::domain_config(clients => "$::domain signature_v2 on;")
--- s3_sign
--- code
my ($id, $secret) = split ' ', $::client;
for my $words ('-v 4 --region us-east-1', '-v 4 --region us-east-1 --method PUT', '-v 2') {
    my $url = `build/sign_s3 $words --virtual-host http://s3.example.com $id $secret media 'a b/c+d'`;
    my ($host, $target) = $url =~ m{^http://([^/]+)(/\S+)$};
    is($host, 'media.s3.example.com', "$words: the bucket in the host");
    my $method = $words =~ /PUT/ ? 'PUT' : 'GET';
    my $response = $t->send(request => "$method $target", more_headers => "Host: $host");
    is($response->{status}, 200, "$words: it is let in");
    my $other = $t->send(request => "$method $target", more_headers => "Host: other.s3.example.com");
    is($other->{status}, 403, "$words: for that bucket alone");
}
is_deeply([map { "$_->{method} $_->{target}" } $t->received('b')], ['GET /media/a%20b/c%2Bd', 'PUT /media/a%20b/c%2Bd', 'GET /media/a%20b/c%2Bd'],
    'and gets the object that was meant');
