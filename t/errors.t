# Tests for errors in S3's words: those that nginx makes itself, what an origin
# says about the proxy's own key, and connections after a refusal.

use v5.36;
use lib 't/lib';
use Compress::Zlib ();
use Encode ();
use MIME::Base64 qw(encode_base64);
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

# A 403 with this body, encoded so or so; it is about our key, and shows it.
our $about_key = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>InvalidAccessKeyId</Code><Message>m</Message>'
    . '<AWSAccessKeyId>AKIDORIGINB</AWSAccessKeyId><StringToSign>AWS4 eu-west-1</StringToSign></Error>';
our $denied = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';

sub main::answer ($body, $more = '', $status = 403) {
    return "$status body_base64=" . encode_base64($body, '') . " header=\"Content-Type: application/xml\" $more";
}

sub main::answers (@answers) { return 'b: ' . join ' | ', @answers }

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
--- s3_error: 503 ServiceUnavailable

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
--- response_body_like eval: ["from b", "<Code>SlowDown</Code>"]

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
is($t->response->{status}, 503, 'the other origin, asked last, is not there');
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
--- error_code: 503 502 502 502
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

=== TEST 13: a large 200, a large 404, a large 500; a 403 that large is no error document
--- origins eval: 'b: 200 body_bytes=3000000 | 404 body_bytes=100000 | 404 body_bytes=3000000 chunked | 500 body_bytes=3000000 | 500 body_bytes=3000000 chunked | 403 body_bytes=100000 | 403 body_bytes=3000000 chunked'
--- request eval: [("GET /bucket/key") x 7]
--- error_code: 200 404 404 500 500 502 502
--- response_body_size eval: [3000000, 100000, 3000000, 3000000, 3000000, undef, undef]
--- response_body_like eval: [(undef) x 5, ("<Error><Code>ServiceUnavailable</Code>") x 2]

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

=== TEST 20.1: a body of unknown length behind a 400, with which nginx ends a connection: it ends
--- code
for my $body ('', "5\r\nhello\r\n0\r\n\r\n") {
    my $stream = $t->connect;
    my $framing = $body ? 'Transfer-Encoding: chunked' : 'Content-Length: 0';
    $stream->put("PUT /bucket/key HTTP/1.1\r\nHost: x\r\nAuthorization: nothing\r\n$framing\r\n\r\n$body");
    my $response = S3Proxy::Http::read_response($stream, 'PUT');
    is($response->{status}, 400, "$framing: refused");
    is(S3Proxy::Http::header($response, 'Connection'), $body ? 'close' : 'keep-alive', "$framing: the connection");
}

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
--- error_code: 503
--- response_body_unlike: AKIDORIGIN

=== TEST 25: with buffering off
--- config eval: ::config(location => 'proxy_buffering off;')
--- origins eval: ::origin_error(403, 'SignatureDoesNotMatch') . ' | 200 body=fine'
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 503 200
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

=== TEST 28: what is about our key is withheld, whatever its form
--- origins eval
::answers(
    ::answer(Compress::Zlib::memGzip($::about_key), 'header="Content-Encoding: gzip"'),
    ::answer(Compress::Zlib::compress($::about_key), 'header="Content-Encoding: deflate"'),
    ::answer(Compress::Zlib::memGzip($::about_key), 'header="Content-Encoding: br"'),
    ::answer(Compress::Zlib::memGzip($::about_key)),
    ::answer("<!-- a comment --><?p?>$::about_key"),
    ::answer($::about_key =~ s/^<\?.*?\?>//r, 'body_indent=70000'),
    ::answer($::about_key =~ s/<Error>/'<Error>' . ' ' x 7000/er),
    ::answer(Encode::encode('UTF-16', $::about_key =~ s/UTF-8/UTF-16/r)),
    ::answer('{"code":"InvalidAccessKeyId","key":"AKIDORIGINB"}', 'header="Content-Type: application/json"'),
    ::answer($::about_key =~ s/InvalidAccessKeyId/<![CDATA[InvalidAccess]]>Key&#73;d/r),
    ::answer($::about_key =~ s/InvalidAccessKeyId/AccessDenied/r),
    ::answer($::about_key =~ s{Error>}{Response>}gr),
    ::answer($::about_key =~ s{(</?)}{$1s:}gr =~ s/<s:\?/<?/r =~ s/s:Error/s:Error xmlns:s="urn:x"/r),
    ::answer($::about_key, 'chunked'),
    ::answer($::about_key, '', 400),
    ::answer($::about_key, 'header="WWW-Authenticate: AWS4 realm=AKIDORIGINB"', 401),
    ::answer($::about_key, '', 409),
    ::answer($::about_key, '', 500),
    ::answer($::denied, 'header="x-key: AKIDORIGINB"'),
    ::answer('', '', 401),
)
--- request eval: [("GET /bucket/key") x 20]
--- more_headers
Accept-Encoding: gzip, deflate, br
--- s3_error eval: ['503 ServiceUnavailable', ('502 ServiceUnavailable') x 19]
--- response_body_unlike
AKIDORIGIN
InvalidAccessKey
--- error_log: refused the key that we sign with

=== TEST 29: and so with buffering off, with a cache, in a store
--- http_config eval: ::http_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m;')
--- config eval: ::config(location => 'proxy_buffering off;', server => join '', map { "location /$_->[0]/ { s3_verify apps; s3_resign on; proxy_pass http://s3; $_->[1] }" } ['c', 'proxy_cache c; proxy_cache_valid any 1h; proxy_cache_key $uri;'], ['s', 'proxy_store %%SERVROOT%%/store/$uri; proxy_store_access user:rw;'], ['z', 'gzip on; gzip_types *; gzip_min_length 1;'])
--- origins eval: ::answers(map { (::answer($::about_key), ::answer(Compress::Zlib::memGzip($::about_key), 'header="Content-Encoding: gzip"'), ::answer($::denied)) } 1 .. 4)
--- request eval: [map { ("GET /$_/key") x 3 } qw(b c s z)]
--- error_code: 503 502 403 502 502 403 502 502 403 502 502 403
--- response_body_unlike: AKIDORIGIN
--- response_body_like eval: [(("<Code>ServiceUnavailable<") x 2, "<Code>AccessDenied<") x 4]

=== TEST 30: a refusal that is S3's, and not about our key, passes as it came
--- origins eval
::answers(::answer($::denied, 'header="x-amz-request-id: R" header="WWW-Authenticate: Basic"'), ::answer(Compress::Zlib::memGzip($::denied), 'header="Content-Encoding: gzip"'),
    ::answer($::denied =~ s/AccessDenied/MalformedXML/r, '', 400), ::answer('', ''), ::answer('<html>teapot</html>', '', 418), ::answer('<html>not here</html>', '', 404))
--- request eval: [("GET /bucket/key") x 6]
--- error_code: 403 403 400 403 418 404
--- response_headers_like eval: ["x-amz-request-id: ^R\$", "content-encoding: gzip", (undef) x 4]
--- response_body eval: [$::denied, Compress::Zlib::memGzip($::denied), $::denied =~ s/AccessDenied/MalformedXML/r, "", "<html>teapot</html>", "<html>not here</html>"]
--- code
is(S3Proxy::Http::header($t->{responses}[0], 'www-authenticate'), undef, 'nobody is asked for a key of the origin');

=== TEST 31: AccessDenied that explains whose rights are lacking: the code, in our words
--- origins eval: ::answers(::answer($::denied =~ s{Access Denied}{User: arn:aws:iam::123456789012:user/proxy is not authorized}r))
--- request: GET /bucket/key
--- s3_error: 403 AccessDenied
--- response_body_unlike: arn:aws

=== TEST 32: HEAD: what MinIO says in headers, 401, a bare 400
--- origins eval: ::answers('403 header="x-minio-error-code: SignatureDoesNotMatch" header="x-minio-error-desc: no"', '401 header="WWW-Authenticate: Swift"', '400', '403 header="x-minio-error-code: AccessDenied"')
--- request eval: [("HEAD /bucket/key") x 4]
--- error_code: 503 502 400 403
--- code
is(S3Proxy::Http::header($t->{responses}[$_], $_ ? 'www-authenticate' : 'x-minio-error-code'), undef, "gone from $_") for 0, 1;

=== TEST 33: a refusal that stalls, is cut, or says less than its length, buffered or not, in a store or a cache
--- http_config eval: ::http_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m;')
--- config eval: ::config(location => 'proxy_read_timeout 300ms;', server => join '', map { "location /$_->[0]/ { s3_verify apps; s3_resign on; proxy_read_timeout 300ms; proxy_pass http://s3; $_->[1] }" } ['u', 'proxy_buffering off;'], ['c', 'proxy_cache c; proxy_cache_valid any 1h;'], ['s', 'proxy_store %%SERVROOT%%/store/$uri;'])
--- origins eval: ::answers((::answer($::denied, 'header="Content-Length: 1000"'), ::answer($::denied, 'truncate'), ::answer($::denied, 'header="Transfer-Encoding: chunked"'), ::answer('', 'header="Content-Length: 1000"', 401)) x 4)
--- request eval: [map { ("GET /$_/key") x 4 } qw(b u c s)]
--- s3_error: 503 ServiceUnavailable
--- error_log: the origin did not complete its error

=== TEST 34: over HTTP/2
--- http2
--- config eval: ::config(location => 'proxy_read_timeout 300ms;')
--- origins eval: ::answers(::answer($::denied, 'header="Content-Length: 1000"'), ::answer($::denied, 'truncate'), ::answer($::about_key), ::answer($::denied))
--- request eval: [("GET /bucket/key") x 4]
--- error_code: 503 503 503 403
--- response_body_like eval: [("<Error><Code>ServiceUnavailable<") x 3, "<Error><Code>AccessDenied<"]

=== TEST 35: a store keeps what is 200
--- config eval: ::config(location => 'proxy_store %%SERVROOT%%/store$uri; proxy_store_access user:rw;')
--- origins eval: ::answers('200 body=fine', ::answer($::denied), ::answer($::denied, '', 400), ::answer($::denied, '', 401), ::answer($::denied, '', 500))
--- request eval: [map { "GET /bucket/$_" } 1 .. 5]
--- error_code: 200 403 400 401 500
--- code
my $prefix = $t->nginx->prefix;
is(join(' ', map { -f "$prefix/store/bucket/$_" ? 1 : 0 } 1 .. 5), '1 0 0 0 0', 'files');

=== TEST 36: proxy_intercept_errors: nginx's own error, so ours
--- config eval: ::config(location => 'proxy_intercept_errors on; error_page 418 /none;')
--- origins eval: ::answers(::answer($::about_key, 'header="WWW-Authenticate: AWS4"', 401), ::answer($::about_key, '', 403))
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 503 502
--- response_body_unlike: AKIDORIGIN
