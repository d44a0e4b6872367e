# Tests for answers in the client's names: URLs, regions, and the buckets of a
# client with limits.

use v5.36;
use lib 't/lib';
use MIME::Base64 qw(encode_base64);
use S3Proxy::Http qw(serialize_head);
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes ();

our $client = "$CLIENT region=local";
our $limited = 'AKIDREAD read-secret region=local';
default_sections(
    http_config => http_config(clients => 'file %%SERVROOT%%/clients.json; region local us-east-1;'),
    config      => config(),
    origins     => $ORIGINS,
    files       => <<'EOF',
>>> clients.json 0600
{"clients": [
  {"access_key": "AKIDREAD", "secret_key": "read-secret",
   "grants": [{"buckets": ["photos", "logs-*"], "prefix": "2026/", "allow": ["read"]}]},
  {"access_key": "AKIDNONE", "secret_key": "none-secret", "grants": []},
  {"access_key": "AKIDSTAR", "secret_key": "star-secret", "grants": [{"buckets": ["*"], "allow": ["list"]}]}
]}
EOF
    s3_sign     => $client,
);

# Origin b answers so: in one piece, then in chunks of seven bytes. `$words` are for both.
sub main::answers ($body, $words = '', $status = 200) {
    my $text = encode_base64($body, '');
    my $answer = "$status body_base64=$text header=\"ETag: x\" $words";
    return $ORIGINS =~ s/^b: (\S+).*/b: $1 $answer | $answer chunked/mr;
}

our $xml = qq{<?xml version="1.0" encoding="UTF-8"?>\n};
our $xmlns = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

sub main::complete ($location) {
    return "$::xml\n \n<CompleteMultipartUploadResult $::xmlns><Location>$location</Location><Bucket>photos</Bucket>"
        . '<Key>a b</Key><ETag>&#34;3858f62230ac3c915f300c664312c11f-9&#34;</ETag></CompleteMultipartUploadResult>';
}

sub main::buckets (@names) {
    return "$::xml<ListAllMyBucketsResult $::xmlns><Owner><ID>1</ID></Owner><Buckets>" . join('', map {
        "<Bucket><Name>$_</Name><CreationDate>2026-11-29T00:00:00.000Z</CreationDate></Bucket>"
    } @names) . '</Buckets></ListAllMyBucketsResult>';
}

# The most memory, in KiB, that the worker has had.
sub main::peak ($t) {
    my ($worker) = $t->nginx->workers;
    open my $status, '<', "/proc/$worker/status" or die $!;
    return join('', <$status>) =~ /VmHWM:\s+(\d+)/ ? $1 : 0;
}

our @all = qw(logs logs-1 photos photos2 secret);
our $all = buckets(@all);
our $own = buckets(qw(logs-1 photos));
our @many = map { $_ % 2 ? "other-$_" : "logs-$_" } 1 .. 100_000;

run_tests();

__DATA__

=== TEST 1: the place of an upload is the URL that the client used
--- origins eval: ::answers(::complete('http://10.0.0.1:9000/photos/a%20b'))
--- request eval: [("POST /photos/a%20b?uploadId=u\n<CompleteMultipartUpload/>") x 2]
--- more_headers: Accept-Encoding: gzip
--- error_code: 200
--- response_headers: !ETag
--- response_body eval: ::complete('http://localhost:%%PORT%%/photos/a%20b')
--- origin_request_unlike
b: (?i)^accept-encoding:

=== TEST 2: without buffering, and over TLS
--- config eval: ::config(location => 'proxy_buffering off;')
--- https
--- origins eval: ::answers(::complete('http://10.0.0.1:9000/photos/a%20b'))
--- request eval: [("POST /photos/a%20b?uploadId=u\n<CompleteMultipartUpload/>") x 2]
--- response_body_like: <Location>https://localhost:\d+/photos/a%20b</Location>

=== TEST 3: over HTTP/2
--- http2
--- origins eval: ::answers(::complete(''))
--- request eval: [("POST /photos/a%20b?uploadId=u\n<CompleteMultipartUpload/>") x 2]
--- response_body_like: <Location>http://localhost:\d+/photos/a%20b</Location>

=== TEST 4: an object is what it is, whatever it says
--- origins eval: ::answers(::complete('http://10.0.0.1:9000/photos/a%20b'))
--- request eval: [("GET /photos/a%20b") x 2]
--- more_headers: Accept-Encoding: gzip
--- response_headers: ETag: x
--- response_body eval: ::complete('http://10.0.0.1:9000/photos/a%20b')
--- origin_request_like
b: (?i)^accept-encoding: gzip

=== TEST 5: blanks that an origin sends while it works go on at once
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+).*/"b: $1 200 chunked slow=0.2 body_base64=" . MIME::Base64::encode_base64((' ' x 28) . '<CompleteMultipartUploadResult><Location\/><\/CompleteMultipartUploadResult>', '')/mer
--- request eval: "POST /photos/k?uploadId=u\nx"
--- response_body_like: ^ {28}<CompleteMultipartUploadResult><Location>http://localhost:\d+/photos/k</Location></CompleteMultipartUploadResult>$
--- code
my $request = $t->{requests}[0];
my $stream = $t->connect;
$stream->put(serialize_head("POST $request->{target} HTTP/1.1", $request->{headers}) . 'x');
$stream->take_until("\r\n\r\n");
$stream->take_until("       \r\n");
my $start = Time::HiRes::time();
$stream->take_until('<Location>');
cmp_ok(Time::HiRes::time() - $start, '>', 0.5, 'the first blanks came before the rest');

=== TEST 6: a region that is named to clients is the region of each bucket
--- origins eval: ::answers("$::xml<LocationConstraint $::xmlns>eu-west-1</LocationConstraint>", 'header="x-amz-bucket-region: eu-west-1"')
--- request eval: [("GET /photos?location") x 2]
--- response_body eval: "$::xml<LocationConstraint $::xmlns>local</LocationConstraint>"
--- response_headers: x-amz-bucket-region: local

=== TEST 7: also where the origin's has no name
--- origins eval: ::answers("$::xml<LocationConstraint $::xmlns/>")
--- request eval: [("GET /photos?location") x 2]
--- response_body eval: "$::xml<LocationConstraint $::xmlns>local</LocationConstraint>"

=== TEST 8: where no region is named, the origin's is as good as any
--- http_config eval: ::http_config()
--- s3_sign eval: $S3Proxy::Setup::CLIENT
--- origins eval: ::answers("<LocationConstraint>eu-west-1</LocationConstraint>")
--- request eval: [("GET /photos?location") x 2]
--- response_headers: ETag: x
--- response_body: <LocationConstraint>eu-west-1</LocationConstraint>

=== TEST 9: a client with limits sees the buckets that its grants are for
--- s3_sign eval: $::limited
--- origins eval: ::answers($::all)
--- request eval: ["GET /", "GET /?max-buckets=10&x-id=ListBuckets"]
--- response_body eval: $::own

=== TEST 10: others see all of them, or may not ask
--- s3_sign eval: [$::client, 'AKIDSTAR star-secret region=local', 'AKIDNONE none-secret region=local']
--- origins eval: ::answers($::all)
--- request eval: [("GET /") x 3]
--- error_code: 200 200 403
--- response_body_like eval: ['>photos2<', '>photos2<', 'AccessDenied']

=== TEST 11: no other parameter, whose answer might have another form
--- s3_sign eval: $::limited
--- request: GET /?format=json
--- s3_error: 403 AccessDenied
--- origin_count: b=0

=== TEST 12: an answer that cannot be read shows nothing
--- s3_sign eval: $::limited
--- origins eval: ::answers('{"buckets": ["hidden"]}')
--- code
for (1, 2) {
    my $response = $t->send(request => 'GET /');
    unlike($response->{head} . $response->{body}, qr/hidden/, 'nothing is shown');
    ok(!$response->{complete}, 'and it has no end');
}
ok($t->wait_for_log(qr/the origin's answer is cut off: it is not S3's XML/), 'the log says why');

=== TEST 13: nor does one that ends too soon
--- s3_sign eval: $::limited
--- origins eval: ::answers(substr($::all, 0, length($::all) - 30))
--- code
ok(!$t->send(request => 'GET /')->{complete}, 'no end') for 1, 2;
ok($t->wait_for_log(qr/the origin's answer is cut off: it is not complete/), 'the log says why');

=== TEST 14: one that is compressed is not relayed
--- s3_sign eval: $::limited
--- origins eval: ::answers("\x1f\x8bhidden", 'header="Content-Encoding: gzip"')
--- request eval: [("GET /") x 2]
--- error_code: 502
--- response_body_unlike: hidden
--- error_log: it must be changed, and is encoded

=== TEST 15: what the origin refuses is refused
--- s3_sign eval: $::limited
--- origins eval: ::answers("<Error><Code>AccessDenied</Code><Message>no</Message></Error>", '', 403)
--- request eval: [("GET /") x 2]
--- error_code: 403
--- response_body_like: AccessDenied

=== TEST 16: what one client sees is in no cache for others
--- http_config eval: ::http_config(clients => 'file %%SERVROOT%%/clients.json; region local;', more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m;')
--- config eval: ::config(location => 'proxy_cache cache; proxy_cache_key $s3_cache_key; proxy_cache_valid any 1m; add_header X-Cache $upstream_cache_status always;')
--- s3_sign eval: [$::client, $::limited, $::client, $::limited]
--- origins eval: ::answers($::all)
--- request eval: [("GET /") x 4]
--- response_headers: X-Cache: MISS
--- response_body eval: [$::all, $::own, $::all, $::own]
--- origin_count: b=4

=== TEST 17: not signed anew, and limited all the same
--- http_config eval: ::http_config(clients => 'file %%SERVROOT%%/clients.json; region local;')
--- config eval: ::config() =~ s/s3_resign on;//r
--- origins eval: "b: 200 body_base64=" . MIME::Base64::encode_base64($::all, '')
--- s3_sign eval: $::limited
--- client_key_sent
--- request: GET /
--- response_body eval: $::own

=== TEST 18: ten megabytes, to a client that takes its time, in constant memory
--- http_config eval: S3Proxy::Setup::clients('file %%SERVROOT%%/clients.json; region local;') . 's3_origin big { endpoint http://127.0.0.1:%%PORT_big%%; key KEYOFBIG secretofbig; } upstream s3 { server 127.0.0.1:%%PORT_big%%; }'
--- config eval: ::config() . '} server { listen 127.0.0.1:%%PORT_big%%; root %%SERVROOT%%/big; index list.xml;'
--- s3_sign eval: $::limited
--- fresh
--- code
my $big = $t->nginx->prefix . '/big';
mkdir $big;
open my $file, '>', "$big/list.xml" or die $!;
print {$file} ::buckets(@::many);
close $file;
my $expected = ::buckets(grep { /^logs/ } @::many);
$t->send(request => 'GET /') for 1, 2;
my $before = main::peak($t);
my $stream = $t->connect(timeout => 30);
my $request = $t->send(request => 'GET /')->{request};
$stream->put(serialize_head("GET / HTTP/1.1", $request->{headers}));
select undef, undef, undef, 1;
cmp_ok(main::peak($t) - $before, '<', 1024, 'KiB more');
my $response = S3Proxy::Http::read_response($stream, 'GET');
ok($response->{complete} && $response->{body} eq $expected, 'all of it');

=== TEST 19: the host in Location
--- origins eval: ::answers('', 'header="Location: http://%%ORIGIN_B%%/photos/k"', 201)
--- request eval: [("POST /photos\nx") x 2]
--- error_code: 201
--- response_headers_like: Location: http://localhost:\d+/photos/k

=== TEST 20: where else to ask is not for the client
--- origins eval: ::answers("<Error><Code>PermanentRedirect</Code><Endpoint>photos.s3.eu.example.com</Endpoint></Error>", '', 301)
--- request eval: [("GET /photos/k") x 2]
--- error_code: 301
--- response_body_like: <Endpoint>localhost:\d+</Endpoint>

=== TEST 21: the bucket of a URL stays in the host where the client has it there
--- http_config eval: ::http_config(clients => 'region local; domain s3.lan;')
--- more_headers: Host: photos.s3.lan
--- origins eval: ::answers(::complete('http://10.0.0.1:9000/photos/a%20b'))
--- request eval: [("POST /a%20b?uploadId=u\n<CompleteMultipartUpload/>") x 2]
--- response_body eval: ::complete('http://photos.s3.lan/a%20b')
--- origin_request_like
b: ^POST /photos/a%20b\?uploadId=u HTTP

=== TEST 22: and so does that of Location in the header
--- http_config eval: ::http_config(clients => 'region local; domain s3.lan;')
--- more_headers: Host: photos.s3.lan
--- origins eval: ::answers('', 'header="Location: http://%%ORIGIN_B%%/photos/k"', 201)
--- request eval: [("POST /\nx") x 2]
--- error_code: 201
--- response_headers: Location: http://photos.s3.lan/k

=== TEST 23: a list in the client's name of the bucket
--- http_config eval: ::http_config(clients => 'region local;', b => 'bucket photos acme-photos; bucket l* eu-l*;')
--- origins eval: ::answers("$::xml<ListBucketResult $::xmlns><Name>acme-photos</Name><Prefix>acme-photos</Prefix><Contents><Key>acme-photos/&lt;k&gt;</Key></Contents></ListBucketResult>")
--- request eval: ["GET /photos?list-type=2&prefix=acme-photos", "GET /photos/?prefix=acme-photos"]
--- more_headers: Accept-Encoding: gzip
--- response_body eval: "$::xml<ListBucketResult $::xmlns><Name>photos</Name><Prefix>acme-photos</Prefix><Contents><Key>acme-photos/&lt;k&gt;</Key></Contents></ListBucketResult>"
--- origin_request_like
b: ^GET /acme-photos
--- origin_request_unlike
b: (?i)^accept-encoding:

=== TEST 24: an error too, of whatever request
--- http_config eval: ::http_config(clients => 'region local;', b => 'style virtual; host s3.b.example; bucket photos acme-photos;')
--- origins eval: ::answers("<Error><Code>NoSuchKey</Code><Key>k</Key><BucketName>acme-photos</BucketName><Resource>/acme-photos/k</Resource><HostId>a</HostId></Error>", '', 404)
--- request eval: ["GET /photos/k", "PUT /photos/k?tagging\nx"]
--- error_code: 404
--- response_body: <Error><Code>NoSuchKey</Code><Key>k</Key><BucketName>photos</BucketName><Resource>/photos/k</Resource><HostId>a</HostId></Error>

=== TEST 25: and one that is judged before it goes on
--- http_config eval: ::http_config(clients => 'region local;', b => 'bucket photos acme-photos;')
--- origins eval: ::answers("<Error><Code>AccessDenied</Code><Message>no</Message><BucketName>acme-photos</BucketName></Error>", '', 403)
--- request eval: [("GET /photos/k") x 2]
--- error_code: 403
--- response_body: <Error><Code>AccessDenied</Code><Message>no</Message><BucketName>photos</BucketName></Error>

=== TEST 26: an object goes as it is
--- http_config eval: ::http_config(clients => 'region local;', b => 'bucket photos acme-photos;')
--- origins eval: ::answers("<Error><BucketName>acme-photos</BucketName></Error>")
--- request eval: [("GET /photos/k") x 2]
--- response_headers: ETag: x
--- response_body: <Error><BucketName>acme-photos</BucketName></Error>

=== TEST 27: buckets without a name for clients are not in their list
--- http_config eval: ::http_config(clients => 'region local;', b => 'bucket photos acme-photos; bucket l* eu-l*;')
--- origins eval: ::answers(::buckets(qw(acme-photos eu-logs photos secret)))
--- request eval: [("GET /") x 2]
--- response_body eval: ::buckets(qw(photos logs))

=== TEST 28: grants are for the client's names
--- http_config eval: ::http_config(clients => 'file %%SERVROOT%%/clients.json; region local;', b => 'bucket photos acme-photos; bucket l* eu-l*; bucket other logs-1;')
--- s3_sign eval: $::limited
--- origins eval: ::answers(::buckets(qw(acme-photos eu-logs eu-logs-2 logs-1 secret)))
--- request eval: [("GET /") x 2]
--- response_body eval: ::buckets(qw(photos logs-2))

=== TEST 29: the bucket in Location
--- http_config eval: ::http_config(clients => 'region local;', b => 'bucket photos acme-photos;')
--- origins eval: ::answers('', 'header="Location: /acme-photos"')
--- request eval: [("PUT /photos") x 2]
--- response_headers: Location: /photos

=== TEST 30: an upload in parts, at an origin with buckets in its host name
--- http_config eval: ::http_config(clients => 'region local;', b => 'style virtual; host s3.b.example; bucket photos acme-photos;')
--- origins eval: ::answers(::complete('http://acme-photos.s3.example/k') =~ s/<Bucket>/<Bucket>acme-/r)
--- request eval: [("POST /photos/a%20b?uploadId=u\n<CompleteMultipartUpload/>") x 2]
--- response_body eval: ::complete('http://localhost:%%PORT%%/photos/a%20b')

=== TEST 31: an error that is compressed, and would name the origin's bucket, keeps its status and nothing else
--- http_config eval: ::http_config(clients => 'region local;', b => 'bucket photos acme-photos;')
--- origins eval: ::answers("\x1f\x8bacme-photos", 'header="Content-Encoding: gzip"', 404)
--- request eval: [("GET /photos/k") x 2]
--- s3_error: 404 NoSuchKey
--- response_headers: !Content-Encoding
--- error_log: it must be changed, and is encoded
