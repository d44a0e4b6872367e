# The aws-chunked body: frames, chunk signatures, trailers and checksums.
#
# encode() makes the body that an SDK sends; decode() is what an S3 origin does
# with it, and finds every fault. Framing faults are made by the tests
# themselves, from a right body.
package S3Proxy::Sign::Chunked;

use v5.36;
use Compress::Zlib ();
use Digest::SHA qw(sha1 sha256 sha256_hex hmac_sha256_hex);
use Exporter qw(import);
use MIME::Base64 qw(encode_base64);
use S3Proxy::Sign ();

our @EXPORT_OK = qw(encode decode checksum chunk_string trailer_string);

# Body of `$data` in frames.
#   chunk     bytes per frame (65536)
#   signed    what S3Proxy::Sign::sign returned: signs every frame; unsigned without
#   trailers  list of [name, value], sent after the last frame
#   form      'minio' ends trailers the way of minio-go: "name:value\n\r\n"
sub encode ($data, %option) {
    my ($size, $signed) = ($option{chunk} || 65536, $option{signed});
    my @trailers = @{ $option{trailers} // [] };
    my $previous = $signed && $signed->{signature};
    my $body = '';
    for (my $at = 0; ; $at += $size) {
        my $piece = $at < length $data ? substr($data, $at, $size) : '';
        if ($signed) {
            $previous = hmac_sha256_hex(chunk_string($signed, $previous, $piece), $signed->{signing_key});
            $body .= sprintf "%x;chunk-signature=%s\r\n", length $piece, $previous;
        } else {
            $body .= sprintf "%x\r\n", length $piece;
        }
        last if $piece eq '';
        $body .= "$piece\r\n";
    }
    my $end = ($option{form} // '') eq 'minio' ? "\n\r\n" : "\r\n";
    $body .= "$_->[0]:$_->[1]$end" for @trailers;
    if ($signed && @trailers) {
        my $signature = hmac_sha256_hex(trailer_string($signed, $previous, @trailers), $signed->{signing_key});
        $body .= "x-amz-trailer-signature:$signature\r\n";
    }
    return "$body\r\n";
}

# Takes the frames off and checks them. Returns the data and undef, or undef
# and what is wrong. `signed` as for encode; `announced` is x-amz-trailer,
# `length` x-amz-decoded-content-length.
sub decode ($body, %option) {
    my $signed = $option{signed};
    my $previous = $signed && $signed->{signature};
    my ($data, $at) = ('', 0);
    while (1) {
        pos($body) = $at;
        $body =~ /\G([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\r\n/gc
            or return undef, "bad chunk header at byte $at";
        my ($size, $signature) = (hex $1, $2);
        return undef, "chunk at byte $at is not signed" if $signed && !defined $signature;
        return undef, "chunk at byte $at is signed" if !$signed && defined $signature;
        $at = pos $body;
        return undef, "chunk at byte $at is cut" if $at + $size > length $body;
        my $piece = substr $body, $at, $size;
        if ($signed) {
            $previous = hmac_sha256_hex(chunk_string($signed, $previous, $piece), $signed->{signing_key});
            return undef, "wrong chunk signature at byte $at" if $previous ne $signature;
        }
        $at += $size;
        last if !$size;
        return undef, "no end of chunk at byte $at" if substr($body, $at, 2) ne "\r\n";
        $data .= $piece;
        $at += 2;
    }
    my $trailer_fault = _decode_trailers(substr($body, $at), $data, $previous, %option);
    return undef, $trailer_fault if defined $trailer_fault;
    return undef, 'decoded length is ' . length($data) . ", not $option{length}"
        if defined $option{length} && $option{length} != length $data;
    return $data, undef;
}

sub _decode_trailers ($text, $data, $previous, %option) {
    my (@trailers, $signature);
    while ($text =~ s/\A([!-9;-~]+):[ \t]*([^\r\n]*)\n?\r\n//) {
        my ($name, $value) = (lc $1, $2);
        $name eq 'x-amz-trailer-signature' ? $signature = $value : push @trailers, [$name, $value];
    }
    return 'bytes after the end: ' . substr($text, 0, 40) if $text !~ /\A(?:\r\n)?\z/;
    my $sent = join ',', map { $_->[0] } @trailers;
    my $announced = lc(($option{announced} // '') =~ s/[ \t]|,$//gr);
    return "trailers '$sent' are not the announced '$announced'" if $sent ne $announced;
    for (@trailers) {
        my $right = checksum($_->[0], $data) // return "unknown trailer $_->[0]";
        return "wrong $_->[0]: $_->[1], not $right" if $right ne $_->[1];
    }
    if ($option{signed} && @trailers) {
        my $right = hmac_sha256_hex(trailer_string($option{signed}, $previous, @trailers),
            $option{signed}{signing_key});
        return 'no trailer signature' if !defined $signature;
        return 'wrong trailer signature' if $right ne $signature;
    }
    return undef;
}

sub chunk_string ($signed, $previous, $piece) {
    return join "\n", 'AWS4-HMAC-SHA256-PAYLOAD', $signed->{date}, $signed->{scope}, $previous,
        $S3Proxy::Sign::EMPTY_SHA256, sha256_hex($piece);
}

sub trailer_string ($signed, $previous, @trailers) {
    my $block = join '', map { lc($_->[0]) . ":$_->[1]\n" } sort { lc $a->[0] cmp lc $b->[0] } @trailers;
    return join "\n", 'AWS4-HMAC-SHA256-TRAILER', $signed->{date}, $signed->{scope}, $previous,
        sha256_hex($block);
}

# Value of an x-amz-checksum-* header or trailer; undef for other names.
sub checksum ($name, $data) {
    no warnings 'portable';    # 64-bit constants
    my ($kind) = $name =~ /^x-amz-checksum-(\w+)$/ or return undef;
    my $raw =
          $kind eq 'crc32'     ? pack('N', Compress::Zlib::crc32($data))
        : $kind eq 'crc32c'    ? pack('N', _crc($data, 0x82F63B78, 0xFFFFFFFF))
        : $kind eq 'crc64nvme' ? pack('Q>', _crc($data, 0x9A6C9329AC4BC9B5, ~0))
        : $kind eq 'sha1'      ? sha1($data)
        : $kind eq 'sha256'    ? sha256($data)
        :                        return undef;
    return encode_base64($raw, '');
}

# Reflected CRC; `$polynomial` is the reflected one, `$ones` both start and final xor.
my %crc_table;
sub _crc ($data, $polynomial, $ones) {
    my $table = $crc_table{$polynomial} //= [
        map {
            my $n = $_;
            $n = $n & 1 ? ($n >> 1) ^ $polynomial : $n >> 1 for 1 .. 8;
            $n;
        } 0 .. 255
    ];
    my $crc = $ones;
    $crc = ($crc >> 8) ^ $table->[($crc ^ $_) & 0xFF] for unpack 'C*', $data;
    return $crc ^ $ones;
}

1;
