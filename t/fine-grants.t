# Tests for what clients.json can say more exactly: what is denied, operations by name, networks, several prefixes, keys
# that are shut or have an end.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our ($blocks, $upstream) = (origin_blocks(), upstream());
default_sections(
    http_config => "s3_clients apps { file %%SERVROOT%%/clients.json; }\n$blocks$upstream",
    config      => config(server => "access_log off;\nset_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;"),
    origins     => $ORIGINS,
    files       => <<'EOF',
>>> clients.json 0600
{"clients": [
  {"access_key": "AKIDDENY", "secret_key": "deny-secret",
   "grants": [{"buckets": ["*"], "allow": ["all"]},
              {"buckets": ["photos"], "prefix": "private/", "deny": ["all"], "comment": "nobody's business"},
              {"buckets": ["*"], "deny": ["DeleteObject", "PutObjectAcl"]}]},
  {"access_key": "AKIDNAMED", "secret_key": "named-secret",
   "grants": [{"buckets": ["photos"], "prefix": ["a/", "c/"], "allow": ["GetObject", "ListObjectsV2"]},
              {"buckets": ["uploads"], "allow": ["PutObject"]}]},
  {"access_key": "AKIDOFFICE", "secret_key": "office-secret", "from": ["192.0.2.0/24", "2001:db8::/32"]},
  {"access_key": "AKIDPARTLY", "secret_key": "partly-secret",
   "grants": [{"buckets": ["b"], "allow": ["read"]},
              {"buckets": ["b"], "allow": ["write"], "from": ["192.0.2.0/24"]},
              {"buckets": ["b"], "deny": ["all"], "from": ["198.51.100.0/24"]}]},
  {"access_key": "AKIDSOCKET", "secret_key": "socket-secret", "from": ["unix:"]},
  {"access_key": "AKIDOFF", "secret_key": {"file": "/gone/long/ago"}, "enabled": false},
  {"access_key": "AKIDENDED", "secret_key": "ended-secret", "expires": "2020-12-31T23:59:59Z"},
  {"access_key": "AKIDENDS", "secret_key": "ends-secret", "expires": "2099-12-31T23:59:59+01:00", "enabled": true}
]}
EOF
);

run_tests();

__DATA__

=== TEST 1: what is denied is denied, whatever is allowed
--- s3_sign: AKIDDENY deny-secret
--- request eval: ["GET /photos/private/a", "GET /photos/%70rivate/a", "GET /photos/private%2Fa", "GET /photos/%2Fprivate/a", "PUT /photos/private/a\nx", "DELETE /photos/public/a", "DELETE /other/a?versionId=v", "GET /photos", "GET /photos?list-type=2&prefix=priv", "DELETE /photos", "PUT /photos?policy\nx", "PUT /photos/public/a?unknown\nx", "POST /photos\nx", "PUT /other/a?acl\nx"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0
--- error_log
"AKIDDENY" is not granted this: grants[1] denies GetObject
"AKIDDENY" is not granted this: grants[2] denies DeleteObject

=== TEST 2: and nothing else is
--- s3_sign: AKIDDENY deny-secret
--- request eval: ["GET /photos/public/a", "PUT /photos/public/a\nx", "GET /other/private/a", "GET /photos?list-type=2&prefix=public%2F", "GET /other", "GET /", "PUT /other?policy\nx", "HEAD /photos", "GET /photos?location"]
--- error_code: 200

=== TEST 3: by its source, by a header, in a presigned URL
--- s3_sign eval: [("AKIDDENY deny-secret") x 4, ("AKIDDENY deny-secret presign=900") x 3]
--- request eval: [("PUT /other/copy") x 2, ("PUT /other/a\nx") x 2, "GET /photos/private/a", "PUT /other/copy?x-amz-copy-source=photos%2Fprivate%2Fa", "GET /photos/public/a"]
--- more_headers eval: ["x-amz-copy-source: /photos/private/a", "x-amz-copy-source: photos//private/a", "x-amz-acl: public-read", "x-oss-copy-source: /photos/private/a", ("") x 3]
--- error_code: 403 403 403 403 403 403 200
--- origin_count: b=1

=== TEST 4: operations by name, and several prefixes
--- s3_sign: AKIDNAMED named-secret
--- request eval: ["GET /photos/a/k", "HEAD /photos/c/k", "GET /photos?list-type=2&prefix=a%2F", "GET /photos?prefix=c%2Fd", "PUT /uploads/k\nx", "POST /uploads/k?uploads", "PUT /uploads/k?partNumber=1&uploadId=u\nx", "POST /uploads/k?uploadId=u\nx", "DELETE /uploads/k?uploadId=u", "PUT /uploads/copy", "GET /photos/b/k", "GET /photos/a/k?tagging", "PUT /photos/a/k\nx", "GET /photos?list-type=2", "GET /photos?uploads&prefix=a%2F", "GET /uploads/k", "DELETE /uploads/k", "PUT /uploads/k?tagging\nx", "PUT /uploads/copy"]
--- more_headers eval: [("") x 9, "x-amz-copy-source: /photos/a/k", ("") x 8, "x-amz-copy-source: /uploads/k"]
--- error_code: 200 200 200 200 200 200 200 200 200 200 403 403 403 403 403 403 403 403 403
--- origin_count: b=10

=== TEST 5: a key that is for some networks
--- s3_sign: AKIDOFFICE office-secret
--- request eval: [("GET /b/k") x 7]
--- unsigned_headers eval: ["X-Real-IP: 192.0.2.7", "X-Real-IP: 2001:db8::7", "X-Real-IP: ::ffff:192.0.2.7", "X-Real-IP: 192.0.3.7", "X-Real-IP: 2001:db9::7", "X-Forwarded-For: 192.0.2.7", "X-Real-IP: nonsense"]
--- error_code: 200 200 200 403 403 403 403
--- origin_count: b=3
--- error_log
"AKIDOFFICE" is not granted this: its key is not for use from there

=== TEST 6: grants that are for some networks
--- s3_sign: AKIDPARTLY partly-secret
--- request eval: [("GET /b/k", "PUT /b/k\nx") x 3]
--- unsigned_headers eval: [("X-Real-IP: 192.0.2.7") x 2, ("X-Real-IP: 203.0.113.7") x 2, ("X-Real-IP: 198.51.100.7") x 2]
--- error_code: 200 200 200 403 403 403
--- origin_count: b=3

=== TEST 7: UNIX-domain sockets
--- http_config eval
<<"EOF"
s3_clients apps { file %%SERVROOT%%/clients.json; }
$::blocks$::upstream
upstream socket { server unix:%%SERVROOT%%/s.sock; }
server { listen unix:%%SERVROOT%%/s.sock; location / { s3_verify apps; s3_resign on; proxy_pass http://s3; } }
EOF
--- config
access_log off;
location / { proxy_set_header Host $http_host; proxy_pass http://socket; }
location /direct/ { s3_verify apps; s3_resign on; proxy_pass http://s3; }
--- s3_sign eval: ["AKIDSOCKET socket-secret", "AKIDSOCKET socket-secret", "AKIDOFFICE office-secret", "AKIDENDS ends-secret"]
--- request eval: ["GET /b/k", "GET /direct/k", "GET /b/k", "GET /b/k"]
--- error_code: 200 403 403 200
--- origin_count: b=2

=== TEST 8: keys that are shut, or whose time is over, are as good as unknown
--- s3_sign eval: ["AKIDOFF any-secret", "AKIDENDED ended-secret", "AKIDENDED ended-secret presign=900", "AKIDENDED other"]
--- request eval: [("GET /b/k") x 4]
--- s3_error: 403 InvalidAccessKeyId
--- origin_count: b=0
--- error_log
access key "AKIDENDED" has expired

=== TEST 9: and one that has an end works until then
--- s3_sign: AKIDENDS ends-secret
--- request: GET /b/k
--- error_code: 200

=== TEST 10: a typing mistake in a word, and where it is
--- files
>>> clients.json
{"clients": [{"access_key": "AK", "secret_key": "topsecret", "grants": [
  {"buckets": ["b"], "deny": ["DeleteObjets"]}]}]}
--- nginx_conf_fails
clients.json.*line 2, column \d+: "clients\[0\].grants\[0\].deny\[0\]": must be "admin", "all"

=== TEST 11: a network that is none
--- files
>>> clients.json
{"clients": [{"access_key": "AK", "secret_key": "topsecret", "from": ["10.1.2.3/8"]}]}
--- nginx_conf_fails
clients.json.*line 1, column \d+: "clients\[0\].from\[0\]": must be a network

=== TEST 12: a denial that shuts administration interfaces
--- http_config eval: "s3_clients apps { file %%SERVROOT%%/clients.json; admin_api on; }\n$::blocks$::upstream"
--- s3_sign eval: ["AKIDDENY deny-secret", "AKIDENDS ends-secret"]
--- request eval: [("GET /minio/admin/v3/info") x 2]
--- error_code: 403 200
--- origin_count: b=1
