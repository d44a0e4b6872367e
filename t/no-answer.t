# Tests for requests that no origin answers, because its connection cannot be made
# or breaks: 503, after which S3's clients try again. 502 is for who does answer.

use v5.36;
use lib 't/lib';
use Time::HiRes ();
use S3Proxy::Setup;
use S3Proxy::Test;

our $logged = http_config(more => 'log_format l "$status $upstream_status"; access_log logs/status.log l;');
our $client = $CLIENT;
our @each   = map { "$_ /bucket/key" } 'GET', 'HEAD', 'DELETE';

# Only b is there to be asked, and fails in this way.
sub main::failing ($words) { return $ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 $words/mr =~ s/^a: .*/a: refuse/mr }

# The last lines of logs/status.log, which nginx may write after the client has its answer.
sub main::statuses ($t, $count) {
    my @lines;
    for (1 .. 100) {
        @lines = split /\n/, $t->nginx->log('status.log');
        last if @lines >= $count;
        select undef, undef, undef, 0.05;
    }
    return @lines >= $count ? @lines[-$count .. -1] : @lines;
}

default_sections(
    http_config => $logged,
    config      => config(),
    s3_sign     => $CLIENT,
    origins     => $ORIGINS,
);

run_tests();

__DATA__

=== TEST 1: nobody listens
--- fresh
--- origins
a: refuse
b: refuse
--- request eval: [@::each, "PUT /bucket/key\nhello", "POST /bucket/key?uploads"]
--- s3_error: 503 ServiceUnavailable
--- code
like($_, qr/^503 502/, "the log has both: $_") for ::statuses($t, 5);

=== TEST 2: connections that are closed at once, after the request, reset, left with half of it unread
--- origins eval: ::failing(join ' | ', map { ($_) x 3 } qw(accept_close close reset head_only))
--- request eval: [(@::each) x 4]
--- s3_error: 503 ServiceUnavailable

=== TEST 3: over HTTP/2
--- http2
--- origins eval: ::failing('reset')
--- request eval: ["GET /bucket/key", "DELETE /bucket/key", "PUT /bucket/key\nhello"]
--- s3_error: 503 ServiceUnavailable

=== TEST 4: TLS that cannot be had
--- http_config eval: S3Proxy::Setup::tls_blocks() . S3Proxy::Setup::tls_upstream()
--- config eval: ::config(scheme => 'https')
--- origins eval: S3Proxy::Setup::tls_origins('evil.example', 'evil.example')
--- request eval: [@::each, "PUT /bucket/key\nhello"]
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 5: an upload that cannot be repeated, its connection reset half way
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- origins eval: $::ORIGINS =~ s/^b: (s3=\S+) /b: $1 head_only | /mr
--- s3_sign eval: ["$::client payload=unsigned", map { "$::client payload=$_" } "streaming chunk=65536", "streaming-trailer trailer=x-amz-checksum-crc32", "streaming-unsigned trailer=x-amz-checksum-crc32"]
--- request eval: ["PUT /bucket/key"]
--- request_body_size: 24m
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=0 b=1

=== TEST 6: no server is in order
--- http_config eval: ::clients() . ::origin_blocks() . 'upstream s3 { server %%ORIGIN_A%% down; server %%ORIGIN_B%% down; }'
--- request eval: [@::each]
--- s3_error: 503 ServiceUnavailable

=== TEST 7: an origin's own 502 is its answer, intercepted or not
--- config eval: ::config(server => 'location /i/ { s3_verify apps; s3_resign on; proxy_intercept_errors on; error_page 502 /none; proxy_pass http://s3; }')
--- origins eval: ::failing('502*2 body="from b"')
--- request eval: ["GET /bucket/key", "GET /i/key"]
--- error_code: 502
--- response_body_like eval: ["^from b\$", "<Code>ServiceUnavailable<"]

=== TEST 8: a 502 of the configuration, after an answer or without one
--- config eval: ::config(server => 'location @no { return 502; } location /r/ { s3_verify apps; return 502; } location /p/ { s3_verify apps; s3_resign on; proxy_intercept_errors on; error_page 404 @no; proxy_pass http://s3; }')
--- origins eval: ::failing('404')
--- request eval: ["GET /r/key", "GET /p/key"]
--- s3_error eval: ['502 ServiceUnavailable', '404 NoSuchKey']

=== TEST 9: an origin whose key was refused, and none beside it
--- http_config eval: $::logged =~ s/server %%ORIGIN_A%% backup;//r
--- origins eval: $::ORIGINS =~ s{^b: (s3=\S+) .*}{b: $1 403 body="<Error><Code>InvalidAccessKeyId</Code></Error>"}mr
--- request eval: [@::each]
--- error_code: 502

=== TEST 10: error_page knows nginx's status: pages and fallbacks for 502
--- config eval: ::config(location => 'error_page 502 @f;', server => 'location @f { s3_verify off; return 200 "fallback"; }')
--- origins
a: refuse
b: refuse
--- request eval: ["GET /bucket/key"]
--- error_code: 502
--- response_body: fallback

=== TEST 11: a cache keeps that it failed, not the document
--- http_config eval: ::http_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m;')
--- config eval: ::config(location => 'proxy_cache c; proxy_cache_valid any 1h; proxy_cache_key $uri;')
--- origins
a: refuse
b: refuse
--- request eval: [("GET /bucket/key") x 2]
--- s3_error: 503 ServiceUnavailable
--- code
isnt($t->{responses}[0]{headers}, $t->{responses}[1]{headers}, 'answers of their own');

=== TEST 12: stale objects come first
--- http_config eval: ::http_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m;')
--- config eval: ::config(location => 'proxy_cache c; proxy_cache_key $uri; proxy_cache_use_stale error;')
--- origins eval: ::failing('200 body=first header="Cache-Control: max-age=1" | reset')
--- request eval: ["GET /bucket/key"]
--- response_body: first
--- code
Time::HiRes::sleep(2.1);
my ($response) = $t->send(request => 'GET /bucket/key', s3_sign => $::client);
is("$response->{status} $response->{body}", '200 first', 'while the origin resets');

=== TEST 13: verified and not signed anew
--- config eval: ::config() =~ s/s3_resign on;//r
--- origins
a: refuse
b: refuse
--- request eval: [@::each]
--- s3_error: 503 ServiceUnavailable
