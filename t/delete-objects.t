# Tests for DeleteObjects of clients that may delete some keys of a bucket: the body is held, judged key by key, and goes on as
# it came, in every mode and however nginx reads it.

use v5.36;
use lib 't/lib';
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;

my $module = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
our $lua = -e $module && S3Proxy::Nginx::binary() eq '/usr/sbin/nginx'
    ? join '', map { "load_module /usr/lib/nginx/modules/$_.so; " } qw(ndk_http_module ngx_http_lua_module) : '';

our ($blocks, $upstream) = (origin_blocks(), upstream());

# The document for these keys.
sub main::document (@keys) {
    my $objects = join '', map { "<Object><Key>$_</Key></Object>" } @keys;
    return qq{<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">$objects<Quiet>true</Quiet></Delete>};
}

our $good   = "POST /photos?delete\n" . document('2026/a', '2026/b&amp;c');
our $denied = "POST /photos?delete\n" . document('2026/a', '2026/keep/b');
our $other  = "POST /photos?delete\n" . document('2026/a', '2025/b');
our @modes = map { "AKIDSOME some-secret $_" } 'payload=hex', 'payload=unsigned', 'presign=900';
our @framed = map { "AKIDSOME some-secret $_" } 'payload=streaming chunk=64',
    'payload=streaming-trailer chunk=50 trailer=x-amz-checksum-crc32c', 'payload=streaming-unsigned trailer=x-amz-checksum-crc32';

default_sections(
    http_config => "s3_clients apps { file %%SERVROOT%%/clients.json; }\n$blocks$upstream",
    config      => config(server => 'access_log off;'),
    origins     => $ORIGINS,
    s3_sign     => 'AKIDSOME some-secret',
    files       => <<'EOF',
>>> clients.json 0600
{"clients": [
  {"access_key": "AKIDSOME", "secret_key": "some-secret",
   "grants": [{"buckets": ["photos"], "prefix": "2026/", "allow": ["delete"]},
              {"buckets": ["photos"], "prefix": "2026/keep/", "deny": ["DeleteObject"]},
              {"buckets": ["whole"], "allow": ["delete"]},
              {"buckets": ["read"], "allow": ["read"]}]},
  {"access_key": "AKIDDENY", "secret_key": "deny-secret",
   "grants": [{"buckets": ["*"], "allow": ["all"]},
              {"buckets": ["photos"], "prefix": "2026/keep/", "deny": ["delete"]}]}
]}
EOF
);

run_tests();

__DATA__

=== TEST 1: keys that may be deleted, in each mode; the body goes on as it came
--- s3_sign eval: $::modes[0]
--- request eval: $::good
--- error_code: 200
--- origin_count: b=1
--- origin_body_sha256: b: sent

=== TEST 2: the other modes
--- s3_sign eval: [@::modes]
--- request eval: [($::good) x 3]
--- error_code: 200
--- origin_count: b=3
--- no_error_log: refused

=== TEST 3: a key that is denied, and one that nothing covers, refuse all of them
--- s3_sign eval: [@::modes, @::modes]
--- request eval: [($::denied) x 3, ($::other) x 3]
--- s3_error: 403 AccessDenied
--- origin_count: b=0
--- error_log
refused the body of "AKIDSOME": grants[1] denies to delete "2026/keep/b"
refused the body of "AKIDSOME": grants do not cover to delete "2025/b"

=== TEST 4: the answer names the key
--- request eval: $::denied
--- s3_error: 403 AccessDenied
--- s3_error_like
Key: ^2026/keep/b$

=== TEST 5: unbuffered, the origin gets nothing before all of it is known
--- config eval: S3Proxy::Setup::config(server => 'access_log off;', location => 'proxy_request_buffering off;')
--- s3_sign eval: [@::modes, @::modes, @::modes]
--- request eval: [($::good) x 3, ($::denied) x 3, ($::other) x 3]
--- write_size: 40
--- write_delay: 0.02
--- error_code: 200 200 200 403 403 403 403 403 403
--- origin_count: b=3

=== TEST 6: of unknown length
--- config eval: config(location => 's3_unknown_length buffer;')
--- s3_sign: AKIDSOME some-secret payload=unsigned
--- request: POST /photos?delete
--- chunked_body eval: [split /(?=<Key)/, main::document('2026/a', '2026/b')]
--- error_code: 200
--- origin_count: b=1

=== TEST 7: of unknown length, with a key that is denied
--- config eval: config(location => 's3_unknown_length buffer;')
--- s3_sign: AKIDSOME some-secret payload=unsigned
--- request: POST /photos?delete
--- chunked_body eval: [split /(?=<Key)/, main::document('2026/a', '2026/keep/b')]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 8: HTTP/2
--- http2
--- s3_sign eval: [@::modes[0, 1], @::modes[0, 1]]
--- request eval: [($::good) x 2, ($::denied) x 2]
--- error_code: 200 200 403 403
--- origin_count: b=2

=== TEST 9: a body in nginx's temporary file
--- config eval: S3Proxy::Setup::config(server => 'access_log off; client_body_buffer_size 64;', location => 'client_body_in_file_only clean;')
--- s3_sign eval: [@::modes, @::modes]
--- request eval: [($::good) x 3, ($::denied) x 3]
--- error_code: 200 200 200 403 403 403
--- origin_count: b=3

=== TEST 10: a body that a script has read before
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: S3Proxy::Setup::config(server => 'access_log off;', location => 'client_body_buffer_size 64; rewrite_by_lua_block { ngx.req.read_body() }')
--- s3_sign eval: [@::modes, @::modes]
--- request eval: [($::good) x 3, ($::denied) x 3]
--- error_code: 200 200 200 403 403 403
--- origin_count: b=3

=== TEST 11: S3 takes no frames here
--- s3_sign eval: [@::framed]
--- request eval: [($::good) x 3]
--- s3_error: 400 InvalidRequest
--- origin_count: b=0

=== TEST 12: where the whole bucket is granted, and nothing of it denied, the body is nobody's concern
--- s3_sign eval: ["AKIDSOME some-secret", "AKIDDENY deny-secret"]
--- request eval: [("POST /whole?delete\nanything") x 2]
--- error_code: 200
--- origin_count: b=2

=== TEST 13: and where no key of it is, it is refused by its head
--- request eval: [("POST /read?delete\nanything", "POST /other?delete\nanything")]
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 14: all but what is denied
--- s3_sign: AKIDDENY deny-secret
--- request eval: [$::good, $::other, $::denied]
--- error_code: 200 200 403
--- origin_count: b=2

=== TEST 15: what is no list of keys, or could be another to the origin
--- request eval: [map { "POST /photos?delete\n$_" } "x", "<Delete></Delete>", main::document('2026/<!-- -->a'), '<!DOCTYPE x>' . main::document('2026/a'), "<Delete><Object><Key>2026/a</Key><Key>2025/a</Key></Object></Delete>", main::document('2026/a') . main::document('2025/a'), "<x:Delete xmlns:x='y'/>"]
--- s3_error: 400 MalformedXML
--- origin_count: b=0

=== TEST 16: no body, and one of no bytes
--- request eval: ["POST /photos?delete", "POST /photos?delete"]
--- more_headers eval: ["", "Content-Length: 0"]
--- s3_error: 400 MalformedXML
--- origin_count: b=0

=== TEST 17: more than can be held
--- s3_sign eval: [("AKIDSOME some-secret payload=unsigned") x 2]
--- request_body_size: 2100k
--- request eval: ["POST /photos?delete"]
--- s3_error: 400 MaxMessageLengthExceeded
--- origin_count: b=0

=== TEST 18: the largest list of keys there is
--- request eval: "POST /photos?delete\n" . main::document(map { sprintf '2026/%04d%s', $_, 'k' x 1015 } 1 .. 1000)
--- error_code: 200
--- origin_count: b=1
--- origin_body_sha256: b: sent

=== TEST 19: a hash that is wrong is what is said
--- s3_sign: AKIDSOME some-secret tamper_body=s/keep/kept/
--- config eval: S3Proxy::Setup::config(server => 'access_log off;', location => 's3_verify_payload on;')
--- request eval: $::denied
--- s3_error: 400 XAmzContentSHA256Mismatch
--- origin_count: b=0

=== TEST 20: another origin gets the same body
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: .*$/b: refuse/mr
--- s3_sign eval: [@::modes]
--- request eval: [($::good) x 3]
--- error_code: 200
--- origin_count: a=3
