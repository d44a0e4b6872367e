# Judges a request the way a strict S3 origin does: with its own key, its own
# region, from the head as it arrived. Header authentication only, because that
# is all that a re-signing proxy should ever send.
package S3Proxy::Sign::Verify;

use v5.36;
use Digest::SHA qw(sha256_hex hmac_sha256_hex);
use Exporter qw(import);
use S3Proxy::Sign qw(canonical_path canonical_query canonical_request header_values iso_date
    signing_key string_to_sign);
use S3Proxy::Sign::Chunked ();
use Time::Local qw(timegm);

our @EXPORT_OK = qw(verify error_document);

# The clock, for vectors that have one of their own.
our $NOW;

# Returns undef for a good request, else a hash: status, code, message and
# members for the error document.
#   key secret region service    the origin's own
#   body                         what arrived, HTTP framing taken off; undef: do not judge the body
sub verify ($request, %origin) {
    my $headers = $request->{headers};
    my $service = $origin{service} // 's3';
    for my $name (qw(authorization host x-amz-date x-amz-content-sha256)) {
        my $count = () = header_values($headers, $name);
        return _fault(400, 'InvalidArgument', "$count $name headers") if $count != 1;
    }
    return _fault(400, 'InvalidArgument', 'Only one auth mechanism allowed')
        if $request->{target} =~ /[?&](?:X-Amz-(?:Algorithm|Credential|Signature)|Signature|AWSAccessKeyId)=/;
    my ($authorization) = header_values($headers, 'authorization');
    my ($key, $day, $region, $scope_service, $signed, $signature) = $authorization =~ m{
        \A AWS4-HMAC-SHA256 \x20 Credential=([^/,]+)/(\d{8})/([^/,]*)/([^/,]+)/aws4_request
        ,[ ]* SignedHeaders=([^,]+) ,[ ]* Signature=([0-9a-f]{64}) \z}x
        or return _fault(400, 'AuthorizationHeaderMalformed', "cannot read '$authorization'");

    my ($date) = header_values($headers, 'x-amz-date');
    my @date = $date =~ /\A(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\z/
        or return _fault(403, 'AccessDenied', "bad x-amz-date '$date'");
    my $age = ($NOW // time) - timegm(@date[5, 4, 3, 2], $date[1] - 1, $date[0]);
    return _fault(403, 'RequestTimeTooSkewed', "x-amz-date is $age s old") if abs $age > 900;
    return _fault(400, 'AuthorizationHeaderMalformed', 'scope date') if $day ne substr $date, 0, 8;
    return _fault(400, 'AuthorizationHeaderMalformed', "region '$region', not '$origin{region}'")
        if $region ne $origin{region};
    return _fault(400, 'AuthorizationHeaderMalformed', "service '$scope_service'")
        if $scope_service ne $service;
    return _fault(403, 'InvalidAccessKeyId', "key '$key'", AWSAccessKeyId => $key)
        if $key ne $origin{key};

    my @signed = split /;/, $signed, -1;
    return _fault(400, 'AuthorizationHeaderMalformed', "signed headers '$signed' are not sorted")
        if $signed ne join ';', sort @signed;
    my %signed = map { $_ => 1 } @signed;
    my @unsigned = grep { /^(?:host|content-md5|x-amz-.*)$/ && !$signed{$_} } map { lc $_->[0] } @$headers;
    return _fault(403, 'AccessDenied', "not signed: @unsigned", HeadersNotSigned => "@unsigned") if @unsigned;
    for (@signed) {
        return _fault(403, 'SignatureDoesNotMatch', "signed header $_ did not arrive")
            if !header_values($headers, $_);
    }

    my ($path, $query) = split /\?/, $request->{target}, 2;
    my ($payload) = header_values($headers, 'x-amz-content-sha256');
    my $canonical = canonical_request(
        method => $request->{method}, path => canonical_path($path), query => canonical_query($query),
        headers => $headers, signed => $signed, payload => $payload,
    );
    my $scope = "$day/$region/$service/aws4_request";
    my $string = string_to_sign('AWS4-HMAC-SHA256', $date, $scope, $canonical);
    my $signing_key = signing_key($origin{secret}, $day, $region, $service, 'aws4_request');
    return _fault(
        403, 'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided.',
        AWSAccessKeyId => $key, StringToSign => $string,
        SignatureProvided => $signature, CanonicalRequest => $canonical
    ) if $signature ne hmac_sha256_hex($string, $signing_key);

    return undef if !defined $origin{body};
    my %seed = (signature => $signature, date => $date, scope => $scope, signing_key => $signing_key);
    return _verify_body($payload, $origin{body}, $headers, \%seed);
}

sub _verify_body ($payload, $body, $headers, $seed) {
    return undef if $payload eq 'UNSIGNED-PAYLOAD';
    if ($payload =~ /^STREAMING-(?:UNSIGNED-PAYLOAD-TRAILER|AWS4-HMAC-SHA256-PAYLOAD(?:-TRAILER)?)$/) {
        my ($length) = header_values($headers, 'x-amz-decoded-content-length');
        return _fault(411, 'MissingContentLength', 'no x-amz-decoded-content-length')
            if ($length // '') !~ /^\d+$/;
        my ($announced) = header_values($headers, 'x-amz-trailer');
        my ($data, $fault) = S3Proxy::Sign::Chunked::decode(
            $body, length => $length, announced => $announced,
            signed => $payload =~ /UNSIGNED/ ? undef : $seed,
        );
        return defined $fault ? _fault(400, 'IncompleteBody', $fault) : undef;
    }
    my $computed = sha256_hex($body);
    return lc $payload eq $computed ? undef : _fault(
        400, 'XAmzContentSHA256Mismatch', 'body differs from x-amz-content-sha256',
        ClientComputedContentSHA256 => $payload, S3ComputedContentSHA256 => $computed
    );
}

sub error_document ($fault) {
    my @members = (Code => $fault->{code}, Message => $fault->{message}, @{ $fault->{members} },
        RequestId => 'ORIGINREQUESTID0', HostId => 'origin-host-id');
    my $xml = '<?xml version="1.0" encoding="UTF-8"?>' . "\n<Error>";
    while (my ($name, $value) = splice @members, 0, 2) {
        $value =~ s/&/&amp;/g;
        $value =~ s/</&lt;/g;
        $xml .= "<$name>$value</$name>";
    }
    return "$xml</Error>";
}

sub _fault ($status, $code, $message, @members) {
    return { status => $status, code => $code, message => $message, members => \@members };
}

1;
