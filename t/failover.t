# Tests for failover: each peer that nginx's balancer picks, at the first try and
# at every retry, gets a request that is signed with its own key.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
);

our $client = $CLIENT;

# The scripted origins, `b` doing something else first.
sub main::b_first ($words) { return $ORIGINS =~ s/^b: (s3=\S+) /b: $1 $words/mr }

# An http part with another upstream of a and b.
sub main::with_upstream ($text) { return clients() . origin_blocks() . "upstream s3 { $text }\n" }

run_tests();

__DATA__

=== TEST 1: the primary, as long as it answers
--- request eval: [map { "GET /bucket/key$_" } 1 .. 3]
--- error_code: 200
--- response_body: from b
--- origin_count: a=0 b=3

=== TEST 2: primary refuses the connection
--- origins eval: ::b_first('') =~ s/^b: .*/b: refuse/mr
--- error_code: 200
--- response_body: from a
--- origin_count: a=1 b=0
--- origin_request_like
a: ^Host: %%ORIGIN_A%%$
a: Credential=AKIDORIGINA/%%DAY%%/us-east-1/s3/aws4_request

=== TEST 3: primary answers 503: both got their own signature
--- origins eval: ::b_first('503 | ')
--- error_code: 200
--- response_body: from a
--- origin_count: a=1 b=1
--- origin_request_like
b: Credential=AKIDORIGINB/%%DAY%%/eu-west-1/
b: ^Host: %%ORIGIN_B%%$
a: Credential=AKIDORIGINA/%%DAY%%/us-east-1/
a: ^Host: %%ORIGIN_A%%$
--- origin_request_unlike
a: ORIGINB
b: ORIGINA

=== TEST 4: primary closes, resets, accepts and closes, is too slow
--- origins eval: ::b_first('close | reset | 200 delay=2 | 503 | ')
--- config eval: ::config(location => 'proxy_read_timeout 500ms;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 5]
--- error_code: 200
--- response_body eval: ["from a", "from a", "from a", "from a", "from b"]
--- origin_count: a=4 b=5

=== TEST 5: a buffered PUT moves on with its body
--- origins eval: ::b_first('503 | ')
--- request
PUT /bucket/key
--- request_body_size: 300k
--- error_code: 200
--- response_body: from a
--- origin_body_sha256
a: sent
b: sent

=== TEST 6: an unbuffered PUT moves on while nothing was sent
--- origins eval: ::b_first('') =~ s/^b: .*/b: refuse/mr
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- request
PUT /bucket/key
--- request_body_size: 300k
--- error_code: 200
--- response_body: from a
--- origin_body_sha256
a: sent

=== TEST 7: an unbuffered PUT that was begun does not move on
--- origins eval: ::b_first('503 | ')
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- request
PUT /bucket/key
--- request_body_size: 300k
--- error_code: 503
--- origin_count: a=0 b=1

=== TEST 8: chunked upload, unbuffered, aws-chunked
--- origins eval: ::b_first('') =~ s/^b: .*/b: refuse/mr
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- s3_sign eval: "$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32"
--- request: PUT /bucket/key
--- request_body_size: 50k
--- error_code: 200
--- response_body: from a

=== TEST 9: all fail
--- origins
a: refuse
b: refuse
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=0 b=0
--- error_log: connect() failed

=== TEST 10: what may not move on does not
--- config eval: ::config() =~ s/proxy_next_upstream error timeout http_503 non_idempotent;/proxy_next_upstream off;/r
--- origins eval: ::b_first('503 body="busy" | ')
--- error_code: 503
--- origin_count: a=0 b=1

=== TEST 11: 404 from the primary is an answer
--- origins eval: ::b_first('404 body=none | ')
--- error_code: 404
--- response_body: none
--- origin_count: a=0 b=1

=== TEST 12: 404 moves on if so configured
--- config eval: ::config(location => 'error_page 404 = @none;') =~ s/http_503/http_503 http_404/r
--- origins eval: ::b_first('404 body=none | ')
--- error_code: 200
--- response_body: from a

=== TEST 13: keepalive connections: each request is signed anew
--- http_config eval: ::http_config(upstream => 'keepalive 4;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 6]
--- error_code: 200
--- code
my @received = $t->received('b');
is(join(' ', map { $_->{connection} } @received), '1 1 1 1 1 1', 'one connection');
is(scalar(keys %{ { map { ($_->{head} =~ /Signature=(\w+)/)[0] => 1 } @received } }), 6, 'six signatures');

=== TEST 14: a stale keepalive connection: the retry is signed for its peer
--- http_config eval: ::http_config(upstream => 'keepalive 4;')
--- origins eval: ::b_first('200 body="from b" close_after | ')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 3]
--- error_code: 200

=== TEST 15: round robin over both
--- http_config eval: ::with_upstream('server %%ORIGIN_A%%; server %%ORIGIN_B%%;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 6]
--- error_code: 200
--- origin_count: a=3 b=3

=== TEST 16: weights, least_conn, zone
--- http_config eval: ::with_upstream('zone s3 64k; least_conn; server %%ORIGIN_A%% weight=3; server %%ORIGIN_B%%; keepalive 4;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 8]
--- error_code: 200
--- origin_count: a=6 b=2

=== TEST 17: hash
--- http_config eval: ::with_upstream('hash $uri consistent; server %%ORIGIN_A%%; server %%ORIGIN_B%%;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 16]
--- error_code: 200
--- code
my ($a, $b) = map { scalar(my @got = $t->received($_)) } qw(a b);
ok($a && $b && $a + $b == 16, "both are used: $a and $b");

=== TEST 18: ip_hash and random
--- http_config eval: ::with_upstream('random two; zone r 64k; server %%ORIGIN_A%%; server %%ORIGIN_B%%;') . 'upstream ip { ip_hash; server %%ORIGIN_A%%; server %%ORIGIN_B%%; }'
--- config eval: ::config(server => 'location /ip/ { s3_verify apps; s3_resign on; proxy_pass http://ip; }')
--- request eval: [(map { "GET /bucket/key$_" } 1 .. 6), "GET /ip/x"]
--- error_code: 200

=== TEST 19: a failure in the zone is remembered, the next request goes to the backup at once
--- http_config eval: ::with_upstream('zone s3 64k; server %%ORIGIN_B%% max_fails=1 fail_timeout=60s; server %%ORIGIN_A%% backup;')
--- origins eval: ::b_first('503 | ')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 3]
--- error_code: 200
--- response_body: from a
--- origin_count: a=3 b=1

=== TEST 20: three tries over two servers named twice
--- http_config eval: ::with_upstream('server %%ORIGIN_B%% max_fails=0; server %%ORIGIN_B%% max_fails=0; server %%ORIGIN_A%% backup;')
--- origins eval: ::b_first('503*2 | ')
--- error_code: 200
--- origin_count: a=1 b=2

=== TEST 21: two names with one address are two origins
--- http_config eval
::clients() . 's3_origin one { endpoint http://localhost:%%ORIGIN_B_PORT%%; region eu-west-1; key AKIDORIGINB origin-b/Secret+Key=; }
s3_origin two { endpoint http://127.1:%%ORIGIN_B_PORT%%; region us-east-1; key AKIDORIGINA origin-a/Secret+Key=; }
upstream s3 { server localhost:%%ORIGIN_B_PORT%%; server 127.1:%%ORIGIN_B_PORT%% backup; }'
--- origins
b: 503 | 200 body=second
--- error_code: 200
--- response_body: second
--- origin_request_like
b[0]: Credential=AKIDORIGINB/.*eu-west-1
b[0]: ^Host: localhost:%%ORIGIN_B_PORT%%$
b[1]: Credential=AKIDORIGINA/.*us-east-1
b[1]: ^Host: 127.1:%%ORIGIN_B_PORT%%$

=== TEST 22: a Unix socket needs an origin with a host
--- http_config eval
::clients() . ::origin_blocks() . 'upstream s3 { server unix:%%SERVROOT%%/s.sock; }'
--- nginx_conf_fails
s3|origin

=== TEST 23: many at once, one origin failing half the time
--- http_config eval: ::http_config(upstream => 'keepalive 8;')
--- origins eval: ::b_first('503 | 200 body="from b" | 503 | 200 body="from b" | 503 | ')
--- request eval: [map { "PUT /bucket/key$_\nbody $_" } 1 .. 6]
--- error_code: 200
--- origin_count: a=3 b=6

=== TEST 24: x-amz-date is that of the try
--- origins eval: ::b_first('503 delay=1.2 | ')
--- error_code: 200
--- code
my ($first, $second) = map { $_->{head} =~ /^x-amz-date: (\S+)/mi } map { $t->received($_) } qw(b a);
cmp_ok($second, 'gt', $first, 'the retry is signed later');
