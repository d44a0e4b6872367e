# Makes the requests of a test block from its sections.
package S3Proxy::Request;

use v5.36;
use Exporter qw(import);
use S3Proxy::Http qw(parse_head serialize_head);
use S3Proxy::Sign qw(header_values iso_date sign);
use S3Proxy::Sign::Chunked qw(checksum encode);
use Text::ParseWords qw(shellwords);

our @EXPORT_OK = qw(requests parse_sign unescape);

# Options of s3_sign that are not the signer's.
my @OURS = qw(tamper tamper_body chunk trailer form decoded encoding framing);

# Returns the block's requests (see S3Proxy::Client::exchange) in order.
# `section` is a code reference: name => value (expanded) or undef;
# `host` is the Host header where the block has none.
sub requests ($section, $host) {
    if (defined(my $raw = $section->('raw_request'))) {
        return map { { raw => $_, method => /\A(\S+)/ ? $1 : '' } } ref $raw ? @$raw : $raw =~ /\r\n/ ? $raw : unescape($raw);
    }
    my $text = $section->('pipelined_requests') // $section->('request') // return;
    my @texts = ref $text ? @$text : ($text);
    my @requests;
    for my $index (0 .. $#texts) {
        my $at = sub ($name) {
            my $value = $section->($name);
            return ref $value eq 'ARRAY' && $name ne 'chunked_body' ? $value->[$index] : $value;
        };
        push @requests, _request($texts[$index], $at, $host, $index == $#texts || !_one_connection($section));
    }
    return @requests;
}

sub _one_connection ($section) {
    return grep { defined $section->($_) } qw(keepalive pipelined_requests);
}

sub _request ($text, $section, $host, $last) {
    my ($line, $body) = split /\n/, $text, 2;
    my ($method, $target, $version) = $line =~ m{^\s*(\S+)\s+(\S+)(?:\s+(HTTP/\S+))?\s*$}
        or die "request: cannot read '$line'\n";
    $body = defined $body && $body ne '' ? $body =~ s/\n\z//r : undef;
    $body = $section->('request_body') // $body;
    $body = _pattern($section->('request_body_size')) if defined $section->('request_body_size');
    my $chunks = $section->('chunked_body');
    $body = join '', @$chunks if $chunks;

    my @headers = map { [split /:[ \t]*/, $_, 2] } grep { length } split /\n/, $section->('more_headers') // '';
    $_->[1] //= '' for @headers;
    unshift @headers, [Connection => 'close'] if $last && !header_values(\@headers, 'connection');
    unshift @headers, [Host => $host] if !header_values(\@headers, 'host') && ($version // '') ne 'HTTP/1.0';
    my %request = (method => $method, target => $target, version => $version // 'HTTP/1.1',
        headers => \@headers, body => $body, chunks => $chunks);

    my $sign = $section->('s3_sign');
    my %option = defined $sign && $sign =~ /\S/ ? parse_sign($sign) : ();
    my %ours = map { $_ => delete $option{$_} } @OURS;
    my $frames = _aws_chunked(\%request, \%option, \%ours);
    _content_length(\%request, $frames);
    if (%option) {
        my $signed = sign(\%request, %option);
        $request{signed} = $signed;
        $request{body} = $frames->($signed) if $frames;
    }
    push @{ $request{headers} }, map { [split /:[ \t]*/, $_, 2] } grep { length } split /\n/,
        $section->('unsigned_headers') // '';
    if ($chunks && defined $request{body} && $frames) {
        # The pieces' sizes stay; the frames are cut anew.
        $request{chunks} = [unpack '(a' . length($chunks->[0] || 'x') . ')*', $request{body}];
    }
    _tamper(\%request, [grep { defined } @{ $ours{tamper} // [] }, $section->('tamper')], $ours{tamper_body});

    $request{expect} = 1 if defined $section->('expect_100');
    push @{ $request{headers} }, [Expect => '100-continue'] if $request{expect} && !$request{head};
    $request{head} =~ s/\r\n\r\n\z/\r\nExpect: 100-continue\r\n\r\n/ if $request{expect} && $request{head};
    $request{$_} = $section->($_) for qw(write_size write_delay send_only);
    return \%request;
}

# `KEY SECRET name=value ...`; `tamper` may be given more than once.
sub parse_sign ($text) {
    my ($key, $secret, @words) = shellwords($text =~ s/\n/ /gr);
    my %option = (key => $key, secret => $secret);
    for (@words) {
        my ($name, $value) = split /=/, $_, 2;
        if ($name eq 'tamper') { push @{ $option{tamper} }, $value }
        else { $option{$name} = $value // 1 }
    }
    return %option;
}

# Prepares a body in frames, if the payload word asks for one. Returns code that
# makes the body once the head is signed.
sub _aws_chunked ($request, $option, $ours) {
    return undef if ($option->{payload} // '') !~ /^streaming(?:-unsigned|-trailer)?$/;
    return undef if ($ours->{framing} // '') eq 'none';
    my $data = $request->{body} // '';
    my @trailers;
    if (defined $ours->{trailer} && $ours->{trailer} ne 'none') {
        my ($name, $value) = split /:/, $ours->{trailer}, 2;
        @trailers = ([$name, $value // checksum($name, $data)]);
        push @{ $request->{headers} }, ['x-amz-trailer' => $name];
    }
    my $decoded = $ours->{decoded} // length $data;
    push @{ $request->{headers} }, ['x-amz-decoded-content-length' => $decoded] if $decoded ne 'none';
    my $encoding = $ours->{encoding} // 'aws-chunked';
    push @{ $request->{headers} }, ['Content-Encoding' => $encoding] if $encoding ne 'none';
    my %frame = (chunk => $ours->{chunk}, trailers => \@trailers, form => $ours->{form});
    return sub ($signed) {
        return encode($data, %frame, $option->{payload} =~ /unsigned/ ? () : (signed => $signed));
    };
}

# Content-Length where there is a body and no other length. Signed frames have
# their length before they have their signatures.
sub _content_length ($request, $frames) {
    return if $request->{chunks} || header_values($request->{headers}, 'content-length');
    if (header_values($request->{headers}, 'transfer-encoding')) {
        return;
    }
    my $body = $request->{body};
    my %dummy = (signature => '0' x 64, signing_key => '', date => '', scope => '');
    $body = $frames->(\%dummy) if $frames;
    return if !defined $body && $request->{method} !~ /^(?:PUT|POST)$/;
    push @{ $request->{headers} }, ['Content-Length' => length($body // '')];
    return;
}

# Applies substitutions (Perl `s/…/…/`) to the finished head and to the body.
sub _tamper ($request, $on_head, $on_body) {
    push @{ $request->{headers} }, ['Transfer-Encoding' => 'chunked'] if $request->{chunks};
    for ($on_body // ()) {
        local $_ = $request->{body};
        eval "$on_body; 1" or die "tamper_body: $@";
        die "tamper_body: '$on_body' changed nothing\n" if $_ eq $request->{body};
        $request->{body} = $_;
        # The length goes with the body, unless it was signed with the old one.
        for my $header (grep { lc $_->[0] eq 'content-length' } @{ $request->{headers} }) {
            $header->[1] = length if ($request->{signed}{signed_headers} // '') !~ /(?:^|;)content-length(?:;|$)/;
        }
    }
    return if !@$on_head;
    local $_ = serialize_head("$request->{method} $request->{target} $request->{version}", $request->{headers});
    for my $code (map { grep { /\S/ } split /\n/ } @$on_head) {
        my $before = $_;
        eval "$code; 1" or die "tamper: $@";
        die "tamper: '$code' changed nothing\n" if $_ eq $before;
    }
    $request->{head} = $_;
    my ($line, $headers) = parse_head($_);
    @$request{qw(method target version)} = split / /, $line;
    $request->{headers} = $headers;
    return;
}

# Bytes that differ from place to place, so that a lost or moved piece shows.
sub _pattern ($size) {
    $size *= { k => 1 << 10, m => 1 << 20 }->{ lc $1 } if $size =~ s/([km])$//i;
    my $unit = join '', map { sprintf "%07d\n", $_ } 0 .. 8191;
    return substr $unit x (1 + $size / length $unit), 0, $size;
}

# \r \n \t \0 \\ and \xHH of a raw_request; real line breaks are dropped.
sub unescape ($text) {
    my %plain = (r => "\r", n => "\n", t => "\t", 0 => "\0", '\\' => '\\');
    $text =~ s/\n//g;
    $text =~ s/\\(?:x([0-9A-Fa-f]{2})|([rnt0\\]))/defined $1 ? chr hex $1 : $plain{$2}/ge;
    return $text;
}

1;
