# Tests for real clients through the proxy: each of them does all that it can do, over http and over https, against the
# embedded origin (s3s) and against OpenStack Swift, both of which verify the proxy's signatures with code of their own; and once
# more in virtual-host style, for which nginx is the HTTP proxy that knows all names below the domain.
#
#     prove -I t/lib t/real-clients.t
#     TEST_CLIENTS="boto3 curl" TEST_ORIGINS=s3s TEST_SCHEMES=http prove -v -I t/lib t/real-clients.t
#
# t/clients/setup installs what is missing, t/clients/run.py drives one client and holds the list of operations. Of
# TEST_JOBS (2) runs at once each has one client, one scheme and one origin.
#
# Beside the clients' own verdict: the origin has to have seen none of the clients' keys.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use S3Proxy::Certs;
use S3Proxy::Children qw(chosen last_lines slurp test_origin);
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Ports;
use Test::More;

my $ROOT = "$FindBin::Bin/..";
my @CLIENTS = qw(boto3 aws-cli rclone s3cmd curl minio-py);
my %KEY = (client => 'AKIDCLIENT', s3s => 'AKIDORIGIN', swift => 'test:tester');
my %SECRET = (client => 'client-secret+/=', s3s => 'origin-secret+/=', swift => 'swift-secret');
# The clients' region and the origins' own: only signing anew makes one of the other.
my %REGION = (client => 'us-east-1', s3s => 'eu-west-1', swift => 'eu-central-1');

my @clients = chosen('TEST_CLIENTS', @CLIENTS);
my @origins = chosen('TEST_ORIGINS', qw(s3s swift));
my @schemes = chosen('TEST_SCHEMES', qw(http https virtual));
my $DOMAIN = 's3.example.com';

die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();
my ($listing, $exit) = run_command("$ROOT/t/clients/setup");
die "t/clients/setup: $listing" if $exit;
my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;
my $children = S3Proxy::Children->new("$dir/origins");

my %address = map { $_ => start_origin($_) } @origins;
my %endpoint = start_nginx();
$children->run_tap(
    map { my $client = $_; map { my $scheme = $_; map { run_of($client, $scheme, $_) } origins_of($scheme) } @schemes } @clients);
check_origin_log() if $address{s3s};
check_virtual_hosts() if $address{s3s} && grep { $_ eq 'virtual' } @schemes;
check_nginx();
done_testing;

# How the bucket comes in makes no difference to what an origin gets, so one of them is enough.
sub origins_of ($scheme) { return $scheme eq 'virtual' ? grep { $_ eq 's3s' } @origins : @origins }

# Starts an origin; returns "127.0.0.1:PORT".
sub start_origin ($name) {
    my @command = $name eq 's3s' ? (test_origin(), '--log', "$dir/origins/s3s.log") : "$ROOT/t/clients/swift-origin";
    push @command, '--listen', '127.0.0.1:' . S3Proxy::Ports::port($name), '--access-key', $KEY{$name},
        '--secret-key', 'env:TEST_ORIGIN_SECRET', '--region', $REGION{$name}, '--create-bucket', 'demo',
        '--root', "$dir/origins/$name";
    my ($address) = $children->start($name, { TEST_ORIGIN_SECRET => $SECRET{$name} }, @command) =~ /(\S+)$/;
    return $address;
}

# Starts nginx with one server for each origin; returns endpoints by "SCHEME ORIGIN".
sub start_nginx () {
    S3Proxy::Certs::directory("$dir/certs");
    my ($certificate, $key) = S3Proxy::Certs::certificate('127.0.0.1');
    my %endpoint;
    for my $name (map { ("http $_", "https $_") } @origins) {
        $endpoint{$name} = $name =~ s/ .*//r . '://127.0.0.1:' . S3Proxy::Ports::port($name);
    }
    my $origins = join '', map { origin_blocks($_) } @origins;
    my $hosts = join ' ', map { s{.*//}{}r } values %endpoint;
    my $servers = join '', map { server_block($_, \%endpoint) } @origins;
    $nginx->write_config(
        workers => 2,
        http_config => <<~"CONF",
            s3_clients apps {
                key $KEY{client} env=TEST_SECRET_CLIENT;
                # `s3cmd signurl` knows nothing newer.
                signature_v2 on;
                domain $DOMAIN;
                host $hosts;
            }
            ssl_certificate $certificate;
            ssl_certificate_key $key;
            $origins
            $servers
            CONF
        listen => ['127.0.0.1:' . S3Proxy::Ports::port('unused')],
    );
    $nginx->start({ map { ("TEST_SECRET_\U$_" => $SECRET{$_}) } keys %SECRET });
    return %endpoint;
}

sub origin_blocks ($origin) {
    return <<~"CONF";
        s3_origin $origin {
            endpoint http://$address{$origin};
            region $REGION{$origin};
            key "$KEY{$origin}" env=TEST_SECRET_\U$origin\E;
        }
        upstream $origin {
            server $address{$origin};
            keepalive 16;
        }
        CONF
}

sub server_block ($origin, $endpoint) {
    my ($plain, $tls) = map { $endpoint->{"$_ $origin"} =~ m{//(.*)} } qw(http https);
    return <<~"CONF";
        server {
            listen $plain;
            listen $tls ssl;
            include $ROOT/nginx-conf/s3_server_params;
            location / {
                s3_verify apps;
                s3_resign on;
                include $ROOT/nginx-conf/s3_proxy_params;
                proxy_pass http://$origin;
            }
        }
        CONF
}

# What one client does over one scheme with one origin.
sub run_of ($client, $scheme, $origin) {
    # As the prefix of its objects, the name leads from a line of a log back to the run.
    my $name = "$client-$scheme-$origin";
    my @where = $scheme eq 'virtual' ? ("http://$DOMAIN", '--proxy', $endpoint{"http $origin"}) : $endpoint{"$scheme $origin"};
    my @command = ("$ROOT/t/clients/run.py", '--endpoint', @where,
        '--access-key', $KEY{client}, '--secret-key', 'env:TEST_SECRET_CLIENT', '--region', $REGION{client},
        '--prefix', $name, '--origin', $origin, ($scheme eq 'https' ? ('--ca', S3Proxy::Certs::ca()) : ()), $client);
    return {
        name => $name,
        where => "$origin $scheme",
        command => \@command,
        env => { TEST_SECRET_CLIENT => $SECRET{client}, TMPDIR => $dir },
        failed => sub ($run) {
            diag $_ for last_lines(20, grep { /\Q$name\E/ } split /\n/, $nginx->read_log('error.log'));
        },
    };
}

# The embedded origin has seen its own key in every request, and nothing of a client's.
sub check_origin_log () {
    my $log = slurp("$dir/origins/s3s.log");
    my @entries = map { JSON::PP::decode_json($_) } split /\n/, $log;
    cmp_ok scalar @entries, '>', 0, 's3s received requests';
    unlike $log, qr/\Q$KEY{client}\E/, 's3s never saw the access key of a client';
    my $scope = qr{Credential=\Q$KEY{s3s}\E/\d{8}/$REGION{s3s}/s3/aws4_request,};
    my @foreign = grep { ($_->{headers}{authorization} // '') !~ $scope } @entries;
    is scalar @foreign, 0, 's3s saw its own key and region in every request'
        or diag JSON::PP::encode_json($foreign[0]);
    my @presigned = grep { $_->{target} =~ /X-Amz-|Signature=/i } @entries;
    is scalar @presigned, 0, 's3s saw no signature in a query' or diag JSON::PP::encode_json($presigned[0]);
    return;
}

# None of them has fallen back on path style, of which the domain itself would be the host.
sub check_virtual_hosts () {
    my $log = $nginx->read_log('access.log');
    like $log, qr{"PUT http://demo\.\Q$DOMAIN\E[:/]\S+/page }, 'buckets stood in the host name';
    # But for the list of buckets.
    unlike $log, qr{"[A-Z]+ http://\Q$DOMAIN\E(?::\d+)?/[^? ]}, 'and nowhere else';
    return;
}

sub check_nginx () {
    ok !$nginx->stop('QUIT'), 'nginx ends by itself';
    my @fatal = $nginx->fatal_lines;
    is scalar @fatal, 0, 'no alert, no panic' or diag join "\n", last_lines(20, @fatal);
    return;
}
