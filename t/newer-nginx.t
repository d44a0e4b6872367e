# Tests for what nginx has learnt since 1.28: connections that are kept and HTTP/1.1 without being asked for, HTTP/2 to upstreams, `sticky`,
# `least_time`. `make check-nginxes` runs them, with the nginx of a Debian that has it; older ones skip them.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

# Nothing of what those versions do by themselves is said here.
our $bare = 'proxy_next_upstream error timeout http_503 non_idempotent;';

sub main::location ($resign = 'on', $more = '', $pass = 'http://s3') {
    return "$::bare location / { s3_verify apps; s3_resign $resign; $more proxy_pass $pass; }";
}

# An upstream whose servers are equal, with lines of its own.
sub main::equal ($more, $b = '', $a = '') {
    return clients() . origin_blocks() . "upstream s3 { $more server %%ORIGIN_B%% max_fails=0 $b; server %%ORIGIN_A%% max_fails=0 $a; }";
}

# The connections that an origin had.
sub main::connections ($t, $name) {
    my %seen = map { $_->{connection} => 1 } $t->received($name);
    return scalar keys %seen;
}

default_sections(
    http_config => http_config(), config => main::location(), origins => $ORIGINS, s3_sign => $CLIENT, skip_nginx => '< 1.29.7',
);

run_tests();

__DATA__

=== TEST 1: HTTP/1.1 and connections that are kept, by default
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /bucket/key"]
--- error_code: 200
--- origin_count: a=0 b=3
--- origin_body: b[1]: hello
--- origin_request_like: b: HTTP/1\.1$
--- origin_request_unlike: b: ^Connection:
--- code: is(main::connections($t, 'b'), 1, 'one connection');

=== TEST 2: likewise with signed chunks, and a next upstream
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 503/mr
--- s3_sign: AKIDCLIENT client/Secret+Key=0123456789 payload=streaming
--- request eval: [("PUT /bucket/key\nhello") x 3]
--- error_code: 200
--- response_body: from a
--- origin_count: a=3 b=3
--- code: is(main::connections($t, 'a'), 1, 'one connection to the one that answered');

=== TEST 3: a connection that the origin has closed meanwhile
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200/no_keepalive 200/gr
--- request eval: [("PUT /bucket/key\nhello") x 3]
--- error_code: 200
--- origin_count: a=0 b=3
--- code: is(main::connections($t, 'b'), 3, 'three connections');

=== TEST 4: HTTP/1.0, where it is said
--- config eval: main::location('on', 'proxy_http_version 1.0;')
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 200
--- origin_request_like: b: HTTP/1\.0$

=== TEST 5: keepalive off
--- http_config eval: S3Proxy::Setup::http_config(upstream => 'keepalive 0;')
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 200
--- code: is(main::connections($t, 'b'), 2, 'two connections');

=== TEST 6: keepalive of each location
--- http_config eval: S3Proxy::Setup::http_config(upstream => 'keepalive 4 local;')
--- request eval: [("GET /bucket/key") x 3]
--- error_code: 200
--- code: is(main::connections($t, 'b'), 1, 'one connection');

=== TEST 7: HTTP/2 to the origin: s3_resign says so where it stands
--- config
location / {
    s3_verify apps;
    s3_resign on; # HERE
    proxy_http_version 2;
    proxy_pass http://s3;
}
--- nginx_conf_fails: "s3_resign" signs HTTP/1\.x.*"proxy_http_version 2".*nginx.conf:%%HERE%%

=== TEST 8: by name, inherited
--- config eval: 'proxy_http_version 2; ' . main::location('a')
--- nginx_conf_fails: "s3_resign" signs HTTP/1\.x.*"proxy_http_version 2"

=== TEST 9: of a host that is no upstream
--- config eval: 'proxy_http_version 2; ' . main::location('a', '', 'http://%%ORIGIN_A%%')
--- nginx_conf_fails: "s3_resign" signs HTTP/1\.x.*"proxy_http_version 2"

=== TEST 10: in an if
--- config eval: 'proxy_http_version 2; location / { s3_verify apps; s3_resign a; if ($http_x_other) { proxy_pass http://s3; } return 204; }'
--- nginx_conf_fails: "s3_resign" signs HTTP/1\.x.*"proxy_http_version 2"

=== TEST 11: a location without a proxy_pass may inherit it, and one that says HTTP/1.1
--- config eval: "proxy_http_version 2; s3_verify apps; s3_resign on; $::bare location / { proxy_http_version 1.1; proxy_pass http://s3; } location /none { return 204; }"
--- request: GET /bucket/key
--- error_code: 200

=== TEST 12: proxy_pass with a variable: refused when it is asked, whatever the body
--- config eval: 'set $name s3; proxy_http_version 2; ' . main::location('a', '', 'http://$name')
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "HEAD /bucket/key"]
--- error_code: 502
--- error_log: the upstream request is not HTTP/1.x
--- origin_count: a=0 b=0

=== TEST 13: likewise unbuffered, and in chunks
--- config eval: 'set $name s3; proxy_http_version 2; proxy_request_buffering off; ' . main::location('on', '', 'http://$name')
--- s3_sign: AKIDCLIENT client/Secret+Key=0123456789 payload=streaming
--- request eval: ["PUT /bucket/key\nhello"]
--- s3_error: 502 ServiceUnavailable
--- error_log: the upstream request is not HTTP/1.x
--- origin_count: a=0 b=0

=== TEST 14: HTTP/2 to an upstream of a location that signs nothing is nginx's own business
--- config eval: 'location / { s3_verify apps; s3_resign on; proxy_pass http://s3; } location /other/ { proxy_http_version 2; proxy_pass http://s3; }'
--- request: GET /bucket/key
--- error_code: 200

=== TEST 15: sticky: the cookie leads back, and each peer has its own signature
--- http_config eval: main::equal('zone s3 64k; sticky cookie srv;')
--- request: GET /bucket/key
--- error_code: 200
--- response_headers_like: Set-Cookie: srv=\w+
--- code
my ($cookie) = $t->response->{head} =~ /^Set-Cookie: (srv=\w+)/mi;
my $first = $t->response->{body};
is($t->send(request => 'GET /bucket/key', more_headers => "Cookie: $cookie")->{body}, $first, 'the same origin') for 1 .. 4;
my %seen = map { $t->send(request => 'GET /bucket/key')->{body} => 1 } 1 .. 4;
is(join(',', sort keys %seen), 'from a,from b', 'without it both');

=== TEST 16: sticky: the peer of the cookie is out of order
--- http_config eval: main::equal('sticky cookie srv;', 'route=b', 'route=a')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 503/mr
--- more_headers: Cookie: srv=b
--- request eval: ["PUT /bucket/key\nhello", "GET /bucket/key"]
--- error_code: 200
--- response_body: from a
--- origin_count: a=2 b=2
--- origin_body: a[0]: hello

=== TEST 17: sticky learn: what the origin says of the session
--- http_config eval: main::equal('zone s3 64k; sticky learn create=$upstream_http_x_session lookup=$arg_who zone=sessions:1m;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/ body=/ header="x-session: s1" body=/gr
--- request eval: ["GET /bucket/key"]
--- error_code: 200
--- code
my $first = $t->response->{body};
is($t->send(request => 'GET /bucket/key?who=s1')->{body}, $first, 'the same origin') for 1 .. 4;

=== TEST 18: least_time
--- skip_nginx: < 1.31.0
--- http_config eval: main::equal('zone s3 64k; least_time header;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 503/mr
--- request eval: ["PUT /bucket/key\nhello", "GET /bucket/key"]
--- error_code: 200
--- response_body: from a
