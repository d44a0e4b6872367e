# Tests for the Helm chart, run by scripts/check-helm: rendered with Helm's template engine, checked against the schemas of
# Kubernetes, and the container that comes out is one that the image's entry point accepts.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../../t/lib";
use File::Temp ();
use MIME::Base64 qw(decode_base64);
use S3Proxy::Client qw(run_command);
use Test::More;
use YAML::PP ();

my $ROOT = "$FindBin::Bin/../..";
my $CHART = "$FindBin::Bin/s3-signature-proxy";
my $tools = $ENV{HELM_TOOLS} // die "run by scripts/check-helm\n";
my $dir = File::Temp->newdir;
my $yaml = YAML::PP->new(boolean => 'perl');

my @keys = map { +"secrets.${_}_ACCESS_KEY" => "AKID$_", "secrets.${_}_SECRET_KEY" => "secret $_ +/=" } qw(CLIENT PRIMARY BACKUP);
my @both = ('origins.primary.endpoint' => 'b.example.com', 'origins.backup.endpoint' => 'a.example.com', 'origins.backup.region' => 'eu-west-1',
    'origins.backup.domain' => 'name.example.com');

my $both = chart('both origins', @keys, @both);
is($both->{Deployment}{spec}{replicas}, 2, 'both origins: two replicas');
is_deeply([sort keys %$both], [qw(Deployment PodDisruptionBudget Secret Service)], 'both origins: what is made');
is(decode_base64($both->{Secret}{data}{BACKUP_SECRET_KEY}), 'secret BACKUP +/=', 'both origins: a secret');
my $pod = $both->{Deployment}{spec}{template};
is($pod->{spec}{containers}[0]{livenessProbe}{httpGet}{path}, '/livez', 'lives by /livez');
is($pod->{spec}{containers}[0]{readinessProbe}{httpGet}{path}, '/healthz', 'ready by /healthz');
is_deeply([grep { /prometheus/ } keys %{ $pod->{metadata}{annotations} }], [], 'no metrics by default');
unlike(join(' ', map { $_->{value} } @{ $pod->{spec}{containers}[0]{env} }), qr/AKID|secret /, 'no secret in the environment');
like(configuration($both), qr{endpoint +https://a\.example\.com:443;\s+host +name\.example\.com;}, 'both origins: a domain');
like(configuration($both), qr{server +b\.example\.com:443 .*server +a\.example\.com:443 backup max_fails=0;}s, 'both origins: primary and backup');

my $one = chart('one origin, a Secret of its own, metrics', 'origins.primary.endpoint' => 's3.example.com', 'origins.primary.scheme' => 'http',
    'origins.primary.port' => 9000, existingSecret => 'keys', replicas => 1, 'metrics.enabled' => 'true', 'metrics.port' => 9113, healthPath => '/bucket',
    signatureV2 => 'true', 'tls.verify' => 'false', realIpFrom => '10.0.0.0/8');
is_deeply([sort keys %$one], [qw(Deployment Service)], 'one origin: what is made');
is($one->{Deployment}{spec}{template}{spec}{volumes}[1]{secret}{secretName}, 'keys', 'one origin: the Secret');
is($one->{Deployment}{spec}{template}{metadata}{annotations}{'prometheus.io/path'}, '/metrics', 'metrics');
is($one->{Deployment}{spec}{template}{metadata}{annotations}{'prometheus.io/port'}, 9113, 'metrics: their port');
like(configuration($one), qr{signature_v2 on;.*endpoint http://s3\.example\.com:9000;.*set_real_ip_from 10\.0\.0\.0/8;.*proxy_ssl_verify +off}s,
    'one origin: its configuration');

for (['origins.primary.endpoint is not set', @keys], ['secrets.PRIMARY_SECRET_KEY is not set', @both, @keys, 'secrets.PRIMARY_SECRET_KEY' => '""']) {
    my ($message, @settings) = @$_;
    my ($text, $exit) = render(@settings);
    isnt($exit, 0, "$message: fails");
    like($text, qr/\Q$message\E/, "$message: says so");
}

my ($text, $exit) = run_command("$tools/yamllint", '-d', '{extends: default, rules: {line-length: {max: 130}, document-start: disable}}',
    "$CHART/Chart.yaml", "$CHART/values.yaml", "$ROOT/docker-compose.yml");
is($exit, 0, 'yamllint') or diag($text);
done_testing;

# Renders with `path => value` settings, validates, and returns the objects by kind.
sub chart ($name, @settings) {
    my ($text, $exit) = render(@settings);
    is($exit, 0, "$name: renders") or BAIL_OUT($text);
    my $path = "$dir/rendered.yaml";
    open my $out, '>', $path or die "$path: $!\n";
    print {$out} $text;
    close $out or die "$path: $!\n";
    my ($lint, $lint_exit) = run_command("$tools/yamllint", '-d', '{extends: default, rules: {line-length: disable}}', $path);
    is($lint_exit, 0, "$name: yamllint") or diag("$lint$text");
    for my $version (qw(1.25 1.34)) {
        my ($fault, $status) = run_command("$tools/kubernetes-validate", '-k', $version, '--strict', $path);
        is($status, 0, "$name: valid for Kubernetes $version") or diag($fault);
    }
    return { map { $_->{kind} => $_ } $yaml->load_string($text) };
}

sub render (@settings) {
    my @lines;
    while (my ($path, $value) = splice @settings, 0, 2) {
        # Each setting as a file of its own: later ones are put over earlier ones.
        my @names = split /\./, $path;
        $value = "'$value'" if $value =~ m{[ +/]};
        push @lines, join('', map { ('  ' x $_) . "$names[$_]:" . ($_ < $#names ? "\n" : " $value\n") } 0 .. $#names);
    }
    my @files = map { my $file = "$dir/values-$_.yaml"; open my $out, '>', $file or die; print {$out} $lines[$_]; close $out or die; $file } 0 .. $#lines;
    return run_command("$tools/render", $CHART, 'test', @files);
}

# What the entry point makes of the container's environment and files.
sub configuration ($objects) {
    my $container = $objects->{Deployment}{spec}{template}{spec}{containers}[0];
    my %environment = map { $_->{name} => $_->{value} } @{ $container->{env} };
    my $rendered = "$dir/conf.d";
    %environment = (%environment, NGINX_ENVSUBST_TEMPLATE_DIR => "$ROOT/nginx-conf/templates", NGINX_ENVSUBST_OUTPUT_DIR => $rendered,
        NGINX_WORKERS_FILE => "$dir/workers.conf", NGINX_DNS_INTERVAL => 0, PATH => "$dir/bin:$ENV{PATH}");
    mkdir "$dir/bin";
    symlink '/bin/true', "$dir/bin/nginx";
    system 'rm', '-rf', $rendered;
    delete local @ENV{ grep { /^(?:CLIENT|SERVER[AB]|ORIGIN|S3)_/ } keys %ENV };
    local @ENV{ keys %environment } = values %environment;
    my ($text, $exit) = run_command("$ROOT/deploy/docker/docker-entrypoint.sh", 'nginx');
    is($exit, 0, 'the entry point accepts it') or diag($text);
    local (@ARGV, $/) = glob "$rendered/*";
    return scalar <>;
}
