# Tests for bodies of which nobody says how long they are: no Content-Length, and no x-amz-decoded-content-length. S3 takes none, so they
# are refused before anything of them is read, unless s3_unknown_length has them stored.

use v5.36;
use lib 't/lib';
use S3Proxy::Http qw(read_response serialize_head);
use S3Proxy::Http2 qw(send_frames);
use S3Proxy::Setup;
use S3Proxy::Test;

our $client = $CLIENT;
our $streamed = config(location => 'proxy_request_buffering off; client_body_buffer_size 8k;');
our $stored = config(location => 'client_body_buffer_size 8k;');
our $allowed = config(location => 's3_unknown_length buffer;');

# Bodies that are no object of a known length, whoever signed them.
our @kinds = ($CLIENT, "$CLIENT payload=unsigned", "$CLIENT presign=900");
our @framed = map { "$CLIENT payload=$_" } 'streaming chunk=8192', 'streaming-trailer chunk=8192 trailer=x-amz-checksum-crc32c',
    'streaming-unsigned chunk=8192 trailer=x-amz-checksum-crc32';

default_sections(
    http_config  => http_config(),
    config       => $streamed,
    origins      => $ORIGINS,
    s3_sign      => $CLIENT,
    chunked_body => ['a' x 3000, 'b' x 3000],
    request      => 'PUT /bucket/key',
);

# Sends the head of the block's first request, signed, and `$some` bytes of a body whose end never comes. The answer has to come all the same.
sub main::before_the_body ($t, $some) {
    my $request = $t->{requests}[0];
    my $stream = $t->connect;
    $stream->put(serialize_head("$request->{method} $request->{target} HTTP/1.1", $request->{headers}) . $some);
    return read_response($stream, $request->{method});
}

run_tests();

__DATA__

=== TEST 1: streamed
--- s3_sign eval: \@::kinds
--- request eval: [("PUT /bucket/key") x 3]
--- s3_error: 411 MissingContentLength
--- origin_count: b=0 a=0

=== TEST 2: stored
--- config eval: $::stored
--- s3_sign eval: \@::kinds
--- request eval: [("PUT /bucket/key") x 3]
--- s3_error: 411 MissingContentLength
--- origin_count: b=0 a=0

=== TEST 3: hashes are checked here
--- config eval: ::config(location => 's3_verify_payload on;')
--- s3_error: 411 MissingContentLength
--- origin_count: b=0 a=0

=== TEST 4: nobody signs
--- config eval: ::config() =~ s/s3_verify apps;/s3_verify off;/r
--- s3_sign
--- s3_error: 411 MissingContentLength
--- origin_count: b=0 a=0

=== TEST 5: other requests that have a body
--- s3_sign eval: [($::client) x 5]
--- request eval: ["PUT /bucket/key?partNumber=1&uploadId=x", "POST /bucket?delete", "POST /bucket/key?uploadId=x", "PUT /bucket?tagging", "PUT /bucket"]
--- s3_error: 411 MissingContentLength
--- origin_count: b=0 a=0

=== TEST 6: the answer does not wait for the body
--- s3_sign eval: [@::kinds, $::client]
--- request eval: [("PUT /bucket/key") x 4]
--- error_code: 411
--- ignore_response
--- code
for my $some ('', "3\r\nabc\r\n") {
    my $answer = before_the_body($t, $some);
    is($answer->{status}, 411, 'answered, after ' . length($some) . ' bytes of the body');
    like($answer->{body}, qr{<Code>MissingContentLength</Code><Message>[^<]+</Message>}, 'in the words of S3');
}
--- origin_count: b=0 a=0

=== TEST 7: nor is it asked for
--- expect_100
--- saw_100: no
--- s3_error: 411 MissingContentLength
--- connection: close

=== TEST 8: who is not known learns nothing of it
--- s3_sign eval: ["AKIDCLIENT wrong", ""]
--- request eval: [("PUT /bucket/key") x 2]
--- s3_error
403 SignatureDoesNotMatch
403 AccessDenied

=== TEST 9: in aws-chunked framing the object's length is known: it is stored nowhere on its way
--- s3_sign eval: \@::framed
--- request eval: [("PUT /bucket/key") x 3]
--- chunked_body eval: [map { $_ x 40000 } 'a' .. 'e']
--- error_code: 200
--- no_error_log: buffered to a temporary file
--- code
like($_->{head}, qr/^x-amz-decoded-content-length: 200000$/mi, 'the length is passed on') for $t->received('b');

=== TEST 10: the same, without frames for the origin
--- http_config eval: ::http_config(a => 'payload unsigned;', b => 'payload unsigned;')
--- s3_sign eval: \@::framed
--- request eval: [("PUT /bucket/key") x 3]
--- chunked_body eval: [map { $_ x 40000 } 'a' .. 'e']
--- error_code: 200
--- no_error_log: buffered to a temporary file
--- code
is($_->{body}, join('', map { $_ x 40000 } 'a' .. 'e'), 'the whole object') for $t->received('b');

=== TEST 11: an empty object in such framing, as minio-go sends it
--- s3_sign eval: \@::framed
--- request eval: [("PUT /bucket/key") x 3]
--- chunked_body eval: ['']
--- error_code: 200

=== TEST 12: requests that have no body: the end of it says so
--- s3_sign eval: [$::client, $::client, "$::client presign=900", "$::client payload=unsigned"]
--- request eval: ["GET /bucket/key", "DELETE /bucket/key", "GET /bucket/key", "HEAD /bucket/key"]
--- chunked_body eval: ['']
--- error_code: 200
--- origin_count: b=4
--- origin_request_unlike
b: (?i)^transfer-encoding

=== TEST 13: the same, in each other way to read bodies
--- config eval: ::config(location => 's3_verify_payload on;')
--- s3_sign eval: [($::client) x 2]
--- request eval: ["GET /bucket/key", "DELETE /bucket/key"]
--- chunked_body eval: ['']
--- error_code: 200
--- origin_count: b=2

=== TEST 14: and where it has one, nothing of that is stored
--- s3_sign eval: [$::client, $::client, "$::client presign=900"]
--- request eval: ["GET /bucket/key", "DELETE /bucket/key", "GET /bucket/key"]
--- s3_error: 411 MissingContentLength
--- connection: close
--- origin_count: b=0 a=0
--- code
like(before_the_body($t, "3\r\nabc\r\n")->{body}, qr/<Code>MissingContentLength</, 'the answer does not wait for the end');

=== TEST 15: likewise where nginx stores bodies, and hashes are checked
--- config eval: ::config(location => 's3_verify_payload on;')
--- s3_sign eval: [("$::client payload=unsigned") x 2]
--- request eval: ["GET /bucket/key", "DELETE /bucket/key"]
--- s3_error: 411 MissingContentLength
--- origin_count: b=0 a=0

=== TEST 16: s3_unknown_length buffer: the origin gets a length, streamed or not
--- config eval: $::allowed =~ s/(?=s3_unknown)/proxy_request_buffering off; client_body_buffer_size 8k; /r
--- s3_sign eval: \@::kinds
--- request eval: [("PUT /bucket/key") x 3]
--- chunked_body eval: ['a' x 30000, 'b' x 30000]
--- write_size: 20000
--- write_delay: 0.02
--- error_code: 200
--- error_log: buffered to a temporary file
--- origin_request_like
b: (?i)^content-length: 60000$
--- origin_request_unlike
b: (?i)^transfer-encoding
--- origin_body_sha256
b: sent

=== TEST 17: the same, and it is repeated on the next origin
--- config eval: $::allowed
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200 body="from b"/503/r
--- s3_sign eval: \@::kinds
--- request eval: [("PUT /bucket/key") x 3]
--- error_code: 200
--- origin_count: b=3 a=3
--- origin_body_sha256
a: sent

=== TEST 17.1: no more than max_object_size, whichever way it comes
--- http_config eval: ::http_config(clients => 'max_object_size 64k;')
--- config eval: $::allowed
--- s3_sign eval: [($::client) x 3, "$::client payload=unsigned"]
--- request eval: [("PUT /bucket/key") x 3, "POST /bucket?delete"]
--- chunked_body eval: [('a' x 10000) x 6, 'b' x 5537]
--- s3_error: 400 EntityTooLarge
--- s3_error_like
MaxSizeAllowed: ^65536$
--- origin_count: b=0 a=0

=== TEST 17.2: as much as that
--- http_config eval: ::http_config(clients => 'max_object_size 64k;')
--- config eval: $::allowed =~ s/(?=s3_unknown)/s3_verify_payload on; proxy_request_buffering off; /r
--- chunked_body eval: [('a' x 10000) x 6, 'b' x 5536]
--- error_code: 200
--- origin_body_sha256
b: sent

=== TEST 18: GET and POST with a body, where that may be stored
--- config eval: $::allowed
--- s3_sign eval: [($::client) x 2]
--- request eval: ["GET /bucket/key", "POST /bucket?delete"]
--- error_code: 200
--- origin_count: b=2

=== TEST 19: the level above is inherited, and said otherwise below
--- http_config eval: ::http_config(more => 's3_unknown_length buffer;')
--- config eval: ::config(server => 'location /no/ { s3_unknown_length refuse; s3_verify apps; s3_resign on; proxy_pass http://s3; }')
--- s3_sign eval: [($::client) x 2]
--- request eval: ["PUT /bucket/key", "PUT /no/key"]
--- error_code: 200 411
--- origin_count: b=1

=== TEST 20: of the server
--- config eval: ::config(server => 's3_unknown_length buffer;')
--- error_code: 200

=== TEST 21: without s3_resign the next server gets what nginx would give it
--- http_config eval: $::client =~ /(\S+) (\S+)/ && "s3_clients apps { key $1 $2; }"
--- config: location / { s3_verify apps; proxy_pass http://%%ORIGIN_A%%; }
--- origins: a: 200 body=ok
--- error_code: 200
--- client_key_sent
--- origin_body_sha256
a: sent

=== TEST 22: a word that is none
--- config eval: ::config(location => "\n s3_unknown_length on; # HERE\n")
--- nginx_conf_fails: invalid value "on" in "s3_unknown_length".*nginx.conf:%%HERE%%

=== TEST 23: twice
--- config eval: ::config(location => "\n s3_unknown_length buffer;\n s3_unknown_length refuse; # HERE\n")
--- nginx_conf_fails: "s3_unknown_length" directive is duplicate.*nginx.conf:%%HERE%%

=== TEST 24: an error_page answers instead, and keeps its words
--- config eval: ::config(location => 'error_page 411 /length.html;', server => 'location = /length.html { internal; return 411 "say how long it is"; }')
--- error_code: 411
--- response_body: say how long it is

=== TEST 25: over HTTP/2, with nothing of the body, a part of it, all of it
--- http2
--- s3_sign eval: [@::kinds, $::client]
--- request eval: [("PUT /bucket/key") x 3, "POST /bucket?delete"]
--- chunked_body eval: ['']
--- ignore_response
--- code
for my $request (@{ $t->{requests} }) {
    for my $data ([], ['abc', ''], ['abc', undef], ['abc']) {
        my $answer = send_frames($t->port('H2'), $request, undef, @$data);
        like($answer, qr{<Code>MissingContentLength</Code>}, "$request->{method} $request->{target}: in the words of S3");
    }
}
--- origin_count: b=0 a=0

=== TEST 26: over HTTP/2, in aws-chunked framing
--- http2
--- s3_sign eval: \@::framed
--- request eval: [("PUT /bucket/key") x 3]
--- chunked_body eval: [map { $_ x 40000 } 'a' .. 'e']
--- error_code: 200
--- no_error_log: buffered to a temporary file

=== TEST 27: over HTTP/2, a stream that goes on after the head, and ends
--- http2
--- s3_sign eval: [$::client, $::client, "$::client presign=900", $::client, $::client]
--- more_headers eval: [undef, undef, undef, undef, 'x-amz-copy-source: /bucket/other']
--- request eval: ["GET /bucket/key", "DELETE /bucket/key", "GET /bucket/key", "POST /bucket/key?uploads", "PUT /bucket/key"]
--- chunked_body eval: ['']
--- error_code: 200
--- origin_count: b=5

=== TEST 28: over HTTP/2, one that goes on
--- http2
--- s3_sign eval: [$::client, "$::client presign=900", $::client]
--- request eval: ["GET /bucket/key", "DELETE /bucket/key", "POST /bucket/key?uploads="]
--- chunked_body eval: ['']
--- error_code: 200
--- origin_count: b=3
--- code
for my $request (@{ $t->{requests} }) {
    my $before = () = $t->received('b');
    like(send_frames($t->port('H2'), $request, undef, @$_), qr{<Code>MissingContentLength</Code>}, "$request->{method}: no body") for ['abc'], ['abc', 'def', ''];
    is(scalar(() = $t->received('b')), $before, 'nothing of it reached an origin');
}

=== TEST 29: over HTTP/2, where that may be stored
--- http2
--- config eval: $::allowed =~ s/(?=s3_unknown)/proxy_request_buffering off; /r
--- s3_sign eval: \@::kinds
--- request eval: [("PUT /bucket/key") x 3]
--- error_code: 200
--- origin_request_like
b: (?i)^content-length: 6000$
--- origin_body_sha256
b: sent
