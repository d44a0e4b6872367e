# Tests for Signature Version 2, in a header and in URLs: accepted where
# `signature_v2 on` says so, and always signed anew with Version 4.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(clients => 'signature_v2 on;'),
    config      => config(),
    origins     => $ORIGINS,
    request     => 'GET /bucket/key',
);
add_block_preprocessor(sub ($block) {
    $block->set_value(origin_count => 'a=0 b=0') if defined $block->s3_error && !defined $block->origin_count;
});

our $v2 = "$CLIENT v2=1";
our $client = $CLIENT;
our $off = http_config(clients => 'signature_v2 off;');

run_tests();

__DATA__

=== TEST 1: a right header; the origin gets Version 4
--- s3_sign eval: $::v2
--- error_code: 200
--- response_body: from b
--- origin_request_like
b: ^Authorization: AWS4-HMAC-SHA256 Credential=AKIDORIGINB/
b: (?i)^x-amz-date: 
b: (?i)^x-amz-content-sha256: UNSIGNED-PAYLOAD$
--- origin_request_unlike
b: ^Authorization: AWS\s

=== TEST 2: a right URL; nothing of its authentication goes on
--- s3_sign eval: "$::v2 presign=900"
--- error_code: 200
--- origin_request_like
b: ^GET /bucket/key HTTP/1.1$
--- origin_request_unlike
b: AWSAccessKeyId
b: Signature=[^0-9a-f]
b: Expires=

=== TEST 3: x-amz-date takes the place of Date
--- s3_sign eval: $::v2
--- more_headers
x-amz-date: %%HTTPDATE%%
--- request
PUT /bucket/key
hello
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-date: \d{8}T\d{6}Z$

=== TEST 4: the other headers of a PUT
--- s3_sign eval: $::v2
--- more_headers
Content-MD5: XUFAKrxLKna5cZ2REBfFkg==
Content-Type: text/plain
x-amz-meta-b: x
x-amz-acl: private
--- request
PUT /bucket/key
hello
--- error_code: 200
--- origin_body
b: hello

=== TEST 5: sub-resources are signed, other parameters not
--- s3_sign eval: $::v2
--- request eval: ["GET /bucket?acl", "GET /bucket/key?versionId=1&uploadId=x", "GET /bucket?prefix=a%2Fb&max-keys=2", "GET /bucket/key?response-content-type=text%2Fplain"]
--- error_code: 200

=== TEST 6: keys that need escaping
--- s3_sign eval: $::v2
--- request eval: ["GET /bucket/a%20b%2Bc", "GET /bucket/pr%c3%a9f%c3%a8re", "GET /bucket/a%2Fb"]
--- error_code: 200

=== TEST 7: URLs for other methods
--- s3_sign eval: "$::v2 presign=900"
--- request eval: ["PUT /bucket/key\nhello", "DELETE /bucket/key", "HEAD /bucket/key"]
--- error_code: 200

=== TEST 8: off by request and off by default
--- http_config eval: $::off
--- s3_sign eval: [$::v2, "$::v2 presign=900"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- s3_error: 400 InvalidRequest
--- s3_error_like
Message: AWS4-HMAC-SHA256

=== TEST 9: Version 4 goes on as before
--- s3_sign eval: [$::client, "$::client presign=900"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 200

=== TEST 10: wrong secret, unknown key
--- s3_sign eval: ["AKIDCLIENT wrong v2=1", "AKIDNOBODY x v2=1", "AKIDCLIENT wrong v2=1 presign=900", "AKIDNOBODY x v2=1 presign=900"]
--- request eval: [("GET /bucket/key") x 4]
--- s3_error
403 SignatureDoesNotMatch
403 InvalidAccessKeyId
403 SignatureDoesNotMatch
403 InvalidAccessKeyId

=== TEST 11: what was signed, changed on the way
--- s3_sign eval: $::v2
--- request eval: [("GET /bucket/key?versionId=1") x 5]
--- more_headers
x-amz-meta-a: b
Content-Type: text/plain
--- tamper eval: ['s/^GET/DELETE/', 's/key/kex/', 's/versionId=1/versionId=2/', 's/meta-a: b/meta-a: c/', 's/text.plain/text\/html/']
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 12: x-amz-* added, sub-resource added
--- s3_sign eval: $::v2
--- request eval: ["PUT /bucket/key\nx", "GET /bucket/key"]
--- tamper eval: ['s/\r\n\r\n/\r\nx-amz-copy-source: \/x\/y\r\n\r\n/', 's/key/key?acl/']
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 13: expired URL
--- s3_sign eval: "$::v2 presign=-5"
--- s3_error: 403 AccessDenied
--- s3_error_like
Message: ^Request has expired

=== TEST 14: lifetime changed after signing
--- s3_sign eval: "$::v2 presign=-5"
--- tamper: s/Expires=\d+/Expires=4102444800/
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 15: Expires that is no number
--- s3_sign eval: "$::v2 presign=soon"
--- s3_error: 403 AccessDenied

=== TEST 16: a part missing
--- s3_sign eval: "$::v2 presign=900"
--- request eval: [("GET /bucket/key") x 3]
--- tamper eval: [map { "s/[?&]$_=[^& ]*//; s!key&!key?!" } qw(AWSAccessKeyId Expires Signature)]
--- s3_error: 403 AccessDenied

=== TEST 17: old and future dates in the header
--- s3_sign eval: ["$::v2 date=-905", "$::v2 date=+905"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- s3_error: 403 RequestTimeTooSkewed

=== TEST 18: header without a colon
--- more_headers
Authorization: AWS AKIDCLIENT
Date: %%HTTPDATE%%
--- s3_error: 400 InvalidArgument

=== TEST 19: header and URL together
--- s3_sign eval: $::v2
--- request: GET /bucket/key?AWSAccessKeyId=AKIDCLIENT&Expires=4102444800&Signature=x
--- s3_error: 400 InvalidArgument

=== TEST 20: V4 and V2 URLs together
--- s3_sign eval: "$::v2 presign=900"
--- request: GET /bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256
--- s3_error: 400 InvalidArgument

=== TEST 21: a bucket signed with a slash at its end and sent without, as boto3 does, and the reverse
--- s3_sign eval: [$::v2, $::v2, "$::v2 presign=900"]
--- request eval: ["GET /bucket/?acl", "GET /bucket?acl", "GET /bucket/?acl"]
--- tamper eval: ['s{^GET /bucket/}{GET /bucket}', 's{^GET /bucket}{GET /bucket/}', 's{^GET /bucket/}{GET /bucket}']
--- error_code: 200

=== TEST 22: but no key is signed so
--- s3_sign eval: [$::v2, $::v2]
--- request eval: ["GET /bucket/key/", "GET /bucket/key"]
--- tamper eval: ['s{key/}{key}', 's{key}{key/}']
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 23: a date before 1970
--- s3_sign eval: $::v2
--- tamper: s/^Date: .*?\r/Date: Tue, 31 Dec 1968 23:59:59 GMT\r/m
--- request: GET /bucket/key
--- s3_error: 403 AccessDenied
