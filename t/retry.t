# Tests for bodies at the second, third and fourth origin: whatever the payload
# mode and wherever nginx keeps the body, each origin that an attempt reached has
# the same object.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

# Each of the three that fail has a key of its own, as the one that answers has.
my @FAILING = qw(b c d);
my $origin_blocks = sub ($more) {
    return origin_blocks(a => $more, b => $more) . join '', map {
        sprintf "s3_origin %s { endpoint http://%%%%ORIGIN_%s%%%%; region eu-%s-1; key AKIDORIGIN%s origin-%s/Secret+Key=; %s }\n",
            $_, uc $_, $_, uc $_, $_, $more
    } qw(c d);
};

# `$count` peers that are tried before the one that answers.
sub main::peers ($count, $payload = '') {
    return clients() . $origin_blocks->($payload) . 'upstream s3 { '
        . join('', map { "server %%ORIGIN_\U$_\E%% max_fails=0; " } @FAILING[0 .. $count - 1]) . "server %%ORIGIN_A%% backup; }\n";
}

sub main::failing ($words) {
    my $origins = $ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 $words/mr;
    return join "\n", $origins, map { "$_: s3=AKIDORIGIN\U$_\E:origin-$_/Secret+Key=:eu-$_-1 $words" } qw(c d);
}

# Where nginx keeps a body: `where` is one of these.
my %KEPT = (
    memory   => 'client_body_buffer_size 1m;',
    file     => 'client_body_buffer_size 1k;',
    mixed    => 'client_body_buffer_size 8k;',
    single   => 'client_body_in_single_buffer on; client_body_buffer_size 1m;',
    'single file' => 'client_body_in_single_buffer on; client_body_buffer_size 2k;',
    'in file' => 'client_body_in_file_only clean;',
    sendfile => 'client_body_buffer_size 1k; sendfile on;',
    threads  => 'client_body_buffer_size 1k; aio threads; aio_write on;',
    # nginx takes a body that came with its head for a buffered one.
    unbuffered => 'proxy_request_buffering off;',
);

# A busy machine is slow, too: only where an origin is slower than that, it gets no more than a moment.
sub main::kept ($where, $more = '', $timeout = '20s') {
    return config(location => "$KEPT{$where} proxy_next_upstream_tries 4; proxy_next_upstream error timeout http_503 http_500 non_idempotent; proxy_read_timeout $timeout; $more")
        =~ s/proxy_next_upstream.*?;\s*proxy_next_upstream_tries 3;//sr =~ s/(?=client_max_body_size)/client_header_buffer_size 16k; /r;
}

# Each payload mode, by one chunk and by several.
our @modes = (
    "$CLIENT", "$CLIENT payload=unsigned",
    (map { my $mode = $_; map { "$CLIENT payload=$mode chunk=$_" } 8192, 100_000 }
        'streaming', 'streaming-trailer trailer=x-amz-checksum-crc32', 'streaming-unsigned trailer=x-amz-checksum-crc32'),
);

# The object in a body, its frames taken off.
my sub object ($received) {
    my $body = $received->{body} // return undef;
    return $body if $received->{head} !~ /^x-amz-content-sha256: STREAMING/mi;
    my $text = '';
    while ($body =~ /\G([0-9a-f]+)(?:;[^\r]*)?\r\n/gc) {
        my $size = hex $1 or last;
        $text .= substr $body, pos $body, $size;
        pos($body) += $size + 2;
    }
    return $text;
}

# Every object that an origin has whole is what was sent; `$attempts` of them for each request.
sub main::same ($t, $attempts, @objects) {
    my %received;
    push @{ $received{ $_->{target} } }, $_ for $t->received;
    for my $index (0 .. $#objects) {
        my @at = @{ $received{"/bucket/key$index"} // [] };
        is($t->response($index)->{status}, 200, $t->name("status $index"));
        is(scalar(@at), $attempts, $t->name("attempts $index"));
        is(scalar(grep { $_->{complete} && object($_) eq $objects[$index] } @at), $attempts, $t->name("objects $index"));
        my %lengths = map { $_->{body_length} => 1 } @at;
        is(scalar(keys %lengths), 1, $t->name("one length $index"));
    }
    return;
}

our $small = join '', map { chr 32 + $_ * 7 % 90 } 1 .. 3000;
our $large = join '', map { chr 32 + $_ * $_ * 13 % 90 } 1 .. 40_000;

# A block for each place and origin: all modes, two sizes.
my $number = 0;
my $block = sub ($name, %section) {
    return sprintf("=== TEST %d: %s\n", ++$number, $name) . join '', map { "--- $_ eval: $section{$_}\n" } sort keys %section;
};
my $blocks = '';
for my $where (sort keys %KEPT) {
    for my $payload ('', 'payload unsigned;') {
        for my $size (qw(small large)) {
            # One size shows a part that is moved, the other several of them.
            next if $size eq 'large' ? $where eq 'unbuffered' : $where !~ /^(?:memory|unbuffered|single file)$/;
            $blocks .= $block->(
                "$where, $size" . ($payload && ', frames off'),
                http_config => "::peers(3, '$payload')",
                config  => "::kept('$where')",
                origins => '::failing("503")',
                s3_sign => '[@::modes]',
                request => '[map { "PUT /bucket/key$_" } 0 .. $#::modes]',
                request_body => "[(\$::$size) x \@::modes]",
                code => "sub { ::same(\$_[0], 4, (\$::$size) x \@::modes) }",
            );
        }
    }
}
# Other ways to fail, other ways to come, checked here besides.
for my $case (
    ['closes after the body', 'close', '', ''],
    ['resets after the body', 'reset', '', ''],
    ['is too slow', '200 delay=3', '', ''],
    ['checked hashes', '503', 's3_verify_payload on;', ''],
    ['in small pieces', '503', '', 'write_size'],
    ['without a length', '503', 's3_verify_payload on; s3_unknown_length buffer;', 'chunked_body'],
) {
    my ($name, $words, $more, $way) = @$case;
    for my $where (qw(memory file)) {
        for my $payload ('', 'payload unsigned;') {
            my $modes = $words =~ /delay/ ? '@::modes[1, 3, 5, 7]' : '@::modes';
            $blocks .= $block->(
                "$name, $where" . ($payload && ', frames off'),
                http_config => '::peers(' . ($words =~ /delay/ ? 1 : 2) . ", '$payload')",
                config  => "::kept('$where', '$more'" . ($words =~ /delay/ ? ", '400ms')" : ')'),
                origins => "::failing('$words')",
                s3_sign => "[$modes]",
                request => "[map { \"PUT /bucket/key\$_\" } 0 .. scalar(my \@list = $modes) - 1]",
                $way eq 'chunked_body' ? (chunked_body => '[substr($::small, 0, 1), substr($::small, 1, 1999), substr($::small, 2000)]')
                : (request_body => "[(\$::small) x (my \@list = $modes)]"),
                $way eq 'write_size' ? (write_size => '700', write_delay => '0.002') : (),
                code => "sub { ::same(\$_[0], " . ($words =~ /delay/ ? 2 : 3) . ", (\$::small) x (my \@list = $modes)) }",
            );
        }
    }
}

Test::Base::spec_string($blocks);
run_tests();
