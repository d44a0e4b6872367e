# Tests for presigned URLs (SigV4 in the query): which are accepted, what the
# origin gets of them, and each way in which one is refused.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(),
    config      => config(),
    origins     => $ORIGINS,
    request     => 'GET /bucket/key',
);
add_block_preprocessor(sub ($block) {
    $block->set_value(origin_count => 'a=0 b=0') if defined $block->s3_error && !defined $block->origin_count;
});

our $client = $CLIENT;
our $presign = "$CLIENT presign=900";
our $regions = http_config(clients => 'region us-east-1;');

run_tests();

__DATA__

=== TEST 1: a right URL; the origin gets a signed header and nothing of the query's authentication
--- s3_sign eval: $::presign
--- error_code: 200
--- response_body: from b
--- origin_count: a=0 b=1
--- origin_request_like
b: ^GET /bucket/key HTTP/1.1$
b: ^Authorization: AWS4-HMAC-SHA256 Credential=AKIDORIGINB/\d{8}/eu-west-1/s3/aws4_request,
b: (?i)^x-amz-content-sha256: UNSIGNED-PAYLOAD$
--- origin_request_unlike
b: (?i)x-amz-(?:signature|credential|algorithm|expires|signedheaders)[=:]
b: AKIDCLIENT

=== TEST 2: parameters of the request stay, authentication goes
--- s3_sign eval: $::presign
--- request: GET /bucket/key?response-content-disposition=attachment%3B%20filename%3D%22a%20b.txt%22&versionId=3%2FL4&x-id=GetObject
--- error_code: 200
--- origin_request_like
b: ^GET /bucket/key\?response-content-disposition=attachment%3B%20filename%3D%22a%20b.txt%22&versionId=3%2FL4&x-id=GetObject HTTP/1.1$

=== TEST 3: every method
--- s3_sign eval: $::presign
--- request eval: ["GET /b/k", "HEAD /b/k", "PUT /b/k\nhello", "DELETE /b/k", "POST /b/k?uploads"]
--- error_code: 200
--- origin_count: b=5
--- origin_body
b[2]: hello

=== TEST 4: a part of a multipart upload
--- s3_sign eval: $::presign
--- request
PUT /bucket/big?partNumber=7&uploadId=VXBsb2FkSUQtMTIzNA--
part
--- error_code: 200
--- origin_request_like
b: ^PUT /bucket/big\?partNumber=7&uploadId=VXBsb2FkSUQtMTIzNA-- HTTP/1.1$
--- origin_body
b: part

=== TEST 5: raw ';' and '/' in the parameters
--- s3_sign eval: $::presign
--- more_headers
x-amz-meta-a: b
--- tamper eval: ['s/%3B/;/g', 's/%2F/\//g']
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 200

=== TEST 6: parameters in another order
--- s3_sign eval: $::presign
--- tamper: s/\?(X-Amz-Algorithm=[^&]*)&(.*?) HTTP/?$2&$1 HTTP/
--- error_code: 200

=== TEST 7: six days old and valid for seven
--- s3_sign eval: "$::client presign=604800 date=-518400"
--- error_code: 200

=== TEST 8: dated a little ahead
--- s3_sign eval: "$::client presign=900 date=+880"
--- error_code: 200

=== TEST 9: about to expire
--- s3_sign eval: "$::client presign=1000 date=-990"
--- error_code: 200

=== TEST 10: X-Amz-Content-Sha256 in the query, as JavaScript's SDK does
--- s3_sign eval: $::presign
--- request: GET /bucket/key?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD
--- error_code: 200
--- origin_request_unlike
b: ^GET .*X-Amz-Content-Sha256

=== TEST 11: a body hash in a signed header is for the origin too
--- s3_sign eval: "$::presign payload=hex"
--- request
PUT /bucket/key
hello
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824$

=== TEST 12: hoisted x-amz-* parameters become headers
--- s3_sign eval: $::presign
--- request: PUT /bucket/key?x-amz-acl=public-read&x-amz-meta-a=b%20c
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-acl: public-read$
b: (?i)^x-amz-meta-a: b c$
b: ^PUT /bucket/key HTTP/1.1$

=== TEST 13: a hoisted header that is also sent, equal and different
--- s3_sign eval: $::presign
--- more_headers
x-amz-acl: private
--- request eval: ["PUT /bucket/key?x-amz-acl=public-read"]
--- s3_error: 400 InvalidRequest

=== TEST 14: a hoisted header with a line break
--- s3_sign eval: $::presign
--- request: PUT /bucket/key?x-amz-meta-a=b%0d%0aHost:%20evil
--- code
like($t->response->{status}, qr/^40[03]$/, 'refused');
--- origin_count: a=0 b=0

=== TEST 15: unsigned headers that a browser adds
--- s3_sign eval: $::presign
--- more_headers
Content-Type: text/plain
Range: bytes=0-9
Origin: https://example.com
User-Agent: x
--- request
PUT /bucket/key
hello
--- error_code: 200

=== TEST 16: unsigned x-amz-* beside the URL
--- s3_sign eval: $::presign
--- request eval: ["PUT /bucket/key\nx", "PUT /bucket/key\nx", "PUT /bucket/key\nx"]
--- unsigned_headers eval: ["x-amz-copy-source: /secret/key", "x-amz-tagging: a=b", "x-amz-acl: public-read"]
--- s3_error: 403 AccessDenied
--- s3_error_like
HeadersNotSigned: ^x-amz-copy-source$

=== TEST 17: a part of the authentication missing
--- s3_sign eval: $::presign
--- request eval: [("GET /bucket/key") x 6]
--- tamper eval: [map { "s/[?&]X-Amz-$_=[^& ]*//; s!key&!key?!" } qw(Algorithm Credential Date Expires SignedHeaders Signature)]
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 18: a part of the authentication empty
--- s3_sign eval: $::presign
--- request eval: [("GET /bucket/key") x 6]
--- tamper eval: [map { "s/X-Amz-$_=[^& ]*/X-Amz-$_=/" } qw(Algorithm Credential Date Expires SignedHeaders Signature)]
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 19: unknown algorithm
--- s3_sign eval: "$::presign algorithm=AWS4-HMAC-SHA1"
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 20: a date that is none
--- s3_sign eval: "$::presign date=2026-03-15T12:00:00Z scope_date=%%DAY%%"
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 21: X-Amz-Expires no number, negative, more than a week
--- s3_sign eval: ["$::client presign=abc", "$::client presign=-1", "$::client presign=604801", "$::client presign=99999999999999999999"]
--- request eval: [("GET /bucket/key") x 4]
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 22: expired
--- s3_sign eval: "$::client presign=900 date=-905"
--- s3_error: 403 AccessDenied
--- s3_error_like
Message: ^Request has expired
X-Amz-Expires: ^900$
Expires: ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$
ServerTime: ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$

=== TEST 23: eight days old
--- s3_sign eval: "$::client presign=604800 date=-691200"
--- s3_error: 403 AccessDenied

=== TEST 24: expires at once
--- s3_sign eval: ["$::client presign=0 date=-2", "$::client presign=0"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- s3_error: 403 AccessDenied

=== TEST 25: too far ahead
--- s3_sign eval: "$::client presign=900 date=+960"
--- s3_error: 403 AccessDenied
--- s3_error_like
Message: ^Request is not yet valid
X-Amz-Date: ^\d{8}T\d{6}Z$

=== TEST 26: X-Amz-Expires raised after signing
--- s3_sign eval: "$::client presign=900 date=-905"
--- tamper: s/Expires=900/Expires=9000/
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 27: wrong region where one is named
--- http_config eval: $::regions
--- s3_sign eval: "$::presign region=eu-west-9"
--- s3_error: 400 AuthorizationQueryParametersError
--- s3_error_like
Region: ^us-east-1$

=== TEST 28: wrong service, wrong terminal, malformed credential
--- s3_sign eval: ["$::presign service=sts", "$::presign terminal=aws5_request", "$::presign credential=AKIDCLIENT/x", "$::presign credential=AKIDCLIENT/notadate/us-east-1/s3/aws4_request"]
--- request eval: [("GET /bucket/key") x 4]
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 29: scope date of another day
--- s3_sign eval: "$::presign scope_date=20200101"
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 30: unknown key
--- s3_sign: AKIDNOBODY secret presign=900
--- s3_error: 403 InvalidAccessKeyId

=== TEST 31: wrong secret
--- s3_sign: AKIDCLIENT wrong presign=900
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 32: Host not signed
--- s3_sign eval: "$::presign signed_headers=x-amz-meta-a"
--- more_headers
x-amz-meta-a: b
--- s3_error: 403 AccessDenied

=== TEST 33: what was signed, changed on the way
--- s3_sign eval: $::presign
--- request eval: ["GET /bucket/key?response-content-type=text/plain", "GET /bucket/key", "GET /bucket/key", "GET /bucket/key", "GET /bucket/key"]
--- tamper eval: ['s/text.plain/text%2Fhtml/', 's/^GET/PUT/', 's/key\?/kez?/', 's/ HTTP/&versionId=2 HTTP/', 's/Host: localhost/Host: localhorst/']
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 34: a GET URL used for HEAD
--- s3_sign eval: $::presign
--- tamper: s/^GET/HEAD/
--- error_code: 403
--- ignore_response
--- origin_count: a=0 b=0

=== TEST 35: signed content-type and content-length are held to
--- s3_sign eval: "$::presign signed_headers=content-length;content-type;host"
--- more_headers
Content-Type: text/plain
--- request eval: ["PUT /bucket/key\nhello", "PUT /bucket/key\nhello", "PUT /bucket/key\nhello"]
--- tamper eval: [undef, 's/text.plain/text\/html/', 's/Content-Length: 5/Content-Length: 4/']
--- ignore_response
--- error_code: 200 403 403
--- origin_count: b=1

=== TEST 36: authentication parameters twice
--- s3_sign eval: $::presign
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- tamper eval: ['s/(&X-Amz-Signature=\w+)/$1$1/', 's/(&X-Amz-Expires=\w+)/$1$1/']
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 37: authentication parameters in another case
--- s3_sign eval: $::presign
--- tamper: s/X-Amz-Signature=(\w+)/X-Amz-Signature=$1&x-amz-signature=$1/
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 38: a streaming keyword on a URL
--- s3_sign eval: ["$::presign payload=STREAMING-UNSIGNED-PAYLOAD-TRAILER", "$::presign payload=STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]
--- request eval: ["PUT /bucket/key\nx", "PUT /bucket/key\nx"]
--- s3_error: 400 InvalidRequest

=== TEST 39: a credential in the query, a streaming header, no signature at all
--- request
PUT /bucket/key?X-Amz-Credential=AKIDCLIENT%2F20260315%2Fus-east-1%2Fs3%2Faws4_request
1
--- more_headers
x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER
x-amz-decoded-content-length: 1
x-amz-date: %%DATE%%
--- s3_error: 400 AuthorizationQueryParametersError

=== TEST 40: token in the query with a key that has none
--- s3_sign eval: "$::presign token=sometoken"
--- s3_error: 400 InvalidToken
--- response_body_unlike: sometoken

=== TEST 41: AWS's JavaScript SDK: the checksum of the body that it did not have goes nowhere
--- s3_sign eval: $::presign
--- request eval
[ map { "$_\nhello" }
  'PUT /bucket/key?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject',
  'PUT /bucket/key?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&partNumber=1&uploadId=VXA&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-id=UploadPart',
  'PUT /bucket/key?X-Amz-Checksum-Sha256=47DEQpj8HBSa%2B%2FTImW%2B5JCeuQeRkm5NMpJWZG3hSuFU%3D&X-Amz-Sdk-Checksum-Algorithm=SHA256' ]
--- error_code: 200
--- origin_body
b: hello
--- origin_request_like
b: ^PUT /bucket/key(\?partNumber=1&uploadId=VXA&x-id=UploadPart|\?x-id=PutObject)? HTTP/1.1$
--- origin_request_unlike
b: (?i)checksum

=== TEST 42: and of its GET, the checksum mode
--- s3_sign eval: $::presign
--- request: GET /bucket/key?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&x-amz-checksum-mode=ENABLED&x-id=GetObject
--- error_code: 200
--- origin_request_like
b: ^GET /bucket/key\?x-id=GetObject HTTP/1.1$
--- origin_request_unlike
b: (?i)checksum

=== TEST 43: a trailer announced in the query
--- s3_sign eval: $::presign
--- request: PUT /bucket/key?x-amz-trailer=x-amz-checksum-crc32
--- s3_error: 400 MalformedTrailerError

=== TEST 44: V2 parameters while V2 is off
--- s3_sign eval: "$::presign v2=1"
--- s3_error: 400 InvalidRequest
--- s3_error_like
Message: AWS4-HMAC-SHA256

=== TEST 45: a list of 100 signed names, and of 101
--- config eval: ::config(server => 'large_client_header_buffers 8 64k;')
--- s3_sign eval: [($::presign) x 3]
--- more_headers eval
# host and one more for each.
[ map { my $last = $_; join '', map { sprintf "x-amz-meta-%03d: v\n", $_ } 1 .. $last } 99, 100, 400 ]
--- request eval: [('GET /bucket/key') x 3]
--- code
is($t->response(0)->{status}, 200, 'a hundred');
for my $case (1, 2) {
    is($t->response($case)->{status}, 400, "case $case: status");
    my ($error, $fault) = S3Proxy::Xml::parse_error($t->response($case)->{body});
    is($fault, undef, "case $case: document");
    is($error->{Code}, 'AuthorizationQueryParametersError', "case $case: code");
    like($error->{Message}, qr/SignedHeaders must be at most 100 lower-case names/, "case $case: what it says");
}
--- origin_count: a=0 b=1
