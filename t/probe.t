# Tests for s3_probe: no request waits for an origin that is hung, cut off, or refuses our key.

use v5.36;
use lib 't/lib';
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes qw(time);

# nginx's own timeouts are far away: what is quick here is quick by probes.
# Slow enough for a request to be there before its origin is known to be down.
our $SLOW_PROBE = 's3_probe interval=1s timeout=1s;';
our $SOON = 20 * ($ENV{TEST_NGINX_PATIENCE} || 1);
our $slow = 'proxy_read_timeout 60s; proxy_connect_timeout 60s; proxy_send_timeout 60s;';

default_sections(
    http_config => probed(),
    config      => config(location => $slow, server => 'location = /healthz { s3_health b a; }'),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => '',
);

# The answer, and how long it took.
sub main::timed ($t, %request) {
    my $start = time;
    my $response = $t->send(timeout => 40, %request);
    return ($response, time - $start);
}

sub main::is_from ($t, $origin, $why, %request) {
    my ($response, $took) = timed($t, request => 'GET /bucket/key', %request);
    is("$response->{status} $response->{body}", "200 from $origin", $why);
    cmp_ok($took, '<', $::SOON, "$why: it did not wait for nginx's timeouts");
    return;
}

# Takes origin b down and waits until that is known.
sub main::goes_down ($t, $do, $line) {
    $do->();
    ok($t->wait_for_log(qr/\[error\] .* s3: origin b is down: $line/), "known to be down: $line")
        or diag($t->nginx->log);
    return;
}

sub main::comes_back ($t, $do) {
    $do->();
    ok($t->wait_for_log(qr/s3: origin b is up again after \d+ s/), 'known to be up again') or diag($t->nginx->log);
    return;
}

run_tests();

__DATA__

=== TEST 1: origins are asked without a client, each in its own way
--- code
my @asked = until_true(10, sub { (my @a = $t->probes('a')) >= 3 && (my @b = $t->probes('b')) >= 3 });
is($_->{verdict}, 'ok', "the signature of a probe of $_->{origin}") for $t->probes;
for (map { ($t->probes($_))[0] } qw(a b)) {
    is("$_->{method} $_->{target}", 'GET /', 'what is asked');
    like($_->{head}, qr/^x-amz-content-sha256: e3b0c44298fc1c14/m, 'the hash of no body is signed');
}
is(scalar(my @requests = $t->received), 0, 'and nothing else');
unlike($t->nginx->log, qr/s3: origin/, 'no line about what has not changed');
is_from($t, 'b', 'the primary');

=== TEST 1.1: without parameters: GET / twice a second, and an answer within half of one
--- http_config eval: ::probed(probe => 's3_probe;')
--- code
until_true(10, sub { (my @asked = $t->probes('b')) >= 2 });
my ($before, $start) = (scalar(my @asked = $t->probes('b')), time);
until_true(20, sub { (my @now = $t->probes('b')) >= $before + 6 });
my $took = time - $start;
# No sooner, and on a machine that is busy later.
cmp_ok($took, '>', 2.3, 'six of them');
cmp_ok($took, '<', 6 * ($ENV{TEST_NGINX_PATIENCE} || 1), 'six of them');
is(join(' ', map { "$_->{method} $_->{target}" } ($t->probes('b'))[0]), 'GET /', 'what is asked');
goes_down($t, sub { $t->signal('b', 'STOP') }, 'no answer in 500 ms');
is_from($t, 'a', 'the other');

=== TEST 2: a request that waits for an origin that was stopped leaves it
--- http_config eval: ::probed(probe => $::SLOW_PROBE)
--- code
$t->signal('b', 'STOP');
is_from($t, 'a', 'a waiting GET');
like($t->nginx->log, qr/s3: origin b is down: no answer in 1000 ms/, 'the log says so');
is_from($t, 'a', 'those that follow');
comes_back($t, sub { $t->signal('b', 'CONT') });
is_from($t, 'b', 'back at the primary');
my @lines = $t->nginx->log =~ /(s3: origin b is .*)/g;
is(scalar(@lines), 2, 'one line for each change');

=== TEST 3: HEAD, PUT and DELETE leave as well, a PUT with its body
--- http_config eval: ::probed(probe => $::SLOW_PROBE)
--- code
$t->signal('b', 'STOP');
for my $request ('HEAD /bucket/key', 'DELETE /bucket/key', 'GET /bucket/key') {
    my ($response, $took) = timed($t, request => $request);
    is($response->{status}, 200, $request);
}
$t->signal('b', 'CONT');
ok($t->wait_for_log(qr/is up again/), 'up again');
$t->signal('b', 'STOP');
my ($response, $took) = timed($t, request => 'PUT /bucket/key', request_body_size => '2m');
is("$response->{status} $response->{body}", '200 from a', 'PUT');
my ($put) = grep { $_->{method} eq 'PUT' } $t->received('a');
is($put->{body_length}, 2 << 20, 'with its whole body');
$t->signal('b', 'CONT');

=== TEST 4: an upload that cannot be repeated gets a 503
--- http_config eval: ::probed(probe => $::SLOW_PROBE)
--- config eval: ::config(location => "$::slow proxy_request_buffering off;")
--- code
$t->signal('b', 'STOP');
my ($response, $took) = timed($t, request => 'PUT /bucket/key', request_body_size => '8m');
is($response->{status}, 503, 'which clients repeat');
like($response->{body}, qr/<Code>ServiceUnavailable<|<Code>SlowDown</, 'in S3\'s words');
cmp_ok($took, '<', $::SOON, 'soon');
$t->signal('b', 'CONT');

=== TEST 5: a small unbuffered PUT, all of which was sent, as well; the next one goes to the backup
--- http_config eval: ::probed(probe => $::SLOW_PROBE)
--- config eval: ::config(location => "$::slow proxy_request_buffering off;")
--- code
$t->signal('b', 'STOP');
my ($response, $took) = timed($t, request => 'PUT /bucket/key', request_body_size => '200k');
is($response->{status}, 503, 'a 503');
($response) = timed($t, request => 'PUT /bucket/key', request_body_size => '200k');
is("$response->{status} $response->{body}", '200 from a', 'the backup');
$t->signal('b', 'CONT');

=== TEST 6: a POST stays where it is, for it may be slow on an origin that is well
--- http_config eval: ::probed(probe => $::SLOW_PROBE)
--- config eval: (::config(location => "$::slow") =~ s/ non_idempotent//r)
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 delay=6 /mr
--- code
use POSIX ();
my $pid = fork // die;
if (!$pid) {
    select undef, undef, undef, 0.7;
    $t->set_state('b', '503 InternalError');
    POSIX::_exit(0);
}
my ($response) = timed($t, request => 'POST /bucket/key?uploads');
waitpid $pid, 0;
is("$response->{status} $response->{body}", '200 from b', 'POST');
like($t->nginx->log, qr/origin b is down: 503 InternalError/, 'though it went down meanwhile');

=== TEST 7: a response under way goes on
--- http_config eval: ::probed(probe => $::SLOW_PROBE)
--- config eval: ::config(location => "$::slow")
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 slow=6 /mr
--- code
my $pid = fork // die;
if (!$pid) {
    select undef, undef, undef, 0.7;
    $t->set_state('b', '503 InternalError');
    POSIX::_exit(0);
}
my ($response) = timed($t, request => 'GET /bucket/key');
waitpid $pid, 0;
is("$response->{status} $response->{body}", '200 from b', 'GET');
like($t->nginx->log, qr/origin b is down: 503 InternalError/, 'though it went down meanwhile');

=== TEST 8: an origin that is killed, and one that comes back
--- code
goes_down($t, sub { S3Proxy::Origin::stop('b') }, '(?:Connection refused|connection closed without an answer)');
is_from($t, 'a', 'the backup');
comes_back($t, sub { $t->start_again('b') });
is_from($t, 'b', 'the primary again');

=== TEST 9: an origin that refuses our key
--- code
goes_down($t, sub { $t->set_state('b', '403 InvalidAccessKeyId') }, '403 InvalidAccessKeyId');
is_from($t, 'a', 'the backup');
comes_back($t, sub { $t->set_state('b', undef) });
is_from($t, 'b', 'the primary again');

=== TEST 10: one that finds our signature wrong
--- http_config eval: ::probed() =~ s/origin-b\/Secret/another-Secret/r
--- code
goes_down($t, sub { }, '403 SignatureDoesNotMatch');
is_from($t, 'a', 'the backup');

=== TEST 11: what takes an origin out and what does not
--- code
for my $state ('403 AccessDenied', '404 NoSuchBucket', '301 PermanentRedirect', '503 SlowDown', '429 TooManyRequests') {
    my $before = (my @before = $t->probes('b'));
    $t->set_state('b', $state);
    until_true(10, sub { (my @now = $t->probes('b')) > $before + 4 });
    unlike($t->nginx->log, qr/origin b is down/, "$state is in order");
    $t->set_state('b', undef);
}
for my $state ('500 InternalError', '503 ServiceUnavailable', '502', '404', '400 ExpiredToken') {
    my $downs = () = $t->nginx->log =~ /is down/g;
    $t->set_state('b', $state);
    ok(until_true(10, sub { (my @now = $t->nginx->log =~ /is down: \Q$state\E/g) }), "$state is not");
    my $ups = () = $t->nginx->log =~ /is up again/g;
    $t->set_state('b', undef);
    until_true(10, sub { (my @now = $t->nginx->log =~ /is up again/g) > $ups });
}

=== TEST 12: s3_health answers from what is known
--- code
until_true(10, sub { $t->send(request => 'GET /healthz', s3_sign => undef)->{body} =~ /"b":"ok","a":"ok"/ });
my $response = $t->send(request => 'GET /healthz', s3_sign => undef);
my $time = qr/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/;
is($response->{status}, 200, 'both are up');
like($response->{body}, qr/^\{"status":"ok","origins":\{"b":"ok","a":"ok"\},"since":\{"b":$time,"a":$time\}\}\n\z/, 'the body');
$t->signal('b', 'STOP');
my $start = time;
$response = $t->send(request => 'GET /healthz', s3_sign => undef);
is($response->{status}, 200, 'one is stopped, which nobody knows yet');
goes_down($t, sub { }, 'no answer in 1000 ms');
$response = $t->send(request => 'GET /healthz', s3_sign => undef);
like($response->{body}, qr/^\{"status":"ok","origins":\{"b":"nok: no answer in 1000 ms","a":"ok"\},/, 'one is down');
$t->set_state('a', '403 InvalidAccessKeyId');
ok($t->wait_for_log(qr/origin a is down/), 'so is the other');
$response = $t->send(request => 'GET /healthz', s3_sign => undef);
is($response->{status}, 503, 'both are down');
like($response->{body}, qr/^\{"status":"nok","origins":\{"b":"nok: no answer in 1000 ms","a":"nok: 403 InvalidAccessKeyId"\}/, 'and why');
my @health = grep { $_->{head} !~ /s3_probe/ } $t->received;
is(scalar(@health), 0, 'no origin was asked for that');
$t->signal('b', 'CONT');

=== TEST 12.1: whoever asks first of all, when nginx has just started, is told what the first answers are
--- code
for my $state (undef, '403 InvalidAccessKeyId') {
    $t->set_state('b', $state);
    $t->nginx->stop;
    $t->nginx->start({});
    my $response = $t->send(request => 'GET /healthz', s3_sign => undef);
    is($response->{status}, 200, 'one of them is up');
    my $b = $state ? 'nok: 403 InvalidAccessKeyId' : 'ok';
    like($response->{body}, qr/"origins":\{"b":"$b","a":"ok"\}/, 'and both are known');
}

=== TEST 12.2: a server that the configuration has down is asked by nobody
--- http_config eval: ::probed() =~ s/(server %%ORIGIN_A%%[^;]*);/$1 down;/r
--- code
until_true(10, sub { $t->send(request => 'GET /healthz', s3_sign => undef)->{body} =~ /"b":"ok"/ });
like($t->send(request => 'GET /healthz', s3_sign => undef)->{body}, qr/"a":"nok: no server"/, 'no server of it is in use');

=== TEST 13: all down counts as all up
--- code
$t->set_state($_, '500 InternalError') for qw(a b);
ok($t->wait_for_log(qr/origin a is down(?s:.*)origin b is down|origin b is down(?s:.*)origin a is down/), 'both are down');
my ($response) = timed($t, request => 'GET /bucket/key');
is($response->{status}, 500, 'an origin has answered');
$t->set_state('b', undef);
ok($t->wait_for_log(qr/origin b is up again/), 'one is back');
is_from($t, 'b', 'and picked');
unlike($t->nginx->log, qr/no live upstreams/, 'nginx always had one');

=== TEST 14: fall and rise
--- http_config eval: ::probed(probe => 's3_probe interval=100ms timeout=1s fall=1 rise=4 uri=/bucket?max-keys=1;')
--- code
until_true(10, sub { (my @now = $t->probes('b')) >= 1 });
is(($t->probes('b'))[0]{target}, '/bucket?max-keys=1', 'uri');
is(($t->probes('b'))[0]{verdict}, 'ok', 'signed');
goes_down($t, sub { $t->set_state('b', '500 InternalError') }, '500 InternalError');
my $before = my @before = $t->probes('b');
comes_back($t, sub { $t->set_state('b', undef) });
my $after = my @after = $t->probes('b');
cmp_ok($after - $before, '>=', 4, 'four successes');

=== TEST 14.1: what had failed there counts no more when it is back
--- http_config eval: S3Proxy::Probes::of_upstream("zone s3 64k; server %%ORIGIN_B%% max_fails=1 fail_timeout=600s; server %%ORIGIN_A%% backup; $FAST")
--- code
both_are_up($t);
goes_down($t, sub { $t->signal('b', 'STOP'); is_from($t, 'a', 'a failure') }, 'no answer');
comes_back($t, sub { $t->signal('b', 'CONT') });
ok(until_true(10, sub { $t->send(request => 'GET /bucket/key')->{body} eq 'from b' }), 'requests go there again');

=== TEST 15: the state outlives a reload
--- http_config eval: ::probed(upstream => 'zone s3 64k;')
--- code
goes_down($t, sub { $t->signal('b', 'STOP') }, 'no answer in 1000 ms');
ok($t->nginx->reload(wait_old => 1), 'reload');
my $response = $t->send(request => 'GET /healthz', s3_sign => undef);
like($response->{body}, qr/"b":"nok: no answer in 1000 ms"/, 'known at once');
is_from($t, 'a', 'the backup');
comes_back($t, sub { $t->signal('b', 'CONT') });
is_from($t, 'b', 'the primary again');
my @lines = $t->nginx->log =~ /(s3: origin b is down)/g;
is(scalar(@lines), 1, 'said once');

=== TEST 16: probes go on after a reload, and end with s3_probe off
--- code
until_true(10, sub { (my @now = $t->probes('b')) >= 2 });
ok($t->nginx->reload(wait_old => 1), 'reload');
my $before = my @before = $t->probes('b');
ok(until_true(10, sub { (my @now = $t->probes('b')) > $before + 2 }), 'more probes');
$t->nginx->edit_config(sub { s/s3_probe [^;]*/s3_probe off/; s/s3_health b a;/return 204;/ });
ok($t->nginx->reload(wait_old => 1), 'reload');
$before = my @now = $t->probes('b');
is_from($t, 'b', 'a request');
select undef, undef, undef, 0.6;
is(scalar(my @after = $t->probes('b')), $before, 'no more probes');

=== TEST 17: idle connections to an origin that goes down are closed
--- http_config eval: ::probed(upstream => 'keepalive 8;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 3]
--- error_code: 200
--- code
my $port = $t->port('ORIGIN_b');
cmp_ok(established($port), '>=', 1, 'a connection is kept');
goes_down($t, sub { $t->set_state('b', '500 InternalError') }, '500 InternalError');
ok(until_true(10, sub { !established($port) }), 'none is left');
$t->set_state('b', undef);
ok($t->wait_for_log(qr/is up again/), 'up again');
is_from($t, 'b', 'new ones are made');

=== TEST 18: a request on a kept connection leaves it
--- http_config eval: ::probed(probe => $::SLOW_PROBE, upstream => 'keepalive 8;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 3]
--- error_code: 200
--- code
$t->signal('b', 'STOP');
is_from($t, 'a', 'the backup');
$t->signal('b', 'CONT');
