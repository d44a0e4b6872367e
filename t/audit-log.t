# Tests for nginx-conf/s3_audit_log_format: the fields of S3's server access log, read by the expression that Amazon publishes for
# Athena and by GoAccess, which knows the format.

use v5.36;
use FindBin;
use lib 't/lib';
use JSON::PP qw(decode_json);
use S3Proxy::Check;
use S3Proxy::Client qw(run_command);
use S3Proxy::Setup;
use S3Proxy::Test;

our $format = "include $FindBin::Bin/../nginx-conf/s3_audit_log_format;";
our $write = 'access_log logs/access.log s3_audit;';
our $client = $CLIENT;
our $seen = 'from b';

# "Querying access logs for requests by using Amazon Athena" in the S3 User Guide: the table's input.regex.
my @NAMES = qw(owner bucket time ip requester id operation key uri status error sent size total turn referer agent version
    host_id signature cipher auth host tls);
my $WORD = '([^ ]*)';
my $AMAZONS = qr/^$WORD $WORD \[(.*?)\] $WORD $WORD $WORD $WORD $WORD ("[^"]*"|-) (-|[0-9]*) $WORD $WORD $WORD $WORD $WORD $WORD ("[^"]*"|-) $WORD(?: $WORD $WORD $WORD $WORD $WORD $WORD)?(.*)$/;

# A Host with a quotation mark: later nginxes refuse it by themselves.
our $quoted_host = S3Proxy::Nginx::version() >= 1_029_000 ? 400 : 403;

default_sections(
    http_config => http_config(clients => 'signature_v2 on;', more => $format),
    config      => config(server => $write),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    request     => 'GET /bucket/key',
);

# The log's lines as fields, once there are as many as there were requests. What comes after Amazon's: `rest`.
sub main::records ($t, $count = @{ $t->{requests} }) {
    my @lines;
    for (1 .. 200) {
        @lines = split /\n/, $t->nginx->log('access.log');
        last if @lines >= $count;
        select undef, undef, undef, 0.01;
    }
    main::is(scalar @lines, $count, 'a line for each request');
    return map {
        my @fields = $_ =~ $AMAZONS;
        main::ok(scalar @fields, "Amazon's expression takes: $_");
        my %record;
        @record{@NAMES, 'rest'} = @fields;
        \%record;
    } @lines;
}

# How many lines GoAccess takes and how many not, and what it has read.
sub main::goaccess ($t) {
    my $log = $t->nginx->prefix . '/logs/access.log';
    my ($output, $status) = run_command('goaccess', $log, '--log-format=AWSS3', '-o', 'json', '--no-global-config', '--no-progress');
    main::is($status, 0, 'GoAccess ends well');
    return decode_json($output =~ s/^.*?(?=\{"general")//rs);
}

run_tests();

__DATA__

=== TEST 1: each field of a download, in Amazon's order
--- request: GET /bucket/dir/a%20b?versionId=v1
--- more_headers
Referer: http://page/
User-Agent: agent/1
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) /b: $1 header="x-amz-request-id: ORIGINID" header="x-amz-id-2: host+id=" /mr
--- code
my ($record) = records($t);
like($record->{$_->[0]}, $_->[1], $_->[0]) for
    [owner => qr/^-$/], [bucket => qr/^bucket$/], [ip => qr/^127\.0\.0\.1$/], [requester => qr/^AKIDCLIENT$/], [id => qr/^ORIGINID$/],
    [operation => qr/^REST\.GET\.OBJECT$/], [key => qr{^dir/a%20b$}], [uri => qr{^"GET /bucket/dir/a%20b\?versionId=v1 HTTP/1\.1"$}],
    [status => qr/^200$/], [error => qr/^-$/], [sent => qr/^6$/], [size => qr/^6$/], [total => qr/^\d+$/], [turn => qr/^\d+$/],
    [referer => qr{^"http://page/"$}], [agent => qr{^"agent/1"$}], [version => qr/^v1$/], [host_id => qr/^host\+id=$/],
    [signature => qr/^SigV4$/], [cipher => qr/^-$/], [auth => qr/^AuthHeader$/], [host => qr/^localhost:\d+$/], [tls => qr/^-$/],
    [rest => qr/^ - - - "-" b$/];
my @now = gmtime;
like($record->{time}, qr{^\d\d/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d\d:\d\d:\d\d \+0000$}, 'time');
my $read = goaccess($t);
is($read->{general}{failed_requests}, 0, 'GoAccess takes it');
is($read->{hosts}{data}[0]{data}, '127.0.0.1', '... with the address');
is($read->{status_codes}{data}[0]{items}[0]{data} =~ s/ .*//r, '200', '... the status');

=== TEST 2: TLS: its version and cipher
--- https
--- code
my ($record) = records($t);
like($record->{tls}, qr/^TLSv1\.[23]$/, 'version');
like($record->{cipher}, qr/^[A-Z0-9_-]{8,}$/, 'cipher');

=== TEST 3: ways of authentication, and no signature of a URL
--- s3_sign eval: [$::client, "$::client presign=900", "$::client v2=1", "$::client v2=1 presign=900"]
--- request eval: [("GET /bucket/key?response-content-type=a%2Fb") x 4]
--- code
my @records = records($t);
is(join(' ', map { "$_->{signature}/$_->{auth}" } @records), 'SigV4/AuthHeader SigV4/QueryString SigV2/AuthHeader SigV2/QueryString', 'auth');
like($records[1]{uri}, qr/X-Amz-Credential=AKIDCLIENT.*X-Amz-Signature=\*{64}/, 'V4: masked');
like($records[3]{uri}, qr/Signature=\*+[&\s]/, 'V2: masked');
for my $request (@{ $t->{requests} }[1, 3]) {
    my ($signature) = $request->{target} =~ /Signature=([^&]+)/;
    unlike($t->nginx->log('access.log'), qr/\Q$signature/, 'not in the log');
}

=== TEST 4: a Referer that is a presigned URL, and one with blanks
--- request eval: [("GET /bucket/key") x 2]
--- more_headers eval: ["Referer: http://h/b/k?X-Amz-Signature=0123abcd&a=b", 'Referer: a b" c - - SigV4']
--- code
my @records = records($t);
is($records[0]{referer}, '"http://h/b/k?X-Amz-Signature=********&a=b"', 'masked');
is($records[1]{referer}, '"a%20b\\x22%20c%20-%20-%20SigV4"', 'one word');

=== TEST 5: uploads: the object's size without its framing, and the time from the end of the body on
--- s3_sign eval: [$::client, "$::client payload=streaming chunk=8192", $::client]
--- request eval: ["PUT /bucket/key\n" . 'x' x 1000, "PUT /bucket/key\n" . 'x' x 20000, "PUT /bucket/key?partNumber=1&uploadId=u\nabc"]
--- code
my @records = records($t);
is(join(' ', map { $_->{operation} } @records), 'REST.PUT.OBJECT REST.PUT.OBJECT REST.PUT.PART', 'operations');
is(join(' ', map { $_->{size} } @records), '1000 20000 3', 'sizes');

=== TEST 6: a slow upload to a slow origin: what each took
--- request eval: "PUT /bucket/key\n" . 'x' x 2000
--- write_size: 1000
--- write_delay: 0.4
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) /b: $1 delay=0.5 /mr
--- code
my ($record) = records($t);
cmp_ok($record->{total}, '>=', 850, 'total');
cmp_ok($record->{turn}, '>=', 450, 'turn-around');
cmp_ok($record->{turn}, '<=', $record->{total} - 350, '... does not count the upload');

=== TEST 7: a range: bytes of the part, size of the object; HEAD: none, and the size
--- request eval: ["GET /bucket/key", "HEAD /bucket/key", "GET /bucket/key"]
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 206 header="Content-Range: bytes 0-4\/12345" body="01234" | 200 body="012345678" | 206 header="Content-Range: bytes 0-4\/*" body="01234"/mr
--- error_code: 206 200 206
--- code
my @records = records($t);
is(join(' ', map { "$_->{sent}/$_->{size}" } @records), '5/12345 -/9 5/-', 'sent and size');

=== TEST 8: refusals: the code, why, and nobody's name where nothing is proven
--- s3_sign: AKIDCLIENT wrong
--- s3_error: 403 SignatureDoesNotMatch
--- code
my ($record) = records($t);
is("$record->{status} $record->{error} $record->{requester} $record->{signature}", '403 SignatureDoesNotMatch - -', 'fields');
is($record->{id}, S3Proxy::Http::header($t->response, 'x-amz-request-id'), 'id');
is($record->{size}, '-', 'size');
like($record->{rest}, qr/^ - - - "signature of access key \\x22AKIDCLIENT\\x22 does not match.*" -$/, 'why');

=== TEST 9: who was refused what, by which grant; also where limits ask before, and behind an error_page
--- files
>>> clients.json 0600
{"clients": [{"access_key": "AKIDWEB", "secret_key": "web-secret", "grants": [
    {"buckets": ["bucket"], "allow": ["read", "delete"]},
    {"buckets": ["bucket"], "prefix": "kept/", "deny": ["delete"]}
]}]}
--- http_config eval: ::http_config(clients => 'file %%SERVROOT%%/clients.json;', more => $::format . 'limit_req_zone $s3_client zone=z:64k rate=1000r/s;')
--- config eval: ::config(server => $::write . 'location /page { return 403 "page"; }', location => 'limit_req zone=z burst=100; error_page 404 /page;')
--- s3_sign: AKIDWEB web-secret
--- request eval: ["DELETE /bucket/kept/1", "PUT /bucket/key\nx", "GET /bucket/key"]
--- error_code: 403 403 200
--- code
my @records = records($t);
is(join(' ', map { $_->{requester} } @records), 'AKIDWEB AKIDWEB AKIDWEB', 'who');
like($records[0]{rest}, qr/^ - - - "grants\[1\] denies DeleteObject" -$/, 'a grant that denies');
like($records[1]{rest}, qr/^ - - - "grants do not cover PutObject" -$/, 'none that allows');
like($records[2]{rest}, qr/^ - - - "-" b$/, 'let in');

=== TEST 9.1: whom something else has let in was not refused, whatever his signature
--- config eval: ::config(server => $::write . 'location /any/ { satisfy any; allow all; s3_verify apps; s3_resign off; proxy_http_version 1.1; proxy_pass http://%%ORIGIN_A%%; }')
--- origins
a: 200
--- s3_sign: AKIDCLIENT wrong
--- request: GET /any/key
--- error_code: 200
--- client_key_sent
--- error_log: s3: refused: signature
--- code
my ($record) = records($t);
is("$record->{status} $record->{error} $record->{requester}", '200 - -', 'fields');
like($record->{rest}, qr/^ - - - "-" -$/, 'nothing was refused');

=== TEST 10: a body that is not what its head claims
--- config eval: ::config(server => $::write, location => 's3_verify_payload on;')
--- s3_sign: AKIDCLIENT client/Secret+Key=0123456789 tamper_body=s/hello/hellO/
--- request eval: "PUT /bucket/key\nhello"
--- s3_error: 400 XAmzContentSHA256Mismatch
--- code
my ($record) = records($t);
is("$record->{requester} $record->{error}", 'AKIDCLIENT XAmzContentSHA256Mismatch', 'who, and what');
like($record->{rest}, qr/^ - - - "[^"-][^"]*" /, 'why');

=== TEST 11: an origin's code, where it is counted
--- http_config eval: 's3_status_zone s3:1m; ' . ::http_config(more => $::format)
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (s3=\S+) .*/b: $1 404 header="Content-Type: application\/xml" body="<Error><Code>NoSuchKey<\/Code><\/Error>"/mr
--- error_code: 404
--- code
my ($record) = records($t);
is("$record->{status} $record->{error} $record->{size}", '404 NoSuchKey -', 'status, code, size');

=== TEST 12: hostile keys, headers and hosts stay in their fields
--- s3_sign
--- raw_request eval
[map { "GET $_->[0] HTTP/1.1\r\nHost: $_->[1]\r\nUser-Agent: $_->[2]\r\nConnection: close\r\n\r\n" }
    ['/b/%22%20-%20%22?versionId=%22%20x', 'h', 'a" 200 - "'], ['/b/%0a%0d%5c', 'a b c', 'tab\\ \\" \\x22'],
    ["/b/\xff\xfe", 'h"h', "\xc3\xa4\xff"], ['/?versionId=', 'h', '%s %n'], ['/b/k?x=%zz', 'h', '-']]
--- error_code eval: "403 400 $::quoted_host 403 400"
--- code
my @records = records($t);
is(join(' ', map { $_->{status} } @records), "403 400 $::quoted_host 403 400", 'each status in its place');
is(join(' ', map { $_->{requester} } @records), '- - - - -', 'nobody');
is($records[0]{key}, '%22%20-%20%22', 'key');
is($records[0]{version}, '%22%20x', 'version');
is($records[0]{agent}, '"a\\x22 200 - \\x22"', 'agent');
is($records[1]{host}, '-', 'a Host with blanks');
is($records[2]{host}, 'h\\x22h', 'a Host with a quotation mark');
is($records[3]{version}, '-', 'an empty version');
my $read = goaccess($t);
is($read->{general}{failed_requests}, 0, 'GoAccess takes them');
cmp_ok($read->{general}{valid_requests}, '>=', 5, '... all');

=== TEST 13: what is no request, and what comes from a cache or another location
--- s3_sign
--- config eval: ::config(server => $::write . 'location /plain { return 200 "x"; }')
--- raw_request eval: ["\x16\x03\x01garbage\r\n\r\n", "GET /plain HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"]
--- error_code: 400 200
--- code
my @records = records($t);
is($records[0]{status}, 400, 'no request');
is("$records[1]{status} $records[1]{sent} $records[1]{rest}", '200 1  - - - "-" -', 'nginx by itself');
