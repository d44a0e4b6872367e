# Tests for s3_probe with each balancer of nginx's, with and without a zone, and with several workers.

use v5.36;
use lib 't/lib';
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;

workers(2);

default_sections(
    http_config => of_upstream("$FAST server %%ORIGIN_B%%; server %%ORIGIN_A%%;"),
    config      => config(server => 'location = /healthz { s3_health b a; }', location => 'proxy_read_timeout 60s;'),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => '',
);

our @balancers = (
    'least_conn;', 'hash $uri;', 'hash $uri consistent;', 'ip_hash;', 'random;', 'random two;', '',
);

sub main::health ($t) { return $t->send(request => 'GET /healthz', s3_sign => undef)->{body} }

# From whom so many requests in a row got their answers.
sub main::answers ($t, $count) {
    my %from;
    $from{ $t->send(request => "GET /bucket/key$_")->{body} }++ for 1 .. $count;
    return join ' ', sort keys %from;
}

# One upstream: b is passed over while it is down, and picked again.
sub main::try_upstream ($t, $text, $name) {
    $t->nginx->edit_config(sub { s/upstream s3 \{[^}]*\}/upstream s3 { $S3Proxy::Probes::FAST $text }/ });
    ok($t->nginx->reload(wait_old => 1), "$name: reload");
    ok(until_true(10, sub { health($t) =~ /"b":"ok","a":"ok"/ }), "$name: both are up");
    my $picks_b = answers($t, 12) =~ /from b/;
    $t->set_state('b', '403 InvalidAccessKeyId');
    ok(until_true(10, sub { health($t) =~ /"b":"nok: 403 InvalidAccessKeyId","a":"ok"/ }), "$name: b is down");
    ok(until_true(10, sub { answers($t, 12) eq 'from a' }), "$name: b is passed over");
    is(answers($t, 12), 'from a', "$name: for good");
    $t->set_state('b', undef);
    ok(until_true(10, sub { health($t) =~ /"b":"ok","a":"ok"/ }), "$name: b is up again");
    # An ip_hash has one peer for one client.
    ok(until_true(10, sub { answers($t, 12) =~ /from b/ }), "$name: b is picked again") if $picks_b;
    unlike($t->nginx->log, qr/no live upstreams/, "$name: nginx always had one");
    return;
}

run_tests();

__DATA__

=== TEST 1: each balancer, peers shared by the workers
--- timeout: 30
--- code
my $servers = join ' ', map { "server 127.0.0.1:" . $t->port("ORIGIN_$_") . ';' } qw(b a);
try_upstream($t, "zone s3 128k; $_ $servers", "$_ zone") for @::balancers;

=== TEST 2: each balancer, each worker with peers of its own
--- timeout: 30
--- code
my $servers = join ' ', map { "server 127.0.0.1:" . $t->port("ORIGIN_$_") . ';' } qw(b a);
try_upstream($t, "$_ $servers", "$_ no zone") for @::balancers;

=== TEST 3: weights, a backup, a server that is out of use, one that stands there twice, keepalive
--- timeout: 30
--- code
my ($b, $a) = map { "127.0.0.1:" . $t->port("ORIGIN_$_") } qw(b a);
for my $zone ('', 'zone s3 128k; ') {
    try_upstream($t, "${zone}server $b weight=5; server $a;", "${zone}weight");
    try_upstream($t, "${zone}server $b max_fails=1 fail_timeout=60s; server $a backup; keepalive 4;", "${zone}backup, keepalive");
    try_upstream($t, "${zone}server $b; server $b; server $a;", "${zone}twice");
    try_upstream($t, "${zone}server $b; server $a; server $a down;", "${zone}down");
}

=== TEST 4: requests that wait in any worker leave
--- http_config eval: ::of_upstream('s3_probe interval=1s timeout=1s; server %%ORIGIN_B%%; server %%ORIGIN_A%% backup;')
--- timeout: 40
--- code
use POSIX ();
ok(until_true(10, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
$t->signal('b', 'STOP');
my @children = map {
    my $number = $_;
    my $pid = fork // die;
    if (!$pid) {
        my $response = $t->send(request => "GET /bucket/key$number");
        POSIX::_exit($response->{status} == 200 && $response->{body} eq 'from a' ? 0 : 1);
    }
    $pid
} 1 .. 16;
my $failed = 0;
for (@children) { waitpid $_, 0; $failed++ if $? }
is($failed, 0, 'all of 16 were answered by the backup');
$t->signal('b', 'CONT');

=== TEST 5: another worker goes on when the one that probes is killed, or stopped
--- fatal_log
--- code
ok(until_true(10, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
for my $signal ('KILL', 'STOP') {
    for my $number (0, 1) {
        my $worker = ($t->nginx->workers)[$number];
        kill $signal, $worker;
        my $before = my @before = $t->probes('b');
        ok(until_true(20, sub { (my @now = $t->probes('b')) > $before + 3 }), "$signal: probes go on");
        kill 'CONT', $worker if $signal eq 'STOP';
        until_true(10, sub { 2 <= grep { kill 0, $_ } $t->nginx->workers });
    }
}
unlike($t->nginx->log, qr/origin . is down/, 'no origin was blamed');

=== TEST 6: a single server is never taken out
--- http_config eval: ::of_upstream("$S3Proxy::Probes::FAST server %%ORIGIN_B%%;")
--- config eval: ::config(server => 'location = /healthz { s3_health b; }')
--- code
$t->set_state('b', '404');
ok(until_true(10, sub { health($t) =~ /"b":"nok: 404, not an answer of S3"/ }), 'b is down');
is($t->send(request => 'GET /bucket/key')->{status}, 404, 'and is asked all the same');

=== TEST 7: one origin with two addresses: each is asked by itself
--- http_config eval: ::clients() . "s3_origin b { endpoint http://s3.example; region eu-west-1; key AKIDORIGINB origin-b/Secret+Key=; } upstream s3 { $S3Proxy::Probes::FAST server %%ORIGIN_B%%; server %%ORIGIN_C%%; }"
--- config eval: ::config(server => 'location = /healthz { s3_health b; }') =~ s/s3_resign on/s3_resign b/r
--- origins eval: $S3Proxy::Setup::ORIGINS . "\nc: s3=AKIDORIGINB:origin-b/Secret+Key=:eu-west-1 200 body=\"from c\""
--- code
ok(until_true(10, sub { health($t) =~ /"b":"ok"/ }), 'up');
$t->set_state('b', '500 InternalError');
ok($t->wait_for_log(qr/s3: origin b \(127\.0\.0\.1:\d+\) is down: 500 InternalError/), 'the log names the address');
like(health($t), qr/"status":"ok","origins":\{"b":"ok"\}/, 'one of them serves');
ok(until_true(10, sub { answers($t, 8) eq 'from c' }), 'and is picked');

=== TEST 8: of all workers one asks
--- http_config eval: ::of_upstream('s3_probe interval=1s timeout=1s; server %%ORIGIN_B%%; server %%ORIGIN_A%%;')
--- code
ok(until_true(10, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
my $before = my @before = $t->probes('b');
select undef, undef, undef, 6;
my $count = (my @now = $t->probes('b')) - $before;
# Each by itself, they would be 12. An answer that is late is asked after.
cmp_ok($count, '>=', 3, 'once a second');
cmp_ok($count, '<=', 9, 'and not once for each worker');
