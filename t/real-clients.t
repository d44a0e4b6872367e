# Tests for real clients through the proxy: each of them does all that it can do, over http and over https, against the
# embedded origin (s3s) and against OpenStack Swift, both of which verify the proxy's signatures with code of their own.
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
use POSIX qw(WNOHANG);
use S3Proxy::Certs;
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Ports;
use Test::More;
use Time::HiRes qw(sleep time);

my $ROOT = "$FindBin::Bin/..";
my @CLIENTS = qw(boto3 aws-cli rclone s3cmd curl minio-py);
my %KEY = (client => 'AKIDCLIENT', s3s => 'AKIDORIGIN', swift => 'test:tester');
my %SECRET = (client => 'client-secret+/=', s3s => 'origin-secret+/=', swift => 'swift-secret');
# The clients' region and the origins' own: only signing anew makes one of the other.
my %REGION = (client => 'us-east-1', s3s => 'eu-west-1', swift => 'eu-central-1');

my @clients = chosen('TEST_CLIENTS', @CLIENTS);
my @origins = chosen('TEST_ORIGINS', qw(s3s swift));
my @schemes = chosen('TEST_SCHEMES', qw(http https));
my $owner = $$;
my %running;    # what run.py is told to do, by its process id
my %started;    # the origins' standard output, by process id; closing it would wait for their end

die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();
my ($listing, $exit) = run_command("$ROOT/t/clients/setup");
die "t/clients/setup: $listing" if $exit;
my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;

my %address = map { $_ => start_origin($_) } @origins;
my %endpoint = start_nginx();
run_all(map { my $client = $_; map { my $scheme = $_; map { [$client, $scheme, $_] } @origins } @schemes } @clients);
check_origin_log() if $address{s3s};
check_nginx();
done_testing;

# The words of an environment variable, each of which must be one of those given.
sub chosen ($name, @all) {
    my @words = split ' ', $ENV{$name} // '' or return @all;
    for my $word (@words) {
        die "$name: no \"$word\" among @all\n" if !grep { $_ eq $word } @all;
    }
    return @words;
}

# Starts an origin; returns "127.0.0.1:PORT".
sub start_origin ($name) {
    my @command = $name eq 's3s' ? (test_origin(), '--log', "$dir/origins/s3s.log") : "$ROOT/t/clients/swift-origin";
    push @command, '--listen', '127.0.0.1:' . S3Proxy::Ports::port($name), '--access-key', $KEY{$name},
        '--secret-key', 'env:TEST_ORIGIN_SECRET', '--region', $REGION{$name}, '--create-bucket', 'demo',
        '--root', "$dir/origins/$name";
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        $ENV{TEST_ORIGIN_SECRET} = $SECRET{$name};
        open STDERR, '>', "$dir/origins/$name.err";
        exec @command or POSIX::_exit(127);
    }
    $started{$pid} = $out;
    local $SIG{ALRM} = sub { die "$name did not start within 30 s\n" };
    alarm 30;
    my $line = <$out> // '';
    alarm 0;
    $line =~ /^listening \S+ (\S+)$/ or die "$name did not start: $line" . slurp("$dir/origins/$name.err") . "\n";
    return $1;
}

# Path of the embedded origin, built if need be.
sub test_origin () {
    return $ENV{TEST_ORIGIN_BINARY} if $ENV{TEST_ORIGIN_BINARY};
    # Limited, since another cargo may hold the lock of the target directory for as long as it builds.
    my ($text, $exit) = run_command('timeout', 300, 'cargo', 'build', '--quiet', '--manifest-path',
        "$ROOT/Cargo.toml", '-p', 'test-origin');
    die "cargo build -p test-origin: exit status $exit $text\n" if $exit;
    return ($ENV{CARGO_TARGET_DIR} // "$ROOT/target") . '/debug/test-origin';
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
    my $servers = join '', map { server_block($_, \%endpoint) } @origins;
    $nginx->write_config(
        workers => 2,
        http_config => <<~"CONF",
            s3_clients apps {
                key $KEY{client} env=TEST_SECRET_CLIENT;
                # `s3cmd signurl` knows nothing newer.
                signature_v2 on;
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

# Runs [client, scheme, origin] triples, several at once, and reports each as it ends.
sub run_all (@triples) {
    my $jobs = $ENV{TEST_JOBS} || 2;
    while (@triples || %running) {
        while (@triples && keys %running < $jobs) {
            my $run = start_run(@{ shift @triples });
            $running{ $run->{pid} } = $run;
        }
        sleep 0.02;
        for my $run (map { $running{$_} } sort { $a <=> $b } keys %running) {
            next if waitpid($run->{pid}, WNOHANG) != $run->{pid};
            delete $running{ $run->{pid} };
            report($run, $? >> 8 || $? & 127);
        }
    }
    return;
}

sub start_run ($client, $scheme, $origin) {
    # As the prefix of its objects, the name leads from a line of a log back to the run.
    my $name = "$client-$scheme-$origin";
    my $run = { name => $name, where => "$origin $scheme", file => "$dir/$name.tap", at => time };
    my @command = ("$ROOT/t/clients/run.py", '--endpoint', $endpoint{"$scheme $origin"},
        '--access-key', $KEY{client}, '--secret-key', 'env:TEST_SECRET_CLIENT', '--region', $REGION{client},
        '--prefix', $name, '--origin', $origin, ($scheme eq 'https' ? ('--ca', S3Proxy::Certs::ca()) : ()), $client);
    $run->{pid} = fork // die "fork: $!\n";
    if (!$run->{pid}) {
        $ENV{TEST_SECRET_CLIENT} = $SECRET{client};
        $ENV{TMPDIR} = $dir;
        open STDOUT, '>', $run->{file};
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    return $run;
}

# Turns what run.py said into tests of this file.
sub report ($run, $exit) {
    my ($planned, $seen, $failed) = (-1, 0, 0);
    my $say = \&diag;    # where comments belong that follow a line
    for my $line (split /\n/, slurp($run->{file})) {
        if ($line =~ /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO) (.*))?$/) {
            my ($bad, $label, $directive, $reason) = ($1, "$run->{where}, $2", $3 // '', $4);
            $seen++;
            $say = $directive ? \&note : \&diag;
            if ($directive eq 'SKIP') {
                SKIP: { skip "$label: $reason", 1 }
                next;
            }
            local our $TODO = $directive eq 'TODO' ? $reason : undef;
            ok !$bad, $label;
            $failed++ if $bad && !$TODO;
        } elsif ($line =~ /^1\.\.(\d+)$/) {
            $planned = $1;
        } else {
            $say->($line =~ s/^# //r);
        }
    }
    is $seen, $planned, "$run->{where}, $run->{name}: every operation was tried" or $failed++;
    note sprintf '%s took %.1f s, exit status %d', $run->{name}, time - $run->{at}, $exit;
    diag $_ for $failed ? last_lines(20, grep { /\Q$run->{name}\E/ } split /\n/, $nginx->read_log('error.log')) : ();
    return;
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

sub check_nginx () {
    ok !$nginx->stop('QUIT'), 'nginx ends by itself';
    my @fatal = $nginx->fatal_lines;
    is scalar @fatal, 0, 'no alert, no panic' or diag join "\n", last_lines(20, @fatal);
    return;
}

sub last_lines ($count, @lines) {
    return @lines > $count ? @lines[-$count .. -1] : @lines;
}

sub slurp ($path) {
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

END {
    if ($$ == $owner) {
        local $?;
        kill 'TERM', keys %running, keys %started;
        waitpid $_, 0 for keys %running, keys %started;
    }
}
