# Tests for ListBuckets of a client whose grants name each of its buckets: it gets
# them from the proxy, and no origin is asked. (What comes of an origin's own list
# is in answers.t.)

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our $own = 'AKIDOWN own-secret';
our $clients = 'file %%SERVROOT%%/clients.json;';
default_sections(
    http_config => http_config(clients => $clients),
    config      => config(),
    origins     => $ORIGINS,
    files       => <<'EOF',
>>> clients.json 0600
{"clients": [
  {"access_key": "AKIDOWN", "secret_key": "own-secret", "grants": [
    {"buckets": ["photos", "logs"], "prefix": "2026/", "allow": ["read"]},
    {"buckets": ["logs", "a<b"], "allow": ["write"]}]},
  {"access_key": "AKIDHERE", "secret_key": "here-secret", "grants": [
    {"buckets": ["photos"], "allow": ["read"]},
    {"buckets": ["lan"], "allow": ["read"], "from": ["127.0.0.0/8"]},
    {"buckets": ["far-*"], "allow": ["read"], "from": ["192.0.2.0/24"]}]},
  {"access_key": "AKIDBUT", "secret_key": "but-secret", "grants": [
    {"buckets": ["photos", "logs"], "allow": ["read"]},
    {"buckets": ["lo*"], "deny": ["all"]}]},
  {"access_key": "AKIDLIST", "secret_key": "list-secret", "grants": [
    {"buckets": ["*"], "allow": ["ListBuckets"]}]}
]}
EOF
    s3_sign     => $own,
);

# The document, with these buckets.
sub main::list ($rest, @names) {
    my $buckets = join '', map { "<Bucket><Name>$_</Name><CreationDate>1970-01-01T00:00:00.000Z</CreationDate></Bucket>" } @names;
    return qq{<?xml version="1.0" encoding="UTF-8"?>\n<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">}
        . "<Owner><ID>AKIDOWN</ID><DisplayName>AKIDOWN</DisplayName></Owner><Buckets>$buckets</Buckets>$rest</ListAllMyBucketsResult>";
}

our $all = list('', 'a&lt;b', 'logs', 'photos');

run_tests();

__DATA__

=== TEST 1: the buckets that grants name, without a question to an origin
--- request eval: ["GET /", "GET /?x-id=ListBuckets"]
--- error_code: 200
--- response_headers
Content-Type: application/xml
!ETag
--- response_headers_like: x-amz-request-id: [0-9A-F]{16}
--- response_body eval: $::all
--- origin_count: a=0 b=0

=== TEST 2: page by page
--- request eval: ["GET /?max-buckets=2", "GET /?max-buckets=2&continuation-token=logs", "GET /?prefix=lo", "GET /?continuation-token=zz", "GET /?bucket-region=eu-west-1"]
--- response_body eval: [::list('<ContinuationToken>logs</ContinuationToken>', 'a&lt;b', 'logs'), ::list('', 'photos'), ::list('<Prefix>lo</Prefix>', 'logs'), ::list(''), $::all]
--- origin_count: a=0 b=0

=== TEST 3: a page of no size
--- request eval: ["GET /?max-buckets=0", "GET /?max-buckets=x"]
--- s3_error: 400 InvalidArgument
--- s3_error_like
ArgumentName: ^max-buckets$

=== TEST 4: the region that clients sign for
--- http_config eval: ::http_config(clients => "$::clients region local;")
--- s3_sign eval: "$::own region=local"
--- request eval: ["GET /", "GET /?bucket-region=local", "GET /?bucket-region=eu-west-1"]
--- response_body_like eval: [('<Name>photos</Name>.*<BucketRegion>local</BucketRegion>') x 2, '<Buckets></Buckets>']
--- origin_count: a=0 b=0

=== TEST 5: no other parameter, no other method, no body without its check
--- request eval: ["GET /?format=json", "HEAD /", "PUT /", "GET /?policy"]
--- error_code: 403
--- origin_count: a=0 b=0

=== TEST 6: grants of other networks are none, and what is denied is no bucket
--- s3_sign eval: ['AKIDHERE here-secret', 'AKIDBUT but-secret']
--- request eval: [("GET /") x 2]
--- response_body_like eval: ['<Buckets><Bucket><Name>lan</Name>((?!Name).)*</Bucket><Bucket><Name>photos</Name>((?!Name).)*</Bucket></Buckets>', '<Buckets><Bucket><Name>photos</Name>((?!Name).)*</Bucket></Buckets>']
--- origin_count: a=0 b=0

=== TEST 7: who may list all of them asks
--- s3_sign eval: [$S3Proxy::Setup::CLIENT, 'AKIDLIST list-secret']
--- request eval: [("GET /") x 2]
--- response_body: from b
--- origin_count: b=2

=== TEST 8: while no origin works
--- origins
b: refuse
a: refuse
--- request: GET /
--- response_body eval: $::all

=== TEST 9: over HTTP/2, TLS, and presigned
--- https
--- http2
--- s3_sign eval: [$::own, "$::own presign=900"]
--- request eval: [("GET /") x 2]
--- response_body eval: $::all
--- origin_count: a=0 b=0

=== TEST 10: the domain lists buckets, a bucket's name its objects
--- http_config eval: ::http_config(clients => "$::clients domain s3.lan;")
--- more_headers eval: ["Host: s3.lan", "Host: logs.s3.lan"]
--- request eval: ["GET /", "PUT /k"]
--- response_body eval: [$::all, "from b"]
--- origin_count: b=1

=== TEST 11: a body is nothing to it, and the connection goes on
--- keepalive
--- request eval: ["GET /\nabc", "GET /", "PUT /logs/k\nabc"]
--- request_body eval: ["abc", "", "abc"]
--- response_body eval: [$::all, $::all, "from b"]
--- origin_count: b=1

=== TEST 12: whoever else has a say keeps it
--- config eval: ::config(server => 'location = /auth { internal; return 403; }', location => 'auth_request /auth;')
--- request: GET /
--- s3_error: 403 AccessDenied

=== TEST 13: a mirror hears of it
--- http_config eval: ::http_config(clients => $::clients, more => 'upstream other { server %%ORIGIN_A%%; }')
--- config eval: ::config(server => 'location = /mirror { internal; s3_verify apps; s3_resign on; proxy_pass http://other$request_uri; }', location => 'mirror /mirror;')
--- request: GET /
--- response_body eval: $::all
--- origin_count: a=1 b=0

=== TEST 14: it is in no cache, whoever asks next
--- http_config eval: ::http_config(clients => $::clients, more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m;')
--- config eval: ::config(location => 'proxy_cache cache; proxy_cache_key $s3_cache_key; proxy_cache_valid any 1m; proxy_buffering off;')
--- s3_sign eval: [$::own, $S3Proxy::Setup::CLIENT, $::own]
--- request eval: [("GET /") x 3]
--- response_body eval: [$::all, "from b", $::all]
--- origin_count: b=1

=== TEST 15: where nothing is signed anew
--- config eval: ::config() =~ s/s3_resign on;//r
--- request: GET /
--- response_body eval: $::all
--- origin_count: b=0

=== TEST 16: what the log says of it
--- http_config eval: ::http_config(clients => $::clients, more => 'log_format who "$s3_client|$s3_operation|$status|$s3_origin|$s3_error_code|$upstream_addr"; access_log %%SERVROOT%%/logs/access.log who;')
--- request eval: ["GET /", "GET /?max-buckets=0"]
--- access_log
AKIDOWN|ListBuckets|200|-|-|-
127.0.0.1|ListBuckets|400|-|InvalidArgument|-

=== TEST 17: a variable that has the request verified before
--- http_config eval: ::http_config(clients => $::clients, more => 'limit_req_zone $s3_access_key zone=keys:1m rate=1000r/s;')
--- config eval: ::config(location => 'limit_req zone=keys burst=10;')
--- request eval: [("GET /") x 2]
--- response_body eval: $::all
--- origin_count: b=0

=== TEST 18: to who asks with a wrong signature it says nothing
--- s3_sign: AKIDOWN wrong
--- request: GET /
--- s3_error: 403 SignatureDoesNotMatch
