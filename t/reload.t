# Tests for reload: keys change without a lost request, a broken configuration
# keeps the old one, uploads in flight end well.

use v5.36;
use lib 't/lib';
use POSIX ();
use S3Proxy::Client qw(exchange);
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(upstream => 'keepalive 8;'),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => '',
);

sub main::edit ($t, $code) { return $t->nginx->edit_config($code) }

run_tests();

__DATA__

=== TEST 1: a client's secret changes
--- request: GET /bucket/key
--- error_code: 200
--- code
edit($t, sub { s{client/Secret\+Key=0123456789}{another-secret} });
ok($t->nginx->reload(wait_old => 1), 'reload');
is($t->send(request => 'GET /bucket/key')->{status}, 403, 'the old secret');
is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDCLIENT another-secret')->{status}, 200, 'the new secret');

=== TEST 2: an origin's key changes
--- request: GET /bucket/key
--- error_code: 200
--- code
edit($t, sub { s/AKIDORIGINB/AKIDNEWKEY/ });
ok($t->nginx->reload(wait_old => 1), 'reload');
my $response = $t->send(request => 'GET /bucket/key');
is($response->{body}, 'from a', 'the origin does not know the new key yet, so that the next one is asked');
like(($t->received('b'))[1]{head}, qr/Credential=AKIDNEWKEY/, 'new key');
like(($t->received('b'))[1]{verdict}, qr/^InvalidAccessKeyId/, 'refused');
--- origin_verdict

=== TEST 3: a broken configuration keeps the old one
--- request: GET /bucket/key
--- fatal_log
--- code
edit($t, sub { s/s3_verify apps/s3_verify nobody/ });
$t->nginx->reload(may_fail => 1);
like($t->nginx->log, qr/\[emerg\].*unknown s3_clients "nobody"/, 'said why');
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'still works');

=== TEST 4: a clients file that was broken meanwhile keeps the old keys
--- http_config eval: 's3_clients apps { file %%SERVROOT%%/clients.json; }' . ::origin_blocks() . ::upstream()
--- files
>>> clients.json
{"clients": [{"access_key": "AKIDCLIENT", "secret_key": "client/Secret+Key=0123456789"}]}
--- request: GET /bucket/key
--- error_code: 200
--- fatal_log
--- code
$t->nginx->write_file('clients.json', '{"clients": [');
$t->nginx->reload(may_fail => 1);
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'still works');

=== TEST 5: an upload that began before ends well after
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- request: GET /bucket/key
--- code
my @requests = S3Proxy::Request::requests(sub ($name) {
    +{ request => 'PUT /bucket/key', s3_sign => $S3Proxy::Setup::CLIENT . ' payload=streaming chunk=8192', request_body_size => 100000 }->{$name}
}, $t->host);
my $stream = $t->connect(timeout => 10);
my $body = $requests[0]{body};
$stream->put(S3Proxy::Http::serialize_head('PUT /bucket/key HTTP/1.1', $requests[0]{headers}));
$stream->put(substr $body, 0, 40000);
ok($t->nginx->reload, 'reload');
edit($t, sub { s/AKIDORIGINB/AKIDNEWKEY/ });
ok($t->nginx->reload, 'reload again, with another key');
$stream->put(substr $body, 40000);
my $response = S3Proxy::Http::read_response($stream, 'PUT');
is($response->{status}, 200, 'the upload succeeds') or diag("$response->{head}$response->{body}");

=== TEST 6: reloads under load: no request is lost
--- request: GET /bucket/key
--- code
my @children;
for my $child (1 .. 4) {
    my $pid = fork // die $!;
    if (!$pid) {
        my $bad = 0;
        for my $number (1 .. 60) {
            my $response = $t->send(request => $number % 2 ? "GET /bucket/$child-$number" : "PUT /bucket/$child-$number\nhello");
            $bad++ if $response->{status} != 200;
        }
        POSIX::_exit($bad > 255 ? 255 : $bad);
    }
    push @children, $pid;
}
my $reloads = 0;
for (1 .. 5) { $reloads += $t->nginx->reload ? 1 : 0; select undef, undef, undef, 0.1 }
is($reloads, 5, 'reloads');
for my $pid (@children) {
    waitpid $pid, 0;
    is($? >> 8, 0, 'no request failed');
}
--- timeout: 10

=== TEST 7: thirty reloads leave no growing master and one mapped module
--- request: GET /bucket/key
--- code
sub rss ($pid) { open my $file, '<', "/proc/$pid/status" or return 0; return join('', <$file>) =~ /VmRSS:\s+(\d+)/ ? $1 : 0 }
$t->nginx->reload(wait_old => 1) for 1 .. 5;
my $before = rss($t->nginx->pid);
$t->nginx->reload(wait_old => 1) for 1 .. 25;
my $after = rss($t->nginx->pid);
# Under a wrapper (valgrind), and with AddressSanitizer, which keeps what was freed, the number says nothing.
cmp_ok($after - $before, '<', 3000, "master grows by less than 3 MB: $before to $after kB") if !$ENV{TEST_NGINX_WRAPPER} && !$ENV{ASAN_OPTIONS};
open my $maps, '<', '/proc/' . $t->nginx->pid . '/maps';
my %inodes = map { (split)[4] => 1 } grep { index($_, S3Proxy::Nginx::module()) >= 0 } <$maps>;
is(scalar keys %inodes, 1, 'one module');
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'still works');

=== TEST 8: a worker that is killed is replaced, and the new one verifies
--- request: GET /bucket/key
--- fatal_log
--- code
kill 'KILL', $t->nginx->workers;
select undef, undef, undef, 0.3;
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'new worker');
