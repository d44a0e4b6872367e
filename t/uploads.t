# Tests for multipart uploads that stay with the origin that began them: `s3_sticky_uploads`.

use v5.36;
use lib 't/lib';
use MIME::Base64 qw(encode_base64);
use S3Proxy::Setup;
use S3Proxy::Test;
use S3Proxy::Uploads;

# Origins that give this document, each with an id of its own for %%ID%%; `words` has other statuses than 200.
sub main::answers ($document, %words) {
    return $ORIGINS =~ s{^(\w): (\S+) .*}{my $o = $1; "$o: $2 " . ($words{$o} // '200') . " body_base64=" . encode_base64($document =~ s/%%ID%%/2~\u$o+\/=/gr, '')}gmer;
}

sub main::initiated ($id) {
    return "<InitiateMultipartUploadResult><Bucket>media</Bucket><Key>k</Key><UploadId>$id</UploadId></InitiateMultipartUploadResult>";
}

sub main::sticky ($more = '', %option) { return http_config(upstream => "$STICKY $more", %option) }

# All that can be asked about an upload.
sub main::requests ($id) {
    return ["PUT /media/k?partNumber=1&uploadId=$id\npart", "GET /media/k?uploadId=$id", "POST /media/k?uploadId=$id\n<CompleteMultipartUpload/>",
        "DELETE /media/k?uploadId=$id"];
}

our $a = upload_query('a');
our $b = upload_query('b');
default_sections(http_config => sticky(), config => config(), origins => $ORIGINS, s3_sign => $CLIENT);

run_tests();

__DATA__

=== TEST 1: an upload's id says which origin has it
--- origins eval: ::answers(::initiated('%%ID%%'))
--- request: POST /media/k?uploads
--- error_code: 200
--- response_body eval: ::initiated(upload_id('b'))
--- origin_request_like
b: ^POST /media/k\?uploads= HTTP

=== TEST 2: that is the one that answered, after another has failed
--- origins eval: ::answers(::initiated('%%ID%%'), b => '503')
--- request: POST /media/k?uploads
--- error_code: 200
--- response_body eval: ::initiated(upload_id('a'))
--- origin_count: a=1 b=1

=== TEST 3: all that is about an upload goes to its origin, the backup too, by the origin's own id
--- request eval: ::requests($::a)
--- error_code: 200
--- response_body: from a
--- origin_count: a=4 b=0
--- origin_request_like
a[0]: ^PUT /media/k\?partNumber=1&uploadId=2~A%2B%2F%3D HTTP
a[1]: ^GET /media/k\?uploadId=2~A%2B%2F%3D HTTP
a[2]: ^POST /media/k\?uploadId=2~A%2B%2F%3D HTTP
a[3]: ^DELETE /media/k\?uploadId=2~A%2B%2F%3D HTTP
--- origin_body
a[0]: part

=== TEST 4: the primary's go to the primary
--- request eval: ::requests($::b)
--- error_code: 200
--- response_body: from b
--- origin_count: a=0 b=4

=== TEST 5: a part that is copied
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::a"
--- more_headers: x-amz-copy-source: /other/source
--- response_body: from a
--- origin_count: a=1 b=0

=== TEST 6: its origin is out of order: 503 at once, and nobody else is asked
--- origins
b: refuse
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- request eval: ::requests($::b)
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=0

=== TEST 7: the backup, which does not answer
--- config eval: ::config(location => 'proxy_read_timeout 300ms;')
--- origins
b: s3=AKIDORIGINB:origin-b/Secret+Key=:eu-west-1 200 body="from b"
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 delay=2000
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::a\npart"
--- s3_error: 503 ServiceUnavailable
--- origin_count: a=1 b=0

=== TEST 8: up again, it goes on
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::b\npart"
--- response_body: from b
--- code
$t->set_state('b', '503');
is($t->send(request => "PUT /media/k?partNumber=2&uploadId=$::b\npart")->{status}, 503, 'not now');
is($t->send(request => "GET /media/other")->{body}, 'from a', 'all else fails over');
$t->set_state('b', undef);
is($t->send(request => "PUT /media/k?partNumber=2&uploadId=$::b\npart")->{body}, 'from b', 'again');

=== TEST 9: what was made by nobody is no upload, and nobody is asked
--- request eval
my $id = upload_query('a', '2~A');
my $key = upload_query('a', '2~A', 'media', 'another key');
my $bucket = upload_query('a', '2~A', 'other');
[map { ("PUT /media/k?partNumber=1&uploadId=$_\npart", "GET /media/k?uploadId=$_") }
    's3u1.', substr($id, 0, -1), substr($id, 0, 20), "${id}x", $id =~ s/ca978112/3e23e816/r, $id =~ s/2~A/2~C/r, $key, $bucket,
    's3u1.ca978112.%00%ff', 's3u1.' . 'A' x 4000]
--- s3_error: 404 NoSuchUpload
--- origin_count: a=0 b=0
--- error_log: its upload id is none of ours

=== TEST 10: an id of before, or of another way, stays as it is, both ways
--- origins eval: ::answers('<ListPartsResult><UploadId>plain</UploadId></ListPartsResult>')
--- request eval: ["GET /media/k?uploadId=plain", "PUT /media/k?partNumber=1&uploadId=plain\npart"]
--- error_code: 200
--- response_body: <ListPartsResult><UploadId>plain</UploadId></ListPartsResult>
--- response_headers_like: Content-Length: \d+
--- origin_count: a=0 b=2
--- origin_request_like
b: [?&]uploadId=plain HTTP

=== TEST 11: lists of parts and errors name the upload as the client does
--- origins eval: ::answers('<ListPartsResult><UploadId>2~A+/=</UploadId></ListPartsResult>', a => '200') =~ s{$}{ | 404 body="<Error><Code>NoSuchUpload</Code><Message>m</Message><UploadId>2~A+/=</UploadId></Error>"}mr =~ s{^(a: .*)}{$1 | 404 body="<Error><Code>NoSuchUpload</Code><Message>m</Message><UploadId>2~A+/=</UploadId></Error>"}mr
--- request eval: "GET /media/k?uploadId=$::a"
--- response_body eval: '<ListPartsResult><UploadId>' . upload_id('a') . '</UploadId></ListPartsResult>'
--- code
my $response = $t->send(request => "PUT /media/k?partNumber=1&uploadId=$::a\npart");
is($response->{status}, 404, 'an error');
like($response->{body}, qr/<UploadId>\Q${\ upload_id('a') }\E<\/UploadId>/, 'about that upload');

=== TEST 12: a list of uploads, page by page, is of one origin
--- origins eval: ::answers('<ListMultipartUploadsResult><UploadIdMarker></UploadIdMarker><NextUploadIdMarker>%%ID%%</NextUploadIdMarker><Upload><Key>k</Key><UploadId>%%ID%%</UploadId></Upload></ListMultipartUploadsResult>')
--- request eval: ["GET /media?uploads", "GET /media?uploads&key-marker=k&upload-id-marker=$::a"]
--- error_code: 200
--- origin_count: a=1 b=1
--- origin_request_like
a: ^GET /media\?key-marker=k&upload-id-marker=2~A%2B%2F%3D&uploads= HTTP
--- code
for my $o (['b', 0], ['a', 1]) {
    my $id = upload_id($o->[0]);
    like($t->response($o->[1])->{body}, qr{<UploadIdMarker></UploadIdMarker><NextUploadIdMarker>\Q$id\E<.*<UploadId>\Q$id\E<}, $o->[0]);
}

=== TEST 13: nobody picks where an object is stored or read
--- request eval: ["PUT /media/k?uploadId=$::a\nobject", "HEAD /media/k?uploadId=$::a", "GET /media?list-type=2&upload-id-marker=$::a", "PUT /media/k?partNumber=1&uploadId=$::a&acl\nobject"]
--- error_code: 200
--- origin_count: a=0 b=4

=== TEST 14: buckets of other names, in virtual-host style: ids are of the clients' names
--- http_config eval: ::sticky('', clients => 'domain s3.lan; host localhost:%%PORT%%;', a => 'bucket media us-media; host s3.a.example;', b => 'style virtual; host s3.b.example; bucket media eu-media;')
--- origins eval: ::answers('<InitiateMultipartUploadResult><Bucket>us-media</Bucket><UploadId>%%ID%%</UploadId></InitiateMultipartUploadResult>', b => '503')
--- request: POST /k?uploads
--- more_headers: Host: media.s3.lan
--- response_body eval: '<InitiateMultipartUploadResult><Bucket>media</Bucket><UploadId>' . upload_id('a') . '</UploadId></InitiateMultipartUploadResult>'
--- code
is($t->send(request => "PUT /media/k?partNumber=1&uploadId=$::a\npart", more_headers => undef)->{status}, 200, 'in path style');
is($t->send(request => "PUT /k?partNumber=1&uploadId=$::b\npart")->{status}, 503, 'to the one that fails');
my @b = $t->received('b');
is($b[-1]{target}, '/k?partNumber=1&uploadId=2~B%2B%2F%3D', 'in its words');
is(($t->received('a'))[-1]{target}, '/us-media/k?partNumber=1&uploadId=2~A%2B%2F%3D', 'and the other');

=== TEST 15: presigned
--- s3_sign eval: "$::CLIENT presign=900"
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::a\npart"
--- response_body: from a
--- origin_request_like
a: ^PUT /media/k\?partNumber=1&uploadId=2~A%2B%2F%3D HTTP

=== TEST 16: Signature Version 2
--- http_config eval: ::sticky('', clients => 'signature_v2 on;')
--- s3_sign eval: "$::CLIENT v2=1"
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::a\npart"
--- response_body: from a

=== TEST 17: signed chunks, stored first
--- config eval: ::config(location => 'proxy_request_buffering on;')
--- s3_sign eval: "$::CLIENT payload=streaming"
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::a"
--- request_body_size: 200k
--- response_body: from a
--- origin_count: a=1 b=0

=== TEST 18: and streamed, with a trailer
--- config eval: ::config(location => 'proxy_request_buffering off;')
--- s3_sign eval: "$::CLIENT payload=streaming-trailer trailer=x-amz-checksum-crc32"
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::a"
--- request_body_size: 200k
--- response_body: from a
--- origin_count: a=1 b=0

=== TEST 19: over HTTP/2
--- http2
--- request eval: "PUT /media/k?partNumber=1&uploadId=$::a\npart"
--- response_body: from a
--- origin_count: a=1 b=0
