# Tests for s3_resign: what the origin receives is signed with the origin's key
# for exactly the head that arrives, whatever the configuration made of it,
# and nothing of the client's own credentials goes on.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => http_config(),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
);

our ($client, $origins) = ($CLIENT, $ORIGINS);
our ($clients, $blocks, $upstream) = (clients(), origin_blocks(), upstream());

# A location of its own beside the usual settings.
our $settings = <<'EOF';
        underscores_in_headers on;
        ignore_invalid_headers off;
        client_max_body_size 0;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
EOF

run_tests();

__DATA__

=== TEST 1: the head that an origin gets
--- more_headers
x-amz-meta-a: b
User-Agent: test/1
Range: bytes=0-1
If-None-Match: "x"
Accept-Encoding: identity
--- error_code: 200
--- origin_request_like
b: \AGET /bucket/key HTTP/1\.1\n
b: ^Host: %%ORIGIN_B%%$
b: (?i)^x-amz-date: \d{8}T\d{6}Z$
b: (?i)^x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855$
b: ^Authorization: AWS4-HMAC-SHA256 Credential=AKIDORIGINB/%%DAY%%/eu-west-1/s3/aws4_request, ?SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-a, ?Signature=[0-9a-f]{64}$
b: (?i)^x-amz-meta-a: b$
b: (?i)^User-Agent: test/1$
b: (?i)^Range: bytes=0-1$
b: (?i)^If-None-Match: "x"$
b: (?i)^Accept-Encoding: identity$
--- code
my ($received) = $t->received('b');
my %count;
$count{ lc $_->[0] }++ for @{ $received->{headers} };
is_deeply([grep { $count{$_} > 1 } sort keys %count], [], 'no header twice');

=== TEST 2: a PUT keeps hash, length and body
--- request
PUT /bucket/key
hello
--- more_headers
Content-Type: text/plain
Content-MD5: XUFAKrxLKna5cZ2REBfFkg==
Cache-Control: max-age=5
x-amz-storage-class: STANDARD
--- error_code: 200
--- origin_request_like
b: (?i)^content-length: 5$
b: (?i)^content-type: text/plain$
b: (?i)^content-md5: XUFAKrxLKna5cZ2REBfFkg==$
b: (?i)^cache-control: max-age=5$
b: (?i)^x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824$
b: SignedHeaders=[^,]*content-md5;[^,]*content-type;
--- origin_body
b: hello

=== TEST 3: headers that must not travel
--- more_headers
Cookie: session=1
X-HTTP-Method-Override: DELETE
X-Method-Override: DELETE
X-HTTP-Method: DELETE
Proxy-Authorization: Basic eA==
Proxy-Connection: keep-alive
Keep-Alive: timeout=5
TE: trailers
Date: Mon, 23 Nov 2026 00:00:00 GMT
--- error_code: 200
--- origin_request_unlike
b: (?i)^cookie:
b: (?i)^x-http-method
b: (?i)^x-method-override
b: (?i)^proxy-
b: (?i)^keep-alive:
b: (?i)^te:
b: (?i)^date:

=== TEST 4: proxy_set_header: signed if it is x-amz-*, and Host is the origin's all the same
--- config eval: ::config(location => 'proxy_set_header x-amz-acl private; proxy_set_header X-Other o; proxy_set_header Host evil.example; proxy_set_header X-Forwarded-For $remote_addr;')
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-acl: private$
b: SignedHeaders=[^,]*;x-amz-acl;
b: (?i)^x-other: o$
b: ^Host: %%ORIGIN_B%%$
b: (?i)^x-forwarded-for: 127.0.0.1$
--- origin_request_unlike
b: evil.example

=== TEST 5: proxy_set_header cannot bring the client's credentials back
--- config eval: ::config(location => 'proxy_set_header Authorization $http_authorization; proxy_set_header X-Amz-Security-Token clienttoken; proxy_set_header X-Amz-Date 20200101T000000Z;')
--- error_code: 200
--- origin_request_unlike
b: clienttoken
b: 20200101

=== TEST 6: rewrite: the new target is signed
--- config eval: ::config(server => 'rewrite ^/bucket/(.*)$ /prod-bucket/$1 break;')
--- request: GET /bucket/a%20b?versionId=1
--- error_code: 200
--- origin_request_like
b: ^GET /prod-bucket/a%20b\?versionId=1 HTTP/1.1$

=== TEST 7: rewrite of the query
--- config eval: ::config(location => 'rewrite ^ /bucket/other?tagging=&x=%41+b? break;')
--- request: GET /bucket/key?versionId=1
--- error_code: 200
--- origin_request_like
b: ^GET /bucket/other\?tagging=&x=A%20b HTTP/1.1$

=== TEST 8: proxy_pass with a URI
--- http_config eval: $::clients . $::blocks . $::upstream
--- config eval
$::settings . 'location /pub/ { s3_verify apps; s3_resign on; proxy_pass http://s3/prod-bucket/; }'
--- request: GET /pub/dir/key?x=y
--- error_code: 200
--- origin_request_like
b: ^GET /prod-bucket/dir/key\?x=y HTTP/1.1$

=== TEST 9: proxy_method
--- config eval: ::config(location => 'proxy_method HEAD;')
--- ignore_response
--- origin_request_like
b: ^HEAD /bucket/key HTTP/1.1$

=== TEST 10: proxy_set_body
--- config eval: ::config(location => 'proxy_set_body "made up";')
--- s3_sign eval: "$::client payload=unsigned"
--- request
PUT /bucket/key
hello
--- error_code: 200
--- origin_body
b: made up

=== TEST 11: proxy_pass_request_headers off, proxy_pass_request_body off
--- config eval: ::config(location => 'proxy_pass_request_headers off; proxy_pass_request_body off; proxy_set_header Content-Length "";')
--- s3_sign eval: "$::client payload=unsigned"
--- request
PUT /bucket/key
hello
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855$

=== TEST 12: HTTP/1.0 to the origin
--- config eval: ::config(location => 'proxy_http_version 1.0;') =~ s/proxy_http_version 1.1;//r
--- error_code: 200
--- origin_request_like
b: ^GET /bucket/key HTTP/1.0$
b: ^Host: %%ORIGIN_B%%$

=== TEST 13: s3_verify off: anybody, and still signed for the origin
--- config eval: ::config(location => '') =~ s/s3_verify apps/s3_verify off/r
--- s3_sign:
--- error_code: 200
--- origin_request_like
b: Credential=AKIDORIGINB/

=== TEST 14: s3_verify off: what a client pretends is removed
--- config eval: ::config(location => '') =~ s/s3_verify apps/s3_verify off/r
--- s3_sign: AKIDPRETENDER secret token=pretended
--- error_code: 200
--- origin_request_unlike
b: PRETEND
b: pretended

=== TEST 15: s3_resign off: the request goes on as it is
--- config eval: ::config(location => '') =~ s/s3_resign on/s3_resign off/r
--- origins
b: 200 body=plain
--- error_code: 200
--- client_key_sent
--- origin_request_like
b: Credential=AKIDCLIENT/

=== TEST 16: s3_resign by name: that origin's key, its endpoint as Host
--- config eval: ::config(location => '') =~ s/s3_resign on/s3_resign a/r
--- origins
b: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body=b
--- error_code: 200
--- origin_request_like
b: Credential=AKIDORIGINA/%%DAY%%/us-east-1/

=== TEST 17: s3_resign by variable
--- http_config eval: $::clients . $::blocks . $::upstream . 'map $arg_o $origin { default b; one a; }'
--- config eval: ::config(location => '') =~ s/s3_resign on/s3_resign \$origin/r
--- origins
b: 200
--- request eval: ["GET /bucket/key", "GET /bucket/key?o=one"]
--- error_code: 200 200
--- origin_request_like
b[0]: Credential=AKIDORIGINB/
b[1]: Credential=AKIDORIGINA/

=== TEST 18: a variable that names no origin
--- http_config eval: $::clients . $::blocks . $::upstream . 'map $arg_o $origin { default nobody; }'
--- config eval: ::config(location => '') =~ s/s3_resign on/s3_resign \$origin/r
--- code
like($t->response->{status}, qr/^50[02]$/, 'refused');
--- origin_count: a=0 b=0
--- error_log: nobody

=== TEST 19: a peer without an origin is seen at nginx -t
--- http_config eval: $::clients . ($::blocks =~ s/s3_origin b .*//r) . $::upstream
--- nginx_conf_fails
%%ORIGIN_B%%

=== TEST 20: proxy_pass with a variable that names an upstream
--- config eval: ::config(server => 'set $backend s3;') =~ s/http:\/\/s3/http:\/\/\$backend/r
--- error_code: 200
--- response_body: from b

=== TEST 21: proxy_pass with a variable that names none is refused, nothing is sent
--- config eval: ::config(server => 'set $backend %%ORIGIN_B%%;') =~ s/http:\/\/s3/http:\/\/\$backend/r
--- origins
b: 200 body=leaked
--- code
like($t->response->{status}, qr/^50[02]$/, 'refused');
--- origin_count: b=0
--- error_log: s3

=== TEST 22: proxy_pass to an address without an upstream block
--- config eval: ::config() =~ s/http:\/\/s3/http:\/\/%%ORIGIN_B%%/r
--- error_code: 200
--- response_body: from b

=== TEST 23: gRPC cannot be signed: refused, nothing is sent
--- config eval
$::settings . 'location / { s3_verify apps; s3_resign on; grpc_pass grpc://s3; }'
--- origins
b: 200
a: 200
--- code
like($t->response->{status}, qr/^50[02]$/, 'refused');
--- origin_count: a=0 b=0

=== TEST 24: FastCGI cannot be signed: refused, nothing is sent
--- config eval
$::settings . 'location / { s3_verify apps; s3_resign on; fastcgi_pass s3; }'
--- origins
b: 200
a: 200
--- code
like($t->response->{status}, qr/^50[02]$/, 'refused');
--- origin_count: a=0 b=0

=== TEST 25: named location, by try_files and by error_page
--- config eval
$::settings . 'location / { s3_verify apps; s3_resign on; try_files /none @s3; }
    location /e/ { s3_verify apps; error_page 418 = @s3; return 418; }
    location @s3 { s3_verify apps; s3_resign on; proxy_pass http://s3; }'
--- request eval: ["GET /bucket/key"]
--- error_code: 200
--- response_body: from b

=== TEST 26: a copy keeps its source
--- request: PUT /bucket/copy
--- more_headers
x-amz-copy-source: /bucket/a%20b%2Bc?versionId=1
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-copy-source: /bucket/a%20b%2Bc\?versionId=1$
b: SignedHeaders=[^,]*;x-amz-copy-source;

=== TEST 27: a long head: many headers, long values
--- more_headers eval: join '', map { "x-amz-meta-$_: " . ("v$_ " x 60) . "\n" } 10 .. 39
--- main_config
--- config eval: ::config(server => 'large_client_header_buffers 8 32k;')
--- error_code: 200

=== TEST 28: Connection: upgrade does not pass
--- config eval: ::config(location => 'proxy_set_header Connection upgrade; proxy_set_header Upgrade websocket;') =~ s/proxy_set_header Connection "";//r
--- error_code: 200
--- origin_request_unlike
b: (?i)upgrade

=== TEST 29: many requests, one connection to the origin
--- http_config eval: ::http_config(upstream => 'keepalive 4;')
--- request eval: [map { "GET /bucket/key$_" } 1 .. 5]
--- error_code: 200
--- code
is(join(' ', map { $_->{connection} } $t->received('b')), '1 1 1 1 1', 'one connection');

=== TEST 30: mirror: the copy is signed for its own upstream
--- http_config eval: ::http_config(more => 'upstream m { server %%ORIGIN_A%%; }')
--- config eval: ::config(location => 'mirror /mirror;', server => 'location = /mirror { internal; s3_verify off; s3_resign on; proxy_pass http://m$request_uri; }')
--- error_code: 200
--- response_body: from b
--- origin_count: a=1 b=1

=== TEST 31: two locations, two clients
--- http_config eval: $::clients . 's3_clients others { key AKIDOTHER othersecret; }' . $::blocks . $::upstream
--- config eval: ::config(server => 'location /other/ { s3_verify others; s3_resign on; proxy_pass http://s3; }')
--- s3_sign eval: ["AKIDOTHER othersecret", "AKIDOTHER othersecret", $::client]
--- request eval: ["GET /other/key", "GET /bucket/key", "GET /other/key"]
--- error_code: 200 403 403
--- origin_count: b=1

=== TEST 32: s3_verify off: a URL that pretends to be signed loses its authentication
--- config eval: ::config(location => '') =~ s/s3_verify apps/s3_verify off/r
--- s3_sign eval: ["AKIDPRETENDER secret presign=900 token=pretended", "AKIDPRETENDER secret v2=1 presign=900"]
--- request eval: ["GET /bucket/key?versionId=1", "GET /bucket/key?versionId=1"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /bucket/key\?versionId=1 HTTP/1.1$
b[1]: ^GET /bucket/key\?versionId=1 HTTP/1.1$

=== TEST 33: mirror with a body, its frames signed for both
--- http_config eval: ::http_config(more => 'upstream m { server %%ORIGIN_A%%; }')
--- config eval: ::config(location => 'mirror /mirror;', server => 'location = /mirror { internal; s3_verify off; s3_resign on; proxy_http_version 1.1; proxy_pass http://m$request_uri; }')
--- s3_sign eval: "$::client payload=streaming chunk=8192"
--- request: PUT /bucket/key
--- request_body_size: 50k
--- error_code: 200
--- response_body: from b
--- origin_count: a=1 b=1

=== TEST 34: auth_request beside: its subrequest is no S3 request
--- config eval: ::config(location => 'auth_request /auth;', server => 'location = /auth { internal; s3_verify off; return 204; }')
--- error_code: 200

=== TEST 35: auth_request that says no
--- config eval: ::config(location => 'auth_request /auth;', server => 'location = /auth { internal; s3_verify off; return 403; }')
--- error_code: 403
--- origin_count: b=0

=== TEST 36: error_page to another upstream, for GET and for PUT
--- http_config eval: ::http_config(more => 'upstream other { server %%ORIGIN_A%%; }')
--- config eval: ::config(location => 'proxy_intercept_errors on; proxy_next_upstream off; error_page 503 = @other;', server => 'location @other { s3_verify apps; s3_resign on; proxy_http_version 1.1; proxy_pass http://other; }') =~ s/proxy_next_upstream error.*?;//r
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/200 body="from b"/503/r
--- s3_sign eval: [$::client, $::client, "$::client payload=unsigned"]
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "PUT /bucket/key\nhello"]
--- error_code: 200
--- response_body: from a

=== TEST 37: odd requests do no harm
--- raw_request eval: ["GET /\r\n", "GET /bucket/key HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET http://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET ?a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
--- ignore_response
--- origin_count: a=0 b=0
--- code
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'the server lives on');

=== TEST 38: an absolute-form target
--- tamper: s!^GET /!GET http://localhost:%%PORT%%/!
--- error_code: 200
--- origin_request_like
b: ^GET /bucket/key HTTP/1.1$

=== TEST 39: an origin that answers early, while the upload goes on
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- origins
b: 403 early body="<Error><Code>AccessDenied</Code></Error>"
--- request: PUT /bucket/key
--- request_body_size: 2m
--- write_size: 200000
--- write_delay: 0.02
--- error_code: 403
--- ignore_response

=== TEST 40: the origin's own headers and redirects come through
--- origins
b: 301 header="Location: https://elsewhere.example/x" header="ETag: \"abc\"" header="x-amz-meta-a: b" header="x-amz-request-id: R"
--- error_code: 301
--- response_headers
Location: https://elsewhere.example/x
ETag: "abc"
x-amz-meta-a: b
x-amz-request-id: R

=== TEST 41: proxy_pass to a host that is no upstream: nothing is sent
--- config eval: $::settings . 'location / { s3_verify apps; s3_resign a; set $host_of %%ORIGIN_A%%; proxy_pass http://$host_of; }'
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "DELETE /bucket/key"]
--- s3_error: 502 ServiceUnavailable
--- error_log: which is no upstream of the configuration
--- origin_count: a=0 b=0

=== TEST 42: likewise where the body was read before, by mirror
--- config eval: $::settings . 'location / { s3_verify apps; s3_resign a; mirror /none; set $host_of %%ORIGIN_A%%; proxy_pass http://$host_of; } location = /none { internal; return 204; }'
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 43: likewise where satisfy any lets in somebody without a signature, or nobody was asked for one
--- config eval: $::settings . 'set $host_of %%ORIGIN_A%%; location / { satisfy any; allow all; s3_verify apps; s3_resign a; proxy_pass http://$host_of; } location /open/ { s3_resign a; proxy_pass http://$host_of; }'
--- s3_sign eval: ["AKIDCLIENT wrong", "AKIDCLIENT wrong", $::client]
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /open/key"]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0

=== TEST 44: a variable that names an upstream
--- config eval: $::settings . 'location / { s3_verify apps; s3_resign on; set $name s3; proxy_pass http://$name; }'
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 200
--- origin_count: a=0 b=2

=== TEST 45: host: what the origin goes by, at each peer, where that is not where it is
--- http_config eval: ::http_config(a => 'host a.example.com:9000;', b => 'host B.example.com:80;')
--- origins eval: $::origins =~ s/^(b: \S+) /$1 503 | /mr
--- error_code: 200
--- response_body: from a
--- origin_request_like
b: ^Host: b\.example\.com$
a: ^Host: a\.example\.com:9000$

=== TEST 46: the origin's region is not the one that clients sign for
--- http_config eval: http_config(clients => 'region us-east-1 eu-west-1;')
--- origins
b: 200 body="from b" header="X-Amz-Bucket-Region: ap-south-1"|301 header="x-amz-bucket-region: ap-south-1"
a: 200
--- s3_sign eval: [$CLIENT, $CLIENT]
--- request eval: ["GET /bucket/key", "HEAD /bucket"]
--- response_headers
X-Amz-Bucket-Region: us-east-1

=== TEST 47: and passes where clients may sign for any
--- origins
b: 200 body="from b" header="X-Amz-Bucket-Region: ap-south-1"
a: 200
--- s3_sign eval: $CLIENT
--- request: GET /bucket/key
--- response_headers
X-Amz-Bucket-Region: ap-south-1

=== TEST 48: frames that the head no longer declares are no object
--- config eval
"$::settings s3_verify apps; s3_resign on; location / { proxy_set_header x-amz-content-sha256 UNSIGNED-PAYLOAD; proxy_pass http://s3; }
 location /none/ { proxy_set_header x-amz-content-sha256 ''; proxy_request_buffering off; proxy_pass http://s3; }
 location /other/ { proxy_set_header x-amz-content-sha256 STREAMING-UNSIGNED-PAYLOAD-TRAILER; proxy_pass http://s3; }
 location /bare/ { proxy_pass_request_headers off; proxy_pass http://s3; }"
--- s3_sign eval: [map { ("$::client payload=streaming", "$::client payload=streaming-trailer trailer=x-amz-checksum-crc32") } 1 .. 4]
--- request eval: [map { ("PUT /$_/key\nhello") x 2 } qw(bucket none other bare)]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0
--- error_log: its body is the client's aws-chunked one, and "x-amz-content-sha256" no longer says so

=== TEST 49: likewise without signatures
--- config eval: ::config(location => 'proxy_set_header x-amz-content-sha256 $http_p;')
--- s3_sign eval: "$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32"
--- more_headers eval: ['', 'P: UNSIGNED-PAYLOAD', 'P: STREAMING-UNSIGNED-PAYLOAD-TRAILER']
--- request eval: [("PUT /bucket/key\nhello") x 3]
--- error_code eval: [502, 502, 200]
--- origin_count: a=0 b=1

=== TEST 50: what is in no frames, and frames that are taken off, need no declaration
--- http_config eval: S3Proxy::Setup::http_config(a => 'payload unsigned;', b => 'payload unsigned;')
--- config eval: ::config(location => 'proxy_set_header x-amz-content-sha256 UNSIGNED-PAYLOAD;', server => 'location /bare/ { s3_verify apps; s3_resign on; proxy_pass_request_headers off; proxy_pass http://s3; }')
--- s3_sign eval: [$::client, "$::client payload=streaming", "$::client payload=streaming"]
--- request eval: ["PUT /bucket/key\nhello", "PUT /bucket/key\nhello", "PUT /bare/key\nhello"]
--- error_code: 200
--- origin_body
b[0]: hello
b[1]: hello
b[2]: hello

=== TEST 51: a length that is not the body's: an origin would store a piece, wait for more, or take the rest for a request
--- config eval: ::config(location => 'proxy_set_header Content-Length $arg_n; proxy_set_header Transfer-Encoding $arg_t;')
--- s3_sign eval: [map { "$::client payload=unsigned" } 1 .. 8]
--- request eval: ["PUT /bucket/key\nhello", "PUT /bucket/key?n=3\nhello", "PUT /bucket/key?n=7\nhello", "PUT /bucket/key?n=x\nhello", "PUT /bucket/key?n=5&t=chunked\nhello", "PUT /bucket/key?t=chunked\nhello", "GET /bucket/key?n=3", "GET /bucket/key?t=chunked"]
--- s3_error: 502 ServiceUnavailable
--- origin_count: a=0 b=0
--- error_log: its "Content-Length" or "Transfer-Encoding" is not that of the body that is sent

=== TEST 52: the body's own length, and none where there is no body
--- config eval: ::config(location => 'proxy_set_header Content-Length $arg_n;')
--- s3_sign eval: [map { "$::client payload=unsigned" } 1 .. 4]
--- request eval: ["PUT /bucket/key?n=5\nhello", "GET /bucket/key", "DELETE /bucket/key", "PUT /bucket/key?n=0\n"]
--- error_code: 200
--- origin_count: a=0 b=4

=== TEST 53: a stream whose coding the head no longer names
--- config eval: ::config(location => 'proxy_request_buffering off; proxy_set_header Transfer-Encoding $http_t;')
--- s3_sign eval: "$::client payload=streaming-unsigned trailer=x-amz-checksum-crc32"
--- chunked_body eval: [map { $_ x 40_000 } 'a' .. 'e']
--- more_headers eval: ['', 'T: chunked']
--- request eval: [("PUT /bucket/key") x 2]
--- error_code eval: [502, 200]
--- origin_count: a=0 b=1
