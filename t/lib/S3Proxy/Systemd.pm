# systemd, the real one, in namespaces of its own: on a copy of this machine's files that nobody else sees, and with none of its services.
# To be used inside of S3Proxy::Namespaces::enter, as root.
package S3Proxy::Systemd;

use v5.36;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use POSIX ();
use S3Proxy::Client qw(run_command);
use Time::HiRes qw(sleep time);

# Starts it; undef where this machine does not allow that.
sub start ($class) {
    # Nothing is to be deleted in there, whatever is mounted: see DESTROY.
    my $self = bless { dir => tempdir('systemd-XXXXXX', TMPDIR => 1), root => undef, pid => undef }, $class;
    return undef if $> != 0 || !-x '/usr/lib/systemd/systemd' || !$self->_mount;
    # Their units stay, what wants them does not.
    run_command('sh', '-c', "rm -rf $self->{root}/etc/systemd/system/*.wants $self->{root}/usr/lib/systemd/system/*.wants");
    $self->write('/etc/systemd/system/idle.target', "[Unit]\nDescription=Nothing to do\n");
    $self->write('/etc/machine-id', '0123456789abcdef' x 2 . "\n");
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        open STDIN, '<', '/dev/null';
        open $_, '>', '/dev/null' for *STDOUT, *STDERR;
        $ENV{container} = 'test';
        # It gives services namespaces of their own, for which a chroot is not enough.
        exec('unshare', '--pid', '--mount', '--fork', '--kill-child', '--uts', '--ipc', '--cgroup', 'sh', '-c',
            "cd $self->{root} && mount -t proc proc proc && mount -t cgroup2 cgroup2 sys/fs/cgroup && mkdir -p old && pivot_root . old && umount --lazy old &&"
            . ' exec /usr/lib/systemd/systemd --system --unit=idle.target --log-target=null --show-status=no')
            or POSIX::_exit(127);
    }
    my $limit = time + 20 * ($ENV{TEST_NGINX_PATIENCE} || 1);
    sleep 0.1 until time > $limit || $self->state('idle.target') eq 'active';
    return undef if $self->state('idle.target') ne 'active';
    $self->systemctl('start', 'systemd-journald.service');
    $self->systemctl('log-target', 'journal');
    return $self;
}

sub _mount ($self) {
    my ($dir, $root) = ($self->{dir}, "$self->{dir}/root");
    make_path($root, "$dir/over");
    my $script = <<~"END";
        mount -t tmpfs tmpfs $dir/over && mkdir $dir/over/upper $dir/over/work &&
        mount -t overlay overlay -o lowerdir=/,upperdir=$dir/over/upper,workdir=$dir/over/work $root &&
        for folder in run tmp dev; do mount -t tmpfs tmpfs $root/\$folder || exit 1; done &&
        for node in null zero full random urandom tty; do touch $root/dev/\$node && mount --bind /dev/\$node $root/dev/\$node || exit 1; done &&
        ln -s pts/ptmx $root/dev/ptmx &&
        mount -t sysfs -o ro sysfs $root/sys
        END
    my ($said, $exit) = run_command('sh', '-c', $script);
    $self->{root} = $root;
    return !$exit;
}

# A path of its file system, as this test sees it.
sub path ($self, $name) { return $self->{root} . $name }

sub write ($self, $name, $text, $mode = 0644) {
    my $path = $self->path($name);
    make_path($path =~ s{/[^/]*\z}{}r);
    open my $out, '>', $path or die "$path: $!\n";
    print {$out} $text;
    close $out or die "$path: $!\n";
    chmod $mode, $path or die "$path: $!\n";
    return;
}

# Runs a command among its processes, in its file system; output and exit status.
sub run ($self, @command) {
    # It listens to nobody whose process it cannot see.
    my ($init) = split ' ', (run_command('ps', '--no-headers', '-o', 'pid', '--ppid', $self->{pid}))[0];
    return ('', 1) if !$init;
    return run_command('nsenter', "--target=$init", '--pid', '--mount', @command);
}

sub systemctl ($self, @arguments) { return $self->run('systemctl', @arguments) }
sub state ($self, $unit) { return ($self->systemctl('is-active', $unit))[0] =~ s/\n.*//sr }
sub property ($self, $unit, $name) { return ($self->systemctl('show', '--value', '-p', $name, $unit))[0] =~ s/\n.*//sr }

# What systemd and its services have said.
sub log ($self) { return ($self->run('journalctl', '--no-pager', '--output=cat'))[0] }

sub DESTROY ($self) {
    local ($?, $!);
    if ($self->{pid}) {
        kill 'KILL', $self->{pid};
        waitpid $self->{pid}, 0;
    }
    my @folders = map { "$self->{dir}/$_" } qw(root over);
    run_command('umount', '--recursive', '--lazy', $_) for grep { -d } @folders;
    # Not what is in them.
    rmdir for @folders, $self->{dir};
    return;
}

1;
