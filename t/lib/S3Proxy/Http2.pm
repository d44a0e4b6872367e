# One stream of HTTP/2 by its frames, for what no client of others does: a stream that ends later than it should, or not at all.
package S3Proxy::Http2;

use v5.36;
use Exporter qw(import);
use IO::Socket::INET;
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(send_frames);

# Between two frames: what came before could have gone on.
my $PAUSE = 0.3;

# Sends the head of `$request` with `content-length: $length` (none if that is undefined), then `@data` in a DATA frame each. The last of them ends
# the stream, unless it is undefined: then the stream is reset. Without any the stream stays open. Returns all bytes of the answer so far.
sub send_frames ($port, $request, $length, @data) {
    my %pseudo = (':method' => $request->{method}, ':scheme' => 'http', ':path' => $request->{target});
    my ($host) = map { $_->[1] } grep { lc $_->[0] eq 'host' } @{ $request->{headers} };
    my @headers = ((map { [$_ => $pseudo{$_}] } sort keys %pseudo), [':authority' => $host],
        (map { [lc $_->[0], $_->[1]] } grep { $_->[0] !~ /^(?:host|connection|content-length|transfer-encoding)$/i } @{ $request->{headers} }),
        defined $length ? ['content-length' => $length] : ());
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "port $port: $!\n";
    syswrite $socket, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . _frame(4, 0, 0, '') . _frame(1, 4, 1, join '', map { "\0" . _text($_->[0]) . _text($_->[1]) } @headers);
    for my $index (0 .. $#data) {
        sleep $PAUSE;
        syswrite $socket, defined $data[$index] ? _frame(0, $index == $#data ? 1 : 0, 1, $data[$index]) : _frame(3, 0, 1, pack 'N', 8);
    }
    sleep $PAUSE;
    $socket->blocking(0);
    my $answer = '';
    1 while sysread $socket, $answer, 65536, length $answer;
    return $answer;
}

# RFC 9113, 4.1.
sub _frame ($type, $flags, $stream, $payload) {
    return pack('CnCCN', length($payload) >> 16, length($payload) & 0xffff, $type, $flags, $stream) . $payload;
}

# A literal of a header block (RFC 7541, 5.2 and 6.2.2).
sub _text ($text) {
    return pack('C', length $text) . $text if length $text < 127;
    my ($rest, $out) = (length($text) - 127, pack 'C', 127);
    while ($rest > 127) { $out .= pack 'C', $rest % 128 + 128; $rest >>= 7 }
    return $out . pack('C', $rest) . $text;
}

1;
