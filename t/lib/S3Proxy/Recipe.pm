# Configuration that the guides in docs/ print, made fit for a test: the example's origins are the test's, its files those of the
# checkout.
package S3Proxy::Recipe;

use v5.36;
use Cwd qw(abs_path);
use Exporter qw(import);
use FindBin;
use S3Proxy::Readme;

our @EXPORT = qw(recipe_http recipe_server recipe_text guide_blocks);

# What the files of secrets hold: those of S3Proxy::Setup, and that of the client AKIDAPP.
my %SECRET = (app => 'app/Secret+Key=', a => 'origin-a/Secret+Key=', b => 'origin-b/Secret+Key=');

my $ROOT = abs_path("$FindBin::Bin/..");

# The blocks of one language below a heading of a guide; there is at least one.
sub guide_blocks ($guide, $heading, $language) {
    my @blocks = grep { $_->{heading} eq $heading && $_->{language} eq $language } S3Proxy::Readme::blocks("$ROOT/docs/$guide.md");
    die "docs/$guide.md: nothing in $language below \"$heading\"\n" if !@blocks;
    return map { $_->{text} } @blocks;
}

# All configuration below the heading. `listen` lines are those of the port `recipe`.
sub recipe_text ($guide, $heading) {
    return join "\n", map { for_test($_) } guide_blocks($guide, $heading, 'nginx');
}

# What stands beside server{}.
sub recipe_http ($guide, $heading) { return (split_server($guide, $heading))[0] }

# What stands in server{}, without its port.
sub recipe_server ($guide, $heading) { return (split_server($guide, $heading))[1] }

sub split_server ($guide, $heading) {
    my $text = recipe_text($guide, $heading);
    $text =~ s/^server \{\n(.*?)^\}\n//ms or die "docs/$guide.md: no server below \"$heading\"\n";
    return ($text, $1 =~ s/^\s*listen .*\n//mgr);
}

sub for_test ($text) {
    my %origin = (2 => 'B', 1 => 'A');
    $text =~ s{https://s3-region([12])\.example\.com}{http://%%ORIGIN_$origin{$1}%%}g;
    $text =~ s{s3-region([12])\.example\.com:443}{%%ORIGIN_$origin{$1}%%}g;
    $text =~ s{(proxy_pass\s+)https://}{$1http://}g;
    $text =~ s{http://127\.0\.0\.1:8181}{http://%%ORIGIN_P%%}g;
    $text =~ s{include\s+/etc/nginx/s3/(s3_\w+)}{include $ROOT/nginx-conf/$1}g;
    $text =~ s{ACCESS_KEY_OF_([AB])}{AKIDORIGIN$1}g;
    $text =~ s{file=/etc/nginx/s3/secrets/(\w+)}{$SECRET{$1} // die "secret $1\n"}ge;
    $text =~ s{/var/lib/nginx/}{%%SERVROOT%%/}g;
    $text =~ s{/etc/nginx/s3/server\.crt}{%%CERT:localhost%%}g;
    $text =~ s{/etc/nginx/s3/server\.key}{%%KEY:localhost%%}g;
    $text =~ s{/var/log/nginx/}{logs/}g;
    $text =~ s{^\s*listen\s+\[::\].*\n}{}mg;
    $text =~ s{listen(\s+)(?:127\.0\.0\.1:)?\d+}{listen${1}127.0.0.1:%%PORT_recipe%%}g;
    return $text;
}

1;
