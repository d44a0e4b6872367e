# Tests for clients that speak HTTP/2: :authority is the signed host, bodies
# stream, errors have S3's words.

use v5.36;
use lib 't/lib';
use S3Proxy::Http2 qw(send_frames);
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    http2       => '',
    request     => 'GET /bucket/key',
);

our $client = $CLIENT;

# Sends the head of the block's first request again, with another length and other data, in a frame each.
sub main::sends_more ($t, $length, @data) { return send_frames($t->port('H2'), $t->{requests}[0], $length, @data) }

run_tests();

__DATA__

=== TEST 1: GET
--- error_code: 200
--- http_version: 2
--- response_body: from b

=== TEST 2: keys and queries
--- request eval: ["GET /bucket/a%20b%2Bc", "GET /bucket//x/../y", "GET /bucket?prefix=a+b&delimiter=%2F", "GET /bucket/%E2%82%AC"]
--- error_code: 200

=== TEST 3: PUT with a hash, with frames, chunk-signed
--- s3_sign eval: [$::client, "$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32", "$::client payload=streaming chunk=8192"]
--- request eval: [("PUT /bucket/key") x 3]
--- request_body_size: 100k
--- error_code: 200

=== TEST 4: PUT, unbuffered
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- request: PUT /bucket/key
--- request_body_size: 1m
--- error_code: 200
--- origin_body_sha256
b: sent

=== TEST 5: HEAD
--- request: HEAD /bucket/key
--- error_code: 200

=== TEST 6: presigned
--- s3_sign eval: "$::client presign=900"
--- error_code: 200

=== TEST 7: refused
--- s3_sign eval: ["AKIDCLIENT wrong", "", "$::client date=-1000"]
--- request eval: [("GET /bucket/key") x 3]
--- s3_error
403 SignatureDoesNotMatch
403 AccessDenied
403 RequestTimeTooSkewed
--- origin_count: b=0

=== TEST 8: a signature for another authority
--- more_headers
Host: other.example
--- tamper: s/Host: other.example/Host: localhost/
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 9: failover
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: .*/b: refuse/mr
--- request
PUT /bucket/key
hello
--- error_code: 200
--- response_body: from a
--- origin_body
a: hello

=== TEST 10: signed chunks, unbuffered
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- s3_sign eval: ["$::client payload=streaming chunk=8192", "$::client payload=streaming-trailer chunk=65536 trailer=x-amz-checksum-crc32c"]
--- request eval: [("PUT /bucket/key") x 2]
--- request_body_size: 500k
--- error_code: 200

=== TEST 11: a tampered chunk
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- s3_sign eval: "$::client payload=streaming chunk=8192 tamper_body=s/0001000/0001001/"
--- request: PUT /bucket/key
--- request_body_size: 50k
--- error_code: 403
--- ignore_response
--- origin_verdict
--- code
is(scalar(grep { $_->{complete} } $t->received), 0, 'no origin has the whole body');

=== TEST 20: content-length: 0 and a body: no origin has an empty object
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- s3_sign eval: "$::client payload=unsigned"
--- request: PUT /bucket/key
--- request_body_size: 0
--- error_code: 200
--- code
sends_more($t, 0, '', 'abc');
is(scalar($t->received('b')), 1, 'the first request only');
sends_more($t, 0, '', '');
is(scalar($t->received('b')), 2, 'an empty one that ends later is an upload');

=== TEST 21: more, or less, than content-length: no origin has a whole object before the end of the stream has come
--- config eval: ::config(location => 'proxy_request_buffering off;', server => 'location /free/ { s3_verify off; s3_resign on; proxy_http_version 1.1; proxy_request_buffering off; proxy_pass http://s3; }')
--- s3_sign eval: ["$::client payload=unsigned"]
--- request: PUT /bucket/key
--- request_body: hello
--- error_code: 200
--- code
for my $case (
    ['unsigned', '/bucket/key', 'payload=unsigned'],
    ['presigned', '/bucket/key', 'presign=900'],
    ['a hash that the origin checks', '/bucket/key', ''],
    ['s3_verify off', '/free/key', undef],
) {
    my ($name, $target, $how) = @$case;
    my $sign = defined $how ? "$::client $how" : '';
    my $first = $t->send(request => "PUT $target", request_body => 'hello', s3_sign => $sign);
    is($first->{status}, 200, "$name: an upload");
    $t->{requests}[0] = $first->{request};
    my $whole = sub { scalar grep { $_->{complete} } $t->received };
    my $before = $whole->();
    sends_more($t, 5, @$_) for ['hello', ' world'], ['hell', 'o', 'x'];
    is($whole->(), $before, "$name: more");
    sends_more($t, 5, @$_) for ['hell', ''], ['hello', undef];
    is($whole->(), $before, "$name: less, and a reset");
    sends_more($t, 5, @$_) for ['hello'], ['h', 'ell', 'o', ''];
    is($whole->(), $before + 2, "$name: what was announced");
    is($_->{body}, 'hello', "$name: whole") for grep { $_->{complete} } ($t->received)[-2, -1];
}
