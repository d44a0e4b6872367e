# Tests for targets that nginx decodes and escapes anew before they are signed: the object that was verified is the one that
# the origin is asked for, whatever bytes its key has.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our $client = $CLIENT;
our $settings = <<'EOF';
        s3_verify apps;
        s3_resign on;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        client_max_body_size 0;
EOF

default_sections(
    http_config => http_config(),
    config      => <<"EOF",
$settings
        location /plain/   { proxy_pass http://s3; }
        location /prefix/  { proxy_pass http://s3/bucket/; }
        location /rewrite/ { rewrite (?s)^/rewrite/(.*)\$ /bucket/\$1 break; proxy_pass http://s3; }
        location /again/   { rewrite (?s)^/again/(.*)\$ /plain/\$1 last; }
        location /try/     { try_files /nothing.here \@try; }
        location \@try     { proxy_pass http://s3; }
        location ~ ^/regex/ { rewrite (?s)^/regex/(.*)\$ /bucket/\$1 break; proxy_pass http://s3; }
        location /query/   { rewrite ^/query/(.*)\$ /bucket?prefix=\$1 break; proxy_pass http://s3; }
        location /raw/     { proxy_pass http://s3/bucket\$request_uri; }
EOF
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
);

# Where a location's targets go.
our %to = (
    plain => '/plain/', prefix => '/bucket/', rewrite => '/bucket/', again => '/plain/', try => '/try/', regex => '/bucket/',
    raw => '/bucket/raw/',
);

# What each request asked the origin for.
sub targets ($t) {
    return map { $_->{head} =~ m{\A\S+ (\S+) HTTP} ? $1 : '-' } $t->received('b');
}

# Sends a request for each key to each location, and holds what arrives against what is expected of the key.
sub check ($t, $method, $keys, @locations) {
    for my $location (@locations) {
        my @before = targets($t);
        $t->send(request => "$method /$location/$_->[0]", s3_sign => $client) for @$keys;
        my @found = targets($t);
        splice @found, 0, scalar @before;
        Test::More::is_deeply(\@found, [map { "$to{$location}$_->[1]" } @$keys], "$method, location $location");
    }
    return;
}

# Every byte, escaped; canonically, only those that have to be. NUL is refused.
our $bytes = [map {
    my $escape = sprintf '%%%02X', $_;
    ["a${escape}b", chr =~ /[A-Za-z0-9_.~\/-]/ ? 'a' . chr() . 'b' : "a${escape}b"]
} 1 .. 255];

run_tests();

__DATA__

=== TEST 1: every byte, escaped
--- timeout: 60
--- request: GET /plain/key
--- code
main::check($t, 'GET', $main::bytes, sort keys %main::to);

=== TEST 2: a plus in every method
--- request: GET /plain/key
--- code
main::check($t, $_, [['a%2Bb', 'a%2Bb'], ['c%2b%20', 'c%2B%20']], sort keys %main::to) for qw(HEAD PUT DELETE);

=== TEST 3: a plus that the client wrote for a blank, and both
--- request: GET /plain/key
--- code
main::check($t, 'GET', [['a+b', 'a%20b'], ['a+b%2Bc%20d+', 'a%20b%2Bc%20d%20']], sort keys %main::to);

=== TEST 4: slashes are merged where nginx rewrites, and only there
--- request: GET /plain/key
--- code
main::check($t, 'GET', [['a//b%2Bc+d', 'a//b%2Bc%20d']], qw(plain raw));
main::check($t, 'GET', [['a//b%2Bc+d', 'a/b%2Bc%20d']], qw(prefix rewrite again));

=== TEST 5: unless merge_slashes says otherwise
--- config eval: "merge_slashes off; $::settings location /prefix/ { proxy_pass http://s3/bucket/; }"
--- request: GET /prefix/a//b%2Bc
--- error_code: 200
--- origin_request_like
b: \AGET /bucket/a//b%2Bc HTTP

=== TEST 6: what cannot be told is not sent
--- request: PUT /prefix/x+y/../a%2Bb/./c+d
--- error_code: 502
--- error_log: the rewritten path has a "+" that may be a blank or a plus
--- origin_count: a=0 b=0

=== TEST 7: queries go as they came, and captures that become one are escaped
--- request eval: ["GET /prefix/?prefix=a%2Bb+c&delimiter=%2F", "GET /query/a%2Bb%26c"]
--- error_code: 200
--- origin_request_like
b[0]: \AGET /bucket/\?delimiter=%2F&prefix=a%2Bb%20c HTTP
b[1]: \AGET /bucket\?prefix=a%2Bb%26c HTTP

=== TEST 8: unverified
--- s3_sign:
--- config eval: ($::settings =~ s/apps/off/r) . "location /prefix/ { proxy_pass http://s3/bucket/; }"
--- request eval: ["GET /prefix/a%2Bb", "GET /prefix/a+b"]
--- error_code: 200
--- origin_request_like
b[0]: \AGET /bucket/a%2Bb HTTP
b[1]: \AGET /bucket/a%20b HTTP

=== TEST 9: what nginx sends as it has decoded it is another object, a query, or more headers: it is not sent
--- config eval
"$::settings location ~ (?s)^/capture/(?<key>.*)\$ { proxy_pass http://s3/bucket/\$key; } location /uri/ { proxy_pass http://s3\$uri\$is_args\$args; }
 location ~ ^/glued/([^/]*)/(.*)\$ { proxy_pass http://s3/pre-\$1/\$2.html; } location ~ ^/list/(.*)\$ { proxy_pass http://s3/bucket?prefix=\$1; }"
--- request eval
["PUT /list/a%26acl\n<Acl/>", "PUT /list/x/a&acl\n<Acl/>", (map { ("PUT /capture/$_\n<Acl/>", "PUT /uri/$_\n<Acl/>", "PUT /glued/x/$_\n<Acl/>") } qw(a%3Facl %3Facl a%3Facl/b a%252541 a%252e%252e/%252e%252e%252fb)),
 (map { ("PUT /$_/a%20HTTP/1.1%0D%0AX-Amz-Acl:%20public-read%0D%0AY:%20z\n<Acl/>") } qw(capture uri))]
--- s3_error: 502 ServiceUnavailable
--- error_log: the rewritten path has bytes of the client's that are no longer escaped
--- origin_count: a=0 b=0

=== TEST 9.0: also where the capture leaves off the end
--- config eval
"$::settings location ~ (?s)^/page/(.*)\\.html\$ { proxy_pass http://s3/bucket/\$1; } location ~ ^/list/(.*)\\.html\$ { proxy_pass http://s3/bucket?prefix=\$1&x=y; }
 location ~ (?s)^/name/(.*)\\.html\$ { proxy_set_header X-P \"\$1; q\"; proxy_pass http://s3; }"
--- request eval
[map { "PUT /$_.html\n<Acl/>" } qw(page/a%3Facl page/%3Facl page/a/%252e%252e list/a%26acl name/a%0D%0AX-Amz-Acl:%20private)]
--- s3_error: 502 ServiceUnavailable
--- error_log: the rewritten path has bytes of the client's that are no longer escaped
--- origin_count: a=0 b=0

=== TEST 9.1: nor a header with such a path
--- config eval
"$::settings location / { proxy_set_header X-P \$uri; proxy_pass http://s3; } location ~ (?s)^/capture/(?<key>.*)\$ { proxy_set_header x-amz-meta-key \$key; proxy_pass http://s3; }
 location /body/ { proxy_set_header X-P \$uri; proxy_set_header Host b; proxy_pass http://s3; }"
--- request eval
[(map { "PUT /$_%0D%0AX-Amz-Acl:%20public-read\n<Acl/>" } qw(bucket/a capture/a body/a capture/)), (map { "PUT /$_%0D%0A\n<Acl/>" } qw(bucket/a body/a))]
--- s3_error: 502 ServiceUnavailable
--- error_log: the rewritten path has bytes of the client's that are no longer escaped
--- origin_count: a=0 b=0

=== TEST 9.2: which may go on as a key
--- config eval: "$::settings location / { proxy_set_header X-P \$request_uri; proxy_set_header x-amz-meta-key \$s3_key; proxy_pass http://s3; }"
--- request: PUT /bucket/a%0D%0AX-Amz-Acl:%20public-read
--- error_code: 200
--- origin_request_like
b: \APUT /bucket/a%0D%0AX-Amz-Acl%3A%20public-read HTTP
b: ^x-amz-meta-key: a%0D%0AX-Amz-Acl%3A%20public-read$

=== TEST 10: what it need not escape goes on from there
--- config eval: "$::settings location ~ (?s)^/capture/(?<key>.*)\$ { proxy_pass http://s3/bucket/\$key?x=y; } location /uri/ { proxy_pass http://s3\$uri\$is_args\$args; }"
--- request eval: ["GET /capture/a/b%2Bc", "GET /uri/a%2Bb?c=%3F", "GET /uri/%E2%82%AC"]
--- error_code: 200
--- origin_request_like
b[0]: \AGET /bucket/a/b%2Bc\?x=y HTTP
b[1]: \AGET /uri/a%2Bb\?c=%3F HTTP
b[2]: \AGET /uri/%E2%82%AC HTTP
