# Signs S3 requests with AWS Signature Version 4, in a header or in the query.
#
# This is the tests' own reading of the specification. It shares no code with
# crates/, so that a mistake there is not confirmed by the same mistake here;
# t/00-harness.t holds it against the published vectors. It also makes the
# wrong signatures that a verifier must refuse: every part of what is signed
# can be replaced by an option of sign().
#
# A request is a hash: method, target (as it stands in the request line),
# headers (a list of [name, value]) and body.
package S3Proxy::Sign;

use v5.36;
use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use Exporter qw(import);
use POSIX qw(strftime);

our @EXPORT_OK = qw(sign iso_date signing_key canonical_path canonical_query canonical_request
    string_to_sign uri_encode uri_decode header_values default_signed_headers);

our $ALGORITHM = 'AWS4-HMAC-SHA256';
our $EMPTY_SHA256 = sha256_hex('');

# Short words of `payload=` for the values of x-amz-content-sha256.
our %PAYLOAD = (
    'unsigned'           => 'UNSIGNED-PAYLOAD',
    'streaming'          => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'streaming-trailer'  => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    'streaming-unsigned' => 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
);

# What SDKs leave unsigned because hops may change it.
my %NEVER_SIGNED = map { $_ => 1 } qw(accept accept-encoding authorization connection
    content-length expect keep-alive te trailer transfer-encoding upgrade user-agent);

# Adds a signature to the request and returns what it was made of (a hash:
# signature, canonical_request, string_to_sign, scope, date, signing_key).
#
#   key secret       the access key
#   token            session token: a header, or a query parameter when presigned
#   region service   us-east-1 and s3 by default
#   date             "yyyyMMddTHHmmssZ", or seconds from now ("-901"); default now
#   payload          hex (default), none, a word of %PAYLOAD or any literal
#   presign          X-Amz-Expires: sign in the query
#   v2               Signature Version 2 instead (S3Proxy::Sign::V2)
#
#   also             names to sign besides the usual ones ("content-length;range")
#
# For faults: scope_date, terminal, algorithm, credential, signed_headers,
# unsigned (names to leave out), canonical_path, canonical_query,
# payload_line, date_header, separator, order, authorization.
sub sign ($request, %option) {
    if (delete $option{v2}) {
        require S3Proxy::Sign::V2;
        return S3Proxy::Sign::V2::sign($request, %option);
    }
    my $date = iso_date($option{date});
    my @scope = (
        $option{scope_date} // substr($date, 0, 8), $option{region} // 'us-east-1',
        $option{service} // 's3', $option{terminal} // 'aws4_request'
    );
    my %made = (date => $date, scope => join('/', @scope));
    $made{credential} = $option{credential} // "$option{key}/$made{scope}";
    $made{algorithm} = $option{algorithm} // $ALGORITHM;
    $made{signing_key} = signing_key($option{secret}, @scope);

    defined $option{presign}
        ? _add_query($request, \%made, \%option)
        : _add_headers($request, \%made, \%option);
    $made{canonical_request} = canonical_request(
        method  => $request->{method},
        path    => $option{canonical_path} // canonical_path(_path($request->{target})),
        query   => $option{canonical_query} // canonical_query(_query($request->{target})),
        headers => $request->{headers},
        signed  => $made{signed_headers},
        payload => $made{payload},
    );
    $made{string_to_sign} =
        string_to_sign($made{algorithm}, $date, $made{scope}, $made{canonical_request});
    $made{signature} = hmac_sha256_hex($made{string_to_sign}, $made{signing_key});

    if (defined $option{presign}) {
        $request->{target} .= "&X-Amz-Signature=$made{signature}";
        return \%made;
    }
    my %part = (
        Credential    => $made{credential},
        SignedHeaders => $made{signed_headers},
        Signature     => $made{signature},
    );
    my @order = split /,/, $option{order} // 'Credential,SignedHeaders,Signature';
    my $components = join $option{separator} // ', ', map { "$_=$part{$_}" } @order;
    push @{ $request->{headers} },
        [Authorization => $option{authorization} // "$made{algorithm} $components"];
    return \%made;
}

sub _add_headers ($request, $made, $option) {
    my $headers = $request->{headers};
    my $payload = $option->{payload} // 'hex';
    my $value = $payload eq 'hex' ? sha256_hex($request->{body} // '') : $PAYLOAD{$payload} // $payload;
    if ($payload eq 'none') {
        $value = sha256_hex($request->{body} // '');
    } elsif (!header_values($headers, 'x-amz-content-sha256')) {
        push @$headers, ['x-amz-content-sha256' => $value];
    }
    my $date_header = $option->{date_header} // 'x-amz-date';
    push @$headers, [$date_header => $made->{date}] if $date_header ne 'none';
    push @$headers, ['x-amz-security-token' => $option->{token}] if defined $option->{token};
    $made->{payload} = $option->{payload_line} // $value;
    $made->{signed_headers} = $option->{signed_headers}
        // _with($option->{also}, default_signed_headers($headers, split /;/, $option->{unsigned} // ''));
}

sub _add_query ($request, $made, $option) {
    my $headers = $request->{headers};
    my %unsigned = map { lc $_ => 1 } split /;/, $option->{unsigned} // '';
    # A URL signs what its maker knew: the host, x-amz-* and nothing that the browser adds.
    $made->{signed_headers} = $option->{signed_headers} // _with($option->{also},
        grep { !$unsigned{$_} && /^(?:host|content-type|content-md5|x-amz-.*)$/ }
        default_signed_headers($headers));
    my ($in_query) = (_query($request->{target}) // '') =~ /(?:^|&)X-Amz-Content-Sha256=([^&]*)/;
    my ($in_header) = header_values($headers, 'x-amz-content-sha256');
    my $payload = $option->{payload};
    if (defined $payload && !defined $in_header) {
        $in_header = $payload eq 'hex' ? sha256_hex($request->{body} // '') : $PAYLOAD{$payload} // $payload;
        push @$headers, ['x-amz-content-sha256' => $in_header];
        $made->{signed_headers} .= ';x-amz-content-sha256';
    }
    $made->{payload} = $option->{payload_line} // $in_header // $in_query // 'UNSIGNED-PAYLOAD';
    my @pairs = (
        ['X-Amz-Algorithm' => $made->{algorithm}],
        ['X-Amz-Credential' => $made->{credential}],
        ['X-Amz-Date' => $made->{date}],
        ['X-Amz-Expires' => $option->{presign}],
        ['X-Amz-SignedHeaders' => $made->{signed_headers}],
        (defined $option->{token} ? ['X-Amz-Security-Token' => $option->{token}] : ()),
    );
    my %left_out = map { $_ => 1 } split /;/, $option->{leave_out} // '';
    my $query = join '&', map { "$_->[0]=" . uri_encode($_->[1]) } grep { !$left_out{ $_->[0] } } @pairs;
    $request->{target} .= ($request->{target} =~ /\?/ ? '&' : '?') . $query;
}

# The names that an SDK would sign, lower case and sorted; `@not` are left out.
sub default_signed_headers ($headers, @not) {
    my %skip = (%NEVER_SIGNED, map { lc $_ => 1 } @not);
    my %seen;
    return sort grep { !$skip{$_} && !$seen{$_}++ } map { lc $_->[0] } @$headers;
}

sub canonical_request (%part) {
    my @lines;
    for my $name (split /;/, $part{signed}, -1) {
        my @values = header_values($part{headers}, $name);
        push @lines, "$name:" . join(',', map { _collapse($_) } @values);
    }
    return join "\n", $part{method}, $part{path}, $part{query}, @lines, '', $part{signed}, $part{payload};
}

sub string_to_sign ($algorithm, $date, $scope, $canonical_request) {
    return join "\n", $algorithm, $date, $scope, sha256_hex($canonical_request);
}

sub signing_key ($secret, @scope) {
    my $key = "AWS4$secret";
    $key = hmac_sha256($_, $key) for @scope;
    return $key;
}

# S3 decodes once and encodes strictly; it neither encodes twice nor tidies
# slashes and dots. A plus sign in a path is a blank to S3.
sub canonical_path ($raw) {
    my $path = uri_encode(uri_decode($raw =~ tr/+/ /r), '/');
    return length $path ? $path : '/';
}

sub canonical_query ($raw) {
    my @pairs;
    for my $pair (split /&/, $raw // '') {
        next if $pair eq '';
        my ($name, $value) = split /=/, $pair, 2;
        $_ = uri_encode(uri_decode(($_ // '') =~ tr/+/ /r)) for $name, $value;
        push @pairs, [$name, $value] unless $name eq 'X-Amz-Signature';
    }
    return join '&', map { "$_->[0]=$_->[1]" } sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] } @pairs;
}

sub header_values ($headers, $name) {
    return map { $_->[1] } grep { lc $_->[0] eq lc $name } @$headers;
}

# Seconds from now ("-901", "+60"), an ISO basic date as it is, or now.
sub iso_date ($date = undef) {
    return $date if defined $date && $date !~ /^[+-]?\d{1,9}$/;
    return strftime('%Y%m%dT%H%M%SZ', gmtime(time + ($date // 0)));
}

sub uri_encode ($text, $keep = '') {
    return $text =~ s/([^A-Za-z0-9\-._~\Q$keep\E])/sprintf '%%%02X', ord $1/ger;
}

sub uri_decode ($text) {
    return $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}

sub _with ($also, @names) {
    return join ';', sort @names, split /;/, $also // '';
}

sub _collapse ($value) {
    return $value =~ s/[ \t]+/ /gr =~ s/^ | $//gr;
}

sub _path ($target) { return $target =~ s/\?.*//sr }
sub _query ($target) { return $target =~ /\?(.*)/s ? $1 : undef }

1;
