# Tests for failover as docker-compose.yml has it: HAProxy before two proxies with one origin each, and one nginx with both, from
# the image's own templates. Origins and proxies are killed and started again under a steady load of signed reads and idempotent
# writes; a request that fails is a failure, for no client tries twice.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(max min);
use S3Proxy::Client qw(connect_to curl exchange run_command);
use S3Proxy::Deployment;
use S3Proxy::Http qw(read_response serialize_head);
use S3Proxy::Load;
use S3Proxy::Nginx;
use S3Proxy::Sign qw(sign);
use Test::More;
use Time::HiRes qw(sleep time);

# Seconds of load before and after each event.
my ($BEFORE, $AFTER) = (0.7, 2);
# Within this time after an event the next request has to be answered. The goal is a second, and what was measured is said; the
# rest is for a machine that has other things to do.
my $SOON = 5;

my ($version) = run_command('sh', '-c', 'haproxy -v || true');
if ($version !~ /HAProxy version/) {
    die "haproxy is missing: apt-get install haproxy\n" if $ENV{CI};
    plan(skip_all => 'haproxy is missing: apt-get install haproxy');
}
die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();

my %object = map { +"object-$_" => "content $_ " x 400 } 1 .. 5;
my ($deployment, $entry);

subtest 'HAProxy, two proxies' => sub {
    begin('haproxy', qw(serverb servera));
    $deployment->start_haproxy;
    like(healthz()->{body}, qr/^\{"status":"ok","origins":\{"b":"ok"\}/, 'HAProxy asks server B first');

    event('origin b is killed', 'a', sub { $deployment->stop('b', 'KILL') }, kill => 1);
    event('origin b is back', 'b', sub { $deployment->start_origin('b') });
    $deployment->stop('b', 'KILL');
    # Before a health check knows: the first try fails, and the head has gone by then.
    is(upload(body_delay => 0.05), 200, 'an upload whose body comes later than its head is repeated too');
    is(upload(expect => 'unsigned'), 200, 'and one that waits for 100 Continue');
    $deployment->start_origin('b');
    is(upload(expect => 'signed'), 200, 'where Expect is signed it reaches the proxy');
    ok(defined $deployment->wait_until(15, sub { upload() == 200 && last_origin() eq 'b' }), 'origin b is back');

    # It accepts connections and never answers; so what waits in its proxy, which has nobody else to ask, is refused, and HAProxy asks
    # the other one.
    event('origin b hangs', 'a', sub { kill 'STOP', $deployment->pid('b') }, kill => 1);
    like($deployment->log('serverb'), qr/s3: (?:a request|an upload) is given up/, 'its proxy has let go of what waited');
    event('origin b goes on', 'b', sub { kill 'CONT', $deployment->pid('b') });

    event('proxy b is killed', 'a', sub { $deployment->stop('serverb', 'KILL') }, kill => 1);
    event('proxy b is back', 'b', sub { $deployment->start_proxy('serverb') });
    event('proxy b is asked to end', 'a', sub { $deployment->stop('serverb', 'QUIT') });
    end();
    like($deployment->log('haproxy'), qr{s3_frontend s3_backends/servera .* 200 .* "PUT /demo/written-\d+-\d+ HTTP/1.1"},
        'the log tells who answered what');
};

subtest 'one nginx, two origins' => sub {
    begin('single', 'single');
    ok(defined $deployment->wait_until(5, sub { healthz()->{body} =~ /"b":"ok","a":"ok"/ }), '/healthz tells of both');

    event('origin b is killed', 'a', sub { $deployment->stop('b', 'KILL') }, kill => 1, reads_only => 1);
    my $degraded = $deployment->wait_until(5, sub { healthz()->{body} =~ /"b":"nok/ });
    ok(defined $degraded, '/healthz says that origin b is down');
    is(healthz()->{status}, 200, '/healthz is ok as long as one works');
    event('origin b is back', 'b', sub { $deployment->start_origin('b') });
    # It accepts connections and never answers. Probes find out; what waits goes on.
    event('origin b hangs', 'a', sub { kill 'STOP', $deployment->pid('b') }, kill => 1, reads_only => 1);
    is(healthz()->{status}, 200, '/healthz answers meanwhile');
    event('origin b goes on', 'b', sub { kill 'CONT', $deployment->pid('b') });
    end();

    $deployment->stop($_, 'KILL') for qw(a b);
    ok(defined $deployment->wait_until(5, sub { healthz()->{status} == 503 }), '/healthz is 503 when none works');
    like(healthz()->{body}, qr/^\{"status":"nok","origins":\{"b":"nok: Connection refused","a":"nok: Connection refused"\}/, '/healthz says why');
    is(get('/livez')->{status}, 200, '/livez is 200 all the same');
};

done_testing;

sub begin ($name, @proxies) {
    ($deployment, $entry) = (S3Proxy::Deployment->new, $name);
    $deployment->start_origin($_) for qw(a b);
    $deployment->put_object($_, $object{$_}) for keys %object;
    $deployment->start_proxy($_) for @proxies;
    return;
}

# What must be in no log however it went, after a URL whose signature is a password.
sub end () {
    my %request = (method => 'GET', target => '/demo/object-1', version => 'HTTP/1.1', headers => [[Host => 'x']]);
    sign(\%request, key => $S3Proxy::Deployment::ENV_FILE{CLIENT_ACCESS_KEY}, secret => $S3Proxy::Deployment::ENV_FILE{CLIENT_SECRET_KEY},
        presign => 60);
    my ($signature) = $request{target} =~ /X-Amz-Signature=(\w{64})/ or die "not presigned: $request{target}\n";
    is(exchange(connect_to($deployment->port($entry)), \%request)->{body}, $object{'object-1'}, 'a presigned URL');
    for my $name (sort keys %{ $deployment->{pid} }) {
        my $log = $deployment->log($name);
        my @fatal = grep { /$S3Proxy::Nginx::FATAL/ } split /\n/, $log;
        is("@fatal", '', "no fatal line in the log of $name");
        unlike($log, qr/secret-[ab]|client-secret|X-Amz-Signature|$signature/, "no secret and no signature in the log of $name");
    }
    return;
}

# Does it under load, and waits until all requests go to the origin of that name. Options: kill (a download may be cut), reads_only
# (a write may fail).
sub event ($name, $origin, $code, %option) {
    my $load = S3Proxy::Load->start(
        port => $deployment->port($entry), key => $S3Proxy::Deployment::ENV_FILE{CLIENT_ACCESS_KEY},
        secret => $S3Proxy::Deployment::ENV_FILE{CLIENT_SECRET_KEY}, objects => \%object);
    sleep $BEFORE;
    my $at = time;
    $code->();
    my $done = time;
    my $moved = $deployment->wait_until(15, sub { last_origin() eq $origin });
    sleep $AFTER;
    my @requests = $load->stop;

    # Nobody can repeat a download that was under way and whose head is out.
    my @cut = grep { $option{kill} && $_->{method} eq 'GET' && $_->{start} < $done && $_->{fault} =~ /^cut in the body/ } @requests;
    my %is_cut = map { $_ => 1 } @cut;
    my @failed = grep { $_->{fault} ne '' && !$is_cut{$_} } @requests;
    my @wrong = grep { !$option{reads_only} || $_->{method} ne 'PUT' } @failed;
    is(scalar @wrong, 0, "$name: no failed " . ($option{reads_only} ? 'read' : 'request'));
    diag(sprintf '%s %.3f s after: %s', $_->{method}, $_->{start} - $at, $_->{fault}) for splice @wrong, 0, 5;

    my $soon = min(1e9, map { $_->{start} + $_->{seconds} - $at } grep { $_->{start} >= $at && $_->{fault} eq '' } @requests);
    cmp_ok($soon, '<', $SOON * $S3Proxy::Nginx::PATIENCE, "$name: the next request is answered in time");
    my $slowest = max(map { $_->{seconds} } grep { !$is_cut{$_} } @requests);
    cmp_ok($slowest, '<', $SOON * $S3Proxy::Nginx::PATIENCE, "$name: no request waits until the fault is over");
    ok(defined $moved, "$name: requests go to origin $origin");
    is(last_origin(), $origin, "$name: and stay there");
    diag(sprintf '%s: %d requests, %d failed, %d downloads cut; next answer after %.3f s, origin %s in use after %.1f s, slowest request %.3f s',
        $name, scalar @requests, scalar @failed, scalar @cut, $soon, $origin, $moved // -1, $slowest);
    return;
}

# The origin that answered last, by the log of what stands first: HAProxy, before one proxy for each origin, or the one nginx.
sub last_origin () {
    my $answered = $entry eq 'haproxy' ? qr{ s3_backends/server(\w) \S+ 200 .*"\w+ /demo/} : qr/"bucket":"demo".*"status":"200".*"origin":"(\w+)"/;
    return (map { /$answered/ ? $1 : () } split /\n/, $deployment->log($entry))[-1] // '';
}

# Stores a small object; returns the status. With body_delay the head is sent by itself, and the body so many seconds later; with
# expect (signed or unsigned) when the server asks for it.
sub upload (%option) {
    my $body = 'x' x 4000;
    my %request = (method => 'PUT', target => '/demo/uploaded', body => $body, version => 'HTTP/1.1', expect => $option{expect},
        headers => [[Host => 'x'], ['Content-Length' => length $body], $option{expect} ? ['Expect' => '100-continue'] : ()]);
    sign(\%request, key => $S3Proxy::Deployment::ENV_FILE{CLIENT_ACCESS_KEY}, secret => $S3Proxy::Deployment::ENV_FILE{CLIENT_SECRET_KEY},
        ($option{expect} // '') eq 'signed' ? (also => 'expect') : ());
    my $stream = connect_to($deployment->port($entry), timeout => 20);
    if ($option{body_delay}) {
        $stream->put(serialize_head('PUT /demo/uploaded HTTP/1.1', $request{headers}));
        sleep $option{body_delay};
        $stream->put($body);
        return read_response($stream, 'PUT')->{status};
    }
    return exchange($stream, \%request)->{status};
}

sub healthz () { return get('/healthz') }
sub get ($target) { return curl('http://127.0.0.1:' . $deployment->port($entry) . $target) }
