# Reads docker-compose.yml as far as the tests need it: merged maps, and variables as the compose specification has them.
package S3Proxy::Compose;

use v5.36;
use YAML::PP ();

# The services of a compose file, with variables from a hash. Dies where the file has what is not known here.
sub services ($path, %variables) {
    my $file = YAML::PP->new(schema => ['Core', 'Merge'])->load_file($path);
    return _interpolate($file, \%variables)->{services};
}

# Names of all variables that a file refers to.
sub variables ($path) {
    open my $in, '<', $path or die "$path: $!\n";
    my %name;
    while (<$in>) {
        next if /^\s*#/;
        $name{$1} = 1 while /\$\{(\w+)/g;
    }
    return sort keys %name;
}

# The variables of a .env file; with `optional`, those too that are commented out.
sub env_file ($path, %option) {
    open my $in, '<', $path or die "$path: $!\n";
    my %value;
    while (<$in>) {
        next if $option{optional} ? !/^#?([A-Z]\w*)=(.*)$/ : !/^([A-Z]\w*)=(.*)$/;
        $value{$1} = $2;
    }
    return %value;
}

sub _interpolate ($node, $variables) {
    return { map { $_ => _interpolate($node->{$_}, $variables) } keys %$node } if ref $node eq 'HASH';
    return [map { _interpolate($_, $variables) } @$node] if ref $node eq 'ARRAY';
    return $node if ref $node || !defined $node;
    # Innermost first: a default may hold a variable.
    1 while $node =~ s/\$\{(\w+)(?::-([^{}]*))?\}/length($variables->{$1} \/\/ '') ? $variables->{$1} : $2 \/\/ ''/e;
    die "not understood: $node\n" if $node =~ /\$\{/;
    return $node;
}

1;
