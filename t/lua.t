# Tests beside libnginx-mod-http-lua: a body that a script has read before, content that a script makes, captures, and
# balancers that a script writes.

use v5.36;
use lib 't/lib';
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;
use S3Proxy::Uploads;

# Debian's modules are for Debian's nginx.
our $lua = join '', map { "load_module /usr/lib/nginx/modules/$_.so; " } qw(ndk_http_module ngx_http_lua_module);
my ($answer) = run_command(S3Proxy::Nginx::binary(), '-t', '-e', 'stderr', '-c', '/dev/null', '-g', $lua);
my $is_missing = scalar($answer =~ m{_http_(?:lua_)?module});
# Where everything is installed by scripts/install-packages a missing one would go unnoticed.
die "libnginx-mod-http-lua is not installed\n" if $is_missing && $ENV{CI} && !$ENV{TEST_NGINX_BINARY};
skip_all_if($is_missing, "no lua module for this nginx (Debian: libnginx-mod-http-lua)");

our $read = 'access_by_lua_block { ngx.req.read_body() }';
our $settings = 'client_max_body_size 0; proxy_http_version 1.1; proxy_set_header Connection "";';

# An upstream whose balancer runs `$code`; the servers are those that the code may pick.
sub balanced ($code, $more = '') {
    return S3Proxy::Setup::http_config(more => <<~"END");
        lua_load_resty_core on;
        upstream picked { server %%ORIGIN_B%%; server %%ORIGIN_A%%; balancer_by_lua_block { local balancer = require "ngx.balancer"; $code } $more }
        END
}

# Picks b first and then a; `$more` runs before each next try.
sub b_then_a ($more) {
    return <<~"END";
        if not ngx.ctx.tried then ngx.ctx.tried = 1; balancer.set_more_tries(1); assert(balancer.set_current_peer("127.0.0.1", %%ORIGIN_B_PORT%%))
        else $more assert(balancer.set_current_peer("127.0.0.1", %%ORIGIN_A_PORT%%)) end
        END
}

our @resign = map { "$::settings location / { s3_verify apps; s3_resign $_; proxy_next_upstream error http_503 non_idempotent; proxy_pass http://picked; }" } qw(on a);

default_sections(
    main_config => $lua,
    http_config => S3Proxy::Setup::http_config(more => 'lua_load_resty_core on;'),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
);

run_tests();

__DATA__

=== TEST 1: content by a script, the body read before
--- config eval: "$::settings location / { s3_verify apps; s3_resign a; $::read content_by_lua_block { ngx.say('hi ', ngx.req.get_body_data()) } }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "PUT /bucket/key\n"]
--- error_code: 200
--- response_body_like: ^hi (hello|nil)$

=== TEST 2: content by a script that waits, with and without a signature
--- config eval: "$::settings location / { satisfy any; allow all; s3_verify apps; s3_resign a; rewrite_by_lua_block { ngx.req.read_body() } content_by_lua_block { ngx.sleep(0.05) ngx.say('hi') ngx.flush(true) ngx.sleep(0.05) ngx.say('there') } }"
--- s3_sign eval: [$S3Proxy::Setup::CLIENT, '']
--- request eval: ["PUT /bucket/key\nhello", "PUT /bucket/key\nhello"]
--- error_code: 200
--- response_body_like: ^hi\nthere$

=== TEST 3: a file, an empty answer, the body read before
--- config eval: "$::settings s3_verify apps; s3_resign a; location / { $::read root %%SERVROOT%%/html; } location /empty/ { $::read empty_gif; } location /mirrored/ { mirror /none; root %%SERVROOT%%/html; } location = /none { internal; return 204; }"
--- files
>>> html/bucket/key
a file
>>> html/mirrored/key
a file
--- request eval: ["GET /bucket/key", "GET /mirrored/key", "GET /empty/key"]
--- error_code: 200
--- response_body_like: a file|GIF

=== TEST 4: proxy_pass by a variable, the body read before: no upstream of the configuration
--- config eval: "$::settings location / { s3_verify apps; s3_resign a; $::read proxy_pass http://%%ORIGIN_A%%\$request_uri; }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- s3_error: 502 ServiceUnavailable
--- error_log: which is no upstream of the configuration
--- origin_count: a=0 b=0

=== TEST 5: proxy_pass by a variable, the body read before: one that is
--- config eval: "$::settings location / { s3_verify apps; s3_resign on; $::read set \$name s3; proxy_pass http://\$name; }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 200
--- origin_body: b[1]: hello
--- origin_count: a=0 b=2

=== TEST 6: captures, to an upstream and to a host that is none
--- config eval
"$::settings location / { s3_verify apps; content_by_lua_block { ngx.req.read_body()
 local good, bad, many = ngx.location.capture('/good'), ngx.location.capture('/bad'), { ngx.location.capture_multi { { '/bad' }, { '/good' } } }
 ngx.say(good.status, ' ', bad.status, ' ', many[1].status, ' ', many[2].status) } }
 location = /good { internal; s3_verify off; s3_resign b; proxy_pass http://%%ORIGIN_B%%/bucket/key; }
 location = /bad { internal; s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%\$request_uri; }"
--- request eval: ["GET /bucket/key"]
--- error_code: 200
--- response_body_like: ^200 50\d 50\d 200$
--- error_log: which is no upstream of the configuration
--- origin_count: a=0 b=2

=== TEST 7: ngx.exec to such a location
--- config eval
"$::settings location / { content_by_lua_block { ngx.req.read_body() ngx.exec('\@m') } } location /e/ { content_by_lua_block { ngx.exec('/m') } }
 location \@m { s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%\$request_uri; } location = /m { internal; s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%\$request_uri; }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /e/key", "PUT /e/key\nhello"]
--- s3_error: 502 ServiceUnavailable
--- error_log: which is no upstream of the configuration
--- origin_count: a=0 b=0

=== TEST 8: balancer_by_lua: each peer that it picks gets its own signature
--- http_config eval: ::balanced(::b_then_a(''))
--- config eval: $::resign[0]
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 503 | 200/mr
--- request eval: ["PUT /bucket/key\nhello"]
--- error_code: 200
--- response_body: from a
--- origin_count: a=1 b=1
--- origin_body: a: hello
--- origin_request_like
a: ^Authorization: AWS4-HMAC-SHA256 Credential=AKIDORIGINA/
b: ^Authorization: AWS4-HMAC-SHA256 Credential=AKIDORIGINB/

=== TEST 9: recreate_request: the new head is signed, and the body is whole
--- http_config eval: ::balanced(::b_then_a('ngx.req.set_header("x-amz-meta-try", "2") ngx.var.try = "two" assert(balancer.recreate_request())'))
--- config eval: $::resign[0] =~ s/location/set \$try one; proxy_set_header x-amz-meta-variable \$try; location/r
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 503*2 | 200/mr
--- request eval: ["PUT /bucket/key\nhello", "GET /bucket/key"]
--- error_code: 200
--- response_body: from a
--- origin_count: a=2 b=2
--- origin_body: a[0]: hello
--- origin_request_like
a: ^x-amz-meta-try: 2$
a: ^x-amz-meta-variable: two$
a: SignedHeaders=[^,]*x-amz-meta-try
b: ^x-amz-meta-variable: one$
--- origin_request_unlike
b: x-amz-meta-try

=== TEST 10: likewise three times, and then without: the last one made counts
--- http_config eval
::balanced('local n = (ngx.ctx.n or 0) + 1; ngx.ctx.n = n; if n == 1 then balancer.set_more_tries(3) elseif n < 4 then ngx.req.set_header("x-amz-meta-try", n) assert(balancer.recreate_request()) end
 assert(balancer.set_current_peer("127.0.0.1", n % 2 == 1 and %%ORIGIN_B_PORT%% or %%ORIGIN_A_PORT%%))')
--- config eval: $::resign[0]
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 503/mr =~ s/^(a: \S+) 200/$1 503 | 200/mr
--- request eval: ["PUT /bucket/key\nhello"]
--- error_code: 200
--- origin_count: a=2 b=2
--- origin_body
a: hello
b: hello
--- origin_request_like
b[1]: ^x-amz-meta-try: 3$
a[0]: ^x-amz-meta-try: 2$
a[1]: ^x-amz-meta-try: 3$

=== TEST 11: aws-chunked, recreated: the chunks are signed for the second peer
--- http_config eval: ::balanced(::b_then_a('ngx.req.set_header("x-amz-meta-try", "2") assert(balancer.recreate_request())'))
--- config eval: $::resign[0]
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(b: \S+) 200/$1 503 | 200/mr
--- s3_sign: AKIDCLIENT client/Secret+Key=0123456789 payload=streaming
--- request eval: ["PUT /bucket/key\nhello"]
--- error_code: 200
--- origin_count: a=1 b=1
--- origin_request_like
a: ^x-amz-meta-try: 2$

=== TEST 12: s3_resign by name: the balancer's address need not be of the configuration
--- http_config eval: ::balanced('assert(balancer.set_current_peer("127.0.0.1", %%ORIGIN_A_PORT%%))') =~ s/server %%ORIGIN_B%%; server %%ORIGIN_A%%; balancer/server 0.0.0.1; balancer/r
--- config eval: $::resign[1]
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 200
--- response_body: from a
--- origin_count: a=2 b=0

=== TEST 13: s3_resign on: an address that no server of the upstream has is nobody's
--- http_config eval: ::balanced('assert(balancer.set_current_peer("127.0.0.1", %%ORIGIN_A_PORT%%))') =~ s/ server %%ORIGIN_A%%; balancer/ balancer/r
--- config eval: $::resign[0]
--- s3_error: 502 ServiceUnavailable
--- error_log: no s3_origin has the endpoint of peer 127.0.0.1:
--- origin_count: a=0 b=0

=== TEST 14: a balancer that refuses, one that fails, one that picks nobody
--- http_config eval: ::balanced('local what = ngx.var.arg_what; if what == "busy" then ngx.exit(ngx.ERROR) elseif what == "error" then error("no peer") elseif what == "status" then ngx.exit(503) end')
--- config eval: $::resign[0]
--- request eval: ["GET /bucket/key?what=busy", "GET /bucket/key?what=error", "GET /bucket/key?what=status"]
--- origin_count: a=0 b=0
--- code: cmp_ok($_->{status}, '>=', 500, 'an error') for @{ $t->{responses} };

=== TEST 15: keepalive behind it
--- http_config eval: ::balanced('assert(balancer.set_current_peer("127.0.0.1", %%ORIGIN_B_PORT%%))', 'keepalive 4;')
--- config eval: $::resign[0]
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /bucket/key"]
--- error_code: 200
--- origin_count: a=0 b=3

=== TEST 16: access_by_lua runs after the signature was verified: it knows who calls, and may refuse
--- config eval: "$::settings location / { s3_verify apps; s3_resign a; access_by_lua_block { if ngx.var.s3_operation == 'DeleteObject' and ngx.var.s3_access_key ~= 'AKIDADMIN' then return ngx.exit(403) end } proxy_pass http://%%ORIGIN_A%%; }"
--- request eval: ["GET /bucket/key", "DELETE /bucket/key"]
--- error_code eval: [200, 403]
--- response_body_like eval: ["from a", "<Code>AccessDenied</Code>"]
--- origin_count: a=1 b=0

=== TEST 17: what is not verified does not come so far
--- config eval: "$::settings location / { s3_verify apps; s3_resign a; access_by_lua_block { ngx.log(ngx.WARN, 'the script ran') } proxy_pass http://%%ORIGIN_A%%; }"
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- no_error_log: the script ran
--- origin_count: a=0 b=0

=== TEST 18: header and body filters and the log phase: each knows who called, and what they make of an answer reaches the client
--- config eval
"$::settings location / { s3_verify apps; s3_resign on;
 header_filter_by_lua_block { ngx.header['x-who'] = ngx.var.s3_access_key .. ' ' .. ngx.var.s3_operation; ngx.header.content_length = nil }
 body_filter_by_lua_block { ngx.arg[1] = ngx.arg[1]:upper() }
 log_by_lua_block { ngx.log(ngx.WARN, 'logged: ', ngx.var.s3_bucket, ' ', ngx.var.s3_key, ' ', ngx.var.s3_origin, ' ', ngx.status) }
 proxy_pass http://s3; }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 200
--- response_headers_like eval: ["x-who: AKIDCLIENT GetObject", "x-who: AKIDCLIENT PutObject"]
--- response_body: FROM B
--- origin_body: b[1]: hello
--- error_log: logged: bucket key b 200

=== TEST 19: likewise of an answer that is the module's own
--- config eval
"$::settings location / { s3_verify apps; s3_resign on;
 header_filter_by_lua_block { ngx.header['x-code'] = ngx.var.s3_error_code }
 log_by_lua_block { ngx.log(ngx.WARN, 'logged: ', ngx.var.s3_error_code, ' ', ngx.status) }
 proxy_pass http://s3; }"
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- response_headers: x-code: SignatureDoesNotMatch
--- error_log: logged: SignatureDoesNotMatch 403
--- origin_count: a=0 b=0

=== TEST 20: an origin's word about the key that we sign with: no filter of a script's sees it, nor lets it by
--- config eval
"$::settings location / { s3_verify apps; s3_resign on;
 body_filter_by_lua_block { if ngx.arg[1]:find('AKIDORIGINB', 1, true) then ngx.log(ngx.WARN, 'seen by the script') end }
 proxy_pass http://s3; }"
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^(\w: \S+) .*/$1 403 body="<Error><Code>InvalidAccessKeyId<\/Code><AWSAccessKeyId>AKIDORIGINB<\/AWSAccessKeyId><\/Error>"/mgr
--- request: GET /bucket/key
--- s3_error: 502 ServiceUnavailable
--- response_body_unlike: AKIDORIGINB
--- no_error_log: seen by the script

=== TEST 21: a capture from the access phase, to another origin, before the request goes on
--- config eval
"$::settings location / { s3_verify apps; s3_resign b;
 access_by_lua_block { local marker = ngx.location.capture('/marker'); if marker.status ~= 200 or marker.body ~= 'from a' then return ngx.exit(403) end }
 proxy_pass http://%%ORIGIN_B%%; }
 location = /marker { internal; s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%/bucket/marker; }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 200
--- response_body: from b
--- origin_count: a=2 b=2
--- origin_body: b[1]: hello
--- origin_request_like: a: ^GET /bucket/marker HTTP

=== TEST 22: rewrite_by_lua runs before: it may not know who calls
--- config eval: "$::settings location / { rewrite_by_lua_block { ngx.log(ngx.WARN, 'caller: ', ngx.var.s3_access_key or 'nobody') } s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }"
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- error_log: caller: nobody

=== TEST 23: a limit by key after a body was read: who asks before sees nobody, the limit sees who it is, and the body is checked once
--- http_config eval: S3Proxy::Setup::http_config(more => 'lua_load_resty_core on; limit_req_zone $s3_access_key zone=z:1m rate=1r/m;')
--- config eval: "$::settings location / { s3_verify apps; s3_resign a; s3_verify_payload on; limit_req zone=z burst=1 nodelay; rewrite_by_lua_block { ngx.log(ngx.WARN, 'early: [', ngx.var.s3_access_key or '', ']') ngx.req.read_body() } proxy_pass http://%%ORIGIN_A%%; }"
--- s3_sign eval: [$S3Proxy::Setup::CLIENT, "$S3Proxy::Setup::CLIENT payload=streaming", "$S3Proxy::Setup::CLIENT payload=streaming"]
--- request eval: [("PUT /bucket/key\nhello") x 3]
--- error_code eval: [200, 200, 503]
--- error_log: early: []
--- no_error_log: early: [AKID
--- origin_count: a=2 b=0

=== TEST 24: an upload stays with its origin where a script gets around to it, and is not asked of another where it does not
--- http_config eval: S3Proxy::Setup::http_config(more => 'lua_load_resty_core on;' . join '', map { my ($name, $code) = @$_; "upstream $name { server %%ORIGIN_B%%; server %%ORIGIN_A%%; balancer_by_lua_block { local balancer = require 'ngx.balancer'; $code } $STICKY }\n" } [picked => main::b_then_a('')], [stuck => 'assert(balancer.set_current_peer("127.0.0.1", %%ORIGIN_B_PORT%%))'])
--- config eval: "$::settings location / { s3_verify apps; s3_resign on; proxy_pass http://picked; } location /stuck/ { s3_verify apps; s3_resign on; proxy_pass http://stuck; }"
--- request eval: [map { "PUT /$_/k?partNumber=1&uploadId=" . upload_query('a', '2~A', $_) . "\npart" } qw(media stuck)]
--- error_code eval: [200, 503]
--- origin_count: a=1 b=0
