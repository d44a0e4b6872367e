# Uploads that are half way when something happens: each sends half of its body, waits for a word, and sends the rest. In a process
# of its own each, for a stream of signed chunks takes time to make.
package S3Proxy::HeldUpload;

use v5.36;
use File::Temp ();
use POSIX ();
use S3Proxy::Client qw(connect_to exchange);
use S3Proxy::Http qw(header read_response serialize_head);
use S3Proxy::Sign qw(sign);
use S3Proxy::Sign::Chunked;
use Time::HiRes qw(sleep time);

# The ways in which a body says what it is.
our @MODES = qw(hex unsigned streaming streaming-trailer streaming-unsigned);

my $owner = $$;
my %running;

# Options: port, key, secret, bytes, mode (one of @MODES), or `parts => 1` for an upload in parts; limit (seconds for an answer).
sub start ($class, %option) {
    my $self = bless { limit => 30, %option, dir => File::Temp->newdir }, $class;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        alarm 300;
        my ($fault, $seconds) = eval { $self->{parts} ? $self->_in_parts : $self->_at_once };
        ($fault, $seconds) = ($@ =~ s/\n//gr, 0) if $@;
        $self->_note('result', sprintf '%.3f %s', $seconds // 0, $fault // '');
        $self->_note('half', '');
        POSIX::_exit(0);
    }
    $self->{pid} = $pid;
    $running{$pid} = 1;
    return $self;
}

# Waits until half of it has been sent.
sub wait_until_half ($self) {
    sleep 0.01 while !-e "$self->{dir}/half";
    return;
}

sub go_on ($self) { return $self->_note('go', '') }

# Waits for the end. Returns what went wrong, empty if nothing did, and the seconds between the word and the answer.
sub result ($self) {
    waitpid $self->{pid}, 0;
    delete $running{ $self->{pid} };
    open my $in, '<', "$self->{dir}/result" or return ('no result', 0);
    my ($seconds, $fault) = (<$in> // '0 no result') =~ /^(\S+) (.*)/;
    return ($fault, $seconds);
}

sub _note ($self, $name, $text) {
    open my $out, '>', "$self->{dir}/new" or die "$name: $!\n";
    print {$out} $text;
    close $out or die "$name: $!\n";
    rename "$self->{dir}/new", "$self->{dir}/$name";
    return;
}

sub _hold ($self) {
    $self->_note('half', '');
    sleep 0.005 while !-e "$self->{dir}/go";
    return time;
}

sub _at_once ($self) {
    my $request = $self->_request;
    my $stream = connect_to($self->{port}, timeout => $self->{limit});
    my $half = int(length($request->{body}) / 2);
    $stream->put(serialize_head("PUT $request->{target} HTTP/1.1", $request->{headers}) . substr $request->{body}, 0, $half);
    my $go = $self->_hold;
    $stream->put(substr $request->{body}, $half);
    return (_fault(read_response($stream, 'PUT')), time - $go);
}

sub _request ($self) {
    my ($mode, $data) = ($self->{mode}, 'x' x $self->{bytes});
    my %request = (method => 'PUT', target => "/demo/upload-$mode", body => $data, headers => [[Host => 'x']]);
    my @trailers = $mode =~ /^streaming-/ ? (['x-amz-checksum-crc32', S3Proxy::Sign::Chunked::checksum('x-amz-checksum-crc32', $data)]) : ();
    if ($mode =~ /^streaming/) {
        push @{ $request{headers} }, ['Content-Encoding' => 'aws-chunked'], ['x-amz-decoded-content-length' => length $data],
            map { ['x-amz-trailer' => $_->[0]] } @trailers;
    }
    my $signed = sign(\%request, key => $self->{key}, secret => $self->{secret}, payload => $mode);
    if ($mode =~ /^streaming/) {
        $request{body} = S3Proxy::Sign::Chunked::encode($data, trailers => \@trailers, signed => $mode =~ /unsigned/ ? undef : $signed);
    }
    push @{ $request{headers} }, ['Content-Length' => length $request{body}];
    return \%request;
}

# Initiate and one part before, one part and Complete after, each tried again while it is answered with 502 to 504, as SDKs do.
sub _in_parts ($self) {
    my $part = 'p' x (5 << 20);
    my $begun = $self->_step('Initiate', POST => '?uploads', '');
    my ($id) = $begun->{body} =~ m{<UploadId>(.*?)</UploadId>} or die "Initiate: $begun->{status}\n";
    my @tags = header($self->_step('part 1', PUT => "?partNumber=1&uploadId=$id", $part), 'etag');
    my $go = $self->_hold;
    my $fault = eval {
        push @tags, header($self->_step('part 2', PUT => "?partNumber=2&uploadId=$id", $part), 'etag');
        my $list = join '', map { "<Part><PartNumber>$_</PartNumber><ETag>$tags[$_ - 1]</ETag></Part>" } 1, 2;
        my $end = "<CompleteMultipartUpload>$list</CompleteMultipartUpload>";
        $self->_step('Complete', POST => "?uploadId=$id", $end);
        '';
    } // $@ =~ s/\n//gr;
    return ($fault, time - $go);
}

sub _step ($self, $name, $method, $query, $body) {
    my %request = (method => $method, target => "/demo/in-parts$query", body => $body, version => 'HTTP/1.1',
        headers => [[Host => 'x'], ['Content-Length' => length $body]]);
    sign(\%request, key => $self->{key}, secret => $self->{secret});
    my $deadline = time + $self->{limit};
    my $response;
    while (1) {
        $response = exchange(connect_to($self->{port}, timeout => $self->{limit}), \%request);
        last if ($response->{status} || 0) !~ /^50[234]$/ || time > $deadline;
        sleep 0.3;
    }
    my $fault = _fault($response);
    die "$name: $fault\n" if $fault ne '';
    return $response;
}

sub _fault ($response) {
    return '' if !defined $response->{error} && $response->{status} == 200;
    my ($code) = $response->{body} =~ m{<Code>(.*?)</Code>};
    return $response->{status} ? join ' ', $response->{status}, $code // () : $response->{error};
}

END {
    if ($$ == $owner) {
        local $?;
        kill 'KILL', keys %running;
    }
}

1;
