# One nginx under test: writes its configuration, starts, reloads and stops it,
# reads its logs. Whatever was started is stopped by process id when the test
# ends, also by die or a signal.
package S3Proxy::Nginx;

use v5.36;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp ();
use POSIX qw(WNOHANG);
use S3Proxy::Client qw(run_command);
use Time::HiRes qw(sleep time);

my $ROOT = abs_path(dirname(__FILE__) . '/../../..');

# Multiplies all waiting times: for valgrind and sanitizers.
our $PATIENCE = $ENV{TEST_NGINX_PATIENCE} || 1;

# Lines that no test may cause. What a panic, a sanitizer or valgrind prints is among them.
our $FATAL = qr/\[(?:alert|emerg)\]|panicked|exited\ on\ signal|ERROR:\ \w+Sanitizer|runtime\ error:
    |^==\d+==\ (?:Invalid|Conditional|Use\ of\ uninit|Syscall\ param|Source\ and\ dest)/x;

my $current;     # the running one
my $owner = $$;

sub binary () { return $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx' }

sub module () {
    my $path = $ENV{TEST_NGINX_MODULE} || "$ROOT/build/ngx_http_s3_signature_module.so";
    return $path =~ m{^/} ? $path : "$ROOT/$path";
}

# "1.22.1" as a comparable number: 1022001.
sub version () {
    state $version = do {
        my ($text) = run_command(binary(), '-V');
        $text =~ m{(?:nginx|openresty)/(\d+)\.(\d+)\.(\d+)} ? $1 * 1_000_000 + $2 * 1000 + $3 : die "no version in: $text";
    };
    return $version;
}

# Whether it is OpenResty's, whose structures are not nginx's.
sub is_openresty () {
    state $is = (run_command(binary(), '-v'))[0] =~ m{openresty/};
    return $is;
}

# nginx would take it for sockets that it inherits.
delete $ENV{NGINX};

sub new ($class) {
    # On failure of the test its directory is worth keeping; see END.
    my $prefix = File::Temp::tempdir('s3proxy-XXXXXX', DIR => $ENV{TEST_NGINX_DIR} || '/tmp');
    chmod 0755, $prefix;
    make_path(map { "$prefix/$_" } qw(conf logs html temp certs origins));
    return $current = bless { prefix => $prefix, pid => undef, offset => {} }, $class;
}

sub prefix ($self) { return $self->{prefix} }
sub pid ($self) { return $self->{pid} }

# Writes a file below the prefix; returns its path.
sub write_file ($self, $name, $text, $mode = undef) {
    my $path = "$self->{prefix}/$name";
    make_path(dirname($path));
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
    chmod $mode, $path if defined $mode;
    return $path;
}

# Writes conf/nginx.conf. `part` holds the text of main_config, http_config,
# config (the server's inside), listen (lines) and log_level; `no_module`.
sub write_config ($self, %part) {
    my $prefix = $self->{prefix};
    my @temp = map { "    ${_}_temp_path $prefix/temp/$_;" } qw(client_body proxy fastcgi uwsgi scgi);
    my $text = join "\n", grep { defined } (
        $part{no_module} ? () : 'load_module ' . module() . ';',
        ($> == 0 ? 'user root;' : ()),
        'daemon off;', "master_process on;", 'worker_processes ' . ($part{workers} // 1) . ';',
        "error_log $prefix/logs/error.log " . ($part{log_level} // $ENV{TEST_NGINX_LOG_LEVEL} // 'info') . ';',
        "pid $prefix/logs/nginx.pid;", "lock_file $prefix/logs/nginx.lock;",
        $part{main_config}, 'events { worker_connections 1024; }', 'http {', @temp,
        "    access_log $prefix/logs/access.log;", '    default_type text/plain;',
        $part{http_config}, '    server {', (map { "        listen $_;" } @{ $part{listen} }),
        '        server_name localhost;', "        root $prefix/html;", $part{config}, '    }', '}', ''
    );
    $self->write_file('conf/nginx.conf', $text);
    return $text;
}

# Changes the configuration on disk: `$code` finds its text in $_.
sub edit_config ($self, $code) {
    local $_ = $self->read_text('conf/nginx.conf');
    $code->();
    $self->write_file('conf/nginx.conf', $_);
    return;
}

# `nginx -t`: output and exit status. `environment` is a hash.
sub test_config ($self, $environment = {}) {
    local @ENV{ keys %$environment } = values %$environment;
    return run_command(binary(), '-t', '-p', "$self->{prefix}/", '-c', 'conf/nginx.conf');
}

sub start ($self, $environment = {}) {
    unlink "$self->{prefix}/logs/nginx.pid";
    $self->{started_at} = -s "$self->{prefix}/logs/error.log" || 0;
    my @command = (split(' ', $ENV{TEST_NGINX_WRAPPER} // ''), binary());
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        @ENV{ keys %$environment } = values %$environment;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{prefix}/logs/stderr";
        open STDERR, '>&', \*STDOUT;
        exec @command, '-p', "$self->{prefix}/", '-c', 'conf/nginx.conf' or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    my $deadline = time + 10 * $PATIENCE;
    # The listening sockets are open before the pid file is written.
    until (-s "$self->{prefix}/logs/nginx.pid") {
        if (waitpid($pid, WNOHANG) == $pid) {
            $self->{pid} = undef;
            die 'nginx did not start: ' . $self->log('stderr') . "\n";
        }
        if (time > $deadline) {
            $self->stop;
            die "nginx did not start in time\n";
        }
        sleep 0.005;
    }
    return;
}

# SIGHUP; waits until the new workers run and, if asked, the old ones are gone.
sub reload ($self, %option) {
    my @old = $self->workers;
    # What the master notes of those that it has started before may come late.
    my $noted = length $self->read_log('error.log');
    kill 'HUP', $self->{pid};
    my $deadline = time + 10 * $PATIENCE;
    while (time < $deadline) {
        my $log = $self->read_log('error.log');
        my $has_new = substr($log, $noted) =~ /\] \d+#\d+: reconfiguring\n.*start worker process \d/s;
        last if $has_new && (!$option{wait_old} || !grep { kill 0, $_ } @old);
        return 0 if $option{may_fail} && substr($log, $self->{offset}{'error.log'} // 0) =~ /\[emerg\]/;
        sleep 0.01;
    }
    return time < $deadline;
}

# Process ids of the workers, by what nginx noted since it was started.
sub workers ($self) {
    my @started;
    # The port is open, and a worker may serve, before the master has noted the first.
    for (1 .. 100 * $PATIENCE) {
        my $log = substr $self->read_log('error.log'), $self->{started_at} // 0;
        @started = $log =~ /start worker process (\d+)/g and last;
        sleep 0.05;
    }
    return grep { kill 0, $_ } @started;
}

# Returns true when nginx had to be killed.
sub stop ($self, $signal = 'TERM') {
    my $pid = $self->{pid} // return 0;
    $self->{pid} = undef;
    my @family = ($pid, $self->workers);
    kill $signal, $pid;
    my $deadline = time + 5 * $PATIENCE;
    while (time < $deadline) {
        return 0 if waitpid($pid, WNOHANG) != 0;
        sleep 0.005;
    }
    kill 'KILL', @family;
    waitpid $pid, 0;
    return 1;
}

# From here on, log() returns only what is new.
sub mark_logs ($self) {
    $self->{offset}{$_} = -s "$self->{prefix}/logs/$_" || 0 for qw(error.log access.log stderr);
    return;
}

sub log ($self, $name = 'error.log') {
    my $text = $self->read_log($name);
    return substr $text, ($self->{offset}{$name} // 0) > length $text ? 0 : $self->{offset}{$name} // 0;
}

sub read_log ($self, $name) { return $self->read_text("logs/$name") }

# A file below the prefix; empty where there is none.
sub read_text ($self, $name) {
    open my $file, '<:raw', "$self->{prefix}/$name" or return '';
    local $/;
    return scalar(<$file>) // '';
}

# Lines of the logs since mark_logs that no test may cause.
sub fatal_lines ($self) {
    return grep { /$FATAL/ } map { split /\n/ } map { $self->log($_) } qw(error.log stderr);
}

# A signal must run END, which stops what was started; PIPE is what `prove | head` makes, and makes again when Test::More says
# farewell, which would end the END blocks.
$SIG{$_} = sub { $SIG{PIPE} = 'IGNORE'; exit 130 } for grep { !$SIG{$_} } qw(INT TERM HUP PIPE);

END {
    if ($current && $$ == $owner) {
        local $?;
        require S3Proxy::Origin;
        S3Proxy::Origin::stop_all();
        $current->stop;
        if ($ENV{TEST_NGINX_KEEP}) {
            print STDERR "# kept $current->{prefix}\n";
        } else {
            File::Path::remove_tree($current->{prefix});
        }
    }
}

1;
