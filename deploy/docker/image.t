# Tests for the image, run by scripts/check-image with the root folder that the Dockerfile's steps made: started as a container
# is, by its own entry point and command, as its own user, without a writable file but below /run/nginx.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../../t/lib";
use JSON::PP qw(decode_json);
use S3Proxy::Children qw(slurp);
use S3Proxy::Client qw(connect_to curl exchange run_command);
use S3Proxy::Deployment;
use S3Proxy::Sign qw(sign);
use Test::More;
use Time::HiRes qw(sleep time);

my %image = map { $_ => $ENV{"IMAGE_$_"} // die "run by scripts/check-image\n" } qw(ROOT USER CMD HEALTHCHECK STOPSIGNAL);
my @command = @{ decode_json($image{CMD}) };
my @healthcheck = @{ decode_json($image{HEALTHCHECK}) };

my $deployment = S3Proxy::Deployment->new;
my $dir = $deployment->dir;
$deployment->start_origin($_) for qw(a b);
$deployment->put_object('hello', 'hello');

for my $name (qw(serverb single)) {
    my $container = start($name, environment($name));
    my $url = 'http://127.0.0.1:' . $deployment->port($name);
    ok($container->{seconds}, "$name: answers") or BAIL_OUT(output($name));
    diag(sprintf '%s answers %.2f s after its start', $name, $container->{seconds});

    my (undef, $exit) = inside($name, @healthcheck);
    is($exit, 0, "$name: the health check of the image succeeds");
    like(curl("$url/healthz")->{body}, qr/"status":"ok".*"b":"ok"/, "$name: /healthz");
    my %request = (method => 'GET', target => '/demo/hello', headers => [[Host => 'x']]);
    sign(\%request, key => $S3Proxy::Deployment::ENV_FILE{CLIENT_ACCESS_KEY}, secret => $S3Proxy::Deployment::ENV_FILE{CLIENT_SECRET_KEY});
    is(exchange(connect_to($deployment->port($name)), \%request)->{body}, 'hello', "$name: a signed download");
    my ($presigned) = inside($name, 'sign_s3', '-v', 4, '--region', '', $url, @S3Proxy::Deployment::ENV_FILE{qw(CLIENT_ACCESS_KEY CLIENT_SECRET_KEY)},
        'demo', 'hello');
    is(curl($presigned =~ s/\s+\z//r)->{body}, 'hello', "$name: a URL of the image's sign_s3") or diag($presigned);

    my $status = slurp("/proc/$container->{nginx}/status");
    my ($user) = split /:/, $image{USER};
    like($status, qr/^Uid:\t$user\t$user\t$user\t$user$/m, "$name: user $user");
    like($status, qr/^NSpid:\t\d+\t1$/m, "$name: nginx itself is process 1");
    like(output($name), qr/^\{"time":.*"bucket":"demo","key":"hello","status":"200"/m, "$name: the access log goes to standard output");

    my $begin = time;
    kill substr($image{STOPSIGNAL}, 3), $container->{nginx};
    waitpid $container->{pid}, 0;
    is($?, 0, sprintf "$name: $image{STOPSIGNAL} ends it, after %.2f s", time - $begin);
    delete $deployment->{pid}{$name};
    unlike(output($name), qr/\[(?:alert|emerg|crit)\]|panicked/, "$name: nothing bad in the log") or diag(output($name));
}

my %incomplete = %{ environment('serverb') };
delete $incomplete{SERVERB_SECRET_KEY};
start('incomplete', \%incomplete, 1);
waitpid $deployment->pid('incomplete'), 0;
is($? >> 8, 1, 'a missing variable: exit status 1');
is(output('incomplete'), "docker-entrypoint: not set: SERVERB_SECRET_KEY (see .env.example)\n", 'a missing variable: one line');
delete $deployment->{pid}{incomplete};

done_testing;

# What the container gets from docker-compose.yml.
sub environment ($name) {
    my %environment = %{ $deployment->environment($name) };
    delete @environment{ grep { /^NGINX_/ } keys %environment };
    return \%environment;
}

# Starts the container; a hash of pid (of what holds it), nginx (as seen from here) and seconds to the first answer.
sub start ($name, $environment, $fails = 0) {
    S3Proxy::Deployment::write_file("$dir/log/$name", '');
    # As the container's user owns its standard output.
    chmod 0666, "$dir/log/$name";
    my $script = <<~'EOF2';
        set -e
        mount --bind "$IMAGE_ROOT" "$IMAGE_ROOT"
        mount -o remount,ro,bind "$IMAGE_ROOT"
        mount -t proc proc "$IMAGE_ROOT/proc"
        mount --rbind /dev "$IMAGE_ROOT/dev"
        mount -t tmpfs -o mode=1777,size=64m tmpfs "$IMAGE_ROOT/run/nginx"
        exec chroot --userspec="$IMAGE_USER" "$IMAGE_ROOT" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
        EOF2
    my $begin = time;
    my $pid = $deployment->start($name, {}, 'unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-c', $script, 'bash',
        (map { "$_=$environment->{$_}" } sort keys %$environment), '/docker-entrypoint.sh', @command);
    return { pid => $pid } if $fails;
    my $up = $deployment->wait_until(20, sub { curl('http://127.0.0.1:' . $deployment->port($name) . '/livez')->{status} == 200 });
    my ($nginx) = split ' ', slurp("/proc/$pid/task/$pid/children");
    return { pid => $pid, nginx => $nginx, seconds => $up ? time - $begin : undef };
}

# Runs a command as `docker exec` does.
sub inside ($name, @arguments) {
    return run_command('chroot', "--userspec=$image{USER}", $image{ROOT}, 'env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin',
        'PORT=' . $deployment->port($name), @arguments);
}

sub output ($name) { return $deployment->log($name) }
