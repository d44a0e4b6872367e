# Reads the error document of S3, strictly: one flat element, right escapes,
# only characters that XML 1.0 allows, valid UTF-8.
package S3Proxy::Xml;

use v5.36;
use Encode ();
use Exporter qw(import);

our @EXPORT_OK = qw(parse_error);

# Returns the members as a hash and undef, or what was read and the fault.
sub parse_error ($xml) {
    my %member;
    my $text = eval { Encode::decode('UTF-8', my $copy = $xml, Encode::FB_CROAK) };
    return \%member, 'not UTF-8' if !defined $text;
    return \%member, sprintf 'illegal character U+%04X', ord $1
        if $text =~ /([^\t\n\r\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}])/;
    $text =~ s/\A<\?xml version="1.0" encoding="UTF-8"\?>\n//
        or return \%member, 'no XML declaration';
    $text =~ s/\A<Error>// or return \%member, 'no <Error>';
    while ($text =~ s{\A<([\w.-]+)>([^<]*)</\1>}{}) {
        my ($name, $value) = ($1, $2);
        return \%member, "member $name twice" if exists $member{$name};
        return \%member, "raw & in $name" if $value =~ /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)/;
        my %named = (amp => '&', lt => '<', gt => '>', quot => '"', apos => "'");
        $value =~ s/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/defined $1 ? chr hex $1 : defined $2 ? chr $2 : $named{$3}/ge;
        $member{$name} = $value;
    }
    return \%member, undef if $text =~ m{\A</Error>\s*\z};
    return \%member, 'cannot read from: ' . substr($text, 0, 60);
}

1;
