# A name server for tests, whose answers can be changed while it runs: A records, and SRV records of names that begin with "_". It
# ends with the test.
package S3Proxy::Dns;

use v5.36;
use File::Temp ();
use IO::Socket::INET;
use POSIX ();

# How long answers may be kept, in seconds.
my $TTL = 1;
my ($A, $SRV) = (1, 33);

my $owner = $$;
my @running;

# Starts it with names as for `set`.
sub start ($class, %names) {
    my $self = bless { file => File::Temp->new }, $class;
    my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => 0) or die "dns: $!\n";
    $self->{port} = $socket->sockport;
    $self->set(%names);
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $self->_serve($socket);
        POSIX::_exit(0);
    }
    push @running, $pid;
    return $self;
}

sub port ($self) { return $self->{port} }

# From here on these names exist, and no others: lists of addresses, or of "port target" for "_service._tcp.name".
sub set ($self, %names) {
    open my $out, '>', "$self->{file}.new" or die "dns: $!\n";
    print {$out} map { join(' ', $_, join(',', ref $names{$_} ? @{ $names{$_} } : $names{$_})) . "\n" } keys %names;
    close $out or die "dns: $!\n";
    rename "$self->{file}.new", "$self->{file}" or die "dns: $!\n";
    return;
}

sub _serve ($self, $socket) {
    while (defined(my $peer = $socket->recv(my $query, 512))) {
        my ($id, $flags, $questions) = unpack 'nnn', $query;
        my $at = 12;
        my @labels;
        while (my $length = ord substr $query, $at, 1) {
            push @labels, substr $query, $at + 1, $length;
            $at += 1 + $length;
        }
        my $type = unpack 'n', substr $query, $at + 1, 2;
        my $question = substr $query, 12, $at + 5 - 12;
        my $records = $self->_records(lc join '.', @labels);
        my @answers = map { _answer($type, $_) } @{ $records // [] };
        # 0x8180: an answer, recursion available; 3: there is no such name.
        $socket->send(pack('nnnnnn', $id, $records ? 0x8180 : 0x8183, 1, scalar @answers, 0, 0) . join('', $question, @answers), 0, $peer);
    }
    return;
}

sub _records ($self, $name) {
    open my $in, '<', "$self->{file}" or return undef;
    while (<$in>) {
        return [split /,/, $2] if /^(\S+) (.*)$/ && $1 eq $name;
    }
    return undef;
}

# One record for the name in question (0xc00c points to it).
sub _answer ($type, $record) {
    my $data;
    if ($type == $A && $record =~ /^[\d.]+$/) {
        $data = pack 'C4', split /\./, $record;
    } elsif ($type == $SRV && $record =~ /^(\d+) (\S+)$/) {
        # Priority 1, weight 1.
        $data = pack('nnn', 1, 1, $1) . join '', map({ chr(length) . $_ } split /\./, $2), "\0";
    } else {
        return ();
    }
    return pack('nnnNn', 0xc00c, $type, 1, $TTL, length $data) . $data;
}

END {
    if ($$ == $owner) {
        local $?;
        kill 'KILL', @running;
        waitpid $_, 0 for @running;
    }
}

1;
