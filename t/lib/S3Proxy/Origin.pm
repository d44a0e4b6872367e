# Scripted HTTP origins. Each listens on a port of its own, in a process of its
# own with one child per connection, and writes down every request it received
# before it answers.
#
# An origin with `s3=KEY:SECRET:REGION` judges the signature of each request
# (S3Proxy::Sign::Verify) and answers a wrong one as S3 would.
package S3Proxy::Origin;

use v5.36;
use Digest::SHA;
use Fcntl qw(:flock SEEK_CUR);
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX ();
use S3Proxy::Certs;
use S3Proxy::Http qw(parse_head read_body);
use S3Proxy::Sign qw(header_values);
use S3Proxy::Sign::Verify qw(error_document verify);
use S3Proxy::Stream;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);
use Time::HiRes qw(sleep time);

# A body up to this many bytes is recorded as it is.
our $KEPT_BODY = 1 << 20;

# An upload to a judging origin is kept whole up to this size, else only hashed.
our $JUDGED_BODY = 64 << 20;

our %running;    # by name: { pid }

# Starts the origins of a script on their ports; records go to files in `$dir`.
sub start ($class, $origins, $ports, $dir) {
    my $self = bless { dir => $dir, origins => $origins }, $class;
    $self->{ports} = $ports;
    for my $name (sort keys %$origins) {
        unlink "$dir/$name.count", "$dir/$name.state";
        $self->start_one($name) if !$origins->{$name}{refuse};
    }
    unlink "$dir/received", "$dir/probes";
    return $self;
}

# Starts one of them, which does not run.
sub start_one ($self, $name) {
    my ($origin, $port) = ($self->{origins}{$name}, $self->{ports}{$name});
    my $listener;
    # Who had the port before may be about to end.
    for (1 .. 100) {
        $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 128, ReuseAddr => 1)
            and last;
        sleep 0.02;
    }
    $listener or die "origin $name cannot listen on port $port: $!\n";
    my $tls = _tls_options($origin);    # makes the certificate once, in the parent
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        eval { _serve($listener, $name, $origin, $tls, $self->{dir}); 1 } or print STDERR "# origin $name: $@";
        POSIX::_exit(0);
    }
    setpgrp $pid, $pid;
    close $listener;
    $running{$name} = $pid;
    return;
}

# Ends one origin and its connections.
sub stop ($name) {
    my $pid = delete $running{$name} // return;
    kill 'KILL', -$pid, $pid;
    waitpid $pid, 0;
    return;
}

# Ends all origins and their connections. Safe to call at any time.
sub stop_all () {
    stop($_) for keys %running;
    return;
}

# What the origins received, in order. Each a hash: origin, connection (number),
# method, target, headers, head (lines end in \n), framing, complete,
# body_length, body_sha256, body (when small), sni, verdict ('ok', a fault of
# S3Proxy::Sign::Verify, or undef for an origin that does not judge).
sub received ($self, $name = undef) { return $self->_recorded('received', $name) }

# The same of probes (s3_probe), which are none of a client's.
sub probes ($self, $name = undef) { return $self->_recorded('probes', $name) }

# Calls `$each` with what the origins received, one by one, so that there may be any number of them.
sub each_received ($self, $each) { return $self->_each_recorded('received', $each) }

sub _recorded ($self, $book, $name) {
    my @received;
    $self->_each_recorded($book, sub ($record) {
        return if defined $name && $record->{origin} ne $name;
        $record->{body} = decode_base64($record->{body}) if defined $record->{body};
        push @received, $record;
    });
    return @received;
}

sub _each_recorded ($self, $book, $each) {
    open my $file, '<:raw', "$self->{dir}/$book" or return;
    my $json = JSON::PP->new->latin1;
    my ($line, $patience) = ('', 200);
    while (1) {
        $line .= <$file> // '';
        return if $line eq '';
        if ($line =~ /\n\z/) {
            $each->($json->decode($line));
            $line = '';
        } else {
            # An origin may be writing its last line; of a long one a part can be seen.
            return if !$patience--;
            select undef, undef, undef, 0.02;
            seek $file, 0, SEEK_CUR;
        }
    }
}

sub _tls_options ($origin) {
    return undef if !$origin->{tls};
    require IO::Socket::SSL;
    my ($certificate, $key) = S3Proxy::Certs::certificate($origin->{tls} eq '1' ? 'localhost' : $origin->{tls});
    return { SSL_server => 1, SSL_cert_file => $certificate, SSL_key_file => $key };
}

sub _serve ($listener, $name, $origin, $tls, $dir) {
    setpgrp;
    $SIG{CHLD} = 'IGNORE';
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    # A test that was killed cannot stop its origins.
    my $parent = getppid;
    $listener->timeout(2);
    my $connection = 0;
    while (getppid == $parent) {
        my $socket = $listener->accept or next;
        $socket->timeout(0);
        $connection++;
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            close $listener;
            my %place = (name => $name, origin => $origin, dir => $dir, connection => $connection);
            eval { _converse($socket, $tls, \%place); 1 } or print STDERR "# origin $name: $@";
            POSIX::_exit(0);
        }
        close $socket;
    }
    return;
}

sub _converse ($socket, $tls, $place) {
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    if ($place->{origin}{answers}[0]{accept_close}) {
        _next_answer($place);
        return;
    }
    if ($tls) {
        IO::Socket::SSL->start_SSL($socket, %$tls) or return;
        $place->{sni} = $socket->get_servername;
    }
    my $stream = S3Proxy::Stream->new($socket, 30);
    while (defined(my $raw = $stream->take_until("\r\n\r\n", 300))) {
        my ($start, $headers) = parse_head($raw);
        my ($method, $target, $version) = split / /, $start;
        my %request = (method => $method, target => $target, version => $version, headers => $headers);
        $request{probe} = $raw =~ /^User-Agent: s3_probe\r$/m;
        my $answer = _state($place, $request{probe}) // ($request{probe} ? { status => 200, headers => [], body => '' } : _next_answer($place));
        # Byte by byte, as a network may bring them, and before the body is read.
        for my $interim (split /,/, $answer->{interim} // '') {
            $stream->put($_) for split //, "HTTP/1.1 $interim Interim\r\nLink: </a>\r\n\r\n";
        }
        if ($answer->{head_only}) {
            _record($place, \%request, $raw, undef);
        } elsif (!$answer->{early}) {
            _take_body($stream, $place, \%request, $raw);
        }
        if ($answer->{reset}) {
            setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        }
        return if $answer->{reset} || $answer->{close} || $answer->{head_only};
        my $keep = _respond($stream, $answer, \%request, $raw);
        if ($answer->{early}) {
            _take_body($stream, $place, \%request, $raw);
        }
        return if !$keep || !$request{complete};
    }
    return;
}

# Reads the body, judges the request and records it.
sub _take_body ($stream, $place, $request, $raw) {
    my $digest = Digest::SHA->new(256);
    my ($length, $kept) = (0, '');
    my $limit = $place->{origin}{s3} ? $JUDGED_BODY : $KEPT_BODY;
    my ($framing, $complete) = read_body($stream, $request->{headers}, sub ($piece) {
        $digest->add($piece);
        $length += length $piece;
        $kept .= $piece if length $kept < $limit;
    });
    @$request{qw(framing complete)} = ($framing, $complete);
    my %body = (length => $length, sha256 => $digest->hexdigest);
    $body{bytes} = $kept if $length <= $KEPT_BODY && !$place->{origin}{forget};
    if ($place->{origin}{s3}) {
        my $judged = $length <= $limit && $complete ? $kept : undef;
        $request->{fault} = verify($request, %{ $place->{origin}{s3} }, body => $judged);
    }
    _record($place, $request, $raw, \%body);
    return;
}

sub _record ($place, $request, $raw, $body) {
    my %record = (
        origin => $place->{name}, connection => $place->{connection}, sni => $place->{sni}, time => time,
        (map { $_ => $request->{$_} } qw(method target version headers framing)),
        complete => $request->{complete} ? 1 : 0, head => $raw =~ s/\r\n/\n/gr,
        body_length => $body->{length} // 0, body_sha256 => $body->{sha256},
        body => defined $body->{bytes} ? encode_base64($body->{bytes}, '') : undef,
        verdict => !$place->{origin}{s3} ? undef
        : $request->{fault} ? "$request->{fault}{code}: $request->{fault}{message}" : 'ok',
    );
    my $line = JSON::PP->new->latin1->canonical->encode(\%record) . "\n";
    my $book = $request->{probe} ? 'probes' : 'received';
    open my $file, '>>:raw', "$place->{dir}/$book" or die "record: $!\n";
    flock $file, LOCK_EX;
    $file->autoflush(1);
    print {$file} $line;
    return;
}

# The answer for the next request of this origin, whichever connection has it.
sub _next_answer ($place) {
    open my $file, '>>', "$place->{dir}/$place->{name}.count" or die "count: $!\n";
    flock $file, LOCK_EX;
    # One byte each.
    my $number = -s $file;
    print {$file} 'x';
    close $file;
    my @answers = map { ($_) x $_->{times} } @{ $place->{origin}{answers} };
    return $answers[$number] // $answers[-1];
}

# What set_state() has said that all requests get now, if anything.
sub _state ($place, $is_probe) {
    my $file = "$place->{dir}/$place->{name}.state";
    my $state = _read($file) // return undef;
    return undef if $state =~ s/^probes // && !$is_probe;
    sleep 0.05 while $state eq 'hang' && -e $file;
    return undef if $state eq 'hang';
    my ($status, $code) = split / /, $state;
    my $body = defined $code ? error_document({ code => $code, message => "as the test says", members => [] }) : '';
    return { status => $status, headers => [], body => $body };
}

sub _read ($path) {
    open my $file, '<', $path or return undef;
    local $/;
    return scalar <$file>;
}

# Has an origin answer every request, a probe's too, with "STATUS CODE", or "hang"; after "probes " only those; undef: as its script says. A
# probe is else answered with 200 where its signature is right, and takes no answer of the script.
sub set_state ($self, $name, $state) {
    my $path = "$self->{dir}/$name.state";
    if (!defined $state) {
        unlink $path;
        return;
    }
    open my $file, '>', "$path.new" or die "$path: $!\n";
    print {$file} $state;
    close $file;
    rename "$path.new", $path;
    return;
}

# Sends a signal to an origin and all that serve its connections.
sub signal ($self, $name, $signal) {
    # One that is stopped must not have the lock of a book, for which the others would wait.
    my @locked = map {
        open my $file, '>>', "$self->{dir}/$_" or die "$_: $!\n";
        flock $file, LOCK_EX;
        $file;
    } $signal eq 'STOP' ? qw(received probes) : ();
    kill $signal, -$running{$name}, $running{$name};
    # It is stopped when it runs next.
    select undef, undef, undef, 0.02 if @locked;
    return;
}

# Returns whether the connection may be used again.
sub _respond ($stream, $answer, $request, $raw) {
    sleep $answer->{delay} if $answer->{delay};
    if (defined $answer->{raw_base64}) {
        $stream->put(decode_base64($answer->{raw_base64}));
        return 0;
    }
    my @headers = @{ $answer->{headers} };
    my $status = $answer->{status};
    my $body = $answer->{body} // ($answer->{body_bytes} ? 'x' x $answer->{body_bytes} : '');
    $body = decode_base64($answer->{body_base64}) if defined $answer->{body_base64};
    $body = ' ' x $answer->{body_indent} . $body if $answer->{body_indent};
    $body = $raw if $answer->{echo};
    if (my $fault = $request->{fault}) {
        $status = $fault->{status};
        $body = error_document($fault);
        @headers = (['Content-Type' => 'application/xml'], ['x-amz-request-id' => 'ORIGINREQUESTID0']);
    }
    my ($connection) = header_values($request->{headers}, 'connection');
    my $keep = $request->{version} eq 'HTTP/1.1' && ($connection // '') !~ /close/i && !$answer->{no_keepalive}
        && !$answer->{truncate} && !$answer->{early} && !$answer->{close_after};
    my $bodiless = $request->{method} eq 'HEAD' || $status == 204 || $status == 304;
    my $chunked = $answer->{chunked} && $request->{version} eq 'HTTP/1.1';
    push @headers, ['Transfer-Encoding' => 'chunked'] if $chunked && !$bodiless;
    push @headers, ['Content-Length' => length($body) + ($answer->{truncate} ? 10 : 0)]
        if !$chunked && $status != 204 && $status != 304 && !header_values(\@headers, 'content-length');
    push @headers, [Connection => 'close'] if !$keep && !$answer->{close_after};
    my $head = join '', "HTTP/1.1 $status Scripted\r\n", (map { "$_->[0]: $_->[1]\r\n" } @headers), "\r\n";
    my @pieces = $chunked ? (map({ sprintf "%x\r\n%s\r\n", length, $_ } $body =~ /(.{1,7})/gs), "0\r\n\r\n") : ($body);
    $stream->put($head . ($bodiless || $answer->{slow} ? '' : join '', @pieces));
    if ($answer->{slow} && !$bodiless) {
        for (@pieces) { sleep $answer->{slow}; $stream->put($_) }
    }
    return $keep;
}

1;
