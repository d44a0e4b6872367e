# Tests for the Helm chart, run by scripts/check-helm: rendered with Helm's template engine, checked against the schemas of
# Kubernetes, and the container that comes out is one that the image's entry point accepts. Those with s3_credentials are run, where
# that was built (`make credentials`).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../../t/lib";
use File::Temp ();
use MIME::Base64 qw(decode_base64);
use S3Proxy::Client qw(run_command);
use S3Proxy::CredentialsContainer;
use S3Proxy::Imds;
use S3Proxy::Namespaces;
use Test::More;
use YAML::PP ();

my $is_apart = $> == 0 && S3Proxy::Namespaces::enter();
my $ROOT = "$FindBin::Bin/../..";
my $CHART = "$FindBin::Bin/s3-signature-proxy";
my $tools = $ENV{HELM_TOOLS} // die "run by scripts/check-helm\n";
my $dir = File::Temp->newdir;
my $yaml = YAML::PP->new(boolean => 'perl');

my @keys = map { +"secrets.${_}_ACCESS_KEY" => "AKID$_", "secrets.${_}_SECRET_KEY" => "secret $_ +/=" } qw(CLIENT PRIMARY BACKUP);
push @keys, 'secrets.UPLOAD_KEY' => 'upload key';
my @both = ('origins.primary.endpoint' => 'b.example.com', 'origins.backup.endpoint' => 'a.example.com', 'origins.backup.region' => 'eu-west-1',
    'origins.backup.domain' => 'name.example.com');

my $both = chart('both origins', @keys, @both);
is($both->{Deployment}{spec}{replicas}, 2, 'both origins: two replicas');
is_deeply([sort keys %$both], [qw(Deployment Pod PodDisruptionBudget Secret Service)], 'both origins: what is made');
is(decode_base64($both->{Secret}{data}{BACKUP_SECRET_KEY}), 'secret BACKUP +/=', 'both origins: a secret');
my $pod = $both->{Deployment}{spec}{template};
is($pod->{spec}{containers}[0]{livenessProbe}{httpGet}{path}, '/livez', 'lives by /livez');
is($pod->{spec}{containers}[0]{readinessProbe}{httpGet}{path}, '/livez', 'ready by /livez: an origin that is down takes no pod away');
is($pod->{metadata}{annotations}, undef, 'no metrics by default, and a Secret that changes restarts nothing');
is_deeply([map { $_->{topologyKey} } @{ $pod->{spec}{topologySpreadConstraints} }], [qw(kubernetes.io/hostname topology.kubernetes.io/zone)], 'pods are spread');
is($both->{Pod}{metadata}{annotations}{'helm.sh/hook'}, 'test', 'helm test');
is($both->{Pod}{spec}{containers}[0]{command}[-1], 'http://test:80/healthz', 'helm test asks the service');
unlike(join(' ', map { $_->{value} } @{ $pod->{spec}{containers}[0]{env} }), qr/AKID|secret /, 'no secret in the environment');
like(configuration($both), qr{endpoint +https://a\.example\.com:443;\s+host +name\.example\.com;}, 'both origins: a domain');
like(configuration($both), qr{server +b\.example\.com:443 .*server +a\.example\.com:443 weight=1 backup max_fails=0;}s, 'both origins: primary and backup');

like(configuration($both), qr{upstream s3 \{.*^    s3_sticky_uploads file=/etc/s3-signature-proxy/UPLOAD_KEY;}ms, 'both origins: uploads stay');

my $shared = chart('both origins with one storage', @keys, @both, stickyUploads => 'false');
unlike(configuration($shared), qr{^ *s3_sticky_uploads}m, 'one storage: uploads need not');
is($shared->{Secret}{data}{UPLOAD_KEY}, undef, 'one storage: and there is no key for it');

my $one = chart('one origin, a Secret of its own, metrics', 'origins.primary.endpoint' => 's3.example.com', 'origins.primary.scheme' => 'http',
    'origins.primary.port' => 9000, existingSecret => 'keys', replicas => 1, 'metrics.enabled' => 'true', healthPath => '/bucket',
    signatureV2 => 'true', 'tls.verify' => 'false', realIpFrom => '10.0.0.0/8', readinessPath => '/healthz', 'nginx.workerProcesses' => 3);
is_deeply([sort keys %$one], [qw(Deployment Pod Service)], 'one origin: what is made');
is($one->{Deployment}{spec}{template}{spec}{containers}[0]{readinessProbe}{httpGet}{path}, '/healthz', 'one origin: ready by /healthz, if one wants that');
is(environment($one)->{NGINX_WORKER_PROCESSES}, 3, 'one origin: workers');
is($one->{Deployment}{spec}{template}{spec}{volumes}[1]{secret}{secretName}, 'keys', 'one origin: the Secret');
is($one->{Deployment}{spec}{template}{metadata}{annotations}{'prometheus.io/path'}, '/metrics', 'metrics');
is($one->{Deployment}{spec}{template}{metadata}{annotations}{'prometheus.io/port'}, 8405, 'metrics: their port');
is(environment($one)->{METRICS_PORT}, undef, 'metrics: for other pods');
is(environment($both)->{METRICS_PORT}, '127.0.0.1:8405', 'without them: for nobody else');
is_deeply([map { $_->{containerPort} } @{ $one->{Deployment}{spec}{template}{spec}{containers}[0]{ports} }], [8080, 8405], 'metrics: the port is there');
like(configuration($one), qr{signature_v2 on;.*endpoint http://s3\.example\.com:9000;.*set_real_ip_from 10\.0\.0\.0/8;.*proxy_ssl_verify +off}s,
    'one origin: its configuration');

my $more = chart('clients, an ingress, a network policy', @keys, @both, 'clients.file' => 'true', 'clients.oldSecret' => 'true',
    'secrets.CLIENT_SECRET_KEY_OLD' => 'old-secret', '"secrets":"clients.json"' => '{}', 'ingress.enabled' => 'true', 'ingress.host' => 's3.example.com',
    'ingress.tlsSecret' => 's3-tls', 'ingress.className' => 'nginx', 'networkPolicy.enabled' => 'true', 'origins.backup.port' => 9000);
is_deeply([sort keys %$more], [qw(Deployment Ingress NetworkPolicy Pod PodDisruptionBudget Secret Service)], 'clients, ingress, policy: what is made');
like(configuration($more), qr{key file=\S+/CLIENT_ACCESS_KEY file=\S+/CLIENT_SECRET_KEY old=file=\S+/CLIENT_SECRET_KEY_OLD; file \S+/clients\.json;},
    'clients: one key with an old secret, and a file');
is(decode_base64($more->{Secret}{data}{'clients.json'}), '{}', 'clients: the file');
is_deeply($more->{Ingress}{spec}{tls}, [{ hosts => ['s3.example.com'], secretName => 's3-tls' }], 'ingress: TLS');
is_deeply([map { map { $_->{port} } @{ $_->{ports} } } @{ $more->{NetworkPolicy}{spec}{egress} }], [53, 53, 9000, 443], 'policy: to whom the pods may talk');
is_deeply([map { map { $_->{port} } @{ $_->{ports} } } @{ $more->{NetworkPolicy}{spec}{ingress} }], ['http'], 'policy: and who to them');

is($one->{Deployment}{spec}{template}{spec}{volumes}[0]{emptyDir}{sizeLimit}, '64Mi', '/run/nginx has a size');
is_deeply([map { $_->{name} } @{ $one->{Deployment}{spec}{template}{spec}{volumes} }], [qw(run secrets)], 'nothing is stored');
like(configuration($one), qr{s3_unknown_length +refuse;\s+client_body_temp_path +\Q$dir\E/client_body;}, 'uploads of unknown length are refused');
my $stored = chart('uploads of unknown length are stored', @keys, @both, unknownLength => 'buffer', 'bodies.sizeLimit' => '3Gi');
my ($bodies) = grep { $_->{name} eq 'bodies' } @{ $stored->{Deployment}{spec}{template}{spec}{volumes} };
is_deeply($bodies, { name => 'bodies', emptyDir => { sizeLimit => '3Gi' } }, 'they have a disk, and a limit');
is({ map { $_->{name} => $_->{mountPath} } @{ $stored->{Deployment}{spec}{template}{spec}{containers}[0]{volumeMounts} } }->{bodies}, '/var/lib/nginx/body',
    'which is where the image has them');
like(configuration($stored), qr{s3_unknown_length +buffer;\s+client_body_temp_path +\Q$dir\E;}, 'uploads of unknown length are stored');

my $narrow = chart('a network policy with peers', @keys, @both, 'networkPolicy.enabled' => 'true', 'networkPolicy.from' => '[{podSelector: {matchLabels: {app: shop}}}]');
my $from = $narrow->{NetworkPolicy}{spec}{ingress}[0]{from};
is_deeply($from->[1], { podSelector => { matchLabels => { app => 'shop' } } }, 'policy: its peers');
my $test = $from->[0]{podSelector}{matchLabels};
is_deeply({ map { $_ => $narrow->{Pod}{metadata}{labels}{$_} } keys %$test }, $test, 'policy: helm test may ask too');
my $selector = $narrow->{Deployment}{spec}{selector}{matchLabels};
isnt(join(' ', map { $narrow->{Pod}{metadata}{labels}{$_} } sort keys %$selector), join(' ', map { $selector->{$_} } sort keys %$selector), 'and gets no requests');

my $file_only = chart('a clients file alone', @both, existingSecret => 'keys', 'clients.key' => 'false', 'clients.file' => 'true');
like(configuration($file_only), qr{s3_clients clients \{\s+file /etc/s3-signature-proxy/clients\.json;}, 'a clients file alone');

my $temporary = chart('temporary keys', @keys[0 .. 3], 'origins.primary.endpoint' => 'b.example.com', 'credentials.origins' => '[primary]', serviceAccountName => 's3',
    'networkPolicy.enabled' => 'true', 'origins.primary.port' => 9000);
is_deeply([map { map { $_->{port} } @{ $_->{ports} } } @{ $temporary->{NetworkPolicy}{spec}{egress} }], [53, 53, 9000, 443, 80], 'temporary keys, policy: who gives them');
my $spec = $temporary->{Deployment}{spec}{template}{spec};
is($spec->{serviceAccountName}, 's3', 'temporary keys: the service account');
is_deeply([map { "$_->{name} @{ $_->{args} }" } $spec->{containers}[1], @{ $spec->{initContainers} }],
    ['credentials-primary /run/s3-credentials/primary.json', 'first-credentials-primary --once /run/s3-credentials/primary.json'],
    'temporary keys: who gets them, and the first ones before nginx starts');
is_deeply([grep { /KEY/ } sort keys %{ $temporary->{Secret}{data} }], [qw(CLIENT_ACCESS_KEY CLIENT_SECRET_KEY)], 'temporary keys: none in the Secret');
like(configuration($temporary), qr{^    credentials /run/s3-credentials/primary\.json;}m, 'temporary keys: nginx reads them');

SKIP: {
    my $command = $ENV{TEST_S3_CREDENTIALS} || "$ROOT/build/s3_credentials";
    skip('containers with s3_credentials are run by root, where there are namespaces and the command', 1) if !$is_apart || !-x $command;
    subtest 'temporary keys: the containers run' => sub {
        my $endpoint = S3Proxy::Imds->start;
        my $chart = chart('temporary keys, from here', @keys[0 .. 3], 'origins.primary.endpoint' => 'b.example.com', 'credentials.origins' => '[primary]',
            'credentials.env' => "[{name: AWS_EC2_METADATA_SERVICE_ENDPOINT, value: '$endpoint'}]");
        my $pod = $chart->{Deployment}{spec}{template}{spec};
        my ($first, $renewing) = map { container($pod, $command, $_) } $pod->{initContainers}[0], $pod->{containers}[1];
        my $file = '/run/s3-credentials/primary.json';
        is($first->wait, 0, 'the first one ends well') or diag($first->said);
        like(($first->run('cat', $file))[0], qr/"AccessKeyId": "ASIAMACHINE1"/, '... and leaves the file that nginx reads');
        for (1 .. 200) { last if -e $renewing->path($file); select undef, undef, undef, 0.1 }
        is(($renewing->run('stat', '-c', '%u %a', $file))[0], "33 600\n", 'the other one writes it, too, for the user of the pod');
        is($renewing->stop, 0, '... until it is stopped') or diag($renewing->said);
    };
}

# Helm itself holds values against values.schema.json; here Python does.
is((valid())[1], 0, 'the values of the chart fit the schema') or diag((valid())[0]);
for (['origins.primary.scheme' => 'ftp'], ['origins.primary.endpoint' => 'https://s3.example.com'], ['origins.primary.port' => '"443"'], [replica => 3],
    ['healthPath' => 'bucket'], [unknownLength => 'on'], ['bodies.sizeLimit' => 'much'], ['readinessPath' => '/other'], ['clients.key' => 'false'],
    ['credentials.origins' => '[other]']) {
    isnt((valid(@$_))[1], 0, "a value that the schema refuses: @$_");
}

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

# Starts a container of the image "credentials", as the chart has it.
sub container ($pod, $command, $container) {
    my $user = $pod->{securityContext};
    my $started = S3Proxy::CredentialsContainer->new("$ROOT/Dockerfile", $command, env => { map { $_->{name} => $_->{value} } @{ $container->{env} } },
        folders => [map { $_->{mountPath} } @{ $container->{volumeMounts} }]);
    is("$user->{runAsUser} $user->{runAsGroup}", $started->user, "$container->{name}: the user of its image");
    is($container->{securityContext}{readOnlyRootFilesystem}, 1, "$container->{name}: nothing else can be written");
    $started->start(@{ $container->{args} });
    return $started;
}

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

sub render (@settings) { return run_command("$tools/render", $CHART, 'test', values_files(@settings)) }

# Files with `path => value` settings, each its own: later ones are put over earlier ones. A path whose names have dots is quoted.
sub values_files (@settings) {
    my @lines;
    while (my ($path, $value) = splice @settings, 0, 2) {
        my @names = $path =~ /^"/ ? $path =~ /"([^"]+)"/g : split /\./, $path;
        $value = "'$value'" if $value =~ m{^[^\[].*[ +/\{]|^\{};
        push @lines, join('', map { ('  ' x $_) . "$names[$_]:" . ($_ < $#names ? "\n" : " $value\n") } 0 .. $#names);
    }
    return map { my $file = "$dir/values-$_.yaml"; open my $out, '>', $file or die; print {$out} $lines[$_]; close $out or die; $file } 0 .. $#lines;
}

# Holds the chart's values, with these settings, against its schema.
sub valid (@settings) {
    my $program = <<~'EOF2';
        import json, sys, jsonschema, yaml
        def merge(into, other):
            for name, value in other.items():
                if isinstance(value, dict) and isinstance(into.get(name), dict): merge(into[name], value)
                else: into[name] = value
        values = yaml.safe_load(open(sys.argv[2]))
        for path in sys.argv[3:]: merge(values, yaml.safe_load(open(path)))
        jsonschema.Draft7Validator(json.load(open(sys.argv[1]))).validate(values)
        EOF2
    return run_command("$tools/venv/bin/python", '-c', $program, "$CHART/values.schema.json", "$CHART/values.yaml", values_files(@settings));
}

# Variables of nginx's container.
sub environment ($objects) {
    return { map { $_->{name} => $_->{value} } @{ $objects->{Deployment}{spec}{template}{spec}{containers}[0]{env} } };
}

# What the entry point makes of the container's environment and files.
sub configuration ($objects) {
    my $container = $objects->{Deployment}{spec}{template}{spec}{containers}[0];
    my %environment = map { $_->{name} => $_->{value} } @{ $container->{env} };
    my $rendered = "$dir/conf.d";
    %environment = (%environment, NGINX_ENVSUBST_TEMPLATE_DIR => "$ROOT/nginx-conf/templates", NGINX_ENVSUBST_OUTPUT_DIR => $rendered,
        # In the place of a folder of the image.
        $environment{UNKNOWN_LENGTH} eq 'buffer' ? (CLIENT_BODY_TEMP_PATH => "$dir") : (),
        NGINX_WORKERS_FILE => "$dir/workers.conf", NGINX_DNS_INTERVAL => 0, PATH => "$dir/bin:$ENV{PATH}");
    mkdir "$dir/bin";
    symlink '/bin/true', "$dir/bin/nginx";
    # The names of the tests resolve.
    open my $getent, '>', "$dir/bin/getent" or die "getent: $!\n";
    print {$getent} "#!/bin/sh\necho 192.0.2.1 STREAM\n";
    close $getent or die "getent: $!\n";
    chmod 0755, "$dir/bin/getent";
    system 'rm', '-rf', $rendered;
    delete local @ENV{ grep { /^(?:CLIENT|SERVER[AB]|ORIGIN|S3)_/ } keys %ENV };
    local @ENV{ keys %environment } = values %environment;
    my ($text, $exit) = run_command("$ROOT/deploy/docker/docker-entrypoint.sh", 'nginx');
    is($exit, 0, 'the entry point accepts it') or diag($text);
    local (@ARGV, $/) = grep { !/metrics/ } glob "$rendered/*";
    return scalar <>;
}
