# Tests for subrequests: which of them lean on the request that they serve, and
# that each is signed as what it is.

use v5.36;
use lib 't/lib';
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

# Each payload mode of an upload, by name.
our @modes = ($CLIENT, "$CLIENT payload=unsigned", map { "$CLIENT payload=$_ chunk=8192" }
    'streaming', 'streaming-trailer trailer=x-amz-checksum-crc32', 'streaming-unsigned trailer=x-amz-checksum-crc32');
our $uploads = [map { "PUT /bucket/key$_" } 0 .. $#modes];

# A location that verifies and does not sign, in front of origin b, which judges nothing.
sub main::verifying ($more = '') {
    return config(location => $more) =~ s/s3_resign on;//r;
}
our $plain = 'b: 200 body="from b"';

# `location /` lets anybody in; a subrequest goes to a location that verifies.
sub main::asks ($by, $there = 'proxy_pass http://s3;', $server = '') {
    return <<"END";
        client_max_body_size 0;
        $server
        location / { $by; proxy_pass http://%%ORIGIN_A%%; }
        location = /there { internal; s3_verify apps; proxy_pass_request_body off; $there }
END
}

# The bytes that the origin got of each request are those that the client sent.
sub main::same ($t, $origin) {
    my @received = $t->received($origin);
    is(scalar(@received), scalar(@{ $t->{requests} }), $t->name('all arrive'));
    ok($received[$_]{body} eq $t->{requests}[$_]{body}, $t->name("body $_")) for 0 .. $#received;
    return;
}

run_tests();

__DATA__

=== TEST 1: s3_verify without s3_resign: the client's own bytes go on, checked
--- config eval: ::verifying()
--- origins eval: $::plain
--- s3_sign eval: [@::modes]
--- request eval: $::uploads
--- request_body_size: 20000
--- error_code: 200
--- client_key_sent
--- code: same($t, 'b')

=== TEST 2: the same unbuffered, from a file, with payload unsigned at the origin
--- http_config eval: ::http_config(b => 'payload unsigned;')
--- config eval: ::verifying('proxy_request_buffering off; client_body_buffer_size 1k;')
--- origins eval: $::plain
--- s3_sign eval: [@::modes]
--- request eval: $::uploads
--- request_body_size: 20000
--- write_size: 3000
--- error_code: 200
--- client_key_sent
--- code: same($t, 'b')

=== TEST 3: and a false chunk does not
--- config eval: ::verifying()
--- origins eval: $::plain
--- s3_sign eval: "$::client payload=streaming chunk=8192 tamper_body=s/0001000/0001001/"
--- request: PUT /bucket/key
--- request_body_size: 20000
--- s3_error: 403 SignatureDoesNotMatch
--- origin_count: b=0
--- client_key_sent

=== TEST 4: auth_request to a location that verifies: nobody passes unverified
--- config eval: ::asks('auth_request /there')
--- origins eval: "a: 200 body=secret\nb: 200"
--- s3_sign eval: ["", "AKIDCLIENT wrong", $::client]
--- request eval: [("GET /bucket/key") x 3]
--- error_code: 403
--- response_body_unlike: secret
--- origin_count: a=0 b=0
--- error_log: "s3_verify apps" is in force in its location, and not where the request came in

=== TEST 5: nor where the location answers by itself, or signs
--- config eval: ::asks('auth_request /there', 'return 204;')
--- origins eval: "a: 200 body=secret\nb: 200"
--- s3_sign:
--- error_code: 403
--- origin_count: a=0 b=0

=== TEST 6: nor where the location signs
--- config eval: ::asks('auth_request /there', 's3_resign on; proxy_pass http://s3;')
--- s3_sign:
--- error_code: 403
--- origin_count: a=0 b=0

=== TEST 7: nor where the request came in unverified, by s3_verify off or other clients
--- http_config eval: ::http_config(more => "s3_clients others { key AKIDOTHER other/Secret; }\n")
--- config eval: ::asks('s3_verify off; s3_resign a; auth_request /there', 's3_resign on; proxy_pass http://s3;', 'location /others/ { s3_verify others; s3_resign a; auth_request /there; proxy_pass http://%%ORIGIN_A%%; }')
--- s3_sign eval: ["", "AKIDOTHER other/Secret"]
--- request eval: ["GET /bucket/key", "GET /others/key"]
--- s3_error: 403 AccessDenied
--- origin_count: a=0 b=0

=== TEST 8: nor by an error page of the subrequest, in a named location
--- config eval: ::asks('auth_request /ask', 'return 204;', 'location = /ask { internal; error_page 404 = @named; return 404; } location @named { s3_verify apps; proxy_pass http://s3; }')
--- origins eval: "a: 200 body=secret\nb: 200"
--- s3_sign:
--- error_code: 403
--- origin_count: a=0 b=0

=== TEST 9: SSI and mirror: what is included is not shown, what is mirrored is not sent
--- config eval: ::asks('ssi on; ssi_types *; mirror /there')
--- origins eval: qq{a: 200 body='<!--# include virtual="/there" -->' header="Content-Type: text/html"\nb: 200 body=secret}
--- s3_sign:
--- error_code: 200
--- response_body_unlike: secret
--- origin_count: a=1 b=0

=== TEST 10: where the same clients were verified, a subrequest may lean on it
--- config eval: ::config(location => 'auth_request /ask;', server => 'location = /ask { internal; s3_verify apps; s3_resign on; proxy_pass http://s3; }')
--- s3_sign eval: [$::client, "AKIDCLIENT wrong"]
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 200 403
--- origin_count: b=2
