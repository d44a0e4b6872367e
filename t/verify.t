# Tests for s3_verify: header signatures that are accepted, and every way in
# which one is refused, with S3's code and status and without an origin
# having been asked.

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

# A refusal is a whole error document, keeps its reason from no log, and reaches no origin.
add_block_preprocessor(sub ($block) {
    if (defined $block->s3_error) {
        $block->set_value(origin_count => 'a=0 b=0') if !defined $block->origin_count;
        $block->set_value(no_error_log => '[crit]') if !defined $block->no_error_log;
    }
});

our $client = $CLIENT;
our $regions = http_config(clients => 'region us-east-1;');

run_tests();

__DATA__

=== TEST 1: a right signature
--- s3_sign eval: "$::client"
--- error_code: 200
--- response_body: from b
--- origin_count: a=0 b=1
--- origin_request_unlike
b: AKIDCLIENT

=== TEST 2: no space after the commas
--- s3_sign eval: "$::client separator=','"
--- error_code: 200

=== TEST 3: tabs and blanks around the components
--- s3_sign eval: "$::client separator=' ,\t '"
--- error_code: 200

=== TEST 4: components in another order
--- s3_sign eval: "$::client order=Signature,SignedHeaders,Credential"
--- error_code: 200

=== TEST 5: any region, the empty one too, where none is named
--- s3_sign eval: ["$::client region=mars-1", "$::client region=''"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 200

=== TEST 6: nearly too old and nearly too far ahead
--- s3_sign eval: ["$::client date=-890", "$::client date=+890"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 200

=== TEST 7: headers that need not be signed
--- s3_sign eval: "$::client unsigned=content-type;range;cache-control;x-custom;x-amzn-trace-id;x-amz-content-sha256"
--- more_headers
Content-Type: text/plain
Range: bytes=0-1
Cache-Control: no-cache
X-Custom: y
X-Amzn-Trace-Id: Root=1
--- error_code: 200

=== TEST 8: headers that SDKs sign
--- s3_sign eval: "$::client also=accept-encoding;content-length"
--- more_headers
Accept-Encoding: identity
amz-sdk-invocation-id: 1
amz-sdk-request: attempt=1
x-amz-user-agent: aws-sdk-js/3
Content-MD5: XUFAKrxLKna5cZ2REBfFkg==
--- request
PUT /bucket/key
hello
--- error_code: 200
--- origin_body
b: hello

=== TEST 9: blanks inside a signed value, two lines of one name, underscores and dots in names
--- s3_sign eval: "$::client"
--- more_headers
x-amz-meta-a:  one   two  three 
x-amz-meta-b: x
X-Amz-Meta-B: y  z
x-amz-meta-q: "a   b"
x-amz-meta-my_key: u
x-amz-meta-my.key: d
x-amz-meta-empty:
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-meta-my_key: u
b: (?i)^x-amz-meta-my\.key: d

=== TEST 10: every method that S3 has
--- s3_sign eval: $::client
--- request eval: ["GET /b/k", "HEAD /b/k", "PUT /b/k", "POST /b/k?uploads", "DELETE /b/k"]
--- error_code: 200
--- origin_count: b=5

=== TEST 11: the query, in the client's order, sorted for the signature
--- s3_sign eval: $::client
--- request eval: ["GET /bucket?prefix=a%2Fb&list-type=2&delimiter=/", "POST /b/k?select-type=2&select", "GET /b?prefix=a+b", "GET /b?prefix=a;b", "GET /b?prefix=a?b", "GET /b/k?acl", "GET /b?x=a=b"]
--- error_code: 200

=== TEST 12: HEAD refused has no body
--- s3_sign: AKIDCLIENT wrong
--- request: HEAD /bucket/key
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 13: anonymous
--- s3_error: 403 AccessDenied
--- error_log: s3: refused

=== TEST 14: empty Authorization
--- more_headers
Authorization:
--- s3_error: 400 InvalidArgument
--- s3_error_like
ArgumentName: ^Authorization$

=== TEST 15: one word, no blank
--- more_headers
Authorization: AWS4-HMAC-SHA256
--- s3_error: 400 InvalidArgument
--- s3_error_like
ArgumentName: ^Authorization$
ArgumentValue: ^AWS4-HMAC-SHA256$

=== TEST 16: Bearer
--- more_headers
Authorization: Bearer tooooken
--- s3_error: 400 InvalidArgument
--- s3_error_like
ArgumentName: ^Authorization$

=== TEST 17: Basic, and its password is not shown
--- more_headers
Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==
--- s3_error: 400 InvalidArgument
--- response_body_unlike: QWxhZGRpbjpvcGVu
--- no_error_log: QWxhZGRpbjpvcGVu

=== TEST 18: unknown algorithm
--- s3_sign eval: "$::client algorithm=AWS4-HMAC-SHA512"
--- s3_error: 400 InvalidArgument

=== TEST 19: scheme in lower case
--- s3_sign eval: "$::client tamper=s/AWS4-HMAC/aws4-hmac/"
--- s3_error: 400 InvalidArgument

=== TEST 20: Signature V2 is off
--- s3_sign eval: "$::client v2=1"
--- s3_error: 400 InvalidRequest

=== TEST 21: Signature V4A is off
--- more_headers
x-amz-region-set: *
--- s3_sign eval: "$::client algorithm=AWS4-ECDSA-P256-SHA256 credential=AKIDCLIENT/20260315/s3/aws4_request"
--- s3_error: 400 InvalidRequest

=== TEST 22: a component missing, given twice, without '=', unknown
--- s3_sign eval: $::client
--- tamper eval: ['s/, Signature=.*//', 's/SignedHeaders=[^,]*, //', 's/Credential=[^,]*, //', 's/(Credential=[^,]*,)/$1 $1/', 's/Signature=/Signature/', 's/(Signature=\w+)/$1, Extra=1/', 's/(Signature=\w+)/$1,/', 's/Signature=/signature=/']
--- request eval: [("GET /bucket/key") x 8]
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 23: two Authorization headers
--- s3_sign eval: "$::client"
--- more_headers
Authorization: AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=0
--- error_code: 400
--- origin_count: a=0 b=0

=== TEST 24: header and presigned parameters together
--- s3_sign eval: "$::client"
--- request: GET /bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256
--- s3_error: 400 InvalidArgument
--- s3_error_like
ArgumentName: ^Authorization$

=== TEST 25: header and presigned V2 parameters together
--- s3_sign eval: "$::client"
--- request: GET /bucket/key?AWSAccessKeyId=AKIDCLIENT&Signature=x&Expires=1
--- s3_error: 400 InvalidArgument

=== TEST 26: header and one presigned parameter
--- s3_sign eval: "$::client"
--- request eval: [map { "GET /bucket/key?$_=x" } 'X-Amz-Credential', 'X-Amz-Signature', 'Signature', 'x-amz-signature']
--- error_code: 400
--- origin_count: a=0 b=0

=== TEST 27: signature in upper case, short, changed, not hex
--- s3_sign eval: $::client
--- tamper eval: ['s/Signature=(\w+)/Signature=\U$1/', 's/Signature=\w/Signature=/', 's/Signature=(\w)/"Signature=" . ($1 eq "0" ? "1" : "0")/e', 's/Signature=\w+/"Signature=" . "z" x 64/e']
--- request eval: [("GET /bucket/key") x 4]
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 28: credential with 4 and 6 parts
--- s3_sign eval: ["$::client credential=AKIDCLIENT/%%DAY%%/us-east-1/aws4_request", "$::client credential=AK/IDCLIENT/%%DAY%%/us-east-1/s3/aws4_request"]
--- request eval: [("GET /bucket/key") x 2]
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 29: scope date is no date
--- s3_sign eval: ["$::client scope_date=2026-3-1", "$::client scope_date=yesterday"]
--- request eval: [("GET /bucket/key") x 2]
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 30: scope date of another day, consistently signed
--- s3_sign eval: "$::client scope_date=20200101"
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 31: wrong region where one is named, and the right one is told
--- http_config eval: $::regions
--- s3_sign eval: "$::client region=eu-west-9"
--- s3_error: 400 AuthorizationHeaderMalformed
--- s3_error_like
Region: ^us-east-1$
Message: eu-west-9

=== TEST 32: empty region where one is named
--- http_config eval: $::regions
--- s3_sign eval: "$::client region=''"
--- s3_error: 400 AuthorizationHeaderMalformed
--- s3_error_like
Region: ^us-east-1$

=== TEST 33: right region where one is named
--- http_config eval: $::regions
--- s3_sign eval: "$::client region=us-east-1"
--- error_code: 200

=== TEST 34: region is reported before an unknown key
--- http_config eval: $::regions
--- s3_sign: AKIDNOBODY secret region=eu-west-9
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 35: HEAD with a wrong region tells it in a header
--- http_config eval: $::regions
--- request: HEAD /bucket/key
--- s3_sign eval: "$::client region=eu-west-9"
--- s3_error: 400 AuthorizationHeaderMalformed
--- response_headers
x-amz-bucket-region: us-east-1

=== TEST 36: wrong service
--- s3_sign eval: "$::client service=sts"
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 37: wrong terminal
--- s3_sign eval: "$::client terminal=aws5_request"
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 38: unknown key
--- s3_sign: AKIDNOBODY secret
--- s3_error: 403 InvalidAccessKeyId
--- s3_error_like
AWSAccessKeyId: ^AKIDNOBODY$

=== TEST 39: wrong secret, and what was signed is shown
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- s3_error_like
AWSAccessKeyId: ^AKIDCLIENT$
StringToSign: ^AWS4-HMAC-SHA256\n
StringToSignBytes: ^41 57 53 34
SignatureProvided: ^[0-9a-f]{64}$
CanonicalRequest: ^GET\n/bucket/key\n\nhost:
CanonicalRequestBytes: ^47 45 54 0a
--- code
my ($error) = S3Proxy::Xml::parse_error($t->response->{body});
is($error->{StringToSign}, $t->{requests}[0]{signed}{string_to_sign}, 'StringToSign is the client\'s');
is($error->{CanonicalRequest}, $t->{requests}[0]{signed}{canonical_request}, 'CanonicalRequest is the client\'s');

=== TEST 40: no date at all
--- s3_sign eval: "$::client date_header=none"
--- s3_error: 403 AccessDenied

=== TEST 41: a date that cannot be read
--- s3_sign eval: "$::client date=2026-03-15T12:00:00Z scope_date=%%DAY%%"
--- s3_error: 403 AccessDenied

=== TEST 42: too old, too far ahead
--- s3_sign eval: ["$::client date=-905", "$::client date=+905"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- s3_error: 403 RequestTimeTooSkewed
--- s3_error_like
RequestTime: ^\d{8}T\d{6}Z$
ServerTime: ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$
MaxAllowedSkewMilliseconds: ^900000$

=== TEST 43: skew is reported before a malformed credential
--- s3_sign eval: "$::client date=-3600 credential=bad"
--- s3_error: 403 RequestTimeTooSkewed

=== TEST 44: ISO date in Date instead
--- s3_sign eval: "$::client date_header=Date"
--- error_code: 200

=== TEST 45: Host not signed
--- s3_sign eval: "$::client unsigned=host"
--- s3_error: 403 AccessDenied
--- s3_error_like
HeadersNotSigned: ^host$

=== TEST 46: x-amz-date not signed
--- s3_sign eval: "$::client unsigned=x-amz-date"
--- s3_error: 403 AccessDenied
--- s3_error_like
HeadersNotSigned: ^x-amz-date$

=== TEST 47: x-amz-* added after signing
--- s3_sign eval: $::client
--- request eval: [("PUT /bucket/key\nx") x 6]
--- unsigned_headers eval: ["x-amz-copy-source: /other/key", "x-amz-acl: public-read", "x-amz-meta-a: b", "X-AMZ-Security-Token: t", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==", "x-amz-tagging: a=b"]
--- s3_error: 403 AccessDenied
--- s3_error_like
HeadersNotSigned: ^x-amz-copy-source$

=== TEST 48: several unsigned headers are all named
--- s3_sign eval: $::client
--- unsigned_headers
x-amz-acl: public-read
x-amz-meta-a: b
--- s3_error: 403 AccessDenied
--- s3_error_like
HeadersNotSigned: ^x-amz-acl, x-amz-meta-a$

=== TEST 49: what was signed, changed on the way
--- s3_sign eval: "$::client also=accept-encoding"
--- request eval: [("GET /bucket/key?versionId=1") x 13]
--- more_headers
x-amz-meta-a: b
Content-Type: text/plain
Accept-Encoding: identity
--- tamper eval: ['s/^GET/DELETE/', 's/^GET/HEAD/', 's/key/kex/', 's/versionId=1/versionId=2/', 's/versionId=1/versionId=1&x=y/', 's/key\?/key?acl&/', 's/meta-a: b/meta-a: c/', 's/x-amz-meta-a.*?\r\n//', 's/(x-amz-meta-a: b)/$1\r\nx-amz-meta-a: c/', 's/text.plain/text\/html/', 's/identity/gzip/', 's/Host: localhost/Host: localhorst/', 's/Host: localhost:\d+/Host: localhost/']
--- code eval
sub {
    my $t = shift;
    for my $index (0 .. 12) {
        my $response = $t->response($index);
        main::is($response->{status}, 403, "case $index: status");
        main::like($response->{body}, qr/<Code>SignatureDoesNotMatch/, "case $index: code") if $index != 1;
    }
}
--- origin_count: a=0 b=0

=== TEST 50: payload hash replaced after signing
--- s3_sign eval: $::client
--- tamper: s/sha256: [0-9a-f]{64}/sha256: UNSIGNED-PAYLOAD/
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 51: SignedHeaders unsorted, repeated, in upper case, with an empty name
--- s3_sign eval: [map { "$::client signed_headers=$_" } 'x-amz-date;host;x-amz-content-sha256', 'host;host;x-amz-content-sha256;x-amz-date', 'Host;x-amz-content-sha256;x-amz-date', 'host;;x-amz-content-sha256;x-amz-date', ';host;x-amz-content-sha256;x-amz-date', 'host;x-amz-content-sha256;x-amz-date;']
--- request eval: [("GET /bucket/key") x 6]
--- s3_error: 400 AuthorizationHeaderMalformed

=== TEST 52: a signed header that is not there
--- s3_sign eval: "$::client signed_headers=host;x-amz-content-sha256;x-amz-date;x-amz-meta-none"
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 53: two x-amz-date headers
--- s3_sign eval: $::client
--- unsigned_headers
x-amz-date: %%DATE%%
--- s3_error: 400 InvalidArgument

=== TEST 54: two x-amz-content-sha256 headers
--- s3_sign eval: $::client
--- unsigned_headers
x-amz-content-sha256: UNSIGNED-PAYLOAD
--- s3_error: 400 InvalidArgument

=== TEST 55: x-amz-content-sha256 missing
--- s3_sign eval: "$::client payload=none"
--- s3_error: 400 InvalidRequest

=== TEST 56: x-amz-content-sha256 neither a keyword nor a hash
--- s3_sign eval: ["$::client payload=garbage", "$::client payload=unsigned-payload", "$::client payload=0123"]
--- request eval: [("GET /bucket/key") x 3]
--- s3_error: 400 InvalidArgument
--- s3_error_like
ArgumentName: ^x-amz-content-sha256$

=== TEST 57: token with a key that has none
--- s3_sign eval: "$::client token=sometoken"
--- s3_error: 400 InvalidToken
--- response_body_unlike: sometoken

=== TEST 58: a query name twice
--- s3_sign eval: $::client
--- request: GET /bucket?prefix=a&prefix=b
--- s3_error: 400 InvalidArgument

=== TEST 59: broken escapes in the query (those in the path nginx itself refuses)
--- s3_sign eval: $::client
--- request eval: ["GET /bucket?x=%zz", "GET /bucket?x=%4"]
--- s3_error: 400 InvalidURI

=== TEST 60: a key of more than 1024 bytes
--- s3_sign eval: $::client
--- request eval: "GET /bucket/" . 'k' x 1025
--- s3_error: 400 KeyTooLongError

=== TEST 61: absolute-form target, right and wrong authority
--- s3_sign eval: $::client
--- request eval: ["GET http://otherhost/bucket/key"]
--- error_code: 400
--- origin_count: a=0 b=0

=== TEST 62: what is reflected is escaped
--- s3_sign eval: "'AKID<&>\"' secret"
--- s3_error: 403 InvalidAccessKeyId
--- s3_error_like
AWSAccessKeyId: ^AKID<&>"$

=== TEST 63: bytes that XML does not know
--- s3_sign eval: "'AKID\xff\x01\xfe' secret"
--- code
my ($error, $fault) = S3Proxy::Xml::parse_error($t->response->{body});
is($fault, undef, 'well-formed');
like($t->response->{status}, qr/^40[03]$/, 'refused');
--- origin_count: a=0 b=0

=== TEST 64: control bytes in a signed value
--- raw_request eval: "GET /bucket/key HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDCLIENT/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-meta-a, Signature=00\r\nx-amz-meta-a: a\x01b\r\nConnection: close\r\n\r\n"
--- code
like($t->response->{status}, qr/^40[03]$/, 'refused');
--- origin_count: a=0 b=0

=== TEST 65: Connection that names a signed header does not make it vanish
--- s3_sign eval: $::client
--- request
PUT /bucket/key
x
--- more_headers
x-amz-acl: private
Connection: close, x-amz-acl
--- code
my ($received) = $t->received('b');
ok($t->response->{status} == 400 ? !$received : $received->{head} =~ /^x-amz-acl: private/mi, 'refused or kept');

=== TEST 66: one signature serves one host: X-Forwarded-Host is not read
--- s3_sign eval: "$::client"
--- more_headers
Host: other.example
X-Forwarded-Host: other.example
--- tamper: s/Host: other.example/Host: localhost/
--- s3_error: 403 SignatureDoesNotMatch

=== TEST 67: refusals are logged with the reason and without the signature
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- error_log: AKIDCLIENT
--- code
my ($signature) = $t->{requests}[0]{signed}{signature};
unlike($t->nginx->log, qr/$signature/, 'the signature is not logged');

=== TEST 68: keep-alive survives a refusal
--- keepalive
--- s3_sign eval: ["AKIDCLIENT wrong", $::client]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 403 200
--- connection: keep close

=== TEST 69: OPTIONS without a signature is not anonymous access
--- request: OPTIONS /bucket/key
--- s3_error: 403 AccessDenied

=== TEST 70: a method override does not change what was signed
--- s3_sign eval: $::client
--- more_headers
X-HTTP-Method-Override: DELETE
--- error_code: 200
--- origin_request_unlike
b: (?i)method-override

=== TEST 71: request ids differ
--- code
my @ids = map { S3Proxy::Http::header($t->send(request => 'GET /x'), 'x-amz-request-id') } 1 .. 20;
my %seen = map { $_ => 1 } @ids;
is(scalar keys %seen, 20, 'twenty ids');

=== TEST 72: limits: 100 signed names, 500 parameters, 8 KiB of Authorization
--- config eval: ::config(server => 'large_client_header_buffers 8 64k;')
--- s3_sign eval
[ ($::client) x 5, "$::client signed_headers=host;x-amz-content-sha256;x-amz-date;" . join(';', map { "y$_" } 1000 .. 3000) ]
--- more_headers eval
# With host, x-amz-content-sha256 and x-amz-date there are 100 and 101 names, and many more.
[ (map { my $last = $_; join '', map { sprintf "x-amz-meta-%03d: v\n", $_ } 1 .. $last } 97, 98, 400), '', '', '' ]
--- request eval
[ ('GET /bucket/key') x 3, (map { 'GET /bucket?' . join '&', map { "p$_=1" } 1 .. $_ } 500, 501), 'GET /bucket/key' ]
--- code
my @wanted = (200, ('AuthorizationHeaderMalformed') x 2, 200, qw(InvalidRequest RequestHeaderSectionTooLarge));
for my $case (0 .. $#wanted) {
    my ($response, $wanted) = ($t->response($case), $wanted[$case]);
    is($response->{status}, $wanted eq '200' ? 200 : 400, "case $case: status");
    next if $wanted eq '200';
    my ($error, $fault) = S3Proxy::Xml::parse_error($response->{body});
    is($fault, undef, "case $case: document");
    is($error->{Code}, $wanted, "case $case: code");
}
like($t->response(1)->{body}, qr/SignedHeaders must be at most 100 lower-case names/, 'what it says');
--- origin_count: a=0 b=2

=== TEST 73: HTTP/1.0 with and without Host
--- s3_sign eval: $::client
--- request eval: ["GET /bucket/key HTTP/1.0", "GET /bucket/key HTTP/1.0"]
--- more_headers eval: ["Host: localhost", ""]
--- error_code: 200 403
--- origin_count: b=1

=== TEST 74: the error document is capped, whatever the client sent
--- config eval: ::config(server => 'large_client_header_buffers 8 64k;')
--- s3_sign: AKIDCLIENT wrong
--- more_headers eval: "x-amz-meta-a: " . 'v' x 60000
--- s3_error: 403 SignatureDoesNotMatch
--- code
cmp_ok(length $t->response->{body}, '<', 100_000, 'size');

=== TEST 75: an HTTP date in Date, as botocore sends it; the ISO form of it is signed
--- s3_sign eval: ["$CLIENT date_header=date unsigned=date", "$CLIENT date_header=date unsigned=date date=-901"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- tamper: s/^date: (\d{8}T\d{6}Z)/"Date: " . do { require Time::Piece; Time::Piece->strptime($1, "%Y%m%dT%H%M%SZ")->strftime("%a, %d %b %Y %H:%M:%S GMT") }/me
--- code
is($t->response(0)->{status}, 200, 'verified');
like($t->response(1)->{body}, qr/<Code>RequestTimeTooSkewed</, 'the clock is looked at');
--- origin_request_unlike
b: (?i)^date:

=== TEST 76: with s3_cors_preflight, a part of authentication is no preflight
--- config eval: ::config(location => 's3_cors_preflight on;')
--- request eval
[ 'OPTIONS /bucket/key?X-Amz-Credential=AKIDCLIENT%2F20260315%2Fus-east-1%2Fs3%2Faws4_request', 'OPTIONS /bucket/key?x-amz-signature=00' ]
--- s3_error: 400 AuthorizationQueryParametersError
--- origin_count: a=0 b=0

=== TEST 77: a whole URL is one, presigned for another method
--- config eval: ::config(location => 's3_cors_preflight on;')
--- s3_sign eval: "$CLIENT presign=900"
--- request: GET /bucket/key
--- tamper: s/^GET/OPTIONS/
--- origins
b: 200
a: 200
--- error_code: 200
--- origin_request_unlike
b: (?i)^Authorization:
