# Tests for origins behind TLS: each with its name in SNI and in its
# certificate, the certificate verified, also at the retry.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our ($http, $upstream) = (tls_blocks(), tls_upstream());

default_sections(
    http_config => $http . $upstream,
    config      => config(scheme => 'https'),
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
);

run_tests();

__DATA__

=== TEST 1: the primary, its name in SNI, verified
--- origins eval: ::tls_origins('localhost', '127.1')
--- error_code: 200
--- response_body: from b
--- origin_request_like
b: ^Host: localhost:%%ORIGIN_B_PORT%%$
--- code
is(($t->received('b'))[0]{sni}, 'localhost', 'SNI');

=== TEST 2: failover: the other's name in SNI, its certificate verified, its key
--- origins eval: ::tls_origins('localhost', '127.1', '503 | ')
--- error_code: 200
--- response_body: from a
--- origin_request_like
a: ^Host: 127.1:%%ORIGIN_A_PORT%%$
--- code
is(($t->received('b'))[0]{sni}, 'localhost', 'SNI of the first');
is(($t->received('a'))[0]{sni}, '127.1', 'SNI of the second');

=== TEST 3: a certificate for another name is refused, the backup serves
--- origins eval: ::tls_origins('evil.example', '127.1')
--- error_code: 200
--- response_body: from a
--- origin_count: a=1 b=0
--- error_log: upstream SSL certificate does not match "localhost"

=== TEST 4: the first origin's certificate does not do for the second
--- origins eval: ::tls_origins('evil.example', 'localhost')
--- error_code: 503
--- origin_count: a=0 b=0

=== TEST 5: keepalive and sessions: the right name for each
--- http_config eval: $::http . $::upstream =~ s/backup;/backup; keepalive 8;/r
--- origins eval: ::tls_origins('localhost', '127.1', '200 body="from b" | 503 | 200 body="from b" no_keepalive | 503 | ')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 6]
--- error_code: 200
--- code
my %sni = map { $_->{origin} . ' ' . ($_->{sni} // '') => 1 } $t->received;
is(join(', ', sort keys %sni), 'a 127.1, b localhost', 'SNI');

=== TEST 6: an upload over TLS, failing over
--- origins eval: ::tls_origins('localhost', '127.1', '503 | ')
--- request
PUT /bucket/key
--- request_body_size: 500k
--- error_code: 200
--- origin_body_sha256
a: sent
b: sent

=== TEST 7: the client too comes over TLS
--- https
--- origins eval: ::tls_origins('localhost', '127.1')
--- error_code: 200

=== TEST 8: the default port does not stand in Host
--- http_config eval: ::clients() . 's3_origin b { endpoint https://localhost; region eu-west-1; key AKIDORIGINB origin-b/Secret+Key=; } upstream s3 { server localhost:443; }'
--- nginx_conf_ok

=== TEST 9: host: its name in SNI, its certificate
--- http_config eval: $::http =~ s/(endpoint https:..localhost:\S+)/$1 host b.example.com;/r . $::upstream
--- origins eval: ::tls_origins('b.example.com', '127.1')
--- error_code: 200
--- response_body: from b
--- origin_request_like
b: ^Host: b\.example\.com$
--- code
is(($t->received('b'))[0]{sni}, 'b.example.com', 'SNI');

=== TEST 10: host: the certificate of its endpoint does not do
--- http_config eval: $::http =~ s/(endpoint https:..localhost:\S+)/$1 host b.example.com;/r . $::upstream
--- origins eval: ::tls_origins('localhost', '127.1')
--- error_code: 200
--- origin_count: a=1 b=0
--- error_log: upstream SSL certificate does not match "b.example.com"
