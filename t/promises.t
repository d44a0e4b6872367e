# Tests for single sentences of README.md's "Limits" and reference that no other file asks about.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(http_config => http_config(), config => config(), origins => $ORIGINS, s3_sign => $CLIENT);

run_tests();

__DATA__

=== TEST 1: virtual-host style is passed on as it is: the path that was signed, and the origin's own Host
--- more_headers
Host: bucket.s3.example.org
--- request: GET /key
--- error_code: 200
--- origin_request_like
b: ^GET /key HTTP/1\.1$
b: ^Host: 127\.0\.0\.1:\d+$

=== TEST 2: POST to "/", which there is a multi-object delete or a form: refused unless admin_api opens it
--- more_headers
Host: bucket.s3.example.org
--- request eval: "POST /?delete\n<Delete/>"
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 3: no browser forms: their signature stands in the body
--- s3_sign
--- more_headers
Content-Type: multipart/form-data; boundary=b
--- request eval: qq{POST /bucket\n--b\r\nContent-Disposition: form-data; name="policy"\r\n\r\ne30=\r\n--b--\r\n}
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 4: the first region is what errors and x-amz-bucket-region tell
--- http_config eval: S3Proxy::Setup::http_config(clients => 'region eu-south-1 us-east-1;')
--- s3_sign eval: ["$S3Proxy::Setup::CLIENT region=us-east-1", "$S3Proxy::Setup::CLIENT region=eu-west-9"]
--- request eval: [("GET /bucket/key") x 2]
--- error_code eval: [200, 400]
--- response_body_like eval: ["from b", "<Region>eu-south-1</Region>"]

=== TEST 5: without regions any will do, the empty one too
--- s3_sign eval: ["$S3Proxy::Setup::CLIENT region=", "$S3Proxy::Setup::CLIENT region=anything"]
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 200

=== TEST 6: names in s3_clients start from the folder of nginx.conf, also those in the file
--- http_config eval: 's3_clients apps { file clients/web.json; }' . S3Proxy::Setup::origin_blocks() . S3Proxy::Setup::upstream()
--- files
>>> conf/clients/web.json
{"clients": [{"access_key": "AKIDCLIENT", "secret_key": {"file": "clients/web.secret"}}]}
>>> conf/clients/web.secret 0600
client/Secret+Key=0123456789
--- request: GET /bucket/key
--- error_code: 200

=== TEST 7: a temporary key of an origin is renewed by a reload
--- http_config eval: S3Proxy::Setup::http_config() =~ s/(AKIDORIGINB \S+);/$1 token=file=%%SERVROOT%%\/token;/r
--- files
>>> token
the-first-token
--- request: GET /bucket/key
--- error_code: 200
--- fresh
--- code
$t->nginx->write_file('token', "the-second-token\n");
ok($t->nginx->reload(wait_old => 1), 'reload');
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'signed with it');
my @heads = map { $_->{head} } $t->received('b');
like($heads[0], qr/^x-amz-security-token: the-first-token$/mi, 'before');
like($heads[1], qr/^x-amz-security-token: the-second-token$/mi, 'after');

=== TEST 8: the name of a bucket may end in *, and grants of a client without any are none
--- http_config eval: 's3_clients apps { file %%SERVROOT%%/clients.json; }' . S3Proxy::Setup::origin_blocks() . S3Proxy::Setup::upstream()
--- files
>>> clients.json
{"clients": [{"access_key": "AKIDCLIENT", "secret_key": "client/Secret+Key=0123456789", "grants": [{"buckets": ["logs-*"], "allow": ["read"]}]},
 {"access_key": "AKIDNONE", "secret_key": "nothing", "grants": []}]}
--- s3_sign eval: [$S3Proxy::Setup::CLIENT, $S3Proxy::Setup::CLIENT, "AKIDNONE nothing"]
--- request eval: ["GET /logs-2026/key", "GET /log/key", "GET /logs-2026/key"]
--- error_code eval: [200, 403, 403]
