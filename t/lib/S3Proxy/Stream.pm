# A socket read and written with a deadline, for both ends of HTTP/1.x.
package S3Proxy::Stream;

use v5.36;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select;
use Time::HiRes qw(time);

sub new ($class, $socket, $timeout) {
    $socket->blocking(0);
    binmode $socket;
    return bless { socket => $socket, timeout => $timeout, in => '', eof => 0, error => undef }, $class;
}

sub socket ($self) { return $self->{socket} }
sub eof ($self) { return $self->{eof} && $self->{in} eq '' }
sub error ($self) { return $self->{error} }

# All that arrived and was not taken yet.
sub buffered ($self) { return $self->{in} }

# Bytes up to and including `$delimiter`; undef at the end of the stream.
sub take_until ($self, $delimiter, $timeout = undef) {
    my $deadline = time + ($timeout // $self->{timeout});
    while (1) {
        my $at = index $self->{in}, $delimiter;
        return substr $self->{in}, 0, $at + length $delimiter, '' if $at >= 0;
        return undef if !$self->_fill($deadline);
    }
}

# Up to `$count` bytes, at least one; '' at the end of the stream.
sub take_some ($self, $count) {
    my $deadline = time + $self->{timeout};
    while ($self->{in} eq '') {
        return '' if !$self->_fill($deadline);
    }
    return substr $self->{in}, 0, $count, '';
}

sub take_exactly ($self, $count) {
    my $taken = '';
    while (length $taken < $count) {
        my $some = $self->take_some($count - length $taken);
        return $taken if $some eq '';
        $taken .= $some;
    }
    return $taken;
}

# Everything until the peer closes.
sub take_rest ($self) {
    my $taken = '';
    while ((my $some = $self->take_some(1 << 20)) ne '') { $taken .= $some }
    return $taken;
}

# Waits for bytes without taking them; false when none came in time.
sub wait_readable ($self, $timeout) {
    return 1 if $self->{in} ne '';
    local $self->{quiet} = 1;
    return $self->_fill(time + $timeout);
}

# Writes all of it, and meanwhile keeps what the peer already answers: after an
# early refusal and a reset the kernel would throw unread bytes away. Returns
# false when the peer has stopped reading.
sub put ($self, $bytes) {
    my $deadline = time + $self->{timeout};
    my $socket = $self->{socket};
    my $at = 0;
    local $SIG{PIPE} = 'IGNORE';
    while ($at < length $bytes) {
        my ($readable, $writable) =
            IO::Select->select(IO::Select->new($socket), IO::Select->new($socket), undef, $deadline - time);
        return $self->_fail('timeout while writing') if time >= $deadline;
        $self->_read if $readable && @$readable && !$self->{eof};
        next if !$writable || !@$writable;
        my $count = syswrite $socket, $bytes, 65536, $at;
        if (defined $count) {
            $at += $count;
            $deadline = time + $self->{timeout};
        } elsif (!_again()) {
            return $self->_fail("write: $!");
        }
    }
    return 1;
}

sub close ($self) {
    CORE::close $self->{socket};
    return;
}

sub _fill ($self, $deadline) {
    while (!$self->{eof}) {
        my $before = length $self->{in};
        # TLS may hold decrypted bytes that select does not see.
        my $pending = $self->{socket}->can('pending') && $self->{socket}->pending;
        my $left = $deadline - time;
        if (!$pending && ($left <= 0 || !IO::Select->new($self->{socket})->can_read($left))) {
            $self->_fail('timeout while reading') if !$self->{quiet};
            return 0;
        }
        $self->_read;
        return 1 if length $self->{in} > $before;
    }
    return 0;
}

sub _read ($self) {
    my $count = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
    if (defined $count) {
        $self->{eof} = 1 if !$count;
    } elsif (!_again()) {
        $self->_fail("read: $!");
        $self->{eof} = 1;
    }
    return;
}

sub _again () { return $! == EAGAIN || $! == EINTR || $! == EWOULDBLOCK }

sub _fail ($self, $error) {
    $self->{error} //= $error;
    return 0;
}

1;
