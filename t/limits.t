# Tests for limits of each client: limit_req, limit_conn and limit_rate by $s3_access_key and $s3_client, which are known to what runs
# before the access phase, where they are asked for.

use v5.36;
use lib 't/lib';
use POSIX ();
use S3Proxy::Setup;
use S3Proxy::Test;

our ($one, $other, $wrong) = ($CLIENT, 'AKIDOTHER other/Secret+Key=', 'AKIDCLIENT wrong');
$S3Proxy::Check::NEVER_SENT{AKIDOTHER} = 'the other client key id';
$S3Proxy::Check::NEVER_SHOWN{'other/Secret+Key='} = 'a secret';

# The second request of a minute is refused.
sub limited ($key, %option) {
    my $keys = 'key AKIDOTHER other/Secret+Key=; ' . ($option{clients} // '');
    return http_config(clients => $keys, more => "limit_req_zone $key zone=z:1m rate=1r/m; " . ($option{more} // ''));
}

our $log = q(log_format who '[$status $s3_access_key $s3_auth $s3_client $s3_error_code]';);

# What the access log says, once there are as many lines as there were requests.
sub main::logged ($t) {
    my @lines;
    for (1 .. 100) {
        @lines = $t->nginx->log('access.log') =~ /\[(.*)\]/g;
        last if @lines >= @{ $t->{requests} };
        select undef, undef, undef, 0.01;
    }
    return @lines;
}

# How often the error log has the line of a refused signature.
sub main::refusals ($t) { return scalar(() = $t->nginx->log =~ /s3: refused: /g) }

default_sections(
    config  => config(location => 'limit_req zone=z;'),
    origins => $ORIGINS,
    s3_sign => $CLIENT,
    request => 'GET /bucket/key',
    fresh   => '',
);

run_tests();

__DATA__

=== TEST 1: limit_req by $s3_access_key: each client has its own
--- http_config eval: ::limited('$s3_access_key')
--- s3_sign eval: [$::one, $::one, $::other, $::other]
--- request eval: [("GET /bucket/key") x 4]
--- error_code eval: [200, 503, 200, 503]
--- origin_count: b=2

=== TEST 2: what is refused has no key, and so no limit by it
--- http_config eval: ::limited('$s3_access_key')
--- s3_sign eval: [$::wrong, $::wrong, '', $::one, $::one]
--- request eval: [("GET /bucket/key") x 5]
--- error_code eval: [403, 403, 403, 200, 503]
--- code
is(refusals($t), 3, 'each is verified once, and said once');

=== TEST 3: limit_req by $s3_client: refusals count by address, and no client's limit with them
--- http_config eval: ::limited('$s3_client')
--- s3_sign eval: [$::wrong, $::wrong, '', $::one, $::one, $::other]
--- request eval: [("GET /bucket/key") x 6]
--- error_code eval: [403, 503, 503, 200, 503, 200]
--- origin_count: b=2

=== TEST 4: what a stranger claims is nobody's limit: he can use up nobody's share
--- http_config eval: ::limited('$s3_access_key')
--- s3_sign eval: [($::wrong) x 5, $::one]
--- request eval: [("GET /bucket/key") x 6]
--- error_code eval: [403, 403, 403, 403, 403, 200]

=== TEST 5: a grant that lacks is a refusal, counted by address
--- http_config eval: ::limited('$s3_client', clients => 'file clients.json;')
--- files
>>> conf/clients.json
{ "clients": [ { "access_key": "AKIDLESS", "secret_key": "less/Secret+Key=", "grants": [] } ] }
--- s3_sign eval: ['AKIDLESS less/Secret+Key=', 'AKIDLESS less/Secret+Key=', $::one]
--- request eval: [("GET /bucket/key") x 3]
--- error_code eval: [403, 503, 200]

=== TEST 6: the body is checked as ever: signed chunks, buffered and not
--- http_config eval: ::limited('$s3_client') =~ s{1r/m}{100r/s}r
--- config eval: ::config(location => 'limit_req zone=z burst=100; s3_verify_payload on;', server => 'location /unbuffered/ { s3_verify apps; s3_resign on; s3_verify_payload on; proxy_http_version 1.1; proxy_request_buffering off; limit_req zone=z burst=100; proxy_pass http://s3; }')
--- s3_sign eval: [map { ($_, "$_ payload=streaming", "$_ payload=streaming tamper_body=s/hello/jello/", "$_ tamper_body=s/hello/jello/") } ($::one) x 2]
--- request eval: [(map { ("PUT /$_/key\nhello") x 4 } qw(bucket unbuffered))]
--- error_code eval: [(200, 200, 403, 400) x 2]

=== TEST 7: a delayed request waits, and is verified once
--- http_config eval: ::limited('$s3_access_key') =~ s{1r/m}{5r/s}r
--- config eval: ::config(location => 'limit_req zone=z burst=5;')
--- s3_sign eval: [$::one, $::one]
--- request eval: [("PUT /bucket/key\nhello") x 2]
--- error_code: 200
--- origin_count: b=2
--- error_log: delaying request

=== TEST 8: limit_conn: one download at a time for each client
--- http_config eval: ::http_config(clients => 'key AKIDOTHER other/Secret+Key=;', more => 'limit_conn_zone $s3_access_key zone=z:1m;')
--- config eval: ::config(location => 'limit_conn z 1;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) /b: $1 delay=1 /mr
--- code
my $child = fork // die "fork: $!";
if (!$child) {
    my $response = $t->send(request => 'GET /bucket/key', s3_sign => $::one);
    POSIX::_exit($response->{status} == 200 ? 0 : 1);
}
select undef, undef, undef, 0.3;
my $refused = $t->send(request => 'GET /bucket/key', s3_sign => $::one);
is($refused->{status}, 503, 'a second one meanwhile');
like($refused->{body}, qr/<Code>SlowDown</, 'in S3\'s words');
is($t->send(request => 'GET /bucket/key', s3_sign => $::other)->{status}, 200, 'the other client');
waitpid $child, 0;
is($?, 0, 'the first one');
is($t->send(request => 'GET /bucket/key', s3_sign => $::one)->{status}, 200, 'afterwards');

=== TEST 9: limit_rate for each key
--- http_config eval: ::http_config(clients => 'key AKIDOTHER other/Secret+Key=;', more => 'map $s3_access_key $rate { default 0; AKIDCLIENT 20k; }')
--- config eval: ::config(location => 'limit_rate $rate;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 200 body_bytes=80000/mr
--- s3_sign eval: [$::other]
--- code
require Time::HiRes;
my %seconds;
for my $name ($::one, $::other) {
    my $start = Time::HiRes::time();
    my $response = $t->send(request => 'GET /bucket/key', s3_sign => $name);
    is(length $response->{body}, 80_000, 'all of it');
    $seconds{$name} = Time::HiRes::time() - $start;
}
cmp_ok($seconds{$::one}, '>', 1.5, 'the limited client waits');
cmp_ok($seconds{$::other}, '<', 0.9, 'the other one does not');

=== TEST 10: the log knows whom a limit refused, and asks for nothing where the limit is by address
--- http_config eval: ::limited('$s3_access_key', more => $::log . 'limit_req_zone $binary_remote_addr zone=address:1m rate=1r/m;')
--- config eval: ::config(server => 'access_log logs/access.log who; location /address/ { limit_req zone=address; add_header X-Key "[$s3_access_key]" always; s3_verify apps; s3_resign on; proxy_pass http://s3; }', location => 'limit_req zone=z;')
--- s3_sign eval: [$::one, $::one, $::wrong, $::one, $::one, $::wrong]
--- request eval: [("GET /bucket/key") x 3, ("GET /address/key") x 3]
--- error_code eval: [200, 503, 403, 200, 503, 503]
--- code
is_deeply([logged($t)], [
    '200 AKIDCLIENT header AKIDCLIENT -', '503 AKIDCLIENT header AKIDCLIENT SlowDown', '403 - - 127.0.0.1 SignatureDoesNotMatch',
    '200 AKIDCLIENT header AKIDCLIENT -', '503 - - 127.0.0.1 SlowDown', '503 - - 127.0.0.1 SlowDown',
], 'who it was');
is(refusals($t), 1, 'what the address limit refuses is not verified');
is_deeply([map { S3Proxy::Http::header($_, 'X-Key') } @{ $t->{responses} }[3 .. 5]], ['[AKIDCLIENT]', '[]', '[]'], 'nor for a header of the answer');

=== TEST 11: before its location is settled nobody is known, and nothing is verified
--- http_config eval: ::limited('$s3_access_key', clients => '', more => 's3_clients others { key AKIDNOBODY nobody/Secret+Key=; }')
--- config eval: ::config(server => 's3_verify others; if ($s3_access_key) { return 418; } rewrite ^/first/(.*) /second/$1; location /first/ { return 418; }', location => 'set $early "[$s3_access_key$s3_auth]"; limit_req zone=z; add_header X-Early $early always;')
--- s3_sign eval: [$::one, $::one, 'AKIDNOBODY nobody/Secret+Key=']
--- request eval: [("GET /first/key") x 3]
--- error_code eval: [200, 503, 403]
--- response_headers
X-Early: []

=== TEST 12: `map` before the limit, by names of clients
--- http_config eval: ::limited('$kind', more => 'map $s3_access_key $kind { default $s3_client; AKIDOTHER ""; }')
--- s3_sign eval: [$::one, $::one, $::other, $::other]
--- request eval: [("GET /bucket/key") x 4]
--- error_code eval: [200, 503, 200, 200]

=== TEST 12.1: a `map` that was asked before the location is settled keeps its empty value, unless it says volatile
--- http_config eval: ::limited('$kept', more => 'map $s3_access_key $kept { default $s3_access_key; } map $s3_access_key $asked { volatile; default $s3_access_key; }')
--- config eval: ::config(server => 'set $early "$kept$asked";', location => 'limit_req zone=z; add_header X-Kept "[$kept]"; add_header X-Asked "[$asked]";')
--- s3_sign eval: [$::one, $::one]
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 200
--- response_headers
X-Kept: []
X-Asked: [AKIDCLIENT]

=== TEST 13: presigned, and Signature Version 2
--- http_config eval: ::limited('$s3_access_key', clients => 'signature_v2 on;')
--- s3_sign eval: ["$::one presign=900", "$::one v2=1", "$::other v2=1 presign=900", $::other]
--- request eval: [("GET /bucket/key") x 4]
--- error_code eval: [200, 503, 200, 503]

=== TEST 14: over HTTP/2
--- http2
--- http_config eval: ::limited('$s3_client')
--- s3_sign eval: [$::one, $::one, $::other, $::wrong, $::wrong]
--- request eval: [("GET /bucket/key") x 5]
--- error_code eval: [200, 503, 200, 403, 503]

=== TEST 15: s3_verify off, and a location of nobody's: by address
--- http_config eval: ::limited('$s3_client', more => $::log)
--- config
access_log logs/access.log who;
location / { limit_req zone=z; s3_verify off; s3_resign on; proxy_pass http://s3; }
location /static { return 200 "[$s3_access_key$s3_auth] $s3_client"; }
location /none { s3_verify apps; return 204; }
--- s3_sign
--- request eval: ["GET /bucket/key", "GET /bucket/key", "GET /static"]
--- error_code eval: [200, 503, 200]
--- code
is_deeply([logged($t)], ['200 - none 127.0.0.1 -', '503 - - 127.0.0.1 SlowDown', '200 - - 127.0.0.1 -'], 'log');

=== TEST 15.1: nor is whoever asks s3_health
--- http_config eval: ::limited('$s3_client')
--- config eval: ::config(server => 's3_verify apps; location = /healthz { limit_req zone=z burst=5 nodelay; s3_health b=/p/b; } location /p/ { internal; s3_verify off; s3_resign b; proxy_method HEAD; proxy_pass http://%%ORIGIN_B%%/bucket; }')
--- s3_sign
--- request: GET /healthz
--- error_code: 200
--- no_error_log: s3: refused

=== TEST 16: a preflight is nobody's
--- http_config eval: ::limited('$s3_client')
--- config eval: ::config(location => 'limit_req zone=z; s3_cors_preflight on;')
--- s3_sign eval: ['', '', $::one]
--- request eval: ["OPTIONS /bucket/key", "OPTIONS /bucket/key", "GET /bucket/key"]
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: GET
--- origins eval: "b: 200"
--- error_code eval: [200, 503, 200]

=== TEST 17: satisfy any: what an address lets in is counted by the key that it has, and a bad signature by address
--- http_config eval: ::limited('$s3_client')
--- config eval: ::config(location => 'limit_req zone=z; satisfy any; allow 127.0.0.1; deny all;')
--- s3_sign eval: [$::one, $::one, $::wrong, $::wrong]
--- request eval: [("GET /bucket/key") x 4]
--- error_code eval: [200, 503, 502, 503]
--- error_log: s3: refused
--- code
is(refusals($t), 2, 'each is verified once');

=== TEST 18: satisfy all with an address that is denied
--- http_config eval: ::limited('$s3_client')
--- config eval: ::config(location => 'limit_req zone=z; deny 127.0.0.1;')
--- s3_sign eval: [$::one, $::one]
--- request eval: [("GET /bucket/key") x 2]
--- error_code eval: [403, 503]

=== TEST 19: auth_request, which asks in a subrequest, also where satisfy any lets it be asked after a refusal
--- http_config eval: ::limited('$s3_client')
--- config eval: ::config(server => 'location = /auth { internal; limit_req zone=z; proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Key "$s3_access_key/$s3_client"; proxy_pass http://%%ORIGIN_A%%; }', location => 'satisfy any; auth_request /auth;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^a: .*/a: 403/mr
--- s3_sign eval: [$::one, $::wrong, $::wrong]
--- request eval: [("GET /bucket/key") x 3]
--- error_code eval: [200, 403, 403]
--- client_key_sent
--- origin_count: a=1 b=1
--- origin_request_like
a: ^X-Key: /127\.0\.0\.1\r?$
--- code
is(refusals($t), 2, 'each is verified once');

=== TEST 20: mirror, whose subrequest has the key of the request that it serves
--- http_config eval: ::limited('$s3_access_key')
--- config eval: ::config(server => 'location = /copy { internal; limit_req zone=z; proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Key "$s3_access_key"; proxy_pass http://%%ORIGIN_A%%; }', location => 'mirror /copy;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^a: .*/a: 200/mr
--- s3_sign eval: [$::one, $::one]
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 200
--- client_key_sent
--- code
is(scalar($t->received('a')), 1, 'the mirror is limited');
like(($t->received('a'))[0]{head}, qr/^X-Key: AKIDCLIENT\r?$/m, 'by its key');

=== TEST 21: error_page of a limit to a location of nobody's, and to one that is verified anew
--- http_config eval: ::limited('$s3_access_key', more => $::log)
--- config eval: ::config(server => 'access_log logs/access.log who; error_page 503 = @busy; location @busy { return 429; } location /again/ { s3_verify apps; s3_resign on; limit_req zone=z; error_page 503 = @again; proxy_http_version 1.1; proxy_pass http://s3; } location @again { s3_verify apps; s3_resign on; limit_req zone=z burst=10 nodelay; proxy_http_version 1.1; proxy_pass http://s3; }', location => 'limit_req zone=z;')
--- s3_sign eval: [$::one, $::one, $::one, $::wrong]
--- request eval: [("GET /bucket/key") x 2, ("GET /again/key") x 2]
--- error_code eval: [200, 429, 200, 403]
--- origin_count: b=2
--- code
is(refusals($t), 1, 'the refused one goes to no other location');

=== TEST 22: with a fallback after an origin's 404, whose location has a limit of its own
--- http_config eval: ::limited('$s3_access_key')
--- config eval: ::config(server => 'location @old { s3_verify apps; s3_resign on; limit_req zone=z; proxy_pass http://%%ORIGIN_A%%; }', location => 'proxy_intercept_errors on; error_page 404 = @old;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 404/mr
--- s3_sign eval: [$::one, $::one, $::other]
--- request eval: [("GET /bucket/key") x 3]
--- error_code eval: [200, 503, 200]
