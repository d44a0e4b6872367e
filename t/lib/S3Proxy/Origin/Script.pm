# The `--- origins` section: what each scripted origin does with its requests.
#
#     a: s3=KEY:SECRET:REGION 503*2 | 200 body="hello" header="ETag: x"
#     b: refuse
#
# One line per origin. `|` separates what happens to one request and the next;
# `*N` after a status repeats it; the last behaviour goes on for ever.
# t/README.md lists the words.
package S3Proxy::Origin::Script;

use v5.36;
use Exporter qw(import);
use Text::ParseWords qw(quotewords);

our @EXPORT_OK = qw(parse_origins is_faulty);

# Words about the listener; all others are about one answer.
my %LISTENER = map { $_ => 1 } qw(refuse tls s3 key secret region service forget);

my %ANSWER = map { $_ => 1 } qw(body body_base64 body_bytes body_indent header delay chunked close reset early truncate
    no_keepalive times echo head_only status slow close_after accept_close interim raw_base64);

# Returns a hash: name => { refuse, tls, s3 => {key secret region service}, answers => [...] }.
sub parse_origins ($text) {
    my %origins;
    for my $line (grep { /\S/ && !/^\s*#/ } split /\n/, $text) {
        my ($name, $script) = $line =~ /^\s*(\w+):\s*(.*)$/ or die "origins: cannot read '$line'\n";
        my $origin = $origins{$name} = { answers => [] };
        push @{ $origin->{answers} }, _answer($origin, $_, $line) for _split_answers($script);
    }
    return \%origins;
}

# True for an origin after which nginx may hold a grudge against its peer
# (max_fails): a fresh nginx is started for the next block.
sub is_faulty ($origin) {
    return 1 if $origin->{refuse};
    return grep {
        my $answer = $_;
        $answer->{status} >= 500 || grep { $answer->{$_} } qw(close reset truncate accept_close delay slow raw_base64)
    } @{ $origin->{answers} };
}

sub _split_answers ($script) {
    return map { s/^\s+|\s+$//gr } quotewords('\|', 1, $script) ? quotewords('\|', 1, $script) : ('');
}

sub _answer ($origin, $text, $line) {
    my %answer = (status => 200, times => 1, headers => []);
    for my $word (grep { defined && length } quotewords('\s+', 0, $text)) {
        if ($word =~ /^(\d{3})(?:\*(\d+))?$/) {
            @answer{qw(status times)} = ($1, $2 // 1);
            next;
        }
        my ($name, $value) = split /=/, $word, 2;
        $name =~ tr/-/_/;
        if ($name eq 's3') {
            @{ $origin->{s3} }{qw(key secret region service)} = split /:/, $value, 4;
            delete $origin->{s3}{service} if !defined $origin->{s3}{service};
        } elsif ($name =~ /^(?:key|secret|region|service)$/) {
            $origin->{s3}{$name} = $value;
        } elsif ($name eq 'header') {
            push @{ $answer{headers} }, [split /:\s*/, $value, 2];
        } elsif ($LISTENER{$name}) {
            $origin->{$name} = $value // 1;
        } elsif ($name =~ s/\*(\d+)$// && $ANSWER{$name}) {
            @answer{ $name, 'times' } = (1, $1);
        } elsif ($ANSWER{$name}) {
            $answer{$name} = $value // 1;
        } else {
            die "origins: unknown word '$word' in '$line'\n";
        }
    }
    return \%answer;
}

1;
