# Tests for the promise that nothing leaves a location with s3_resign unsigned by us: each way by which nginx starts an
# upstream, to a host that the request names and the configuration does not. The origin must not see a byte.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

# nginx.org's own idiom for a mirror, with the signature asked for.
our $unknown = 's3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%$request_uri;';
our $settings = 'client_max_body_size 0;';

# A location / that is signed for b, and `$more` in it; `$beside` beside it.
sub main ($more, $beside) {
    return "$settings location / { s3_verify apps; s3_resign on; $more proxy_pass http://s3; } $beside";
}

default_sections(
    http_config => http_config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => ['GET /bucket/key', "PUT /bucket/key\nhello"],
    error_log   => 'which is no upstream of the configuration',
);

run_tests();

__DATA__

=== TEST 1: the client's own request
--- config eval: "$::settings location / { $::unknown }"
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 2: mirror
--- config eval: ::main('mirror /m;', "location = /m { internal; $::unknown }")
--- error_code: 200
--- origin_count: a=0 b=2

=== TEST 3: mirror, the body passed on while it arrives
--- config eval: ::main('mirror /m; mirror_request_body off; proxy_request_buffering off;', "location = /m { internal; $::unknown }")
--- error_code: 200
--- origin_count: a=0 b=2

=== TEST 4: mirror of a presigned request
--- config eval: ::main('mirror /m;', "location = /m { internal; $::unknown }")
--- s3_sign: AKIDCLIENT client/Secret+Key=0123456789 presign=900
--- request: GET /bucket/key
--- error_code: 200
--- origin_count: a=0 b=1

=== TEST 5: auth_request
--- config eval: ::main('auth_request /m;', "location = /m { internal; $::unknown }")
--- s3_error: 500 InternalError
--- origin_count: a=0 b=0

=== TEST 6: SSI
--- config eval: "$::settings location / { ssi on; root %%SERVROOT%%/html; } location = /m { internal; $::unknown }"
--- files
>>> html/bucket/key.html
before <!--#include virtual="/m" --> after
--- request: GET /bucket/key.html
--- error_code: 200
--- response_body_like: ^before .* after
--- origin_count: a=0 b=0

=== TEST 7: addition
--- config eval: "$::settings location / { add_after_body /m; root %%SERVROOT%%/html; } location = /m { internal; $::unknown }"
--- files
>>> html/bucket/key.html
body
--- request: GET /bucket/key.html
--- error_code: 200
--- response_body_like: ^body
--- origin_count: a=0 b=0

=== TEST 8: slice
--- config eval: "$::settings location / { slice 4; proxy_set_header Range \$slice_range; $::unknown }"
--- request: GET /bucket/key
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 9: a health probe
--- config eval: "$::settings location = /healthz { s3_health a=/m; } location = /m { internal; $::unknown }"
--- request: GET /healthz
--- error_code: 503
--- response_body_like: "a":"nok
--- origin_count: a=0 b=0

=== TEST 10: a named location, by try_files
--- config eval
"$::settings location / { s3_verify apps; s3_resign on; root %%SERVROOT%%/html; try_files /none \@m; } location \@m { $::unknown }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 11: an error page of the proxied answer, and a named one without it
--- config eval
"$::settings location / { s3_verify apps; s3_resign on; proxy_intercept_errors on; error_page 404 = /m; proxy_pass http://s3; }
 location /denied/ { s3_verify apps; s3_resign on; error_page 418 = \@m; return 418; } location \@m { $::unknown }
 location = /m { internal; $::unknown }"
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 404/mr
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /denied/key", "PUT /denied/key\nhello"]
--- origin_count: a=0 b=2
--- code: cmp_ok($_->{status}, '>=', 500, 'an error') for @{ $t->{responses} };

=== TEST 12: if, limit_except
--- http_config eval: S3Proxy::Setup::http_config(more => 'upstream other { server %%ORIGIN_B%%; }')
--- config eval
"$::settings s3_verify off; s3_resign a;
 location / { if (\$request_method = PUT) { proxy_pass http://%%ORIGIN_A%%\$request_uri; } proxy_pass http://other; }
 location /limited/ { limit_except PUT { proxy_pass http://%%ORIGIN_A%%\$request_uri; } proxy_pass http://other; }
 location /inherited/ { proxy_pass http://%%ORIGIN_A%%\$request_uri; if (\$request_method = PUT) { set \$x 1; } }"
--- request eval: ["PUT /bucket/key\nhello", "GET /limited/key", "POST /limited/key\nhello", "GET /inherited/key", "PUT /inherited/key\nhello"]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 13: s3_resign at the level of http{}
--- http_config eval: S3Proxy::Setup::http_config(more => 's3_verify apps; s3_resign a;')
--- config eval: "$::settings location / { proxy_pass http://%%ORIGIN_A%%\$request_uri; }"
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 14: satisfy any, and where nobody was asked for a signature
--- config eval: "$::settings location / { satisfy any; allow all; s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%\$request_uri; } location /open/ { s3_resign a; proxy_pass http://%%ORIGIN_A%%\$request_uri; }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /open/key", "PUT /open/key\nhello"]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 15: a cache that is refreshed in the background
--- http_config eval: S3Proxy::Setup::http_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m; map $cookie_via $via { default s3; x %%ORIGIN_A%%; }')
--- config eval
"$::settings location / { s3_verify apps; s3_resign a; proxy_cache c; proxy_cache_key \$uri; proxy_cache_valid 200 1s; proxy_cache_use_stale updating;
 proxy_cache_background_update on; proxy_pass http://\$via; }"
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/s3=AKIDORIGINB:[^ ]+/s3=AKIDORIGINA:origin-a\/Secret+Key=:us-east-1/mr
--- request: GET /bucket/key
--- error_code: 200
--- error_log
--- code
sleep 2;
my $r = $t->send(request => 'GET /bucket/key', s3_sign => $S3Proxy::Setup::CLIENT, more_headers => 'Cookie: via=x');
is($r->{status}, 200, 'the stale answer');
sleep 1;
like($t->nginx->log, qr/which is no upstream of the configuration/, 'the update was refused');
is(scalar(() = $t->received('a')), 0, 'nothing sent');

=== TEST 16: other protocols, to a name of the request's own
--- config eval
"$::settings s3_verify off; s3_resign a; set \$to %%ORIGIN_A%%;" . join '', map { "location /$_/ { ${_}_pass \$to; }" } qw(fastcgi uwsgi scgi grpc)
--- request eval: [map { ("GET /$_/key", "PUT /$_/key\nhello") } qw(fastcgi uwsgi scgi grpc)]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 17: memcached, whose server is always of the configuration, speaks no HTTP/1.x
--- config eval: "$::settings s3_verify off; s3_resign a; set \$memcached_key k; location / { memcached_pass s3; }"
--- request: GET /bucket/key
--- s3_error: 502 ServiceUnavailable
--- error_log: the upstream request is not HTTP/1.x
--- origin_count: a=0 b=0

=== TEST 18: nor do others to an upstream of the configuration
--- config eval
"$::settings s3_verify off; s3_resign a; set \$name s3;" . join '', map { "location /$_/ { ${_}_pass s3; } location /$_/variable/ { ${_}_pass \$name; }" } qw(fastcgi uwsgi scgi grpc)
--- request eval: [map { ("GET /$_/key", "PUT /$_/key\nhello", "GET /$_/variable/key") } qw(fastcgi uwsgi scgi grpc)]
--- s3_error: 502 ServiceUnavailable
--- error_log: the upstream request is not HTTP/1.x
--- origin_count: a=0 b=0

=== TEST 19: a host name that a resolver would find, a port that the upstream has not, a socket
--- http_config eval: S3Proxy::Setup::http_config(more => 'resolver 127.0.0.1:1;')
--- config eval
"$::settings s3_verify off; s3_resign a; set \$e ''; location /n/ { proxy_pass http://localhost:%%ORIGIN_A_PORT%%\$e; }
 location /p/ { proxy_pass http://s3:%%ORIGIN_A_PORT%%\$e; } location /u/ { proxy_pass http://unix:/nowhere:\$e; } location /none/ { proxy_pass http://\$e; }"
--- request eval: [map { ("GET /$_/key", "PUT /$_/key\nhello") } qw(n p u)]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 20: upstreams that a variable names are found, and signed: a block, with its letters in either case, a fixed host
--- config eval
"$::settings s3_verify apps; s3_resign on; set \$e ''; location /a/ { proxy_pass http://s3\$e; } location /b/ { proxy_pass http://S3\$e; }
 location /c/ { proxy_pass http://%%ORIGIN_B%%\$e; } location /fixed/ { proxy_pass http://%%ORIGIN_B%%; }"
--- request eval: [map { ("GET /$_/key", "PUT /$_/key\nhello") } qw(a b c)]
--- error_code: 200
--- error_log
--- no_error_log: no upstream of the configuration
--- origin_count: a=0 b=6

=== TEST 21: the user's own proxy_bind stays in force: fixed, by variable, empty, and off below
--- http_config eval: S3Proxy::Setup::http_config(more => 'upstream seen { server 127.0.0.1:%%PORT_seen%%; } server { listen 127.0.0.1:%%PORT_seen%%; return 200 $remote_addr; }')
--- config eval
"$::settings s3_verify apps; s3_resign a; set \$e ''; set \$from 127.0.0.2; proxy_bind 127.0.0.3;
 location /fixed/ { proxy_bind 127.0.0.2; proxy_pass http://seen\$e; } location /variable/ { proxy_bind \$from; proxy_pass http://seen\$e; }
 location /inherited/ { proxy_pass http://seen\$e; location /inherited/off/ { proxy_bind off; proxy_pass http://seen\$e; } }
 location /empty/ { proxy_bind \$e; proxy_pass http://seen\$e; } location /wrong/ { proxy_bind x\$from; proxy_pass http://seen\$e; }"
--- request eval: [map { "GET /$_/key" } qw(fixed variable inherited inherited/off empty wrong)]
--- error_code: 200
--- error_log: invalid local address "x127.0.0.2"
--- response_body eval: [qw(127.0.0.2 127.0.0.2 127.0.0.3 127.0.0.1 127.0.0.1 127.0.0.1)]

=== TEST 22: a proxy_bind is nothing to be copied where s3_resign is off
--- config eval
"$::settings s3_verify off; s3_resign a; set \$e ''; location / { s3_resign off; proxy_pass http://%%ORIGIN_A%%\$e; }"
--- origins
a: 200
--- s3_sign
--- error_code: 200
--- error_log
--- origin_count: a=2
--- client_key_sent

=== TEST 23: a subrequest's location without s3_verify, and nobody has verified the main request
--- config eval
"$::settings location / { mirror /m; return 204; } location /x/ { mirror /m; root %%SERVROOT%%/html; } location = /m { internal; s3_resign a; set \$n s3; proxy_pass http://\$n; }"
--- files
>>> html/x/key
static
--- request: GET /x/key
--- error_code: 200
--- error_log: "s3_verify" has not let it in
--- origin_count: a=0 b=0
