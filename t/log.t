# Tests for the error log: whatever line nginx or the module writes, from the
# first byte of a connection on, no signature and no token is in it.

use v5.36;
use lib 't/lib';
use S3Proxy::Check;
use S3Proxy::Client qw(exchange);
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
);

our $client = $CLIENT;
# What a stranger, or a client whose signature is right, sends; all blocks assert that it is nowhere.
our $secret = '5ec7e7' x 10 . 'feed';
our $token  = 'FwoGZXIvYXdzEToken0123456789';
$S3Proxy::Check::NEVER_SHOWN{$_} = 'a signature or a token' for $secret, $token;
# The answer to a header that is none quotes it to its sender.
our $reflected = '0ddba11' x 9 . '0';
our $query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Security-Token=$token&X%2DAmz%2dSignature=$secret&x=y";
our $head = "Host: x\r\nConnection: close\r\n";
# The access log is the user's own.
our $quiet = 'access_log off; ';
# What nginx logs of a header, if it is built to.
our $debug_line = `${\ S3Proxy::Nginx::binary()} -V 2>&1` =~ /--with-debug/ ? 'http header: "' : 's3: refused: session token';

run_tests();

__DATA__

=== TEST 1: limit_req, before the access phase
--- http_config eval: ::http_config(more => 'limit_req_zone $server_name zone=z:64k rate=1r/m;')
--- config eval: $::quiet . ::config(location => 'limit_req zone=z;')
--- raw_request eval: ["GET /b/k?$::query HTTP/1.1\r\n$::head\r\n", "GET /b/k?$::query HTTP/1.1\r\nReferer: http://h/?$::query\r\n$::head\r\n"]
--- error_code: 400 503
--- error_log eval: [qr/limiting requests.*X%2DAmz%2dSignature=\*+&x=y HTTP/]

=== TEST 2: a body that is too large, in each server and location with a log of its own
--- config eval: $::quiet . 'client_max_body_size 1; ' . ::config(location => 'error_log logs/error.log info;') =~ s/client_max_body_size 0;//r
--- raw_request eval: ["PUT /b/k?$::query HTTP/1.1\r\nContent-Length: 2\r\n$::head\r\n"]
--- error_code: 413
--- error_log: client intended to send too large body

=== TEST 3: rewrite_log shows arguments in its message
--- config eval: $::quiet . ::config(location => 'rewrite_log on; rewrite ^/b/(.*) /c/$1 break;')
--- raw_request eval: ["GET /b/k?$::query HTTP/1.1\r\n$::head\r\n"]
--- error_code: 400
--- log_level: notice
--- error_log: rewritten data: "/c/k", args:

=== TEST 4: requests that nginx refuses before it looks for a location
--- config eval: $::quiet . ::config()
--- raw_request eval
[
    "GET /b/k?$::query HTTP/1.1\r\nConnection: close\r\n\r\n",
    "GET /b/k?$::query HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET /b/k?$::query HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /%zz?$::query HTTP/1.1\r\n$::head\r\n",
    "GET /b/k?$::query HTTP/1.1\r\n${main::head}Transfer-Encoding: gzip\r\n\r\n",
    "TRACE /b/k?$::query HTTP/1.1\r\n$::head\r\n",
    "GET /b/k?$::query HTTP/1.1\r\n${main::head}Content-Length: x\r\n\r\n",
    "GET /b/k?$::query HTTP/9.1\r\n$::head\r\n",
]
--- error_code: 400 400 400 400 501 405 400 505
--- error_log: client sent

=== TEST 5: header lines that nginx quotes
--- config eval: $::quiet . ::config()
--- raw_request eval
[
    "GET /b/k HTTP/1.1\r\n${main::head}Authorization: AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=$::secret\r\nAuthorization: AWS A:$::secret\r\n\r\n",
    "GET /b/k HTTP/1.1\r\n${main::head}x-amz-security-token: $::token\0\r\n\r\n",
    "GET /b/k HTTP/1.1\r\n${main::head}Authorization: AWS4-HMAC-SHA256 Signature=$::secret" . 'x' x 40000 . "\r\n\r\n",
    "GET /b/k HTTP/1.1\r\n${main::head}x-amz-server-side-encryption-customer-key: $::secret\0\r\n\r\n",
]
--- error_code: 400
--- error_log: client sent

=== TEST 6: a request line that is too long
--- config eval: $::quiet . ::config()
--- raw_request eval: ["GET /b/k?$::query&" . 'x' x 40000 . " HTTP/1.1\r\n$::head\r\n"]
--- error_code: 414
--- error_log: client sent too long URI

=== TEST 7: the second request of a connection
--- config eval: $::quiet . ::config()
--- code
my $stream = $t->connect;
for my $target ('/b/k', "/%zz?$::query") {
    exchange($stream, { raw => "GET $target HTTP/1.1\r\nHost: x\r\n\r\n", method => 'GET' });
}
like($t->nginx->log, qr/request: "GET \/%zz.*Signature=\*{64}&x=y/, 'masked');

=== TEST 8: schemes that are none: what follows is not shown
--- config eval: $::quiet . ::config()
--- raw_request eval
[map { "GET /b/k HTTP/1.1\r\n${main::head}Authorization: $_\r\n\r\n" }
    "AWS4-HMAC-SHA256\tCredential=A,Signature=$::reflected x", "AWS:A:$::reflected x", "$::reflected x", "AWS4-HMAC-SHA256,$::reflected x",
    "Bearer $::reflected", "AWS4-HMAC-SHA256\t$::reflected x"]
--- error_code: 400
--- error_log eval: [qr/unsupported authorization scheme "AWS4-HMAC-SHA256"/]
--- no_error_log: 0ddba11

=== TEST 9: at level debug
--- config eval: $::quiet . ::config()
--- log_level: debug
--- s3_sign eval: ["$::client presign=900 token=$::token", "$::client token=$::token"]
--- request eval: ["GET /b/k", "GET /b/k"]
--- error_code: 400
--- error_log eval: $::debug_line

=== TEST 10: an upstream that refuses, with a subrequest before
--- config eval: $::quiet . ::config(location => 'mirror /m;', server => 'location = /m { internal; s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%$request_uri; }')
--- origins
a: refuse
b: refuse
--- s3_sign eval: "$::client presign=900"
--- request: GET /b/k
--- error_code: 503
--- error_log: connect() failed

=== TEST 11: HTTP/2
--- http2
--- config eval: $::quiet . ::config(server => 'location /limited/ { s3_verify apps; limit_except PUT { deny all; } }')
--- s3_sign eval: "$::client presign=900"
--- request eval: ["GET /limited/k", "GET /%zz"]
--- error_code: 403 400
--- error_log: access forbidden by rule

=== TEST 12: after a reload, and in the log of another server
--- http_config eval: ::http_config(more => 'error_log logs/other.log info; server { listen 127.0.0.1:%%PORT_OTHER%%; access_log off; error_log logs/third.log info; error_log logs/fourth.log notice; }')
--- config eval: $::quiet . ::config(location => 'rewrite_log on; rewrite ^/b/(.*) /c/$1 break;')
--- fresh
--- code
for my $round (1, 2) {
    ok($t->nginx->reload(wait_old => 1), 'reload') if $round == 2;
    for my $target ("/b/k?$::query", "/%zz?$::query") {
        for my $port (undef, S3Proxy::Ports::port('OTHER')) {
            my $stream = $port ? S3Proxy::Client::connect_to($port) : $t->connect;
            exchange($stream, { raw => "GET $target HTTP/1.1\r\n$::head\r\n", method => 'GET' });
        }
    }
    for my $name (qw(other third)) {
        my $log = $t->nginx->read_log("$name.log");
        like($log, qr/Signature=\*{64}&x=y/, "$name.log, round $round");
        unlike($log, qr/$::secret|$::token/, "nothing in $name.log, round $round");
    }
}

=== TEST 13: logs that go to a syslog server
--- config eval: $::quiet . 'error_log syslog:server=127.0.0.1:%%PORT_SYSLOG%%,nohostname info; error_log logs/error.log info; ' . ::config()
--- fresh
--- code
my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => S3Proxy::Ports::port('SYSLOG'), Proto => 'udp') or die "udp: $!";
exchange($t->connect, { raw => "GET /%zz?$::query HTTP/1.1\r\n$::head\r\n", method => 'GET' });
my $ready = '';
vec($ready, fileno $socket, 1) = 1;
ok(select($ready, undef, undef, 5), 'a message');
$socket->recv(my $message, 4096);
like($message, qr/^<\d+>.* nginx: .*Signature=\*{64}&x=y/, 'masked');
unlike($message, qr/$::secret|$::token/, 'nothing in it');

=== TEST 14: an http{} without the module's directives is left alone
--- http_config
--- config
access_log off;
location / { return 204; }
--- raw_request eval: ["GET /%zz?X-Amz-Signature=public HTTP/1.1\r\n$::head\r\n"]
--- origins
--- fresh
--- error_code: 400
--- error_log: X-Amz-Signature=public
