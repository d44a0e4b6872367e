# Tests for proxy_cache behind verification: one object for all who may have
# it, signed for the origin when it is fetched, and for nobody else.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our $cache = 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m; s3_clients others { key AKIDOTHER othersecret; }';
our $caching = 'proxy_cache cache; proxy_cache_key $s3_cache_key; proxy_cache_valid 200 1m; proxy_cache_valid any 1m; add_header X-Cache $upstream_cache_status always;';
default_sections(
    http_config => http_config(more => $cache),
    config      => config(location => $caching),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => '',
);
our $client = $CLIENT;

run_tests();

__DATA__

=== TEST 1: header and URL, one object
--- s3_sign eval: [$::client, "$::client presign=900", "$::client presign=600"]
--- request eval: [("GET /one/key") x 3]
--- error_code: 200
--- response_headers eval: ["X-Cache: MISS", "X-Cache: HIT", "X-Cache: HIT"]
--- origin_count: b=1

=== TEST 2: who is refused gets nothing from the cache
--- s3_sign eval: [$::client, "AKIDCLIENT wrong", "", "$::client date=-1000"]
--- request eval: [("GET /two/key") x 4]
--- error_code: 200 403 403 403
--- origin_count: b=1

=== TEST 3: other parameters, another object
--- request eval: ["GET /three/key", "GET /three/key?versionId=1", "GET /three/key?response-content-type=text%2Fplain", "GET /three/key?versionId=1"]
--- response_headers eval: ["X-Cache: MISS", "X-Cache: MISS", "X-Cache: MISS", "X-Cache: HIT"]
--- origin_count: b=3

=== TEST 4: HEAD is converted, and signed as the GET that is sent
--- request eval: ["HEAD /four/key", "GET /four/key"]
--- error_code: 200
--- response_headers eval: ["X-Cache: MISS", "X-Cache: HIT"]
--- origin_count: b=1
--- origin_request_like
b: ^GET /four/key HTTP/1.1$

=== TEST 5: HEAD is not converted, and signed as HEAD
--- config eval: ::config(location => "$::caching proxy_cache_convert_head off;")
--- request: HEAD /five/key
--- error_code: 200
--- origin_request_like
b: ^HEAD /five/key HTTP/1.1$

=== TEST 6: an origin's complaint about the proxy's key is not cached
--- origins
b: 403 header="Content-Type: application/xml" body="<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>InvalidAccessKeyId</Code></Error>" | 200 body=fine
--- request eval: ["GET /six/key", "GET /six/key"]
--- error_code: 503 200

=== TEST 7: stale while the origins are down, with the module's own errors not in the way
--- config eval: ::config(location => "$::caching proxy_cache_valid 200 1s; proxy_cache_use_stale error timeout http_502 http_503;")
--- origins
b: 200 body=first header="Cache-Control: max-age=1" | 503
a: refuse
--- request eval: ["GET /seven/key"]
--- response_body: first
--- code
select undef, undef, undef, 2.1;
my $response = $t->send(request => 'GET /seven/key');
is($response->{status}, 200, 'status');
is($response->{body}, 'first', 'stale body');

=== TEST 8: background update is signed
--- config eval: ::config(location => "$::caching proxy_cache_use_stale updating; proxy_cache_background_update on;")
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/body="from b"/body="from b" header="Cache-Control: max-age=1"/r
--- request: GET /eight/key
--- response_body: from b
--- code
select undef, undef, undef, 2.1;
is($t->send(request => 'GET /eight/key')->{body}, 'from b', 'stale');
select undef, undef, undef, 0.3;
is(scalar(my @all = $t->received('b')), 2, 'fetched again');
--- origin_verdict
b: ^ok$

=== TEST 9: slice: each slice is signed with its Range
--- config eval: ::config(location => 'slice 10; proxy_set_header Range $slice_range; proxy_cache cache; proxy_cache_key $s3_cache_key$slice_range; proxy_cache_valid 200 206 1m;')
--- origins
b: 206 header="Content-Range: bytes 0-9/25" header="ETag: x" body=0123456789 | 206 header="Content-Range: bytes 10-19/25" header="ETag: x" body=0123456789 | 206 header="Content-Range: bytes 20-24/25" header="ETag: x" body=01234
--- request: GET /nine/key
--- error_code: 200
--- response_body: 0123456789012345678901234
--- origin_request_like
b[0]: (?i)^range: bytes=0-9$
b[1]: (?i)^range: bytes=10-19$
b[2]: Credential=AKIDORIGINB/

=== TEST 10: two ways of spelling, one object
--- request eval: ["GET /ten/a%20b", "GET /ten/a+b", "GET /ten/%61%20b"]
--- response_headers eval: ["X-Cache: MISS", "X-Cache: HIT", "X-Cache: HIT"]

=== TEST 11: a hit needs no origin
--- request eval: ["GET /eleven/key"]
--- code
S3Proxy::Origin::stop_all();
is($t->send(request => 'GET /eleven/key')->{body}, 'from b', 'from the cache');
is($t->send(request => 'GET /eleven/key', s3_sign => 'AKIDCLIENT wrong')->{status}, 403, 'not for others');

=== TEST 12: errors that say nothing about a key are kept as the configuration has it, and go out as they came; others are not
--- origins
b: 404 body="a page of the website's own" | 405 body=no | 410 body=gone | 412 body=changed | 416 body=beyond | 409 body=first | 409 body=second | 500 body=first | 500 body=second
--- request eval: [map { ("GET /$_/key") x 2 } 404, 405, 410, 412, 416, 409, 500]
--- error_code eval: [map { ($_) x 2 } 404, 405, 410, 412, 416, 409, 500]
--- response_headers eval: [(map { ("X-Cache: $_") } ('MISS', 'HIT') x 5, ('MISS') x 4)]
--- response_body eval: [("a page of the website's own") x 2, ('no') x 2, ('gone') x 2, ('changed') x 2, ('beyond') x 2, 'first', 'second', 'first', 'second']
--- origin_count: b=9

=== TEST 13: a list of buckets is kept for nobody
--- request eval: [("GET /") x 2]
--- error_code: 200
--- response_headers eval: [("X-Cache: MISS") x 2]
--- origin_count: b=2
