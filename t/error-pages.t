# Tests for which errors are S3 documents: those of our locations, those before
# a location is chosen, and error pages, delivered or not.

use v5.36;
use lib 't/lib';
use Cwd ();
use MIME::Base64 ();
use S3Proxy::Client qw(exchange);
use S3Proxy::Setup;
use S3Proxy::Test;

our $params = 'include ' . Cwd::getcwd() . '/nginx-conf/s3_server_params;';

# As nginx-conf/ has it: what every server needs comes from s3_server_params.
sub main::server (%option) {
    return config(%option) =~ s/underscores_in_headers.*?client_max_body_size 0;/$::params/sr;
}

our $html = qq(>>> html/mine.html\n<p>mine\n>>> html/50x.html\n<p>50x\n);

default_sections(
    http_config => http_config(more => 'log_format id "$s3_request_id $status $s3_error_code"; access_log logs/id.log id;'),
    config      => server(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    files       => $html,
);

our $client = $CLIENT;
our $down   = "a: refuse\nb: refuse";

run_tests();

__DATA__

=== TEST 1: before a location is chosen
--- raw_request eval
my $end = "Host: x\r\nConnection: close\r\n\r\n";
[
    "GET /%zz HTTP/1.1\r\n$end",
    "GET /%00 HTTP/1.1\r\n$end",
    "GET /../x HTTP/1.1\r\n$end",
    "GET /" . 'x' x 20000 . " HTTP/1.1\r\n$end",
    "GET /b/k HTTP/1.1\r\nx-large: " . 'x' x 20000 . "\r\n$end",
    "GET /b/k HTTP/1.1\r\n" . join('', map { "x-$_: " . 'x' x 10000 . "\r\n" } 1 .. 20) . $end,
    "GET /b/k HTTP/1.1\r\nHost: x\r\n$end",
    "GET /b/k HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n",
    "GET /b/k HTTP/1.1\r\nConnection: close\r\n\r\n",
    "GET /b/k HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n$end",
    "GET /b/k HTTP/1.1\r\nContent-Length: x\r\n$end",
    "GET /b/k HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n$end",
    "PUT /b/k HTTP/1.1\r\nTransfer-Encoding: gzip\r\n$end",
    "TRACE /b/k HTTP/1.1\r\n$end",
    "CONNECT /b/k HTTP/1.1\r\n$end",
    "GET /b/k HTTP/3.1\r\n$end",
    "GET b/k HTTP/1.1\r\n$end",
]
--- s3_error eval
[
    '400 BadRequest', '400 BadRequest', '400 BadRequest', '414 RequestHeaderSectionTooLarge', ('400 BadRequest') x 8,
    '501 NotImplemented', '405 MethodNotAllowed', undef, '505 BadRequest', '400 BadRequest',
]
--- origin_count: a=0 b=0

=== TEST 2: HEAD before a location is chosen: no body
--- raw_request eval: "HEAD /b/k HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n"
--- s3_error: 400 BadRequest

=== TEST 3: plain HTTP to the port of HTTPS
--- https
--- code
my $stream = S3Proxy::Client::connect_to(S3Proxy::Ports::port('TLS'));
my $response = exchange($stream, { raw => "GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n", method => 'GET' });
is($response->{status}, 400, 'status');
like($response->{body}, qr/<Error><Code>BadRequest</, 'document');
--- request: GET /bucket/key
--- error_code: 200

=== TEST 4: where only one location is ours: before a location, without one, in it; elsewhere it is nginx's
--- config eval: ::server(server => 'location /web/ { } location = /none { return 404; }') =~ s{location / \{}{location /bucket/ \{}r
--- s3_sign:
--- request eval: ["GET /%zz", "GET /elsewhere", "GET /bucket/key", "GET /web/none", "GET /none"]
--- error_code: 400 404 403 404 404
--- response_body_like eval: ["<Code>BadRequest<", "<Code>NoSuchKey<", "<Code>AccessDenied<", "<html>", "<html>"]

=== TEST 5: a server without the module, beside one with it
--- http_config eval: ::http_config(more => 'server { listen 127.0.0.1:%%PORT_OTHER%%; }')
--- code
for my $target ('/%zz', '/none') {
    my $stream = S3Proxy::Client::connect_to(S3Proxy::Ports::port('OTHER'));
    my $response = exchange($stream, { raw => "GET $target HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method => 'GET' });
    like($response->{body}, qr/<html>/, "$target is nginx's");
}

=== TEST 6: a page that is delivered is the answer, recursive_error_pages or not
--- config eval: ::server(server => join '', 'error_page 403 404 502 /mine.html; location = /mine.html { internal; s3_verify off; } ', map { "location /$_/ { recursive_error_pages $_; s3_verify apps; s3_resign on; proxy_pass http://s3; }" } qw(on off))
--- origins eval: $::down
--- s3_sign eval: ['', $::client, '', $::client]
--- request eval: ["GET /on/key", "GET /on/key", "GET /off/key", "PUT /off/key\nx"]
--- error_code: 403 502 403 502
--- response_body eval: ["<p>mine\n"]

=== TEST 7: pages made by return, by a named location, by another server
--- config eval: ::server(server => join '', 'location = /r { internal; return 403 "mine\n"; } location @n { return 403 "mine\n"; } location = /p { internal; proxy_pass http://%%ORIGIN_A%%; } location @q { proxy_pass http://%%ORIGIN_A%%; }', map { "location /$_->[0]/ { s3_verify apps; recursive_error_pages on; error_page 403 $_->[1]; proxy_pass http://s3; s3_resign on; }" } [r => '/r'], [n => '@n'], [p => '/p'], [q => '@q'], [e => '=503 @n'])
--- origins
a: 200 body="mine"
b: 200 body="never"
--- s3_sign:
--- request eval: [map { "GET /$_/k" } qw(r n p q e)]
--- error_code: 403 403 403 403 503
--- response_body_like: ^mine
--- origin_count: a=2 b=0

=== TEST 8: a page that is not there: the first error, as S3 has it
--- config eval: ::server(server => join '', 'location = /gone { internal; } location @gone { root /nowhere; } location = /deeper { internal; error_page 404 /gone; recursive_error_pages on; } location @refuses { deny all; } location @down { proxy_pass http://%%ORIGIN_A%%; }', map { my ($name, $page) = @$_; map { "location /$name/$_/ { s3_verify apps; s3_resign on; proxy_pass http://s3; recursive_error_pages $_; error_page 403 502 $page; }" } qw(on off) } [u => '/gone'], [n => '@gone'], [d => '/deeper'], [r => '@refuses'], [o => '@down'])
--- origins eval: $::down
--- s3_sign eval: [map { ('', "AKIDCLIENT wrong", $::client) } 1 .. 10]
--- request eval: [map { my $name = $_; map { ("GET /$name/$_/k") x 3 } qw(on off) } qw(u n d r o)]
--- s3_error eval: [('403 AccessDenied', '403 SignatureDoesNotMatch', '503 ServiceUnavailable') x 10]

=== TEST 9: a location for the page that inherits s3_verify refuses it, as it refuses the request
--- config eval: ::server(server => 's3_verify apps; s3_resign on; error_page 403 /mine.html; location = /mine.html { internal; }')
--- s3_sign eval: ['', "AKIDCLIENT wrong"]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- s3_error eval: ['403 AccessDenied', '403 SignatureDoesNotMatch']

=== TEST 10: error_page at the server without a location: no second request
--- config eval: ::server(server => 'error_page 500 502 503 504 /50x.html; error_page 404 =404 /404.html;', location => 'proxy_next_upstream off; proxy_intercept_errors on;')
--- origins
b: 502 | 503 | 200 body=fine
--- request eval: ["GET /bucket/key", "HEAD /bucket/key", "GET /bucket/key"]
--- s3_error eval: ['502 ServiceUnavailable', '503 ServiceUnavailable', undef]
--- error_code: 502 503 200
--- origin_count: a=0 b=3

=== TEST 11: and no origin can be reached
--- config eval: ::server(server => 'error_page 500 502 503 504 /50x.html;')
--- origins eval: $::down
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nx"]
--- s3_error: 503 ServiceUnavailable

=== TEST 12: a bucket that serves its own error page goes on doing so
--- config eval: ::server(location => 's3_verify off; proxy_intercept_errors on; error_page 404 /bucket/404.html;') =~ s/s3_verify apps;//r
--- origins
b: 404 body=none | 200 body="from the bucket"
--- request: GET /bucket/key
--- s3_sign:
--- error_code: 404
--- response_body: from the bucket
--- origin_count: b=2

=== TEST 13: a fallback that an origin refuses for our key
--- config eval: ::server(server => 'location @f { s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }', location => 'error_page 502 504 @f; proxy_next_upstream off;')
--- origins
b: refuse
a: 403 body="<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIDORIGINA</AWSAccessKeyId></Error>" | 200 body=fine
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 503 502
--- response_body_like eval: ["<Code>ServiceUnavailable<", "^fine"]
--- response_body_unlike: AKIDORIGIN

=== TEST 14: one id, in answer and log, whatever way the error went
--- config eval: ::server(server => 'location = /gone { internal; }', location => 'error_page 403 /gone; if ($s3_request_id = "") { return 500; }')
--- s3_sign:
--- request eval: ["GET /bucket/key", "GET /%zz"]
--- error_code: 403 400
--- code
# nginx writes a line when the response is out, and perhaps after the client has it.
my $last = S3Proxy::Http::header($t->{responses}[1], 'x-amz-request-id');
my @logged;
for (1 .. 100) {
    @logged = (split /\n/, $t->nginx->log('id.log'))[-2, -1];
    last if ($logged[1] // '') =~ /^\Q$last\E /;
    select undef, undef, undef, 0.05;
}
for my $index (0, 1) {
    my $response = $t->{responses}[$index];
    my ($id, $status, $code) = split ' ', $logged[$index] // '';
    is($id, S3Proxy::Http::header($response, 'x-amz-request-id'), "id $index");
    like($response->{body}, qr/<RequestId>$id</, "document $index");
    is($status, $response->{status}, "status $index");
    like($response->{body}, qr/<Code>$code</, "code $index");
}

=== TEST 15: limits before the access phase, with and without a page
--- http_config eval: ::http_config(more => 'limit_req_zone $server_name zone=z:64k rate=1r/m; limit_conn_zone $server_name zone=c:64k;')
--- config eval: ::server(server => 'error_page 503 /50x.html; location = /50x.html { internal; } location /p/ { s3_verify apps; s3_resign on; limit_req zone=z; proxy_pass http://s3; } location /q/ { s3_verify apps; limit_req zone=z; error_page 503 /none; }', location => 'limit_req zone=z;')
--- s3_sign:
--- request eval: ["GET /p/k", "GET /p/k", "GET /q/k", "GET /b/k"]
--- error_code: 403 503 503 503
--- response_body_like eval: ["<Code>AccessDenied<", "<p>50x", "<Code>SlowDown<", "<p>50x"]

=== TEST 16: auth_basic still asks
--- config eval: ::server(server => 'location /basic/ { s3_verify apps; satisfy any; auth_basic "a"; auth_basic_user_file none; proxy_pass http://s3; }')
--- s3_sign:
--- request: GET /basic/key
--- error_code: 401
--- response_headers_like
WWW-Authenticate: ^Basic

=== TEST 16.1: and lets in who has its password: to S3, that is no authentication, or one too many
--- config eval: ::server(server => 'location /basic/ { s3_verify apps; satisfy any; auth_basic "a"; auth_basic_user_file %%SERVROOT%%/conf/users; return 200 "in"; } location /file/ { s3_verify apps; satisfy any; auth_basic "a"; auth_basic_user_file %%SERVROOT%%/conf/users; root %%SERVROOT%%/html; }')
--- files
>>> conf/users
name:{PLAIN}word
>>> html/file/key
a file
--- s3_sign eval: ['', '', '', "$::client presign=900", $::client]
--- unsigned_headers eval: [(map { 'Authorization: Basic ' . MIME::Base64::encode_base64($_, '') } 'name:word', 'name:other'), 'Authorization: Bearer x', 'Authorization: Basic bmFtZTp3b3Jk', '']
--- request eval: [("GET /file/key") x 5]
--- error_code eval: [200, 401, 401, 200, 200]
--- response_body_like eval: [qr/^a file/, qr/<Code>AccessDenied/, qr/<Code>AccessDenied/, qr/^a file/, qr/^a file/]

=== TEST 17: over HTTP/2
--- http2
--- config eval: ::server(server => 'error_page 502 /50x.html; location = /gone { internal; }', location => 'error_page 403 /gone;')
--- origins eval: $::down
--- s3_sign eval: [$::client, '', $::client]
--- request eval: ["GET /%zz", "GET /bucket/key", "GET /bucket/key"]
--- s3_error eval: ['400 BadRequest', '403 AccessDenied', '503 ServiceUnavailable']

=== TEST 18: pages and their Last-Modified
--- config eval: ::server(server => 'error_page 403 /mine.html; location = /mine.html { internal; } location = /r { internal; return 200 "x"; } location /x/ { s3_verify apps; error_page 403 /r; }')
--- s3_sign:
--- request eval: ["GET /bucket/key", "GET /x/key"]
--- error_code: 403 403
--- response_body eval: ["<p>mine\n", "x"]
--- response_headers: !Last-Modified

=== TEST 19: a page that takes the place of another answer, to requests that nginx goes on with as GET
--- http_config eval: ::http_config(clients => 'file writer.json;')
--- files eval: $::html . q(>>> conf/writer.json) . "\n" . '{ "clients": [ { "access_key": "AKIDWRITER", "secret_key": "writer-secret", "grants": [ { "buckets": ["bucket"], "allow": ["write", "delete"] } ] } ] }' . "\n"
--- config eval: ::server(location => 'proxy_intercept_errors on; error_page 404 = /else; proxy_request_buffering off;', server => 'location = /else { internal; s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%/bucket/else; }')
--- origins eval: $::ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 404/mr
--- s3_sign eval: [($::client) x 5, ('AKIDWRITER writer-secret') x 2, 'AKIDCLIENT wrong']
--- request eval: ["GET /bucket/key", "HEAD /bucket/key", "DELETE /bucket/key", "PUT /bucket/key\nhello", "POST /bucket/key?uploads", "PUT /bucket/key\nhello", "DELETE /bucket/key", "DELETE /bucket/key"]
--- error_code: 200 200 200 200 200 403 403 403
--- response_body_like eval: ['^from a$', '^$', ('^from a$') x 3, ('<Code>AccessDenied<') x 2, '<Code>SignatureDoesNotMatch<']
--- origin_count: a=5 b=7
--- origin_request_like
a: ^(GET|HEAD) /bucket/else HTTP
