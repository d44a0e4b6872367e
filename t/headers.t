# Tests for headers that nobody signed, or that go by another spelling: none that an origin would obey passes, whatever
# nginx's hash of its name, its vendor or its dashes; what intermediaries are known to add is dropped.

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
our $zero = 'x-amz-meta-7zcm10vylp8iyd01d';
# A name made of two such parts hashes to zero as well, as a polynomial does.
our $zero_twice = $zero x 2;

sub hash_of ($name) {
    use integer;
    my $hash = 0;
    $hash = $hash * 31 + ord for split //, lc $name;
    return $hash;
}
die 'these names do not hash to zero' if grep { hash_of($_) } $zero, $zero_twice;

our $limited = http_config(clients => 'file %%SERVROOT%%/limited.json;');
our $limited_file = <<'JSON';
>>> limited.json
{ "clients": [ { "access_key": "AKIDLIMITED", "secret_key": "limited/Secret+Key",
    "grants": [ { "buckets": ["bucket"], "allow": ["read", "write"] } ] } ] }
JSON
our $vendors = join '', map { "$_\n" } map { my $name = $_; ($name, $name =~ tr/-/_/r) }
    map { "x-$_-acl: public-read" } qw(goog oss obs cos bce minio rgw);

run_tests();

__DATA__

=== TEST 1: unsigned, of names that hash to zero
--- s3_sign eval: [("$::client presign=900") x 2, ($::client) x 2]
--- request eval: [("PUT /bucket/key") x 4]
--- unsigned_headers eval: [map { "$_: v" } ($::zero, $::zero_twice) x 2]
--- s3_error: 403 AccessDenied
--- origin_count: a=0 b=0

=== TEST 2: signed, of names that hash to zero
--- request: PUT /bucket/key
--- more_headers eval: "$::zero: v\n$::zero_twice: w\n"
--- error_code: 200
--- origin_request_like eval: "b: (?m)^$::zero: v\$\nb: SignedHeaders=content-length;host;x-amz-content-sha256;x-amz-date;$::zero;$::zero_twice,"

=== TEST 3: signed names made of symbols, whose hash nginx leaves at zero
--- more_headers
!: a
~: b
$x: c
|: d
--- error_code: 200

=== TEST 4: a signed name made of symbols whose value was changed
--- more_headers
!: a
--- tamper: s/^!: a/!: b/m
--- s3_error: 403 SignatureDoesNotMatch
--- origin_count: a=0 b=0

=== TEST 5: a header of such a name twice, that of which is not signed
--- s3_sign eval: "$::client"
--- unsigned_headers eval: "$::zero: v\nx-amz-acl: public-read\n"
--- s3_error: 403 AccessDenied
--- origin_count: a=0 b=0

=== TEST 6: unsigned with underscores
--- request eval: [("PUT /bucket/key") x 5]
--- unsigned_headers eval: ["x_amz_acl: public-read", "x-amz_copy-source: /secret/k", "X_AMZ_META_A: 1", "content_md5: AAAA", "x_amz_date: 20200101T000000Z"]
--- s3_error eval: "403 AccessDenied\n403 AccessDenied\n403 AccessDenied\n403 AccessDenied\n400 InvalidArgument"
--- origin_count: a=0 b=0

=== TEST 7: a copy source with underscores is one
--- http_config eval: $::limited
--- files eval: $::limited_file
--- s3_sign: AKIDLIMITED limited/Secret+Key
--- request eval: [("PUT /bucket/copy") x 4]
--- more_headers eval: ["x-amz-copy-source: /secret/key", "x_amz_copy_source: /secret/key", "X_Amz-Copy_Source: /secret/key", "x_amz_rename_source: /secret/key"]
--- s3_error: 403 AccessDenied
--- origin_count: a=0 b=0

=== TEST 8: two spellings of one header
--- request: PUT /bucket/copy
--- more_headers
x-amz-copy-source: /bucket/key
x_amz_copy_source: /secret/key
--- s3_error: 400 InvalidArgument
--- origin_count: a=0 b=0

=== TEST 9: framing with underscores is not sent on
--- request: PUT /bucket/key
--- request_body_size: 100
--- more_headers
content_length: 3
transfer_encoding: chunked
--- error_code: 200
--- origin_request_unlike
b: (?i)content_length
b: (?i)transfer.encoding
--- origin_body_sha256
b: sent

=== TEST 10: where nginx drops underscores
--- config eval: ::config() =~ s/underscores_in_headers on;\n\s+ignore_invalid_headers off;//r
--- unsigned_headers
x_amz_acl: public-read
!: a
--- error_code: 200
--- origin_request_unlike
b: x_amz_acl

=== TEST 11: other vendors' orders, unsigned
--- s3_sign eval: [($::client) x 14, "$::client presign=900"]
--- request eval: [("PUT /bucket/key") x 15]
--- unsigned_headers eval: [split(/\n/, $::vendors), "X-Goog-Copy-Source: /secret/key"]
--- s3_error: 403 AccessDenied
--- origin_count: a=0 b=0

=== TEST 12: other vendors' orders, signed
--- request: PUT /bucket/key
--- more_headers
x-oss-meta-a: b
x-goog-acl: private
x-obs-date: 20200101T000000Z
x-oss-security-token: stolen
--- error_code: 200
--- origin_request_like
b: (?m)^x-oss-meta-a: b$
b: (?m)^x-goog-acl: private$
b: SignedHeaders=[^,]*;x-goog-acl;x-oss-meta-a,
--- origin_request_unlike
b: (?i)x-obs-date|x-oss-security-token

=== TEST 13: other vendors' orders in a presigned URL become headers
--- s3_sign eval: "$::client presign=900"
--- request: PUT /bucket/key?X-Goog-Acl=private&x_oss_meta_a=b
--- error_code: 200
--- origin_request_like
b: \APUT /bucket/key HTTP
b: (?im)^x-goog-acl: private$
b: (?im)^x_oss_meta_a: b$

=== TEST 14: authentication with underscores in a presigned URL
--- s3_sign eval: "$::client presign=900"
--- request eval: ["GET /bucket/key?X_Amz_Date=20200101T000000Z", "GET /bucket/key?x_amz_security_token=x"]
--- s3_error: 400 AuthorizationQueryParametersError
--- origin_count: a=0 b=0

=== TEST 15: one header in two spellings in a presigned URL
--- s3_sign eval: "$::client presign=900"
--- request: PUT /bucket/key?x-amz-acl=private&x_amz_acl=public-read
--- s3_error: 400 InvalidArgument
--- origin_count: a=0 b=0

=== TEST 16: what CloudFront adds
--- s3_sign eval: [$::client, "$::client presign=900"]
--- request eval: [("PUT /bucket/key") x 2]
--- unsigned_headers
X-Amz-Cf-Id: VvzNvF8yWV-zb4cIFcdbVjZy3Y8Y
--- error_code: 200
--- origin_request_unlike
b: (?i)x-amz-cf-id

=== TEST 17: what CloudFront adds, where the client signed it, and with underscores
--- more_headers eval: ["x-amz-cf-id: a", ""]
--- unsigned_headers eval: ["", "x_amz_cf_id: a"]
--- request eval: [("GET /bucket/key") x 2]
--- code
is_deeply([map { $_->{status} } @{ $t->{responses} }], [200, 403], 'signed: passed on, other spelling: refused');
like(($t->received('b'))[0]->{head}, qr/^x-amz-cf-id: a$/mi, 'sent on');

=== TEST 18: ignore_header
--- http_config eval: ::http_config(clients => 'ignore_header X-Amz-Cf-Pop x-goog-trace; ignore_header X-Trace;')
--- s3_sign eval: "$::client"
--- unsigned_headers
x-amz-cf-pop: FRA
X-Amz-Cf-Id: 1
X-Goog-Trace: 2
X-Trace: 3
X-Other: 4
--- error_code: 200
--- origin_request_unlike
b: (?i)cf-pop|cf-id|trace
--- origin_request_like
b: (?im)^X-Other: 4$

=== TEST 19: ignore_header, and what is not in it
--- http_config eval: ::http_config(clients => 'ignore_header X-Amz-Cf-Pop;')
--- unsigned_headers
x-amz-cf-pop: FRA
x-amz-acl: public-read
--- s3_error_like
HeadersNotSigned: \Ax-amz-acl\z
--- error_code: 403

=== TEST 20: ignore_header with Signature Version 2
--- http_config eval: ::http_config(clients => 'signature_v2 on; ignore_header x-goog-trace;')
--- s3_sign eval: ["$::client v2=1", "$::client v2=1 presign=900", "$::client v2=1"]
--- request eval: [("GET /bucket/key") x 3]
--- unsigned_headers eval: [("X-Amz-Cf-Id: 1\nx-goog-trace: 1") x 2, "x-goog-acl: public-read"]
--- code
is_deeply([map { $_->{status} } @{ $t->{responses} }], [200, 200, 403], 'dropped, and an order that V2 does not sign refused');
unlike($_->{head}, qr/cf-id|goog/i, 'not sent on') for $t->received('b');

=== TEST 21: s3_verify off
--- s3_sign:
--- config eval: ::config() =~ s/s3_verify apps/s3_verify off/r
--- more_headers
X-Amz-Cf-Id: 1
x-goog-acl: private
--- error_code: 200
--- origin_request_unlike
b: (?i)x-amz-cf-id
--- origin_request_like
b: SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-goog-acl,

=== TEST 22: names that ignore_header cannot have
--- http_config eval: ::http_config(clients => 'ignore_header X-Amz-Date;')
--- nginx_conf_fails
"ignore_header" cannot name "X-Amz-Date"

=== TEST 23: the token
--- http_config eval: ::http_config(clients => 'ignore_header x-amz-cf-pop x_amz_security_token;')
--- nginx_conf_fails
"ignore_header" cannot name "x_amz_security_token"

=== TEST 24: Authorization
--- http_config eval: ::http_config(clients => 'ignore_header authorization;')
--- nginx_conf_fails
"ignore_header" cannot name "authorization"

=== TEST 25: the payload
--- http_config eval: ::http_config(clients => 'ignore_header x-amz-content-sha256;')
--- nginx_conf_fails
"ignore_header" cannot name "x-amz-content-sha256"

=== TEST 26: no name
--- http_config eval: ::http_config(clients => 'ignore_header;')
--- nginx_conf_fails
invalid number of arguments in "ignore_header" of s3_clients
