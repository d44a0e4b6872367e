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

=== TEST 5: an origin that hangs does not hold up the answer
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 delay=30 /mr
--- request: GET /healthz
--- timeout: 10
--- error_code: 200
--- response_body_like: ^\{"status":"ok","origins":\{"b":"nok: 504, the origin did not answer in time","a":"ok"\}\}$
--- origin_count: a=1

=== TEST 6: nor do both; the time is configured, and what has hung is not waited for
--- config eval: ::config(server => "location = /healthz { s3_health b=/probe/b timeout=200ms a=/probe/a; }\n$::probes")
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(\w): (\S+) /$1: $2 delay=30 /mgr
--- request: GET /healthz
--- timeout: 10
--- error_code: 503
--- response_body_like: ^\{"status":"nok","origins":\{"b":"nok: 504,.*","a":"nok: 504,.*"\}\}$
--- code
my $response = $t->send(request => 'GET /healthz', keepalive => 1, s3_sign => undef, timeout => 10);
is($response->{status}, 503, 'again');

=== TEST 7: one that answers late is heard
--- config eval: ::config(server => "location = /healthz { s3_health b=/probe/b a=/probe/a timeout=10s; }\n$::probes")
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 delay=1.5 /mr
--- request: GET /healthz
--- timeout: 15
--- error_code: 200
--- response_body_like: ^\{"status":"ok","origins":\{"b":"ok","a":"ok"\}\}$

=== TEST 8: the connection is good for more after an answer that did not wait
--- config eval: ::config(server => "location = /healthz { s3_health b=/probe/b a=/probe/a timeout=200ms; }\n$::probes")
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 delay=30 /mr
--- request eval: ["GET /healthz", "GET /healthz", "GET /healthz"]
--- keepalive
--- timeout: 10
--- error_code: 200

=== TEST 9: over HTTP/2
--- config eval: ::config(server => "location = /healthz { s3_health b=/probe/b a=/probe/a timeout=200ms; }\n$::probes")
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 delay=30 /mr
--- http2
--- timeout: 10
--- error_code: 200
--- response_body_like: "b":"nok: 504.*","a":"ok"

=== TEST 10: the client leaves
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 delay=30 /mr
--- request: GET /healthz
--- code
for (1 .. 3) {
    my $stream = $t->connect;
    $stream->put("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    select undef, undef, undef, 0.1;
    $stream->close;
}
select undef, undef, undef, 1.2;
is($t->send(request => 'GET /healthz', s3_sign => undef, timeout => 10)->{status}, 200, 'nginx is well');

=== TEST 11: an origin that is probed is not asked, one that is not is
--- http_config eval: ::clients() . ::origin_blocks() . "upstream s3 { s3_probe interval=100ms timeout=1s; server %%ORIGIN_B%%; }"
--- code
my $body = '';
for (1 .. 200) {
    $body = $t->send(request => 'GET /healthz', s3_sign => undef)->{body};
    last if $body =~ /"b":"ok","a":"ok"/;
    select undef, undef, undef, 0.05;
}
like($body, qr/^\{"status":"ok","origins":\{"b":"ok","a":"ok"\},"since":\{"b":"\d{4}-[^"]*Z"\}\}$/, 'both are up');
is(scalar(grep { $_->{head} !~ /s3_probe/ } $t->received('b')), 0, 'b was not asked for it');
cmp_ok(scalar(my @asked = $t->received('a')), '>=', 1, 'a was');
--- error_code:
--- response_body_like: ^\{"status"

=== TEST 12: an answer serves for the second of the clock and the next one, however many ask
--- origins
b: 200 | 503
a: 503
--- request eval: ['GET /healthz', 'GET /healthz']
--- error_code: 200
--- origin_count: a=1 b=1
--- code
select undef, undef, undef, 2.1;
is($t->send(request => 'GET /healthz', s3_sign => undef)->{status}, 503, 'asked anew');
is(scalar(my @asked = $t->received('b')), 2, 'once');
