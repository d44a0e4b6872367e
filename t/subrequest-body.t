# Tests for requests that leave with another body than the client's, or with
# none: each is signed as what it is, and nothing that the client said of its own
# body goes along. Of each payload mode, whether the origin takes frames or not.

use v5.36;
use lib 't/lib';
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;

my $LUA = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
our $lua = -e $LUA && S3Proxy::Nginx::binary() eq '/usr/sbin/nginx'
    ? "load_module /usr/lib/nginx/modules/ndk_http_module.so;\nload_module $LUA;" : '';

our @modes = ("$CLIENT payload=hex", "$CLIENT payload=unsigned", "$CLIENT presign=900", map { "$CLIENT payload=$_ chunk=8192" }
    'streaming', 'streaming-trailer trailer=x-amz-checksum-crc32', 'streaming-unsigned trailer=x-amz-checksum-crc32');
our $uploads = [map { "PUT /bucket/key$_" } 0 .. $#modes];
our $unframed = http_config(a => 'payload unsigned;', b => 'payload unsigned;');

default_sections(
    http_config       => http_config(),
    origins           => $ORIGINS,
    s3_sign           => [@modes],
    request           => $uploads,
    request_body_size => 9000,
    more_headers      => "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\nx-amz-checksum-sha1: AAAA\nx-amz-sdk-checksum-algorithm: SHA1",
    error_code        => 200,
);

# What an origin got: the SHA-256 that is signed, the length that is announced (undef: none), the bytes.
sub main::got ($t, $origin, $target, $length, $body, $hash = undef) {
    my @got = grep { $_->{target} =~ $target } $t->received($origin);
    is(scalar(@got), scalar(@{ $t->{requests} }), $t->name("all arrive at $origin"));
    require Digest::SHA;
    $hash //= Digest::SHA::sha256_hex($body);
    for (@got) {
        my ($sha) = $_->{head} =~ /^x-amz-content-sha256: (.*?)\r?$/mi;
        is($sha, $hash, $t->name('its hash is signed'));
        my ($announced) = $_->{head} =~ /^Content-Length: (\d+)/mi;
        is($announced, $length, $t->name('its length is announced'));
        is($_->{body} // '', $body, $t->name('it is the body'));
        unlike($_->{head}, qr/^(?:Content-MD5|x-amz-checksum|x-amz-sdk|x-amz-trailer|x-amz-decoded|Transfer-Encoding)|aws-chunked/mi,
            $t->name('nothing is said of another'));
    }
    return;
}

# No more than the location needs: neither Content-Length nor Transfer-Encoding is taken off by hand.
sub main::asks ($directive, $more = 'proxy_method GET; proxy_pass_request_body off;', $location = '') {
    return config(location => "$directive; $location", server =>
        "location = /sub { internal; s3_verify apps; s3_resign on; proxy_http_version 1.1; $more proxy_pass http://s3/own/object; }");
}

run_tests();

__DATA__

=== TEST 1: auth_request: no body
--- config eval: ::asks('auth_request /sub')
--- more_headers:
--- code: got($t, 'b', qr{^/own}, undef, '');

=== TEST 2: the same, unbuffered, without framing
--- http_config eval: $::unframed
--- config eval: ::asks('auth_request /sub', 'proxy_method GET; proxy_pass_request_body off;', 'proxy_request_buffering off;')
--- more_headers:
--- code: got($t, 'b', qr{^/own}, undef, '');

=== TEST 3: auth_request by a PUT: an empty object, with its length
--- config eval: ::asks('auth_request /sub', 'proxy_method PUT;')
--- more_headers:
--- code: got($t, 'b', qr{^/own}, 0, '');

=== TEST 4: proxy_set_body
--- config eval: ::config(location => 'proxy_set_body "another object";')
--- code: got($t, 'b', qr{^/bucket}, 14, 'another object');

=== TEST 5: the same without framing, unbuffered, and sent twice
--- http_config eval: $::unframed
--- config eval: ::config(location => 'proxy_set_body "another object"; proxy_request_buffering off;')
--- origins eval: $ORIGINS =~ s/^(b: \S+) 200/$1 503/mr
--- code: got($t, $_, qr{^/bucket}, 14, 'another object') for 'b', 'a';

=== TEST 6: proxy_set_body of nothing, and proxy_pass_request_body off: an empty object
--- config eval: ::config(location => 'proxy_set_body "";')
--- code: got($t, 'b', qr{^/bucket}, 0, '');

=== TEST 7: proxy_pass_request_body off, sent twice
--- http_config eval: $::unframed
--- config eval: ::config(location => 'proxy_pass_request_body off;')
--- origins eval: $ORIGINS =~ s/^(b: \S+) 200/$1 503/mr
--- code: got($t, $_, qr{^/bucket}, 0, '') for 'b', 'a';

=== TEST 8: the client's frames are no object
--- config eval: ::config(location => 'client_body_buffer_size 64k; proxy_set_body "x$request_body";')
--- s3_sign eval: [@::modes[3 .. 5]]
--- request eval: [@$::uploads[3 .. 5]]
--- more_headers:
--- error_code: 502
--- origin_count: a=0 b=0
--- error_log: its body would be the client's aws-chunked frames

=== TEST 9: its object is
--- http_config eval: $::unframed
--- config eval: ::config(location => 'client_body_buffer_size 64k; proxy_set_body $request_body;')
--- more_headers:
--- code: got($t, 'b', qr{^/bucket}, 9000, $t->{requests}[0]{body});

=== TEST 10: a mirror with a body of its own, beside a request that is as it was
--- config eval: ::asks('mirror /sub', 'proxy_set_body mirrored; proxy_method POST;')
--- more_headers:
--- code: got($t, 'b', qr{^/own}, 8, 'mirrored');

=== TEST 11: a mirror of the client's body has the client's statements
--- config eval: ::asks('mirror /sub', 'proxy_method PUT;')
--- s3_sign eval: $::modes[0]
--- request: PUT /bucket/key
--- more_headers: x-amz-meta-a: b
--- origin_body_sha256: b: sent
--- code: is(scalar(grep { $_->{body} eq $t->{requests}[0]{body} } $t->received('b')), 2, $t->name('both'));

=== TEST 12: a capture with a body of its own
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: ::asks('proxy_redirect off', '', 'access_by_lua_block { ngx.location.capture("/sub", { method = ngx.HTTP_PUT, body = "captured" }) }')
--- more_headers:
--- code: got($t, 'b', qr{^/own}, 8, 'captured', 'UNSIGNED-PAYLOAD');
