# Tests for origins whose addresses change while nginx runs: `server NAME resolve` in an upstream with a zone. Each peer is signed for
# as the origin whose name it has, whatever its address.

use v5.36;
use lib 't/lib';
use S3Proxy::Dns;
use S3Proxy::Setup;
use S3Proxy::Test;
use S3Proxy::Uploads;
use Time::HiRes qw(sleep time);

our $dns = S3Proxy::Dns->start('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1', 'nobody.test' => '127.0.0.9',
    '_s3._tcp.srv.test' => '');

default_sections(
    config     => config(),
    origins    => $ORIGINS,
    s3_sign    => $CLIENT,
    request    => 'GET /bucket/key',
    skip_nginx => '< 1.27.3',
);

my @NAMES = ([b => 'one.test', 'eu-west-1'], [a => 'two.test', 'us-east-1']);

# s3_origin b at one.test and a at two.test; ports are those of the scripted origins but where `$port` says one for both.
sub main::http ($upstream, %port) {
    my $origins = join '', map {
        my ($name, $host, $region) = @$_;
        sprintf "s3_origin %s { endpoint http://%s:%%%%ORIGIN_%s_PORT%%%%; region %s; key AKIDORIGIN%s origin-%s/Secret+Key=; }\n",
            $name, $host, uc($port{$name} // $name), $region, uc $name, $name
    } @NAMES;
    return clients() . $origins . "resolver 127.0.0.1:@{[ $dns->port ]} valid=1s ipv6=off;\nupstream s3 { zone s3 64k; $upstream }\n";
}

# Sends the request until it is answered so; nginx resolves names when it likes.
sub main::until ($t, $status, $body) {
    my $deadline = time + 10 * $S3Proxy::Nginx::PATIENCE;
    my $response;
    do {
        sleep 0.1;
        $response = $t->send(request => 'GET /bucket/key', s3_sign => $CLIENT);
    } until $response->{status} == $status && $response->{body} =~ $body || time > $deadline;
    Test::More::is($response->{status}, $status, "status $status");
    Test::More::like($response->{body}, $body, "body $body");
    return;
}

# The Host headers of an origin's requests, with the keys that they were signed with.
sub main::hosts ($t, $origin) {
    my %seen;
    for ($t->received($origin)) {
        my ($host) = $_->{head} =~ /^Host: ([^:\r\n]+)/mi;
        my ($key) = $_->{head} =~ m{Credential=(\w+)/};
        $seen{"$host $key"}++;
    }
    return join ', ', sort keys %seen;
}

run_tests();

__DATA__

=== TEST 1: signed for the origin of that name
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve; server two.test:%%ORIGIN_A_PORT%% resolve backup;')
--- code
::until($t, 200, qr/^from b$/);
is(::hosts($t, 'b'), 'one.test AKIDORIGINB', 'its name and key');

=== TEST 2: the backup, when the name has no address any more, and back
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve; server two.test:%%ORIGIN_A_PORT%% resolve backup;')
--- code
::until($t, 200, qr/^from b$/);
$::dns->set('two.test' => '127.0.0.1');
::until($t, 200, qr/^from a$/);
is(::hosts($t, 'a'), 'two.test AKIDORIGINA', 'the name and key of the backup');
$::dns->set('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1');
::until($t, 200, qr/^from b$/);

=== TEST 3: an address that changes
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve max_fails=0; keepalive 4;')
--- code
::until($t, 200, qr/^from b$/);
$::dns->set('one.test' => '127.0.0.9');
::until($t, 503, qr/ServiceUnavailable/);
$::dns->set('one.test' => '127.0.0.1');
::until($t, 200, qr/^from b$/);

=== TEST 4: two names with one address and port are two origins
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve; server two.test:%%ORIGIN_B_PORT%% resolve;', a => 'b')
--- origins
b: 200 body=any
--- code
$::dns->set('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1');
::until($t, 200, qr/^any$/);
my $hosts = '';
for (1 .. 200) {
    $t->send(request => 'GET /bucket/key', s3_sign => $S3Proxy::Setup::CLIENT);
    last if ($hosts = ::hosts($t, 'b')) =~ /,/;
    select undef, undef, undef, 0.05;
}
is($hosts, 'one.test AKIDORIGINB, two.test AKIDORIGINA', 'both, each with its own key');

=== TEST 5: a fixed address beside names, which one of the names has too
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve; server 127.0.0.1:%%ORIGIN_B_PORT%%;') . 's3_origin fixed { endpoint http://127.0.0.1:%%ORIGIN_B_PORT%%; key AKIDFIXED fixed-secret; }'
--- origins
b: 200 body=any
--- code
::until($t, 200, qr/^any$/);
my $hosts = '';
for (1 .. 200) {
    $t->send(request => 'GET /bucket/key', s3_sign => $S3Proxy::Setup::CLIENT);
    last if ($hosts = ::hosts($t, 'b')) =~ /,/;
    select undef, undef, undef, 0.05;
}
is($hosts, '127.0.0.1 AKIDFIXED, one.test AKIDORIGINB', 'both, each with its own key');

=== TEST 6: each balancer that takes such servers
--- http_config eval: join '', ::http('server one.test:%%ORIGIN_B_PORT%% resolve;'), map { my ($name) = /^(\w+)/; "upstream $name { zone $name 64k; $_; server one.test:%%ORIGIN_B_PORT%% resolve; server two.test:%%ORIGIN_A_PORT%% resolve; }\n" } 'least_conn', 'ip_hash', 'hash $uri', 'random two'
--- config eval: ::config(server => join '', map { "location /$_/ { s3_verify apps; s3_resign on; proxy_pass http://$_; }\n" } qw(least_conn ip_hash hash random))
--- code
::until($t, 200, qr/^from b$/);
for my $way (qw(least_conn ip_hash hash random)) {
    my $deadline = time + 10;
    my $response;
    do {
        $response = $t->send(request => "GET /$way/key", s3_sign => $S3Proxy::Setup::CLIENT);
        select undef, undef, undef, 0.1;
    } until $response->{status} == 200 || time > $deadline;
    like($response->{body}, qr/^from [ab]$/, $way);
}

=== TEST 7: the next one is asked, with its own signature
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve max_fails=0; server two.test:%%ORIGIN_A_PORT%% resolve backup;')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 503/mr
--- code
::until($t, 200, qr/^from a$/);
is(::hosts($t, 'b'), 'one.test AKIDORIGINB', 'first b') if $t->received('b');
is(::hosts($t, 'a'), 'two.test AKIDORIGINA', 'then a');

=== TEST 8: services: DNS says the port
--- http_config eval: ::http('server srv.test service=s3 resolve;') . 's3_origin srv { endpoint http://srv.test; key AKIDSRV srv-secret; }'
--- origins
b: 200 body=served
--- code
$::dns->set('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1', '_s3._tcp.srv.test' => '%%ORIGIN_B_PORT%% target.test', 'target.test' => '127.0.0.1');
::until($t, 200, qr/^served$/);
is(::hosts($t, 'b'), 'srv.test AKIDSRV', 'signed for the service');

=== TEST 9: a name that is no origin's
--- http_config eval: ::http("server one.test:%%ORIGIN_B_PORT%% resolve;\nserver three.test:%%ORIGIN_B_PORT%% resolve;\n")
--- nginx_conf_fails
no s3_origin has the endpoint of server "three.test:%%ORIGIN_B_PORT%%"

=== TEST 10: a name that nobody knows yet
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve;')
--- code
$::dns->set('two.test' => '127.0.0.1');
::until($t, 503, qr/ServiceUnavailable/);
$::dns->set('one.test' => '127.0.0.1');
::until($t, 200, qr/^from b$/);

=== TEST 11: s3_resign by name
--- http_config eval: ::http('server one.test:%%ORIGIN_A_PORT%% resolve;')
--- config eval: ::config() =~ s/s3_resign on/s3_resign a/r
--- code
::until($t, 200, qr/^from a$/);
my $response = $t->send(request => "PUT /bucket/key\nhello", s3_sign => $S3Proxy::Setup::CLIENT);
is($response->{status}, 200, 'signed for the origin that is named, and sent to the address that was looked up');

=== TEST 12: an upload stays with its origin, the backup too, whatever its addresses
--- http_config eval: ::http("server one.test:%%ORIGIN_B_PORT%% resolve; server two.test:%%ORIGIN_A_PORT%% resolve backup; keepalive 4; $STICKY")
--- code
$::dns->set('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1');
::until($t, 200, qr/^from b$/);
my $part = sub ($origin) {
    my $response = $t->send(request => 'PUT /media/k?partNumber=1&uploadId=' . upload_query($origin) . "\npart", s3_sign => $CLIENT);
    return "$response->{status} $response->{body}" =~ s/<.*//sr;
};
my $deadline = time + 10 * $S3Proxy::Nginx::PATIENCE;
sleep 0.1 until $part->('a') ne '503 ' || time > $deadline;
is($part->($_), "200 from $_", "of origin $_") for qw(a b a);
$::dns->set('one.test' => '127.0.0.1');
sleep 0.1 until $part->('a') eq '503 ' || time > $deadline;
is($part->('a'), '503 ', 'an origin without an address is out of order');
is($part->('b'), '200 from b', 'the other is not');
