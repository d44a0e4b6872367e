# The assertions of a test block about what its origins received.
package S3Proxy::Check::Origin;

use v5.36;
use Digest::SHA ();
use Exporter qw(import);
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(settle);

# Sections and what checks them, in order; S3Proxy::Check calls them.
our @SECTIONS = (
    [origin_count => \&_origin_count], [origin_request_like => \&_origin_request_like],
    [origin_request_unlike => \&_origin_request_unlike], [origin_body => \&_origin_body],
    [origin_body_sha256 => \&_origin_body_sha256], [origin_verdict => \&_origin_verdict],
);

# "a=1 b=0"
sub _origin_count ($run, $value) {
    for (split ' ', $value) {
        my ($name, $wanted) = split /=/;
        my $count = settle(sub { my @got = $run->received($name); @got >= $wanted ? scalar @got : undef },
            sub { scalar(my @got = $run->received($name)) });
        Test::More::is($count, $wanted, $run->name("requests that origin $name received"));
    }
    return;
}

# "a: regex" or "a[1]: regex" lines: all requests of origin a, or its second.
sub _origin_lines ($run, $value, $code) {
    for my $line (_lines($value)) {
        my ($name, $index, $text) = $line =~ /^(\w+)(?:\[(\d+)\])?:\s*(.*)$/
            or die "origin section: cannot read '$line'\n";
        my $least = ($index // 0) + 1;
        my $received = settle(sub { my @got = $run->received($name); @got >= $least ? \@got : undef },
            sub { [$run->received($name)] });
        my @chosen = defined $index ? grep { defined } $received->[$index] : @$received;
        if (!@chosen) {
            Test::More::fail($run->name("origin $name received a request for: $text"));
            next;
        }
        $code->($_, $text, $name) for @chosen;
    }
    return;
}

sub _origin_request_like ($run, $value) {
    return _origin_lines($run, $value, sub ($received, $regex, $name) {
        Test::More::like($received->{head}, qr/$regex/m, $run->name("origin $name received /$regex/"));
    });
}

sub _origin_request_unlike ($run, $value) {
    return _origin_lines($run, $value, sub ($received, $regex, $name) {
        Test::More::unlike($received->{head}, qr/$regex/m, $run->name("origin $name received no /$regex/"));
    });
}

sub _origin_body ($run, $value) {
    return _origin_lines($run, $value, sub ($received, $text, $name) {
        Test::More::is($received->{body}, $text, $run->name("body that origin $name received"));
    });
}

# "a: HEX", "a: sent" (the body of the request of the same number).
sub _origin_body_sha256 ($run, $value) {
    return _origin_lines($run, $value, sub ($received, $wanted, $name) {
        $wanted = Digest::SHA::sha256_hex($run->{requests}[0]{body} // '') if $wanted eq 'sent';
        Test::More::is($received->{body_sha256}, $wanted, $run->name("SHA-256 of the body that origin $name received"));
        Test::More::ok($received->{complete}, $run->name("origin $name received the whole body"));
    });
}

sub _origin_verdict ($run, $value) {
    return _origin_lines($run, $value, sub ($received, $regex, $name) {
        Test::More::like($received->{verdict} // 'none', qr/$regex/, $run->name("verdict of origin $name"))
            or Test::More::diag($received->{head});
    });
}

# A log line or a record may come a moment after the response.
sub settle ($code, $otherwise) {
    my $deadline = time + ($ENV{TEST_NGINX_SETTLE} || 1.5) * ($ENV{TEST_NGINX_PATIENCE} || 1);
    while (1) {
        my $result = $code->();
        return $result if defined $result;
        return $otherwise->() if time > $deadline;
        sleep 0.01;
    }
}

sub _lines ($value) {
    return grep { /\S/ } map { s/^\s+|\s+$//gr } split /\n/, $value;
}

1;
