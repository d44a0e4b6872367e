# Tests for s3_probe's all_down: while no origin of an upstream is in order, its requests are answered with 503 at once.

use v5.36;
use lib 't/lib';
use POSIX ();
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes qw(time);

workers(2);

# nginx's own timeouts are far away: what is quick here is quick by probes.
our $REFUSES = $FAST =~ s/;/ all_down=503;/r;
# Slow enough for a request to be there before its origin is known to be down.
our $SLOW_PROBE = 's3_probe interval=1s timeout=1s all_down=503;';
our $SOON = 20 * ($ENV{TEST_NGINX_PATIENCE} || 1);
our $slow = 'proxy_read_timeout 60s; proxy_connect_timeout 60s; proxy_send_timeout 60s;';
our $healthz = 'location = /healthz { s3_health b; }';

# An upstream with origin b alone.
sub main::alone ($more = '', %option) { return of_upstream("$::SLOW_PROBE server %%ORIGIN_B%%; $more", %option) }

default_sections(
    http_config => main::alone(),
    config      => config(location => $slow, server => $healthz),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => '',
);

# The answer has to be the 503 that clients repeat, and soon.
sub main::is_refused ($t, $why, %request) {
    my $start = time;
    my $response = $t->send(timeout => 40, request => 'GET /bucket/key', %request);
    is($response->{status}, 503, "$why: 503");
    like($response->{body}, qr/<Code>ServiceUnavailable<.*Please try again/s, "$why: in S3's words") if ($request{request} // '') !~ /^HEAD/;
    cmp_ok(time - $start, '<', $::SOON, "$why: it did not wait for nginx's timeouts");
    return;
}

sub main::is_from ($t, $origin, $why, %request) {
    my $response = $t->send(timeout => 40, request => 'GET /bucket/key', %request);
    is("$response->{status} $response->{body}", "200 from $origin", $why);
    return;
}

# Once a worker says in the log that an origin is up again, the other one learns it at its next tick.
sub main::is_back ($t, $origin, $why) {
    ok($t->wait_for_log(qr/s3: origin $origin is up again/), "$why: up again");
    ok(until_true(20, sub { 4 == grep { $t->send(request => "GET /bucket/key$_")->{body} eq "from $origin" } 1 .. 4 }), "$why: and used");
    return;
}

sub main::is_down ($t, @origins) {
    for my $origin (@origins) {
        ok($t->wait_for_log(qr/s3: origin $origin is down/), "$origin is known to be down") or diag($t->nginx->log);
    }
    every_worker();
    return;
}

# What one worker has said in the log, or has answered by, the others know at their next tick, 50 ms later; by now they do.
sub main::every_worker () {
    select undef, undef, undef, 0.3;
    return;
}

# Sends it from a process of its own, 0.7 s before `code` is called; the response.
sub main::under_way ($t, $code, %request) {
    my $pid = fork // die;
    if (!$pid) {
        select undef, undef, undef, 0.7;
        $code->();
        POSIX::_exit(0);
    }
    my $response = $t->send(timeout => 40, %request);
    waitpid $pid, 0;
    return $response;
}

run_tests();

__DATA__

=== TEST 1: requests that wait for the only origin are answered, and those that follow
--- code
$t->signal('b', 'STOP');
is_refused($t, 'a waiting GET');
like($t->nginx->log, qr/\[error\] .* s3: a request is given up, all origins are down/, 'the log says so');
is_refused($t, $_, request => $_) for 'HEAD /bucket/key', 'GET /bucket/key', 'DELETE /bucket/key', 'POST /bucket/key?uploads';
is_refused($t, 'PUT', request => 'PUT /bucket/key', request_body_size => '2m');
my $health = $t->send(request => 'GET /healthz', s3_sign => undef);
like("$health->{status} $health->{body}", qr/^503 \{"status":"nok","origins":\{"b":"nok: no answer in 1000 ms"\}/, 's3_health');
$t->signal('b', 'CONT');
is_back($t, 'b', 'origin b');

=== TEST 2: waiting HEAD, DELETE and PUT
--- code
for my $request ('HEAD /bucket/key', 'DELETE /bucket/key', 'PUT /bucket/key') {
    $t->signal('b', 'STOP');
    is_refused($t, $request, request => $request, $request =~ /^PUT/ ? (request_body_size => '2m') : ());
    $t->signal('b', 'CONT');
    my $health = sub { $t->send(request => 'GET /healthz', s3_sign => undef)->{status} };
    ok(until_true(20, sub { $health->() == 200 }), 'up again');
}

=== TEST 3: unbuffered uploads: one that stands still, and one that has not begun
--- config eval: ::config(location => "$::slow proxy_request_buffering off;")
--- code
$t->signal('b', 'STOP');
is_refused($t, 'under way', request => 'PUT /bucket/key', request_body_size => '8m');
is_refused($t, 'new', request => 'PUT /bucket/key', request_body_size => '8m');
is_refused($t, 'new and small', request => 'PUT /bucket/key', request_body_size => '100');
$t->signal('b', 'CONT');

=== TEST 4: both origins are down: wherever a request waits
--- http_config eval: ::of_upstream("$::SLOW_PROBE server %%ORIGIN_B%%; server %%ORIGIN_A%% backup;")
--- code
$t->signal($_, 'STOP') for qw(a b);
is_refused($t, 'waiting');
is_down($t, qw(a b));
is_refused($t, 'new');
$t->signal('a', 'CONT');
is_back($t, 'a', 'origin a');
$t->signal('b', 'CONT');

=== TEST 5: where proxy_next_upstream is off, too
--- config eval: ::config(location => $::slow) =~ s/proxy_next_upstream .*?;/proxy_next_upstream off;/r
--- code
$t->signal('b', 'STOP');
is_refused($t, 'waiting');
is_refused($t, 'new');
$t->signal('b', 'CONT');

=== TEST 6: a response under way goes on
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 slow=6 /mr
--- code
my $response = under_way($t, sub { $t->set_state('b', '503 InternalError') }, request => 'GET /bucket/key');
is("$response->{status} $response->{body}", '200 from b', 'GET');
is_down($t, 'b');

=== TEST 7: a POST that was sent stays, for it may be slow on an origin that is well
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) /b: $1 delay=6 /mr
--- code
my $response = under_way($t, sub { $t->set_state('b', '503 InternalError') }, request => 'POST /bucket/key?uploads');
is("$response->{status} $response->{body}", '200 from b', 'POST');
is_down($t, 'b');
is_refused($t, 'new', request => 'POST /bucket/key?uploads');

=== TEST 8: over a connection that was kept
--- http_config eval: ::alone('keepalive 4;')
--- code
is_from($t, 'b', 'a GET') for 1 .. 3;
$t->signal('b', 'STOP');
is_refused($t, 'waiting');
$t->signal('b', 'CONT');

=== TEST 9: without all_down, or with all_down=try, an origin is asked all the same
--- http_config eval: ::of_upstream("$S3Proxy::Probes::FAST server %%ORIGIN_B%%;" =~ s/;/ all_down=try;/r)
--- code
$t->set_state('b', '404');
is_down($t, 'b');
is($t->send(request => 'GET /bucket/key')->{status}, 404, 'it has answered');

=== TEST 10: one that is down from the start, and an upstream beside it that is not
--- http_config eval: ::alone() . 'upstream other { server %%ORIGIN_A%%; }'
--- config eval: ::config(server => $::healthz . 'location /other/ { s3_verify apps; s3_resign a; proxy_pass http://other; }')
--- code
$t->set_state('b', '500 InternalError');
$t->nginx->stop;
$t->nginx->start({});
ok(until_true(20, sub { $t->send(request => 'GET /healthz', s3_sign => undef)->{status} == 503 }), 'the first answer decides');
every_worker();
is_refused($t, 'b');
is_from($t, 'a', 'the other upstream', request => 'GET /other/key');

=== TEST 11: each balancer, with two workers, with and without a zone
--- timeout: 60
--- code
my $servers = join ' ', map { "server 127.0.0.1:" . $t->port("ORIGIN_$_") . ';' } qw(b a);
my $health = sub { $t->send(request => 'GET /healthz', s3_sign => undef)->{body} };
for my $zone ('zone s3 128k;', '') {
    for my $balancer ('', 'least_conn;', 'hash $uri;', 'hash $uri consistent;', 'ip_hash;', 'random;', 'random two;') {
        my $name = "$balancer $zone";
        $t->nginx->edit_config(sub { s/upstream s3 \{[^}]*\}/upstream s3 { $::REFUSES $zone $balancer $servers }/; s/s3_health b;/s3_health b a;/ });
        ok($t->nginx->reload(wait_old => 1), "$name: reload");
        ok(until_true(20, sub { $health->() =~ /"b":"ok","a":"ok"/ }), "$name: both are up");
        $t->set_state($_, '500 InternalError') for qw(a b);
        ok(until_true(20, sub { $health->() =~ /"b":"nok.*"a":"nok/ }), "$name: both are down");
        my $status = sub ($number) { join ' ', map { $t->send(request => "GET /bucket/key$_")->{status} } 1 .. $number };
        ok(until_true(20, sub { $status->(8) eq join ' ', (503) x 8 }), "$name: refused");
        every_worker();
        is($status->(12), join(' ', (503) x 12), "$name: by both workers");
        $t->set_state($_, undef) for qw(a b);
        ok(until_true(20, sub { $health->() =~ /"b":"ok","a":"ok"/ && $status->(8) eq join ' ', (200) x 8 }), "$name: up again");
    }
}

=== TEST 12: a reload keeps what is known, and takes a change
--- code
$t->set_state('b', '500 InternalError');
is_down($t, 'b');
is_refused($t, 'before');
ok($t->nginx->reload(wait_old => 1), 'reload');
is_refused($t, 'after');
my @lines = $t->nginx->log =~ /(s3: origin b is down)/g;
is(scalar(@lines), 1, 'said once');
$t->nginx->edit_config(sub { s/all_down=503/all_down=try/ });
ok($t->nginx->reload(wait_old => 1), 'reload');
is($t->send(request => 'GET /bucket/key')->{status}, 500, 'the origin has answered');

=== TEST 13: what is not asked any more is not down for ever
--- code
$t->set_state('b', '404');
is_down($t, 'b');
is_refused($t, 'down');
# No location shows how to reach it as its endpoint says; nginx -t warns.
$t->nginx->edit_config(sub { s/s3_origin b \{ endpoint http:/s3_origin b { endpoint https:/ });
ok($t->nginx->reload(wait_old => 1), 'reload');
my $status = sub { $t->send(request => 'GET /bucket/key')->{status} };
ok(until_true(20, sub { $status->() == 404 }), 'it has answered');

=== TEST 14: a cache may serve what is stale
--- http_config eval: ::alone('', more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m;')
--- config eval: ::config(location => "$::slow proxy_cache cache; proxy_cache_key \$s3_cache_key; proxy_cache_valid 200 1s; proxy_cache_use_stale error timeout;", server => $::healthz)
--- code
is_from($t, 'b', 'fetched');
select undef, undef, undef, 2.1;
$t->signal('b', 'STOP');
is_from($t, 'b', 'stale, for one that waited');
is_down($t, 'b');
is_from($t, 'b', 'stale, for a new one');
is_refused($t, 'what is not in the cache', request => 'GET /bucket/other');
$t->signal('b', 'CONT');

=== TEST 15: an error_page for nginx's own status may ask elsewhere
--- config eval: ::config(location => "$::slow error_page 502 504 = \@other;", server => "$::healthz location \@other { s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }")
--- code
$t->signal('b', 'STOP');
is_from($t, 'a', 'one that waited');
is_from($t, 'a', 'a new one');
$t->signal('b', 'CONT');

=== TEST 16: a mirror that is down is no fault of the request's
--- http_config eval: ::alone() . 'upstream main { server %%ORIGIN_A%%; }'
--- config
location / { s3_verify apps; s3_resign a; mirror /copy; proxy_pass http://main; }
location = /copy { internal; s3_verify off; s3_resign b; proxy_pass http://s3$request_uri; }
--- code
$t->signal('b', 'STOP');
is_from($t, 'a', 'one whose copy waits');
is_down($t, 'b');
is_from($t, 'a', 'one whose copy is refused');
$t->signal('b', 'CONT');

=== TEST 17: over HTTP/2
--- http2
--- code
$t->signal('b', 'STOP');
is_refused($t, 'waiting', http_version => 2);
is_refused($t, 'new', http_version => 2);
$t->signal('b', 'CONT');
