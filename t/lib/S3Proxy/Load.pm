# A steady load of signed reads and idempotent writes from several clients, each with one connection that it keeps, none of which
# tries anything twice: what fails is seen. Bounded in time by the one who starts it, and in any case.
package S3Proxy::Load;

use v5.36;
use File::Temp ();
use IO::Handle;
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use S3Proxy::Client qw(connect_to exchange);
use S3Proxy::Sign qw(sign);
use Time::HiRes qw(sleep time);

# The longest that a client lives, in seconds.
our $LIMIT = 120;
my $owner = $$;
my %running;

# Options: port, key, secret, clients (4), pause (seconds between a client's requests, 0.005), objects (names that exist, with
# the bytes that they have), write_size (4000).
sub start ($class, %option) {
    my $self = bless { clients => 4, pause => 0.005, write_size => 4000, %option, pids => [] }, $class;
    $self->{results} = File::Temp->newdir;
    for my $number (1 .. $self->{clients}) {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            alarm $LIMIT;
            $self->_client($number);
            POSIX::_exit(0);
        }
        push @{ $self->{pids} }, $pid;
        $running{$pid} = 1;
    }
    return $self;
}

# Ends the clients after their last request. Returns what they did, in the order of time: hashes with start, seconds, method
# and fault, which is empty where the answer was right.
sub stop ($self) {
    # A signal would interrupt a read.
    open my $stop, '>', "$self->{results}/stop" or die "results: $!\n";
    waitpid $_, 0 for @{ $self->{pids} };
    delete @running{ @{ $self->{pids} } };
    my @done;
    for my $file (glob "$self->{results}/[0-9]*") {
        open my $in, '<', $file or die "$file: $!\n";
        while (<$in>) {
            chomp;
            my %request;
            @request{qw(start seconds method fault)} = split /\t/, $_, 4;
            push @done, \%request;
        }
    }
    return sort { $a->{start} <=> $b->{start} } @done;
}

sub _client ($self, $number) {
    open my $out, '>', "$self->{results}/$number" or die "results: $!\n";
    $out->autoflush;
    my @names = sort keys %{ $self->{objects} };
    my @methods = qw(GET HEAD GET PUT);
    my $stream;
    for (my $count = 0; !-e "$self->{results}/stop"; $count++) {
        my $method = $methods[$count % @methods];
        my $name = $names[$count % @names];
        my $body = $method eq 'PUT' ? chr(97 + $count % 26) x $self->{write_size} : '';
        my %request = (method => $method, version => 'HTTP/1.1', body => $body,
            target => $method eq 'PUT' ? "/demo/written-$number-" . $count % 10 : "/demo/$name",
            # Every other upload comes in pieces, as from a client that sends head and body by themselves.
            $count % 8 == 3 ? (write_size => 3000, write_delay => 0.001) : (),
            headers => [[Host => "127.0.0.1:$self->{port}"], $method eq 'PUT' ? ['Content-Length' => length $body] : ()]);
        sign(\%request, key => $self->{key}, secret => $self->{secret});
        my $start = time;
        my $response = eval {
            if (!$stream) {
                $stream = connect_to($self->{port}, timeout => 20);
                setsockopt $stream->socket, IPPROTO_TCP, TCP_NODELAY, 1;
            }
            exchange($stream, \%request);
        };
        my $fault = $response ? _fault($response, $method, $self->{objects}{$name}) : $@;
        $fault =~ tr/\n\t/ /;
        printf {$out} "%.6f\t%.6f\t%s\t%s\n", $start, time - $start, $method, $fault;
        $stream = undef if $fault ne '' || $response->{close};
        sleep $self->{pause};
    }
    return;
}

# Why the answer is wrong; empty if it is right.
sub _fault ($response, $method, $object) {
    return $response->{error} if defined $response->{error};
    return "status $response->{status} $response->{body}" if $response->{status} != 200;
    return 'another body' if $method eq 'GET' && $response->{body} ne $object;
    return '';
}

END {
    if ($$ == $owner) {
        local $?;
        kill 'KILL', keys %running;
    }
}

1;
