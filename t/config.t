# Tests for the directives: contexts, inheritance, off, duplicates, mistakes
# that nginx -t names with file and line.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

our ($clients, $blocks, $upstream) = (clients(), origin_blocks(), upstream());
our $client = $CLIENT;
default_sections(http_config => http_config(), config => config(), origins => $ORIGINS, s3_sign => $CLIENT);

# A mistake inside of s3_clients or s3_origin, alone in its line.
sub main::in_clients ($line) { return "s3_clients apps {\n key AKIDCLIENT x;\n $line # HERE\n }\n" . origin_blocks() . upstream() }
sub main::in_origin ($line, $rest = 'endpoint http://127.0.0.1:1; key K S;') { return clients() . "s3_origin o { $rest\n $line # HERE\n }\n" . origin_blocks() . upstream() }

run_tests();

__DATA__

=== TEST 1: all of it together is right
--- nginx_conf_ok: syntax is ok

=== TEST 2: s3_clients twice by one name
--- http_config eval: $::clients . "s3_clients apps { key A b; } # HERE\n" . $::blocks . $::upstream
--- nginx_conf_fails: duplicate.*"apps".*nginx.conf:%%HERE%%

=== TEST 3: s3_clients without a name, without a key, named off
--- http_config eval: "s3_clients { key A b; } # HERE\n"
--- config
--- nginx_conf_fails: invalid number of arguments in "s3_clients".*nginx.conf:%%HERE%%

=== TEST 4: s3_clients without a key
--- http_config eval: "s3_clients apps { region us-east-1; } # HERE\n"
--- config
--- nginx_conf_fails: no "key".*"apps".*nginx.conf:%%HERE%%

=== TEST 5: s3_clients named off
--- http_config eval: "s3_clients off { key A b; } # HERE\n"
--- config
--- nginx_conf_fails: "off".*nginx.conf:%%HERE%%

=== TEST 6: an unknown line in s3_clients
--- http_config eval: ::in_clients('keys A b;')
--- nginx_conf_fails: unknown directive "keys".*nginx.conf:%%HERE%%

=== TEST 7: a key twice
--- http_config eval: ::in_clients('key AKIDCLIENT y;')
--- nginx_conf_fails: AKIDCLIENT.*nginx.conf:%%HERE%%

=== TEST 8: a key without a secret, with an empty one, with an unknown parameter
--- http_config eval: ::in_clients('key AKIDOTHER;')
--- nginx_conf_fails: invalid number of arguments in "key".*nginx.conf:%%HERE%%

=== TEST 9: an empty secret
--- http_config eval: ::in_clients('key AKIDOTHER "";')
--- nginx_conf_fails: empty.*nginx.conf:%%HERE%%

=== TEST 10: an unknown parameter of a key
--- http_config eval: ::in_clients('key AKIDOTHER verysecret wrong=alsosecret;')
--- nginx_conf_fails
invalid parameter .*nginx.conf:%%HERE%%

=== TEST 11: signature_v2 takes on and off
--- http_config eval: ::in_clients('signature_v2 maybe;')
--- nginx_conf_fails: invalid value in "signature_v2" directive, it must be "on" or "off" in .*nginx.conf:%%HERE%%

=== TEST 12: signature_v2 twice
--- http_config eval: ::in_clients("signature_v2 on;\nsignature_v2 on;")
--- nginx_conf_fails: duplicate "signature_v2".*nginx.conf:%%HERE%%

=== TEST 13: clock_skew of nonsense
--- http_config eval: ::in_clients('clock_skew soon;')
--- nginx_conf_fails: "clock_skew".*nginx.conf:%%HERE%%

=== TEST 14: clock_skew without bounds
--- http_config eval: ::in_clients('clock_skew 365d;')
--- nginx_conf_fails: "clock_skew".*nginx.conf:%%HERE%%

=== TEST 15: a secret from the environment
--- http_config eval: 's3_clients apps { key env=CLIENT_KEY env=CLIENT_SECRET; }' . $::blocks . $::upstream
--- env
CLIENT_KEY=AKIDCLIENT
CLIENT_SECRET=client/Secret+Key=0123456789
--- request: GET /bucket/key
--- error_code: 200

=== TEST 16: from the environment, where it is not set
--- http_config eval: "s3_clients apps { key AKIDCLIENT env=NOT_SET_ANYWHERE; # HERE\n }" . $::blocks . $::upstream
--- nginx_conf_fails: "NOT_SET_ANYWHERE".*is not set.*nginx.conf:%%HERE%%

=== TEST 17: a secret from a file, its line break not part of it
--- http_config eval: 's3_clients apps { key AKIDCLIENT file=%%SERVROOT%%/secret; }' . $::blocks . $::upstream
--- files
>>> secret 0600
client/Secret+Key=0123456789
--- request: GET /bucket/key
--- error_code: 200

=== TEST 18: a file that is not there
--- http_config eval: "s3_clients apps { key AKIDCLIENT file=/nonexistent/secret; # HERE\n }" . $::blocks . $::upstream
--- nginx_conf_fails: "/nonexistent/secret".*nginx.conf:%%HERE%%

=== TEST 19: rotation: both secrets are good
--- http_config eval: 's3_clients apps { key AKIDCLIENT newsecret old=oldsecret; }' . $::blocks . $::upstream
--- s3_sign eval: ["AKIDCLIENT newsecret", "AKIDCLIENT oldsecret", "AKIDCLIENT othersecret"]
--- request eval: [("GET /bucket/key") x 3]
--- error_code: 200 200 403

=== TEST 20: a clients file without clients
--- http_config eval: "s3_clients apps { file %%SERVROOT%%/clients.json; } # HERE\n" . $::blocks . $::upstream
--- files
>>> clients.json
{"clients": []}
--- nginx_conf_ok: \[warn\].* s3_clients "apps" has no client.*nginx.conf:%%HERE%%

=== TEST 21: clients.json that is no JSON
--- http_config eval: "s3_clients apps { file %%SERVROOT%%/clients.json; # HERE\n }" . $::blocks . $::upstream
--- files
>>> clients.json
{"clients": [
--- nginx_conf_fails: clients.json.*nginx.conf:%%HERE%%

=== TEST 22: region: several
--- http_config eval: ::http_config(clients => 'region us-east-1 eu-west-1;')
--- s3_sign eval: [map { "$::client region=$_" } qw(us-east-1 eu-west-1 eu-west-9)]
--- request eval: [("GET /bucket/key") x 3]
--- error_code: 200 200 400

=== TEST 23: host: only the names that are listed
--- http_config eval: ::http_config(clients => 'host s3.example.com s3.example.com:8443;')
--- more_headers eval: ["Host: s3.example.com", "Host: s3.example.com:8443", "Host: other.example.com"]
--- request eval: [("GET /bucket/key") x 3]
--- error_code: 200 200 403

=== TEST 24: clock_skew
--- http_config eval: ::http_config(clients => 'clock_skew 60s;')
--- s3_sign eval: ["$::client date=-50", "$::client date=-70"]
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 200 403

=== TEST 25: max_object_size
--- http_config eval: ::http_config(clients => 'max_object_size 1k;')
--- s3_sign eval: [$::client, $::client]
--- request eval: ["PUT /bucket/key\n" . 'x' x 1024, "PUT /bucket/key\n" . 'x' x 1025]
--- error_code: 200 400
--- response_body_like eval: ["from b", "<Code>EntityTooLarge</Code>"]

=== TEST 26: s3_origin twice by one name
--- http_config eval: $::clients . $::blocks . "s3_origin a { endpoint http://127.0.0.1:1; key K S; } # HERE\n" . $::upstream
--- nginx_conf_fails: duplicate.*"a".*nginx.conf:%%HERE%%

=== TEST 27: two origins with one endpoint
--- http_config eval: $::clients . $::blocks . "s3_origin c { endpoint http://%%ORIGIN_A%%; key K S; } # HERE\n" . $::upstream
--- nginx_conf_fails: "c".*"a".*nginx.conf:%%HERE%%

=== TEST 28: s3_origin without an endpoint
--- http_config eval: $::clients . $::blocks . "s3_origin c { key K S; } # HERE\n" . $::upstream
--- nginx_conf_fails: no "endpoint".*"c".*nginx.conf:%%HERE%%

=== TEST 29: s3_origin without a key
--- http_config eval: $::clients . $::blocks . "s3_origin c { endpoint http://127.0.0.1:1; } # HERE\n" . $::upstream
--- nginx_conf_fails: no "key".*"c".*nginx.conf:%%HERE%%

=== TEST 30: s3_origin named on
--- http_config eval: "s3_origin on { endpoint http://127.0.0.1:1; key K S; } # HERE\n"
--- config
--- nginx_conf_fails: "on".*nginx.conf:%%HERE%%

=== TEST 31: an unknown line in s3_origin
--- http_config eval: ::in_origin('regio x;')
--- nginx_conf_fails: unknown directive "regio".*nginx.conf:%%HERE%%

=== TEST 32: endpoint without scheme
--- http_config eval: ::in_origin('endpoint s3.example.com;', 'key K S;')
--- nginx_conf_fails: endpoint "s3.example.com".*nginx.conf:%%HERE%%

=== TEST 33: endpoint with a query
--- http_config eval: ::in_origin('endpoint https://s3.example.com/bucket?x;', 'key K S;')
--- nginx_conf_fails: endpoint "https://s3.example.com/bucket\?x".*nginx.conf:%%HERE%%

=== TEST 34: endpoint with a user
--- http_config eval: ::in_origin('endpoint https://u:p@s3.example.com;', 'key K S;')
--- nginx_conf_fails: endpoint.*nginx.conf:%%HERE%%

=== TEST 35: endpoint with a bad port
--- http_config eval: ::in_origin('endpoint https://s3.example.com:70000;', 'key K S;')
--- nginx_conf_fails: endpoint.*nginx.conf:%%HERE%%

=== TEST 36: endpoint twice
--- http_config eval: ::in_origin('endpoint http://127.0.0.1:2;')
--- nginx_conf_fails: duplicate "endpoint".*nginx.conf:%%HERE%%

=== TEST 37: key twice
--- http_config eval: ::in_origin('key K2 S2;')
--- nginx_conf_fails: duplicate "key".*nginx.conf:%%HERE%%

=== TEST 38: region twice
--- http_config eval: ::in_origin('region r;', 'endpoint http://127.0.0.1:1; key K S; region r;')
--- nginx_conf_fails: duplicate "region".*nginx.conf:%%HERE%%

=== TEST 39: an origin with a session token: it goes along, and is signed
--- http_config eval: $::clients . $::blocks =~ s/(AKIDORIGINB \S+);/$1 token=origintoken;/r . $::upstream
--- request: GET /bucket/key
--- error_code: 200
--- origin_request_like
b: (?i)^x-amz-security-token: origintoken$
b: SignedHeaders=[^,]*x-amz-security-token

=== TEST 40: an origin's key from the environment and a file
--- http_config eval: $::clients . $::blocks =~ s/key AKIDORIGINB \S+;/key env=ORIGIN_KEY file=%%SERVROOT%%\/origin-secret;/r . $::upstream
--- env
ORIGIN_KEY=AKIDORIGINB
--- files
>>> origin-secret 0600
origin-b/Secret+Key=
--- request: GET /bucket/key
--- error_code: 200

=== TEST 41: s3_verify that names nobody
--- config
location / {
    s3_verify nobody; # HERE
}
--- nginx_conf_fails: unknown s3_clients "nobody".*nginx.conf:%%HERE%%

=== TEST 42: s3_verify twice
--- config
location / {
    s3_verify apps;
    s3_verify off; # HERE
}
--- nginx_conf_fails: "s3_verify" directive is duplicate.*nginx.conf:%%HERE%%

=== TEST 43: s3_resign twice
--- config
location / {
    s3_resign on;
    s3_resign off; # HERE
}
--- nginx_conf_fails: "s3_resign" directive is duplicate.*nginx.conf:%%HERE%%

=== TEST 44: s3_resign by a name that is no origin
--- config
location / {
    s3_verify apps;
    s3_resign nobody; # HERE
    proxy_pass http://s3;
}
--- nginx_conf_fails: unknown s3_origin "nobody".*nginx.conf:%%HERE%%

=== TEST 45: s3_resign without s3_verify
--- config
location / {
    s3_resign on; # HERE
    proxy_pass http://s3;
}
--- nginx_conf_fails: s3_verify.*nginx.conf:%%HERE%%

=== TEST 46: s3_verify without arguments
--- config
location / {
    s3_verify; # HERE
}
--- nginx_conf_fails: invalid number of arguments in "s3_verify".*nginx.conf:%%HERE%%

=== TEST 47: blocks may stand behind their uses
--- http_config eval: $::upstream . "server { listen 127.0.0.1:%%PORT_early%%; location / { s3_verify apps; s3_resign on; proxy_pass http://s3; } }\n" . $::blocks . $::clients
--- nginx_conf_ok: syntax is ok

=== TEST 48: s3_clients in a location is out of place
--- config
location / {
    s3_clients x { key A b; } # HERE
}
--- nginx_conf_fails: "s3_clients" directive is not allowed here.*nginx.conf:%%HERE%%

=== TEST 49: inheritance from http to location, and off
--- http_config eval: $::clients . $::blocks . $::upstream . 's3_verify apps; s3_resign on; proxy_http_version 1.1;'
--- config
location / { proxy_pass http://s3; }
location /open/ { s3_verify off; proxy_pass http://s3; }
--- s3_sign eval: [$::client, "", ""]
--- request eval: ["GET /bucket/key", "GET /bucket/key", "GET /open/key"]
--- error_code: 200 403 200

=== TEST 50: inheritance from server to location, and another in the location
--- http_config eval: $::clients . 's3_clients others { key AKIDOTHER othersecret; }' . $::blocks . $::upstream
--- config
s3_verify others;
s3_resign on;
proxy_http_version 1.1;
location / { proxy_pass http://s3; }
location /apps/ { s3_verify apps; proxy_pass http://s3; location /apps/deep/ { proxy_pass http://s3; } }
--- s3_sign eval: ["AKIDOTHER othersecret", $::client, $::client, $::client]
--- request eval: ["GET /bucket/key", "GET /bucket/key", "GET /apps/key", "GET /apps/deep/key"]
--- error_code: 200 403 200 200

=== TEST 51: s3_verify in limit_except: reading is free, writing is not
--- config
location / {
    s3_verify off;
    s3_resign on;
    proxy_http_version 1.1;
    limit_except GET { s3_verify apps; }
    proxy_pass http://s3;
}
--- s3_sign eval: ["", "", $::client]
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nx", "PUT /bucket/key\nx"]
--- error_code: 200 403 200

=== TEST 52: s3_cors_preflight on
--- config eval: ::config(location => 's3_cors_preflight on;')
--- s3_sign:
--- origins
b: 200 body=cors
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- request eval: ["OPTIONS /bucket/key", "GET /bucket/key"]
--- error_code: 200 403
--- origin_request_like
b: ^OPTIONS /bucket/key HTTP/1.1$
b: ^Host: %%ORIGIN_B%%$
b: (?i)^origin: https://example.com$
--- origin_request_unlike
b: ^Authorization

=== TEST 52.1: one with a body is none, whatever its length
--- config eval: ::config(location => 's3_cors_preflight on; proxy_request_buffering off;')
--- s3_sign:
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- request: OPTIONS /bucket/key
--- request_body: hello
--- s3_error: 400 InvalidRequest
--- origin_count: b=0

=== TEST 52.2: likewise without a length
--- config eval: ::config(location => 's3_cors_preflight on;')
--- s3_sign:
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- request: OPTIONS /bucket/key
--- chunked_body eval: ["hello", " world"]
--- s3_error: 400 InvalidRequest
--- origin_count: b=0

=== TEST 53: s3_cors_preflight of nonsense
--- config
s3_cors_preflight yes; # HERE
--- nginx_conf_fails: "s3_cors_preflight".*it must be "on" or "off".*nginx.conf:%%HERE%%

=== TEST 54: nginx -T shows what the user wrote, and no more
--- http_config eval: 's3_clients apps { key env=CLIENT_KEY env=CLIENT_SECRET; }' . $::blocks . $::upstream
--- env
CLIENT_KEY=AKIDCLIENT
CLIENT_SECRET=client/Secret+Key=0123456789
--- request: GET /bucket/key
--- code
my ($text) = do {
    local $ENV{CLIENT_KEY} = 'AKIDCLIENT';
    local $ENV{CLIENT_SECRET} = 'client/Secret+Key=0123456789';
    S3Proxy::Client::run_command(S3Proxy::Nginx::binary(), '-T', '-p', $t->nginx->prefix . '/', '-c', 'conf/nginx.conf');
};
like($text, qr/env=CLIENT_SECRET/, 'the place');
unlike($text, qr{client/Secret}, 'not the secret');

=== TEST 55: s3_verify_payload of nonsense
--- config
s3_verify_payload maybe; # HERE
--- nginx_conf_fails: "s3_verify_payload".*it must be "on" or "off".*nginx.conf:%%HERE%%

=== TEST 56: s3_verify_payload is inherited, and off goes before
--- config eval: ::config(server => 's3_verify_payload on; location /off/ { s3_verify_payload off; s3_verify apps; s3_resign on; proxy_http_version 1.1; proxy_pass http://s3; }')
--- origins
b: 200
--- s3_sign eval: "$::client payload=" . 'a' x 64
--- request eval: ["PUT /bucket/key\nx", "PUT /off/key\nx"]
--- error_code: 400 200

=== TEST 57: s3_max_chunk_size too small
--- config
s3_max_chunk_size 1k; # HERE
--- nginx_conf_fails: "s3_max_chunk_size".*"1k".*nginx.conf:%%HERE%%

=== TEST 58: s3_max_chunk_size of nonsense
--- config
s3_max_chunk_size much; # HERE
--- nginx_conf_fails: "s3_max_chunk_size".*"much".*nginx.conf:%%HERE%%

=== TEST 59: s3_max_chunk_size twice
--- config
s3_max_chunk_size 64k;
s3_max_chunk_size 64k; # HERE
--- nginx_conf_fails: duplicate.*nginx.conf:%%HERE%%

=== TEST 60: payload of an origin takes unsigned, and no nonsense
--- http_config eval: ::in_origin('payload plain;')
--- nginx_conf_fails: "payload" "plain".*nginx.conf:%%HERE%%

=== TEST 61: payload twice
--- http_config eval: ::in_origin("payload unsigned;\npayload unsigned;")
--- nginx_conf_fails: duplicate "payload".*nginx.conf:

=== TEST 62: the wrong number of arguments, everywhere
--- http_config eval: ::in_origin('region a b;')
--- nginx_conf_fails: invalid number of arguments in "region".*nginx.conf:%%HERE%%

=== TEST 63: in s3_clients too
--- http_config eval: ::in_clients('clock_skew 1m 2m;')
--- nginx_conf_fails: invalid number of arguments in "clock_skew".*nginx.conf:%%HERE%%

=== TEST 64: an origin that nobody uses, and an endpoint with its scheme's port
--- http_config eval: ::http_config(more => 's3_origin spare { endpoint https://spare.example.com:443/; key K S; }')
--- nginx_conf_ok: syntax is ok

=== TEST 65: an IPv6 endpoint
--- http_config eval: ::http_config(more => 's3_origin six { endpoint http://[::1]:9000; key K S; } upstream six { server [::1]:9000; }')
--- config eval: ::config(server => 'location /six/ { s3_verify apps; s3_resign on; proxy_pass http://six; }')
--- nginx_conf_ok: syntax is ok

=== TEST 66: a location without proxy_pass may have s3_resign without s3_verify
--- config
s3_resign on;
location / { return 204; }
--- nginx_conf_ok: syntax is ok

=== TEST 67: s3_origin: host of nonsense
--- http_config eval: ::in_origin('host "a b";')
--- nginx_conf_fails: invalid host "a b".*nginx.conf

=== TEST 68: s3_origin: host with a scheme
--- http_config eval: ::in_origin('host https://a;')
--- nginx_conf_fails: invalid host "https://a".*nginx.conf

=== TEST 69: s3_origin: host with a bad port
--- http_config eval: ::in_origin('host a:0;')
--- nginx_conf_fails: invalid host "a:0".*nginx.conf

=== TEST 70: s3_origin: host twice
--- http_config eval: ::in_origin('host a; host b;')
--- nginx_conf_fails: duplicate "host".*nginx.conf:%%HERE%%

=== TEST 71: key ids that no request can name
--- http_config eval: ::in_clients('key A/B s;')
--- nginx_conf_fails: access key "A/B" must be.*nginx.conf:%%HERE%%

=== TEST 72: likewise
--- http_config eval: ::in_clients('key A,B s;')
--- nginx_conf_fails: access key "A,B" must be.*nginx.conf:%%HERE%%

=== TEST 73: and in a file
--- http_config eval: ::in_clients('file %%SERVROOT%%/odd.json;')
--- files
>>> odd.json
{ "clients": [ { "access_key": "A B", "secret_key": "s" } ] }
--- nginx_conf_fails: clients file .*odd.json.*access_key.*must be

=== TEST 74: flags in any case, as nginx takes its own
--- http_config eval: "s3_malloc_keep OFF;\ns3_clients apps { key AKIDCLIENT x; signature_v2 ON; admin_api Off; }" . $::blocks . $::upstream
--- config eval: ::config(location => 's3_verify_payload On;')
--- nginx_conf_ok

=== TEST 75: s3_malloc_keep of nonsense
--- http_config eval: "s3_malloc_keep 1m; # HERE\n" . $::clients . $::blocks . $::upstream
--- nginx_conf_fails: invalid value in "s3_malloc_keep" directive, it must be "on" or "off" in .*nginx.conf:%%HERE%%

=== TEST 76: s3_malloc_keep twice
--- http_config eval: "s3_malloc_keep on;\ns3_malloc_keep on; # HERE\n" . $::clients . $::blocks . $::upstream
--- nginx_conf_fails: "s3_malloc_keep" directive is duplicate in .*nginx.conf:%%HERE%%

=== TEST 77: s3_malloc_keep in a server is out of place
--- config
s3_malloc_keep on; # HERE
--- nginx_conf_fails: "s3_malloc_keep" directive is not allowed here.*nginx.conf:%%HERE%%

=== TEST 78: a block in a block
--- http_config eval: ::in_clients('region us-east-1 { x y; }')
--- nginx_conf_fails: unexpected "\{".*nginx.conf:%%HERE%%

=== TEST 79: a line of s3_origin without its argument
--- http_config eval: ::in_origin('endpoint;', 'key K S;')
--- nginx_conf_fails: invalid number of arguments in "endpoint".*nginx.conf:%%HERE%%

=== TEST 80: a line of s3_origin with one too many
--- http_config eval: ::in_origin('key K S token=t token=u;', 'endpoint http://127.0.0.1:1;')
--- nginx_conf_fails: invalid number of arguments in "key".*nginx.conf:%%HERE%%

=== TEST 81: include with two names
--- http_config eval: ::in_clients('include a b;')
--- nginx_conf_fails: "include".*nginx.conf:%%HERE%%

=== TEST 82: a region that no signature can name
--- http_config eval: ::in_clients('region us-east-1 eu/west;')
--- nginx_conf_fails: region "eu/west" must be of visible.*nginx.conf:%%HERE%%

=== TEST 83: one of an origin
--- http_config eval: ::in_origin('region "eu west";')
--- nginx_conf_fails: region "eu west" must be of visible.*nginx.conf:%%HERE%%

=== TEST 84: an access key of an origin that no signature can name
--- http_config eval: ::in_origin('key A/B verysecret;', 'endpoint http://127.0.0.1:1;')
--- nginx_conf_fails: access key "A/B" must be 1 to 128.*nginx.conf:%%HERE%%

=== TEST 85: a host that is none
--- http_config eval: ::in_clients('host s3.example.com *;')
--- nginx_conf_fails: invalid host "\*": the host is not valid.*nginx.conf:%%HERE%%

=== TEST 86: a host with a port that is none
--- http_config eval: ::in_clients('host s3.example.com:99999;')
--- nginx_conf_fails: invalid host "s3.example.com:99999": the port is not a number.*nginx.conf:%%HERE%%

=== TEST 87: hosts of all kinds, and the region of whoever names none
--- http_config eval: ::in_clients('host s3.example.com S3.example.com:8443 127.0.0.1 [::1] [::1]:8080 a_b; region us-east-1 "";')
--- nginx_conf_ok: syntax is ok
