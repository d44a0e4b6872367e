# One test block in progress: its sections with placeholders filled in, the
# requests sent, the responses, the origins. `--- code` gets it as $t.
package S3Proxy::Run;

use v5.36;
use S3Proxy::Certs;
use S3Proxy::Client qw(connect_to exchange over_http2);
use S3Proxy::Origin;
use S3Proxy::Ports;
use S3Proxy::Request qw(requests);
use S3Proxy::Sign qw(iso_date);
use S3Proxy::Sign::V2 ();

# The directory of nginx, for expand().
my $prefix;

sub new ($class, $block, $nginx) {
    $prefix = $nginx->prefix;
    return bless { block => $block, nginx => $nginx, origins => {}, requests => [], responses => [] }, $class;
}

# The name of one assertion.
sub name ($self, $what) {
    return $self->{block}->name . " - $what";
}

sub nginx ($self) { return $self->{nginx} }
sub response ($self, $index = 0) { return $self->{responses}[$index] }
sub port ($self, $name = 'SERVER') { return S3Proxy::Ports::port($name) }

# Value of a section, placeholders filled in: undef, a text or a list.
sub section ($self, $name) {
    my @values = $self->{block}->$name;
    return undef if !@values || !defined $values[0];
    return map_text(\&expand, @values > 1 ? [@values] : $values[0]);
}

sub map_text ($code, $value) {
    return ref $value eq 'ARRAY' ? [map { map_text($code, $_) } @$value]
        : ref $value || !defined $value ? $value : $code->($value);
}

# Placeholders, in configuration and in every other section:
#   %%PORT%% $TEST_NGINX_SERVER_PORT   the server; %%PORT_name%% any other free port
#   %%ORIGIN_A%% $ORIGIN_A_PORT        127.0.0.1:port and port of origin a
#   %%SERVROOT%% $TEST_NGINX_SERVROOT  the prefix directory
#   %%CA%% %%CERT:name%% %%KEY:name%%  files of the throw-away authority
#   %%DATE%% %%DATE:-901%% %%DAY%%     the time of signing; %%HTTPDATE%% as in Date
sub expand ($text) {
    $text =~ s/%%PORT%%|\$TEST_NGINX_SERVER_PORT\b|\$\{TEST_NGINX_SERVER_PORT\}/S3Proxy::Ports::port('SERVER')/ge;
    $text =~ s/%%PORT_(\w+?)%%/S3Proxy::Ports::port($1)/ge;
    $text =~ s/%%ORIGIN_([A-Z0-9]+)_PORT%%|\$ORIGIN_([A-Z0-9]+)_PORT\b/_origin_port($1 \/\/ $2)/ge;
    $text =~ s/%%ORIGIN_([A-Z0-9]+)%%/'127.0.0.1:' . _origin_port($1)/ge;
    $text =~ s/%%SERVROOT%%|\$TEST_NGINX_SERVROOT\b/$prefix/g;
    $text =~ s/%%CA%%/S3Proxy::Certs::ca()/ge;
    $text =~ s/%%CERT:([^%]+)%%/(S3Proxy::Certs::certificate($1))[0]/ge;
    $text =~ s/%%KEY:([^%]+)%%/(S3Proxy::Certs::certificate($1))[1]/ge;
    $text =~ s/%%DATE(?::([+-]\d+))?%%/iso_date($1)/ge;
    $text =~ s/%%HTTPDATE%%/S3Proxy::Sign::V2::http_date(time)/ge;
    $text =~ s/%%DAY%%/substr iso_date(), 0, 8/ge;
    return $text;
}

sub _origin_port ($name) { return S3Proxy::Ports::port('ORIGIN_' . lc $name) }

# --- files: ">>> name [mode]" and the text up to the next such line.
sub files ($self) {
    my $text = $self->section('files') // $self->section('user_files') // return [];
    my (undef, @parts) = split /^>>> (\S+)(?: (0\d+))?[^\n]*\n/m, $text;
    my @files;
    while (my ($name, $mode, $content) = splice @parts, 0, 3) {
        push @files, [$name, $content // '', defined $mode ? oct $mode : ()];
    }
    return \@files;
}

sub start_origins ($self) {
    my %port = map { $_ => _origin_port($_) } keys %{ $self->{origins} };
    $self->{origin} = S3Proxy::Origin->start($self->{origins}, \%port, $self->{nginx}->prefix . '/origins');
    return;
}

# What the origins received (see S3Proxy::Origin::received).
sub received ($self, $name = undef) {
    return $self->{origin} ? $self->{origin}->received($name) : ();
}

# The same, one by one, their bodies as they were written down.
sub each_received ($self, $each) {
    $self->{origin}->each_received($each) if $self->{origin};
    return;
}

# The probes that they received.
sub probes ($self, $name = undef) {
    return $self->{origin} ? $self->{origin}->probes($name) : ();
}

# Changes an origin while the test runs; see S3Proxy::Origin.
sub set_state ($self, $name, $state) { return $self->{origin}->set_state($name, $state) }
sub start_again ($self, $name) { return $self->{origin}->start_one($name) }
sub signal ($self, $name, $signal) { return $self->{origin}->signal($name, $signal) }

# Waits until the error log has such a line. Returns whether it came.
sub wait_for_log ($self, $regex, $seconds = 20) {
    my $deadline = time + $seconds * ($ENV{TEST_NGINX_PATIENCE} || 1);
    while (time < $deadline) {
        return 1 if $self->{nginx}->log('error.log') =~ $regex;
        select undef, undef, undef, 0.02;
    }
    return 0;
}

# Sends the block's requests and keeps the responses.
sub send_all ($self) {
    my @requests = requests(sub ($name) { $self->section($name) }, $self->host);
    $self->{requests} = \@requests;
    $self->{responses} = [$self->_send(sub ($name) { $self->section($name) }, @requests)];
    return;
}

# For `--- code`: sends requests described by sections, as the block itself
# would, and returns the (first) response. Nothing is asserted. Defaults are the
# block's s3_sign and the like where they are not given; undef leaves one out.
sub send ($self, %section) {
    my %sends = map { $_ => 1 } qw(request pipelined_requests raw_request request_body request_body_size chunked_body);
    my $of = sub ($name) {
        return map_text(\&expand, $section{$name}) if exists $section{$name} && defined $section{$name};
        return undef if exists $section{$name} || $sends{$name};
        return $self->section($name);
    };
    my @requests = requests($of, $self->host);
    my @responses = $self->_send($of, @requests);
    $responses[$_]{request} = $requests[$_] for 0 .. $#responses;
    return wantarray ? @responses : $responses[0];
}

# A connection to nginx, for what exchange() of S3Proxy::Client does not do.
sub connect ($self, %option) {
    return connect_to($self->port, timeout => 20 * ($ENV{TEST_NGINX_PATIENCE} || 1), %option);
}

sub host ($self) {
    return 'localhost:' . $self->port(defined $self->section('https') ? 'TLS' : 'SERVER');
}

sub _send ($self, $section, @requests) {
    return map { over_http2($self->port('H2'), $_) } @requests if defined $section->('http2');
    my $timeout = ($section->('timeout') // 20) * ($ENV{TEST_NGINX_PATIENCE} || 1);
    my %option = (timeout => $timeout);
    my $port = $self->port;
    if (defined $section->('https')) {
        $port = $self->port('TLS');
        $option{tls} = { SSL_ca_file => S3Proxy::Certs::ca() };
    }
    if (defined $section->('pipelined_requests')) {
        my $stream = connect_to($port, %option);
        return _pipelined($stream, @requests);
    }
    my ($stream, @responses);
    for my $request (@requests) {
        $stream = undef if !defined $section->('keepalive');
        $stream //= connect_to($port, %option);
        my $response = exchange($stream, $request);
        push @responses, $response;
        if (defined $section->('keepalive') && @responses < @requests) {
            $response->{error} //= 'the connection was not kept' if $response->{close};
            $stream = undef if $response->{close} || $response->{error};
        } else {
            _end_of($stream, $response);
        }
    }
    return @responses;
}

# All requests in one write, then all responses.
sub _pipelined ($stream, @requests) {
    my $all = join '', map {
        ($_->{head} // S3Proxy::Http::serialize_head("$_->{method} $_->{target} $_->{version}", $_->{headers}))
            . ($_->{body} // '')
    } @requests;
    $stream->put($all);
    my @responses = map { S3Proxy::Http::read_response($stream, $_->{method}) } @requests;
    _end_of($stream, $responses[-1]);
    return @responses;
}

# A connection that is to be closed must end with the response: what still
# comes would be a body for HEAD, or a second response.
sub _end_of ($stream, $response) {
    if ($response->{close} && $response->{status}) {
        # Else nginx lingers for a body that it refused and that will not come.
        shutdown $stream->socket, 1 if !$stream->socket->isa('IO::Socket::SSL');
        $response->{junk} = $stream->take_rest;
        $response->{error} //= 'the connection was not closed' if ($stream->error // '') =~ /timeout/;
    } elsif ($stream->buffered ne '') {
        $response->{junk} = $stream->buffered;
    }
    $stream->close;
    return;
}

1;
