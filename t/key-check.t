# Tests for a 403 without a word, which may be about our key or meant for the client: it is held until the origin was asked.

use v5.36;
use lib 't/lib';
use POSIX ();
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes qw(sleep time);

# No question but the first of all is one of the schedule.
our $ONCE = 's3_probe interval=1h timeout=2s;';

default_sections(
    http_config => probed(probe => $ONCE, upstream => 'keepalive 4;'),
    config      => config(server => 'location = /healthz { s3_health b a; }'),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => '',
);

# b answers with 403 and a length of 0, and its probes as ever.
sub main::denying (@more) { return $ORIGINS =~ s/^b: (s3=\S+) 200 .*/b: $1 403 @more/mr }

# What comes, from which origin: for HEAD by who was asked.
sub main::is_answered ($t, $request, $status, $origin, $why = $request, %more) {
    my $before = my @before = $t->received($origin);
    is($t->send(request => $request, %more)->{status}, $status, $why);
    cmp_ok(scalar(my @now = $t->received($origin)), '>', $before, "$why: $origin was asked");
    return;
}

# How often b was probed.
sub main::asked ($t) { return scalar(my @probes = $t->probes('b')) }

# Sends it in a process of its own, which ends with the status, from 200 on.
sub main::in_background ($t, %request) {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    my $response = $t->send(timeout => 30, %request);
    POSIX::_exit($response->{status} - 200);
}

sub main::status_of ($pid) {
    waitpid $pid, 0;
    return 200 + ($? >> 8);
}

run_tests();

__DATA__

=== TEST 1: our key is refused, and the first that sees it is a HEAD
--- code
both_are_up($t);
my $asked = asked($t);
$t->set_state('b', '403 InvalidAccessKeyId');
is_answered($t, 'HEAD /bucket/key', 200, 'a');
is(asked($t), $asked + 1, 'one question');
like($t->nginx->log, qr/s3: origin "b" refused the key .*without a word, as a probe has shown/, 'the log says why');
is_answered($t, 'HEAD /bucket/key', 200, 'a', 'the next one');
is(asked($t), $asked + 1, 'which is not in doubt');

=== TEST 1.1: a session token that has expired is 400
--- code
both_are_up($t);
my $asked = asked($t);
$t->set_state('b', '400 ExpiredToken');
is_answered($t, 'HEAD /bucket/key', 200, 'a') for 1 .. 2;
is(asked($t), $asked + 2, 'a question each');

=== TEST 1.2: other requests that are refused with 400
--- code
both_are_up($t);
my $asked = asked($t);
$t->set_state('b', '400 InvalidRequest');
is_answered($t, 'HEAD /bucket/key', 400, 'b');
is(scalar(my @a = $t->received('a')), 0, 'nobody else was asked');

=== TEST 2: it is the client who may not
--- code
both_are_up($t);
my $asked = asked($t);
$t->set_state('b', '403 AccessDenied');
is_answered($t, 'HEAD /bucket/key', 403, 'b', "HEAD $_") for 1 .. 3;
is(asked($t), $asked + 3, 'a question each');
is(scalar(my @a = $t->received('a')), 0, 'nobody else was asked');
my %connections = map { $_->{connection} => 1 } $t->received('b');
is(scalar(keys %connections), 1, 'the connection is kept');
$t->set_state('b', undef);
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'and used for what follows');

=== TEST 3: answers with a length of 0 are no different, whatever was asked for and however bodies are moved
--- config eval: ::config(server => 'location = /healthz { s3_health b a; }') . ::config(location => 'proxy_request_buffering off; proxy_buffering off;') =~ s/^.*location \/ \{/location \/unbuffered\/ {/sr
--- origins eval: ::denying()
--- code
both_are_up($t);
my $asked = asked($t);
for my $place ('/bucket/key', '/unbuffered/key') {
    is_answered($t, "$_ $place", 403, 'b', "denied: $_ $place") for 'GET', 'DELETE', 'HEAD';
    is_answered($t, "PUT $place", 403, 'b', "denied: PUT $place", request_body_size => '200k');
}
is(asked($t), $asked + 8, 'a question each');
is(scalar(my @a = $t->received('a')), 0, 'nobody else was asked');
$t->set_state('b', 'probes 403 InvalidAccessKeyId');
is_answered($t, 'DELETE /bucket/key', 200, 'a', 'refused: DELETE');
is($t->send(request => 'PUT /bucket/key', request_body_size => '200k')->{body}, 'from a', 'refused: PUT');

=== TEST 4: an upload that cannot be repeated, at an origin that refuses the key
--- config eval: ::config(location => 'proxy_request_buffering off;', server => 'location = /healthz { s3_health b a; }')
--- origins eval: ::denying()
--- code
both_are_up($t);
$t->set_state('b', 'probes 403 InvalidAccessKeyId');
my $response = $t->send(request => 'PUT /bucket/key', request_body_size => '8m');
is($response->{status}, 502, 'no 403 for what is none of the client\'s faults');
like($response->{body}, qr/<Code>ServiceUnavailable</, 'in S3\'s words') or diag($response->{body});

=== TEST 5: many at once have one question
--- http_config eval: ::probed(probe => $::ONCE)
--- code
both_are_up($t);
my $asked = asked($t);
$t->set_state('b', '403 InvalidAccessKeyId');
my @pids = map { in_background($t, request => 'HEAD /bucket/key') } 1 .. 20;
is(status_of($_), 200, 'HEAD') for @pids;
cmp_ok(asked($t) - $asked, '<=', 10, 'questions: ' . (asked($t) - $asked));

=== TEST 6: a question without an answer: the client gets what the origin has said
--- origins eval: ::denying()
--- code
both_are_up($t);
$t->set_state('b', 'probes hang');
my $start = time;
is_answered($t, 'HEAD /bucket/key', 403, 'b');
my $took = time - $start;
ok($took > 1.9 && $took < 2.9 * ($ENV{TEST_NGINX_PATIENCE} || 1), "after the time for an answer: $took s");
$t->set_state('b', undef);
is(scalar(my @a = $t->received('a')), 0, 'nobody else was asked');

=== TEST 7: a client that goes away meanwhile; its connection to the origin is as good as before
--- origins eval: ::denying('| 200 body="from b"')
--- code
both_are_up($t);
$t->set_state('b', 'probes hang');
my $pid = in_background($t, request => 'HEAD /bucket/key');
ok(until_true(10, sub { (my @b = $t->received('b')) == 1 }), 'it is held');
sleep 0.1;
kill 'KILL', $pid;
waitpid $pid, 0;
sleep 0.3;
$t->set_state('b', undef);
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'a GET');
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'and another');

=== TEST 8: an origin that closes the connection behind its answer
--- origins eval: ::denying('no-keepalive | 200 body="from b"')
--- code
both_are_up($t);
is_answered($t, 'HEAD /bucket/key', 403, 'b');
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'a GET');
$t->set_state('b', 'probes 403 InvalidAccessKeyId');
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'the next one');

=== TEST 9: a worker that is to end, and one that takes its place
--- origins eval: ::denying()
--- code
both_are_up($t);
$t->set_state('b', 'probes hang');
my $pid = in_background($t, request => 'HEAD /bucket/key');
ok(until_true(10, sub { (my @b = $t->received('b')) == 1 }), 'it is held');
ok($t->nginx->reload, 'reload');
is(status_of($pid), 403, 'the answer');
$t->set_state('b', undef);
is_answered($t, 'HEAD /bucket/key', 403, 'b', 'another');

=== TEST 10: it goes down while it is asked
--- http_config eval: ::probed(probe => 's3_probe interval=400ms timeout=2s fall=1;')
--- origins eval: ::denying()
--- code
both_are_up($t);
$t->set_state('b', 'probes hang');
# A probe of the schedule is under way, so that it is late before the question is.
sleep 0.8;
my $pid = in_background($t, request => 'HEAD /bucket/key');
is(status_of($pid), 200, 'the backup has answered');

=== TEST 11: at the last that can be asked
--- http_config eval: ::probed(probe => $::ONCE) =~ s/(server %%ORIGIN_A%%[^;]*);/$1 down;/r
--- origins eval: ::denying()
--- code
ok(until_true(20, sub { asked($t) == 1 }), 'asked once');
is_answered($t, 'HEAD /bucket/key', 403, 'b', 'denied');
is(asked($t), 2, 'one question');
$t->set_state('b', '400 ExpiredToken');
is_answered($t, 'HEAD /bucket/key', 502, 'b', 'the token has expired');
is(asked($t), 3, 'one more');
$t->set_state('b', '403 InvalidAccessKeyId');
is_answered($t, 'HEAD /bucket/key', 502, 'b', 'the key is refused: what clients and balancers try again');
is(asked($t), 3, 'which is known by then');

=== TEST 11.1: what it refused once, it takes again
--- http_config eval: ::probed(probe => 's3_probe interval=100ms;') =~ s/(server %%ORIGIN_A%%[^;]*);/$1 down;/r
--- origins eval: ::denying()
--- code
ok(until_true(20, sub { asked($t) > 1 }), 'it is asked');
$t->set_state('b', '403 InvalidAccessKeyId');
is_answered($t, 'HEAD /bucket/key', 502, 'b', 'the key is refused');
$t->set_state('b', undef);
my $asked = asked($t);
ok(until_true(20, sub { asked($t) > $asked + 1 }), 'it is asked again');
is_answered($t, 'HEAD /bucket/key', 403, 'b', 'denied');

=== TEST 12: without s3_probe nobody asks
--- http_config eval: S3Proxy::Setup::http_config()
--- config eval: ::config()
--- origins eval: ::denying()
--- code
is_answered($t, 'HEAD /bucket/key', 403, 'b');
is(asked($t), 0, 'no question');

=== TEST 13: behind TLS
--- http_config eval: S3Proxy::Setup::tls_blocks() . S3Proxy::Setup::tls_upstream("$::ONCE keepalive 4;")
--- config eval: ::config(scheme => 'https', server => 'location = /healthz { s3_health b a; }')
--- origins eval: S3Proxy::Setup::tls_origins('localhost', '127.1')
--- code
both_are_up($t);
my $asked = asked($t);
$t->set_state('b', '403 AccessDenied');
is_answered($t, 'HEAD /bucket/key', 403, 'b', 'denied');
$t->set_state('b', '403 InvalidAccessKeyId');
is_answered($t, 'HEAD /bucket/key', 200, 'a', 'refused');
is(asked($t), $asked + 2, 'a question each');

=== TEST 14: over HTTP/2
--- http2
--- code
both_are_up($t);
$t->set_state('b', '403 InvalidAccessKeyId');
is($t->send(request => 'HEAD /bucket/key')->{status}, 200, 'refused');

=== TEST 15: a subrequest, and what it decides
--- config eval: ::config(server => 'location = /healthz { s3_health b a; } location = /allowed { internal; s3_verify off; s3_resign on; proxy_method HEAD; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_next_upstream error timeout http_503; proxy_pass http://s3/bucket/allowed; }', location => 'auth_request /allowed;')
--- code
both_are_up($t);
$t->set_state('b', '403 AccessDenied');
is($t->send(request => 'GET /bucket/key')->{status}, 403, 'denied');
is(scalar(my @a = $t->received('a')), 0, 'by b');
$t->set_state('b', '403 InvalidAccessKeyId');
is($t->send(request => 'GET /bucket/key')->{body}, 'from a', 'refused');

=== TEST 16: a cache keeps the answer that goes to the client
--- http_config eval: ::probed(probe => $::ONCE, more => 'proxy_cache_path cache levels=1 keys_zone=c:1m;')
--- config eval: ::config(server => 'location = /healthz { s3_health b a; }', location => 'proxy_cache c; proxy_cache_key $s3_cache_key; proxy_cache_valid any 1h; proxy_cache_convert_head off; add_header X-Cache $upstream_cache_status always;')
--- code
both_are_up($t);
$t->set_state('b', '403 InvalidAccessKeyId');
is($t->send(request => 'HEAD /bucket/key')->{status}, 200, 'refused');
my $response = $t->send(request => 'HEAD /bucket/key');
is($response->{status}, 200, 'again');
is(scalar(my @b = $t->received('b')), 1, 'from the cache');

=== TEST 17: what is counted of the bytes and of the answers
--- http_config eval: ::probed(probe => $::ONCE, more => 'log_format l "$upstream_status $upstream_bytes_received"; access_log logs/bytes.log l;')
--- origins eval: ::denying()
--- code
both_are_up($t);
is_answered($t, 'HEAD /bucket/key', 403, 'b');
$t->set_state('b', 'probes 403 InvalidAccessKeyId');
is($t->send(request => 'HEAD /bucket/key')->{status}, 200, 'refused');
my @lines;
until_true(10, sub { @lines = $t->nginx->log('bytes.log') =~ /^(403 \d+|502, 200 \d+, \d+)$/gm; @lines == 2 });
my ($first) = $lines[0] =~ /^403 (\d+)/;
like($lines[1], qr/^502, 200 $first, /, 'no byte is counted twice');
