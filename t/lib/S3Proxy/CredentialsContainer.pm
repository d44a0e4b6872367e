# A container of the image "credentials", without an engine: the entry point and the user that the Dockerfile names, in a file system where
# nothing can be written but the folders that are mounted. To be used inside of S3Proxy::Namespaces::enter, as root.
package S3Proxy::CredentialsContainer;

use v5.36;
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use POSIX ();
use S3Proxy::Client qw(run_command);

# `$command` is what the image has. `env`: the environment, besides PATH; `folders`: what is mounted, empty, for the image's user.
sub new ($class, $dockerfile, $command, %option) {
    open my $in, '<', $dockerfile or die "$dockerfile: $!\n";
    my ($stage) = join('', <$in>) =~ /^(FROM \S+ AS credentials\n.*?)(?=^FROM |\z)/ms or die "no stage \"credentials\" in $dockerfile\n";
    my ($user, $group) = $stage =~ /^USER (\d+):(\d+)$/m or die "no USER\n";
    my ($entry_point) = $stage =~ /^ENTRYPOINT (\[.*\])$/m or die "no ENTRYPOINT\n";
    $stage =~ m{^COPY --from=\S+ \S+/s3_credentials /usr/local/bin/$}m or die "s3_credentials is not where it is found\n";
    # Nothing is to be deleted in there, whatever is mounted: see DESTROY.
    my $self = bless { dir => tempdir('container-XXXXXX', TMPDIR => 1), env => $option{env}, user => $user, group => $group, entry_point => decode_json($entry_point) }, $class;
    my $root = $self->{root} = "$self->{dir}/root";
    mkdir $root or die "$root: $!\n";
    # Programs, libraries and certificates are this machine's; the command is in a folder of its own, first in PATH.
    my $mounts = join ' && ', "mount -t tmpfs tmpfs $root", "mkdir -p $root/tmp $root/opt $root/etc", "cp $command $root/opt/s3_credentials",
        "cp -r /etc/ssl $root/etc/", (map { "ln -s usr/$_ $root/$_" } qw(bin lib lib64)),
        "mkdir $root/usr && mount --bind /usr $root/usr && mount -o remount,bind,ro $root/usr", "mkdir $root/proc && mount -t proc proc $root/proc",
        "mkdir $root/dev && touch $root/dev/null && mount --bind /dev/null $root/dev/null",
        (map { "mkdir -p $root$_ && mount -t tmpfs -o mode=755,uid=$user,gid=$group tmpfs $root$_" } @{ $option{folders} }),
        "mount -o remount,ro $root";
    my ($said, $exit) = run_command('sh', '-c', $mounts);
    die "mount: $said\n" if $exit;
    return $self;
}

sub _command ($self, @words) {
    return ('setpriv', "--reuid=$self->{user}", "--regid=$self->{group}", '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all',
        'env', '-i', 'PATH=/opt:/usr/local/bin:/usr/bin:/bin', 'HOME=/', (map { "$_=$self->{env}{$_}" } sort keys %{ $self->{env} }), @words);
}

# As the engine does it, with these arguments.
sub start ($self, @arguments) {
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        open $_, '>>', "$self->{dir}/said" for *STDOUT, *STDERR;
        exec 'chroot', $self->{root}, $self->_command(@{ $self->{entry_point} }, @arguments) or POSIX::_exit(127);
    }
    return;
}

# Ends it as `docker stop` does; its exit status.
sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return $? >> 8 || $? & 127;
}

# Waits for its end; its exit status.
sub wait ($self) {
    waitpid delete $self->{pid}, 0;
    return $? >> 8 || $? & 127;
}

# Another command in it, by its user; output and exit status.
sub run ($self, @words) { return run_command('chroot', $self->{root}, $self->_command(@words)) }

# Its user and group, by number.
sub user ($self) { return "$self->{user} $self->{group}" }

# A path in it, as this test sees it.
sub path ($self, $name) { return $self->{root} . $name }

sub said ($self) {
    open my $in, '<', "$self->{dir}/said" or return '';
    local $/;
    return <$in> // '';
}

sub DESTROY ($self) {
    local ($?, $!);
    $self->stop if $self->{pid};
    run_command('umount', '--recursive', '--lazy', $self->{root});
    unlink "$self->{dir}/said";
    # Not what is in it.
    rmdir for $self->{root}, $self->{dir};
    return;
}

1;
