# HTTP/1.x messages as the client and the origins of the tests see them:
# nothing is tidied, so that a test can assert what was on the wire.
package S3Proxy::Http;

use v5.36;
use Exporter qw(import);
use S3Proxy::Sign qw(header_values);

our @EXPORT_OK = qw(parse_head read_body serialize_head read_response header);

# Splits a head (start line ... blank line) into start line and headers.
sub parse_head ($raw) {
    my ($start, @lines) = split /\r?\n/, $raw =~ s/(?:\r?\n){1,2}\z//r;
    my @headers = map { /\A([^:]*):[ \t]*(.*?)[ \t]*\z/s ? [$1, $2] : [$_, ''] } @lines;
    return ($start // '', \@headers);
}

sub serialize_head ($start, $headers) {
    return join '', "$start\r\n", (map { "$_->[0]: $_->[1]\r\n" } @$headers), "\r\n";
}

# First value of a header, or undef.
sub header ($message, $name) {
    return (header_values($message->{headers}, $name))[0];
}

# Reads the body that the headers announce and hands it to `$sink` piece by
# piece. Returns how it was framed (none, length, chunked, eof) and whether it
# was complete.
sub read_body ($stream, $headers, $sink, %option) {
    my ($coding) = header_values($headers, 'transfer-encoding');
    return ('chunked', _read_chunks($stream, $sink)) if ($coding // '') =~ /chunked/i;
    my ($length) = header_values($headers, 'content-length');
    if (defined $length) {
        while ($length > 0) {
            my $piece = $stream->take_some($length);
            return ('length', 0) if $piece eq '';
            $sink->($piece);
            $length -= length $piece;
        }
        return ('length', 1);
    }
    return ('none', 1) if !$option{until_eof};
    $sink->($stream->take_rest);
    return ('eof', !defined $stream->error);
}

sub _read_chunks ($stream, $sink) {
    while (1) {
        my $line = $stream->take_until("\r\n") // return 0;
        my ($size) = $line =~ /\A([0-9a-fA-F]+)/ or return 0;
        for (my $left = hex $size; $left > 0;) {
            my $piece = $stream->take_some($left);
            return 0 if $piece eq '';
            $sink->($piece);
            $left -= length $piece;
        }
        if (hex $size) {
            $stream->take_exactly(2) eq "\r\n" or return 0;
            next;
        }
        while (1) {    # trailer section
            my $trailer = $stream->take_until("\r\n") // return 0;
            return 1 if $trailer eq "\r\n";
        }
    }
}

# Reads one final response. A hash: status, reason, headers, head (raw), body,
# framing, complete, interim (list of 1xx statuses), close, error. Without a
# response status is 0.
sub read_response ($stream, $method) {
    my %response = (status => 0, reason => '', headers => [], head => '', body => '', interim => [],
        framing => 'none', complete => 0, close => 1);
    while (1) {
        my $raw = $stream->take_until("\r\n\r\n");
        if (!defined $raw) {
            $response{error} = $stream->error // ($stream->buffered eq '' ? 'closed' : 'cut in the head');
            $response{head} = $stream->buffered;
            return \%response;
        }
        my ($start, $headers) = parse_head($raw);
        my ($status, $reason) = $start =~ m{\AHTTP/1\.[01] (\d{3})(?: (.*))?\z};
        if (!defined $status) {
            @response{qw(error head)} = ('no status line', $raw);
            return \%response;
        }
        if ($status < 200) {
            push @{ $response{interim} }, $status;
            next;
        }
        @response{qw(status reason headers head)} = ($status, $reason // '', $headers, $raw);
        last;
    }
    $response{close} = (header(\%response, 'connection') // '') =~ /\bclose\b/i ? 1 : 0;
    if ($method eq 'HEAD' || $response{status} == 204 || $response{status} == 304) {
        $response{complete} = 1;
    } else {
        my $sink = sub ($piece) { $response{body} .= $piece };
        @response{qw(framing complete)} = read_body($stream, $response{headers}, $sink, until_eof => 1);
    }
    $response{error} = $stream->error // ($response{complete} ? undef : 'cut in the body');
    return \%response;
}

1;
