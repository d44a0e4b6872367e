# Tests for clients with a root: they see a bucket of their own inside of a shared one, and nothing else of it.

use v5.36;
use lib 't/lib';
use MIME::Base64 qw(encode_base64);
use S3Proxy::Setup;
use S3Proxy::Test;
use S3Proxy::Uploads;

# What each block has unless it says otherwise.
our $files = <<'EOF2';
>>> clients.json 0600
{"clients": [
  {"access_key": "AKIDTENANTA", "secret_key": "tenant-a-secret", "root": "tenants/a/"},
  {"access_key": "AKIDTENANTB", "secret_key": "tenant-b-secret", "root": "tenants/b/"},
  {"access_key": "AKIDREADER", "secret_key": "reader-secret", "root": "tenants/a/",
   "grants": [{"buckets": ["media"], "prefix": "2026/", "allow": ["read", "list"]}]}
]}
EOF2
our $a = 'AKIDTENANTA tenant-a-secret';
our $b = 'AKIDTENANTB tenant-b-secret';
our $caching = 'proxy_cache cache; proxy_cache_valid any 1m; add_header X-Cache $upstream_cache_status always;';
our $cache = 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m;';

# As http_config; `clients` is added to s3_clients.
sub main::names (%option) {
    return http_config(%option, clients => 'file %%SERVROOT%%/clients.json; ' . ($option{clients} // ''));
}

default_sections(
    http_config => names(),
    config      => config(),
    origins     => $ORIGINS,
    s3_sign     => $a,
    files       => $files,
);

# Origin b answers so: in one piece, then in chunks of seven bytes.
sub main::answers ($body, $status = 200, $words = '') {
    my $text = encode_base64($body, '');
    my $answer = "$status body_base64=$text header=\"Content-Type: application/xml\" $words";
    return $ORIGINS =~ s/^b: (\S+).*/b: $1 $answer | $answer chunked/mr;
}

our $xml = qq{<?xml version="1.0" encoding="UTF-8"?>\n};

# What an origin says, and what tenant a gets of it.
our $list = join '', $xml, '<ListBucketResult><Name>media</Name><Prefix>tenants%2Fa%2F</Prefix><Marker></Marker><NextMarker>tenants/a/y</NextMarker>',
    '<Contents><Key>tenants/a/</Key><Size>0</Size></Contents>',
    '<Contents><Key>tenants/a/k&amp;1</Key></Contents><CommonPrefixes><Prefix>tenants/a/sub/</Prefix></CommonPrefixes></ListBucketResult>';
our $seen = join '', $xml, '<ListBucketResult><Name>media</Name><Prefix></Prefix><Marker></Marker><NextMarker>y</NextMarker>',
    '<Contents><Key>k&amp;1</Key></Contents><CommonPrefixes><Prefix>sub/</Prefix></CommonPrefixes></ListBucketResult>';

run_tests();

__DATA__

=== TEST 1: keys are below the root at the origin, in whatever way they are signed
--- s3_sign eval: [$::a, "$::a payload=unsigned", "$::a presign=900", "$::a payload=streaming chunk=8192"]
--- request eval: ["GET /media/a+b%2Fc?versionId=1", "PUT /media//k\nbody", "GET /media/k?response-content-type=text%2Fplain", "PUT /media/k?partNumber=2&uploadId=u\n" . "x" x 20000]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media/tenants/a/a%20b/c\?versionId=1 HTTP
b[1]: ^PUT /media/tenants/a//k HTTP
b[2]: ^GET /media/tenants/a/k\?response-content-type=text%2Fplain HTTP
b[3]: ^PUT /media/tenants/a/k\?partNumber=2&uploadId=u HTTP

=== TEST 2: lists are of what is below it
--- request eval: ["GET /media", "GET /media/?list-type=2&prefix=p%2F&delimiter=%2F&start-after=p%2Fk", "GET /media?versions&key-marker=k&version-id-marker=1", "GET /media?uploads&prefix=%70", "GET /media?%70refix=x", "GET /media?marker=&max-keys=1"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media\?prefix=tenants%2Fa%2F HTTP
b[1]: ^GET /media/\?delimiter=%2F&list-type=2&prefix=tenants%2Fa%2Fp%2F&start-after=tenants%2Fa%2Fp%2Fk HTTP
b[2]: ^GET /media\?key-marker=tenants%2Fa%2Fk&prefix=tenants%2Fa%2F&version-id-marker=1&versions= HTTP
b[3]: ^GET /media\?prefix=tenants%2Fa%2Fp&uploads= HTTP
b[4]: ^GET /media\?prefix=tenants%2Fa%2Fx HTTP
b[5]: ^GET /media\?marker=&max-keys=1&prefix=tenants%2Fa%2F HTTP

=== TEST 3: what is about no key goes as it is
--- request eval: ["HEAD /media", "GET /media?location", "GET /media?versioning", "GET /"]
--- error_code: 200
--- origin_request_like
b[0]: ^HEAD /media HTTP
b[1]: ^GET /media\?location= HTTP
b[3]: ^GET / HTTP

=== TEST 4: copies come from below it, too
--- more_headers eval: ["x-amz-copy-source: /media/a+b?versionId=x", "x-amz-copy-source: other%2Fk", "x_amz_copy_source: media/k"]
--- request eval: ["PUT /media/k", "PUT /media/k?partNumber=1&uploadId=u", "PUT /media/k"]
--- request_body eval: [("") x 3]
--- error_code: 200
--- origin_request_like
b[0]: ^x-amz-copy-source: /media/tenants/a/a\+b\?versionId=x$
b[0]: SignedHeaders=[^ ]*;x-amz-copy-source;
b[1]: ^x-amz-copy-source: other%2Ftenants/a/k$
b[2]: ^x-amz-copy-source: media/tenants/a/k$

=== TEST 5: in a presigned URL, too
--- s3_sign eval: "$::a presign=900"
--- request: PUT /media/k?x-amz-copy-source=%2Fmedia%2Fl
--- error_code: 200
--- origin_request_like
b: ^PUT /media/tenants/a/k HTTP
b: ^x-amz-copy-source: /media/tenants/a/l$

=== TEST 6: what would lead out of it is refused
--- request eval: [map { "GET $_" } "/media/../k", "/media/%2e%2E/b/k", "/media/a/..%2f../b/k", "/media?prefix=..%2Fb%2F", "/media?list-type=2&start-after=../b", "/media?Prefix=x", "/media?format=json"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 7: sources that would, and those that are not clear
--- more_headers eval: [map { "x-amz-$_" } "copy-source: /media/../b/k", "copy-source: media%2F..%2Fb%2Fk", "copy-source: arn:aws:s3:::media/k", "copy-source: //host/media/k", "rename-source: /k", "meta-snowball-auto-extract: true"]
--- request eval: [("PUT /media/k") x 6]
--- request_body eval: [("") x 6]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 8: a source in a parameter that is no header, and another vendor's
--- more_headers eval: ["", "x-oss-copy-source: /media/k", "x-minio-extract: true"]
--- request eval: ["PUT /media/k?x-amz-copy-source=%2Fmedia%2Fk", "PUT /media/k", "GET /media/k"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 9: operations that are about more than what is below it
--- request eval: ["PUT /media", "DELETE /media", "PUT /media?policy\n{}", "GET /media?lifecycle", "GET /media?acl", "POST /media\n-", "POST /media/k?select&select-type=2\n-", "POST /media/k?restore\n-", "PUT /media/k?renameObject", "GET /media/k?torrent", "PATCH /media/k"]
--- s3_error: 403 AccessDenied
--- origin_count: b=0
--- error_log: "AKIDTENANTA" is not granted this: PutBucketPolicy like this is about more than what is below its root

=== TEST 10: an administration interface, though its clients may have it
--- http_config eval: ::names(clients => 'admin_api on;')
--- request: GET /minio/admin/v3/info
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 11: a key that is too long with it, and one that is not
--- request eval: ["GET /media/" . "k" x 1015, "GET /media/" . "%C3%A4" x 508]
--- s3_error: 400 KeyTooLongError
--- s3_error_like
MaxSizeAllowed: ^1014$
--- code
is($t->send(request => 'GET /media/' . 'k' x 1014)->{status}, 200, 'the longest');

=== TEST 12: grants and logs speak of the client's keys
--- http_config eval: 'log_format names "$s3_bucket|$s3_key|$s3_client"; access_log %%SERVROOT%%/logs/access.log names; ' . ::names()
--- s3_sign: AKIDREADER reader-secret
--- request eval: ["GET /media/2026/k", "GET /media/tenants/a/2026/k", "GET /media?prefix=2026/", "GET /media"]
--- error_code eval: [200, 403, 200, 403]
--- origin_request_like
b[0]: ^GET /media/tenants/a/2026/k HTTP
b[1]: ^GET /media\?prefix=tenants%2Fa%2F2026%2F HTTP
--- access_log
media|2026/k|AKIDREADER

=== TEST 13: a list, without the root, and without the object that is it
--- origins eval: ::answers($::list)
--- request eval: ["GET /media", "GET /media"]
--- error_code: 200
--- response_body eval: $::seen

=== TEST 14: a list that names something else is cut off
--- origins eval: ::answers('<ListBucketResult><Contents><Key>tenants/b/k</Key></Contents></ListBucketResult>', 200, 'chunked')
--- code
for (1, 2) {
    my $response = $t->send(request => 'GET /media');
    unlike($response->{head} . $response->{body}, qr/tenants/, 'nothing is shown');
    ok(!$response->{complete}, 'and it has no end');
}
ok($t->wait_for_log(qr/the origin's answer is cut off: it names a key outside of the client's root/), 'the log says why');

=== TEST 15: errors
--- origins eval: ::answers('<Error><Code>NoSuchKey</Code><Key>tenants/a/k</Key><Resource>/media/tenants/a/k</Resource></Error>', 404)
--- request: GET /media/k
--- error_code: 404
--- response_body: <Error><Code>NoSuchKey</Code><Key>k</Key><Resource>/media/k</Resource></Error>

=== TEST 16: an upload that is begun and completed
--- origins eval: ::answers('<CompleteMultipartUploadResult><Location>http://10.0.0.1/media/tenants/a/k</Location><Bucket>media</Bucket><Key>tenants/a/k</Key></CompleteMultipartUploadResult>')
--- more_headers: Host: s3.lan
--- request eval: ["POST /media/k?uploadId=u\n<x/>"]
--- response_body: <CompleteMultipartUploadResult><Location>http://s3.lan/media/k</Location><Bucket>media</Bucket><Key>k</Key></CompleteMultipartUploadResult>

=== TEST 17: where a redirect leads
--- origins eval: ::answers('', 307, 'header="Location: http://%%ORIGIN_B%%/media/tenants/a/k"')
--- more_headers: Host: s3.lan
--- request: GET /media/k
--- error_code: 307
--- response_headers: Location: http://s3.lan/media/k

=== TEST 18: one that leads to others' keys
--- origins eval: ::answers('', 307, 'header="Location: http://%%ORIGIN_B%%/media/tenants/b/k"')
--- request: GET /media/k
--- error_code: 307
--- response_headers: !Location

=== TEST 19: buckets in the host, and called otherwise by each origin
--- http_config eval: ::names(clients => 'domain s3.lan;', a => 'host s3.a.example; bucket media acme-media;', b => 'style virtual; host s3.b.example; bucket media eu-media;')
--- origins
b: 503
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- more_headers eval: ["Host: media.s3.lan", "Host: media.s3.lan", "Host: s3.lan", "Host: media.s3.lan\nx-amz-copy-source: /media/l"]
--- request eval: ["GET /k", "GET /", "GET /media/k", "PUT /k"]
--- request_body eval: [("") x 4]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /tenants/a/k HTTP
b[0]: ^Host: eu-media\.s3\.b\.example$
a[0]: ^GET /acme-media/tenants/a/k HTTP
b[1]: ^GET /\?prefix=tenants%2Fa%2F HTTP
a[1]: ^GET /acme-media/\?prefix=tenants%2Fa%2F HTTP
a[2]: ^GET /acme-media/tenants/a/k HTTP
b[3]: ^x-amz-copy-source: /eu-media/tenants/a/l$
a[3]: ^x-amz-copy-source: /acme-media/tenants/a/l$

=== TEST 20: a cache: what one tenant has read no other gets, nor whoever has no root
--- http_config eval: ::names(more => $::cache)
--- config eval: ::config(location => "$::caching proxy_cache_key \$s3_cache_key;")
--- s3_sign eval: [$::a, $::a, $::b, $S3Proxy::Setup::CLIENT, $S3Proxy::Setup::CLIENT, "$::a presign=900"]
--- request eval: ["GET /media/k", "HEAD /media/k", "GET /media/k", "GET /media/k", "GET /media/tenants/a/k", "GET /media/k"]
--- response_headers eval: ["X-Cache: MISS", "X-Cache: HIT", "X-Cache: MISS", "X-Cache: MISS", "X-Cache: MISS", "X-Cache: HIT"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media/tenants/a/k HTTP
b[1]: ^GET /media/tenants/b/k HTTP
b[2]: ^GET /media/k HTTP

=== TEST 21: a key of a cache that was asked for before the client was known
--- http_config eval: ::names(more => "$::cache map \$s3_cache_key \$early { default x; }")
--- config eval: ::config(location => "set \$early_key \$s3_cache_key; set \$e \$early; $::caching proxy_cache_key \$s3_cache_key;")
--- s3_sign eval: [$S3Proxy::Setup::CLIENT, $::a, $::a]
--- request eval: [("GET /media/early") x 3]
--- response_headers eval: ["X-Cache: MISS", "X-Cache: MISS", "X-Cache: HIT"]
--- error_code: 200

=== TEST 22: a cache whose key says nothing of it
--- http_config eval: ::names(more => $::cache)
--- config eval: ::config(location => "$::caching proxy_cache_key \$request_uri;")
--- s3_sign eval: [$::a, $S3Proxy::Setup::CLIENT, $::a, $S3Proxy::Setup::CLIENT, $::a]
--- request eval: [("GET /media/k") x 4, "PUT /media/k\nx"]
--- error_code eval: [500, 200, 500, 200, 200]
--- origin_count: b=2
--- error_log: "proxy_cache_key" has no "$s3_cache_key"

=== TEST 23: a name of an object does not pass for a root
--- http_config eval: ::names(more => $::cache)
--- config eval: ::config(location => "$::caching proxy_cache_key \$uri;")
--- request eval: ["GET /media/root:tenants/a/", "GET /media/root:tenants/a/%0A"]
--- error_code: 500
--- origin_count: b=0

=== TEST 24: slices
--- http_config eval: ::names(more => $::cache)
--- config eval: ::config(location => 'slice 10; proxy_set_header Range $slice_range; proxy_cache cache; proxy_cache_key $s3_cache_key$slice_range; proxy_cache_valid 200 206 1m;')
--- origins
b: 206 header="Content-Range: bytes 0-9/15" header="ETag: x" body=0123456789 | 206 header="Content-Range: bytes 10-14/15" header="ETag: x" body=01234
--- request eval: ["GET /media/k", "GET /media/k"]
--- response_body: 012345678901234
--- origin_count: b=2
--- origin_request_like
b: ^GET /media/tenants/a/k HTTP

=== TEST 25: a store keeps nothing of it
--- config eval: ::config(location => 'root %%SERVROOT%%/store; proxy_store on; proxy_temp_path %%SERVROOT%%/tmp;')
--- s3_sign eval: [$::a, $S3Proxy::Setup::CLIENT]
--- request eval: ["GET /media/k", "GET /media/l"]
--- error_code: 200
--- code
my $store = $t->nginx->prefix . '/store/media';
ok(!-e "$store/k", 'not kept');
ok(-e "$store/l", 'of others, kept');

=== TEST 26: files, and whatever else knows nothing of a root
--- files eval: $::files . ">>> html/media/k\nof everybody\n"
--- config
location / { s3_verify apps; s3_resign on; root %%SERVROOT%%/html; try_files $uri @origin; }
location @origin { s3_verify apps; s3_resign on; proxy_pass http://s3; }
--- s3_sign eval: [$S3Proxy::Setup::CLIENT, $::a, $::a]
--- request eval: ["GET /media/k", "GET /media/k", "GET /media/other"]
--- error_code eval: [200, 500, 200]
--- origin_request_like
b: ^GET /media/tenants/a/other HTTP

--- error_log: the answer is not for a client with a "root"

=== TEST 27: where nothing is signed anew
--- config eval: ::config() =~ s/s3_resign on/s3_resign off/r
--- s3_sign eval: [$::a, $S3Proxy::Setup::CLIENT]
--- request eval: [("GET /media/k") x 2]
--- error_code eval: [403, 200]
--- origin_verdict
--- client_key_sent
--- origins
b: 200
--- error_log: a client with a "root", where no "s3_resign" is in force

=== TEST 28: a rewritten path
--- config eval: ::config(location => 'rewrite ^/media/old/(.*) /media/$1 break; rewrite ^/media/out/(.*) /media/../$1 break; rewrite ^/media/list /media break;')
--- request eval: ["GET /media/old/a%2Bb", "GET /media/list", "GET /media/out/k"]
--- error_code eval: [200, 200, 403]
--- origin_request_like
b[0]: ^GET /media/tenants/a/a%2Bb HTTP
b[1]: ^GET /media\?prefix=tenants%2Fa%2F HTTP

=== TEST 29: subrequests, and error pages
--- config eval: ::config(location => 'auth_request /may; mirror /mirror; error_page 404 = @second;', server => 'location = /may { internal; s3_verify off; s3_resign on; proxy_pass http://s3/policies/may; proxy_pass_request_body off; proxy_method GET; } location = /mirror { internal; s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%$request_uri; } location @second { s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }')
--- request: GET /media/k
--- error_code: 200
--- origin_request_like
b[0]: ^GET /policies/tenants/a/may HTTP
b[1]: ^GET /media/tenants/a/k HTTP
a: ^GET /media/tenants/a/k HTTP

=== TEST 30: the next origin, by an error page
--- config eval: ::config(location => 'proxy_intercept_errors on; error_page 404 = @second;', server => 'location @second { s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) 200/b: $1 404/mr
--- request: GET /media/k
--- response_body: from a
--- origin_request_like
b: ^GET /media/tenants/a/k HTTP
a: ^GET /media/tenants/a/k HTTP

=== TEST 31: a preflight
--- config eval: ::config(location => 's3_cors_preflight on;')
--- origins
b: 200
--- s3_sign eval: ["", $::a]
--- more_headers
Origin: http://x
--- request eval: ["OPTIONS /media/k", "OPTIONS /media/k"]
--- error_code: 200

=== TEST 32: DeleteObjects: the root goes in front of each key, and the body is signed and summed up as it leaves
--- s3_sign eval: [$::a, "$::a payload=unsigned", "$::a presign=900", "AKIDREADER reader-secret", $::a, $::a]
--- more_headers eval: ["Content-MD5: y4Qo0zbrgf9Q8PA6fM8XQw==", "x-amz-checksum-crc32: wCMI8w==\nx-amz-sdk-checksum-algorithm: CRC32", "", "", "", ""]
--- request eval: [map { "POST /media?delete\n<Delete>$_<Quiet>true</Quiet></Delete>" } ("<Object><Key>k</Key></Object><Object><VersionId>1</VersionId><Key>l&amp;m</Key></Object>") x 4, "<Object><Key>../b/k</Key></Object>", "<Object><Key>a<!-- --></Key></Object>"]
--- error_code eval: [200, 200, 200, 403, 403, 400]
--- origin_count: b=3
--- origin_body
b: <Delete><Object><Key>tenants/a/k</Key></Object><Object><VersionId>1</VersionId><Key>tenants/a/l&amp;m</Key></Object><Quiet>true</Quiet></Delete>
--- origin_request_like
b: ^POST /media\?delete= HTTP
b: ^Content-MD5: SOnsG6RpxmzKRdmA7snG\+Q==$
b: ^Content-Length: 144$
b: ^x-amz-content-sha256: [0-9a-f]{64}$
b: SignedHeaders=content-length;content-md5;
--- origin_request_unlike
b: (?i)^x-amz-(sdk-)?checksum

=== TEST 33: however it is read, and at a second origin, too
--- config eval: ::config(location => 'proxy_request_buffering off; mirror /mirror;', server => 'location = /mirror { internal; s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%$request_uri; }')
--- origins
b: reset | 503
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="<DeleteResult><Deleted><Key>tenants/a/k</Key></Deleted><Error><Key>tenants/a/l</Key></Error></DeleteResult>" header="Content-Type: application/xml"
--- request eval: [("POST /media?delete\n<Delete><Object><Key>k</Key></Object></Delete>") x 2]
--- error_code: 200
--- response_body: <DeleteResult><Deleted><Key>k</Key></Deleted><Error><Key>l</Key></Error></DeleteResult>
--- origin_body
a: <Delete><Object><Key>tenants/a/k</Key></Object></Delete>

=== TEST 34: many keys, in nginx's file
--- config eval: ::config(location => 'client_body_in_file_only clean; client_body_buffer_size 1k;')
--- request eval: "POST /media?delete\n<Delete>" . join('', map { "<Object><Key>k$_</Key></Object>" } 1 .. 3000) . '</Delete>'
--- error_code: 200
--- origin_body eval: 'b: <Delete>' . join('', map { "<Object><Key>tenants/a/k$_</Key></Object>" } 1 .. 3000) . '</Delete>'

=== TEST 35: what becomes a DeleteObjects behind the access phase has keys that nobody has looked at
--- config eval: ::config(location => 'if ($arg_a) { set $args delete; } proxy_method POST;')
--- request eval: ["PUT /media/k?a=1\n<Delete><Object><Key>k</Key></Object></Delete>", "GET /media?a=1"]
--- error_code eval: [403, 403]
--- origin_count: b=0

=== TEST 36: nor has a body that is not the client's
--- config eval: ::config(location => 'proxy_set_body "<Delete><Object><Key>k</Key></Object></Delete>";')
--- request eval: "POST /media?delete\n<Delete><Object><Key>k</Key></Object></Delete>"
--- error_code: 403
--- origin_count: b=0

=== TEST 37: a body that was changed is not changed again
--- config eval: ::config(location => 'proxy_intercept_errors on; error_page 404 = @second;', server => 'location @second { s3_verify apps; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) 200/b: $1 404/mr
--- request eval: "POST /media?delete\n<Delete><Object><Key>k</Key></Object></Delete>"
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=0 b=1

=== TEST 38: the list of buckets, for one with grants
--- s3_sign: AKIDREADER reader-secret
--- origins eval: ::answers('<ListAllMyBucketsResult><Buckets><Bucket><Name>media</Name></Bucket><Bucket><Name>other</Name></Bucket></Buckets></ListAllMyBucketsResult>')
--- request: GET /
--- error_code: 200
--- response_body_like: <Name>media</Name>
--- response_body_unlike: other

=== TEST 39: a location without verification that it comes to from one with
--- config eval: ::config(location => 'proxy_intercept_errors on; error_page 404 = @open;', server => 'location @open { s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%; } location /open/ { s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) 200/b: $1 404/mr
--- s3_sign eval: [$::a, $::a, $S3Proxy::Setup::CLIENT, ""]
--- request eval: ["GET /media/tenants/b/k", "POST /media?delete\n<Delete><Object><Key>k</Key></Object></Delete>", "GET /media/k", "GET /open/k"]
--- error_code eval: [200, 503, 200, 200]
--- origin_request_like
a[0]: ^GET /media/tenants/a/tenants/b/k HTTP
a[1]: ^GET /media/k HTTP
a[2]: ^GET /open/k HTTP

=== TEST 40: a root that is none
--- files
>>> clients.json 0600
{"clients": [{"access_key": "AKIDTENANTA", "secret_key": "tenant-a-secret", "root": "../b/"}]}
--- nginx_conf_fails: "clients\[0\]\.root": must be 1 to 256 letters

=== TEST 41: over HTTP/2
--- http2
--- request eval: ["GET /media/k", "HEAD /media/sub/", "PUT /media/k\nbody"]
--- error_code: 200
--- origin_request_like
b[0]: ^GET /media/tenants/a/k HTTP
b[1]: ^HEAD /media/tenants/a/sub/ HTTP
b[2]: ^PUT /media/tenants/a/k HTTP

=== TEST 42: an upload that stays with its origin
--- http_config eval: ::names(upstream => $S3Proxy::Uploads::STICKY)
--- origins eval: ::answers('<InitiateMultipartUploadResult><Bucket>media</Bucket><Key>tenants/a/k</Key><UploadId>2~B+/=</UploadId></InitiateMultipartUploadResult>')
--- request: POST /media/k?uploads
--- error_code: 200
--- response_body eval: '<InitiateMultipartUploadResult><Bucket>media</Bucket><Key>k</Key><UploadId>' . upload_id('b') . '</UploadId></InitiateMultipartUploadResult>'
--- origin_request_like
b: ^POST /media/tenants/a/k\?uploads= HTTP

=== TEST 43: what is about it
--- http_config eval: ::names(upstream => $S3Proxy::Uploads::STICKY)
--- request eval: my $id = upload_query('a'); ["PUT /media/k?partNumber=1&uploadId=$id\npart", "GET /media/k?uploadId=$id", "GET /media?uploads&prefix=s&key-marker=k&upload-id-marker=$id", "DELETE /media/k?uploadId=$id"]
--- error_code: 200
--- origin_count: a=4 b=0
--- origin_request_like
a[0]: ^PUT /media/tenants/a/k\?partNumber=1&uploadId=2~A%2B%2F%3D HTTP
a[1]: ^GET /media/tenants/a/k\?uploadId=2~A%2B%2F%3D HTTP
a[2]: ^GET /media\?key-marker=tenants%2Fa%2Fk&prefix=tenants%2Fa%2Fs&upload-id-marker=2~A%2B%2F%3D&uploads= HTTP
a[3]: ^DELETE /media/tenants/a/k\?uploadId=2~A%2B%2F%3D HTTP

=== TEST 44: DeleteObjects: what was said of the body that came is compared here, since no origin gets that one
--- s3_sign eval: ["$::a payload=" . '0' x 64, "$::a presign=900 payload=" . '0' x 64, $::a, "$::a payload=unsigned", "$::a payload=unsigned"]
--- more_headers eval: ["", "", ("Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==") x 2, "x-amz-checksum-crc32: AAAAAA=="]
--- request eval: [("POST /media?delete\n<Delete><Object><Key>k</Key></Object></Delete>") x 5]
--- s3_error eval: [('400 XAmzContentSHA256Mismatch') x 2, ('400 BadDigest') x 3]
--- origin_count: a=0 b=0
