# Tests for errors in S3's words: those that nginx makes itself, what an origin
# says about the proxy's own key, and connections after a refusal.

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

# An origin that answers as S3 does when the proxy's signature is wrong.
sub main::origin_error ($status, $code, $more = '') {
    return qq(b: $status header="Content-Type: application/xml" header="x-amz-request-id: ORIGINREQUESTID0" )
        . qq(body='<?xml version="1.0" encoding="UTF-8"?><Error><Code>$code</Code><Message>m</Message>)
        . qq(<AWSAccessKeyId>AKIDORIGINB</AWSAccessKeyId><StringToSign>AWS4 eu-west-1</StringToSign>)
        . qq(<CanonicalRequest>host:prod-origin</CanonicalRequest><HostId>origin-host-id</HostId></Error>' $more);
}

run_tests();

__DATA__

=== TEST 1: a body that is too large for the location
--- config eval: ::config() =~ s/client_max_body_size 0/client_max_body_size 10/r
--- request
PUT /bucket/key
--- request_body_size: 100
--- s3_error: 413 EntityTooLarge
--- origin_count: a=0 b=0

=== TEST 2: no origin can be reached
--- origins
a: refuse
b: refuse
--- request eval: ["GET /bucket/key", "HEAD /bucket/key", "PUT /bucket/key\nhello"]
--- s3_error: 502 ServiceUnavailable

=== TEST 3: origins are too slow
--- config eval: ::config(location => 'proxy_read_timeout 200ms; proxy_next_upstream off;') =~ s/proxy_next_upstream error.*?;//r
--- origins
a: 200 delay=3
b: 200 delay=3
--- s3_error: 504 ServiceUnavailable

=== TEST 4: deny and return
--- config eval: ::config(server => 'location /denied/ { s3_verify apps; deny all; } location /limited/ { s3_verify apps; return 503; } location /missing/ { s3_verify apps; return 404; }')
--- request eval: ["GET /denied/x", "GET /limited/x", "GET /missing/x"]
--- error_code: 403 503 404
--- response_body_like eval: [("<Error><Code>[A-Za-z]+</Code>") x 3]

=== TEST 5: limit_req
--- http_config eval: ::http_config(more => 'limit_req_zone $binary_remote_addr zone=z:64k rate=1r/m;')
--- config eval: ::config(location => 'limit_req zone=z;')
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 200 503
--- response_body_like eval: ["from b", "<Code>(SlowDown|ServiceUnavailable)</Code>"]

=== TEST 6: a location without the module keeps nginx's pages
--- config eval: ::config(server => 'location = /plain { s3_verify off; return 404; }')
--- request: GET /plain
--- error_code: 404
--- response_body_like: <html>

=== TEST 7: error_page of the configuration wins
--- config eval: ::config(server => 'error_page 403 /mine; location = /mine { internal; s3_verify off; return 403 "mine\n"; }')
--- s3_sign:
--- error_code: 403
--- response_body
mine

=== TEST 8: the origin refuses the proxy's signature: nobody but the log hears of it
--- origins eval: ::origin_error(403, 'SignatureDoesNotMatch')
--- config eval: ::config()
--- code
is($t->response->{status}, 502, 'status');
--- response_body_unlike
AKIDORIGIN
eu-west-1
prod-origin
ORIGINREQUESTID0
SignatureDoesNotMatch
--- response_body_like: <Error><Code>\w+</Code>
--- error_log: SignatureDoesNotMatch

=== TEST 9: and so for its other complaints about the key
--- origins eval: ::origin_error(403, 'InvalidAccessKeyId', 'chunked | ') . ::origin_error(403, 'RequestTimeTooSkewed') =~ s/^b: //r . ' | ' . ::origin_error(400, 'AuthorizationHeaderMalformed') =~ s/^b: //r . ' | ' . ::origin_error(400, 'ExpiredToken') =~ s/^b: //r
--- request eval: [("GET /bucket/key") x 4]
--- error_code: 502
--- response_body_unlike
AKIDORIGIN
eu-west-1
origin-host-id

=== TEST 10: HEAD: a bare 403 of the origin
--- origins
b: 403
--- request: HEAD /bucket/key
--- error_code: 403

=== TEST 11: AccessDenied and NoSuchKey of the origin are for the client
--- origins eval: ::origin_error(403, 'AccessDenied') =~ s/<AWSAccessKeyId>.*?<HostId>/<HostId>/r . ' | 404 header="Content-Type: application/xml" body="<Error><Code>NoSuchKey</Code></Error>"'
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 403 404
--- response_body_like eval: ["<Code>AccessDenied</Code>", "<Code>NoSuchKey</Code>"]

=== TEST 12: 304 and 204 pass as they are
--- origins
b: 304 header="ETag: x" | 204
--- request eval: ["GET /bucket/key", "DELETE /bucket/key"]
--- error_code: 304 204
--- response_body eval: ["", ""]

=== TEST 13: a large 200, a large 403
--- origins eval: 'b: 200 body_bytes=3000000 | 403 body_bytes=100000 | 403 body_bytes=3000000 chunked'
--- request eval: [("GET /bucket/key") x 3]
--- error_code: 200 403 403
--- response_body_size: 3000000 100000 3000000

=== TEST 14: a refused client is not asked for its body
--- s3_sign: AKIDCLIENT wrong
--- request
PUT /bucket/key
hello
--- expect_100
--- saw_100: no
--- s3_error: 403 SignatureDoesNotMatch
--- connection: close

=== TEST 15: nor an anonymous one
--- s3_sign:
--- request
PUT /bucket/key
hello
--- more_headers
Connection: keep-alive
--- expect_100
--- saw_100: no
--- s3_error: 403 AccessDenied
--- connection: close

=== TEST 16: and the bytes of its next request are not taken for the body
--- code
my $stream = $t->connect;
$stream->put("PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
my $first = S3Proxy::Http::read_response($stream, 'PUT');
is($first->{status}, 403, 'refused');
my ($request) = S3Proxy::Request::requests(sub ($name) { +{ request => 'GET /bucket/key', s3_sign => $CLIENT }->{$name} }, $t->host);
my $second = S3Proxy::Client::exchange($stream, $request);
ok($second->{status} == 0 || $second->{status} == 200, "closed, or answered rightly: $second->{status}");

=== TEST 17: a good client is asked
--- request
PUT /bucket/key
hello
--- expect_100
--- saw_100: yes
--- error_code: 200
--- origin_body
b: hello

=== TEST 18: a refused upload leaves nothing that is taken for a request
--- s3_sign eval: ["AKIDCLIENT wrong", $::client]
--- pipelined_requests eval: ["PUT /bucket/key\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n", "GET /bucket/good"]
--- ignore_response
--- code
my ($first, $second) = @{ $t->{responses} };
is($first->{status}, 403, 'first');
ok($second->{status} == 200 || $second->{error} eq 'closed', 'then the second request, or the end');
is(scalar(grep { $_->{target} =~ /evil/ } $t->received), 0, 'the body was no request');

=== TEST 19: a refused large upload gets its answer
--- s3_sign: AKIDCLIENT wrong
--- request
PUT /bucket/key
--- request_body_size: 8m
--- error_code: 403
--- response_body_like: <Code>SignatureDoesNotMatch</Code>
--- ignore_response

=== TEST 20: a refused chunked upload gets its answer
--- s3_sign: AKIDCLIENT wrong payload=unsigned
--- request
PUT /bucket/key
--- chunked_body eval: ["hello ", "world"]
--- error_code: 403
--- response_body_like: <Code>SignatureDoesNotMatch</Code>

=== TEST 21: keepalive after refusals without a body, whatever the status
--- keepalive
--- s3_sign eval: ["AKIDCLIENT wrong", "", "$::client payload=garbage", "$::client", "$::client"]
--- request eval: ["GET /bucket/1", "GET /bucket/2", "GET /bucket/3", "HEAD /bucket/4", "GET /bucket/5"]
--- error_code: 403 403 400 200 200
--- connection: keep keep keep keep close

=== TEST 22: ids: of the header, of the document, of the log
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- s3_error_like
Resource: ^/bucket/key$

=== TEST 23: a Resource with everything that XML minds
--- s3_sign: AKIDCLIENT wrong
--- request: GET /bucket/a&b<c>"d'%01e]]>
--- code
my ($error, $fault) = S3Proxy::Xml::parse_error($t->response->{body});
is($fault, undef, 'well-formed');
like($t->response->{status}, qr/^40[03]$/, 'refused');

=== TEST 24: a mangled multi-line document is found out too
--- origins eval: 'b: 403 header="Content-Type: application/xml" slow=0.2 body="<?xml version=\'1.0\'?> <Error xmlns=\'x\'> <Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIDORIGINB</AWSAccessKeyId></Error>" chunked'
--- error_code: 502
--- response_body_unlike: AKIDORIGIN

=== TEST 25: with buffering off
--- config eval: ::config(location => 'proxy_buffering off;')
--- origins eval: ::origin_error(403, 'SignatureDoesNotMatch') . ' | 200 body=fine'
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 502 200
--- response_body_unlike: AKIDORIGIN

=== TEST 26: gzip does not break an error document
--- config eval: ::config(location => 'gzip on; gzip_types application/xml; gzip_min_length 1;')
--- s3_sign: AKIDCLIENT wrong
--- more_headers
Accept-Encoding: gzip
--- error_code: 403
--- code
require Compress::Zlib;
my $response = $t->response;
my $body = $response->{body};
$body = Compress::Zlib::memGunzip($body) if (S3Proxy::Http::header($response, 'content-encoding') // '') eq 'gzip';
like($body, qr/<Code>SignatureDoesNotMatch/, 'document');

=== TEST 27: satisfy any: another way in is a way in, and nothing is signed by accident
--- config eval: ::config(location => 'satisfy any; allow 127.0.0.1; deny all;')
--- s3_sign: AKIDCLIENT wrong
--- code
my $status = $t->response->{status};
ok($status == 403 || $status == 502, "refused: $status");
--- origin_count: a=0 b=0
