# Tests for what an origin's error says about whether another origin is asked: a key that is refused is an outage, and a request to
# slow down is none.

use v5.36;
use lib 't/lib';
use IO::Compress::Gzip qw(gzip);
use MIME::Base64 qw(encode_base64);
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

# An S3 error, as words of a scripted origin.
sub main::error ($code, $more = '') { return qq(header="Content-Type: application/xml" body="<Error><Code>$code</Code>$more</Error>") }

# The scripted origins, `b` doing that and then nothing but well.
sub main::b_first ($words) { return $ORIGINS =~ s/^b: (s3=\S+) /b: $1 $words | /mr }
sub main::both ($words) { return join "\n", map { "$_: $words" } qw(a b) }

sub main::gzipped ($text) {
    gzip(\$text => \my $packed);
    return encode_base64($packed, '');
}

# Two servers, of which the first is left alone for a minute after two failures.
our $COUNTED = clients() . origin_blocks()
    . 'upstream s3 { zone s3 64k; server %%ORIGIN_B%% max_fails=2 fail_timeout=60s; server %%ORIGIN_A%% backup; }';

run_tests();

__DATA__

=== TEST 1: a refused key: the next origin is asked
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- error_code: 200
--- response_body: from a
--- origin_count: a=1 b=1
--- origin_request_like
b: Credential=AKIDORIGINB/
a: Credential=AKIDORIGINA/
--- error_log: s3: origin "b" refused the key that we sign with: InvalidAccessKeyId

=== TEST 2: all that says so
--- origins eval: ::b_first(join ' | ', map { "$_->[0] " . ::error($_->[1]) } [403, 'SignatureDoesNotMatch'], [400, 'ExpiredToken'], [403, 'RequestTimeTooSkewed'], [400, 'AuthorizationHeaderMalformed'], [401, 'Unauthorized'], [403, 'UserSuspended'])
--- request eval: [map { "GET /bucket/key$_" } 1 .. 7]
--- error_code: 200
--- response_body eval: [("from a") x 6, "from b"]
--- origin_count: a=6 b=7

=== TEST 3: an origin that judges by another secret
--- origins
b: s3=AKIDORIGINB:another:eu-west-1 200 body="from b"
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- error_code: 200
--- response_body: from a
--- origin_verdict: b: SignatureDoesNotMatch

=== TEST 4: what a client is refused is its answer
--- origins eval: ::b_first(join ' | ', map { "$_->[0] " . ::error($_->[1]) } [403, 'AccessDenied'], [400, 'InvalidArgument'], [403, 'InvalidObjectState'], [400, 'MissingSecurityHeader'], [404, 'NoSuchKey'])
--- request eval: [map { "GET /bucket/key$_" } 1 .. 5]
--- error_code eval: [403, 400, 403, 502, 404]
--- origin_count: a=0 b=5

=== TEST 5: nobody is left
--- origins eval: ::both('403 ' . ::error('InvalidAccessKeyId'))
--- s3_error: 502 ServiceUnavailable
--- s3_error_like: Message: The origin refused the proxy's credentials.
--- origin_count: a=1 b=1

=== TEST 6: one origin only
--- http_config eval: ::clients() . ::origin_blocks() . 'upstream s3 { server %%ORIGIN_B%%; }'
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- s3_error: 502 ServiceUnavailable
--- s3_error_like: Message: The origin refused the proxy's credentials.
--- origin_count: b=1

=== TEST 7: not where proxy_next_upstream does not say error
--- config eval: ::config() =~ s{error timeout http_503}{http_503}r
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=1

=== TEST 8: off
--- config eval: ::config(location => 's3_next_upstream off;')
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- s3_error: 502 ServiceUnavailable
--- s3_error_like: Message: The origin refused the proxy's credentials.
--- origin_count: a=0 b=1

=== TEST 8.1: off: a 401 is about our key, with and without a body, for a HEAD too
--- config eval: ::config(location => 's3_next_upstream off;')
--- origins eval: ::b_first('401*2 | 401 header="x-minio-error-code: AccessDenied" | 403')
--- request eval: ['GET /bucket/1', 'HEAD /bucket/2', 'HEAD /bucket/3', 'HEAD /bucket/4']
--- error_code eval: [502, 502, 502, 403]
--- origin_count: a=0 b=4

=== TEST 9: the document comes in chunks, slowly, packed, behind much else
--- origins eval: ::b_first(join ' | ', '403 chunked ' . ::error('InvalidAccessKeyId'), '403 chunked slow=0.01 ' . ::error('ExpiredToken'), '403 slow=0.3 ' . ::error('InvalidToken'), '403 header="Content-Encoding: gzip" body_base64=' . ::gzipped('<Error><Code>InvalidAccessKeyId</Code></Error>'), '403 ' . ::error('SignatureDoesNotMatch', '<StringToSign>' . 'x' x 20000 . '</StringToSign>'), '403 body_indent=2000 ' . ::error('NotSignedUp'))
--- request eval: [map { "GET /bucket/key$_" } 1 .. 7]
--- error_code: 200
--- response_body eval: [("from a") x 6, "from b"]
--- origin_count: a=6 b=7

=== TEST 10: a code that stands beyond the buffer is judged as before, and nobody else is asked
--- origins eval: ::b_first('403 body_indent=9000 ' . ::error('InvalidAccessKeyId'))
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=1

=== TEST 11: an end that never comes is the reading's timeout
--- config eval: ::config(location => 'proxy_read_timeout 500ms;')
--- origins eval: ::b_first('403 slow=2 ' . ::error('InvalidAccessKeyId'))
--- error_code: 200
--- response_body: from a

=== TEST 12: without buffering, over keepalive, with a small buffer
--- http_config eval: ::http_config(upstream => 'keepalive 4;')
--- config eval: ::config(location => 'proxy_buffering off; proxy_buffer_size 1k;')
--- origins eval: ::b_first('200 body="from b" | 403 ' . ::error('InvalidAccessKeyId') . ' | 200 body="from b" | 403 ' . ::error('AccessDenied'))
--- request eval: [map { "GET /bucket/key$_" } 1 .. 5]
--- error_code eval: [200, 200, 200, 403, 200]
--- response_body_like eval: ['^from b$', '^from a$', '^from b$', 'AccessDenied', '^from b$']
--- origin_count: a=1 b=5
--- code
is(join(' ', map { $_->{connection} } $t->received('b')), '1 1 2 2 2', 'a connection that brought a refusal is closed');

=== TEST 13: a buffered PUT moves on with its body, in each payload mode
--- origins eval: ::b_first(join ' | ', ('403 ' . ::error('InvalidAccessKeyId')) x 4)
--- s3_sign eval: [map { "$::client $_" } 'payload=hex', 'payload=unsigned', 'payload=streaming', 'payload=streaming-unsigned trailer=x-amz-checksum-crc32']
--- request eval: [map { "PUT /bucket/key$_" } 1 .. 4]
--- request_body_size: 300k
--- error_code: 200
--- response_body: from a
--- origin_count: a=4 b=4

=== TEST 14: an unbuffered PUT that was begun does not move on, and counts as a failure
--- http_config eval: $::COUNTED
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId') . ' | 403 ' . ::error('InvalidAccessKeyId'))
--- request eval: [map { "PUT /bucket/key$_" } 1 .. 4]
--- request_body_size: 300k
--- error_code eval: [502, 502, 200, 200]
--- response_body_like eval: ['ServiceUnavailable', 'ServiceUnavailable', '^from a$', '^from a$']
--- origin_count: a=2 b=2

=== TEST 15: POST is repeated only with non_idempotent
--- config eval: ::config() =~ s/ non_idempotent//r
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- request
POST /bucket/key?uploads
--- s3_error: 502 ServiceUnavailable
--- s3_error_like: Message: The origin refused the proxy's credentials.
--- origin_count: a=0 b=1

=== TEST 16: and then it is
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- request
POST /bucket/key?uploads
--- error_code: 200
--- response_body: from a

=== TEST 17: HEAD says it in a header, or with 401
--- origins eval: ::b_first('403 header="x-minio-error-code: InvalidAccessKeyId" | 401 | 403 header="x-minio-error-code: AccessDenied"')
--- request eval: [map { "HEAD /bucket/key$_" } 1 .. 4]
--- error_code eval: [200, 200, 403, 200]
--- origin_count: a=2 b=4

=== TEST 18: a HEAD without a word is a client's, but for an origin that has just refused the key in words
--- origins eval: ::b_first(join ' | ', '403', '403 ' . ::error('InvalidAccessKeyId'), '403', '403', '200 body="from b"', '403')
--- request eval: ['HEAD /bucket/1', 'GET /bucket/2', 'HEAD /bucket/3', 'HEAD /bucket/4', 'GET /bucket/5', 'HEAD /bucket/6']
--- error_code eval: [403, 200, 200, 200, 200, 403]
--- origin_count: a=3 b=6

=== TEST 19: two refusals, and the origin is left alone
--- http_config eval: $::COUNTED
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId') . ' | 403 ' . ::error('InvalidAccessKeyId'))
--- request eval: [map { "GET /bucket/key$_" } 1 .. 5]
--- error_code: 200
--- response_body: from a
--- origin_count: a=5 b=2

=== TEST 20: tries are counted
--- config eval: ::config(location => '') =~ s/proxy_next_upstream_tries 3/proxy_next_upstream_tries 1/r
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=1

=== TEST 20.1: on a connection that was kept, too: it has answered, and is none that was found closed
--- http_config eval: ::http_config(upstream => 'keepalive 4;')
--- config eval: ::config(location => 'proxy_next_upstream_tries 1;') =~ s/proxy_next_upstream_tries 3;//r
--- origins eval: ::b_first('200 body=first | 403 ' . ::error('InvalidAccessKeyId'))
--- request eval: [("GET /bucket/key") x 2]
--- error_code eval: [200, 502]
--- origin_count: a=0 b=2

=== TEST 21: HTTP/2 clients
--- http2
--- origins eval: ::b_first('403 ' . ::error('InvalidAccessKeyId'))
--- error_code: 200
--- response_body: from a

=== TEST 22: a cache keeps the answer of the next, and gives what it has where nobody is left
--- http_config eval: ::http_config() . 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m;'
--- config eval: ::config(location => 'proxy_cache c; proxy_cache_key $uri; proxy_cache_valid 200 1s; proxy_cache_use_stale error;')
--- origins eval: "b: 403 " . ::error('InvalidAccessKeyId') . "\na: 200 body=kept | 403 " . ::error('InvalidAccessKeyId')
--- error_code: 200
--- response_body: kept
--- code
my $again = $t->send(request => 'GET /bucket/key', s3_sign => $::client);
is($again->{body}, 'kept', 'from the cache');
is(scalar(my @all = $t->received('a')), 1, 'without asking');
sleep 3;
my $stale = $t->send(request => 'GET /bucket/key', s3_sign => $::client);
is("$stale->{status} $stale->{body}", '200 kept', 'stale, for both refuse the key');
is(scalar(@all = $t->received('a')), 2, 'after asking');

=== TEST 23: 503 SlowDown goes to the client
--- origins eval: ::b_first('503 header="Retry-After: 2" ' . ::error('SlowDown'))
--- error_code: 503
--- response_body_like: SlowDown
--- response_headers: Retry-After: 2
--- origin_count: a=0 b=1

=== TEST 24: for a buffered PUT too, and whoever's word it is
--- origins eval: ::b_first(join ' | ', map { '503 ' . ::error($_) } qw(SlowDown SlowDownWrite RequestLimitExceeded))
--- request eval: [map { "PUT /bucket/key$_\nbody" } 1 .. 4]
--- error_code eval: [503, 503, 503, 200]
--- origin_count: a=0 b=4

=== TEST 25: other 503 move on
--- origins eval: ::b_first(join ' | ', '503 ' . ::error('ServiceUnavailable'), '503 ' . ::error('InternalError'), '503 body="<html>busy</html>"', '503', '503 chunked body="<html>busy</html>"')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 6]
--- error_code: 200
--- response_body eval: [("from a") x 5, "from b"]
--- origin_count: a=5 b=6

=== TEST 26: two that ask to slow down leave the origin in use
--- http_config eval: $::COUNTED
--- origins eval: ::b_first(join ' | ', ('503 ' . ::error('SlowDown')) x 3)
--- request eval: [map { "GET /bucket/key$_" } 1 .. 5]
--- error_code eval: [503, 503, 503, 200, 200]
--- origin_count: a=0 b=5

=== TEST 27: unless the configuration asks otherwise
--- config eval: ::config(location => 's3_next_upstream slow_down refused_key;')
--- origins eval: ::b_first('503 ' . ::error('SlowDown') . ' | 403 ' . ::error('InvalidAccessKeyId'))
--- request eval: [map { "GET /bucket/key$_" } 1 .. 3]
--- error_code: 200
--- response_body eval: ["from a", "from a", "from b"]

=== TEST 28: HEAD says it in a header; without a word it is a 503 like others
--- origins eval: ::b_first('503 | 503 header="x-minio-error-code: SlowDownRead"')
--- request eval: [map { "HEAD /bucket/key$_" } 1 .. 3]
--- error_code eval: [200, 503, 200]
--- origin_count: a=1 b=3

=== TEST 29: values
--- config eval: ::config(location => "\ns3_next_upstream refused_key refused_key; # HERE\n")
--- nginx_conf_fails
duplicate value "refused_key".*%%HERE%%

=== TEST 30: no such value
--- config eval: ::config(location => "\ns3_next_upstream off slow_down; # HERE\n")
--- nginx_conf_fails
invalid value "off".*%%HERE%%

=== TEST 31: twice
--- config eval: ::config(location => "s3_next_upstream off;\ns3_next_upstream slow_down; # HERE\n")
--- nginx_conf_fails
"s3_next_upstream" directive is duplicate.*%%HERE%%

=== TEST 32: an answer that ends too soon moves on
--- origins eval: ::b_first('403 truncate ' . ::error('AccessDenied', '<Message>') =~ s/<Code>.*//r . '"')
--- error_code: 200
--- response_body: from a

=== TEST 33: a refusal that comes before the body has gone, unbuffered
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- origins eval: ::b_first('403 early ' . ::error('InvalidAccessKeyId'))
--- request
PUT /bucket/key
--- request_body_size: 3m
--- s3_error: 502 ServiceUnavailable
--- s3_error_like: Message: The origin refused the proxy's credentials.
--- origin_count: a=0 b=1

=== TEST 34: what a client's own request may bring about is no outage
--- http_config eval: $::COUNTED
--- origins eval: ::b_first(join ' | ', map { '400 ' . ::error($_) } qw(InvalidRegion InvalidBucketOwnerAWSAccountID))
--- request eval: [map { "GET /bucket/key$_" } 1 .. 3]
--- error_code eval: [502, 502, 200]
--- origin_count: a=0 b=3

=== TEST 35: a HEAD without a word, of an origin that has just asked for fewer requests
--- http_config eval: $::COUNTED
--- origins eval: ::b_first(join ' | ', '503 ' . ::error('SlowDown'), '503', '503', '503', '200 body="from b"', '503', '503')
--- request eval: ['GET /bucket/1', 'HEAD /bucket/2', 'HEAD /bucket/3', 'HEAD /bucket/4', 'GET /bucket/5', 'HEAD /bucket/6']
--- error_code eval: [503, 503, 503, 503, 200, 503]
--- origin_count: a=0 b=6
--- code
# One that throttles answers some requests well.
select undef, undef, undef, 5.2;
is($t->send(request => 'HEAD /bucket/7')->{status}, 200, 'after five seconds a 503 without a word is like others');
