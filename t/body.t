# Tests for payload modes: what is checked of a body while it streams, what the
# origin gets of it, and that a fault found late leaves the origin without a
# whole object. The origins check hashes, chunk signatures and trailers.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'PUT /bucket/key',
    request_body_size => 20000,
);

our $client = $CLIENT;
our $signed = "$CLIENT payload=streaming chunk=8192";
our $trailer = "$CLIENT payload=streaming-trailer chunk=8192 trailer=x-amz-checksum-crc32";
our $unsigned = "$CLIENT payload=streaming-unsigned chunk=8192 trailer=x-amz-checksum-crc32";

our $unbuffered = config(location => 'proxy_request_buffering off;');
our $unwrapping = http_config(a => 'payload unsigned;', b => 'payload unsigned;');
our $checked = config(location => 's3_verify_payload on;');
our $checked_unbuffered = config(location => 's3_verify_payload on; proxy_request_buffering off;');

# Both ways of nginx with bodies: every case runs buffered and unbuffered.
sub main::refused ($t, @cases) {
    for my $index (0 .. $#cases) {
        my ($status, $code) = split / /, $cases[$index];
        my $response = $t->response($index);
        is($response->{status}, $status, $t->name("status $index"));
        like($response->{body}, qr{<Code>(?:$code)</Code>}, $t->name("code $index"));
        like($response->{body}, qr{<Resource>}, $t->name("answered by the proxy $index"));
    }
    main::stopped($t);
    return;
}

# Whatever was begun, no origin can have stored anything.
sub main::stopped ($t) {
    select undef, undef, undef, 0.05;
    is(scalar(grep { $_->{complete} } $t->received), 0, $t->name('no origin has the whole body'));
    return;
}

run_tests();

__DATA__

=== TEST 1: a hash: the origin checks it
--- error_code: 200
--- origin_body_sha256
b: sent

=== TEST 2: a wrong hash, unchecked here, found by the origin, told to the client
--- s3_sign eval: "$::client payload=" . 'a' x 64
--- error_code: 400
--- response_body_like: XAmzContentSHA256Mismatch
--- origin_verdict
b: XAmzContentSHA256Mismatch

=== TEST 3: s3_verify_payload: a right hash
--- config eval: $::checked
--- error_code: 200
--- origin_body_sha256
b: sent

=== TEST 4: s3_verify_payload: a wrong hash, buffered
--- config eval: $::checked
--- s3_sign eval: "$::client payload=" . 'a' x 64
--- s3_error: 400 XAmzContentSHA256Mismatch
--- s3_error_like
ClientComputedContentSHA256: ^a{64}$
S3ComputedContentSHA256: ^[0-9a-f]{64}$
--- origin_count: b=0

=== TEST 5: s3_verify_payload: a wrong hash, unbuffered
--- config eval: $::checked_unbuffered
--- s3_sign eval: "$::client payload=" . 'a' x 64
--- request_body_size: 300k
--- origin_verdict
--- code: refused($t, '400 XAmzContentSHA256Mismatch')

=== TEST 6: s3_verify_payload: in upper case, empty, on a GET
--- config eval: $::checked
--- s3_sign eval: ["$::client payload=" . uc Digest::SHA::sha256_hex("hello"), $::client, $::client]
--- request eval: ["PUT /bucket/key\nhello", "PUT /bucket/key", "GET /bucket/key"]
--- request_body_size eval: undef
--- error_code: 200

=== TEST 65: s3_verify_payload: a hash of something, and no body
--- config eval: $::checked
--- s3_sign eval: ["$::client payload=" . 'a' x 64, "$::client payload=" . 'a' x 64, "$::client payload=" . Digest::SHA::sha256_hex("x"), "$::client payload=" . Digest::SHA::sha256_hex("")]
--- request eval: ["GET /bucket/key", "DELETE /bucket/key", "PUT /bucket/key", "GET /bucket/key"]
--- request_body_size eval: undef
--- error_code: 400 400 400 200
--- origin_count: b=1
--- code
like($t->response($_)->{body}, qr{<Code>XAmzContentSHA256Mismatch</Code>}, $t->name("code $_")) for 0 .. 2;

=== TEST 7: s3_verify_payload: the empty hash with a body
--- config eval: $::checked
--- s3_sign eval: "$::client payload=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
--- s3_error: 400 XAmzContentSHA256Mismatch

=== TEST 8: UNSIGNED-PAYLOAD goes on as such
--- config eval: $::checked
--- s3_sign eval: "$::client payload=unsigned"
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-content-sha256: UNSIGNED-PAYLOAD$
--- origin_body_sha256
b: sent

=== TEST 9: a large body in small pieces, unbuffered
--- config eval: $::checked_unbuffered
--- request_body_size: 3m
--- write_size: 100000
--- error_code: 200
--- origin_body_sha256
b: sent

=== TEST 10: unsigned trailer: the same bytes, the same trailer
--- s3_sign eval: $::unsigned
--- error_code: 200
--- origin_body_sha256
b: sent
--- origin_request_like
b: (?i)^x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER$
b: (?i)^x-amz-trailer: x-amz-checksum-crc32$
b: (?i)^content-encoding: aws-chunked$
b: (?i)^x-amz-decoded-content-length: 20000$

=== TEST 11: as boto3 sends it: TE: chunked and no length, buffered and not
--- config eval: $::unbuffered
--- s3_sign eval: $::unsigned
--- request: PUT /bucket/key
--- chunked_body eval: ['a' x 30000, 'b' x 30000, 'tail']
--- request_body_size eval: undef
--- expect_100
--- saw_100: yes
--- error_code: 200
--- origin_body_sha256
b: sent

=== TEST 12: unsigned trailer: one chunk for all, Go's way
--- s3_sign eval: "$::client payload=streaming-unsigned chunk=10000000 trailer=x-amz-checksum-crc32"
--- request_body_size: 1m
--- config eval: $::unbuffered
--- error_code: 200

=== TEST 13: unsigned streaming with no trailer, with an empty object
--- s3_sign eval: ["$::client payload=streaming-unsigned", "$::unsigned"]
--- request eval: ["PUT /bucket/key\nhello", "PUT /bucket/key"]
--- request_body_size eval: undef
--- error_code: 200

=== TEST 14: signed chunks: re-signed in place, the length stays
--- s3_sign eval: $::signed
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD$
--- code
my ($received) = $t->received('b');
is($received->{body_length}, length $t->{requests}[0]{body}, 'length');
my ($mine, $theirs) = map { join ' ', $_ =~ /chunk-signature=(\w+)/g } $t->{requests}[0]{body}, $received->{body};
isnt($mine, $theirs, 'other signatures');
is($t->{requests}[0]{body} =~ s/chunk-signature=\w+//gr, $received->{body} =~ s/chunk-signature=\w+//gr, 'else equal');

=== TEST 15: signed chunks, unbuffered, and split at any place
--- config eval: $::unbuffered
--- s3_sign eval: $::signed
--- request eval: [("PUT /bucket/key") x 6]
--- write_size eval: [1024, 8191, 8192, 8193, 87, 20000]
--- error_code: 200

=== TEST 16: signed chunks, byte by byte
--- config eval: $::unbuffered
--- s3_sign eval: "$::client payload=streaming chunk=8192"
--- request: PUT /bucket/key
--- request_body_size: 300
--- write_size: 1
--- write_delay: 0.0002
--- error_code: 200

=== TEST 17: signed chunks over TE: chunked without a length
--- config eval: $::unbuffered
--- s3_sign eval: $::signed
--- chunked_body eval: ['a' x 9000, 'b' x 9000, 'tail']
--- request_body_size eval: undef
--- error_code: 200

=== TEST 18: signed chunks without Content-Encoding (minio-go), with gzip besides
--- s3_sign eval: ["$::signed encoding=none", "$::signed encoding=gzip,aws-chunked"]
--- request eval: [("PUT /bucket/key") x 2]
--- error_code: 200
--- origin_request_unlike
b[0]: (?i)^content-encoding

=== TEST 19: signed chunks: an empty object, one chunk, exactly one chunk
--- s3_sign eval: $::signed
--- request eval: [("PUT /bucket/key") x 4]
--- request_body_size eval: [0, 1, 8192, 16384]
--- error_code: 200

=== TEST 20: signed chunks of 64 KiB, 1 MiB, 5 MiB
--- config eval: $::unbuffered
--- s3_sign eval: [map { "$::client payload=streaming chunk=$_" } 65536, 1 << 20, 5 << 20]
--- request eval: [("PUT /bucket/key") x 3]
--- request_body_size: 6m
--- error_code: 200

=== TEST 21: signed trailer, both wire forms
--- s3_sign eval: [$::trailer, "$::trailer form=minio"]
--- request eval: [("PUT /bucket/key") x 2]
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER$

=== TEST 22: signed trailer with each checksum, unbuffered
--- config eval: $::unbuffered
--- s3_sign eval: [map { "$::client payload=streaming-trailer chunk=8192 trailer=x-amz-checksum-$_" } qw(crc32 crc32c crc64nvme sha1 sha256)]
--- request eval: [("PUT /bucket/key") x 5]
--- error_code: 200

=== TEST 23: signed chunks after a failover: signed for the other
--- s3_sign eval: $::signed
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) /b: $1 503 | /mr
--- error_code: 200
--- response_body: from a
--- origin_count: a=1 b=1

=== TEST 24: the same, unbuffered, refused connection
--- config eval: $::unbuffered
--- s3_sign eval: $::trailer
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: .*/b: refuse/mr
--- error_code: 200
--- response_body: from a

=== TEST 25: a byte of data changed, buffered
--- s3_sign eval: "$::signed tamper_body=s/0001000/0001001/"
--- origin_verdict
--- code: refused($t, '403 SignatureDoesNotMatch')

=== TEST 26: a byte of data changed, unbuffered
--- config eval: $::unbuffered
--- s3_sign eval: "$::signed tamper_body=s/0001000/0001001/"
--- origin_verdict
--- code: refused($t, '403 SignatureDoesNotMatch')

=== TEST 27: a byte of the last chunk changed in a large upload
--- config eval: $::unbuffered
--- s3_sign eval: "$::client payload=streaming chunk=65536 'tamper_body=s/.(?=\\r\\n0;chunk)/X/s'"
--- request_body_size: 300000
--- origin_verdict
--- code: refused($t, '403 SignatureDoesNotMatch')

=== TEST 28: signature of the empty last chunk changed
--- config eval: $::unbuffered
--- s3_sign eval: "$::signed tamper_body=s/0;chunk-signature=.{8}/0;chunk-signature=00000000/"
--- origin_verdict
--- code: refused($t, '403 SignatureDoesNotMatch')

=== TEST 29: two chunks swapped
--- config eval: $::unbuffered
--- s3_sign eval: "$::signed 'tamper_body=s/\\A(.{8281})(.{8281})/\$2\$1/s'"
--- origin_verdict
--- code: refused($t, '403 SignatureDoesNotMatch')

=== TEST 30: chunks of another request
--- config eval: $::unbuffered
--- s3_sign eval: $::signed
--- code
my $other = $t->{requests}[0]{body};
my $response = $t->send(request => 'PUT /bucket/other', s3_sign => "$::signed framing=none", request_body => $other, request_body_size => undef,
    more_headers => "x-amz-decoded-content-length: 20000\nContent-Encoding: aws-chunked\n");
is($response->{status}, 403, 'status');
--- origin_verdict

=== TEST 31: last chunk removed; cut in the middle of a chunk
--- config eval: $::unbuffered
--- s3_sign eval: ["$::signed 'tamper_body=s/\\r\\n0;chunk-signature.*//s'", "$::signed 'tamper_body=s/.{3000}\\z//s'"]
--- request eval: [("PUT /bucket/key") x 2]
--- ignore_response
--- origin_verdict
--- code
for (0, 1) {
    my $response = $t->response($_);
    like($response->{status}, qr/^40[03]$/, $t->name("status $_"));
}
stopped($t);

=== TEST 32: framing faults
--- config eval: $::unbuffered
--- s3_sign eval: [map { "$::signed 'tamper_body=$_'" } 's/\A2000;chunk-signature=\w/2000;chunk-signature=/', 's/\A2000;/2000;x=y;/', 's/\A2000;chunk-signature=\w+/2000/', 's/\A2000;/-2000;/', 's/\A2000;/00000000000002000;/', 's/\A(.*?)\r\n/$1\n/', 's/\A2000;/2001;/', 's/\A2000;/fffffffffffffff0;/', 's/\A2000;/2000 ;/', 's/\z/junk/']
--- request eval: [("PUT /bucket/key") x 10]
--- code eval
sub {
    my $t = shift;
    main::like($t->response($_)->{status}, qr/^40[03]$/, $t->name("case $_")) for 0 .. 9;
    main::stopped($t);
}
--- ignore_response
--- origin_verdict

=== TEST 33: more and less data than x-amz-decoded-content-length
--- config eval: $::unbuffered
--- s3_sign eval: ["$::signed decoded=19999", "$::signed decoded=20001", "$::unsigned decoded=19999", "$::unsigned decoded=20001"]
--- request eval: [("PUT /bucket/key") x 4]
--- error_code: 400
--- response_body_like: <Code>IncompleteBody</Code>
--- ignore_response
--- origin_verdict
--- code
stopped($t);

=== TEST 34: x-amz-decoded-content-length missing, no number, too large
--- s3_sign eval: [map { "$::signed decoded=$_" } qw(none 12x)]
--- request eval: [("PUT /bucket/key") x 2]
--- s3_error: 411 MissingContentLength
--- origin_count: b=0

=== TEST 35: too large an object by its decoded length
--- s3_sign eval: "$::signed decoded=5368709121"
--- s3_error: 400 EntityTooLarge
--- origin_count: b=0

=== TEST 36: a small chunk that is not the last
--- config eval: $::unbuffered
--- s3_sign eval: "$::client payload=streaming chunk=1000"
--- origin_verdict
--- code: refused($t, '403 InvalidChunkSizeError')

=== TEST 37: signed keyword, unsigned chunks
--- config eval: $::unbuffered
--- s3_sign eval: "$::signed 'tamper_body=s/;chunk-signature=\\w+//g'"
--- ignore_response
--- origin_verdict
--- code: refused($t, '400 IncompleteBody')

=== TEST 38: a raw body although the keyword says streaming
--- config eval: $::unbuffered
--- s3_sign eval: ["$::signed framing=none", "$::unsigned framing=none"]
--- more_headers
x-amz-decoded-content-length: 20000
Content-Encoding: aws-chunked
--- request eval: [("PUT /bucket/key") x 2]
--- error_code: 400
--- ignore_response
--- origin_verdict
--- code
stopped($t);

=== TEST 39: trailer signature wrong, missing; value altered; wrong but signed
--- config eval: $::checked_unbuffered
--- s3_sign eval: ["$::trailer 'tamper_body=s/trailer-signature:.{8}/trailer-signature:00000000/'", "$::trailer 'tamper_body=s/x-amz-trailer-signature:\\w+\\r\\n//'", "$::trailer 'tamper_body=s/crc32:.{4}/crc32:AAAA/'", "$::client payload=streaming-trailer chunk=8192 trailer=x-amz-checksum-crc32:AAAAAA=="]
--- request eval: [("PUT /bucket/key") x 4]
--- ignore_response
--- origin_verdict
--- code: refused($t, '403 SignatureDoesNotMatch', '400 IncompleteBody|MalformedTrailerError', '403 SignatureDoesNotMatch', '400 BadDigest')

=== TEST 40: unsigned trailer: announced and absent, sent and not announced, other name
--- config eval: $::unbuffered
--- s3_sign eval: ["$::unsigned 'tamper_body=s/x-amz-checksum-crc32:\\S+\\r\\n//'", "$::client payload=streaming-unsigned 'tamper_body=s/\\r\\n\\z/x-amz-checksum-crc32:AAAAAA==\\r\\n\\r\\n/'", "$::unsigned 'tamper_body=s/crc32:\\S+/sha1:AAAA/'"]
--- request eval: [("PUT /bucket/key") x 3]
--- error_code: 400
--- response_body_like: <Code>(MalformedTrailerError|IncompleteBody)</Code>
--- ignore_response
--- origin_verdict
--- code
stopped($t);

=== TEST 41: x-amz-trailer that is not supported, two of them, without streaming
--- s3_sign eval: ["$::client payload=streaming-unsigned trailer=x-amz-meta-a:b", "$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32,x-amz-checksum-sha1:AAAA", $::client]
--- more_headers eval: ["", "", "x-amz-trailer: x-amz-checksum-crc32"]
--- request eval: [("PUT /bucket/key") x 3]
--- s3_error
400 InvalidRequest
400 InvalidRequest
400 MalformedTrailerError
--- origin_count: b=0

=== TEST 42: streaming on other methods
--- s3_sign eval: ["$::signed", "$::unsigned"]
--- request eval: ["POST /bucket/key?uploads", "GET /bucket/key"]
--- s3_error: 400 InvalidRequest
--- origin_count: b=0

=== TEST 43: ECDSA streaming
--- s3_sign eval: "$::client payload=STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
--- s3_error: 501 NotImplemented
--- origin_count: b=0

=== TEST 44: wrong head signature in unsigned streaming
--- s3_sign: AKIDCLIENT wrong payload=streaming-unsigned trailer=x-amz-checksum-crc32
--- s3_error: 403 SignatureDoesNotMatch
--- origin_count: b=0

=== TEST 45: a body shorter than Content-Length
--- config eval: $::unbuffered
--- s3_sign eval: $::signed
--- send_only: 9000
--- ignore_response
--- origin_verdict
--- code
stopped($t);

=== TEST 46: PUT without a length
--- request: PUT /bucket/key
--- request_body_size eval: undef
--- tamper: s/Content-Length: 0\r\n//
--- s3_error: 411 MissingContentLength
--- origin_count: b=0

=== TEST 48: payload unsigned: frames off, length right, nothing of them in the head
--- http_config eval: $::unwrapping
--- s3_sign eval: [$::signed, $::trailer, $::unsigned]
--- request eval: [("PUT /bucket/key") x 3]
--- error_code: 200
--- code
my @received = $t->received('b');
for (@received) {
    is($_->{body_length}, 20000, 'length');
    unlike($_->{head}, qr/aws-chunked|decoded-content-length|x-amz-trailer/i, 'head');
    like($_->{head}, qr/^x-amz-content-sha256: UNSIGNED-PAYLOAD$/mi, 'payload');
    like($_->{head}, qr/^content-length: 20000$/mi, 'Content-Length');
}

=== TEST 49: payload unsigned: the same unbuffered, without a length, with another coding
--- http_config eval: $::unwrapping
--- config eval: $::unbuffered
--- s3_sign eval: "$::unsigned encoding=gzip,aws-chunked"
--- chunked_body eval: ['a' x 9000, 'b' x 9000, 'tail']
--- request_body_size eval: undef
--- error_code: 200
--- origin_request_like
b: (?i)^content-encoding: gzip$
b: (?i)^content-length: 18004$
--- code
is(($t->received('b'))[0]{body}, 'a' x 9000 . 'b' x 9000 . 'tail', 'body');

=== TEST 50: payload unsigned: the trailer's promise is checked here
--- http_config eval: $::unwrapping
--- config eval: $::unbuffered
--- s3_sign eval: "$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32:AAAAAA=="
--- code: refused($t, '400 BadDigest')

=== TEST 50.1: payload unsigned: likewise of an empty object, whose head alone would store it
--- http_config eval: $::unwrapping
--- config eval: $::unbuffered
--- s3_sign eval: ["$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32:AAAAAQ==", "$::signed tamper_body=s/0;chunk-signature=.{8}/0;chunk-signature=00000000/"]
--- request eval: [("PUT /bucket/key") x 2]
--- request_body_size: 0
--- expect_100
--- code: refused($t, '400 BadDigest', '403 SignatureDoesNotMatch')

=== TEST 51: s3_max_chunk_size: what is larger is refused, what fits is not
--- config eval: ::config(location => 'proxy_request_buffering off; s3_max_chunk_size 64k;')
--- s3_sign eval: ["$::client payload=streaming chunk=65536", "$::client payload=streaming chunk=65537"]
--- request eval: [("PUT /bucket/key") x 2]
--- request_body_size: 200k
--- ignore_response
--- origin_verdict
--- code
is($t->response(0)->{status}, 200, 'fits');
like($t->response(1)->{status}, qr/^4\d\d$/, 'does not fit');
is(scalar(grep { $_->{complete} } $t->received), 1, 'one whole body');

=== TEST 51a: s3_max_chunk_size by default
--- config eval: $::unbuffered
--- s3_sign eval: ["$::client payload=streaming chunk=16777216", "$::client payload=streaming chunk=16777217"]
--- request eval: [("PUT /bucket/key") x 2]
--- request_body_size: 16385k
--- ignore_response
--- origin_verdict
--- code
is($t->response(0)->{status}, 200, '16m fits');
like($t->response(1)->{status}, qr/^4\d\d$/, 'a byte more does not');

=== TEST 52: s3_verify off: signed chunks of anybody are signed for the origin
--- config eval: ::config(location => 'proxy_request_buffering off;') =~ s/s3_verify apps/s3_verify off/r
--- s3_sign: AKIDANYBODY whatever payload=streaming chunk=8192
--- error_code: 200

=== TEST 53: a slow client, a slow origin
--- config eval: $::unbuffered
--- s3_sign eval: $::trailer
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200 body="from b"/200 delay=0.5 body="from b"/r
--- request_body_size: 100k
--- write_size: 5000
--- write_delay: 0.01
--- error_code: 200

=== TEST 54: an upload of 40 MiB does not grow the worker by as much
--- config eval: $::unbuffered
--- s3_sign eval: "$::client payload=streaming chunk=65536"
--- request_body_size: 40m
--- timeout: 60
--- error_code: 200
--- code
my ($worker) = $t->nginx->workers;
open my $status, '<', "/proc/$worker/status" or die $!;
my ($peak) = join('', <$status>) =~ /VmHWM:\s+(\d+)/;
# Under a wrapper (valgrind) the number says nothing.
cmp_ok($peak, '<', 40_000, "peak of the worker: $peak kB") if defined $peak && !$ENV{TEST_NGINX_WRAPPER};

=== TEST 55: bodies in files, in one buffer, with sendfile and threads
--- config eval: ::config(server => 'client_body_buffer_size 1k; sendfile on; location /file/ { client_body_in_file_only clean; s3_verify apps; s3_resign on; proxy_http_version 1.1; proxy_pass http://s3; } location /single/ { client_body_in_single_buffer on; client_body_buffer_size 1m; s3_verify apps; s3_resign on; proxy_http_version 1.1; proxy_pass http://s3; } location /threads/ { aio threads; aio_write on; s3_verify apps; s3_resign on; proxy_http_version 1.1; proxy_pass http://s3; }')
--- s3_sign eval: [$::signed, $::trailer, $::signed, $::unsigned, $::signed]
--- request eval: ["PUT /bucket/key", "PUT /file/key", "PUT /single/key", "PUT /threads/key", "PUT /threads/key"]
--- request_body_size: 300k
--- error_code: 200

=== TEST 56: from a file, after a failover
--- config eval: ::config(server => 'client_body_buffer_size 1k;')
--- s3_sign eval: [$::signed, $::trailer]
--- request eval: [("PUT /bucket/key") x 2]
--- request_body_size: 300k
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) /b: $1 503*2 | /mr
--- error_code: 200
--- response_body: from a

=== TEST 57: several uploads on one connection
--- config eval: $::unbuffered
--- keepalive
--- s3_sign eval: [$::signed, $::trailer, $::unsigned, $::client, $::signed]
--- request eval: [("PUT /bucket/key") x 5]
--- error_code: 200

=== TEST 58: uploads and downloads, pipelined
--- s3_sign eval: [$::signed, $::client, $::trailer, $::client]
--- pipelined_requests eval: ["PUT /bucket/key", "GET /bucket/key", "PUT /bucket/key", "GET /bucket/key"]
--- request_body_size eval: [20000, undef, 20000, undef]
--- error_code: 200
--- origin_count: b=4

=== TEST 59: after a fault in a body the connection ends, and the server lives on
--- config eval: $::unbuffered
--- s3_sign eval: ["$::signed tamper_body=s/0001000/0001001/", $::signed]
--- request eval: [("PUT /bucket/key") x 2]
--- more_headers: Connection: keep-alive
--- error_code: 403 200
--- connection: close keep
--- origin_verdict

=== TEST 60: an origin that closes in the middle of a signed upload
--- config eval: $::unbuffered
--- s3_sign eval: $::signed
--- request_body_size: 1m
--- origins
b: head_only
--- ignore_response
--- code
like($t->response->{status}, qr/^50\d$/, 'said so');

=== TEST 61: what is left of a refused body is no request
--- config eval: $::unbuffered
--- more_headers: Connection: keep-alive
--- s3_sign eval: "$::client payload=streaming chunk=8192 'tamper_body=s/a(\\r\\n2000;.*?\\r\\n).*/qq{b\$1} . qq{\\r\\n} x 30000 . qq{GET \\/evil HTTP\\/1.1\\r\\nHost: x\\r\\n\\r\\n}/se'"
--- request: PUT /bucket/key
--- request_body eval: 'a' x 20000
--- request_body_size eval: undef
--- error_code: 403
--- ignore_response
--- origin_verdict
--- no_access_log: evil

=== TEST 62: nor of one that was refused for its frames, buffered
--- more_headers: Connection: keep-alive
--- s3_sign eval: "$::client payload=streaming chunk=8192 'tamper_body=s/a(\\r\\n2000;.*?\\r\\n).*/qq{b\$1} . qq{\\r\\n} x 30000 . qq{GET \\/evil HTTP\\/1.1\\r\\nHost: x\\r\\n\\r\\n}/se'"
--- request: PUT /bucket/key
--- request_body eval: 'a' x 20000
--- request_body_size eval: undef
--- error_code: 403
--- ignore_response
--- no_access_log: evil
--- origin_count: b=0

=== TEST 63: nor of one that the origin cut short
--- config eval: $::unbuffered
--- more_headers: Connection: keep-alive
--- origins
b: 403 early close_after body="<Error><Code>AccessDenied</Code></Error>"
--- request: PUT /bucket/key
--- request_body eval: 'a' x 20000 . "\r\n" x 30000 . "GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"
--- request_body_size eval: undef
--- ignore_response
--- no_access_log: evil

=== TEST 64: memory of a large chunk and of a refused one brings nothing into the next upload
--- config eval: $::unbuffered
--- s3_sign eval: [("$::client payload=streaming chunk=32768") x 3, "$::client payload=streaming chunk=32768 tamper_body=s/aaaa/aaab/", ("$::client payload=streaming-trailer chunk=32768 trailer=x-amz-checksum-crc32") x 2]
--- request eval: ["PUT /bucket/key", "PUT /bucket/key", "PUT /bucket/key", "PUT /bucket/other", "PUT /bucket/key", "PUT /bucket/key"]
--- request_body eval: ['a' x 40000, 'bcd', 'c' x 50000, 'a' x 65536, 'd' x 45000, 'e' x 20]
--- request_body_size eval: undef
--- ignore_response
--- code
my @texts = map {
    my ($frames, $text) = ($_->{body} // '', '');
    while ($frames =~ /\G([0-9a-f]+);[^\r]*\r\n/gc) {
        my $size = hex $1 or last;
        $text .= substr $frames, pos $frames, $size;
        pos($frames) += $size + 2;
    }
    $text;
} grep { $_->{complete} } $t->received;
my @sent = ('a' x 40000, 'bcd', 'c' x 50000, 'd' x 45000, 'e' x 20);
ok($texts[$_] eq $sent[$_], $t->name("data of upload $_")) for 0 .. $#sent;
is(scalar(@texts), scalar(@sent), $t->name('all but the refused one'));

=== TEST 65: trailers of minio-go, unsigned and signed: the origin gets CRLF, and the length stays
--- s3_sign eval: ["$::unsigned form=minio", "$::trailer form=minio"]
--- request eval: [("PUT /bucket/key") x 2]
--- error_code: 200
--- code
for my $received ($t->received('b')) {
    is($received->{body_length}, ($received->{head} =~ /^content-length: (\d+)$/mi)[0], 'length');
    like($received->{body}, qr/\r\n00(?:;chunk-signature=[0-9a-f]{64})?\r\nx-amz-checksum-crc32:[^\n]*==\r\n/, 'line');
    unlike($received->{body}, qr/==\n/, 'no line feed alone');
}

=== TEST 66: the same unbuffered
--- config eval: $::unbuffered
--- s3_sign eval: ["$::unsigned form=minio", "$::trailer form=minio"]
--- request eval: [("PUT /bucket/key") x 2]
--- error_code: 200
--- code
for my $received ($t->received('b')) {
    is($received->{body_length}, ($received->{head} =~ /^content-length: (\d+)$/mi)[0], 'length');
    like($received->{body}, qr/\r\n00(?:;chunk-signature=[0-9a-f]{64})?\r\nx-amz-checksum-crc32:[^\n]*==\r\n/, 'line');
    unlike($received->{body}, qr/==\n/, 'no line feed alone');
}

=== TEST 67: the same where frames are taken off
--- http_config eval: $::unwrapping
--- config eval: $::unbuffered
--- s3_sign eval: ["$::unsigned form=minio", "$::trailer form=minio"]
--- request eval: [("PUT /bucket/key") x 2]
--- error_code: 200
--- code: is($_->{body_length}, 20000, 'length') for $t->received('b');

=== TEST 68: payload unsigned, unbuffered: an algorithm does not go without its checksum
--- http_config eval: $::unwrapping
--- config eval: $::unbuffered
--- s3_sign eval: $::unsigned
--- more_headers
x-amz-sdk-checksum-algorithm: CRC32
--- error_code: 200
--- origin_request_like
b: (?i)^content-length: 20000$
--- origin_request_unlike
b: (?i)checksum

=== TEST 69: payload unsigned, buffered: both go; and for a part they do unbuffered too, as its upload was begun with them
--- http_config eval: $::unwrapping
--- s3_sign eval: $::unsigned
--- more_headers
x-amz-sdk-checksum-algorithm: CRC32
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-sdk-checksum-algorithm: CRC32$
b: (?i)^x-amz-checksum-crc32: [^ ]+==$

=== TEST 70: the part
--- http_config eval: $::unwrapping
--- config eval: $::unbuffered
--- request: PUT /bucket/key?partNumber=1&uploadId=VXA
--- s3_sign eval: $::unsigned
--- more_headers
x-amz-sdk-checksum-algorithm: CRC32
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-sdk-checksum-algorithm: CRC32$
b: (?i)^x-amz-checksum-crc32: [^ ]+==$

=== TEST 71: lengths that need more than 32 bits, as they are and without frames
--- http_config eval: ::http_config(clients => 'max_object_size 0;', b => 'payload unsigned;')
--- config eval: ::config(location => 'proxy_request_buffering off; s3_resign a; proxy_pass http://%%ORIGIN_A%%;', server => 'location /b/ { s3_verify apps; s3_resign b; proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://%%ORIGIN_B%%; }') =~ s/s3_resign on;|proxy_pass http:\/\/s3;//gr
--- s3_sign eval: [map { ($_) x 2 } "$::client payload=unsigned also=content-length", "$::client payload=streaming chunk=65536 decoded=6442450944 also=content-length"]
--- more_headers
Content-Length: 6451298314
--- request eval: [("PUT /a/key", "PUT /b/key") x 2]
--- request_body_size: 200k
--- send_only: 100000
--- origins eval: $::ORIGINS =~ s/^(\w): (s3=\S+) .*/$1: $2 head_only/mgr
--- ignore_response
--- origin_request_like
a[0]: ^Content-Length: 6451298314$
b[0]: ^Content-Length: 6451298314$
a[1]: ^Content-Length: 6451298314$
a[1]: (?i)^x-amz-decoded-content-length: 6442450944$
b[1]: ^Content-Length: 6442450944$
