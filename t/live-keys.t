# Tests for keys in files that change while nginx runs: each way to change them, faults that keep the old keys, the log,
# reload, a worker's own user, and many rotations under load.

use v5.36;
use lib 't/lib';
use POSIX ();
use S3Proxy::LiveKeys;
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes qw(sleep);

our $client = $CLIENT;
our $origins = origin_blocks();
our $upstream = upstream();
our $in_file = 's3_clients apps { file %%SERVROOT%%/clients.json; }';
# One client, whose secret is in a file.
our $secret_in_file = 's3_clients apps { key AKIDCLIENT file=%%SERVROOT%%/secret; }';

default_sections(
    http_config => "$in_file $origins $upstream",
    config      => config(),
    origins     => $ORIGINS,
    files       => ">>> clients.json\n" . clients_json(AKIDCLIENT => 'first') . "\n",
    fresh       => '',
);

sub main::count ($t, $regex) { my @found = $t->nginx->log =~ /$regex/g; return scalar @found }

# Time for three looks.
sub main::looks () { sleep 3 * ($ENV{TEST_NGINX_PATIENCE} || 1); return }

run_tests();

__DATA__

=== TEST 1: a clients file that is renamed into its place
--- code
is(status($t, 'first'), 200, 'the first secret');
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'second'));
takes_over($t, 'first', 'second');
ok($t->wait_for_log(qr/\[notice\] .*s3: s3_clients "apps" was read again: 1 client\b/), 'said') or diag($t->nginx->log);
unlike($t->nginx->log, qr/reconfiguring/, 'no reload');

=== TEST 2: one that is written in place, twice within a second, at one length
--- code
$t->nginx->write_file('clients.json', clients_json(AKIDCLIENT => 'secon1'));
sleep 0.3;
$t->nginx->write_file('clients.json', clients_json(AKIDCLIENT => 'secon2'));
takes_over($t, 'secon1', 'secon2');

=== TEST 3: two writes within one tick of the file system's clock
--- http_config eval: "s3_watch 40ms; $::in_file $::origins $::upstream"
--- code
my $seen = 0;
for my $round (10 .. 29) {
    $t->nginx->write_file('clients.json', clients_json(AKIDCLIENT => "a$round"));
    $t->nginx->write_file('clients.json', clients_json(AKIDCLIENT => "b$round"));
    $seen++ if until_true(5, sub { status($t, "b$round") == 200 });
}
is($seen, 20, 'the second one counts');

=== TEST 4: a link that leads elsewhere, as in a Secret of Kubernetes
--- http_config eval: "$::secret_in_file $::origins $::upstream"
--- files
>>> secret
first
>>> ..1/secret
second
>>> ..2/secret
third
--- code
my $in = sub ($name) { $t->nginx->prefix . "/$name" };
symlink '..1', $in->('..data') or die $!;
symlink '..data/secret', $in->('link') or die $!;
rename $in->('link'), $in->('secret') or die $!;
takes_over($t, 'first', 'second');
symlink '..2', $in->('link') or die $!;
rename $in->('link'), $in->('..data') or die $!;
takes_over($t, 'second', 'third');

=== TEST 5: half written, wrong, empty, gone: the old keys stay, and each fault is said once
--- code
is(status($t, 'first'), 200, 'the first secret');
$t->nginx->write_file('clients.json', qq({"clients": [\n{"access_key": "AKIDCLIENT", ));
ok($t->wait_for_log(qr/\[error\] .*s3: s3_clients "apps" keeps the keys that were read at 20\S+Z: clients file "\S+clients\.json": line 2, column \d+: /),
    'where the fault is') or diag($t->nginx->log);
is(status($t, 'first'), 200, 'the old key is good');
$t->nginx->write_file('clients.json', '');
ok($t->wait_for_log(qr/line 1, column 0: EOF/), 'an empty one') or diag($t->nginx->log);
unlink $t->nginx->prefix . '/clients.json' or die $!;
ok($t->wait_for_log(qr/clients\.json": No such file/), 'one that is gone') or diag($t->nginx->log);
is(status($t, 'first'), 200, 'the old key is good');
main::looks();
is(main::count($t, qr/keeps the keys/), 3, 'each fault once') or diag($t->nginx->log);
$t->nginx->write_file('clients.json', clients_json(AKIDCLIENT => 'first'));
ok($t->wait_for_log(qr/\[notice\] .*s3_clients "apps" was read again: 1 client\b/), 'the same keys, confirmed') or diag($t->nginx->log);
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'second', AKIDOTHER => 'x'));
takes_over($t, 'first', 'second');
ok($t->wait_for_log(qr/was read again: 2 clients\b/), 'how many');

=== TEST 6: a file that is written slowly is waited for
--- http_config eval: "s3_watch 1s; $::in_file $::origins $::upstream"
--- code
my $text = clients_json(AKIDCLIENT => 'second');
for my $length (map { $_ * 10 } 1 .. 4) {
    $t->nginx->write_file('clients.json', substr $text, 0, $length);
    sleep 0.02;
}
$t->nginx->write_file('clients.json', $text);
takes_over($t, 'first', 'second');
is(main::count($t, qr/keeps the keys/), 0, 'no false alarm') or diag($t->nginx->log);

=== TEST 7: what is touched, or replaced by the same, is no news
--- code
utime 1, 1, $t->nginx->prefix . '/clients.json' or die $!;
main::looks();
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'first') . "\n");
main::looks();
is(status($t, 'first'), 200, 'as before');
is(main::count($t, qr/was read again|keeps the keys/), 0, 'nothing is said') or diag($t->nginx->log);

=== TEST 7.1: nor is the same fault, however often it is written
--- code
$t->nginx->write_file('clients.json', '{"clients": [');
ok($t->wait_for_log(qr/keeps the keys/), 'once') or diag($t->nginx->log);
rename_to($t, 'clients.json', '{"clients": [');
main::looks();
is(main::count($t, qr/keeps the keys/), 1, 'and no more') or diag($t->nginx->log);
is(status($t, 'first'), 200, 'the old key is good');

=== TEST 8: file= in every place of "key": id, secret and old secret
--- http_config eval: "s3_clients apps { key file=%%SERVROOT%%/id file=%%SERVROOT%%/secret old=file=%%SERVROOT%%/old; } $::origins $::upstream"
--- files
>>> id
AKIDCLIENT
>>> secret
first
>>> old
zeroth
--- code
is(status($t, $_), 200, $_) for qw(first zeroth);
rename_to($t, 'old', "first\n");
rename_to($t, 'secret', "second\n");
takes_over($t, 'zeroth', 'second');
is(status($t, 'first'), 200, 'the old one');
rename_to($t, 'id', "AKIDOTHER\n");
ok(until_true(20, sub { status($t, 'second') == 403 }), 'another id');
is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDOTHER second')->{status}, 200, 'which is good');
rename_to($t, 'secret', "\n");
ok($t->wait_for_log(qr/"apps" keeps .*: secret key in file "\S+secret" is empty/), 'an empty secret is none') or diag($t->nginx->log);

=== TEST 9: secrets beside a clients file, one of them named there later
--- files
>>> clients.json
{"clients": [{"access_key": "AKIDCLIENT", "secret_key": {"file": "%%SERVROOT%%/secret"}}]}
>>> secret
first
--- code
rename_to($t, 'secret', 'second');
takes_over($t, 'first', 'second');
my $other = $t->nginx->write_file('other', 'third');
rename_to($t, 'clients.json', qq({"clients": [{"access_key": "AKIDCLIENT", "secret_key": {"file": "$other"}}]}));
takes_over($t, 'second', 'third');
rename_to($t, 'other', 'fourth');
takes_over($t, 'third', 'fourth');

=== TEST 10: env: what nginx knew stays, what it did not takes a reload
--- env
ONE=first
TWO=second
--- files
>>> clients.json
{"clients": [{"access_key": "AKIDCLIENT", "secret_key": {"env": "ONE"}}]}
--- code
is(status($t, 'first'), 200, 'from the environment');
rename_to($t, 'clients.json', '{"clients": [{"access_key": "AKIDCLIENT", "secret_keys": ["new", {"env": "ONE"}]}]}');
ok(until_true(20, sub { status($t, 'new') == 200 }), 'read again');
is(status($t, 'first'), 200, 'from the environment');
rename_to($t, 'clients.json', '{"clients": [{"access_key": "AKIDCLIENT", "secret_key": {"env": "TWO"}}]}');
ok($t->wait_for_log(qr/environment variable "TWO" was not named there before: that takes a reload/), 'said') or diag($t->nginx->log);
is(status($t, 'new'), 200, 'the old keys stay');
$t->nginx->reload(wait_old => 1);
is(status($t, 'second'), 200, 'after a reload');

=== TEST 11: a key that another line has already
--- http_config eval: "s3_clients apps { key AKIDLINE first; file %%SERVROOT%%/clients.json; } $::origins $::upstream"
--- code
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'second', AKIDLINE => 'x'));
ok($t->wait_for_log(qr/"apps" keeps .*access key "AKIDLINE" is already defined/), 'said') or diag($t->nginx->log);
is(status($t, 'first'), 200, 'the old keys stay');

=== TEST 12: everybody's rights end with an empty list
--- code
rename_to($t, 'clients.json', '{"clients": []}');
ok(until_true(20, sub { status($t, 'first') == 403 }), 'nobody is let in');
ok($t->wait_for_log(qr/was read again: 0 clients/), 'said');

=== TEST 13: an origin's secret; what is under way goes on with the key that it has
--- http_config eval
qq(s3_clients apps { key $::client; }
s3_origin b { endpoint http://%%ORIGIN_B%%; region eu-west-1; key file=%%SERVROOT%%/id file=%%SERVROOT%%/secret token=file=%%SERVROOT%%/token; }
s3_origin a { endpoint http://%%ORIGIN_A%%; region us-east-1; key AKIDORIGINA origin-a/Secret+Key=; } ) . $::upstream
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- files
>>> id
AKIDORIGINB
>>> secret
origin-b/Secret+Key=
>>> token
firsttoken
--- s3_sign eval: $::client
--- request: GET /bucket/key
--- error_code: 200
--- code
my @requests = S3Proxy::Request::requests(sub ($name) {
    +{ request => 'PUT /bucket/key', s3_sign => "$::client payload=streaming chunk=8192", request_body_size => 100000 }->{$name}
}, $t->host);
my $stream = $t->connect(timeout => 30);
my $body = $requests[0]{body};
$stream->put(S3Proxy::Http::serialize_head('PUT /bucket/key HTTP/1.1', $requests[0]{headers}));
$stream->put(substr $body, 0, 40000);
ok(until_true(20, sub { (my @upload = grep { $_->{head} =~ /^PUT/ } $t->received('b')) || 1 }), 'the upload has begun');
sleep 0.5;
rename_to($t, 'id', "AKIDNEWKEY\n");
rename_to($t, 'secret', "another\n");
rename_to($t, 'token', "secondtoken\n");
ok($t->wait_for_log(qr/\[notice\] .*s3: s3_origin "b" was read again: a key\b/), 'read again') or diag($t->nginx->log);
# The origin does not know the new key: it refuses this, and the next is asked.
my $other = $t->send(request => 'GET /bucket/other');
is($other->{body}, 'from a', 'the new key is used');
my ($refused) = grep { $_->{target} eq '/bucket/other' } $t->received('b');
like($refused->{head}, qr/^x-amz-security-token: secondtoken\r?\n.*Credential=AKIDNEWKEY/msi, 'with its token');
$stream->put(substr $body, 40000);
my $response = S3Proxy::Http::read_response($stream, 'PUT');
is($response->{status}, 200, 'the upload ends well') or diag("$response->{head}$response->{body}");
my ($upload) = grep { $_->{head} =~ /^PUT/ } $t->received('b');
is($upload->{verdict}, 'ok', 'signed with one key from its head to its last chunk');
--- origin_verdict

=== TEST 14: s3_watch off
--- http_config eval: "s3_watch off; $::in_file $::origins $::upstream"
--- code
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'second'));
main::looks();
is(status($t, 'first'), 200, 'as it was read with the configuration');
$t->nginx->reload(wait_old => 1);
is(status($t, 'second'), 200, 'after a reload');

=== TEST 15: a reload reads afresh, and goes on to look
--- code
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'second'));
$t->nginx->reload(wait_old => 1);
is(status($t, 'second'), 200, 'at once');
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'third'));
takes_over($t, 'second', 'third');

=== TEST 16: a worker that takes the place of another begins with what is there now
--- code
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'second'));
takes_over($t, 'first', 'second');
my ($worker) = $t->nginx->workers;
kill 'KILL', $worker;
ok(until_true(20, sub { my ($new) = $t->nginx->workers; $new && $new != $worker }), 'another worker');
is(status($t, 'first'), 403, 'not what the master has read once');
is(status($t, 'second'), 200, 'but the keys of now');
--- fatal_log

=== TEST 17: a worker that has been replaced still looks while it serves
--- http_config eval: "$::secret_in_file $::origins $::upstream"
--- files
>>> secret
first
--- config eval: ::config(server => 'keepalive_timeout 60s;', location => 'proxy_request_buffering off;')
--- code
my ($worker) = $t->nginx->workers;
my @requests = S3Proxy::Request::requests(sub ($name) {
    +{ request => 'PUT /bucket/key', s3_sign => "AKIDCLIENT first payload=streaming chunk=8192", request_body_size => 100000 }->{$name}
}, $t->host);
my $stream = $t->connect(timeout => 30);
my $body = $requests[0]{body};
$stream->put(S3Proxy::Http::serialize_head('PUT /bucket/key HTTP/1.1', $requests[0]{headers}));
$stream->put(substr $body, 0, 40000);
sleep 0.5;
ok($t->nginx->reload, 'reload');
# Until then the old one, which looks at other times, takes new connections, too.
ok($t->wait_for_log(qr/gracefully shutting down/), 'the old worker takes no more');
rename_to($t, 'secret', 'second');
takes_over($t, 'first', 'second');
is(main::count($t, qr/was read again/), 1, 'the old worker, which has read it too, says nothing') or diag($t->nginx->log);
$stream->put(substr $body, 40000);
my $response = S3Proxy::Http::read_response($stream, 'PUT');
is($response->{status}, 200, 'the upload ends well') or diag("$response->{head}$response->{body}");

=== TEST 18: what the workers' user cannot read
--- skip_eval: only root can have others as workers: $> != 0
--- code
my ($prefix, $file) = ($t->nginx->prefix, $t->nginx->prefix . '/clients.json');
chmod 0711, $prefix or die $!;
chmod 0600, $file or die $!;
$t->nginx->edit_config(sub { s/user root;/user nobody nogroup;/ });
like(($t->nginx->test_config)[0], qr/\[warn\] .*s3: "\Q$file\E" cannot be read by the user of the workers/, 'nginx -t says so');
chmod 0644, $file;
unlike(($t->nginx->test_config)[0], qr/cannot be read by/, 'or not, where they can');
chmod 0600, $file;
my $group = getgrnam 'nogroup';
chown -1, $group, $file or die $!;
chmod 0640, $file;
unlike(($t->nginx->test_config)[0], qr/cannot be read by/, 'by their group');
chown 0, 0, $file or die $!;
chmod 0600, $file;
$t->nginx->reload(wait_old => 1);
is(status($t, 'first'), 200, 'what the master has read');
main::looks();
is(main::count($t, qr/keeps the keys/), 0, 'nothing has changed');
$t->nginx->write_file('clients.json', clients_json(AKIDCLIENT => 'second'));
ok($t->wait_for_log(qr/"apps" keeps the keys .*Permission denied/), 'a change that nobody can read') or diag($t->nginx->log);
is(status($t, 'first'), 200, 'the old key stays');
chmod 0644, $file;
takes_over($t, 'first', 'second');

=== TEST 19: a folder that the workers' user cannot enter
--- skip_eval: only root can have others as workers: $> != 0
--- http_config eval: "s3_clients apps { key AKIDCLIENT file=%%SERVROOT%%/secrets/secret; } $::origins $::upstream"
--- files
>>> secrets/secret
first
--- code
chmod 0711, $t->nginx->prefix or die $!;
chmod 0700, $t->nginx->prefix . '/secrets' or die $!;
$t->nginx->edit_config(sub { s/user root;/user nobody nogroup;/ });
$t->nginx->reload(wait_old => 1);
rename_to($t, 'secrets/secret', 'second');
main::looks();
is(status($t, 'first'), 200, 'as the master has read it');
is(main::count($t, qr/keeps the keys/), 0, 'the warning was enough') or diag($t->nginx->log);
chmod 0755, $t->nginx->prefix . '/secrets' or die $!;
takes_over($t, 'first', 'second');

=== TEST 20: master_process off, and a reload there
--- code
$t->nginx->stop('QUIT');
$t->nginx->edit_config(sub { s/master_process on;/master_process off;/ });
$t->nginx->start;
is(status($t, 'first'), 200, 'it serves');
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'second'));
takes_over($t, 'first', 'second');
# Only the reading is asserted: nginx's own single process does not get over a reload, whatever its modules are.
kill 'HUP', $t->nginx->pid;
ok($t->wait_for_log(qr/reconfiguring/), 'reload');
rename_to($t, 'clients.json', clients_json(AKIDCLIENT => 'third', AKIDOTHER => 'x'));
ok($t->wait_for_log(qr/was read again: 2 clients/), 'read again for the new cycle') or diag($t->nginx->log);
$t->nginx->stop('KILL');
--- fatal_log

=== TEST 21: values of s3_watch
--- http_config eval: "s3_watch 5ms; # HERE\n$::in_file $::origins $::upstream"
--- nginx_conf_fails: "s3_watch" must be from 10ms to 1h, or "off", not "5ms".*nginx.conf:%%HERE%%

=== TEST 22: s3_watch twice
--- http_config eval: "s3_watch off;\ns3_watch 1s; # HERE\n$::in_file $::origins $::upstream"
--- nginx_conf_fails: "s3_watch" directive is duplicate.*nginx.conf:%%HERE%%

=== TEST 23: what came from a pipe is not waited for a second time
--- http_config eval: "s3_watch 100ms; $::secret_in_file $::origins $::upstream"
--- files
>>> secret
first
--- code
$t->nginx->stop('QUIT');
my $pipe = $t->nginx->prefix . '/secret';
unlink $pipe;
POSIX::mkfifo($pipe, 0600) or die $!;
my $pid = fork // die $!;
if (!$pid) { open my $out, '>', $pipe or POSIX::_exit(1); print {$out} "second\n"; close $out; POSIX::_exit(0) }
$t->nginx->start;
is(status($t, 'second'), 200, 'what was in it');
waitpid $pid, 0;
main::looks();
is(status($t, 'second'), 200, 'and the worker lives');
unlink $pipe or die $!;

=== TEST 24: a file that becomes a pipe is none
--- http_config eval: "s3_watch 100ms; $::secret_in_file $::origins $::upstream"
--- files
>>> secret
first
--- code
my $pipe = $t->nginx->prefix . '/pipe';
POSIX::mkfifo($pipe, 0600) or die $!;
rename $pipe, $t->nginx->prefix . '/secret' or die $!;
ok($t->wait_for_log(qr/secret" with secret key cannot be read: it is no regular file/), 'said') or diag($t->nginx->log);
is(status($t, 'first'), 200, 'the worker lives, the old key stays');
unlink $t->nginx->prefix . '/secret' or die $!;

=== TEST 25: many rotations under load, of a client's key and of an origin's: no wrong answer, no more memory
--- http_config eval
qq(s3_watch 10ms; $::in_file
s3_origin b { endpoint http://%%ORIGIN_B%%; region eu-west-1; credentials %%SERVROOT%%/b.json; }
s3_origin a { endpoint http://%%ORIGIN_A%%; region us-east-1; key AKIDORIGINA origin-a/Secret+Key=; } ) . $::upstream
--- files eval: ">>> clients.json\n" . main::clients_json(AKIDCLIENT => ['s0', 'none']) . "\n>>> b.json\n" . main::credentials_json('AKIDORIGINB', 'origin-b/Secret+Key=')
--- log_level: notice
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/(?<= )(?=200 )/forget /gr
--- code
# `TEST_ROTATIONS=10000` is the whole of it.
my $rotations = $ENV{TEST_ROTATIONS} || 60;
my $prefix = $t->nginx->prefix;
my $number = sub ($name) { open my $in, '<', "$prefix/$name" or return -1; my $text = <$in>; return $text // -1 };
# What is being written, and what is known to be in force.
rename_to($t, $_, 0) for qw(begun current);
my @clients;
for my $client (1 .. 3) {
    my $pid = fork // die $!;
    if (!$pid) {
        my ($bad, $good) = (0, 0);
        for (my $count = 0; (my $now = $number->('current')) ne 'end'; $count++) {
            my $sign = "AKIDCLIENT s$now" . ($count % 3 == 2 ? ' payload=streaming chunk=8192' : '');
            my $response = $t->send(request => $count % 3 ? "PUT /bucket/$client\n" . 'x' x 20000 : "GET /bucket/$client", s3_sign => $sign);
            next if $response->{status} == 200 && $response->{body} eq 'from b' && ++$good;
            # Its secret is good until the next but one is written; who is that late knows nothing.
            next if $response->{status} == 403 && $number->('begun') > $now + 1;
            print STDERR "# client $client at $now: $response->{status} $response->{body}\n" if $bad++ < 3;
        }
        $bad = 255 if $bad > 255 || !$good;
        POSIX::_exit($bad);
    }
    push @clients, $pid;
}
my ($late, $wrong, $before) = (0, 0, 0);
my ($worker) = $t->nginx->workers;
for my $now (1 .. $rotations) {
    rename_to($t, 'begun', $now);
    my $text = main::clients_json(AKIDCLIENT => ["s$now", 's' . ($now - 1)]);
    $now % 2 ? rename_to($t, 'clients.json', $text) : $t->nginx->write_file('clients.json', $text);
    rename_to($t, 'b.json', main::credentials_json('AKIDORIGINB', 'origin-b/Secret+Key=', comment => $now));
    $late++ if !until_true(20, sub { status($t, "s$now") == 200 });
    $wrong++ if $now % 5 == 0 && status($t, 's' . ($now - 2)) != 403;
    rename_to($t, 'current', $now);
    $before = rss($worker) if $now == int $rotations / 3;
}
rename_to($t, 'current', 'end');
for my $pid (@clients) {
    waitpid $pid, 0;
    is($? >> 8, 0, 'no wrong answer');
}
is($late, 0, 'each new secret is good in time');
is($wrong, 0, 'no secret is good that is two rotations old');
my $after = rss($worker);
diag("$rotations rotations: the worker has $before kB after a third, $after kB at the end") if $ENV{TEST_ROTATIONS};
cmp_ok($after - $before, '<', 600, "flat memory: $before to $after kB") if !$ENV{TEST_NGINX_WRAPPER} && !$ENV{ASAN_OPTIONS};
is(($t->nginx->workers)[0], $worker, 'the same worker');
my $read = () = $t->nginx->log =~ /s3_clients "apps" was read again/g;
cmp_ok($read, '>=', $rotations, 'each was read');
unlike($t->nginx->log, qr/reconfiguring/, 'no reload');
--- timeout: 30
