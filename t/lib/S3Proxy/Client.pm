# The client of the tests: HTTP/1.x over a plain or TLS socket, byte for byte
# as the block says; HTTP/2 by way of curl.
package S3Proxy::Client;

use v5.36;
use File::Temp ();
use IO::Socket::INET;
use Exporter qw(import);
use IPC::Open3 qw(open3);
use S3Proxy::Http qw(parse_head read_response serialize_head);
use S3Proxy::Sign qw(header_values);
use S3Proxy::Stream;
use Symbol qw(gensym);
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(connect_to exchange run_command over_http2 curl);

# Options: timeout, tls (a hash of IO::Socket::SSL options).
sub connect_to ($port, %option) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5)
        or die "cannot connect to port $port: $!\n";
    if ($option{tls}) {
        require IO::Socket::SSL;
        IO::Socket::SSL->start_SSL($socket, SSL_hostname => 'localhost', %{ $option{tls} })
            or die "TLS to port $port: " . IO::Socket::SSL::errstr() . "\n";
    }
    return S3Proxy::Stream->new($socket, $option{timeout} // 5);
}

# Sends one request and reads its response. A request is a hash: method,
# target, version, headers, body, raw (instead of all these), and how to send:
#   chunks      list of pieces for Transfer-Encoding: chunked
#   expect      wait for 100 Continue (or the final answer) before the body
#   write_size write_delay    pieces of the body and the seconds between them
#   send_only   bytes of the body to send; then the connection is shut down
sub exchange ($stream, $request) {
    if (defined $request->{raw}) {
        $stream->put($request->{raw});
        return read_response($stream, $request->{method});
    }
    my $head = $request->{head} // serialize_head(
        "$request->{method} $request->{target} " . ($request->{version} // 'HTTP/1.1'), $request->{headers});
    my $body = $request->{body} // '';
    $body = join('', map { sprintf "%x\r\n%s\r\n", length $_, $_ } grep { length } @{ $request->{chunks} })
        . "0\r\n\r\n" if $request->{chunks};
    if ($request->{expect}) {
        $stream->put($head);
        $stream->wait_readable($request->{expect_timeout} // 2);
        # An answer other than 1xx means that the body is not wanted.
        _send_body($stream, $request, $body) if $stream->buffered !~ m{\AHTTP/1\.1 [2-5]};
    } elsif (grep { defined $request->{$_} } qw(write_size write_delay send_only)) {
        $stream->put($head) and _send_body($stream, $request, $body);
    } else {
        $stream->put($head . $body);
    }
    return read_response($stream, $request->{method});
}

sub _send_body ($stream, $request, $body) {
    my $limit = $request->{send_only} // length $body;
    my $step = $request->{write_size} || length($body) || 1;
    for (my $at = 0; $at < $limit; $at += $step) {
        my $count = $at + $step > $limit ? $limit - $at : $step;
        $stream->put(substr $body, $at, $count) or return;
        sleep $request->{write_delay} if $request->{write_delay};
    }
    if (defined $request->{send_only}) {
        sleep 0.2;    # so that what was sent has gone where it goes
        shutdown $stream->socket, 1;
    }
    return;
}

# Runs a command to its end; returns its output (both streams) and exit status.
sub run_command (@command) {
    my $pid = open3(my $in, my $out, undef, @command);
    close $in;
    local $/;
    my $text = <$out> // '';
    waitpid $pid, 0;
    return ($text, $? >> 8 || $? & 127);
}

# Runs curl with the given arguments; returns a response as read_response does,
# with `http_version`, `exit` and `stderr`. A reference in front of them names the file that is its standard input.
sub curl (@arguments) {
    my $dir = File::Temp->newdir;
    my $input = ref $arguments[0] ? ${ shift @arguments } : '/dev/null';
    my ($text, $exit) = run_command(
        'sh', '-c', 'exec curl "$@" <"$0"', $input, '-sS', '--path-as-is', '--max-time', 20, '-D', "$dir/head", '-o', "$dir/body",
        '-w', '%{http_version}', @arguments
    );
    my %response = (status => 0, headers => [], head => '', body => '', interim => [], framing => 'curl',
        close => 1, exit => $exit, complete => $exit == 0 ? 1 : 0);
    my $raw = _slurp("$dir/head") // '';
    for (split /(?<=\r\n\r\n)/, $raw) {
        my ($start, $headers) = parse_head($_);
        my ($status) = $start =~ m{\AHTTP/\S+ (\d{3})} or next;
        $status < 200 ? push(@{ $response{interim} }, $status)
            : (@response{qw(status headers head)} = ($status, $headers, $_));
    }
    $response{body} = _slurp("$dir/body") // '';
    ($response{http_version}) = $text =~ /([\d.]+)\z/;
    $response{stderr} = $text =~ s/[\d.]+\z//r;
    $response{error} = $exit ? "curl: exit $exit $response{stderr}" : undef;
    return \%response;
}

# The same request as exchange() sends, as one HTTP/2 stream with prior knowledge.
sub over_http2 ($port, $request) {
    my @arguments = ('--http2-prior-knowledge');
    # curl's own headers, unless the block has them.
    push @arguments, '-H', "$_:"
        for grep { !header_values($request->{headers}, $_) } qw(Accept User-Agent Content-Type);
    for (@{ $request->{headers} }) {
        next if $_->[0] =~ /^(?:connection|content-length|transfer-encoding)$/i;
        push @arguments, '-H', length $_->[1] ? "$_->[0]: $_->[1]" : "$_->[0];";
    }
    my $body = File::Temp->new;
    if (defined $request->{body}) {
        print {$body} $request->{body};
        $body->flush;
        # What curl reads from its standard input has no content-length, and may be nothing.
        push @arguments, $request->{chunks} ? ('-T', '-') : ('--data-binary', "\@$body");
    }
    push @arguments, $request->{method} eq 'HEAD' ? '--head' : ('-X', $request->{method});
    # --request-target would send the target verbatim, but only over HTTP/1; --path-as-is keeps dots.
    return curl(\"$body", @arguments, '-g', "http://127.0.0.1:$port$request->{target}");
}

sub _slurp ($path) {
    open my $file, '<:raw', $path or return undef;
    local $/;
    return scalar <$file>;
}

1;
