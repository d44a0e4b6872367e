# Tests for the peers that multipart uploads go to with `s3_sticky_uploads`: every balancer, kept connections, failures, probes, reloads,
# keys that change; and what the directive may say.

use v5.36;
use lib 't/lib';
use S3Proxy::LiveKeys qw(rename_to);
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;
use S3Proxy::Uploads;
use Time::HiRes qw(sleep time);

sub main::sticky ($more = '', %option) { return http_config(upstream => "$STICKY $more", %option) }

# Two servers side by side, and a balancer's line in front.
sub main::balanced ($first, $behind = '') {
    return of_upstream("$first server %%ORIGIN_B%%; server %%ORIGIN_A%%; $STICKY $behind");
}

our %id = map { $_ => upload_query($_) } qw(a b);
sub main::part ($origin, $number = 1) { return "PUT /media/k?partNumber=$number&uploadId=$::id{$origin}\npart" }

# Parts of uploads at either origin, in between other requests, which the balancer deals out.
sub main::all_arrive ($t) {
    my %wrong;
    for my $number (1 .. 12) {
        for my $origin (qw(a b)) {
            my $response = $t->send(request => part($origin, $number));
            $wrong{"$origin: $response->{status} $response->{body}"}++ if $response->{body} ne "from $origin";
        }
        $t->send(request => "GET /media/$number");
    }
    is_deeply(\%wrong, {}, 'each part came to its origin');
    return;
}

# Parts at one origin and other requests at the other, each over one connection.
sub main::stay_connected ($t) {
    for (1 .. 3) {
        is($t->send(request => part('a', $_))->{body}, 'from a', 'a part');
        is($t->send(request => "GET /media/$_")->{body}, 'from b', 'another request');
    }
    my %connections;
    $connections{ $_->{origin} }{ $_->{connection} }++ for $t->received;
    is_deeply({ map { $_ => [values %{ $connections{$_} }] } keys %connections }, { a => [3], b => [4] }, 'each has one connection');
    return;
}

default_sections(http_config => sticky(), config => config(), origins => $ORIGINS, s3_sign => $CLIENT, request => 'GET /media/k');

run_tests();

__DATA__

=== TEST 1: round robin in shared memory
--- http_config eval: ::balanced('zone s3 64k;')
--- code: all_arrive($t)

=== TEST 2: least_conn
--- http_config eval: ::balanced('least_conn;', 'keepalive 4;')
--- code: all_arrive($t)

=== TEST 3: hash
--- http_config eval: ::balanced('hash $request_uri;')
--- code: all_arrive($t)

=== TEST 4: a consistent hash
--- http_config eval: ::balanced('hash $request_uri consistent;', 'keepalive 4;')
--- code: all_arrive($t)

=== TEST 5: ip_hash
--- http_config eval: ::balanced('zone s3 64k; ip_hash;')
--- code: all_arrive($t)

=== TEST 6: random
--- http_config eval: ::balanced('random;')
--- code: all_arrive($t)

=== TEST 7: the better of two
--- http_config eval: ::balanced('zone s3 64k; random two least_conn;', 'keepalive 4;')
--- code: all_arrive($t)

=== TEST 8: a connection that is kept to a peer that is passed over stays kept
--- http_config eval: ::sticky('keepalive 4;')
--- response_body: from b
--- code: stay_connected($t)

=== TEST 9: and over TLS
--- http_config eval: tls_blocks() . tls_upstream("keepalive 4; $STICKY")
--- config eval: config(scheme => 'https')
--- origins eval: tls_origins('localhost', '127.1')
--- response_body: from b
--- code: stay_connected($t)

=== TEST 10: a kept connection that the origin has closed meanwhile is no failure
--- http_config eval: of_upstream("server %%ORIGIN_B%%; server %%ORIGIN_A%% max_fails=0 backup; $STICKY keepalive 4;")
--- origins
b: s3=AKIDORIGINB:origin-b/Secret+Key=:eu-west-1 200 body="from b"
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="first" | close | 200 body="third"
--- request eval: [::part('a', 1), ::part('a', 2)]
--- error_code: 200
--- origin_count: a=3 b=0
--- code
is($t->response(1)->{body}, 'third', 'over a new one');

=== TEST 11: an origin that was passed over is as much in doubt as before
--- http_config eval: of_upstream("server %%ORIGIN_B%% max_fails=2 fail_timeout=1s; server %%ORIGIN_A%% backup; $STICKY")
--- origins
b: s3=AKIDORIGINB:origin-b/Secret+Key=:eu-west-1 503
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- request eval: [("GET /media/k") x 3]
--- response_body: from a
--- origin_count: b=2
--- code
is($t->send(request => ::part('b'))->{status}, 503, 'b is left alone');
is(scalar(my @none = $t->received('b')), 2, 'and was not asked');
sleep 2.1;
is($t->send(request => ::part('a', $_))->{body}, 'from a', 'a part') for 1 .. 3;
$t->send(request => 'GET /media/k') for 1 .. 3;
is(scalar(my @all = $t->received('b')), 3, 'one request has looked whether it is well, and it is not');
sleep 2.1;
$t->set_state('b', undef);

=== TEST 12: what the origin itself says of an upload is the answer
--- config eval: config(location => 'proxy_next_upstream error timeout http_404 http_500 http_503 non_idempotent;')
--- origins
b: s3=AKIDORIGINB:origin-b/Secret+Key=:eu-west-1 404 body="<Error><Code>NoSuchUpload</Code></Error>" | 500 body="<Error><Code>InternalError</Code></Error>" | 503 body="<Error><Code>SlowDown</Code></Error>"
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- request eval: [(::part('b')) x 3]
--- origin_count: a=0 b=3
--- code
is(join(' ', map { $t->response($_)->{status} . ($t->response($_)->{body} =~ /<Code>(\w+)/)[0] } 0 .. 2),
    '404NoSuchUpload 500InternalError 503SlowDown', 'as it came');

=== TEST 13: an origin that refuses our key is out of order
--- config eval: config(location => 's3_next_upstream refused_key;')
--- origins
b: s3=AKIDORIGINB:another-key:eu-west-1 200
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- request eval: ::part('b')
--- error_code: 502
--- origin_verdict: b: SignatureDoesNotMatch
--- origin_count: a=0 b=1

=== TEST 14: several peers of one origin: the next is tried, and no other origin's
--- http_config eval: of_upstream("server %%ORIGIN_C%%; server %%ORIGIN_D%%; $STICKY")
--- config eval: config() =~ s/s3_resign on/s3_resign b/r
--- origins
a: 200
c: refuse
d: s3=AKIDORIGINB:origin-b/Secret+Key=:eu-west-1 200 body="from b"
--- request eval: [::part('b', 1), ::part('b', 2), ::part('b', 3)]
--- error_code: 200
--- response_body: from b
--- code
my $response = $t->send(request => ::part('a'));
is($response->{status}, 503, 'of another origin there is none');
like($response->{body}, qr/ServiceUnavailable/, 'in words of S3');
is(scalar(my @all = $t->received('d')), 3, 'and nobody was asked');

=== TEST 15: one server that is another origin
--- http_config eval: of_upstream("server %%ORIGIN_B%%; $STICKY keepalive 2;")
--- request eval: [::part('a'), ::part('a')]
--- s3_error: 503 ServiceUnavailable
--- error_log: the origin that has this upload is out of order
--- origin_count: a=0 b=0

=== TEST 16: a server that the configuration has down
--- http_config eval: of_upstream("server %%ORIGIN_B%%; server %%ORIGIN_A%% down; $STICKY")
--- request eval: ::part('a')
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 17: an origin that probes have found to be down is not waited for
--- http_config eval: probed(upstream => $STICKY)
--- config eval: config(location => 'proxy_read_timeout 60s;')
--- fresh
--- code
$t->signal('b', 'STOP');
ok($t->wait_for_log(qr/s3: origin b is down/), 'known to be down');
my $start = time;
my $response = $t->send(request => ::part('b'));
is($response->{status}, 503, 'an upload that it has');
is($t->send(request => ::part('a'))->{body}, 'from a', 'one that the other has');
is($t->send(request => 'GET /media/other')->{body}, 'from a', 'and all else');
cmp_ok(time - $start, '<', 20, 'without waiting');
$t->signal('b', 'CONT');
ok($t->wait_for_log(qr/s3: origin b is up again/), 'back');
is($t->send(request => ::part('b', 2))->{body}, 'from b', 'it goes on');

=== TEST 18: what waits at an origin when it goes down is let go, to nobody else
--- http_config eval: probed(upstream => $STICKY, probe => 's3_probe interval=1s timeout=1s;')
--- config eval: config(location => 'proxy_read_timeout 60s; proxy_request_buffering on;')
--- fresh
--- code
$t->signal('b', 'STOP');
my $response = $t->send(request => ::part('b'), timeout => 40);
is($response->{status}, 503, 'let go') or diag($t->nginx->log);
is(scalar(my @none = $t->received('a')), 0, 'the other was not asked');
$t->signal('b', 'CONT');

=== TEST 19: in the middle of an upload, a reload with the origins in another order
--- http_config eval: ::sticky('zone s3 64k;')
--- request eval: ::part('a')
--- response_body: from a
--- code
my $conf = $t->nginx->prefix . '/conf/nginx.conf';
open my $file, '<', $conf or die "$conf: $!";
my $text = join '', <$file>;
my ($first) = $text =~ /(s3_origin a \{.*\n)/ or die 'no origin';
$text =~ s/\Q$first\E//;
$text =~ s/(s3_origin b \{.*\n)/$1$first/;
open $file, '>', $conf or die "$conf: $!";
print $file $text;
close $file;
$t->nginx->reload;
is($t->send(request => ::part('a', 2))->{body}, 'from a', 'goes on');
is($t->send(request => ::part('b', 2))->{body}, 'from b', 'so does the other');

=== TEST 20: a key that changes, without a reload; for a while the old one is good too
--- files
>>> uploads 0600
upload/Secret+Key=
>>> uploads-old 0600
first/Secret+Key=
--- http_config eval: http_config(upstream => 's3_sticky_uploads file=%%SERVROOT%%/uploads old=file=%%SERVROOT%%/uploads-old;', more => 's3_watch 50ms;')
--- fresh
--- request eval: ::part('a')
--- response_body: from a
--- code
my $old = upload_query('a', '2~A', 'media', 'first/Secret+Key=');
my $new = upload_query('a', '2~A', 'media', 'third/Secret+Key=');
my $of = sub ($id) { return $t->send(request => "GET /media/k?uploadId=$id")->{status} };
is($of->($old), 200, 'the old one');
is($of->($new), 404, 'one that is to come');
rename_to($t, 'uploads-old', "upload/Secret+Key=\n");
rename_to($t, 'uploads', "third/Secret+Key=\n");
ok($t->wait_for_log(qr/s3: s3_sticky_uploads of upstream "s3" was read again: a key/), 'the log says so');
ok(until_true(20, sub { $of->($new) == 200 }), 'the new one');
ok(until_true(20, sub { $of->($old) == 404 }), 'no longer the first');
is($of->($::id{a}), 200, 'the one before');

=== TEST 21: where it may stand, and what it may say
--- http_config eval: http_config() . "\ns3_sticky_uploads x;    # HERE\n"
--- nginx_conf_fails: "s3_sticky_uploads" directive is not allowed here.*nginx.conf:%%HERE%%

=== TEST 22: twice
--- http_config eval: ::sticky("\n$STICKY    # HERE\n")
--- nginx_conf_fails: "s3_sticky_uploads" directive is duplicate.*nginx.conf:%%HERE%%

=== TEST 23: another parameter
--- http_config eval: http_config(upstream => "\ns3_sticky_uploads x new=y;    # HERE\n")
--- nginx_conf_fails: invalid parameter "new=y" of "s3_sticky_uploads".*nginx.conf:%%HERE%%

=== TEST 24: no key
--- http_config eval: http_config(upstream => "\ns3_sticky_uploads '';    # HERE\n")
--- nginx_conf_fails: upload key is empty.*nginx.conf:%%HERE%%

=== TEST 25: a file that is not there
--- http_config eval: http_config(upstream => "\ns3_sticky_uploads file=none;    # HERE\n")
--- nginx_conf_fails: file ".*none" with upload key cannot be read.*nginx.conf:%%HERE%%
