# Tests for s3_probe where addresses change while nginx runs (`server NAME resolve`): each address is asked for the origin whose name it has.

use v5.36;
use lib 't/lib';
use S3Proxy::Dns;
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;

our $dns = S3Proxy::Dns->start('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1', '_s3._tcp.srv.test' => '');

default_sections(
    config     => config(server => 'location = /healthz { s3_health b a; }', location => 'proxy_read_timeout 60s; proxy_connect_timeout 60s;'),
    origins    => $ORIGINS,
    s3_sign    => $CLIENT,
    fresh      => '',
    skip_nginx => '< 1.27.3',
);

my @NAMES = ([b => 'one.test', 'eu-west-1'], [a => 'two.test', 'us-east-1']);

sub main::http ($upstream) {
    my $origins = join '', map {
        my ($name, $host, $region) = @$_;
        sprintf "s3_origin %s { endpoint http://%s:%%%%ORIGIN_%s_PORT%%%%; region %s; key AKIDORIGIN%s origin-%s/Secret+Key=; }\n",
            $name, $host, uc $name, $region, uc $name, $name
    } @NAMES;
    return clients() . $origins . "resolver 127.0.0.1:@{[ $dns->port ]} valid=1s ipv6=off;\nupstream s3 { zone s3 64k; $FAST $upstream }\n";
}

sub main::health ($t) { return $t->send(request => 'GET /healthz', s3_sign => undef)->{body} }
sub main::answer ($t) { return $t->send(request => 'GET /bucket/key')->{body} }

run_tests();

__DATA__

=== TEST 1: down, back, gone from DNS and back
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve max_fails=0; server two.test:%%ORIGIN_A_PORT%% resolve backup;')
--- code
ok(until_true(15, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
is(($t->probes('b'))[0]{verdict}, 'ok', 'asked with its own key');
is(answer($t), 'from b', 'the primary');
$t->set_state('b', '403 InvalidAccessKeyId');
ok(until_true(15, sub { health($t) =~ /"b":"nok: 403 InvalidAccessKeyId","a":"ok"/ }), 'down');
is(answer($t), 'from a', 'the backup');
$::dns->set('two.test' => '127.0.0.1');
select undef, undef, undef, 3;
$::dns->set('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1');
for (1 .. 20) {
    my $answer = answer($t);
    is($answer, 'from a', 'the address that came back is not picked') if $_ == 20 || $answer ne 'from a';
    select undef, undef, undef, 0.15;
}
$t->set_state('b', undef);
ok(until_true(15, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'up again');
ok(until_true(15, sub { answer($t) eq 'from b' }), 'and picked');

=== TEST 2: an address that is nobody's
--- http_config eval: ::http('server one.test:%%ORIGIN_B_PORT%% resolve max_fails=0; server two.test:%%ORIGIN_A_PORT%% resolve backup;')
--- code
ok(until_true(15, sub { health($t) =~ /"b":"ok","a":"ok"/ }), 'both are up');
$::dns->set('one.test' => '127.0.0.9', 'two.test' => '127.0.0.1');
ok(until_true(15, sub { health($t) =~ /"b":"nok: Connection refused"/ }), 'the new address is asked');
is(answer($t), 'from a', 'the backup');
$::dns->set('one.test' => '127.0.0.1', 'two.test' => '127.0.0.1');
ok(until_true(15, sub { answer($t) eq 'from b' }), 'the old one is back');

=== TEST 3: a service
--- http_config eval: ::http('server srv.test service=s3 resolve;') . 's3_origin srv { endpoint http://srv.test; key AKIDSRV srv-secret; }'
--- config eval: ::config(server => 'location = /healthz { s3_health srv; }')
--- origins
b: 200 body=served
--- code
$::dns->set('_s3._tcp.srv.test' => '%%ORIGIN_B_PORT%% target.test', 'target.test' => '127.0.0.1');
ok(until_true(15, sub { health($t) =~ /"srv":"ok"/ }), 'up');
like(($t->probes('b'))[0]{head}, qr/Credential=AKIDSRV/, 'asked with its key');
