# Free ports by name, one set per test file, without collisions between test
# files that run at once.
#
# A port that was bound to 0 and closed again lies in the ephemeral range, where
# the next outgoing connection of anybody may take it. So ports are picked below
# that range, proven free by binding, and held by a lock for the file's life.
package S3Proxy::Ports;

use v5.36;
use Fcntl qw(:flock O_CREAT O_RDWR);
use IO::Socket::INET;

our ($FIRST, $LAST) = (20000, 32000);

my (%port, %lock);
my $next;

# The port of this name; the same one each time.
sub port ($name) {
    return $port{$name} //= _pick();
}

sub _pick () {
    my $dir = sprintf '/tmp/s3proxy-ports-%d', $<;
    mkdir $dir;
    $next //= $FIRST + (($$ * 61) % ($LAST - $FIRST));
    for (1 .. $LAST - $FIRST) {
        my $port = $next++;
        $next = $FIRST if $next > $LAST;
        sysopen my $file, "$dir/$port", O_CREAT | O_RDWR or next;
        flock $file, LOCK_EX | LOCK_NB or next;
        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1) or next;
        $lock{$port} = $file;
        return $port;
    }
    die "no free port between $FIRST and $LAST\n";
}

1;
