# Signs S3 requests with AWS Signature Version 2, in a header or in the query.
#
# Old, weak (neither host nor body nor most headers are covered) and still made
# by default by several tools' presigners, so the module verifies it on request.
package S3Proxy::Sign::V2;

use v5.36;
use Digest::SHA qw(hmac_sha1);
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use S3Proxy::Sign qw(header_values uri_encode uri_decode);

# Query parameters that name a part of the resource and so are signed.
my %SUB_RESOURCE = map { $_ => 1 } qw(accelerate acl analytics cors delete inventory lifecycle
    location logging metrics notification object-lock partNumber policy replication
    requestPayment restore select select-type tagging torrent uploadId uploads versionId
    versioning versions website response-cache-control response-content-disposition
    response-content-encoding response-content-language response-content-type response-expires);

# Options as in S3Proxy::Sign::sign; `presign` is a lifetime in seconds, or with
# a leading "@" the absolute second of the epoch; `bucket` stands before the
# path in the resource of a virtual-host style request.
sub sign ($request, %option) {
    my $headers = $request->{headers};
    my $date_line;
    if (defined $option{presign}) {
        $date_line = $option{presign} =~ /^\@(.*)/s ? $1
            : $option{presign} =~ /^[+-]?\d+$/ ? time + $option{presign} : $option{presign};
    } elsif (header_values($headers, 'x-amz-date')) {
        $date_line = '';
    } else {
        my $offset = $option{date} // 0;
        $date_line = $offset =~ /^[+-]?\d+$/ ? http_date(time + $offset) : $offset;
        push @$headers, [Date => $date_line];
    }
    push @$headers, ['x-amz-security-token' => $option{token}]
        if defined $option{token} && !defined $option{presign};
    my $string = string_to_sign($request, $date_line, $option{bucket});
    my $signature = signature($option{secret}, $string);
    if (defined $option{presign}) {
        my @pairs = ([AWSAccessKeyId => $option{key}], [Expires => $date_line], [Signature => $signature]);
        push @pairs, ['x-amz-security-token' => $option{token}] if defined $option{token};
        my %left_out = map { $_ => 1 } split /;/, $option{leave_out} // '';
        $request->{target} .= ($request->{target} =~ /\?/ ? '&' : '?')
            . join '&', map { "$_->[0]=" . uri_encode($_->[1]) } grep { !$left_out{ $_->[0] } } @pairs;
    } else {
        push @$headers, [Authorization => $option{authorization} // "AWS $option{key}:$signature"];
    }
    return { signature => $signature, string_to_sign => $string, date => $date_line };
}

sub string_to_sign ($request, $date_line, $bucket = undef) {
    my $headers = $request->{headers};
    my ($md5, $type) = map { (header_values($headers, $_))[0] // '' } qw(content-md5 content-type);
    my %amz;
    push @{ $amz{ lc $_->[0] } }, $_->[1] =~ s/^[ \t]+|[ \t]+$//gr
        for grep { $_->[0] =~ /^x-amz-/i } @$headers;
    my $amz = join '', map { "$_:" . join(',', @{ $amz{$_} }) . "\n" } sort keys %amz;
    return join("\n", $request->{method}, $md5, $type, $date_line, '') . $amz
        . resource($request->{target}, $bucket);
}

# The path as sent (escapes keep their case) and the sorted sub-resources.
sub resource ($target, $bucket = undef) {
    my ($path, $query) = split /\?/, $target, 2;
    my @sub;
    for (split /&/, $query // '') {
        my ($name, $value) = split /=/, $_, 2;
        next unless $SUB_RESOURCE{$name};
        push @sub, defined $value ? "$name=" . uri_decode($value =~ tr/+/ /r) : $name;
    }
    return (defined $bucket ? "/$bucket" : '') . $path . (@sub ? '?' . join('&', sort @sub) : '');
}

sub signature ($secret, $string) {
    return encode_base64(hmac_sha1($string, $secret), '');
}

sub http_date ($epoch) {
    return strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $epoch);
}

1;
