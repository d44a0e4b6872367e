# Tests for s3_health: what it answers, and that whoever asks has no say in it.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our $probes = join '', map {
    "location = /probe/$_ { internal; s3_verify off; s3_resign $_; proxy_method HEAD; proxy_pass http://%%ORIGIN_\U$_%%/bucket; }\n"
} qw(a b);

default_sections(
    http_config => http_config(),
    config      => config(server => "location = /healthz { s3_health b=/probe/b a=/probe/a; }\n$probes"),
    origins     => $ORIGINS,
    request     => 'GET /healthz',
    fresh       => 1,
);

run_tests();

__DATA__

=== TEST 1: both origins answer what we sign
--- error_code: 200
--- response_body_like: ^\{"status":"ok","origins":\{"b":"ok","a":"ok"\}\}$
--- origin_count: a=1 b=1

=== TEST 2: one is down
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/b: .*/b: refuse/r
--- error_code: 200
--- response_body_like: "b":"nok: 502, no connection to the origin","a":"ok"

=== TEST 3: both are down
--- origins
a: refuse
b: refuse
--- error_code: 503
--- response_body_like: ^\{"status":"nok"

=== TEST 4: headers of whoever asks do not reach an origin
--- more_headers
If-Match: "x"
x-amz-copy-source: /bucket/other
--- error_code: 200
--- origin_request_unlike
a: (?i)if-match|copy-source
b: (?i)if-match|copy-source
