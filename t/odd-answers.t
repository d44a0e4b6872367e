# Tests for answers that do not begin as nginx thinks that they do: with interim responses (RFC 9110, 15.2), with another protocol, with
# what is no HTTP at all.

use v5.36;
use lib 't/lib';
use MIME::Base64 qw(encode_base64);
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes ();

our $client = $CLIENT;
our $cache  = http_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m;');
our $caching = 'proxy_cache c; proxy_cache_key $s3_cache_key; add_header X-Cache $upstream_cache_status always;';
our @each = ("GET /bucket/key", "HEAD /bucket/key", "DELETE /bucket/key", "PUT /bucket/key\nhello");

# What b says in the place of a response.
our @no_http = (
    "\x15\x03\x01\0\x02\x02F", "hello", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 000 None\r\n\r\n",
    "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\n\r\nhello"
);

# Origins of which b answers in these words.
sub main::words (@words) { my $words = join ' | ', @words; return $ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 $words/mr }

sub main::raw (@answers) { return ::words(map { 'raw_base64=' . encode_base64($_, '') } @answers) }

sub main::until_log ($t, $like) {
    for (1 .. 100) {
        return 1 if $t->nginx->log('status.log') =~ $like;
        Time::HiRes::sleep(0.02);
    }
    return 0;
}

default_sections(
    http_config => http_config(),
    config      => config(),
    s3_sign     => $CLIENT,
    origins     => $ORIGINS,
);

run_tests();

__DATA__

=== TEST 1: interim responses are no answer
--- origins eval: ::words(map { ("200 interim=$_ body=whole") x 4 } '100', '103', '102,103,100')
--- request eval: [(@::each) x 3]
--- error_code: 200
--- response_headers: !Link
--- code
is(scalar(grep { $_->{body} eq 'whole' } @{ $t->{responses} }), 9, 'and all but those to HEAD have their bodies');

=== TEST 2: they come while an upload is under way
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- origins eval: ::words('200 interim=100,103')
--- s3_sign eval: ["$::client payload=unsigned", map { "$::client payload=$_" } "streaming chunk=65536", "streaming-trailer trailer=x-amz-checksum-crc32", "streaming-unsigned trailer=x-amz-checksum-crc32"]
--- request eval: [("PUT /bucket/key") x 4]
--- request_body_size: 200k
--- error_code: 200
--- origin_count: b=4

=== TEST 3: what follows them decides whether another origin is asked
--- fresh
--- origins eval: ::words('503*4 interim=103', '403*4 interim=103 body="<Error><Code>InvalidAccessKeyId</Code></Error>"') =~ s/^a: (s3=\S+).*/a: $1 200/mr
--- request eval: [(@::each) x 2]
--- error_code: 200
--- origin_count: a=8 b=8

=== TEST 4: a connection that brought them is kept
--- http_config eval: ::http_config(upstream => 'keepalive 4;')
--- origins eval: ::words('200 interim=103')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 4]
--- error_code: 200
--- code
is(join(' ', map { $_->{connection} } $t->received('b')), '1 1 1 1', 'one connection');

=== TEST 5: a cache has the response and nothing of them
--- http_config eval: $::cache
--- config eval: ::config(location => "$::caching proxy_cache_valid 200 1h;")
--- origins eval: ::words('200 interim=103,100 body=whole')
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 200
--- response_body: whole
--- response_headers eval: ["X-Cache: MISS\n!Link", "X-Cache: HIT\n!Link"]

=== TEST 6: a stale object is confirmed by what follows them
--- http_config eval: $::cache
--- config eval: ::config(location => "$::caching proxy_cache_revalidate on; proxy_cache_valid 200 304 1s;")
--- origins eval: ::words('200 interim=103 body=whole header="ETag: \"x\""', '304 interim=103 header="ETag: \"x\""')
--- request: GET /bucket/stale
--- response_body: whole
--- code
Time::HiRes::sleep(2.1);
my ($response) = $t->send(request => 'GET /bucket/stale', s3_sign => $::client);
is("$response->{status} $response->{body}", '200 whole', 'the stored object');
like($response->{head}, qr/^X-Cache: REVALIDATED\b/m, 'confirmed');

=== TEST 7: what is no HTTP is no answer: the next origin is asked
--- fresh
--- origins eval: ::raw(map { ($_) x 4 } @::no_http)
--- request eval: [(@::each) x @::no_http]
--- error_code: 200
--- origin_count eval: 'a=' . 4 * @::no_http . ' b=' . 4 * @::no_http
--- error_log: upstream sent what is no response of HTTP/1

=== TEST 8: and where nobody is left, a 503
--- http_config eval: ::http_config() =~ s/server %%ORIGIN_A%% backup;//r
--- origins eval: ::raw(@::no_http)
--- request eval: [map { ($_) x @::no_http } "GET /bucket/key", "PUT /bucket/key\nhello", "POST /bucket/key?uploads"]
--- s3_error: 503 ServiceUnavailable

=== TEST 9: over HTTP/2
--- http2
--- origins eval: ::words('200 interim=103 body=whole')
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 200
--- response_body: whole

=== TEST 10: a cache keeps nothing of it
--- http_config eval: $::cache
--- config eval: ::config(location => "$::caching proxy_cache_valid any 1h;")
--- origins eval: ::raw('hello') =~ s/^a: (s3=\S+).*/a: $1 200 body=whole header="Cache-Control: no-store"/mr
--- request eval: [("GET /bucket/other") x 2]
--- response_body: whole
--- response_headers eval: [("X-Cache: MISS") x 2]
--- origin_count: a=2 b=2

=== TEST 11: a head that is too large is of one answer: the origin stays in use
--- fresh
--- http_config eval: ::http_config() =~ s/max_fails=0/max_fails=1/r
--- config eval: ::config(location => 'proxy_buffer_size 4k; proxy_cache off;', server => 'location /next/ { s3_verify apps; s3_resign on; proxy_buffer_size 4k; proxy_next_upstream invalid_header; proxy_pass http://s3; }')
--- origins eval: ::words(('200*5 header="Content-Disposition: ' . 'x' x 5000 . '"'), '200 body=whole', '200 header="Content-Disposition: ' . 'x' x 5000 . '"')
--- request eval: ["GET /bucket/key", "HEAD /bucket/key", "PUT /bucket/key\nhello", "POST /bucket/key?uploads", "GET /bucket/key", "GET /bucket/key", "GET /next/key"]
--- error_code: 502 502 502 502 502 200 200
--- response_body_like eval: [('<Code>ServiceUnavailable<|^$') x 5, '^whole$', '^from a$']
--- origin_count: a=1 b=7
--- error_log: the head of the origin's answer is larger than

=== TEST 11.1: error_page has nginx's 500 for it, the log what the client got
--- fresh
--- http_config eval: ::http_config(more => 'log_format l "[$status $upstream_status]"; access_log logs/status.log l;')
--- config eval: ::config(location => 'proxy_buffer_size 4k;', server => 'location /page/ { s3_verify apps; s3_resign on; proxy_buffer_size 4k; error_page 502 =202 @no; error_page 500 =201 @yes; proxy_pass http://s3; } location @yes { return 200; } location @no { return 200; }')
--- origins eval: ::words('200*2 header="Content-Disposition: ' . 'x' x 5000 . '"')
--- request eval: ["GET /bucket/key", "GET /page/key"]
--- error_code eval: [502, 201]
--- code
ok(until_log($t, qr/\[201 200\]/), 'logged');
is_deeply([$t->nginx->log('status.log') =~ /\[(.*?)\]/g], ['502 200', '201 200'], 'as it went out');

=== TEST 12: or a cache has an older one, where it is told to take that
--- http_config eval: $::cache
--- config eval: ::config(location => "$::caching proxy_buffer_size 4k; proxy_cache_valid 200 1s; proxy_cache_use_stale error invalid_header;")
--- origins eval: ::words('200 body=whole', '200 header="Content-Disposition: ' . 'x' x 5000 . '"')
--- request: GET /bucket/large
--- response_body: whole
--- code
Time::HiRes::sleep(2.1);
my ($response) = $t->send(request => 'GET /bucket/large', s3_sign => $::client);
is("$response->{status} $response->{body}", '200 whole', 'the stored object');
