# Signed requests at a steady rate, each on a connection of its own, begun whether or not those before it have been answered: what
# callers see who do not wait for one another. None is tried twice. A request that takes longer than its limit has failed. Once a
# second /healthz is asked, and stands among them as the method HEALTH.
package S3Proxy::OpenLoad;

use v5.36;
use Errno qw(EAGAIN EINPROGRESS EWOULDBLOCK);
use File::Temp ();
use IO::Handle;
use IO::Select;
use POSIX ();
use S3Proxy::Http qw(parse_head serialize_head);
use S3Proxy::Sign qw(header_values sign);
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_ERROR inet_aton pack_sockaddr_in);
use Time::HiRes qw(time);

my $owner = $$;
my %running;

# Options: port, key, secret, object (a name in the bucket), rate (20 a second), limit (30 seconds for a request), write_size
# (65536), origin_of (a function that tells by a body which origin has answered).
sub start ($class, %option) {
    my $self = bless { rate => 20, limit => 30, write_size => 65536, %option, dir => File::Temp->newdir }, $class;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        alarm 300;
        $self->_run;
        POSIX::_exit(0);
    }
    $running{$pid} = 1;
    $self->{pid} = $pid;
    return $self;
}

# Begins no more, and waits for what is under way. Returns all in the order of their beginnings: hashes with start, seconds, first
# (the seconds to the first byte of the answer; 0 if none came), method, status, origin (where the answer tells) and fault (empty if
# there was none).
sub stop ($self) {
    open my $stop, '>', "$self->{dir}/stop" or die "stop: $!\n";
    waitpid $self->{pid}, 0;
    delete $running{ $self->{pid} };
    return sort { $a->{start} <=> $b->{start} } $self->so_far;
}

# Those that have ended by now.
sub so_far ($self) {
    open my $in, '<', "$self->{dir}/results" or return;
    my @done;
    while (<$in>) {
        chomp;
        my %request;
        @request{qw(start seconds first method status origin fault)} = split /\t/, $_, 7;
        push @done, \%request if defined $request{fault};
    }
    return @done;
}

sub _run ($self) {
    open my $out, '>>', "$self->{dir}/results" or die "results: $!\n";
    $out->autoflush;
    local $SIG{PIPE} = 'IGNORE';
    my ($next, $count, %open) = (time, 0);
    while (1) {
        my $stopping = -e "$self->{dir}/stop";
        last if $stopping && !%open;
        if (!$stopping && time >= $next) {
            my $request = $self->_begin($count++);
            $open{ fileno $request->{socket} } = $request;
            # After a pause of this process, what was missed is not made up for.
            $next = $next + 1 / $self->{rate} > time ? $next + 1 / $self->{rate} : time;
        }
        my ($read, $write) = (IO::Select->new, IO::Select->new);
        for (values %open) {
            $read->add($_->{socket});
            $write->add($_->{socket}) if $_->{out} ne '';
        }
        my $pause = $stopping ? 0.05 : $next - time;
        my ($readable, $writable) = IO::Select->select($read, $write, undef, $pause > 0 ? $pause : 0);
        _write($open{ fileno $_ }) for @{ $writable // [] };
        _read($open{ fileno $_ }) for grep { $open{ fileno $_ } } @{ $readable // [] };
        for my $number (keys %open) {
            my $request = $open{$number};
            $request->{fault} //= sprintf 'no answer in %d s', $self->{limit} if time - $request->{start} > $self->{limit};
            next if !defined $request->{fault};
            printf {$out} "%.6f\t%.6f\t%.6f\t%s\t%s\t%s\t%s\n", $request->{start}, time - $request->{start}, $request->{first} // 0,
                $request->{method}, $request->{status}, $self->_origin($request), $request->{fault} =~ s/[\t\n]/ /gr;
            delete $open{$number};
        }
    }
    return;
}

sub _origin ($self, $request) {
    return $request->{method} eq 'GET' && $request->{fault} eq '' ? $self->{origin_of}->($request->{in}) : '';
}

sub _begin ($self, $count) {
    my $is_health = $count % $self->{rate} == $self->{rate} - 1;
    my $method = $is_health ? 'GET' : (qw(GET HEAD GET PUT))[$count % 4];
    my $body = $method eq 'PUT' ? 'x' x $self->{write_size} : '';
    my %request = (method => $method, body => $body, version => 'HTTP/1.1',
        target => $method eq 'PUT' ? '/demo/written-' . $count % 40 : "/demo/$self->{object}",
        headers => [[Host => "127.0.0.1:$self->{port}"], [Connection => 'close'],
            $method eq 'PUT' ? ['Content-Length' => length $body] : ()]);
    $request{target} = '/healthz' if $is_health;
    sign(\%request, key => $self->{key}, secret => $self->{secret}) if !$is_health;
    $request{out} = serialize_head("$method $request{target} HTTP/1.1", $request{headers}) . $body;
    @request{qw(method start in status)} = ($is_health ? 'HEALTH' : $method, time, '', 0);
    socket my $socket, AF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
    $socket->blocking(0);
    if (!connect($socket, pack_sockaddr_in($self->{port}, inet_aton('127.0.0.1'))) && $! != EINPROGRESS) {
        $request{fault} = "connect: $!";
    }
    $request{socket} = $socket;
    return \%request;
}

sub _write ($request) {
    my $count = syswrite $request->{socket}, $request->{out}, 65536;
    if (defined $count) {
        substr $request->{out}, 0, $count, '';
    } elsif ($! != EAGAIN && $! != EWOULDBLOCK) {
        # What the server has said before it left is still to be read.
        @$request{qw(out wrote)} = ('', "$!");
    }
    return;
}

sub _read ($request) {
    my $count = sysread $request->{socket}, $request->{in}, 262144, length $request->{in};
    return if !defined $count && ($! == EAGAIN || $! == EWOULDBLOCK);
    $request->{first} //= time - $request->{start} if $count;
    my $error = defined $count ? undef : "read: $!";
    return if $count;
    # The connection is closed after the answer, so here is its end.
    my $at = index $request->{in}, "\r\n\r\n";
    if ($at < 0) {
        $request->{fault} = $request->{wrote} // $error // 'closed without an answer';
        return;
    }
    my ($start, $headers) = parse_head(substr $request->{in}, 0, $at + 4, '');
    ($request->{status}) = $start =~ m{\AHTTP/1\.1 (\d{3})};
    my ($length) = header_values($headers, 'content-length');
    my $missing = $request->{method} ne 'HEAD' && defined $length && length $request->{in} < $length;
    my ($code) = $request->{in} =~ m{<Code>(.*?)</Code>};
    $request->{fault} = $request->{status} != 200 ? join ' ', $request->{status}, $code // ()
        : $missing || $error ? 'cut in the body' : '';
    return;
}

END {
    if ($$ == $owner) {
        local $?;
        kill 'KILL', keys %running;
    }
}

1;
