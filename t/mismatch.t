# Tests for what the error log says of a signature that does not match
# (s3_explain_mismatch), and for what clients and strangers get to know.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config  => http_config(),
    config       => config(),
    origins      => $ORIGINS,
    s3_sign      => $CLIENT,
    request      => 'GET /bucket/key',
    s3_error     => '403 SignatureDoesNotMatch',
    origin_count => 'a=0 b=0',
);

our $client = $CLIENT;
our $refused = 's3: refused: signature of access key "AKIDCLIENT" does not match';

run_tests();

__DATA__

=== TEST 1: a port that was signed and did not arrive
--- http_config eval: ::http_config(clients => 'host localhost:%%PORT%%;')
--- s3_sign eval: "$::client 'tamper=s/^Host: .*?\r/Host: 127.0.0.1\r/m'"
--- error_log eval: qr/\Q$::refused\E: it fits host "localhost:\d+"; the request has "127.0.0.1"/

=== TEST 2: another method, a changed header, one that was taken away
--- request eval: [('GET /bucket/key') x 3]
--- more_headers: Accept-Encoding: identity
--- s3_sign eval
[
    "$::client 'tamper=s/^GET/DELETE/'",
    "$::client also=accept-encoding 'tamper=s/^Accept-Encoding: .*?\\r/Accept-Encoding: gzip\\r/m'",
    "$::client also=accept-encoding 'tamper=s/^Accept-Encoding: .*?\\r\\n//m'",
]
--- config eval: ::config(location => 's3_explain_mismatch rate=5r/s;')
--- error_log eval: ["$::refused: it fits method GET; the request has DELETE", qr/(?:it fits header "accept-encoding" with value "identity".*){2}/s]

=== TEST 3: the path
--- request: GET /bucket/a%20key
--- s3_sign eval: "$::client 'tamper=s/a%20key/a%2520key/'"
--- error_log eval: "$::refused: it fits the path without encoding, or it was encoded again on the way"

=== TEST 4: the secret of another key, and a secret of nobody
--- http_config eval: ::http_config() =~ s/(s3_clients \S+ \{)/$1 key AKIDOTHER othersecret;/r
--- request eval: [('GET /bucket/key') x 2]
--- s3_sign eval: ["AKIDCLIENT othersecret", "AKIDCLIENT nobodys"]
--- config eval: ::config(location => 's3_explain_mismatch rate=5r/s;')
--- error_log eval: ["$::refused: it fits the secret of access key \"AKIDOTHER\"", qr/\Q$::refused\E, client/]

=== TEST 5: so many a second, and no more
--- config eval: ::config(location => 's3_explain_mismatch rate=2r/s;')
--- request eval: [('GET /bucket/key') x 20]
--- s3_sign eval: [("$::client 'tamper=s/^GET/PUT/'") x 20]
--- error_log eval: ["$::refused: it fits method GET", qr/\Q$::refused\E, client/]

=== TEST 5.1: one a second, where nothing is said of it
--- request eval: [('GET /bucket/key') x 20]
--- s3_sign eval: [("$::client 'tamper=s/^GET/PUT/'") x 20]
--- fresh
--- code
# The seconds in which they were refused, by the log's own clock, and the causes that it has.
my @refused = $t->nginx->log =~ m{^(\S+ \S+) .*s3: refused: signature}mg;
my %second = map { $_ => 1 } @refused;
is(scalar(@refused), 20, 'refused');
is(scalar(() = $t->nginx->log =~ /: it fits method GET/g), scalar(keys %second), 'a cause for each second');

=== TEST 6: off
--- config eval: ::config(location => 's3_explain_mismatch off;')
--- s3_sign eval: "$::client 'tamper=s/^GET/PUT/'"
--- error_log eval: qr/\Q$::refused\E, client/
--- no_error_log: it fits

=== TEST 7: what the client is told is what S3 tells, whatever was found
--- s3_sign eval: "$::client 'tamper=s/^GET/PUT/'"
--- response_body_like eval: qr{<StringToSign>AWS4-HMAC-SHA256\n.*<CanonicalRequest>PUT\n/bucket/key\n}s
--- error_log eval: "$::refused: it fits method GET"

=== TEST 8: a rate in another form
--- config eval: ::config(location => "\ns3_explain_mismatch 1r/s; # HERE\n")
--- nginx_conf_fails: "s3_explain_mismatch" takes off, or a rate from 1r/s to 20r/s: rate=1r/s.*nginx.conf:%%HERE%%

=== TEST 9: a rate beyond what a worker can do
--- config eval: ::config(location => "\ns3_explain_mismatch rate=21r/s; # HERE\n")
--- nginx_conf_fails: "s3_explain_mismatch" takes off, or a rate from 1r/s to 20r/s: rate=1r/s.*nginx.conf:%%HERE%%
