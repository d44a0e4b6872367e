# Machines of their own for origins: a network namespace each, joined to the test's by a pair of virtual interfaces, which can be
# cut so that packets vanish, as they do when a machine loses its power or a router its way. The test itself moves into namespaces
# that nobody else sees, so that nothing is left behind however it ends.
package S3Proxy::Namespaces;

use v5.36;
use File::Temp ();
use S3Proxy::Client qw(run_command);

# The first two numbers of all addresses.
my $NET = '10.90';
my (%number, $hosts);

# Starts the program anew inside; to be called before anything else is done. False where this machine allows no namespaces.
sub enter (@arguments) {
    return $ENV{S3PROXY_NAMESPACES} eq 'yes' if $ENV{S3PROXY_NAMESPACES};
    # Whoever is not root is one inside, where the kernel lets everybody make namespaces.
    my @unshare = ('unshare', '--net', '--mount', $> == 0 ? () : ('--user', '--map-root-user'));
    # The folder of names must not be the machine's.
    my $prepare = 'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up';
    # A pair of interfaces and a name are what some machines refuse.
    my $try = "$prepare && ip netns add try && ip link add try type veth peer name eth0 netns try";
    my (undef, $exit) = run_command(@unshare, 'sh', '-c', $try);
    $ENV{S3PROXY_NAMESPACES} = $exit ? 'no' : 'yes';
    return 0 if $exit;
    exec @unshare, 'sh', '-c', "$prepare && exec \"\$@\"", 'sh', $^X, (map { "-I$_" } @INC), $0, @arguments
        or die "unshare: $!\n";
}

# Makes the machine of that name; returns its address.
sub add ($name) {
    return address($name) if $number{$name};
    my $number = $number{$name} = 1 + keys %number;
    _run("ip netns add $name");
    _run("ip link add name to-$name type veth peer name eth0 netns $name");
    _run("ip addr add $NET.$number.1/24 dev to-$name && ip link set to-$name up");
    _run("ip -n $name addr add $NET.$number.2/24 dev eth0 && ip -n $name link set eth0 up && ip -n $name link set lo up");
    # With a route back that is a hole, packets that come in are dropped too.
    _run(join ' ', _command($name), 'sh', '-c', '"echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter"');
    return address($name);
}

sub address ($name) { return "$NET.$number{$name}.2" }

# What stands before a command that is to run there.
sub command ($name) { return $number{$name} ? _command($name) : () }
sub _command ($name) { return ('nsenter', "--net=/run/netns/$name") }

# From here on nothing that is sent to the machine arrives, and nothing that it sends.
sub cut ($name) { return _run("ip -n $name route add blackhole $NET.$number{$name}.1/32") }
sub heal ($name) { return _run("ip -n $name route del blackhole $NET.$number{$name}.1/32") }

# From here on all that runs here, in the namespaces of `enter`, finds these names in /etc/hosts, and those alone.
sub hosts (%addresses) {
    my $is_mounted = defined $hosts;
    $hosts //= File::Temp->new;
    # The file itself is mounted, so it must stay the same one.
    open my $out, '>', "$hosts" or die "hosts: $!\n";
    print {$out} "127.0.0.1 localhost\n", map { "$addresses{$_} $_\n" } sort keys %addresses;
    close $out or die "hosts: $!\n";
    chmod 0644, "$hosts";
    _run("mount --bind $hosts /etc/hosts") if !$is_mounted;
    return;
}

sub _run ($command) {
    my ($text, $exit) = run_command('sh', '-c', $command);
    die "$command: exit status $exit $text\n" if $exit;
    return;
}

1;
