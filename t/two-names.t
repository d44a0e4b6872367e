# Tests for one bucket that two origins call otherwise: real clients in virtual-host style do all that they can do, while the primary is
# there and when it is gone. Both origins are s3s, which verifies the proxy's signatures with code of its own: the primary has
# "eu-media" in the host name, the backup "acme-media" in the path, and clients know "media".
#
#     prove -I t/lib t/two-names.t
#     TEST_CLIENTS="client-s3 aws-sdk-rust rclone" prove -v -I t/lib t/two-names.t
#
# `make senders` runs it with all clients; two of them take long to install. t/clients/run.py has the list of operations.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use S3Proxy::Children qw(chosen last_lines slurp test_origin);
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Ports;
use Test::More;

my $ROOT = "$FindBin::Bin/..";
my $DOMAIN = 's3.example.com';
my %CLIENT = (key => 'AKIDCLIENT', secret => 'client-secret+/=', region => 'us-east-1');
# What each origin calls the bucket, and where it has it.
my %ORIGIN = (
    a => { key => 'AKIDA', secret => 'secret-a+/=', region => 'us-west-2', bucket => 'acme-media', style => 'path' },
    b => { key => 'AKIDB', secret => 'secret-b+/=', region => 'eu-west-1', bucket => 'eu-media', style => 'virtual', domain => 's3.b.example' },
);
my @INSTALLED_BY_SENDERS = qw(client-s3 aws-sdk-rust);
my @ALL = (qw(boto3 aws-cli rclone s3cmd curl minio-py), @INSTALLED_BY_SENDERS);

my @clients = $ENV{TEST_CLIENTS} ? chosen('TEST_CLIENTS', @ALL) : qw(boto3 curl);

die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();
install("$ROOT/t/clients/setup");
my @heavy = grep { my $name = $_; grep { $_ eq $name } @INSTALLED_BY_SENDERS } @clients;
install("$ROOT/t/clients/senders/setup", @heavy) if @heavy;

my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;
my $children = S3Proxy::Children->new("$dir/origins");
my $proxy = '127.0.0.1:' . S3Proxy::Ports::port('proxy');
start_origin($_) for qw(a b);
start_nginx();

run_clients('before');
check_documents('while the primary is there');
my %before = map { $_ => [requests($_)] } qw(a b);
check_words('b', @{ $before{b} });
is scalar @{ $before{a} }, 0, 'the backup was not asked';

$children->end('b');
run_clients('after');
check_documents('when the primary is gone');
is scalar(requests('b')), scalar @{ $before{b} }, 'the primary is gone';
check_words('a', requests('a'));

ok !$nginx->stop('QUIT'), 'nginx ends by itself';
my @fatal = $nginx->fatal_lines;
is scalar @fatal, 0, 'no alert, no panic' or diag join "\n", last_lines(20, @fatal);
done_testing;

sub install (@command) {
    my ($text, $exit) = run_command(@command);
    die "$command[0]: $text" if $exit;
    return;
}

sub start_origin ($name) {
    my $origin = $ORIGIN{$name};
    $children->start($name, { TEST_ORIGIN_SECRET => $origin->{secret} }, test_origin(), '--log', log_of($name),
        '--listen', address($name), '--access-key', $origin->{key}, '--secret-key', 'env:TEST_ORIGIN_SECRET',
        '--region', $origin->{region}, '--create-bucket', $origin->{bucket}, '--root', "$dir/origins/$name",
        ($origin->{domain} ? ('--domain', $origin->{domain}) : ()));
    return;
}

sub address ($name) { return '127.0.0.1:' . S3Proxy::Ports::port($name) }
sub log_of ($name) { return "$dir/origins/$name.log" }

sub start_nginx () {
    my $origins = join '', map { origin_block($_) } qw(a b);
    $nginx->write_config(
        workers => 2,
        http_config => <<~"CONF",
            s3_clients apps {
                key $CLIENT{key} env=TEST_SECRET_CLIENT;
                # `s3cmd signurl` knows nothing newer.
                signature_v2 on;
                region $CLIENT{region};
                domain $DOMAIN;
            }
            $origins
            upstream s3 {
                server @{[ address('b') ]};
                server @{[ address('a') ]} backup;
                keepalive 16;
            }
            server {
                listen $proxy;
                include $ROOT/nginx-conf/s3_server_params;
                include $ROOT/nginx-conf/s3_proxy_params;
                location / {
                    s3_verify apps;
                    s3_resign on;
                    proxy_pass http://s3;
                }
            }
            CONF
        listen => ['127.0.0.1:' . S3Proxy::Ports::port('unused')],
    );
    $nginx->start({ TEST_SECRET_CLIENT => $CLIENT{secret}, map { ("TEST_SECRET_\U$_" => $ORIGIN{$_}{secret}) } keys %ORIGIN });
    return;
}

sub origin_block ($name) {
    my $origin = $ORIGIN{$name};
    my $host = $origin->{domain} ? "host $origin->{domain};" : '';
    return <<~"CONF";
        s3_origin $name {
            endpoint http://@{[ address($name) ]};
            region $origin->{region};
            style $origin->{style};
            $host
            bucket media $origin->{bucket};
            key $origin->{key} env=TEST_SECRET_\U$name\E;
        }
        CONF
}

# Each client does all that it can do, in virtual-host style; nginx is the HTTP proxy that knows all names below the domain, or
# what a client's resolver says.
sub run_clients ($when) {
    my @runs = map { {
        name => "$_-$when",
        where => $when,
        command => ["$ROOT/t/clients/run.py", '--endpoint', "http://$DOMAIN", '--proxy', "http://$proxy",
            '--access-key', $CLIENT{key}, '--secret-key', 'env:TEST_SECRET_CLIENT', '--region', $CLIENT{region},
            '--bucket', 'media', '--prefix', "$_-$when", '--origin', 's3s', $_],
        env => { TEST_SECRET_CLIENT => $CLIENT{secret}, TMPDIR => $dir },
        failed => sub ($run) {
            diag $_ for last_lines(20, grep { /\Q$run->{name}\E/ } split /\n/, $nginx->read_log('error.log'));
        },
    } } @clients;
    $children->run_tap(@runs);
    return;
}

# What answers name, to the letter, is what the client knows: its bucket, and nothing of an origin.
sub check_documents ($when) {
    my %expected = (
        "media.$DOMAIN/?list-type=2" => qr{<Name>media</Name>},
        "$DOMAIN/media?list-type=2" => qr{<Name>media</Name>},
        "$DOMAIN/" => qr{<Buckets><Bucket>(?:(?!</Bucket>).)*<Name>media</Name>(?:(?!</Bucket>).)*</Bucket></Buckets>},
        "media.$DOMAIN/none" => qr{<Code>NoSuchKey</Code>},
        "media.$DOMAIN/?location=" => qr{<LocationConstraint},
        "other.$DOMAIN/key" => qr{<Code>NoSuchBucket</Code>},
        "eu-media.$DOMAIN/key" => qr{<Code>NoSuchBucket</Code>},
    );
    for my $url (sort keys %expected) {
        my $body = curl('GET', $url);
        like $body, $expected{$url}, "$when: $url";
        unlike $body =~ s{<Resource>[^<]*</Resource>}{}r, foreign($url), "$when: $url says nothing of an origin";
    }
    my $begun = curl('POST', "media.$DOMAIN/upload?uploads=", '--data-binary', '');
    like $begun, qr{<Bucket>media</Bucket>.*<UploadId>}s, "$when: an upload is begun";
    return;
}

# Names that origins have and clients do not.
sub foreign ($url) {
    my @names = grep { $url !~ /^\Q$_\E/ } map { $_->{bucket}, $_->{domain} // () } values %ORIGIN;
    my $names = join '|', map { quotemeta } @names, map { address($_) } keys %ORIGIN;
    return qr/$names/;
}

sub curl ($method, $url, @options) {
    my ($body, $exit) = run_command('curl', '-q', '--silent', '--max-time', 30, '--proxy', "http://$proxy", '-X', $method,
        '--user', "$CLIENT{key}:$CLIENT{secret}", '--aws-sigv4', "aws:amz:$CLIENT{region}:s3",
        '-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD', '-H', 'Content-Type: application/xml', @options, "http://$url");
    return $body;
}

sub requests ($name) {
    return map { JSON::PP::decode_json($_) } split /\n/, slurp(log_of($name));
}

# The origin was spoken to in its own words alone, and signed with its own key.
sub check_words ($name, @requests) {
    my $origin = $ORIGIN{$name};
    cmp_ok scalar @requests, '>', 20 * @clients, "$name received requests";
    my $scope = qr{Credential=$origin->{key}/\d{8}/$origin->{region}/s3/aws4_request,};
    my ($host, $target) = $origin->{style} eq 'virtual'
        ? (qr/^\Q$origin->{bucket}.$origin->{domain}\E$/, qr{^/(?!media\b|$origin->{bucket}\b)})
        : (qr/^\Q@{[ address($name) ]}\E$/, qr{^/$origin->{bucket}(?:[/?]|$)});
    my (@foreign, @sources);
    for my $request (@requests) {
        my $headers = $request->{headers};
        push @sources, $headers->{'x-amz-copy-source'} // ();
        my $is_own = is_service($request, $origin) || ($headers->{host} =~ $host && $request->{target} =~ $target);
        push @foreign, $request if !$is_own || ($headers->{authorization} // '') !~ $scope;
    }
    is scalar @foreign, 0, "$name: its own bucket, style, key and region in every request"
        or diag JSON::PP::encode_json($foreign[0]);
    cmp_ok scalar @sources, '>', 0, "$name: objects were copied";
    is_deeply [grep { !m{^/?$origin->{bucket}(?:/|%2F)} } @sources], [], "$name: from its own bucket";
    check_defaults($name, @requests);
    return;
}

# SDKs in their default settings have a checksum with each object; if not, these are other settings.
sub check_defaults ($name, @requests) {
    for my $client (@heavy) {
        my @uploads = grep { $_->{method} eq 'PUT' && $_->{target} =~ m{/$client-\w+/page\b} } @requests;
        my @with = grep { my $headers = $_->{headers}; grep { /^x-amz-(?:trailer|checksum-crc)/ } keys %$headers } @uploads;
        cmp_ok scalar @with, '>', 0, "$name: $client sends checksums";
    }
    return;
}

# ListBuckets, which no bucket's name is in.
sub is_service ($request, $origin) {
    return $request->{target} =~ m{^/(?:\?|$)} && $request->{headers}{host} !~ /^\Q$origin->{bucket}\E\./;
}
