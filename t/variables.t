# Tests for the variables, by the log that they are made for.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

# One JSON object per request.
our $log = <<'EOF';
    log_format s3 escape=json '{"status":"$status","access_key":"$s3_access_key","bucket":"$s3_bucket","key":"$s3_key",'
        '"operation":"$s3_operation","auth":"$s3_auth","error":"$s3_error_code","id":"$s3_request_id",'
        '"origin":"$s3_origin","host":"$s3_origin_host","cache_key":"$s3_cache_key"}';
EOF
our $write = 'access_log logs/access.log s3;';

default_sections(
    http_config => http_config(clients => 'signature_v2 on;', more => $log),
    config      => config(server => $write),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
);

our $client = $CLIENT;

# The log's lines, once there are as many as there were requests.
sub main::lines ($t) {
    my @lines;
    for (1 .. 100) {
        @lines = map { JSON::PP::decode_json($_) } grep { /^\{/ } split /\n/, $t->nginx->log('access.log');
        last if @lines >= @{ $t->{requests} };
        select undef, undef, undef, 0.01;
    }
    return @lines;
}

run_tests();

__DATA__

=== TEST 1: a request that goes well
--- request: GET /bucket/dir/a%20b?versionId=1
--- code
my ($line) = lines($t);
is_deeply({ map { $_ => $line->{$_} } grep { $_ ne 'id' } keys %$line }, {
    status => 200, access_key => 'AKIDCLIENT', bucket => 'bucket', key => 'dir/a%20b', operation => 'GetObject',
    auth => 'header', error => '', origin => 'b', host => '127.0.0.1', cache_key => '/bucket/dir/a%20b?versionId=1',
}, 'all of them');
like($line->{id}, qr/^[0-9A-Z]{16}$/, 'request id');

=== TEST 2: a refusal: the id of the answer, the code, and no key that is not proven
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- code
my ($line) = lines($t);
is($line->{id}, S3Proxy::Http::header($t->response, 'x-amz-request-id'), 'id');
is($line->{error}, 'SignatureDoesNotMatch', 'code');
is($line->{access_key}, '', 'no access key');
is($line->{origin}, '', 'no origin');
is($line->{bucket}, 'bucket', 'bucket');

=== TEST 3: operations
--- request eval: ["GET /", "GET /b", "GET /b?list-type=2", "PUT /b", "DELETE /b", "HEAD /b", "GET /b/k", "HEAD /b/k", "PUT /b/k\nx", "DELETE /b/k", "POST /b/k?uploads", "PUT /b/k?partNumber=1&uploadId=x\nx", "POST /b/k?uploadId=x\nx", "DELETE /b/k?uploadId=x", "GET /b/k?uploadId=x", "POST /b?delete\nx", "GET /b/k?tagging", "GET /b?location", "GET /b?uploads"]
--- code
is(join(' ', map { $_->{operation} } lines($t)), 'ListBuckets ListObjects ListObjectsV2 CreateBucket DeleteBucket HeadBucket GetObject HeadObject PutObject DeleteObject CreateMultipartUpload UploadPart CompleteMultipartUpload AbortMultipartUpload ListParts DeleteObjects GetObjectTagging GetBucketLocation ListMultipartUploads', 'operations');

=== TEST 4: CopyObject
--- request: PUT /b/k
--- more_headers
x-amz-copy-source: /b/other
--- code
is((lines($t))[0]{operation}, 'CopyObject', 'operation');

=== TEST 5: ways of authentication
--- s3_sign eval: [$::client, "$::client presign=900", "$::client v2=1", "$::client v2=1 presign=900"]
--- request eval: [("GET /bucket/key") x 4]
--- code
is(join(' ', map { $_->{auth} } lines($t)), 'header presigned v2-header v2-presigned', 'auth');

=== TEST 6: neither signature nor token of a URL in the variables
--- s3_sign eval: "$::client presign=900"
--- request: GET /bucket/key?response-content-type=text%2Fplain
--- code
my ($line) = lines($t);
is($line->{cache_key}, '/bucket/key?response-content-type=text%2Fplain', 'cache key');
unlike($t->nginx->log('access.log'), qr/Signature|Credential/, 'log');

=== TEST 7: the error log shows no signature of a URL
--- s3_sign: AKIDCLIENT wrong presign=900
--- error_code: 403
--- error_log: s3: refused
--- code
my ($signature) = $t->{requests}[0]{target} =~ /X-Amz-Signature=(\w+)/;
unlike($t->nginx->log, qr/$signature/, 'error log');

=== TEST 8: nor when the upstream fails
--- s3_sign eval: "$::client presign=900"
--- origins
a: refuse
b: refuse
--- error_code: 503
--- error_log: connect() failed
--- code
my ($signature) = $t->{requests}[0]{target} =~ /X-Amz-Signature=(\w+)/;
unlike($t->nginx->log, qr/$signature/, 'error log');
is((lines($t))[0]{error}, 'ServiceUnavailable', 'code');

=== TEST 9: after a failover, the origin that answered
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) /b: $1 503 | /mr
--- code
is((lines($t))[0]{origin}, 'a', 'origin');

=== TEST 10: cache keys: one for each object, however it is spelled
--- request eval: ["GET /bucket/a%20b?b=2&a=1", "GET /bucket/a+b?a=1&b=2", "GET /bucket/%61%20b?a=1&b=2", "GET /bucket/a%20b?a=1&b=3", "PUT /bucket/a%20b?x-amz-acl=private&a=1&b=2"]
--- s3_sign eval: [$::client, $::client, "$::client presign=900", $::client, "$::client presign=900"]
--- code
my @keys = map { $_->{cache_key} } lines($t);
is($keys[1], $keys[0], 'spelling');
is($keys[2], $keys[0], 'presigned');
isnt($keys[3], $keys[0], 'another query');
isnt($keys[4], $keys[0], 'a parameter that stands for a header');

=== TEST 11: in map, if and add_header
--- http_config eval: ::http_config(more => $::log . 'map $s3_operation $kind { default other; GetObject get; }')
--- config eval: ::config(server => $::write, location => 'add_header X-Kind $kind always; add_header X-Key $s3_access_key always; add_header X-Origin $s3_origin always; add_header X-Id $s3_request_id always;')
--- response_headers
X-Kind: get
X-Key: AKIDCLIENT
X-Origin: b
--- response_headers_like
X-Id: ^[0-9A-Z]{16}$

=== TEST 12: a target without a canonical form leaves them empty
--- request: GET /bucket/key?x=%zz
--- s3_error: 400 InvalidURI
--- code
my ($line) = lines($t);
is($line->{$_}, '', $_) for qw(bucket key operation cache_key);

=== TEST 13: where the module does nothing
--- config
location / { return 200 "[$s3_access_key$s3_auth$s3_origin$s3_error_code] $s3_bucket"; }
--- response_body: [] bucket

=== TEST 14: in a subrequest, which is a GET by itself: the client's operation, whoever asks first
--- config eval: ::config(server => 'location = /auth { internal; proxy_pass_request_headers off; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Op "$s3_operation $s3_bucket $s3_key $s3_auth $request_method"; proxy_pass http://%%ORIGIN_A%%; }', location => 'auth_request /auth; add_header X-Op "$s3_operation" always;')
--- http_config eval: ::http_config()
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^a: .*/a: 200/mr
--- request eval: ["PUT /bucket/dir/key\nhello", "DELETE /bucket/key", "POST /bucket?delete\n<x/>"]
--- error_code: 200
--- client_key_sent
--- origin_request_like
a[0]: ^X-Op: PutObject bucket dir/key header PUT
a[1]: ^X-Op: DeleteObject bucket key header DELETE
a[2]: ^X-Op: DeleteObjects bucket  header POST
--- response_headers eval: [ "X-Op: PutObject", "X-Op: DeleteObject", "X-Op: DeleteObjects" ]
