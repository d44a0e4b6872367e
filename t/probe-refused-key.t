# Tests for what s3_probe and its shared memory know of an origin that refuses our key: a HEAD has no document that says so.

use v5.36;
use lib 't/lib';
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;

workers(2);

# Refusals alone count here: the origin stays in use.
default_sections(
    http_config => probed(probe => 's3_probe interval=100ms timeout=2s fall=10 rise=1;'),
    config      => config(server => 'location = /healthz { s3_health b a; }'),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => '',
);

sub main::head ($t) { return $t->send(request => 'HEAD /bucket/key')->{status} }

# Has origin b do that, and waits for more probes of it.
sub main::b_does ($t, $state, $more = 2) {
    $t->set_state('b', $state);
    my $before = my @before = $t->probes('b');
    ok(until_true(20, sub { (my @now = $t->probes('b')) >= $before + $more }), 'probed');
    return;
}

run_tests();

__DATA__

=== TEST 1: a GET that was refused in one worker: others know
--- fatal_log
--- http_config eval: ::probed(probe => 's3_probe interval=1h timeout=2s fall=10;')
--- code
both_are_up($t);
$t->set_state('b', '403 InvalidAccessKeyId');
is($t->send(request => 'GET /bucket/key')->{body}, 'from a', 'a GET');
my ($worker) = $t->nginx->log =~ /(\d+)#\d+: \*\d+ s3: origin "b" refused the key/;
ok($worker, 'one worker has seen the refusal') or return;
kill 'KILL', $worker;
ok(until_true(20, sub { (my @workers = grep { $_ != $worker } $t->nginx->workers) == 2 }), 'a new one is in its place');
is(head($t), 200, 'a HEAD in another') for 1 .. 8;

=== TEST 2: a probe that was refused, before it has taken the origin out
--- code
both_are_up($t);
b_does($t, '403 InvalidAccessKeyId');
is(head($t), 200, 'a HEAD');
unlike($t->nginx->log, qr/origin b is down/, 'the origin is still in use');

=== TEST 3: a probe that is not: the next 403 is the client's
--- code
both_are_up($t);
b_does($t, '403 InvalidAccessKeyId');
is(head($t), 200, 'refused');
b_does($t, '403 AccessDenied', 3);
# The worker that has seen the HEAD's 403 keeps that for itself, until it hears otherwise.
$t->send(request => 'GET /bucket/key') for 1 .. 8;
ok(until_true(20, sub { $t->send(request => 'GET /bucket/key'); head($t) == 403 }), 'AccessDenied');

=== TEST 4: other failures of a probe say nothing about the key
--- code
both_are_up($t);
b_does($t, '500 InternalError');
$t->set_state('b', '403 AccessDenied');
is(head($t), 403, 'a 403 is the client\'s');

=== TEST 5: with the defaults the origin is down soon, and HEADs go to the backup
--- http_config eval: ::probed(probe => 's3_probe;', upstream => 'zone s3 64k; keepalive 4;')
--- code
both_are_up($t);
$t->set_state('b', '403 InvalidAccessKeyId');
ok($t->wait_for_log(qr/s3: origin b is down: 403 InvalidAccessKeyId/), 'down');
my $before = () = $t->received('b');
is(head($t), 200, 'and another') for 1 .. 8;
is(scalar(my @now = $t->received('b')), $before, 'none of them has asked the primary');
