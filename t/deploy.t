# Tests for what is deployed, as far as a machine without a container engine can: docker-compose.yml and .env.example agree, the
# entry point renders the templates that nginx accepts and names what is missing, HAProxy accepts its file. The real thing under
# load is in failover-haproxy.t, the Dockerfile in scripts/check-image.

use v5.36;
use Digest::SHA ();
use FindBin;
use lib "$FindBin::Bin/lib";
use S3Proxy::Certs;
use S3Proxy::Children qw(slurp test_origin);
use S3Proxy::Client qw(connect_to curl exchange run_command);
use S3Proxy::Compose;
use S3Proxy::Deployment;
use S3Proxy::Http qw(header);
use S3Proxy::Nginx;
use S3Proxy::Sign qw(sign);
use Test::More;

my $ROOT = "$FindBin::Bin/..";
die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();

my %documented = S3Proxy::Compose::env_file("$ROOT/.env.example", optional => 1);
my %example = S3Proxy::Compose::env_file("$ROOT/.env.example");
# Nothing here resolves the names of the example, so they stay what the origins go by and no more.
my %env = (%example, map({ +"${_}_SECRET_KEY" => "own_$example{\"${_}_SECRET_KEY\"}" } qw(CLIENT SERVERA SERVERB)), UPLOAD_KEY => 'own_upload_key',
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
        { single => ['single'], credentials => ['credentials'], prometheus => ['monitoring'], grafana => ['monitoring'], 'demo-origin-a' => ['demo'], 'demo-origin-b' => ['demo'] }, 'the profiles');
    is_deeply($services->{haproxy}{ports}, ['8080:8080', '127.0.0.1:8405:8405'], 'clients come in at port 8080, metrics are for this machine');
    my (%builders, %pulled);
    @pulled{qw(prometheus grafana)} = (1, 1);
    for my $name (sort keys %$services) {
        my $service = $services->{$name};
        ok($service->{read_only} && $service->{cap_drop}[0] eq 'ALL', "$name has a read-only root file system and no capability");
        ok($service->{mem_limit} && $service->{logging}{options}{'max-size'}, "$name has a limit of memory, and of its log");
        like($_, qr/size=\d+m/, "$name: a tmpfs has a size") for @{ $service->{tmpfs} // [] };
        push @{ $builders{ $service->{image} } }, $name if $service->{build};
        next if $service->{build};
        # What is not ours is of one version.
        if ($pulled{$name}) { like($service->{image}, qr/:v?\d+\.\d+\.\d+$/, "$name: a version that is pulled") }
        else { is($service->{pull_policy}, 'never', "$name: its image is built by another service") }
    }
    is(scalar @{ $builders{ $services->{$_}{image} } // [] }, 1, "one service builds the image of $_") for grep { !$pulled{$_} } sort keys %$services;
    like($_, qr/^127\.0\.0\.1:/, "$_: for this machine") for map { @{ $services->{$_}{ports} } } sort keys %pulled;
    is($services->{'s3-proxy-servera'}{environment}{SERVERB_SECRET_KEY}, undef, 'proxy A does not have the key of origin B');
    is(services(SERVERA_HOST => 'old-name')->{'s3-proxy-servera'}{environment}{SERVERA_HOST}, 'old-name', 'SERVERA_HOST is known');
    for my $volume (map { @{ $_->{volumes} // [] } } values %$services) {
        my ($source) = split /:/, $volume;
        ok(-e "$ROOT/$source", "$source exists") if $source =~ /^\./;
    }
};

subtest 'docker-compose 1.29 reads docker-compose.yml too' => sub {
    my $text = slurp("$ROOT/docker-compose.yml");
    unlike($text, qr/\$\{[^}]*\$\{/, 'no default within a default');
    unlike($text, qr/^\s*required:|^\s*(?:develop|include|attach|configs|secrets):/m, 'nothing that came later');
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
        is($count, 2, "$name: one template is rendered, and that of the metrics");
    }
    for my $file (qw(serverb/conf.d/proxy.conf single/conf.d/single.conf)) {
        my $rendered = slurp("$dir/$file");
        like($rendered, qr{server +127\.0\.0\.2:443 }, "$file: ENDPOINT and PORT are where it is");
        like($rendered, qr{endpoint https://127\.0\.0\.2:443;\s+host +s3-region2\.example\.com;}, "$file: DOMAIN is what it goes by");
    }
    my ($text, $exit) = entry('serverb', { HEALTH_PATH => '/bucket?x=1&y', SERVERB_PORT => 9000, SERVERB_SCHEME => 'http', SERVERB_DOMAIN => '' }, '-t');
    is($exit, 0, 'other values: nginx -t') or diag($text);
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{s3_probe +uri=/bucket\?x=1&y all_down=503;}, 'what origins are asked');
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{host +127\.0\.0\.2:9000;}, 'DOMAIN is the endpoint by default');
    entry('serverb', { HEALTH_ALL_DOWN => '' }, '-t');
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{s3_probe +uri=/ all_down=try;}, 'where nobody else can be asked, requests are tried');
};

subtest 'where nginx listens' => sub {
    my $file = "$dir/serverb/listen.conf";
    entry('serverb', { PORT => 8099 }, '-t');
    is(slurp($file), "listen 8099;\n" . (-s '/proc/net/if_inet6' ? "listen [::]:8099;\n" : ''), 'a port: IPv6 too, where there is one');
    entry('serverb', { PORT => '127.0.0.1:8099' }, '-t');
    is(slurp($file), "listen 127.0.0.1:8099;\n", 'an address: there only');
    entry('serverb', { METRICS_PORT => 8098 }, '-t');
    is(slurp("$dir/serverb/listen-metrics.conf"), "listen 8098;\n" . (-s '/proc/net/if_inet6' ? "listen [::]:8098;\n" : ''), 'metrics too');
    like(slurp("$ROOT/nginx-conf/docker/nginx.conf"), qr/^worker_rlimit_nofile 8192;$/m, 'two files for each connection, of which there are');
    my ($connections) = slurp("$dir/serverb/events.conf") =~ /^worker_connections (\d+);$/m;
    cmp_ok($connections, '<=', 4096, '4096 at most');
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
        [serverb => { CLIENT_SECRET_KEY => $example{CLIENT_SECRET_KEY} }, 'CLIENT_SECRET_KEY is still that of .env.example: fill it in'],
        [single => { SERVERA_SECRET_KEY => $example{SERVERA_SECRET_KEY} }, 'SERVERA_SECRET_KEY is still that of .env.example: fill it in'],
        [single => { UPLOAD_KEY => $example{UPLOAD_KEY} }, 'UPLOAD_KEY is still that of .env.example: fill it in'],
        [serverb => { SERVERB_SCHEME => 'ftp' }, 'SERVERB_SCHEME is "ftp": http or https'],
        [serverb => { SERVERB_REGION => 'us; evil' }, 'ORIGIN_REGION has a character that cannot stand in nginx\'s configuration: "us; evil"'],
        [serverb => { UNKNOWN_LENGTH => 'on' }, 'UNKNOWN_LENGTH is "on": refuse or buffer'],
        [single => { UNKNOWN_LENGTH => 'buffer', CLIENT_BODY_TEMP_PATH => '/nonexistent' },
            'UNKNOWN_LENGTH is buffer, and /nonexistent cannot be written to: mount a volume there'],
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
    S3Proxy::Deployment::write_file("$dir/b.json", '{"Version": 1, "AccessKeyId": "AKIDB", "SecretAccessKey": "secret"}');
    entry('serverb', { %files, SERVERB_ACCESS_KEY => '', SERVERB_SECRET_KEY => '', SERVERB_CREDENTIALS_FILE => "$dir/b.json" }, '-t');
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{^    credentials \Q$dir\E/b\.json;$}m, 'a temporary key in a file, without the others');
    ($text, $exit) = entry('serverb', { %files, CLIENT_SECRET_KEY_FILE => "$dir/no-such-file" }, '-t');
    isnt($exit, 0, 'a file that is not there');
    like($text, qr{"\Q$dir\E/no-such-file" with secret key cannot be read}, 'it is named');
};

subtest 'several clients, an old secret' => sub {
    my %no_client = (CLIENT_ACCESS_KEY => '', CLIENT_SECRET_KEY => '');
    S3Proxy::Deployment::write_file("$dir/clients.json", '{"clients": [{"access_key": "AKIDONE", "secret_key": "one", "grants": []}]}');
    my $rendered = sub { slurp("$dir/serverb/conf.d/proxy.conf") =~ s/\s+/ /gr };
    my ($text, $exit) = entry('serverb', { %no_client, CLIENTS_FILE => "$dir/clients.json" }, '-t');
    is($exit, 0, 'a clients file alone: nginx -t') or diag($text);
    like($rendered->(), qr/s3_clients clients \{ file \Q$dir\E\/clients.json; #/, 'a clients file alone');
    ($text, $exit) = entry('serverb', { CLIENTS_FILE => "$dir/clients.json" }, '-t');
    is($exit, 0, 'a clients file beside a key: nginx -t') or diag($text);
    like($rendered->(), qr/\{ key env=CLIENT_ACCESS_KEY env=CLIENT_SECRET_KEY; file \S+; #/, 'a clients file beside a key');
    ($text, $exit) = entry('single', { CLIENT_SECRET_KEY_OLD => 'the-old-one' }, '-t');
    is($exit, 0, 'an old secret: nginx -t') or diag($text);
    like(slurp("$dir/single/conf.d/single.conf"), qr/env=CLIENT_SECRET_KEY old=env=CLIENT_SECRET_KEY_OLD;/, 'an old secret');
    S3Proxy::Deployment::write_file("$dir/old", "the-old-one\n");
    ($text, $exit) = entry('serverb', { CLIENT_SECRET_KEY_OLD_FILE => "$dir/old" }, '-t');
    is($exit, 0, 'an old secret in a file: nginx -t') or diag($text);
    for my $variable (qw(CLIENTS_FILE CLIENT_SECRET_KEY_OLD_FILE CLIENT_SECRET_KEY_FILE)) {
        ($text, $exit) = entry('serverb', { $variable => '/x; evil' }, '-t');
        isnt($exit, 0, "$variable of more than one word does not start");
        like($text, qr/\Adocker-entrypoint: $variable has a character that cannot stand in nginx's configuration: "\/x; evil"\n\z/, "$variable is named");
    }
};

subtest 'uploads stay with their origin' => sub {
    for my $name (qw(serverb single)) {
        my $line = sub { (slurp("$dir/$name/conf.d/" . ($name eq 'single' ? 'single' : 'proxy') . '.conf') =~ /^ *(s3_sticky_uploads .*)$/m)[0] };
        entry($name, {}, '-t');
        is($line->(), 's3_sticky_uploads env=UPLOAD_KEY;', "$name: by a key of .env");
        S3Proxy::Deployment::write_file("$dir/upload-key", "of-a-file\n");
        my ($text, $exit) = entry($name, { UPLOAD_KEY => '', UPLOAD_KEY_FILE => "$dir/upload-key", UPLOAD_KEY_OLD => 'old' }, '-t');
        is($exit, 0, "$name: nginx -t") or diag($text);
        is($line->(), "s3_sticky_uploads file=$dir/upload-key old=env=UPLOAD_KEY_OLD;", "$name: by one of a file, and an old one");
        ($text, $exit) = entry($name, { UPLOAD_KEY => '' }, '-t');
        is($exit, 0, "$name: a .env of before: nginx -t") or diag($text);
        is($line->(), undef, "$name: they do not");
    }
    # HAProxy knows the proxies' names of their origins by these digits.
    my $haproxy = slurp("$ROOT/deploy/haproxy.cfg");
    for my $origin (qw(a b)) {
        my $tag = substr Digest::SHA::sha256_hex($origin), 0, 8;
        is(scalar(my @lines = $haproxy =~ /^ *acl upload_of_$origin url_param\([\w-]+\) -m beg s3u1\.$tag\.$/mg), 2, "the tag of $origin");
    }
};

subtest 'SERVERx_HOST, the older name' => sub {
    my ($text, $exit) = entry('serverb', { SERVERB_ENDPOINT => '', SERVERB_HOST => '127.0.0.3' }, '-t');
    is($exit, 0, 'nginx -t') or diag($text);
    like(slurp("$dir/serverb/conf.d/proxy.conf"), qr{server +127\.0\.0\.3:443 }, 'it is where the origin is');
};

subtest 'the demo' => sub {
    my %demo = S3Proxy::Compose::env_file("$ROOT/deploy/demo.env");
    is(delete $demo{COMPOSE_PROFILES}, 'demo', 'its origins are started');
    is_deeply([grep { !exists $documented{$_} } sort keys %demo], [], 'its variables are known');
    my $services = services(%demo);
    for my $letter (qw(a b)) {
        my $origin = $services->{"demo-origin-$letter"};
        my $server = 'SERVER' . uc $letter;
        like($origin->{command}[1], qr/name=$letter,listen=0\.0\.0\.0:$demo{"${server}_PORT"},.*key=$demo{"${server}_ACCESS_KEY"},.*region=$demo{"${server}_REGION"}/,
            "origin $letter has the key");
        is($origin->{environment}{ORIGIN_SECRET}, $demo{"${server}_SECRET_KEY"}, "origin $letter has the secret");
        ok($services->{ $demo{"${server}_ENDPOINT"} }, "origin $letter is a service");
    }
    for my $name (qw(serverb servera single)) {
        my ($text, $exit) = entry($name, { map({ $_ => '' } keys %env), %demo, SERVERA_ENDPOINT => '127.0.0.1', SERVERB_ENDPOINT => '127.0.0.2' }, '-t');
        is($exit, 0, "$name: nginx -t") or diag($text);
    }
};

# The names that the name service knows stand in a file of the name, as addresses; the addresses that answer in a file of theirs.
sub stub_network () {
    stub('getent', "cat $dir/names/\$2 2>/dev/null | sed 's/\$/ STREAM/'");
    stub('curl', <<~"EOF");
        for word; do case \$word in ::*) address=\${word#::} ;; http://*) address=\${word#http://} ;; esac; done
        address=\${address#[}; address=\${address%%:*}; address=\${address%]}
        test -e "$dir/answers/\$address" || exit 7
        EOF
    mkdir "$dir/$_" for qw(names answers);
    return;
}

sub resolves_to ($name, @addresses) {
    S3Proxy::Deployment::write_file("$dir/names/$name.new", join '', map { "$_\n" } @addresses);
    rename "$dir/names/$name.new", "$dir/names/$name" or die "rename: $!\n";
    return;
}

sub answers (@addresses) {
    unlink glob "$dir/answers/*";
    S3Proxy::Deployment::write_file("$dir/answers/$_", '') for @addresses;
    return;
}

# Waits for that many looks at a name, by asking the stub to count: an interval is a fifth of a second.
sub looks ($count) {
    Time::HiRes::sleep(0.2 * $count * $S3Proxy::Nginx::PATIENCE);
    return;
}

subtest 'addresses that change' => sub {
    stub_network();
    stub('nginx', q{trap 'echo reload' HUP; for _ in $(seq 300); do sleep 0.1; done; echo end});
    for my $case (['https', {}], ['http', { SERVERB_SCHEME => 'http', SERVERB_PORT => 80 }]) {
        my ($scheme, $variables) = @$case;
        my $name = "moving-$scheme";
        my @pool = map { "192.0.2.$_" } 1 .. 8;
        answers(@pool);
        resolves_to('s3.example.com', @pool[0, 1]);
        unlink "$dir/serverb/conf.d.addresses/s3.example.com";
        my %moving = (SERVERB_ENDPOINT => 's3.example.com', NGINX_DNS_INTERVAL => 0.2, %$variables);
        $deployment->start($name, stubbed_environment('serverb', { %moving }), "$ROOT/deploy/docker/docker-entrypoint.sh", 'nginx');
        my $reloads = sub { my $count = () = $deployment->log($name) =~ /^reload$/mg; return $count };
        # The entry point notes what nginx will have found.
        $deployment->wait_until(20, sub { -s "$dir/serverb/conf.d.addresses/s3.example.com" });
        looks(3);
        resolves_to('s3.example.com', @pool[1, 2]);
        looks(3);
        is($reloads->(), 0, "$scheme: an address is absent from the answer, and is still there");
        if ($scheme eq 'https') {
            for my $first (2, 4, 6) {
                resolves_to('s3.example.com', @pool[$first, $first + 1]);
                looks(3);
            }
            is($reloads->(), 0, "$scheme: a rotating pool");
        }
        resolves_to('s3.example.com');
        looks(3);
        answers();
        looks(3);
        is($reloads->(), 0, "$scheme: no answer of the name service says nothing");
        answers(@pool[1 .. 7]);
        resolves_to('s3.example.com', @pool[1, 2]);
        ok($deployment->wait_until(10, sub { $reloads->() == 1 }), "$scheme: an address that is in use is gone") or diag($deployment->log($name));
        like($deployment->log($name), qr/follow-dns: s3\.example\.com has moved, nginx looks it up again\nreload/, "$scheme: it says so");
        looks(4);
        is($reloads->(), 1, "$scheme: once");
        if ($scheme eq 'http') {
            resolves_to('s3.example.com', @pool[6, 7]);
            ok($deployment->wait_until(10, sub { $reloads->() == 2 }), "$scheme: none is left; whoever has them now is not known by a certificate");
        }
        $deployment->stop($name, 'KILL');
    }
};

subtest 'a name that does not resolve' => sub {
    stub_network();
    stub('nginx', q{trap 'echo reload' HUP; for _ in $(seq 300); do sleep 0.1; done; echo end});
    my %names = (SERVERB_ENDPOINT => 'b.example.com', SERVERA_ENDPOINT => 'a.example.com', SERVERA_DOMAIN => '', NGINX_DNS_INTERVAL => 300);
    resolves_to('b.example.com', '192.0.2.1');
    unlink "$dir/names/a.example.com", "$dir/single/conf.d/single.conf";
    $deployment->start('unresolved', stubbed_environment('single', { %names }), "$ROOT/deploy/docker/docker-entrypoint.sh", 'nginx');
    my $rendered = sub { slurp("$dir/single/conf.d/single.conf") };
    ok($deployment->wait_until(10, sub { -e "$dir/single/conf.d/single.conf" && $rendered->() =~ /livez/ }), 'it starts');
    like($rendered->(), qr/server +b\.example\.com:443 weight=1 max_fails=2.*server +127\.0\.0\.1:1 down backup max_fails=0;/s, 'its origin is down');
    like($rendered->(), qr{endpoint https://127\.0\.0\.1:1;\s+host +a\.example\.com:443;}, 'and goes by its name all the same');
    like($deployment->log('unresolved'), qr/the name a\.example\.com does not resolve; its origin is down until it does\n/, 'the log says so');
    Time::HiRes::sleep(3);
    unlike($deployment->log('unresolved'), qr/reload/, 'nothing happens while it does not');
    resolves_to('a.example.com', '192.0.2.2');
    ok($deployment->wait_until(10, sub { $deployment->log('unresolved') =~ /reload/ }), 'nginx reads its configuration anew when it does');
    like($rendered->(), qr/server +a\.example\.com:443 weight=1 backup max_fails=0;/, 'and has it then');
    $deployment->stop('unresolved', 'KILL');

    # With the real one: both are down, /healthz says so.
    $deployment->start_proxy('single', %{ environment('single', { SERVERB_ENDPOINT => 'b.invalid', SERVERA_ENDPOINT => 'a.invalid' }) });
    my $answer;
    $deployment->wait_until(10, sub {
        $answer = curl('http://127.0.0.1:' . $deployment->port('single') . '/healthz');
        return $answer->{body} !~ /not asked yet/;
    });
    is($answer->{status}, 503, 'neither resolves: /healthz');
    like($answer->{body}, qr/"b":"nok.*"a":"nok/, 'neither resolves: both are down') or diag($answer->{body});
    $deployment->stop('single');
};

subtest 'keys in files that change' => sub {
    $deployment->start_origin('b');
    S3Proxy::Deployment::write_file("$dir/clients.json", '{"clients": [{"access_key": "ONE", "secret_key": "one"}]}');
    $deployment->start_proxy('serverb', %{ environment('serverb', { %S3Proxy::Deployment::ENV_FILE, CLIENTS_FILE => "$dir/clients.json",
        SERVERB_PORT => $deployment->port('b') }) });
    my $status = sub ($secret) {
        my %request = (method => 'GET', target => '/demo?list-type=2', version => 'HTTP/1.1', headers => [[Host => 'x']]);
        sign(\%request, key => 'ONE', secret => $secret);
        return exchange(connect_to($deployment->port('serverb')), \%request)->{status};
    };
    is($status->('one'), 200, 'a client of the file');
    S3Proxy::Deployment::write_file("$dir/clients.json", '{"clients": [{"access_key": "ONE", "secret_key": "another"}]}');
    ok($deployment->wait_until(20, sub { $status->('another') == 200 }), 'its new secret, without a signal') or diag($deployment->log('serverb'));
    is($status->('one'), 403, 'and the old one no more');
    S3Proxy::Deployment::write_file("$dir/clients.json", '{"clients": 1}');
    ok($deployment->wait_until(20, sub { $deployment->log('serverb') =~ /\[error\].*s3_clients "clients" keeps the keys .*line 1, column 1[0-9]: / }), 'a wrong file: the log says so')
        or diag($deployment->log('serverb'));
    is($status->('another'), 200, 'a wrong file: the old keys stay');
    $deployment->stop('serverb');

    # As Kubernetes changes what it has mounted: each file is a link into a folder, which is a link to another one from then on.
    my $mount = sub ($version, $secret) {
        mkdir $_ for "$dir/mounted", "$dir/mounted/..$version";
        S3Proxy::Deployment::write_file("$dir/mounted/..$version/CLIENT_SECRET_KEY", $secret);
        symlink "..$version", "$dir/mounted/..data_tmp";
        rename "$dir/mounted/..data_tmp", "$dir/mounted/..data" or die "rename: $!\n";
        symlink '..data/CLIENT_SECRET_KEY', "$dir/mounted/CLIENT_SECRET_KEY";
    };
    $mount->(1, 'first');
    $deployment->start_proxy('serverb', %{ environment('serverb', { %S3Proxy::Deployment::ENV_FILE, CLIENT_ACCESS_KEY => 'ONE', CLIENT_SECRET_KEY => '',
        CLIENT_SECRET_KEY_FILE => "$dir/mounted/CLIENT_SECRET_KEY", SERVERB_PORT => $deployment->port('b'), NGINX_SECRETS_INTERVAL => 0.2 }) });
    is($status->('first'), 200, 'a Secret that is mounted');
    $mount->(2, 'second');
    ok($deployment->wait_until(20, sub { $status->('second') == 200 }), 'and that changes') or diag($deployment->log('serverb'));
    $deployment->stop($_) for qw(serverb b);
};

subtest 'uploads of unknown length' => sub {
    $deployment->start_origin('b');
    my %here = (%S3Proxy::Deployment::ENV_FILE, SERVERB_PORT => $deployment->port('b'));
    mkdir "$dir/bodies";
    my $upload = sub ($name, @chunks) {
        my %request = (method => 'PUT', target => '/demo/chunked', version => 'HTTP/1.1', chunks => \@chunks, headers => [[Host => 'x']]);
        sign(\%request, key => $here{CLIENT_ACCESS_KEY}, secret => $here{CLIENT_SECRET_KEY}, payload => 'unsigned');
        push @{ $request{headers} }, ['Transfer-Encoding' => 'chunked'];
        return exchange(connect_to($deployment->port($name)), \%request);
    };
    for my $name (qw(serverb single)) {
        $deployment->start_proxy($name, %{ environment($name, \%here) });
        my $answer = $upload->($name, 'hello', ' world');
        is($answer->{status}, 411, "$name: refused");
        like($answer->{body}, qr/<Code>MissingContentLength</, "$name: as S3 does");
        $deployment->stop($name, 'QUIT');
        $deployment->start_proxy($name, %{ environment($name, { %here, UNKNOWN_LENGTH => 'buffer', CLIENT_BODY_TEMP_PATH => "$dir/bodies" }) });
        my $stored = $upload->($name, ('x' x 50_000) x 4);
        is($stored->{status}, 200, "$name: stored first, where that may be") or diag($stored->{body}, substr $deployment->log($name), -3000);
        is(-s "$dir/data-b/demo/chunked", 200_000, "$name: and whole");
        like($deployment->log($name), qr{buffered to a temporary file \Q$dir\E/bodies/}, "$name: where it was told to");
        $deployment->stop($name, 'QUIT');
        unlink "$dir/data-b/demo/chunked";
    }
    $deployment->stop('b');
};

subtest 'workers' => sub {
    my $workers = sub ($processors, %files) {
        system 'rm', '-rf', "$dir/cgroup";
        for my $file (sort keys %files) {
            my $folder = "$dir/cgroup/$file" =~ s{/[^/]*\z}{}r;
            system 'mkdir', '-p', $folder;
            S3Proxy::Deployment::write_file("$dir/cgroup/$file", "$files{$file}\n");
        }
        stub('nproc', "echo $processors");
        local $ENV{PATH} = "$dir/bin:$ENV{PATH}";
        local @ENV{qw(NGINX_CGROUP_DIR NGINX_WORKERS_FILE NGINX_WORKER_PROCESSES)} = ("$dir/cgroup", "$dir/workers", '');
        my ($text, $exit) = run_command("$ROOT/deploy/docker/docker-entrypoint.d/30-workers.sh");
        return $exit == 0 ? slurp("$dir/workers") =~ s/worker_processes (\S+);\n/$1/r : $text;
    };
    my $connections = sub { slurp("$dir/events.conf") =~ s/worker_connections (\S+);\n/$1/r };
    my $mebibyte = 1024 * 1024;
    is($workers->(4), 4, 'no limit: the processors');
    is($connections->(), 4096, 'no limit: the connections');
    is($workers->(64, 'cpu.max' => '150000 100000'), 2, 'cgroup 2: a quota, rounded up');
    is($workers->(64, 'cpu.max' => 'max 100000', 'memory.max' => 512 * $mebibyte), 8, 'cgroup 2: memory');
    is($connections->(), 712, 'cgroup 2: connections that memory carries');
    is($workers->(8, 'cpu.max' => 'max 100000', 'memory.max' => 'max'), 8, 'cgroup 2: no limit');
    is($workers->(64, 'cpu/cpu.cfs_quota_us' => 300000, 'cpu/cpu.cfs_period_us' => 100000), 3, 'cgroup 1: a quota');
    is($workers->(64, 'cpu,cpuacct/cpu.cfs_quota_us' => 300000, 'cpu,cpuacct/cpu.cfs_period_us' => 100000), 3, 'cgroup 1: with both in one');
    is($workers->(6, 'cpu/cpu.cfs_quota_us' => -1, 'cpu/cpu.cfs_period_us' => 100000, 'memory/memory.limit_in_bytes' => '9223372036854771712'), 6,
        'cgroup 1: no limit');
    is($workers->(64, 'memory/memory.limit_in_bytes' => 256 * $mebibyte), 4, 'cgroup 1: memory');
    is($connections->(), 610, 'cgroup 1: connections that memory carries');
    is($workers->(4, 'cpu.max' => '10000 100000', 'memory.max' => 16 * $mebibyte), 1, 'one at least');
    is($connections->(), 128, 'and some connections');
};

subtest 'an origin with TLS' => sub {
    S3Proxy::Certs::directory($dir);
    my ($certificate, $key) = S3Proxy::Certs::certificate($example{SERVERB_ENDPOINT});
    my $spec = join ',', 'name=b', 'listen=127.0.0.1:' . $deployment->port('b'), "root=$dir/data-b", 'bucket=demo',
        "key=$example{SERVERB_ACCESS_KEY}", "secret=$env{SERVERB_SECRET_KEY}", "region=$example{SERVERB_REGION}";
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
        my $before = -e "$dir/log/serverb" ? length $deployment->log('serverb') : 0;
        $deployment->start_proxy('serverb', %{ environment('serverb', { %here, %$variables }) });
        my $answer;
        $deployment->wait_until(10, sub {
            $answer = curl('http://127.0.0.1:' . $deployment->port('serverb') . '/healthz');
            return $answer->{body} !~ /not asked yet/;
        });
        is($answer->{status}, $status, "/healthz: $what") or diag($deployment->log('serverb'));
        like($answer->{body}, $body, "/healthz says so: $what");
        # A line is written after its answer; QUIT waits for it.
        $deployment->stop('serverb', 'QUIT');
        my $log = substr $deployment->log('serverb'), $before;
        is($log =~ /"health":"\/healthz","status":"503"/ ? 503 : 200, $status, "/healthz is in the log if it fails: $what");
        unlike($log, qr/"bucket":"healthz"/, "/healthz is no bucket: $what");
    }
};

subtest 'metrics' => sub {
    $deployment->start_proxy('serverb', %{ environment('serverb',
        { SERVERB_ENDPOINT => '127.0.0.1', SERVERB_PORT => $deployment->port('b'), ORIGIN_CA_FILE => S3Proxy::Certs::ca() }) },
        NGINX_WORKER_PROCESSES => 1);
    my $metrics = 'http://127.0.0.1:' . $deployment->port('metrics of serverb');
    like(curl("$metrics/metrics")->{body}, qr/^nginx_connections\{state="active"\} [1-9]\d*$/m, 'at a port of their own');
    like(curl("$metrics/metrics")->{body}, qr/^s3_origin_attempts_total\{upstream="s3",origin="b",/m, 'and of S3');
    like(curl('-H', 'Accept: text/html', "$metrics/")->{body}, qr/^<!doctype html>/, 'and a page');
    is(curl("$metrics/key")->{status}, 404, 'and nothing else there');
    $deployment->stop('serverb');
};

subtest 'HAProxy accepts its file' => sub {
    my $environment = $deployment->haproxy_environment;
    local @ENV{ keys %$environment } = values %$environment;
    my ($text, $exit) = run_command('haproxy', '-c', '-f', "$ROOT/deploy/haproxy.cfg");
    is($exit, 0, 'haproxy -c');
    {
        # As docker-compose.yml has it, where .env does not.
        local $ENV{HAPROXY_BIND6} = '';
        is((run_command('haproxy', '-c', '-f', "$ROOT/deploy/haproxy.cfg"))[1], 0, 'haproxy -c, without an address of IPv6');
    }
    if (-s '/proc/net/if_inet6') {
        my %both = (%$environment, HAPROXY_BIND6 => '[::1]:' . $deployment->port('haproxy'));
        $deployment->start('haproxy', \%both, 'haproxy', '-db', '-f', "$ROOT/deploy/haproxy.cfg");
        $deployment->wait_for_port('haproxy');
        is(curl('-g', "http://$_:" . $deployment->port('haproxy') . '/')->{status}, 503, "HAProxy answers at $_") for '127.0.0.1', '[::1]';
        $deployment->stop('haproxy');
    }
    unlike($text, qr/WARNING|ALERT/, 'without a warning') or diag($text);
};

subtest 'HAProxy speaks S3 when it has nobody to ask' => sub {
    my $alone = S3Proxy::Deployment->new;
    $alone->start_haproxy;
    my $url = 'http://127.0.0.1:' . $alone->port('haproxy');
    my ($answer, $id);
    ok($alone->wait_until(20, sub { $answer = curl("$url/demo/key"); $answer->{status} == 503 }), 'no proxy: 503');
    like($answer->{body}, qr{\A<\?xml version="1\.0" encoding="UTF-8"\?><Error><Code>ServiceUnavailable</Code><Message>[^<]+</Message><RequestId>(\w+)</RequestId></Error>\z},
        'a document of S3');
    ($id) = $answer->{body} =~ m{<RequestId>(\w+)<};
    is(header($answer, 'x-amz-request-id'), $id, 'its id is in a header too');
    is(header($answer, 'content-type'), 'application/xml', 'its type');
    like($alone->log('haproxy'), qr{ 503 .* $id "GET /demo/key HTTP/1\.1"}, 'and in the log');
    my $head = curl('-I', "$url/demo/key");
    is($head->{status}, 503, 'HEAD');
    my $metrics = 'http://127.0.0.1:' . $alone->port('metrics');
    like(curl("$metrics/metrics")->{body}, qr/^haproxy_backend_status\{proxy="s3_backends",state="DOWN"\} 1$/m, 'metrics');
    is(curl("$metrics/livez")->{status}, 200, '/livez, for the health check of the container');
    is(curl("$metrics/other")->{status}, 404, 'and no more at that port');
};

done_testing;

sub services (%variables) { return S3Proxy::Compose::services("$ROOT/docker-compose.yml", %variables) }

# The environment of a container, with .env's variables or others.
sub environment ($name, $variables) {
    my $service = services(%env, %$variables)->{ $name eq 'single' ? 'single' : "s3-proxy-$name" };
    my %container = %{ $service->{environment} };
    my %paths = %{ $deployment->environment($name) };
    delete @paths{ grep { /^(?:CLIENT|SERVER|HEALTH)/ } keys %paths };
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
