# What docker-compose.yml starts, on loopback and without containers: origins, proxies (by the image's own entry point, templates
# and nginx.conf) and HAProxy (deploy/haproxy.cfg as it is). Everything that was started is stopped when the test ends.
package S3Proxy::Deployment;

use v5.36;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use S3Proxy::Certs;
use S3Proxy::Children qw(slurp test_origin);
use S3Proxy::Namespaces;
use S3Proxy::Nginx;
use S3Proxy::Ports;
use Time::HiRes qw(sleep time);

our $ROOT = abs_path(dirname(__FILE__) . '/../../..');

# Settings of .env, as the tests have them.
our %ENV_FILE = (
    CLIENT_ACCESS_KEY  => 'AKIDCLIENT', CLIENT_SECRET_KEY  => 'client-secret+/=', UPLOAD_KEY => 'upload-key+/=',
    SERVERA_ACCESS_KEY => 'AKIDA',      SERVERA_SECRET_KEY => 'secret-a+/=', SERVERA_REGION => 'us-east-1',
    SERVERB_ACCESS_KEY => 'AKIDB',      SERVERB_SECRET_KEY => 'secret-b+/=', SERVERB_REGION => 'eu-west-1',
    (map { +"SERVER${_}_ENDPOINT" => '127.0.0.1', "SERVER${_}_SCHEME" => 'http' } qw(A B)),
);

my $owner = $$;
my @all;

# Options: machines (origins are on machines of their own, see S3Proxy::Namespaces), tls (they are reached by https, with
# certificates for b.test and a.test).
sub new ($class, %option) {
    my $dir = File::Temp::tempdir('s3proxy-XXXXXX', DIR => $ENV{TEST_NGINX_DIR} || '/tmp');
    chmod 0755, $dir;
    make_path("$dir/log");
    my $self = bless { %option, dir => $dir, pid => {} }, $class;
    S3Proxy::Certs::directory($dir) if $option{tls};
    if ($option{machines}) {
        $self->{address}{$_} = S3Proxy::Namespaces::add("$_") for qw(a b);
    }
    push @all, $self;
    return $self;
}

sub dir ($self) { return $self->{dir} }

# The port of a part: haproxy, serverb, servera, single, b, a. Each deployment has its own.
sub port ($self, $name) { return S3Proxy::Ports::port("$self->{dir} $name") }

# Origin a or b. Each has a folder of its own: one that starts removes the unfinished uploads that it finds. What `faults` says goes
# wrong there. Options: certificate and its key, where not the usual ones.
sub start_origin ($self, $name, @certificate) {
    my $server = 'SERVER' . uc $name;
    my $spec = join ',', "name=$name", 'listen=' . $self->address($name) . ':' . $self->port($name), "root=$self->{dir}/data-$name",
        'bucket=demo', "key=$ENV_FILE{\"${server}_ACCESS_KEY\"}", 'secret=env:ORIGIN_SECRET', "region=$ENV_FILE{\"${server}_REGION\"}";
    my @options = ('--log', "$self->{dir}/log/origin-$name.json", '--faults', "$self->{dir}/fault-$name");
    if ($self->{tls}) {
        @certificate = S3Proxy::Certs::certificate("$name.test") if !@certificate;
        push @options, '--tls-cert', $certificate[0], '--tls-key', $certificate[1];
    }
    my @on_machine = $self->{machines} ? S3Proxy::Namespaces::command($name) : ();
    $self->start($name, { ORIGIN_SECRET => $ENV_FILE{"${server}_SECRET_KEY"} }, @on_machine, test_origin(), @options, '--origin', $spec);
    return $self->wait_for_port($name);
}

# Where a part listens.
sub address ($self, $name) { return $self->{address}{$name} // '127.0.0.1' }

# From here on that origin does what the line says (see test-origin's --faults), or well again.
sub fault ($self, $name, $line = undef) {
    my $path = "$self->{dir}/fault-$name";
    return unlink $path if !defined $line;
    write_file("$path.new", "$line\n");
    return rename "$path.new", $path;
}

# An object in the bucket of both origins, as if it were replicated.
sub put_object ($self, $name, $text) {
    for my $origin (qw(a b)) {
        make_path("$self->{dir}/data-$origin/demo");
        write_file("$self->{dir}/data-$origin/demo/$name", $text);
    }
    return;
}

# The environment of a container: what docker-compose.yml sets for it, with the test's paths and ports.
sub environment ($self, $name) {
    my %environment = map { $_ => $ENV_FILE{$_} } grep { /^(?:CLIENT|UPLOAD)_/ || $name eq 'single' || /^\U$name\E/ } keys %ENV_FILE;
    my $dir = $self->render_paths($name);
    return {
        %environment,
        S3_TEMPLATE => $name eq 'single' ? 'single' : 'proxy',
        ($name eq 'single' ? () : (S3_ORIGIN => uc $name, HEALTH_ALL_DOWN => 503)),
        (map { $self->environment_of_origin($_) } grep { $name eq 'single' || $name eq "server$_" } qw(a b)),
        $self->{tls} ? (ORIGIN_CA_FILE => S3Proxy::Certs::ca()) : (),
        PORT => '127.0.0.1:' . $self->port($name), METRICS_PORT => '127.0.0.1:' . $self->port("metrics of $name"),
        NGINX_WORKER_PROCESSES => 2, NGINX_DNS_INTERVAL => 0, NGINX_WORKERS_FILE => "$dir/workers.conf",
        NGINX_ENVSUBST_TEMPLATE_DIR => "$dir/templates", NGINX_ENVSUBST_OUTPUT_DIR => "$dir/conf.d",
    };
}

sub environment_of_origin ($self, $origin) {
    my $server = 'SERVER' . uc $origin;
    return (
        "${server}_PORT" => $self->port($origin), "${server}_ENDPOINT" => $self->address($origin),
        $self->{tls} ? ("${server}_SCHEME" => 'https', "${server}_DOMAIN" => "$origin.test") : (),
    );
}

# The image's files, with the image's three paths replaced.
sub render_paths ($self, $name) {
    my $dir = "$self->{dir}/$name";
    make_path("$dir/templates");
    my $module = S3Proxy::Nginx::module();
    for my $file ("$ROOT/nginx-conf/docker/nginx.conf", glob "$ROOT/nginx-conf/templates/*.template") {
        my $text = slurp($file);
        $text =~ s{/usr/lib/nginx/modules/\S+\.so}{$module}g;
        $text =~ s{/etc/nginx/s3/}{$ROOT/nginx-conf/}g;
        $text =~ s{/run/nginx/}{$dir/}g;
        write_file($file =~ /\.template$/ ? $file =~ s{.*/}{$dir/templates/}r : "$dir/nginx.conf", $text);
    }
    return $dir;
}

# servera, serverb or single, started as the container is.
sub start_proxy ($self, $name, %environment) {
    my $environment = { %{ $self->environment($name) }, %environment };
    $self->start($name, $environment, "$ROOT/deploy/docker/docker-entrypoint.sh", $self->nginx_command($name));
    return $self->wait_for_port($name);
}

sub nginx_command ($self, $name) {
    my $dir = "$self->{dir}/$name";
    # `nginx` by its name, as the entry point wants it.
    $ENV{PATH} = dirname(S3Proxy::Nginx::binary()) . ":$ENV{PATH}";
    return ('nginx', '-e', 'stderr', '-c', "$dir/nginx.conf", '-g', 'daemon off;');
}

sub start_haproxy ($self) {
    $self->start('haproxy', $self->haproxy_environment, 'haproxy', '-db', '-f', "$ROOT/deploy/haproxy.cfg");
    return $self->wait_for_port('haproxy');
}

sub haproxy_environment ($self) {
    return { HAPROXY_BIND => '127.0.0.1:' . $self->port('haproxy'), HAPROXY_METRICS_BIND => '127.0.0.1:' . $self->port('metrics'),
        map { +"HAPROXY_\U$_\E" => '127.0.0.1:' . $self->port($_) } qw(servera serverb) };
}

# Starts a process of that name; what it prints goes to log/NAME.
sub start ($self, $name, $environment, @command) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        delete @ENV{ grep { /^(?:CLIENT|SERVER[AB]|ORIGIN|UPLOAD)_/ } keys %ENV };
        @ENV{ keys %$environment } = values %$environment;
        setpgrp;
        # A shell cannot trap what whoever began the tests (nohup) has it ignore.
        $SIG{HUP} = 'DEFAULT';
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log/$name";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    return $self->{pid}{$name} = $pid;
}

# Ends a process and all that it started; with KILL that is what a crash of its machine looks like.
sub stop ($self, $name, $signal = 'TERM') {
    my $pid = delete $self->{pid}{$name} // return;
    kill $signal, $signal eq 'KILL' ? -$pid : $pid;
    my $deadline = time + 10 * $S3Proxy::Nginx::PATIENCE;
    while (waitpid($pid, WNOHANG) == 0) {
        kill 'KILL', -$pid if time > $deadline;
        sleep 0.005;
    }
    return;
}

sub pid ($self, $name) { return $self->{pid}{$name} }

sub log ($self, $name) { return slurp("$self->{dir}/log/$name") }

sub wait_for_port ($self, $name) {
    my $deadline = time + 20 * $S3Proxy::Nginx::PATIENCE;
    while (time < $deadline) {
        return $self->port($name) if IO::Socket::INET->new(PeerAddr => $self->address($name), PeerPort => $self->port($name));
        last if waitpid($self->{pid}{$name}, WNOHANG) != 0;
        sleep 0.01;
    }
    die "$name did not start: " . $self->log($name) . "\n";
}

# Waits until the code is true; returns how long it took, or undef.
sub wait_until ($self, $seconds, $code) {
    my $start = time;
    while (time - $start < $seconds * $S3Proxy::Nginx::PATIENCE) {
        return time - $start if $code->();
        sleep 0.02;
    }
    return undef;
}

sub write_file ($path, $text) {
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
    return;
}

END {
    if ($$ == $owner) {
        local $?;
        for my $self (@all) {
            $self->stop($_, 'KILL') for keys %{ $self->{pid} };
            $ENV{TEST_NGINX_KEEP} ? print STDERR "# kept $self->{dir}\n" : remove_tree($self->{dir});
        }
    }
}

1;
