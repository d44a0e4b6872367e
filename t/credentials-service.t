# Tests for s3_credentials as it is shipped: the systemd unit of the package, under systemd, and the service of docker-compose.yml, each
# with its own command line, user, environment and folders, against a server that plays the metadata of an EC2 machine.
#
# `make credentials` builds the command, which `make test` does not: without it these tests are left out. The chart's containers run in
# deploy/helm/chart.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use S3Proxy::Client qw(run_command);
use S3Proxy::Compose;
use S3Proxy::CredentialsContainer;
use S3Proxy::Imds;
use S3Proxy::Namespaces;
use S3Proxy::Systemd;
use Test::More;
use Time::HiRes qw(sleep time);

my $ROOT = "$FindBin::Bin/..";
my $command = $ENV{TEST_S3_CREDENTIALS} || "$ROOT/build/s3_credentials";
plan(skip_all => "no $command") if !-x $command;
plan(skip_all => 'root alone has users to give') if $> != 0;
plan(skip_all => 'no namespaces here') if !S3Proxy::Namespaces::enter();
my $patience = $ENV{TEST_NGINX_PATIENCE} || 1;

subtest 'the unit' => \&the_unit;
subtest 'the service of docker-compose.yml' => \&the_compose_service;
done_testing;

sub the_unit () {
    my $systemd = S3Proxy::Systemd->start or plan(skip_all => 'systemd cannot be had here');
    # Where scripts/make-deb has them.
    my %file = ('/usr/bin/s3_credentials' => $command, '/usr/lib/systemd/system/s3-credentials@.service' => "$ROOT/deploy/debian/s3-credentials@.service",
        '/usr/lib/sysusers.d/s3-credentials.conf' => "$ROOT/deploy/debian/s3-credentials.conf");
    for my $path (sort keys %file) {
        copy($file{$path}, $systemd->path($path)) or die "$path: $!\n";
    }
    chmod 0755, $systemd->path('/usr/bin/s3_credentials');
    my $imds = S3Proxy::Imds->start(life => 60, secret => 'a secret');
    $systemd->write('/etc/s3-credentials/b.env', "AWS_EC2_METADATA_SERVICE_ENDPOINT=$imds\n", 0600);

    my ($said, $exit) = $systemd->run('systemd-analyze', 'verify', '--man=no', 's3-credentials@b.service');
    is("$exit $said", '0 ', 'systemd-analyze has nothing to say');
    ($said, $exit) = $systemd->run('systemd-sysusers', 's3-credentials.conf');
    is($exit, 0, 'its user is made') or diag($said);
    ($said, $exit) = $systemd->systemctl('daemon-reload');
    is($exit, 0, 'systemd knows it') or diag($said);
    my $unit = 's3-credentials@b';
    ($said, $exit) = $systemd->systemctl('start', $unit);
    is($exit, 0, 'it starts') or diag($said, $systemd->log);

    my $file = '/run/s3-credentials/b/credentials.json';
    my $key = sub { my ($text) = $systemd->run('cat', $file); return $text =~ /"AccessKeyId": "(\w+)"/ ? $1 : $text };
    my ($document) = $systemd->run('cat', $file);
    like($document, qr/"AccessKeyId": "ASIAMACHINE\d+"/, 'the file is there when it has started');
    my ($owner) = $systemd->run('stat', '-c', '%U %G %a', $file);
    is($owner, "_s3-credentials www-data 640\n", 'its owner, group and mode');
    my @as = map { my $user = $_; sub (@words) { $systemd->run('setpriv', "--reuid=$user", "--regid=$user", '--init-groups', @words) } } qw(www-data nobody);
    like(($as[0]->('cat', $file))[0], qr/"AccessKeyId": "ASIAMACHINE\d+"/, "nginx's workers can read it, by the path that s3_origin names");
    isnt(($as[1]->('cat', $file))[1], 0, 'nobody else can');

    my $before = $key->();
    ($said, $exit) = $systemd->systemctl('reload', $unit);
    is($exit, 0, 'a reload') or diag($said);
    ok(until_true(20, sub { $key->() ne $before }), 'asks anew');
    my $pid = $systemd->property($unit, 'MainPID');
    $before = $key->();
    $systemd->systemctl('kill', '--signal=KILL', $unit);
    ok(until_true(30, sub { my $now = $systemd->property($unit, 'MainPID'); $now && $now ne $pid && $key->() ne $before }), 'killed, it comes back')
        or diag($systemd->log);
    ($said, $exit) = $systemd->systemctl('stop', $unit);
    is($exit, 0, 'it stops') or diag($said);
    like($key->(), qr/^ASIAMACHINE/, 'the key stays');
    is(($as[0]->('cat', $file))[1], 0, '... and can be read');
    is($systemd->property($unit, 'Result'), 'success', 'an end as it should be');
    my $log = $systemd->log;
    like($log, qr/s3_credentials: SIGHUP: asking anew/, 'what it says is in the journal');
    unlike($log, qr/a secret|a token/, '... without secrets');
    return;
}

sub the_compose_service () {
    my $imds = S3Proxy::Imds->start;
    my $service = S3Proxy::Compose::services("$ROOT/docker-compose.yml")->{credentials};
    my $container = S3Proxy::CredentialsContainer->new("$ROOT/Dockerfile", $command,
        env => { (map { $_ => $service->{environment}{$_} } grep { defined $service->{environment}{$_} } keys %{ $service->{environment} }),
            AWS_EC2_METADATA_SERVICE_ENDPOINT => $imds },
        folders => [map { (split /:/)[1] } grep { !/:ro$/ } @{ $service->{volumes} }]);
    $container->start(@{ $service->{command} });
    my ($file) = @{ $service->{command} };
    ok(until_true(20, sub { -e $container->path($file) }), "$file is there") or diag($container->said);
    is(($container->run('stat', '-c', '%u %g %a', $file))[0], "33 33 600\n", 'for the user that nginx has in its container, and nobody else');
    like(($container->run('cat', $file))[0], qr/"AccessKeyId": "ASIAMACHINE1"/, 'the key');
    is($container->stop, 0, 'it ends when it is told to') or diag($container->said);
    like($container->said, qr/access key ASIAMACHINE1, good until/, 'what it says');

    # The variables that the file hands on are those that AWS's tools know, and are not there when they have no value.
    my %environment = %{ $service->{environment} };
    is_deeply([grep { !/^AWS_[A-Z_]+$/ } keys %environment], [], 'the environment is in words of AWS');
    is_deeply([grep { defined $environment{$_} && $environment{$_} eq '' } keys %environment], [], 'no variable is empty');
    return;
}

sub until_true ($seconds, $test) {
    my $limit = time + $seconds * $patience;
    while (time < $limit) {
        return 1 if $test->();
        sleep 0.1;
    }
    return $test->();
}
