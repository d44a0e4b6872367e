# Tests for clients that speak HTTP/3 (aioquic, see t/clients/setup-http3): nginx keeps :authority out of the headers there, and
# it is the signed host.

use v5.36;
use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use FindBin;
use IPC::Open2;
use JSON::PP;
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Sign;
use S3Proxy::Test;

BEGIN {
    my $nginx = $ENV{TEST_NGINX_BINARY} // '/usr/sbin/nginx';
    if (`$nginx -V 2>&1` !~ /--with-http_v3_module/) {
        require Test::More;
        Test::More::plan(skip_all => "$nginx is built without HTTP/3");
    }
}

our $python = `$FindBin::Bin/clients/setup-http3`;
chomp $python;
die "t/clients/setup-http3 failed\n" if $? || !-x $python;

# Signs a request for an authority, sends it, and gives status and body.
sub http3 ($t, $method, $path, %option) {
    my $authority = delete $option{for} // 'localhost:' . $t->port('H3');
    my $sent = delete $option{authority} // $authority;
    my $with_host = delete $option{with_host};
    my $body = 'x' x (delete $option{body_size} // 0);
    my $request = { method => $method, target => $path, headers => [[Host => $authority]], body => $body };
    my $pieces = delete $option{pieces};
    my $announced = exists $option{announced} ? delete $option{announced} : length $body || undef;
    push @{ $request->{headers} }, ['content-length' => "$announced"] if defined $announced;
    S3Proxy::Sign::sign($request, key => 'AKIDCLIENT', secret => 'client/Secret+Key=0123456789', %option);
    my @headers = grep { lc $_->[0] ne 'host' } @{ $request->{headers} };
    push @headers, [host => $with_host] if defined $with_host;
    my $pid = open2(my $out, my $in, $python, "$FindBin::Bin/clients/http3.py", $t->port('H3'));
    print $in encode_json({
        method => $method, path => $request->{target}, authority => $sent, headers => \@headers, body_size => length $body,
        $pieces ? (pieces => $pieces) : () });
    close $in;
    my $answer = join '', <$out>;
    waitpid $pid, 0;
    return $answer ? decode_json($answer) : { status => 0, body => 'no answer' };
}

default_sections(
    http_config => http_config(),
    config      => 'listen 127.0.0.1:%%PORT_H3%% quic; ssl_certificate %%CERT:localhost%%; ssl_certificate_key %%KEY:localhost%%;'
        . config(location => 'proxy_request_buffering off;'),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
);

run_tests();

__DATA__

=== TEST 1: the authority is the signed host
--- code
is(main::http3($t, 'GET', '/bucket/key')->{status}, 200, 'GET, with a port');
is(main::http3($t, 'GET', '/bucket/key', for => 'localhost')->{status}, 200, 'without one');
is(main::http3($t, 'GET', '/bucket/key', for => 'LocalHost')->{status}, 200, 'as the client wrote it');
is(main::http3($t, 'GET', '/bucket/key', presign => 900)->{status}, 200, 'presigned');
is(main::http3($t, 'GET', '/bucket/key', with_host => 'localhost:' . $t->port('H3'))->{status}, 200, 'with Host as well');
is(main::http3($t, 'GET', '/bucket/key', authority => '', with_host => 'localhost:' . $t->port('H3'))->{status}, 200, 'Host alone');

=== TEST 2: uploads stream
--- code
is(main::http3($t, 'PUT', '/bucket/key', body_size => 100_000)->{status}, 200, 'PUT');
is(length(($t->received("b"))[-1]{body}), 100_000, 'the whole body');

=== TEST 3: refusals
--- code
for my $case ([authority => 'other.example'], [presign => 900, authority => 'other.example'], [secret => 'wrong']) {
    my $answer = main::http3($t, 'GET', '/bucket/key', @$case);
    is($answer->{status}, 403, "@$case");
    like($answer->{body}, qr/<Code>SignatureDoesNotMatch</, 'in the words of S3');
}

=== TEST 4: more than content-length: no origin has a whole object before the end of the stream has come
--- code
my $whole = sub { scalar grep { $_->{complete} && $_->{body} =~ /\Ax{5}\z/ } $t->received };
for my $how ([payload => 'unsigned'], [presign => 900], [payload => sha256_hex('xxxxx')]) {
    my $before = $whole->();
    is(main::http3($t, 'PUT', '/bucket/key', body_size => 6, announced => 5, pieces => [5, 1], @$how)->{status}, 400, "more: @$how");
    is(main::http3($t, 'PUT', '/bucket/key', body_size => 4, announced => 5, pieces => [4, 0], @$how)->{status}, 400, "less: @$how");
    is($whole->(), $before, "none is stored: @$how");
    is(main::http3($t, 'PUT', '/bucket/key', body_size => 5, pieces => [5, 0], @$how)->{status}, 200, "as announced: @$how");
    is($whole->(), $before + 1, "and whole: @$how");
}

=== TEST 5: no content-length: nothing is stored to find it out
--- code
my $before = () = $t->received('b');
for my $how ([payload => 'unsigned'], [presign => 900], [payload => sha256_hex('xxxxx')]) {
    my $answer = main::http3($t, 'PUT', '/bucket/key', body_size => 5, announced => undef, @$how);
    is($answer->{status}, 411, "@$how");
    like($answer->{body}, qr/<Code>MissingContentLength</, 'in the words of S3');
}
is(scalar(() = $t->received('b')), $before, 'nothing reached an origin');
is(main::http3($t, 'GET', '/bucket/key', body_size => 5, announced => undef, payload => 'unsigned')->{status}, 411, 'GET with a body');
is(main::http3($t, 'GET', '/bucket/key', body_size => 0, announced => undef, pieces => [0], payload => 'unsigned')->{status}, 200, 'GET whose stream ends later');
--- ignore_response
