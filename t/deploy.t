# Tests for what is deployed, as far as a machine without a container engine can: docker-compose.yml and .env.example agree, the
# entry point renders the templates that nginx accepts and names what is missing, HAProxy accepts its file. The real thing under
# load is in failover-haproxy.t, the Dockerfile in scripts/check-image.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use S3Proxy::Certs;
use S3Proxy::Children qw(slurp test_origin);
use S3Proxy::Client qw(curl run_command);
use S3Proxy::Compose;
use S3Proxy::Deployment;
use S3Proxy::Nginx;
use Test::More;

my $ROOT = "$FindBin::Bin/..";
die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();

my %documented = S3Proxy::Compose::env_file("$ROOT/.env.example", optional => 1);
my %example = S3Proxy::Compose::env_file("$ROOT/.env.example");
# Nothing here resolves the names of the example, so they stay what the origins go by and no more.
my %env = (%example,
    (map { +"SERVER${_}_ENDPOINT" => $_ eq 'A' ? '127.0.0.1' : '127.0.0.2', "SERVER${_}_DOMAIN" => $example{"SERVER${_}_ENDPOINT"} } qw(A B)));
my $deployment = S3Proxy::Deployment->new;
my $dir = $deployment->dir;

subtest 'docker-compose.yml' => sub {
    my @used = S3Proxy::Compose::variables("$ROOT/docker-compose.yml");
    is_deeply([grep { !exists $documented{$_} } @used], [], 'every variable is in .env.example');
    is_deeply([grep { my $name = $_; !grep { $_ eq $name } @used } sort keys %documented], [], 'and each of those is used');
    # The README of those who come from there.
    my @ancestor = qw(CLIENT_ACCESS_KEY CLIENT_SECRET_KEY);
    for my $server (qw(SERVERA SERVERB)) { push @ancestor, map { "${server}_$_" } qw(ACCESS_KEY SECRET_KEY ENDPOINT PORT DOMAIN SCHEME) }
    is_deeply([grep { !exists $example{$_} } @ancestor], [], 'the variables of old are there');

    my $services = services(%env);
    is_deeply([sort grep { !$services->{$_}{profiles} } keys %$services], [qw(haproxy s3-proxy-servera s3-proxy-serverb)],
        'HAProxy and two proxies by default');
    is_deeply({ map { $_ => $services->{$_}{profiles} } grep { $services->{$_}{profiles} } keys %$services },
        { single => ['single'], 'demo-origin-a' => ['demo'], 'demo-origin-b' => ['demo'] }, 'the profiles');
    is_deeply($services->{haproxy}{ports}, ['8080:8080'], 'clients come in at port 8080');
    for my $name (grep { $services->{$_}{build} } sort keys %$services) {
        my $service = $services->{$name};
        ok($service->{read_only} && $service->{cap_drop}[0] eq 'ALL', "$name has a read-only root file system and no capability");
    }
    is($services->{'s3-proxy-servera'}{environment}{SERVERB_SECRET_KEY}, undef, 'proxy A does not have the key of origin B');
    is(services(SERVERA_HOST => 'old-name')->{'s3-proxy-servera'}{environment}{SERVERA_ENDPOINT}, 'old-name', 'SERVERA_HOST is known');
    for my $volume (map { @{ $_->{volumes} // [] } } values %$services) {
        my ($source) = split /:/, $volume;
        ok(-f "$ROOT/$source", "$source exists") if $source =~ /^\./;
    }
};

subtest 'Dockerfile' => sub {
    my $text = slurp("$ROOT/Dockerfile") =~ s/\\\n//gr;
    for my $line (grep { /^COPY/ && !/--from/ } split /\n/, $text) {
        my (undef, @words) = split ' ', $line;
        pop @words;
        ok(-e "$ROOT/$_", "COPY $_: it exists") for @words;
    }
    my %target = map { $_ => 1 } $text =~ /^FROM \S+ AS (\S+)/mg;
    my $services = services();
    ok($target{ $_->{build}{target} }, "stage $_->{build}{target} exists") for grep { ref $_->{build} } values %$services;
    unlike($text, qr/amd64-|x86_64|aarch64|dpkg --print-architecture|TARGETARCH/, 'no step for one processor only');
    like($text, qr/^USER \d+:\d+\n(?!.*^USER 0)/ms, 'nobody is root');
};

subtest 'nginx accepts the rendered templates' => sub {
    for my $name (qw(serverb servera single)) {
        my ($text, $exit) = entry($name, {}, '-t');
        is($exit, 0, "$name: nginx -t") or diag($text);
        my $rendered = slurp("$dir/$name/conf.d/" . ($name eq 'single' ? 'single' : 'proxy') . '.conf');
        unlike($rendered, qr/\$\{/, "$name: no variable is left");
        unlike($rendered, qr/_here|server[ab]_secret_key/, "$name: no secret is in it");
        my $count = () = glob "$dir/$name/conf.d/*";
        is($count, 1, "$name: one template is rendered");
    }
    for my $file (qw(serverb/conf.d/proxy.conf single/conf.d/single.conf)) {
        my $rendered = slurp("$dir/$file");
        like($rendered, qr{server +127\.0\.0\.2:443 }, "$file: ENDPOINT and PORT are where it is");
        like($rendered, qr{endpoint https://127\.0\.0\.2:443;\s+host +s3-region2\.example\.com;}, "$file: DOMAIN is what it goes by");
    }
    my ($text, $exit) = entry('serverb', { HEALTH_PATH => '/bucket?x=1&y', SERVERB_PORT => 9000, SERVERB_SCHEME => 'http', SERVERB_DOMAIN => '' }, '-t');
    is($exit, 0, 'other values: nginx -t') or diag($text);
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{s3_probe +uri=/bucket\?x=1&y;}, 'what origins are asked');
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{host +127\.0\.0\.2:9000;}, 'DOMAIN is the endpoint by default');
};

subtest 'where nginx listens' => sub {
    my $file = "$dir/serverb/listen.conf";
    entry('serverb', { PORT => 8099 }, '-t');
    is(slurp($file), "listen 8099;\n" . (-s '/proc/net/if_inet6' ? "listen [::]:8099;\n" : ''), 'a port: IPv6 too, where there is one');
    entry('serverb', { PORT => '127.0.0.1:8099' }, '-t');
    is(slurp($file), "listen 127.0.0.1:8099;\n", 'an address: there only');
    like(slurp("$ROOT/nginx-conf/docker/nginx.conf"), qr/^worker_rlimit_nofile 8192;\n.*worker_connections 4096;/ms, 'two files for each connection');
};

subtest 'a missing variable is named' => sub {
    for my $case (map({ [serverb => $_], [single => $_] } qw(CLIENT_ACCESS_KEY CLIENT_SECRET_KEY SERVERB_ACCESS_KEY SERVERB_SECRET_KEY SERVERB_ENDPOINT)),
        [servera => 'SERVERA_ENDPOINT'], [single => 'SERVERA_SECRET_KEY']) {
        my ($name, $variable) = @$case;
        my ($text, $exit) = entry($name, { $variable => '' }, '-t');
        isnt($exit, 0, "$name without $variable does not start");
        is($text, "docker-entrypoint: not set: $variable (see .env.example)\n", "$name without $variable: one line");
    }
    is((entry('serverb', { map { $_ => '' } keys %env }, '-t'))[0], "docker-entrypoint: not set: CLIENT_ACCESS_KEY CLIENT_SECRET_KEY"
        . " SERVERB_ACCESS_KEY SERVERB_SECRET_KEY SERVERB_ENDPOINT (see .env.example)\n", 'all that are missing');
};

subtest 'a wrong variable is named' => sub {
    my @cases = (
        [serverb => { SERVERB_SCHEME => 'ftp' }, 'SERVERB_SCHEME is "ftp": http or https'],
        [serverb => { SERVERB_REGION => 'us; evil' }, 'ORIGIN_REGION has a character that cannot stand in nginx\'s configuration: "us; evil"'],
        [serverb => { S3_TEMPLATE => 'singel' }, 'S3_TEMPLATE is "singel": proxy or single'],
        [serverb => { S3_ORIGIN => 'SERVERC' }, 'S3_ORIGIN is "SERVERC": SERVERA or SERVERB'],
        [serverb => { SERVERB_ENDPOINT => 'https://s3.example.com' },
            'SERVERB_ENDPOINT is "https://s3.example.com": a host name or address, without scheme, port and path'],
        [single => { SERVERA_ENDPOINT => 's3.example.com:443' },
            'SERVERA_ENDPOINT is "s3.example.com:443": a host name or address, without scheme, port and path'],
        [single => { SERVERA_SCHEME => 'http' }, 'SERVERA_SCHEME and SERVERB_SCHEME differ: only the proxies behind HAProxy can do that'],
    );
    for (@cases) {
        my ($name, $wrong, $message) = @$_;
        my ($text, $exit) = entry($name, $wrong, '-t');
        isnt($exit, 0, join ' ', $name, %$wrong, 'does not start');
        is($text, "docker-entrypoint: $message\n", join ' ', $name, %$wrong);
    }
};

subtest 'secrets in files' => sub {
    S3Proxy::Deployment::write_file("$dir/key", "AKIDCLIENT\n");
    S3Proxy::Deployment::write_file("$dir/secret", "from-a-file\n");
    my %files = (CLIENT_ACCESS_KEY => '', CLIENT_SECRET_KEY => '', CLIENT_ACCESS_KEY_FILE => "$dir/key", CLIENT_SECRET_KEY_FILE => "$dir/secret");
    my ($text, $exit) = entry('serverb', \%files, '-t');
    is($exit, 0, 'nginx -t') or diag($text);
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{key +file=\Q$dir\E/key file=\Q$dir\E/secret;}, 'the files are named');
    ($text, $exit) = entry('serverb', { %files, CLIENT_SECRET_KEY_FILE => "$dir/no-such-file" }, '-t');
    isnt($exit, 0, 'a file that is not there');
    like($text, qr{"\Q$dir\E/no-such-file" with secret key cannot be read}, 'it is named');
};

subtest 'the demo' => sub {
    # What the name service of the containers says while the profile is on.
    stub('getent', 'case $2 in demo-origin-?.) echo 172.18.0.9 "$2" ;; *) exit 2 ;; esac');
    stub('nginx', 'echo "nginx $*"');
    for my $name (qw(serverb single)) {
        my ($text, $exit) = stubbed($name, { map({ $_ => '' } keys %env), DEMO => $name eq 'single' ? 'ab' : 'b' });
        is($exit, 0, "$name needs no .env") or diag($text);
        like(slurp("$dir/$name/conf.d/" . ($name eq 'single' ? 'single' : 'proxy') . '.conf'),
            qr{endpoint http://demo-origin-b:9000;.*region +demo-b;}s, "$name: the demo's origin");
    }
    my $services = services();
    for my $letter (qw(a b)) {
        my $demo = $services->{"demo-origin-$letter"};
        like($demo->{command}[1], qr/name=$letter,listen=0\.0\.0\.0:9000,.*key=DEMOORIGIN$letter,.*region=demo-$letter/, "origin $letter has the key");
        is($demo->{environment}{ORIGIN_SECRET}, "demo-origin-secret-$letter", "origin $letter has the secret");
    }
};

subtest 'addresses that change' => sub {
    stub('getent', "cat $dir/addresses 2>/dev/null");
    stub('nginx', q{trap 'echo reload; exit' HUP; for _ in $(seq 60); do sleep 0.25; done; echo end});
    my %moving = (SERVERB_ENDPOINT => 's3.example.com', NGINX_DNS_INTERVAL => 0.5);
    my $addresses = sub (@list) { S3Proxy::Deployment::write_file("$dir/addresses", join '', map { "$_ STREAM\n" } @list) };
    $addresses->('192.0.2.1', '192.0.2.2');
    $deployment->start('moving', stubbed_environment('serverb', { %moving }), "$ROOT/deploy/docker/docker-entrypoint.sh", 'nginx');
    Time::HiRes::sleep(0.8);
    $addresses->('192.0.2.2', '192.0.2.3');
    Time::HiRes::sleep(0.8);
    unlike($deployment->log('moving'), qr/moved/, 'some that change do not matter');
    $addresses->('192.0.2.4');
    ok(defined $deployment->wait_until(12, sub { $deployment->log('moving') =~ /reload|end/ }), 'all that change');
    like($deployment->log('moving'), qr/follow-dns: s3.example.com has moved, nginx looks it up again\nreload/, 'make nginx reload');
    $deployment->stop('moving', 'KILL');
};

subtest 'an origin with TLS' => sub {
    S3Proxy::Certs::directory($dir);
    my ($certificate, $key) = S3Proxy::Certs::certificate($example{SERVERB_ENDPOINT});
    my $spec = join ',', 'name=b', 'listen=127.0.0.1:' . $deployment->port('b'), "root=$dir/data-b", 'bucket=demo',
        "key=$example{SERVERB_ACCESS_KEY}", "secret=$example{SERVERB_SECRET_KEY}", "region=$example{SERVERB_REGION}";
    $deployment->start('b', {}, test_origin(), '--tls-cert', $certificate, '--tls-key', $key, '--origin', $spec);
    $deployment->wait_for_port('b');
    my %here = (SERVERB_ENDPOINT => '127.0.0.1', SERVERB_PORT => $deployment->port('b'), ORIGIN_CA_FILE => S3Proxy::Certs::ca());
    my @cases = (
        ['its certificate is of its DOMAIN', {}, 200, qr/"b":"ok"/],
        ['its authority is not known', { ORIGIN_CA_FILE => '' }, 503, qr/"b":"nok: [^"]*certificate[^"]*"/],
        ['its certificate is for another name', { SERVERB_DOMAIN => 'other.example.com' }, 503, qr/"b":"nok: certificate for another name"/],
        ['it is not checked', { ORIGIN_CA_FILE => '', ORIGIN_TLS_VERIFY => 'off' }, 200, qr/"b":"ok"/],
        ['our key is wrong', { SERVERB_SECRET_KEY => 'wrong' }, 503, qr/"b":"nok: 403 SignatureDoesNotMatch"/],
    );
    for (@cases) {
        my ($what, $variables, $status, $body) = @$_;
        $deployment->start_proxy('serverb', %{ environment('serverb', { %here, %$variables }) });
        my $answer;
        $deployment->wait_until(10, sub {
            $answer = curl('http://127.0.0.1:' . $deployment->port('serverb') . '/healthz');
            return $answer->{body} !~ /not asked yet/;
        });
        is($answer->{status}, $status, "/healthz: $what") or diag($deployment->log('serverb'));
        like($answer->{body}, $body, "/healthz says so: $what");
        $deployment->stop('serverb', 'QUIT');
    }
};

subtest 'HAProxy accepts its file' => sub {
    my $environment = $deployment->haproxy_environment;
    local @ENV{ keys %$environment } = values %$environment;
    my ($text, $exit) = run_command('haproxy', '-c', '-f', "$ROOT/deploy/haproxy.cfg");
    is($exit, 0, 'haproxy -c');
    if (-s '/proc/net/if_inet6') {
        my %both = (%$environment, HAPROXY_BIND6 => '[::1]:' . $deployment->port('haproxy'));
        $deployment->start('haproxy', \%both, 'haproxy', '-db', '-f', "$ROOT/deploy/haproxy.cfg");
        $deployment->wait_for_port('haproxy');
        is(curl('-g', "http://$_:" . $deployment->port('haproxy') . '/')->{status}, 503, "HAProxy answers at $_") for '127.0.0.1', '[::1]';
        $deployment->stop('haproxy');
    }
    unlike($text, qr/WARNING|ALERT/, 'without a warning') or diag($text);
};

done_testing;

sub services (%variables) { return S3Proxy::Compose::services("$ROOT/docker-compose.yml", %variables) }

# The environment of a container, with .env's variables or others.
sub environment ($name, $variables) {
    my $service = services(%env, %$variables)->{ $name eq 'single' ? 'single' : "s3-proxy-$name" };
    my %container = %{ $service->{environment} };
    my %paths = %{ $deployment->environment($name) };
    delete @paths{ grep { /^(?:CLIENT|SERVER)/ } keys %paths };
    return { %container, %paths, DEMO => '', %$variables };
}

# Runs the entry point with nginx's arguments; returns what it printed and its exit status.
sub entry ($name, $variables, @arguments) { return run_entry(environment($name, $variables), $deployment->nginx_command($name), @arguments) }

sub run_entry ($environment, @command) {
    delete local @ENV{ grep { /^(?:CLIENT|SERVER[AB]|ORIGIN|S3)_/ } keys %ENV };
    local @ENV{ keys %$environment } = values %$environment;
    system 'rm', '-rf', "$environment->{NGINX_ENVSUBST_OUTPUT_DIR}";
    return run_command("$ROOT/deploy/docker/docker-entrypoint.sh", @command);
}

# A command of that name for stubbed().
sub stub ($name, $script) {
    mkdir "$dir/bin";
    S3Proxy::Deployment::write_file("$dir/bin/$name", "#!/bin/bash\n$script\n");
    chmod 0755, "$dir/bin/$name";
    return;
}

sub stubbed_environment ($name, $variables) { return { %{ environment($name, $variables) }, PATH => "$dir/bin:$ENV{PATH}" } }
sub stubbed ($name, $variables) { return run_entry(stubbed_environment($name, $variables), 'nginx') }
