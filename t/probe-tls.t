# Tests for s3_probe of origins behind TLS: they are asked exactly as requests are sent to them.

use v5.36;
use lib 't/lib';
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;

our ($http, $upstream) = (tls_blocks(), tls_upstream('s3_probe interval=100ms timeout=3s;'));

default_sections(
    http_config => $http . $upstream,
    config      => config(scheme => 'https', server => 'location = /healthz { s3_health b a; }'),
    s3_sign     => $CLIENT,
    fresh       => '',
);

sub main::health ($t) { return $t->send(request => 'GET /healthz', s3_sign => undef)->{body} }

sub main::is_down ($t, $reason) {
    ok($t->wait_for_log(qr/s3: origin b(?: \(127\.0\.0\.1:\d+\))? is down: \Q$reason\E/), $reason) or diag($t->nginx->log);
    is($t->send(request => 'GET /bucket/key')->{body}, 'from a', 'the backup');
    return;
}

run_tests();

__DATA__

=== TEST 1: the name in SNI and in the certificate, which is verified
--- origins eval: ::tls_origins('localhost', '127.1')
--- code
ok(until_true(20, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
is(($t->probes('b'))[0]{sni}, 'localhost', 'SNI of b');
is(($t->probes('a'))[0]{sni}, '127.1', 'SNI of a');
like(($t->probes('b'))[0]{head}, qr/^Host: localhost:\d+$/m, 'Host');
is($_->{verdict}, 'ok', 'signature') for ($t->probes('b'))[0], ($t->probes('a'))[0];
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'the primary');

=== TEST 2: a certificate for another name
--- origins eval: ::tls_origins('evil.example', '127.1')
--- code
is_down($t, 'certificate for another name');
is(scalar(my @asked = $t->probes('b')), 0, 'nothing was sent');

=== TEST 3: a certificate of an authority that is not trusted
--- origins eval: ::tls_origins('localhost', '127.1')
--- http_config eval: $::http =~ s/%%CA%%/%%CERT:other%%/r . $::upstream
--- code
ok($t->wait_for_log(qr/origin b.* is down: .*unable to verify the first certificate|origin b.* is down: .*unable to get local issuer certificate/), 'OpenSSL says why') or diag($t->nginx->log);
is(scalar(my @asked = $t->probes), 0, 'nothing was sent');

=== TEST 4: no check of certificates where requests have none
--- origins eval: ::tls_origins('evil.example', 'evil.example')
--- http_config eval: $::http =~ s/proxy_ssl_verify on/proxy_ssl_verify off/r . $::upstream
--- code
ok(until_true(20, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'so are requests');

=== TEST 5: an origin that leaves the handshake
--- origins eval: ::tls_origins('localhost', '127.1') =~ s/^b: tls=localhost /b: tls=localhost accept_close /mr
--- code
is_down($t, 'no TLS handshake');

=== TEST 6: one that never ends the handshake
--- origins eval: ::tls_origins('localhost', '127.1')
--- code
ok(until_true(20, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
$t->signal('b', 'STOP');
is_down($t, 'no answer in 3000 ms');
$t->signal('b', 'CONT');
ok($t->wait_for_log(qr/is up again/), 'up again');

=== TEST 7: a name of the configuration's own
--- origins eval: ::tls_origins('fixed.example', 'fixed.example')
--- http_config eval: $::http =~ s/\$s3_origin_host/fixed.example/r . $::upstream
--- code
ok(until_true(20, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
is(($t->probes('b'))[0]{sni}, 'fixed.example', 'SNI');

=== TEST 8: no SNI where requests have none
--- origins eval: ::tls_origins('localhost', '127.1')
--- http_config eval: $::http =~ s/proxy_ssl_server_name on/proxy_ssl_server_name off/r . $::upstream
--- code
ok(until_true(20, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
is(($t->probes('b'))[0]{sni}, undef, 'no SNI');

=== TEST 9: a request that waits in a handshake leaves it
--- origins eval: ::tls_origins('localhost', '127.1')
--- http_config eval: $::http . $::upstream
--- code
$t->signal('b', 'STOP');
is($t->send(request => 'GET /bucket/key', timeout => 30)->{body}, 'from a', 'the backup');
$t->signal('b', 'CONT');

=== TEST 10: a client certificate, as requests have it
--- origins eval: ::tls_origins('localhost', '127.1')
--- http_config eval: "$::http proxy_ssl_certificate %%CERT:client%%; proxy_ssl_certificate_key %%KEY:client%%; $::upstream"
--- code
ok(until_true(20, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
