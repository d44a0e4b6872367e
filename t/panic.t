# Tests for the panic boundary: a bug costs one request, never the worker.
#
# Needs a module with the feature fault-injection, which panics where a request's X-S3-Fault header says:
#   FEATURES=fault-injection OUT=build/fault scripts/build-module

use v5.36;
use lib 't/lib';

BEGIN {
    my $module = $ENV{TEST_NGINX_FAULT_MODULE};
    if (!$module) {
        require Test::More;
        Test::More::plan(skip_all => 'TEST_NGINX_FAULT_MODULE names no module that panics on demand');
    }
    $ENV{TEST_NGINX_MODULE} = $module;
}

use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
    fatal_log   => 'panicked',
);

run_tests();

__DATA__

=== TEST 1: in the access phase
--- more_headers
X-S3-Fault: access
--- s3_error: 500 InternalError
--- error_log: injected in access
--- origin_count: a=0 b=0

=== TEST 2: the worker lives
--- error_code: 200

=== TEST 3: when the head is signed
--- more_headers
X-S3-Fault: sign
--- s3_error: 500 InternalError
--- error_log: injected in sign
--- origin_count: a=0 b=0

=== TEST 4: when the body is checked
--- request
PUT /bucket/key
--- request_body_size: 100k
--- more_headers
X-S3-Fault: body
--- s3_error: 500 InternalError
--- error_log: injected in body
--- origin_count: a=0 b=0

=== TEST 5: the worker lives on
--- request
PUT /bucket/key
hello
--- error_code: 200

=== TEST 6: when the answer is looked at
--- more_headers
X-S3-Fault: origin_answer
--- s3_error: 500 InternalError
--- error_log: injected in origin_answer
--- origin_count: a=0 b=1

=== TEST 7: and the worker lives on
--- error_code: 200

=== TEST 8: while an answer is put into the client's names
--- code
my $response = $t->send(request => "POST /bucket/key?uploadId=u\nx", more_headers => 'X-S3-Fault: answer');
ok(!$response->{complete}, 'it has no end');
unlike($response->{body}, qr/from b/, 'and nothing passes as it came');
ok($t->wait_for_log(qr/injected in answer/), 'where it was to be');
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'the worker lives');
