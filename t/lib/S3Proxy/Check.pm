# The assertions of a test block, one function per section, and what every
# block asserts unasked; those about origins are in S3Proxy::Check::Origin. Each gets the run (see S3Proxy::Test::Run) and the
# section's value.
package S3Proxy::Check;

use v5.36;
use Exporter qw(import);
use S3Proxy::Check::Origin qw(settle);
use S3Proxy::Http qw(header);
use S3Proxy::Sign qw(header_values);
use S3Proxy::Xml qw(parse_error);
use Test::More ();

our @EXPORT_OK = qw(check_all check_unasked);

# Texts that no response and no log may show, and texts that no origin may
# receive; each with what it is.
our (%NEVER_SHOWN, %NEVER_SENT);

# In the order in which they are made.
my @SECTIONS = (
    [error_code => \&_error_code], [s3_error => \&_s3_error], [s3_error_like => \&_s3_error_like],
    [response_headers => \&_response_headers], [response_headers_like => \&_response_headers_like],
    [response_body => \&_response_body], [response_body_like => \&_response_body_like],
    [response_body_unlike => \&_response_body_unlike], [response_body_size => \&_response_body_size],
    [saw_100 => \&_saw_100], [connection => \&_connection], [http_version => \&_http_version],
    @S3Proxy::Check::Origin::SECTIONS,
    [error_log => \&_error_log], [no_error_log => \&_no_error_log],
    [access_log => \&_access_log], [no_access_log => \&_no_access_log],
);

sub check_all ($run) {
    for (@SECTIONS) {
        my ($name, $check) = @$_;
        my $value = $run->section($name);
        $check->($run, $value) if defined $value;
    }
    return;
}

# Faults that no block means: they make a test only when they occur.
sub check_unasked ($run) {
    my $index = 0;
    for my $response (@{ $run->{responses} }) {
        my $number = $index++;
        next if defined $run->section('ignore_response');
        my $error = $response->{error} // ($response->{junk} ? "bytes after the response: $response->{junk}" : next);
        Test::More::fail($run->name("response $number is whole: $error"));
    }
    my @unsent = defined $run->section('client_key_sent') ? () : sort keys %NEVER_SENT;
    my $is_judged = !defined $run->section('origin_verdict');
    my %shown;
    $run->each_received(sub ($received) {
        if ($is_judged && ($received->{verdict} // 'ok') ne 'ok') {
            Test::More::fail($run->name("origin $received->{origin} accepts the signature"));
            Test::More::diag("$received->{verdict}\n$received->{head}");
        }
        for my $text (grep { index($received->{head}, $_) >= 0 } @unsent) {
            next if $shown{$text}++;
            Test::More::fail($run->name("$NEVER_SENT{$text} is not sent to an origin: '$text'"));
            Test::More::diag($received->{head});
        }
    });
    for my $text (sort keys %NEVER_SHOWN) {
        my @places = map { "$_->{head}$_->{body}" } @{ $run->{responses} };
        push @places, map { $run->{nginx}->log($_) } qw(error.log access.log);
        Test::More::fail($run->name("$NEVER_SHOWN{$text} is not shown: '$text'")) if grep { index($_, $text) >= 0 } @places;
    }
    my $log = $run->{nginx}->log('error.log');
    for my $request (@{ $run->{requests} // [] }) {
        my @signatures = map { /signature=([0-9a-f]{64})/gi } grep { defined } @$request{qw(target head raw)};
        my ($shown) = grep { index($log, $_) >= 0 } @signatures or next;
        Test::More::fail($run->name("no signature in the error log: $shown"));
    }
    if (!defined $run->section('fatal_log')) {
        my @fatal = $run->{nginx}->fatal_lines;
        Test::More::fail($run->name("no fatal line in the log: $_")) for splice @fatal, 0, 3;
    }
    return;
}

# One value per response: a list section by index, a word list by index, else the same for all.
sub _each ($run, $value, $code, %option) {
    my @values = ref $value eq 'ARRAY' ? @$value : $option{words} ? split(' ', $value) : ($value);
    my $responses = $run->{responses};
    Test::More::fail($run->name('a request was sent')) if !@$responses;
    for my $index (0 .. $#$responses) {
        my $wanted = @values == 1 ? $values[0] : $values[$index];
        next if !defined $wanted;
        my $what = @$responses > 1 ? " of response $index" : '';
        $code->($responses->[$index], $wanted, $what, $index);
    }
    return;
}

sub _error_code ($run, $value) {
    return _each($run, $value, sub ($response, $wanted, $what, $) {
        Test::More::is($response->{status}, $wanted, $run->name("status code$what"))
            or Test::More::diag("$response->{head}$response->{body}");
    }, words => 1);
}

# "403 AccessDenied": an error document of S3 with all that belongs to it.
sub _s3_error ($run, $value) {
    my $wanted = ref $value ? $value : [map { s/^\s+|\s+$//gr } split /\n|,/, $value];
    return _each($run, $wanted, sub ($response, $line, $what, $index) {
        my ($status, $code) = split ' ', $line;
        my $head = "$response->{head}$response->{body}";
        Test::More::is($response->{status}, $status, $run->name("status code$what")) or Test::More::diag($head);
        my $id = header($response, 'x-amz-request-id') // '';
        Test::More::like($id, qr/\A[0-9A-Z]{16}\z/, $run->name("x-amz-request-id$what"));
        Test::More::ok(length(header($response, 'x-amz-id-2') // ''), $run->name("x-amz-id-2$what"));
        Test::More::ok(defined header($response, 'date'), $run->name("Date$what"));
        if (($run->{requests}[$index]{method} // '') eq 'HEAD') {
            Test::More::is($response->{body}, '', $run->name("no body for HEAD$what"));
            return;
        }
        Test::More::is(header($response, 'content-type'), 'application/xml', $run->name("Content-Type$what"));
        my ($error, $fault) = parse_error($response->{body});
        Test::More::is($fault, undef, $run->name("error document$what")) or Test::More::diag($head);
        Test::More::is($error->{Code}, $code, $run->name("Code$what"))
            or Test::More::diag($head);
        Test::More::ok(length($error->{Message} // ''), $run->name("Message$what"));
        Test::More::is($error->{RequestId}, $id, $run->name("RequestId is x-amz-request-id$what"));
        Test::More::is($error->{HostId}, header($response, 'x-amz-id-2') // '', $run->name("HostId is x-amz-id-2$what"));
    });
}

# "Member: regex" lines about the error document; "!Member" is absent.
sub _s3_error_like ($run, $value) {
    my ($error) = parse_error($run->{responses}[0]{body});
    for my $line (_lines($value)) {
        if ($line =~ /^!\s*([\w.-]+)/) {
            Test::More::is($error->{$1}, undef, $run->name("no member $1"));
            next;
        }
        my ($member, $regex) = split /:\s*/, $line, 2;
        Test::More::like($error->{$member} // '', qr/$regex/, $run->name("member $member"));
    }
    return;
}

sub _response_headers ($run, $value) {
    return _each($run, $value, sub ($response, $lines, $what, $) {
        for my $line (_lines($lines)) {
            my ($name, $wanted) = $line =~ /^!\s*(\S+)/ ? ($1, undef) : split /:[ \t]*/, $line, 2;
            my @values = header_values($response->{headers}, $name);
            Test::More::is(@values ? join(', ', @values) : undef, $wanted, $run->name("header $name$what"));
        }
    });
}

sub _response_headers_like ($run, $value) {
    return _each($run, $value, sub ($response, $lines, $what, $) {
        for my $line (_lines($lines)) {
            my ($name, $regex) = split /:[ \t]*/, $line, 2;
            my $got = join ', ', header_values($response->{headers}, $name);
            Test::More::like($got, qr/$regex/, $run->name("header $name$what"));
        }
    });
}

sub _response_body ($run, $value) {
    return _each($run, $value, sub ($response, $wanted, $what, $) {
        # A section's last line break is not part of a body that has none.
        $wanted =~ s/\n\z// if $response->{body} !~ /\n\z/;
        Test::More::is($response->{body}, $wanted, $run->name("response body$what"));
    });
}

sub _response_body_like ($run, $value) {
    return _each($run, $value, sub ($response, $regex, $what, $) {
        Test::More::like($response->{body}, _regex($regex), $run->name("response body$what"));
    });
}

sub _response_body_unlike ($run, $value) {
    for my $regex (ref $value eq 'ARRAY' ? @$value : _lines($value)) {
        for my $response (@{ $run->{responses} }) {
            Test::More::unlike("$response->{head}$response->{body}", _regex($regex),
                $run->name("response without /$regex/"));
        }
    }
    return;
}

sub _response_body_size ($run, $value) {
    return _each($run, $value, sub ($response, $wanted, $what, $) {
        Test::More::is(length $response->{body}, $wanted, $run->name("size of the response body$what"));
    }, words => 1);
}

# "yes" or "no": whether the client was asked for the body.
sub _saw_100 ($run, $value) {
    return _each($run, $value, sub ($response, $wanted, $what, $) {
        my $saw = (grep { $_ == 100 } @{ $response->{interim} }) ? 'yes' : 'no';
        Test::More::is($saw, $wanted, $run->name("100 Continue seen$what"));
    }, words => 1);
}

# "keep" or "close": what the server did with the connection.
sub _connection ($run, $value) {
    return _each($run, $value, sub ($response, $wanted, $what, $) {
        Test::More::is($response->{close} ? 'close' : 'keep', $wanted, $run->name("connection$what"));
    }, words => 1);
}

sub _http_version ($run, $value) {
    return _each($run, $value, sub ($response, $wanted, $what, $) {
        Test::More::is($response->{http_version} // '1.1', $wanted, $run->name("HTTP version$what"));
    });
}

sub _error_log ($run, $value) { return _log($run, $value, 'error.log') }
sub _access_log ($run, $value) { return _log($run, $value, 'access.log') }
sub _no_error_log ($run, $value) { return _no_log($run, $value, 'error.log') }
sub _no_access_log ($run, $value) { return _no_log($run, $value, 'access.log') }

# Lines are texts to be found; a list section (`eval`) may hold regexes.
sub _log ($run, $value, $file) {
    for my $wanted (_log_patterns($value)) {
        my $found = settle(sub { $run->{nginx}->log($file) =~ $wanted || undef }, sub { 0 });
        Test::More::ok($found, $run->name("$file matches $wanted"))
            or Test::More::diag(_tail($run->{nginx}->log($file)));
    }
    return;
}

sub _no_log ($run, $value, $file) {
    my $log = $run->{nginx}->log($file);
    for my $unwanted (_log_patterns($value)) {
        my ($line) = grep { $_ =~ $unwanted } split /\n/, $log;
        Test::More::is($line, undef, $run->name("$file does not match $unwanted"));
    }
    return;
}

sub _log_patterns ($value) {
    return map { ref $_ ? $_ : qr/\Q$_\E/ } ref $value eq 'ARRAY' ? @$value : ref $value ? $value : _lines($value);
}

sub _regex ($regex) {
    return ref $regex ? $regex : do { my $text = $regex =~ s/\n\z//r; qr/$text/ms };
}

sub _lines ($value) {
    return grep { /\S/ } map { s/^\s+|\s+$//gr } split /\n/, $value;
}

sub _tail ($text) {
    my @lines = split /\n/, $text;
    return join "\n", @lines > 15 ? @lines[-15 .. -1] : @lines;
}

1;
