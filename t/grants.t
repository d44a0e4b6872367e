# Tests for clients.json: many keys, each with its grants, secrets from
# elsewhere, session tokens.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our ($blocks, $upstream) = (origin_blocks(), upstream());
default_sections(
    http_config => "s3_clients apps { file %%SERVROOT%%/clients.json; }\n$blocks$upstream",
    config      => config(server => 'access_log off;'),    # the usual format shows URLs
    origins     => $ORIGINS,
    files       => <<'EOF',
>>> clients.json 0600
{"clients": [
  {"access_key": "AKIDALL", "secret_key": "all-secret"},
  {"access_key": "AKIDNONE", "secret_key": "none-secret", "grants": []},
  {"access_key": "AKIDREAD", "secret_key": "read-secret", "comment": "reads photos of one year",
   "grants": [{"buckets": ["photos", "logs-*"], "prefix": "2026/", "allow": ["read", "list"]},
              {"buckets": ["uploads"], "allow": ["write"]}]},
  {"access_key": "AKIDWRITE", "secret_key": "write-secret",
   "grants": [{"buckets": ["uploads"], "allow": ["read", "write", "delete", "list"]},
              {"buckets": ["photos"], "prefix": "2026/", "allow": ["read", "write", "delete", "list"]}]},
  {"access_key": "AKIDOWNER", "secret_key": "owner-secret", "grants": [{"buckets": ["uploads"], "allow": ["all"]}]},
  {"access_key": "AKIDENV", "secret_keys": [{"env": "NEW_SECRET"}, {"file": "%%SERVROOT%%/old-secret"}]},
  {"access_key": "ASIATEMP", "secret_key": "temp-secret", "session_token": "token//with+specials==", "expires": "2099-12-31T23:59:59Z"},
  {"access_key": "ASIAPAST", "secret_key": "temp-secret", "session_token": "old-token", "expires": "2020-12-31T23:59:59Z"}
]}
>>> old-secret 0600
old-secret
EOF
    env => 'NEW_SECRET=new-secret',
);

$S3Proxy::Check::NEVER_SHOWN{$_} = 'a token' for 'token//with+specials', 'token%2F%2Fwith', 'old-token';
$S3Proxy::Check::NEVER_SENT{$_} = 'a client token' for 'token//with+specials', 'token%2F%2Fwith';

run_tests();

__DATA__

=== TEST 1: a key without grants may do anything, one with none nothing
--- s3_sign eval: ["AKIDALL all-secret", "AKIDNONE none-secret"]
--- request eval: ["DELETE /any/key", "GET /photos/2026/x"]
--- error_code: 200 403
--- origin_count: b=1

=== TEST 2: what a grant covers
--- s3_sign: AKIDREAD read-secret
--- request eval: ["GET /photos/2026/a", "HEAD /photos/2026/a%20b", "GET /logs-web/2026/x", "GET /photos?list-type=2&prefix=2026%2F", "PUT /uploads/any\nhello"]
--- error_code: 200

=== TEST 3: and what not
--- s3_sign: AKIDREAD read-secret
--- request eval: ["GET /photos/2025/a", "PUT /photos/2026/a\nx", "DELETE /photos/2026/a", "GET /other/2026/a", "GET /photos?list-type=2", "GET /uploads/any", "GET /photos/2026/../2025/a", "GET /logs/2026/x", "GET /?format=json", "PUT /photos", "PUT /uploads/any?acl"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 4: a copy needs the right to read its source
--- s3_sign: AKIDREAD read-secret
--- request eval: ["PUT /uploads/copy", "PUT /uploads/copy", "PUT /uploads/copy"]
--- more_headers eval: ["x-amz-copy-source: /photos/2026/a", "x-amz-copy-source: /secret/2026/a", "x-amz-copy-source: photos/2025/a%20b"]
--- error_code: 200 403 403
--- origin_count: b=1

=== TEST 5: a presigned URL has the grants of its key, hoisted headers too
--- s3_sign: AKIDREAD read-secret presign=900
--- request eval: ["GET /photos/2026/a", "GET /photos/2025/a", "PUT /uploads/copy?x-amz-copy-source=%2Fsecret%2Fa"]
--- error_code: 200 403 403
--- origin_count: b=1

=== TEST 6: escapes do not help
--- s3_sign: AKIDREAD read-secret
--- request eval: ["GET /photos/%32%30%32%36/a", "GET /photos/2026%2Fa", "GET /photos/2026/%2e%2e/2025/a", "GET //photos/2026/a"]
--- code
is($t->response($_)->{status}, 200, "case $_") for 0, 1;
like($t->response($_)->{status}, qr/^40[03]$/, "case $_") for 2, 3;

=== TEST 7: secrets from the environment and a file, two at a time
--- s3_sign eval: ["AKIDENV new-secret", "AKIDENV old-secret", "AKIDENV other"]
--- request eval: [("GET /b/k") x 3]
--- error_code: 200 200 403

=== TEST 8: a temporary key with its token
--- s3_sign eval: ["ASIATEMP temp-secret token=token//with+specials==", "ASIATEMP temp-secret presign=900 token=token//with+specials=="]
--- request eval: [("GET /b/k") x 2]
--- error_code: 200

=== TEST 9: without it, with another, with an old one
--- s3_sign eval: ["ASIATEMP temp-secret", "ASIATEMP temp-secret token=other", "ASIAPAST temp-secret token=old-token", "AKIDALL all-secret token=other", "ASIATEMP temp-secret presign=900 token=other", "ASIAPAST temp-secret presign=900 token=old-token"]
--- request eval: [("GET /b/k") x 6]
--- s3_error
403 InvalidAccessKeyId
400 InvalidToken
400 ExpiredToken
400 InvalidToken
400 InvalidToken
400 ExpiredToken

=== TEST 10: a token that is not signed
--- s3_sign: ASIATEMP temp-secret
--- request: GET /b/k
--- unsigned_headers
x-amz-security-token: token//with+specials==
--- s3_error: 403 AccessDenied

=== TEST 11: a member that is not known, and where
--- files
>>> clients.json
{"clients": [{"access_key": "AK", "secret_key": "topsecret", "acces": "x"}]}
--- nginx_conf_fails
clients.json.*line 1.*acces

=== TEST 12: an access key twice
--- files
>>> clients.json
{"clients": [{"access_key": "AKID1", "secret_key": "s"}, {"access_key": "AKID1", "secret_key": "t"}]}
--- nginx_conf_fails
clients.json.*AKID1

=== TEST 13: a secret whose variable is not set
--- files
>>> clients.json
{"clients": [{"access_key": "AKID1", "secret_key": {"env": "NOT_SET_ANYWHERE"}}]}
--- nginx_conf_fails
clients.json.*NOT_SET_ANYWHERE

=== TEST 14: no file
--- files
>>> other.json
{}
--- nginx_conf_fails
clients.json

=== TEST 15: rights in headers are rights: ACL, locks, another vendor's orders
--- s3_sign: AKIDWRITE write-secret
--- request eval: [("PUT /uploads/k\nhello") x 10, "DELETE /uploads/k?versionId=v", "POST /uploads/k?uploads", "PUT /uploads/k"]
--- more_headers eval
["x-amz-acl: public-read", "X-Amz-ACL: private\nX-Amz-ACL: public-read", "x-amz-grant-read: id=1", "x-amz-object-lock-mode: COMPLIANCE",
 "x-amz-object-lock-retain-until-date: 2099-01-01T00:00:00Z", "x-amz-object-lock-legal-hold: ON", "x_amz_acl: public-read",
 "x-minio-source-replication-request: true", "X-Copy-From: /photos/2025/k", "x-amz-replication-status: REPLICA",
 "x-amz-bypass-governance-retention: true", "x-amz-acl: public-read-write", "x-amz-copy-source: /uploads/l\nx-amz-acl: authenticated-read"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 16: and the same in a presigned URL
--- s3_sign: AKIDWRITE write-secret presign=900
--- request eval: ["PUT /uploads/k?x-amz-acl=public-read", "PUT /uploads/k?X-Amz-Grant-Read=id%3D1", "PUT /uploads/k?X-AMZ-OBJECT-LOCK-MODE=COMPLIANCE", "PUT /photos/2026/k?x-amz-meta-snowball-auto-extract=true", "DELETE /uploads/k?x-amz-bypass-governance-retention=true"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 17: an administrator of the bucket may, and so may a client without limits
--- s3_sign eval: [("AKIDOWNER owner-secret") x 3, "AKIDALL all-secret"]
--- request eval: [("PUT /uploads/k\nhello") x 4]
--- more_headers eval: ["x-amz-acl: public-read", "x-amz-object-lock-mode: COMPLIANCE\nx-amz-object-lock-retain-until-date: 2099-01-01T00:00:00Z", "x-amz-bypass-governance-retention: true", "x-amz-acl: public-read"]
--- error_code: 200
--- origin_count: b=4
--- origin_request_like
b[0]: (?i)^x-amz-acl: public-read$

=== TEST 18: what goes with every upload
--- s3_sign: AKIDWRITE write-secret
--- request eval: [("PUT /uploads/k\nhello") x 5]
--- more_headers eval: ["x-amz-acl: private", "x-amz-tagging: a=b", "x-amz-website-redirect-location: /l", "x-amz-storage-class: STANDARD_IA\nx-amz-meta-acl: public-read", "x-amz-meta-snowball-auto-extract: true"]
--- error_code: 200

=== TEST 19: an archive that the origin unpacks needs the whole bucket
--- s3_sign: AKIDWRITE write-secret
--- request eval: [("PUT /photos/2026/k.tar\nhello") x 2]
--- more_headers eval: ["x-amz-meta-snowball-auto-extract: true", "X-Amz-Meta-Snowball-Auto-Extract: TRUE"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 20: administration interfaces and STS are no buckets, for nobody
--- s3_sign: AKIDALL all-secret
--- request eval: ["GET /minio/admin/v3/info", "GET /minio", "PUT /%6dinio/admin/v3/add-user\nx", "GET //minio/admin/v3/info", "GET /.minio.sys/config/config.json", "PUT /admin/user?uid=x", "GET /Admin/user", "GET /b/../minio/admin/v3/info", "GET /rustfs/admin/v3/info", "PATCH /create-user\nx", "POST /\nAction=AssumeRole&Version=2011-06-15", "POST /?Action=AssumeRole", "GET /?Action=GetSessionToken", "POST /?x=y", "PUT /b/k"]
--- more_headers eval: [("") x 14, "x-amz-copy-source: /.minio.sys/config/config.json"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 21: CreateSession in every spelling
--- s3_sign: AKIDALL all-secret
--- request eval: ["GET /?session", "GET /b?session", "GET /b?session&acl", "GET /b?session=", "GET /b/?Session=1", "HEAD /b?session", "GET /b?%73ession", "POST /b?session\nx"]
--- error_code: 403
--- origin_count: b=0

=== TEST 22: admin_api on opens them to clients that may do anything; CreateSession stays shut
--- http_config eval: "s3_clients apps { file %%SERVROOT%%/clients.json; admin_api on; }\n$::blocks$::upstream"
--- s3_sign eval: [("AKIDALL all-secret") x 4, "AKIDOWNER owner-secret", "AKIDALL all-secret"]
--- request eval: ["GET /minio/admin/v3/info", "POST /\nAction=AssumeRole&Version=2011-06-15", "PUT /admin/user?uid=x", "PATCH /list-users", "GET /minio/admin/v3/info", "GET /b?session"]
--- error_code: 200 200 200 200 403 403
--- origin_count: b=4

=== TEST 23: nobody's requests, and rewritten ones, are not signed for them either
--- config eval
S3Proxy::Setup::config(server => <<'EOF')
access_log off;
location /public/ { s3_verify off; s3_resign b; proxy_pass http://s3/; }
location /inside/ { s3_verify apps; s3_resign b; proxy_pass http://s3/minio/; }
location /raw/ { s3_verify off; s3_resign b; rewrite ^/raw/(.*)$ /$1 break; proxy_pass http://s3; }
location /minio/ { s3_verify off; s3_resign b; proxy_pass http://s3; }
EOF
--- s3_sign eval: ["", "", "", "", "AKIDALL all-secret", "", "", ""]
--- request eval: ["GET /public/minio/admin/v3/info", "GET /public/b?session", "POST /public/\nAction=AssumeRole", "GET /raw/admin/user", "GET /inside/admin/v3/info", "GET /minio/health/live", "PUT /public/b/k", "GET /public/b/k"]
--- more_headers eval: ["", "", "", "", "", "", "x-amz-copy-source: /.minio.sys/config", ""]
--- error_code: 403 403 403 403 403 403 403 200
--- origin_count: b=1

=== TEST 24: a signed OPTIONS is no request with rights
--- s3_sign eval: ["AKIDALL all-secret", "AKIDNONE none-secret", "AKIDNONE none-secret presign=900"]
--- request eval: [("OPTIONS /photos/2026/x") x 3]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 25: with s3_cors_preflight it leaves as a preflight does, unsigned
--- config eval: S3Proxy::Setup::config(server => 'access_log off;', location => 's3_cors_preflight on;')
--- origins
b: 200 body=cors
--- s3_sign eval: ["AKIDALL all-secret", "AKIDNONE none-secret", "AKIDNONE none-secret presign=900", "AKIDNONE wrong", "AKIDALL all-secret payload=streaming"]
--- request eval: [("OPTIONS /photos/2026/x") x 4, "OPTIONS /photos/2026/x\nhello"]
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- error_code: 200 200 200 403 400
--- origin_count: b=3
--- origin_request_unlike
b: (?i)^authorization
b: (?i)x-amz-(signature|credential|date)

=== TEST 26: admin_api of nonsense
--- http_config eval: "s3_clients apps { file %%SERVROOT%%/clients.json; admin_api yes; }\n$::blocks$::upstream"
--- nginx_conf_fails
admin_api.*must be "on" or "off"
