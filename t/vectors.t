# Tests for the 205 decision cases of vectors.json, each sent through nginx at
# the time of the case (with libfaketime; without it the file is skipped).

use v5.36;
use lib 't/lib';
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use POSIX qw(mktime);
use S3Proxy::Nginx;
use S3Proxy::Setup qw();
use S3Proxy::Test;
use Time::Local qw(timegm);

our ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';
skip_all_if(!$library, 'libfaketime is not installed (Debian: faketime)');

our $vectors = do {
    open my $file, '<:raw', 'crates/sigv4/tests/vectors.json' or die "vectors.json: $!";
    local $/;
    JSON::PP->new->latin1->decode(<$file>);
};

# Cases in which nginx answers before any module is asked, or in which the
# module is documented to be of another opinion; the reason stands beside each.
our %STATUS_ONLY = (
    T016 => 'nginx: two Authorization headers', T065 => 'nginx: two Host headers', T083 => 'nginx: bad escape',
    T084 => 'nginx: bad escape', T085 => 'nginx: NUL', T151 => 'nginx: length and chunked',
);
our %NO_ANSWER = (T152 => 'the client is gone before its body is whole');

my $credentials = $vectors->{credentials};
my %client = map { $_ => $credentials->{$_} } qw(client client_temporary client_expired);
our $clients = JSON::PP->new->canonical->encode({ clients => [map {
    my $client = $client{$_};
    +{
        access_key => $client->{access_key}, secret_key => $client->{secret_key},
        $client->{token} ? (session_token => $client->{token}) : (),
        $client->{expired} ? (expires => '2026-03-01T00:00:00Z') : $client->{token} ? (expires => '2030-01-01T00:00:00Z') : (),
    }
} sort keys %client] });

# A block for each instant, so that one nginx serves all of its cases.
our %by_time;
push @{ $by_time{ $_->{now} } }, $_ for @{ $vectors->{cases} };

my $spec = '';
for my $now (sort keys %by_time) {
    my @date = $now =~ /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
    # Cases at the edge of a second need the clock to stand; nginx's timers use the monotonic one.
    my $fake = sprintf '%d-%02d-%02d %02d:%02d:%02d', @date;
    $spec .= <<"EOF";
=== TEST: at $now
--- http_config
    s3_clients apps { file %%SERVROOT%%/clients.json; region us-east-1; }
    s3_origin o { endpoint http://%%ORIGIN_O%%; region eu-central-1; key ORIGINKEY1EXAMPLE00 0rigin/Secret+Key=zyxwvutsrqponmlkEXAMPLE; }
--- config
    underscores_in_headers on;
    ignore_invalid_headers off;
    client_max_body_size 0;
    location / {
        s3_verify apps;
        s3_resign o;
        s3_verify_payload on;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_pass http://%%ORIGIN_O%%;
    }
--- files eval: ">>> clients.json 0600\\n\$main::clients\\n"
--- env
LD_PRELOAD=$library
FAKETIME=$fake
TZ=UTC
FAKETIME_DONT_FAKE_MONOTONIC=1
DONT_FAKE_MONOTONIC=1
--- main_config
env LD_PRELOAD; env FAKETIME; env TZ; env DONT_FAKE_MONOTONIC; env FAKETIME_DONT_FAKE_MONOTONIC;
--- origins
o: 200 body=stored
--- code: run_case(\$t, \$_) for \@{ \$main::by_time{'$now'} };

EOF
}
Test::Base::spec_string($spec);

# Sends a case as it stands and judges the answer.
sub main::run_case ($t, $case) {
    my $name = "$case->{id} $case->{title}";
    my @before = $t->received('o');
    my @headers = @{ $case->{headers} };
    my $body = defined $case->{body_base64} ? decode_base64($case->{body_base64}) : '';
    my $length = grep { lc $_->[0] eq 'content-length' } @headers;
    my $chunked = grep { lc $_->[0] eq 'transfer-encoding' } @headers;
    push @headers, ['Content-Length' => length $body] if length $body && !$length && !$chunked;
    push @headers, [Connection => 'close'] if !grep { lc $_->[0] eq 'connection' } @headers;
    $body = sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body) if $chunked && !$length;

    my $stream = $t->connect;
    $stream->put(S3Proxy::Http::serialize_head("$case->{method} $case->{target} HTTP/1.1", \@headers) . $body);
    shutdown $stream->socket, 1 if $NO_ANSWER{ $case->{id} };
    my $response = S3Proxy::Http::read_response($stream, $case->{method});
    $stream->close;

    my @new = $t->received('o');
    splice @new, 0, @before;
    if ($case->{expect}{decision} eq 'accept') {
        is($response->{status}, 200, "$name: accepted") or diag($response->{body});
        is(scalar @new, 1, "$name: the origin has it");
        return;
    }
    is(scalar(grep { $_->{complete} } @new), 0, "$name: no origin has it");
    return if $NO_ANSWER{ $case->{id} };
    is($response->{status}, $case->{expect}{status}, "$name: status") or diag($response->{body});
    return if $STATUS_ONLY{ $case->{id} } || $case->{method} eq 'HEAD';
    my ($error, $fault) = S3Proxy::Xml::parse_error($response->{body});
    is($fault, undef, "$name: document");
    is($error->{Code}, $case->{expect}{code}, "$name: code") or diag($error->{Message});
    return;
}

run_tests();
