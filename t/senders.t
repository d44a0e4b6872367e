# Tests for what real clients send: bodies of 0 bytes, 1 byte, 8 KiB and one more or less, in parts of 5 MiB, and 100 MiB whose
# length the client does not know; over http and https, with proxy_request_buffering on and off, to the embedded origin once
# as sent and once with `payload unsigned`. All are read back and compared, and looked at in the origin's directory. minio-go
# comes in each of its modes, and with what it does beside uploads: listing, copying, removing, regions.
#
#     prove -I t/lib t/senders.t
#     TEST_SENDERS="boto3 restic" prove -v -I t/lib t/senders.t
#     TEST_SENDERS_TABLE=table.md prove -I t/lib t/senders.t     # README.md's table of senders
#
# t/clients/senders/setup installs what is missing, run.py beside it drives one client. How a client sends is what nginx's
# access log says, so that a client which changes its mind shows up here; the sizes of chunks are seen by tap.py, between
# nginx and the origin.

use v5.36;
use utf8;
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
my $SENDERS = "$ROOT/t/clients/senders";
my ($CLIENT_KEY, $CLIENT_SECRET, $ORIGIN_KEY, $ORIGIN_SECRET) =
    ('AKIDCLIENT', 'client-secret+/=', 'AKIDORIGIN', 'origin-secret+/=');

# What the table calls an x-amz-content-sha256.
my %MODE = (
    'UNSIGNED-PAYLOAD' => 'unsigned',
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER' => 'unsigned-trailer',
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' => 'signed',
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' => 'signed-trailer',
);
# Client: how it is called in the table, and the modes of its bodies over http and https.
my @SENDERS = (
    ['boto3', 'boto3 1.44', 'hex', 'unsigned-trailer'],
    ['aws-cli', 'aws-cli 1.46', 'hex', 'unsigned-trailer'],
    ['aws-cli-2', 'aws-cli 2.9', 'hex', 'unsigned'],
    ['aws-sdk-rust', 'aws-sdk-s3 1.157 (Rust)', 'signed-trailer', 'unsigned-trailer'],
    ['pyarrow', 'pyarrow 26 (AWS SDK for C++)', 'unsigned-trailer', 'unsigned-trailer'],
    ['client-s3', '@aws-sdk/client-s3 3.1173', 'hex unsigned-trailer', 'hex unsigned-trailer'],
    ['minio-py', 'minio-py 7.2', 'hex', 'unsigned'],
    ['minio-js', 'minio-js 8.0', 'hex', 'unsigned'],
    ['minio-go', 'minio-go 7.0', 'signed', 'unsigned'],
    ['minio-go-trailers', 'minio-go 7.0, `TrailingHeaders`', 'signed signed-trailer', 'unsigned unsigned-trailer'],
    ['minio-go-md5', 'minio-go 7.0, `SendContentMd5`', 'signed', 'unsigned'],
    ['minio-go-unsigned', 'minio-go 7.0, `DisableContentSha256`', 'unsigned', 'unsigned'],
    ['minio-go-pipe', 'minio-go 7.0, a pipe', 'signed', 'unsigned'],
    ['minio-go-parallel', 'minio-go 7.0, `ConcurrentStreamParts`', 'signed', 'unsigned'],
    ['restic', 'restic 0.14 (minio-go 7)', 'signed', 'unsigned'],
    ['rclone', 'rclone 1.60', 'hex unsigned', 'hex unsigned'],
    ['s3cmd', 's3cmd 2.4', 'hex', 'hex'],
);
# Where 100 MiB of unknown length go: once for each client.
my $STREAM = 'http-off-as_sent';

my @senders = chosen('TEST_SENDERS', map { $_->[0] } @SENDERS);

die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();
my ($text, $exit) = run_command("$SENDERS/setup", @senders);
die "t/clients/senders/setup: $text" if $exit;
my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;
my $children = S3Proxy::Children->new("$dir/origins");
my ($origin, $tap) = start_origin();
my @endpoints = start_nginx();
$children->run_tap(map { run_of($_) } @senders);
my %sent = check_access_log();
check_origin_log();
ok !$nginx->stop('QUIT'), 'nginx ends by itself';
my @fatal = $nginx->fatal_lines;
is scalar @fatal, 0, 'no alert, no panic' or diag join "\n", last_lines(20, @fatal);
write_table($ENV{TEST_SENDERS_TABLE}, %sent) if $ENV{TEST_SENDERS_TABLE};
done_testing;

# Starts the origin and the tap before it; returns their ports.
sub start_origin () {
    my ($origin, $tap) = map { S3Proxy::Ports::port($_) } qw(origin tap);
    my @key = ('--access-key', $ORIGIN_KEY, '--secret-key', 'env:TEST_ORIGIN_SECRET', '--region', 'eu-west-1');
    $children->start('origin', { TEST_ORIGIN_SECRET => $ORIGIN_SECRET }, test_origin(), '--log', "$dir/origins/log",
        '--listen', "127.0.0.1:$origin", @key, '--create-bucket', 'demo', '--root', "$dir/origins/root");
    $children->start('tap', {}, 'python3', "$SENDERS/tap.py", $tap, $origin, "$dir/origins/tap");
    return ($origin, $tap);
}

# Starts nginx with a server for each way of passing bodies on; returns "NAME=URL" of each endpoint.
sub start_nginx () {
    S3Proxy::Certs::directory("$dir/certs");
    my ($certificate, $key) = S3Proxy::Certs::certificate('127.0.0.1');
    my (@endpoints, $servers);
    for my $buffering (qw(off on)) {
        for my $payload (qw(as_sent unsigned)) {
            # Through the tap with one of them: it sees chunks only as they were sent.
            my $address = '127.0.0.1:' . ($buffering eq 'off' && $payload eq 'as_sent' ? $tap : $origin);
            my ($plain, $tls) = map { '127.0.0.1:' . S3Proxy::Ports::port("$_-$buffering-$payload") } qw(http https);
            push @endpoints, "http-$buffering-$payload=http://$plain", "https-$buffering-$payload=https://$tls";
            $servers .= server_block($plain, $tls, $address, $buffering, $payload);
        }
    }
    $nginx->write_config(
        workers => 2,
        http_config => <<~"CONF",
            s3_clients apps { key $CLIENT_KEY env=TEST_SECRET_CLIENT; }
            # One origin by two names.
            s3_origin as_sent {
                endpoint http://127.0.0.1:$origin;
                region eu-west-1;
                key $ORIGIN_KEY env=TEST_SECRET_ORIGIN;
            }
            s3_origin unsigned {
                endpoint http://localhost:$origin;
                region eu-west-1;
                key $ORIGIN_KEY env=TEST_SECRET_ORIGIN;
                payload unsigned;
            }
            ssl_certificate $certificate;
            ssl_certificate_key $key;
            log_format sent escape=json '{"scheme":"\$scheme","method":"\$request_method","uri":"\$request_uri",'
                '"status":"\$status","sha256":"\$http_x_amz_content_sha256","te":"\$http_transfer_encoding",'
                '"length":"\$content_length","trailer":"\$http_x_amz_trailer","expect":"\$http_expect",'
                '"decoded":"\$http_x_amz_decoded_content_length","encoding":"\$http_content_encoding",'
                '"agent":"\$http_user_agent"}';
            $servers
            CONF
        listen => ['127.0.0.1:' . S3Proxy::Ports::port('unused')],
    );
    $nginx->start({ TEST_SECRET_CLIENT => $CLIENT_SECRET, TEST_SECRET_ORIGIN => $ORIGIN_SECRET });
    return @endpoints;
}

sub server_block ($plain, $tls, $address, $buffering, $payload) {
    return <<~"CONF";
        server {
            listen $plain;
            listen $tls ssl;
            include $ROOT/nginx-conf/s3_server_params;
            access_log $dir/logs/sent.log sent;
            location / {
                s3_verify apps;
                s3_resign $payload;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_request_buffering $buffering;
                proxy_max_temp_file_size 0;
                proxy_pass http://$address;
            }
        }
        CONF
}

# What one client does: all that it can send, to every endpoint.
sub run_of ($name) {
    return {
        name => $name,
        command => ["$SENDERS/run.py", '--access-key', $CLIENT_KEY, '--secret-key', 'env:TEST_SECRET_CLIENT',
            '--ca', S3Proxy::Certs::ca(), '--stream', $STREAM,
            '--root', "$dir/origins/root", $name, @endpoints],
        env => { TEST_SECRET_CLIENT => $CLIENT_SECRET, TMPDIR => $dir },
        failed => sub ($run) {
            my @lines = grep { /\Q$name\E/ && !/\[warn\]/ } split /\n/, $nginx->read_log('error.log');
            diag $_ for last_lines(10, @lines);
        },
    };
}

# No upload was refused and repeated, and each client sent as the table above says. Returns uploads by "CLIENT SCHEME".
sub check_access_log () {
    my %sent;
    for my $entry (map { JSON::PP::decode_json($_) } split /\n/, slurp("$dir/logs/sent.log")) {
        my ($client) = $entry->{uri} =~ m{^/demo/([^/]+)/} or next;
        push @{ $sent{"$client $entry->{scheme}"} }, $entry if $entry->{method} =~ /^P/;
    }
    for my $sender (@SENDERS) {
        my ($name, undef, %modes) = (@$sender[0, 1], http => $sender->[2], https => $sender->[3]);
        next if !grep { $_ eq $name } @senders;
        for my $scheme (qw(http https)) {
            my @uploads = @{ $sent{"$name $scheme"} // [] };
            my ($refused) = grep { $_->{status} !~ /^2/ } @uploads;
            is $refused, undef, "$name, $scheme: no upload was refused" or diag JSON::PP::encode_json($refused);
            my %seen = map { mode($_) => 1 } grep { is_object($_) } @uploads;
            is join(' ', sort keys %seen), join(' ', sort split / /, $modes{$scheme}), "$name, $scheme: how it sends bodies";
        }
    }
    return %sent;
}

# Whether it is an object's upload, whole or in part, with a byte in it; an empty body may be sent like any request.
sub is_object ($entry) {
    return $entry->{method} eq 'PUT' && ($entry->{decoded} || $entry->{length} || $entry->{te} ? 1 : 0);
}

sub mode ($entry) {
    return $entry->{sha256} =~ /^[0-9a-f]{64}$/ ? 'hex' : $MODE{ $entry->{sha256} } // $entry->{sha256};
}

# With `payload unsigned` the origin has got objects and nothing around them.
sub check_origin_log () {
    my @entries = map { JSON::PP::decode_json($_) } split /\n/, slurp("$dir/origins/log");
    my @plain = grep { $_->{headers}{host} =~ /^localhost:/ } @entries;
    cmp_ok scalar @plain, '>', 0, '`payload unsigned`: the origin received requests';
    my @framed = grep {
        my $headers = $_->{headers};
        ($headers->{'x-amz-content-sha256'} // '') =~ /^STREAMING/ || exists $headers->{'transfer-encoding'}
            || exists $headers->{'x-amz-trailer'} || ($headers->{'content-encoding'} // '') =~ /aws-chunked/
    } @plain;
    is scalar @framed, 0, '`payload unsigned`: no framing' or diag JSON::PP::encode_json($framed[0]);
    return;
}

# README.md's table: a line for each client, or two where http and https differ.
sub write_table ($path, %sent) {
    my %chunk;
    for my $note (map { JSON::PP::decode_json($_) } split /\n/, slurp("$dir/origins/tap")) {
        my ($client, $scheme) = $note->{target} =~ m{^/demo/([^/]+)/(\w+)-} or next;
        my $largest = \$chunk{"$client $scheme"};
        $$largest = $note->{chunk} if $note->{chunk} > ($$largest // 0);
    }
    my @lines = ('| client | over | `x-amz-content-sha256` | length | trailer | chunks | Expect |',
        '|---|---|---|---|---|---|---|');
    for my $sender (@SENDERS) {
        my %row;
        for my $scheme (qw(http https)) {
            my @uploads = grep { is_object($_) } @{ $sent{"$sender->[0] $scheme"} // [] } or next;
            $row{$scheme} = join ' | ', payload_column(@uploads), unique_of(\&framing, @uploads),
                unique_of(sub ($e) { $e->{trailer} =~ s/^x-amz-checksum-//r }, @uploads) || '—',
                exists $chunk{"$sender->[0] $scheme"} ? size($chunk{"$sender->[0] $scheme"}) : '—',
                unique_of(sub ($e) { $e->{expect} }, @uploads) ? 'yes' : '—';
        }
        %row = ('both' => $row{http}) if ($row{http} // '') eq ($row{https} // '');
        push @lines, map { "| $sender->[1] | $_ | $row{$_} |" } grep { $row{$_} } qw(both http https);
    }
    open my $file, '>:utf8', $path or die "$path: $!\n";
    print {$file} "$_\n" for @lines;
    close $file or die "$path: $!\n";
    return;
}

# What x-amz-content-sha256 says; where that differs, which of them are parts.
sub payload_column (@uploads) {
    my (%count, %parts);
    for my $entry (@uploads) {
        my $mode = mode($entry) eq 'hex' ? 'hex' : "`$entry->{sha256}`";
        $count{$mode}++;
        $parts{$mode}++ if $entry->{uri} =~ /partNumber=/;
    }
    return (keys %count)[0] if keys %count == 1;
    return join '; ', map { $_ . (!$parts{$_} ? '' : $parts{$_} == $count{$_} ? ' (parts)' : ' (also parts)') }
        sort { ($parts{$a} // 0) <=> ($parts{$b} // 0) || $a cmp $b } keys %count;
}

# "chunked" is all that a Transfer-Encoding can say here; aws-chunked bodies ought to have it as Content-Encoding.
sub framing ($entry) {
    my $length = $entry->{te} ? "`TE: $entry->{te}`" : '`Content-Length`';
    return $length . ($entry->{encoding} =~ /aws-chunked/ || !length $entry->{decoded} ? '' : ', no `aws-chunked`');
}

sub unique_of ($of, @entries) {
    return join '; ', unique(grep { length } map { $of->($_) } @entries);
}

sub unique (@values) {
    my %seen;
    return grep { !$seen{$_}++ } @values;
}

sub size ($bytes) {
    return $bytes % 1048576 == 0 ? $bytes / 1048576 . ' MiB' : $bytes % 1024 == 0 ? $bytes / 1024 . ' KiB' : "$bytes";
}
