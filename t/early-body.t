# Tests for a body that is not there, or was read, when the access phase comes: what a refusal discarded, what went to another
# origin already, what a script has read. No object may be stored short of its bytes.

use v5.36;
use lib 't/lib';
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;

my $module = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
our $lua = -e $module && S3Proxy::Nginx::binary() eq '/usr/sbin/nginx'
    ? join '', map { "load_module /usr/lib/nginx/modules/$_.so; " } qw(ndk_http_module ngx_http_lua_module) : '';

our $client = $CLIENT;
our $unsigned = "$CLIENT payload=unsigned";
our @modes = map { "$CLIENT payload=$_" } 'unsigned', 'hex', 'streaming chunk=8192', 'streaming-unsigned trailer=x-amz-checksum-crc32';
our $proxy = 's3_verify apps; s3_resign on; proxy_http_version 1.1; proxy_set_header Connection "";';
our $other = "location \@other { $proxy proxy_pass http://other; }";
our $settings = "client_max_body_size 0; client_body_buffer_size 4k; $other";

# A body in each mode that is checked here, and a location whose script reads it first: up to 4k in memory, the rest in the file.
our @checked = map { "$CLIENT payload=$_" } 'hex', 'streaming chunk=8192', 'streaming-trailer chunk=65536 trailer=x-amz-checksum-crc32c',
    'streaming-unsigned chunk=9000 trailer=x-amz-checksum-crc32', 'streaming-unsigned trailer=x-amz-checksum-sha256 form=minio';
our $read_early = "$settings location / { rewrite_by_lua_block { ngx.req.read_body() } s3_verify_payload on; $proxy proxy_pass http://other; }";

# A script that runs after us, when the body was let in, and has it in memory or in the file.
sub main::script ($do, $more = '') {
    return "$settings location / { access_by_lua_block { ngx.req.read_body() $do } s3_verify_payload on; $more $proxy proxy_pass http://other; }";
}

# The object of what an origin received, also of frames.
sub main::object ($received) {
    my ($body, $data) = ($received->{body}, '');
    return $body if $received->{head} !~ /^x-amz-content-sha256: STREAMING-/mi;
    while ($body =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $size = hex $1 or last;
        $data .= substr $body, 0, $size, '';
        $body =~ s/\A\r\n//;
    }
    return $data;
}

# Each request of the block left its object at origin a.
sub main::all_whole ($t) {
    my @got = map { object($_) } grep { $_->{complete} } $t->received('a');
    is(scalar @got, scalar @{ $t->{responses} }, $t->name('all are stored'));
    my @wanted = map { S3Proxy::Request::_pattern($_) } 0, 5, 20_000, 300_000;
    is(scalar(grep { my $got = $_; !grep { $got eq $_ } @wanted } @got), 0, $t->name('and whole'));
    return;
}

# Nothing was stored, whatever was begun.
sub main::none_stored ($t) {
    is(scalar(grep { $_->{complete} } $t->received('a')), 0, $t->name('nothing is stored'));
    return;
}

default_sections(
    http_config => http_config(more => 'upstream other { server %%ORIGIN_A%%; }'),
    origins     => $ORIGINS,
    s3_sign     => $unsigned,
    request     => 'PUT /bucket/key',
);

run_tests();

__DATA__

=== TEST 1: a refusal by 413, whose error_page has an origin: nginx discarded the body
--- config eval: "$::settings error_page 413 = \@other; location / { client_max_body_size 1; }"
--- s3_sign eval: [map { ($_) x 2 } @::modes]
--- request eval: [("PUT /bucket/key") x 8]
--- request_body_size eval: [(5, 20_000) x 4]
--- s3_error: 503 ServiceUnavailable
--- s3_error_like
Message: The body of the request is no longer there
--- code: none_stored($t);

=== TEST 2: likewise, over HTTP/2 (nginx may reset the stream before curl has sent the body, which curl takes for a fault)
--- http2
--- config eval: "$::settings error_page 413 = \@other; location / { client_max_body_size 1; }"
--- request_body_size: 5
--- ignore_response
--- error_log: s3: refused: the body was discarded
--- code: none_stored($t);

=== TEST 3: return 503 discards nothing: nginx looks for the error_page first
--- config eval: "$::settings error_page 503 = \@other; location / { return 503; }"
--- s3_sign eval: [map { ($_) x 2 } @::modes]
--- request eval: [("PUT /bucket/key") x 8]
--- request_body_size eval: [(5, 20_000) x 4]
--- error_code: 200
--- response_body: from a
--- code: all_whole($t);

=== TEST 4: what has no body goes on
--- config eval: "$::settings error_page 503 = \@other; location / { return 503; }"
--- request eval: ["GET /bucket/key", "PUT /bucket/key\n", "DELETE /bucket/key"]
--- error_code: 200
--- response_body: from a

=== TEST 5: a refusal after the body went to a first origin, unbuffered
--- config eval: "$::settings location / { $::proxy proxy_request_buffering off; proxy_intercept_errors on; proxy_next_upstream off; error_page 503 = \@other; proxy_pass http://s3; }"
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200 body="from b"/503/r
--- s3_sign eval: \@::modes
--- request eval: [("PUT /bucket/key") x 4]
--- request_body_size: 200000
--- write_size: 20000
--- s3_error: 503 ServiceUnavailable
--- code: none_stored($t);

=== TEST 6: likewise, chunked: it was read whole, for its length
--- config eval: "$::settings s3_unknown_length buffer; location / { $::proxy proxy_request_buffering off; proxy_intercept_errors on; proxy_next_upstream off; error_page 503 = \@other; proxy_pass http://s3; }"
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200 body="from b"/503/r
--- chunked_body eval: ["hello", " world"]
--- error_code: 200
--- origin_body: a: hello world

=== TEST 7: buffered: what is not framed goes to the second
--- config eval: "$::settings location / { $::proxy proxy_intercept_errors on; proxy_next_upstream off; error_page 503 = \@other; proxy_pass http://s3; }"
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200 body="from b"/503/r
--- s3_sign eval: [map { ($_) x 2 } @::modes[0, 1]]
--- request eval: [("PUT /bucket/key") x 4]
--- request_body_size eval: [(5, 20_000) x 2]
--- error_code: 200
--- response_body: from a
--- code: all_whole($t);

=== TEST 8: buffered: what is framed without signatures is checked once more; what had some has none that could be
--- config eval: "$::settings location / { $::proxy proxy_intercept_errors on; proxy_next_upstream off; error_page 503 = \@other; proxy_pass http://s3; }"
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200 body="from b"/503/r
--- s3_sign eval: [@::modes[2, 3], "$::client payload=streaming-unsigned trailer=x-amz-checksum-sha256 form=minio"]
--- request eval: [("PUT /bucket/key") x 3]
--- request_body_size: 20000
--- error_code eval: [503, 200, 200]
--- response_body_like eval: ['used again', 'from a', 'from a']
--- code: is(scalar(grep { $_->{complete} } $t->received('a')), 2, 'two are stored');

=== TEST 9: a script has read it: it is checked where it lies, in memory or in the file, and goes on
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: $::read_early
--- s3_sign eval: [map { ($_) x 4 } @::checked]
--- request eval: [("PUT /bucket/key") x 20]
--- request_body_size eval: [(0, 5, 20_000, 300_000) x 5]
--- error_code: 200
--- code: all_whole($t);

=== TEST 9.1: likewise, and the origin takes no frames
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- http_config eval: S3Proxy::Setup::http_config(a => 'payload unsigned;', more => 'upstream other { server %%ORIGIN_A%%; }')
--- config eval: $::read_early
--- s3_sign eval: [map { ($_) x 4 } @::checked]
--- request eval: [("PUT /bucket/key") x 20]
--- request_body_size eval: [(0, 5, 20_000, 300_000) x 5]
--- error_code: 200
--- code
all_whole($t);
unlike($_->{head}, qr/STREAMING|aws-chunked/, 'no frames') for $t->received('a');

=== TEST 9.2: likewise, and the client announces no length
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- http_config eval: S3Proxy::Setup::http_config(a => 'payload unsigned;', more => 'upstream other { server %%ORIGIN_A%%; }')
--- config eval: $::read_early
--- s3_sign eval: ["$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32", "$::client payload=streaming"]
--- request eval: [("PUT /bucket/key") x 2]
--- chunked_body eval: ["hello", " world"]
--- error_code: 200
--- code: is($_->{body}, 'hello world', 'whole') for $t->received('a');

=== TEST 9.2.1: likewise, in no framing: its length is known by now
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: $::read_early
--- s3_sign eval: [$::client, $::unsigned]
--- request eval: [("PUT /bucket/key") x 2]
--- chunked_body eval: ["hello", " world"]
--- error_code: 200
--- origin_body: a: hello world

=== TEST 9.3: damaged: refused as one that streams is, and nothing reaches an origin
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: $::read_early
--- s3_sign eval: [map { my $mode = $_; map { "$mode 'tamper_body=$_'" } ('s/0000001/0000009/', 's/.*\K\d/x/s', 's/.{4}\z//s') x 2 } @::checked]
--- request eval: [("PUT /bucket/key") x 30]
--- request_body_size eval: [(20, 20_000, 300_000, 20_000, 300_000, 20) x 5]
--- ignore_response
--- code
like($_->{status}, qr/^40[03]$/, 'refused') for @{ $t->{responses} };
like($_->{body}, qr/<Code>(?:SignatureDoesNotMatch|BadDigest|XAmzContentSHA256Mismatch|IncompleteBody|MalformedTrailerError|InvalidRequest|InvalidChunkSizeError)</, 'in the words of S3') for @{ $t->{responses} };
is(scalar(my @sent = $t->received), 0, 'nothing is sent');

=== TEST 10: a script has read it: what is not framed goes on, also by ngx.exec
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: "$::settings location / { rewrite_by_lua_block { ngx.req.read_body() } $::proxy proxy_pass http://other; } location /exec/ { content_by_lua_block { ngx.req.read_body() ngx.exec('\@other') } }"
--- s3_sign eval: [map { ($_) x 2 } @::modes[0, 1]]
--- request eval: [map { "PUT $_" } ('/bucket/key', '/exec/key') x 2]
--- request_body_size eval: [(5, 20_000) x 2]
--- error_code: 200
--- code: all_whole($t);

=== TEST 11: a script has discarded it
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: "$::settings location / { rewrite_by_lua_block { ngx.req.discard_body() } $::proxy proxy_pass http://other; }"
--- request_body_size eval: [5, 20_000]
--- request eval: [("PUT /bucket/key") x 2]
--- s3_error: 503 ServiceUnavailable
--- code: none_stored($t);

=== TEST 12: the body was read on its way to an application, which hands over to us (also without Lua)
--- config eval: "$::settings location / { proxy_pass http://%%ORIGIN_B%%; }" =~ s/s3_resign on;/s3_resign on; s3_verify_payload on;/r
--- http_config eval: S3Proxy::Setup::http_config(more => 'upstream other { server %%ORIGIN_A%%; }')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: .*/b: 200 header="X-Accel-Redirect: \@other"/mr
--- client_key_sent
--- s3_sign eval: [map { ($_) x 3 } @::checked]
--- request eval: [("PUT /bucket/key") x 15]
--- request_body_size eval: [(5, 20_000, 300_000) x 5]
--- error_code: 200
--- response_body: from a
--- code: all_whole($t);

=== TEST 13: likewise, damaged
--- config eval: "$::settings location / { proxy_pass http://%%ORIGIN_B%%; }" =~ s/s3_resign on;/s3_resign on; s3_verify_payload on;/r
--- http_config eval: S3Proxy::Setup::http_config(more => 'upstream other { server %%ORIGIN_A%%; }')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: .*/b: 200 header="X-Accel-Redirect: \@other"/mr
--- client_key_sent
--- s3_sign eval: [map { my $mode = $_; map { "$mode 'tamper_body=$_'" } ('s/0000001/0000009/', 's/.*\K\d/x/s') x 2 } @::checked[1 .. 3]]
--- request eval: [("PUT /bucket/key") x 12]
--- request_body_size eval: [(20, 20_000, 300_000, 20_000) x 3]
--- ignore_response
--- code
like($_->{status}, qr/^40[03]$/, 'refused') for @{ $t->{responses} };
is(scalar(my @sent = $t->received('a')), 0, 'nothing is sent');

=== TEST 14: over HTTP/2
--- http2
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: $::read_early
--- s3_sign eval: [map { ($_) x 2 } @::checked]
--- request eval: [("PUT /bucket/key") x 10]
--- request_body_size eval: [(5, 300_000) x 5]
--- error_code: 200
--- code: all_whole($t);

=== TEST 15: satisfy any lets nothing unproven out
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: $::read_early =~ s/location \/ \{/location \/ { satisfy any; allow all;/r
--- s3_sign eval: ["$::checked[1]", "$::checked[1] tamper_body=s/0000001/0000009/", "$::checked[1] tamper_body=s/0000001/0000009/"]
--- request eval: [("PUT /bucket/key") x 3]
--- request_body_size eval: [300_000, 300_000, 20]
--- ignore_response
--- code
is($t->{responses}[0]{status}, 200, 'a body without a fault');
is($_->{status}, 502, 'nobody has let it in') for @{ $t->{responses} }[1, 2];
is(scalar(my @sent = $t->received('a')), 1, 'nothing else is sent');

=== TEST 20: a script after us discards the body
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: ::script('') =~ s/read_body/discard_body/r
--- s3_sign eval: [map { ($_) x 2 } "$::client payload=unsigned", @::checked]
--- request eval: [("PUT /bucket/key") x 12]
--- request_body_size eval: [(5, 20_000) x 6]
--- ignore_response
--- error_log: the client's body was not read whole
--- code
like($_->{status}, qr/^(?:400|502)$/, 'refused') for @{ $t->{responses} };
none_stored($t);

=== TEST 21: likewise, over HTTP/2
--- http2
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: ::script('') =~ s/read_body/discard_body/r
--- s3_sign eval: [map { ($_) x 2 } "$::client payload=unsigned", @::checked]
--- request eval: [("PUT /bucket/key") x 12]
--- request_body_size eval: [(5, 20_000) x 6]
--- ignore_response
--- error_log: the client's body was not read whole
--- code: is(scalar(my @sent = $t->received('a')), 0, 'nothing is sent');

=== TEST 22: a script after us leaves the body as it is
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: ::script('')
--- s3_sign eval: [map { ($_) x 3 } "$::client payload=unsigned", @::checked]
--- request eval: [("PUT /bucket/key") x 18]
--- request_body_size eval: [(0, 5, 20_000) x 6]
--- error_code: 200
--- code: all_whole($t);

=== TEST 23: a script after us sets another body: it is signed as that, also where its length is the same
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- files
>>> other.txt
OTHER
--- config eval: ::script('local how = ngx.var.uri:match("%w+$") if how == "data" then ngx.req.set_body_data("OTHER") elseif how == "file" then ngx.req.set_body_file("%%SERVROOT%%/other.txt") elseif how == "init" then ngx.req.init_body() ngx.req.append_body("OTHER") ngx.req.finish_body() else ngx.req.set_body_data("") end')
--- s3_sign eval: [map { ($_) x 8 } $::checked[0]]
--- request eval: [map { ("PUT /bucket/$_") x 2 } qw(data file init empty)]
--- request_body_size eval: [(5, 20_000) x 4]
--- error_code: 200
--- code
like($_->{body}, qr/\A(?:OTHER\n?|)\z/, 'the script has the last word') for $t->received('a');

=== TEST 24: likewise, where frames were announced: refused
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- files
>>> other.txt
OTHER
--- config eval: ::script('local how = ngx.var.uri:match("%w+$") if how == "data" then ngx.req.set_body_data("OTHER") elseif how == "file" then ngx.req.set_body_file("%%SERVROOT%%/other.txt") elseif how == "init" then ngx.req.init_body() ngx.req.append_body("OTHER") ngx.req.finish_body() elseif how == "more" then ngx.req.set_body_data((ngx.req.get_body_data() or "") .. "0") else ngx.req.set_body_data("") end')
--- s3_sign eval: [map { ($_) x 10 } @::checked[1, 2, 3]]
--- request eval: [map { map { ("PUT /bucket/$_") x 2 } qw(data file init more empty) } 1 .. 3]
--- request_body_size eval: [(5, 20_000) x 15]
--- error_code: 502
--- code: is(scalar(my @sent = $t->received('a')), 0, 'nothing is sent');

=== TEST 25: likewise, where frames are taken off: no more and no less than the length that is stated
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- http_config eval: S3Proxy::Setup::http_config(a => 'payload unsigned;', more => 'upstream other { server %%ORIGIN_A%%; }')
--- files
>>> other.txt
OTHER
--- config eval: ::script('local how = ngx.var.uri:match("%w+$") if how == "data" then ngx.req.set_body_data("OTHER") elseif how == "file" then ngx.req.set_body_file("%%SERVROOT%%/other.txt") elseif how == "init" then ngx.req.init_body() ngx.req.append_body("OTHER") ngx.req.finish_body() else ngx.req.set_body_data("") end')
--- s3_sign eval: [map { ($_) x 8 } @::checked[1, 2, 3]]
--- request eval: [map { map { ("PUT /bucket/$_") x 2 } qw(data file init empty) } 1 .. 3]
--- request_body_size eval: [(5, 20_000) x 12]
--- error_code: 200
--- code
like($_->{body}, qr/\A(?:OTHER\n?|)\z/, 'the script has the last word') for $t->received('a');

=== TEST 26: what has no body, and what a script read of it, where each hash is verified
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: $::read_early =~ s/location \/ \{/location \/late\/ { access_by_lua_block { ngx.req.read_body() } s3_verify_payload on; $::proxy proxy_pass http:\/\/other; } location \/ {/r
--- s3_sign eval: $::client
--- request eval: [map { ("GET $_", "HEAD $_", "DELETE $_", "PUT $_\n") } '/bucket/key', '/late/key']
--- error_code: 200

=== TEST 16: where nobody is verified, what is framed is taken apart and signed anew all the same
--- config eval: "$::settings location / { proxy_pass http://%%ORIGIN_B%%; }" =~ s/s3_verify apps;/s3_verify off;/r
--- http_config eval: S3Proxy::Setup::http_config(more => 'upstream other { server %%ORIGIN_A%%; }')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: .*/b: 200 header="X-Accel-Redirect: \@other"/mr
--- client_key_sent
--- s3_sign eval: [map { ($_) x 2 } @::checked]
--- request eval: [("PUT /bucket/key") x 10]
--- request_body_size eval: [(5, 20_000) x 5]
--- error_code: 200
--- code: all_whole($t);
