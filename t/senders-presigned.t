# Tests for the URLs that real clients presign with their default settings, used by a client that knows nothing of S3: PUT, GET,
# HEAD and a part of a multipart upload, over http and https, proxy_request_buffering off and on, to the embedded origin as sent
# and with `payload unsigned`. Forms for POST, which they sign too, are refused.
#
#     prove -I t/lib t/senders-presigned.t
#     TEST_SENDERS="client-s3 boto3" prove -v -I t/lib t/senders-presigned.t
#
# t/clients/senders/setup installs what is missing, presigned.py beside it drives one client. What the origin then holds is
# read from its directory. s3cmd, and boto3 and aws-cli 1 as they come, presign with Signature V2, which only the server with
# `signature_v2 on` takes.

use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use S3Proxy::Certs;
use S3Proxy::Children qw(chosen last_lines slurp test_origin);
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Ports;
use Test::More;

my $ROOT = "$FindBin::Bin/..";
my $SENDERS = "$ROOT/t/clients/senders";
my ($CLIENT_KEY, $CLIENT_SECRET, $ORIGIN_KEY, $ORIGIN_SECRET) =
    ('AKIDCLIENT', 'client-secret+/=', 'AKIDORIGIN', 'origin-secret+/=');
# Name of a server: its s3_clients, its s3_origin, proxy_request_buffering.
my @SERVERS = (
    (map { my $peer = $_; map { ["$_-$peer", 'apps', $peer, $_] } qw(off on) } qw(as_sent unsigned)),
    ['v2', 'old_apps', 'as_sent', 'off'],
);

my @senders = chosen('TEST_SENDERS', qw(client-s3 boto3 boto3-default aws-cli aws-cli-2 minio-go minio-js minio-py
    aws-sdk-rust rclone s3cmd));

die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();
my ($text, $exit) = run_command("$SENDERS/setup", @senders);
die "t/clients/senders/setup: $text" if $exit;
my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;
my $children = S3Proxy::Children->new("$dir/origins");
my $origin = S3Proxy::Ports::port('origin');
$children->start('origin', { TEST_ORIGIN_SECRET => $ORIGIN_SECRET }, test_origin(), '--log', "$dir/origins/log",
    '--listen', "127.0.0.1:$origin", '--access-key', $ORIGIN_KEY, '--secret-key', 'env:TEST_ORIGIN_SECRET',
    '--region', 'eu-west-1', '--create-bucket', 'demo', '--root', "$dir/origins/root");
my @endpoints = start_nginx();
$children->run_tap(map { run_of($_) } @senders);
check_default() if grep { $_ eq 'client-s3' } @senders;
ok !$nginx->stop('QUIT'), 'nginx ends by itself';
my @fatal = $nginx->fatal_lines;
is scalar @fatal, 0, 'no alert, no panic' or diag join "\n", last_lines(20, @fatal);
done_testing;

# Returns "NAME=URL" of each endpoint.
sub start_nginx () {
    S3Proxy::Certs::directory("$dir/certs");
    my ($certificate, $key) = S3Proxy::Certs::certificate('127.0.0.1');
    my (@endpoints, $servers);
    for my $server (@SERVERS) {
        my ($name, $clients, $peer, $buffering) = @$server;
        my ($plain, $tls) = map { '127.0.0.1:' . S3Proxy::Ports::port("$_-$name") } qw(http https);
        push @endpoints, $name eq 'v2' ? "v2=http://$plain" : ("http-$name=http://$plain", "https-$name=https://$tls");
        $servers .= <<~"CONF";
            server {
                listen $plain;
                listen $tls ssl;
                include $ROOT/nginx-conf/s3_server_params;
                access_log $dir/logs/args.log args;
                location / {
                    s3_verify $clients;
                    s3_resign $peer;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_request_buffering $buffering;
                    proxy_pass http://127.0.0.1:$origin;
                }
            }
            CONF
    }
    my $origin_key = "region eu-west-1; key $ORIGIN_KEY env=TEST_SECRET_ORIGIN;";
    $nginx->write_config(
        http_config => <<~"CONF",
            s3_clients apps { key $CLIENT_KEY env=TEST_SECRET_CLIENT; }
            s3_clients old_apps { key $CLIENT_KEY env=TEST_SECRET_CLIENT; signature_v2 on; }
            s3_origin as_sent { endpoint http://127.0.0.1:$origin; $origin_key }
            s3_origin unsigned { endpoint http://localhost:$origin; $origin_key payload unsigned; }
            ssl_certificate $certificate;
            ssl_certificate_key $key;
            log_format args '\$request_method \$status \$uri \$args';
            $servers
            CONF
        listen => ['127.0.0.1:' . S3Proxy::Ports::port('unused')],
    );
    $nginx->start({ TEST_SECRET_CLIENT => $CLIENT_SECRET, TEST_SECRET_ORIGIN => $ORIGIN_SECRET });
    return @endpoints;
}

sub run_of ($name) {
    return {
        name => $name,
        command => ["$SENDERS/presigned.py", '--access-key', $CLIENT_KEY, '--secret-key', 'env:TEST_SECRET_CLIENT',
            '--region', 'us-east-1', '--bucket', 'demo', '--ca', S3Proxy::Certs::ca(), '--root', "$dir/origins/root",
            '--v2', 'v2', $name, @endpoints],
        env => { TEST_SECRET_CLIENT => $CLIENT_SECRET, TMPDIR => $dir },
        failed => sub ($run) {
            my @lines = grep { /\Q$name\E/ && !/\[warn\]/ } split /\n/, $nginx->read_log('error.log');
            diag $_ for last_lines(10, @lines);
        },
    };
}

# The checksum of an empty body stands in each PUT of the JavaScript SDK: if not, its default has changed and nothing above
# has tested what it was to test.
sub check_default () {
    my @puts = grep { m{^PUT \d+ /demo/client-s3/[^/]+/put } } split /\n/, slurp("$dir/logs/args.log");
    my @with = grep { /[&?]x-amz-checksum-crc32=AAAAAA%3D%3D/ } @puts;
    cmp_ok scalar @puts, '>', 0, 'client-s3: presigned PUTs came';
    is scalar @with, scalar @puts, 'client-s3: each has the checksum of an empty body in its query';
    return;
}
