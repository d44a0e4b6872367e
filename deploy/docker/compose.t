# Tests for docker-compose.yml on a real engine, run by scripts/check-compose where its daemon is: every command that deploy/README.md
# prints about Compose, word for word; keys that change under load; containers that are killed, paused and cut off. With
# COMPOSE=docker-compose, which is 1.29, what an old one has to do with the file.

use v5.36;
use Cwd qw(abs_path);
use FindBin;
use lib "$FindBin::Bin/../../t/lib";
use List::Util qw(max);
use S3Proxy::Children qw(slurp);
use S3Proxy::Client qw(connect_to curl exchange run_command);
use S3Proxy::Deployment;
use S3Proxy::Http qw(header read_response serialize_head);
use S3Proxy::Load;
use S3Proxy::Readme;
use S3Proxy::Sign qw(sign);
use Test::More;
use Time::HiRes qw(sleep time);

my $compose = $ENV{COMPOSE} // die "run by scripts/check-compose\n";
my $checkout = abs_path("$FindBin::Bin/../..");
chdir $checkout or die "chdir: $!\n";
my $PORT = 8080;
# Of the project that Compose makes of the folder's name.
my $NETWORK = 's3-signature-proxy_default';

my @client = ('AKIDCLIENT', 'client-secret');
my %object = map { +"object-$_" => "content $_ " x 400 } 1 .. 5;

# The commands that the page prints about Compose; each has to be run here.
my %printed = map { $_ => 0 } S3Proxy::Readme::section_commands('deploy/README.md', 'Docker Compose');

# With stages that take no time and images of other names, for those of the rest are there.
subtest 'no image is there' => sub {
    mkdir 'stub';
    write_to('stub/docker-compose.yml', slurp('docker-compose.yml') =~ s/image: s3-signature-proxy/image: stub/gr);
    write_to('stub/Dockerfile', join '', map { "FROM s3-signature-proxy AS $_\nLABEL stub=$_\n" } qw(haproxy origin proxy));
    my $up = compose('stub') . ' -p stub -f docker-compose.yml --profile single --profile demo';
    my ($text, $exit) = run_command('sh', '-c', "cd stub && $up up --no-start");
    is($exit, 0, 'each is built, by one service, and nothing is pulled') or diag($text);
    is(command(q(docker image ls --format '{{.Repository}}' | grep '^stub' | sort -u)), "stub\nstub-haproxy\nstub-origin\nstub-single\n", 'all of them');
    is(command("docker ps -a -q --filter label=com.docker.compose.project=stub | wc -l") + 0, 6, 'a container of each service');
    command("cd stub && $up down --volumes");
    command(q(docker image ls --format '{{.Repository}}' | grep '^stub' | sort -u | xargs docker image rm -f));
};

subtest 'the demo' => sub {
    page('docker compose --env-file deploy/demo.env up -d');
    ok(wait_for(60, sub { healthz()->{status} == 200 }), 'it answers') or say_why();
    my @demo = grep { /^curl --user DEMO/ } sort keys %printed;
    is(page($_), '', 'an upload') for grep { / -T / } @demo;
    is(page($_), slurp('README.md'), 'a download') for grep { !/ -T / } @demo;
    page('docker compose --env-file deploy/demo.env down --volumes');
    is(containers(), '', 'nothing is left');
};

# Every origin of the rest is a container of ours, which is no part of the project.
subtest 'HAProxy, two proxies' => sub {
    unlink '.env';
    page('cp .env.example .env');
    setting(CLIENT_ACCESS_KEY => $client[0], CLIENT_SECRET_KEY => $client[1], UPLOAD_KEY => 'upload-key', map { origin_settings($_) } qw(a b));
    # The names of the origins do not resolve yet.
    page('docker compose up -d');
    is(state_of('s3-proxy-servera') . state_of('s3-proxy-serverb'), 'runningrunning', 'proxies whose origins do not resolve start');
    ok(wait_for(30, sub { healthz()->{status} == 503 }), '/healthz of HAProxy is 503') or say_why();
    like(healthz()->{body}, qr{^<\?xml .*<Error><Code>ServiceUnavailable</Code>.*<RequestId>(\w+)</RequestId></Error>$}, 'in the words of S3');
    ok(wait_for(30, sub { command_of('logs') =~ /"health"/ }), 'they say that they are not healthy');
    start_origin($_) for qw(a b);
    is(command("docker network connect $NETWORK origin-$_"), '', "origin $_ is there") for qw(a b);
    ok(wait_for(30, sub { healthz()->{body} =~ /"b":"ok"/ }), 'the proxies find them by themselves') or say_why();
    page('curl http://localhost:8080/healthz');
    like(healthz()->{body}, qr/^\{"status":"ok","origins":\{"b":"ok"\}/, '/healthz');
    ok(wait_for(30, sub { command_of('ps') !~ /starting|unhealthy/ }), 'all are healthy') or say_why();

    for my $name (sort keys %object) { is(send_request('PUT', "/demo/$name", $object{$name})->{status}, 200, "upload of $name") }
    command('docker exec origin-b tar -C /data -cf - demo | docker exec -i origin-a tar -C /data -xf -');
    is(send_request('GET', '/demo/object-1')->{body}, $object{'object-1'}, 'a download');
    my $presigned = page('docker compose exec s3-proxy-serverb sign_s3 -v 4 --region "" http://localhost:8080 CLIENT_ACCESS_KEY CLIENT_SECRET_KEY bucket path/to/object.mp4',
        sub ($line) { $line =~ s/CLIENT_ACCESS_KEY CLIENT_SECRET_KEY bucket \S+/$client[0] env:CLIENT_SECRET_KEY demo object-2/r });
    is(curl($presigned =~ s/\s+\z//r)->{body}, $object{'object-2'}, 'a presigned URL') or diag($presigned);

    like(page('docker compose ps'), qr/s3-proxy-serverb/, 'ps');
    my ($signature) = $presigned =~ /X-Amz-Signature=(\w+)/;
    my $logs = '';
    # It ends by itself only when the containers do; a machine that has much to do may need longer until it begins.
    for my $seconds (4, 30) { $logs ||= page('docker compose logs -f', sub ($line) { "timeout $seconds $line" }) }
    like($logs, qr/"operation":"GetObject","bucket":"demo","key":"object-2","status":"200"/, 'logs: a request');
    unlike($logs, qr/\Q$signature\E|$client[1]|secret-[ab]|upload-key/, 'logs: no signature, no secret');
    unlike($logs, qr/"bucket":"healthz"/, 'logs: health checks are no requests for a bucket');
    like(page('docker compose logs haproxy'), qr{s3_backends/serverb .* 200 .*"GET /demo/object-1 HTTP/1.1"}, 'logs of HAProxy');
    like(page(q{docker compose logs | grep '"health"'}), qr/"health":"\/healthz","status":"503"/, 'logs: health checks that failed');
    like(page('curl http://localhost:8405/metrics'), qr/^haproxy_backend_http_responses_total\{proxy="s3_backends",code="2xx"\} [1-9]/m, 'metrics');

    for my $name (qw(haproxy s3-proxy-servera s3-proxy-serverb)) {
        my $limits = command("docker inspect --format '{{.HostConfig.Memory}} {{.HostConfig.LogConfig.Config}} {{.HostConfig.ReadonlyRootfs}}' " . container($name));
        like($limits, qr/^[1-9]\d+ map\[max-file:5 max-size:10m\] true$/, "$name has limits");
    }
    like(command('docker exec ' . container('s3-proxy-serverb') . ' df -m /run/nginx'), qr/^tmpfs +64 /m, '/run/nginx has a size');
    is(command('docker exec ' . container('s3-proxy-serverb') . ' cat /run/nginx/workers.conf') =~ s/\D//gr, command('nproc') =~ s/\D//gr, 'a worker for each processor');
};

subtest 'a new secret of the client' => sub {
    # What is under way is finished, also what takes longer than the ten seconds that Docker gives by default.
    my $slow = fork // die "fork: $!\n";
    if (!$slow) { POSIX::_exit(slow_upload(13) == 200 ? 0 : 1) }
    my $load = load();
    sleep 1;
    setting(CLIENT_SECRET_KEY => 'client-secret-new', CLIENT_SECRET_KEY_OLD => $client[1]);
    page("docker compose up -d --wait s3-proxy-server$_") for qw(a b);
    sleep 1;
    is(send_request('GET', '/demo/object-1', undef, 'client-secret-new')->{status}, 200, 'the new secret is good');
    is(send_request('GET', '/demo/object-1')->{status}, 200, 'the old one too');
    judge($load, 'proxies made anew one after the other');
    waitpid $slow, 0;
    is($?, 0, 'an upload of 13 s that was under way is finished');
    $client[1] = 'client-secret-new';
};

subtest 'keys in files, several clients' => sub {
    page('install -o 33 -g 33 -m 0400 nginx-conf/clients.json.example deploy/secrets/clients.json', sub ($line) {
        write_to('clients.json', clients(ONE => 'one')) and $line =~ s{nginx-conf/clients.json.example}{clients.json}r });
    is(chunked_upload(5)->{status}, 411, 'an upload of unknown length is refused');
    setting(CLIENTS_FILE => '/etc/nginx/s3/secrets/clients.json', UNKNOWN_LENGTH => 'buffer');
    page("docker compose up -d --wait s3-proxy-server$_") for qw(a b);
    is(send_request('GET', '/demo/object-1', undef, one => 'ONE')->{status}, 200, 'a client of clients.json');
    is(send_request('PUT', '/demo/no', 'x', one => 'ONE')->{status}, 403, 'has its grants and no more');
    # More than the memory that /run/nginx may take.
    is(chunked_upload(80)->{status}, 200, 'an upload of unknown length is stored on the disk, where that is allowed');
    is(header(send_request('HEAD', '/demo/chunked'), 'content-length'), 80_000_000, 'all of it');
    my $load = load();
    sleep 1;
    write_to('deploy/secrets/clients.json', clients(ONE => 'one-new'));
    ok(wait_for(30, sub { send_request('GET', '/demo/object-1', undef, 'one-new' => 'ONE')->{status} == 200 }), 'its new secret, without any command') or say_why();
    judge($load, 'keys read anew');
    write_to('deploy/secrets/clients.json', '{"clients": 1}');
    ok(wait_for(10, sub { command_of('logs s3-proxy-serverb') =~ /\[error\].*keeps the keys.*clients\.json/ }), 'a wrong file: the log says so');
    is(send_request('GET', '/demo/object-1', undef, 'one-new' => 'ONE')->{status}, 200, 'a wrong file: the old keys stay');
    write_to('deploy/secrets/clients.json', clients(ONE => 'one-new'));
};

if ($compose ne 'docker compose') {
    # That one fails where the network has others in it.
    command("docker network disconnect -f $NETWORK origin-$_") for qw(a b);
    page('docker compose down');
    is(containers(), "origin-a\norigin-b\n", 'nothing of it is left');
    command("docker rm -f -v origin-$_") for qw(a b);
    done_testing;
    exit;
}

# What is not there any more is found out; the next requests go to server A.
subtest 'between containers' => sub {
    my $b = container('s3-proxy-serverb');
    for my $case (['the proxy is killed', "docker kill $b", "docker start $b"], ['the proxy hangs', "docker pause $b", "docker unpause $b"],
        ['the proxy is cut off', "docker network disconnect -f $NETWORK $b", "docker network connect --alias s3-proxy-serverb $NETWORK $b"],
        ['the origin is killed', 'docker kill origin-b', 'docker start origin-b'], ['the origin hangs', 'docker pause origin-b', 'docker unpause origin-b'],
        ['the origin is cut off', "docker network disconnect -f $NETWORK origin-b", "docker network connect $NETWORK origin-b"]) {
        my ($what, $break, $mend) = @$case;
        command($break);
        my $start = time;
        ok(wait_for(30, sub { send_request('GET', '/demo/object-1')->{status} == 200 && last_server() eq 'a' }), "$what: server A answers") or say_why();
        diag(sprintf '%s: server A answers after %.1f s', $what, time - $start);
        command($mend);
        ok(wait_for(60, sub { send_request('GET', '/demo/object-1')->{status} == 200 && last_server() eq 'b' }), "$what no more: server B answers") or say_why();
    }
};

subtest 'the end' => sub {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) { POSIX::_exit(slow_upload(13) == 200 ? 0 : 1) }
    sleep 1;
    page('docker compose down');
    waitpid $pid, 0;
    is($?, 0, 'an upload of 13 s is finished before all ends');
    # The network is still there, for it has our origins.
    command("docker network disconnect -f $NETWORK origin-$_") for qw(a b);
    is(containers(), "origin-a\norigin-b\n", 'nothing of it is left');
};

subtest 'one nginx' => sub {
    setting(CLIENTS_FILE => '');
    # The backup's name does not resolve.
    page('docker compose --profile single up -d single');
    command("docker network connect $NETWORK origin-b");
    ok(wait_for(30, sub { healthz()->{body} =~ /"b":"ok","a":"nok/ }), 'it starts without its backup') or say_why();
    is(send_request('GET', '/demo/object-1')->{body}, $object{'object-1'}, 'a download');
    command("docker network connect $NETWORK origin-a");
    ok(wait_for(30, sub { healthz()->{body} =~ /"b":"ok","a":"ok"/ }), 'and finds it when it is there') or say_why();
    command('docker kill origin-b');
    is(send_request('GET', '/demo/object-1')->{body}, $object{'object-1'}, 'origin B is killed: a download');
    command('docker start origin-b');
    # Another order of starts may give another address.
    ok(wait_for(60, sub { healthz()->{body} =~ /"b":"ok","a":"ok"/ }), 'both again') or say_why();
    command("docker network disconnect -f $NETWORK origin-$_") for qw(a b);
    page('docker compose --profile single down');
    is(containers(), "origin-a\norigin-b\n", 'nothing of it is left');
};

command("docker rm -f -v origin-$_") for qw(a b);
is_deeply([grep { !$printed{$_} } sort keys %printed], [], 'every command of the page was run');
done_testing;

# Runs a command of the page, or what `$change` makes of it; returns what it printed.
sub page ($line, $change = sub ($same) { $same }) {
    ok(exists $printed{$line}, "deploy/README.md has: $line");
    $printed{$line}++;
    my $command = $change->($line);
    $command =~ s/^(timeout \d+ )?docker compose/($1 \/\/ '') . compose()/e;
    # What a page shows of a transfer is nothing that the answer has.
    $command =~ s/^curl /curl -sS /;
    # Without a terminal.
    $command =~ s/ exec / exec -T /;
    # What the page says about 1.29, which knows no --wait, and which makes no container anew with an engine that is newer than itself.
    my $wait = $compose ne 'docker compose' && $command =~ s/^(.*) up -d --wait (\S+)$/$1 rm -s -f $2 && $1 up -d $2/;
    my ($text, $exit) = run_command('sh', '-c', $command);
    ok($exit == 0 || $line =~ / -f$/, $line) or diag("$exit: $text") and say_why();
    wait_for(60, sub { command_of('ps') !~ /starting|unhealthy/ }) if $wait;
    return $text;
}

sub command ($line) {
    my ($text, $exit) = run_command('sh', '-c', $line);
    is($exit, 0, $line) or diag($text) if $exit != 0;
    return $text;
}

sub command_of ($words) { return command(compose() . " $words") }

# docker-compose 1.29 is Debian 12's, in a folder that is such a system and has the checkout at the same place.
sub compose ($folder = '.') {
    return $compose if $compose eq 'docker compose';
    return "chroot /bookworm env --chdir=$checkout/$folder docker-compose";
}

sub containers () { return join '', sort map { "$_\n" } split ' ', command(q(docker ps -a --format '{{.Names}}')) }

sub container ($service) { return command("docker ps -a -q --filter label=com.docker.compose.service=$service") =~ s/\s+\z//r }

sub state_of ($service) { return command('docker inspect --format "{{.State.Status}}" ' . container($service)) =~ s/\s+\z//r }

sub say_why () {
    diag(scalar((run_command('sh', '-c', compose() . ' --profile single --profile demo ps -a; ' . compose() . ' --profile single --profile demo logs --tail 30'))[0]));
    return;
}

sub wait_for ($seconds, $code) {
    my $start = time;
    while (time - $start < $seconds * $S3Proxy::Nginx::PATIENCE) {
        return 1 if eval { $code->() };
        sleep 0.1;
    }
    return 0;
}

# Changes settings of .env.
sub setting (%value) {
    my $text = slurp('.env');
    for my $name (sort keys %value) {
        $text =~ s/^#?\Q$name\E=.*/$name=$value{$name}/m or die ".env has no $name\n";
    }
    write_to('.env', $text);
    return;
}

sub write_to ($path, $text) {
    S3Proxy::Deployment::write_file($path, $text);
    return 1;
}

sub clients ($id, $secret) {
    return qq({"clients": [{"access_key": "$id", "secret_key": "$secret", "grants": [{"buckets": ["demo"], "allow": ["read"]}]}]});
}

sub origin_settings ($letter) {
    my $server = 'SERVER' . uc $letter;
    return ("${server}_ENDPOINT" => "origin-$letter", "${server}_PORT" => 9000, "${server}_SCHEME" => 'http', "${server}_REGION" => "region-$letter",
        "${server}_ACCESS_KEY" => "AKID\U$letter", "${server}_SECRET_KEY" => "secret-$letter");
}

# An origin, which is no part of the project though its image has the label of it, with a folder of its own: one that starts removes the
# unfinished uploads that it finds.
sub start_origin ($letter) {
    my $spec = "name=$letter,listen=0.0.0.0:9000,root=/data,key=AKID\U$letter\E,secret=env:ORIGIN_SECRET,region=region-$letter,bucket=demo";
    command("docker run -d --name origin-$letter --label com.docker.compose.project=none -v origin-data-$letter:/data -e ORIGIN_SECRET=secret-$letter s3-signature-proxy-origin --origin $spec");
    return;
}

sub healthz () { return curl("http://127.0.0.1:$PORT/healthz") }

sub send_request ($method, $target, $body = undef, $secret = $client[1], $key = $client[0]) {
    my %request = (method => $method, target => $target, version => 'HTTP/1.1', body => $body,
        headers => [[Host => "127.0.0.1:$PORT"], defined $body ? ['Content-Length' => length $body] : ()]);
    sign(\%request, key => $key, secret => $secret);
    my $response = eval { exchange(connect_to($PORT, timeout => 8), \%request) };
    return $response // { status => 0, body => $@, headers => [] };
}

# An upload that takes so many seconds; returns its status.
sub slow_upload ($seconds) {
    my $body = 'x' x 2_000_000;
    my %request = (method => 'PUT', target => '/demo/slow', version => 'HTTP/1.1', body => $body, write_size => 100_000, write_delay => $seconds / 20,
        headers => [[Host => "127.0.0.1:$PORT"], ['Content-Length' => length $body]]);
    sign(\%request, key => $client[0], secret => $client[1]);
    my $response = eval { exchange(connect_to($PORT, timeout => 60), \%request) };
    diag('slow upload: ' . ($response ? "$response->{status} $response->{body} " . ($response->{error} // '') : $@)) if !$response || $response->{status} != 200;
    return $response ? $response->{status} : 0;
}

# An upload whose length nobody says, of so many megabytes.
sub chunked_upload ($megabytes) {
    my %request = (method => 'PUT', target => '/demo/chunked', version => 'HTTP/1.1', headers => [[Host => "127.0.0.1:$PORT"]], chunks => [('x' x 1_000_000) x $megabytes]);
    sign(\%request, key => $client[0], secret => $client[1], payload => 'unsigned');
    push @{ $request{headers} }, ['Transfer-Encoding' => 'chunked'];
    return eval { exchange(connect_to($PORT, timeout => 120), \%request) } // { status => 0, body => $@, headers => [] };
}

sub load () { return S3Proxy::Load->start(port => $PORT, key => $client[0], secret => $client[1], objects => \%object, pause => 0.02) }

sub judge ($load, $what) {
    my @requests = $load->stop;
    my @failed = grep { $_->{fault} ne '' } @requests;
    cmp_ok(scalar @requests, '>', 20, "$what: there was a load");
    is(scalar @failed, 0, "$what: no failed request");
    diag("$_->{method}: $_->{fault}") for splice @failed, 0, 5;
    diag(sprintf '%s: %d requests, slowest %.2f s', $what, scalar @requests, max(map { $_->{seconds} } @requests));
    return;
}

# The server that HAProxy's last line names.
sub last_server () {
    my $log = command('docker logs --tail 20 ' . container('haproxy') . ' 2>&1');
    return (map { m{ s3_backends/server(\w) \S+ 200 } ? $1 : () } split /\n/, $log)[-1] // '';
}
