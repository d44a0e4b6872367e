# Tests for the version: one number wherever it is written, and a running nginx that says which module it has.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use S3Proxy::Children qw(slurp);
use S3Proxy::Nginx;
use S3Proxy::Ports;
use Test::More;

my $ROOT = "$FindBin::Bin/..";
my ($version) = slurp("$ROOT/Cargo.toml") =~ /^\[workspace\.package\]\nversion = "([^"]+)"/m;
like($version, qr/^\d+\.\d+\.\d+$/, 'the version of the workspace');

subtest 'files' => sub {
    for my $lock ('Cargo.lock', 'fuzz/Cargo.lock') {
        # What comes from elsewhere has a source.
        my %ours = slurp("$ROOT/$lock") =~ /^name = "([^"]+)"\nversion = "([^"]+)"\n(?!source)/mg;
        # What is never handed on has none: fuzz targets, and what measures.
        my @other = grep { $ours{$_} ne $version && $ours{$_} ne '0.0.0' } sort keys %ours;
        is_deeply(\@other, [], "$lock: our crates");
        ok($ours{sigv4}, "$lock has them");
    }
    # A workspace of its own, with a lock of its own.
    is_deeply([slurp("$ROOT/crates/s3-credentials/Cargo.toml") =~ /^version = "([^"]+)"/m], [$version], 's3_credentials');
    is_deeply([slurp("$ROOT/crates/s3-credentials/Cargo.lock") =~ /^name = "s3-credentials"\nversion = "([^"]+)"/m], [$version], 'and its lock');
    my $chart = slurp("$ROOT/deploy/helm/s3-signature-proxy/Chart.yaml");
    is_deeply([$chart =~ /^(?:appVersion|version): (\S+)$/mg], [$version, $version], 'Chart.yaml: its own, and that of what it runs');
    is_deeply([slurp("$ROOT/Dockerfile") =~ /org\.opencontainers\.image\.version="([^"]+)"/g], [$version], "Dockerfile: the image's label");
    is((slurp("$ROOT/CHANGELOG.md") =~ /^## (\S+)/m)[0], $version, 'CHANGELOG.md begins with it');
    is((slurp("$ROOT/UPGRADING.md") =~ /^### From \S+ to (\S+)$/m)[0], $version, 'UPGRADING.md has the way to it');
};

subtest 'the running module' => sub {
    my $line = qr/\[notice\] .*: S3 signature module \Q$version\E$/m;
    my $port = S3Proxy::Ports::port('SERVER');
    my $nginx = S3Proxy::Nginx->new;
    $nginx->write_config(log_level => 'notice', config => 'location / { return 204; }', listen => ["127.0.0.1:$port"]);
    $nginx->mark_logs;
    $nginx->start;
    like($nginx->log, $line, 'it is in the error log when nginx starts');
    $nginx->mark_logs;
    $nginx->reload;
    like($nginx->log, $line, 'and when the configuration is read again');
    is(join('', $nginx->fatal_lines), '', 'no alert');
    $nginx->stop;
    is_deeply([slurp(S3Proxy::Nginx::module()) =~ /S3 signature module ([0-9][0-9.]*[0-9])/g], [$version], 'the file has it too');
};

done_testing;
