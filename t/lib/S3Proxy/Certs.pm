# A throw-away certificate authority, made by the openssl command in the run
# directory, and certificates for any name.
package S3Proxy::Certs;

use v5.36;
use S3Proxy::Client ();

my ($dir, %made);

# Says where certificates are to be made; nothing is made before it is needed.
sub directory ($path) { ($dir, %made) = $path; return }

# Paths of a certificate and its key for a DNS name or an IPv4 address.
sub certificate ($name) { return _certificate($name, $name, 2) }

# The same, of a certificate that is valid no longer.
sub expired ($name) { return _certificate("expired-$name", $name, -1) }

sub _certificate ($file, $name, $days) {
    return @{ $made{$file} } if $made{$file};
    my $ca = ca();
    my $base = "$dir/" . $file =~ s/[^\w.-]/_/gr;
    # Dotted digits are an address only with all four parts.
    my $kind = $name =~ /^\d+(?:\.\d+){3}$/ ? 'IP' : 'DNS';
    _write("$base.ext", "subjectAltName=$kind:$name\nextendedKeyUsage=serverAuth,clientAuth\n");
    _openssl(qw(req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout), "$base.key",
        '-out', "$base.csr", '-subj', '/CN=test');
    _openssl('x509', '-req', '-in', "$base.csr", '-CA', $ca, '-CAkey', "$dir/ca.key", '-CAcreateserial',
        '-days', $days, '-extfile', "$base.ext", '-out', "$base.pem");
    $made{$file} = ["$base.pem", "$base.key"];
    return @{ $made{$file} };
}

# Path of the authority's certificate.
sub ca () {
    return "$dir/ca.pem" if -e "$dir/ca.pem";
    _openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout),
        "$dir/ca.key", '-out', "$dir/ca.pem", '-subj', '/CN=Test CA');
    return "$dir/ca.pem";
}

sub _openssl (@arguments) {
    my ($text, $exit) = S3Proxy::Client::run_command('openssl', @arguments);
    die "openssl @arguments: $text" if $exit;
    return;
}

sub _write ($path, $text) {
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
    return;
}

1;
