# Tests for answers in the client's names beside what else nginx does with an
# answer: caches, stores, other filters, subrequests, error pages.

use v5.36;
use lib 't/lib';
use IO::Uncompress::Gunzip qw(gunzip);
use MIME::Base64 qw(encode_base64);
use S3Proxy::Setup;
use S3Proxy::Test;

our $cache = 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m;';
our $cached = 'proxy_cache cache; proxy_cache_key $s3_cache_key; proxy_cache_valid any 1m; proxy_cache_methods GET HEAD POST;'
    . 'add_header X-Cache $upstream_cache_status always;';
default_sections(
    http_config => http_config(
        clients => 'region local; domain s3.lan; host localhost:%%PORT%%;',
        b       => 'bucket photos acme-photos;',
        more    => $cache,
    ),
    config  => config(location => $cached),
    origins => $ORIGINS,
    s3_sign => "$CLIENT region=local",
);

# Origin b answers so: in one piece, then in chunks of seven bytes. `$words` are for both.
sub main::answers ($body, $words = '', $status = 200) {
    my $text = encode_base64($body, '');
    my $answer = "$status body_base64=$text header=\"ETag: x\" $words";
    return $ORIGINS =~ s/^b: (\S+).*/b: $1 $answer | $answer chunked/mr;
}

our $xmlns = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
our $list = "<ListBucketResult $xmlns><Name>acme-photos</Name><Contents><Key>k &amp;</Key></Contents></ListBucketResult>";
our $own = $list =~ s/acme-//r;
our $complete = "<CompleteMultipartUploadResult $xmlns><Location>http://x/acme-photos/k</Location></CompleteMultipartUploadResult>";

run_tests();

__DATA__

=== TEST 1: a redirect without a body is in no cache
--- origins eval: ::answers('', 'header="Location: http://%%ORIGIN_B%%/acme-photos/k2"', 301)
--- more_headers eval: ["", "", "Host: photos.s3.lan"]
--- request eval: [("GET /photos/r") x 2, "GET /r"]
--- error_code: 301
--- response_headers: X-Cache: MISS
--- response_headers_like eval: [('Location: http://localhost:\d+/photos/k2') x 2, 'Location: http://photos.s3.lan/k2']

=== TEST 2: nor is that to a HEAD
--- origins eval: ::answers('', 'header="Location: http://%%ORIGIN_B%%/acme-photos/k2"', 307)
--- request eval: ["HEAD /photos/h", "HEAD /photos/h", "GET /photos/h"]
--- error_code: 307
--- response_headers_like: Location: http://localhost:\d+/photos/k2

=== TEST 3: a redirect to elsewhere says the same to everybody, and may be
--- origins eval: ::answers('', 'header="Location: https://www.example.com/photos/k2"', 301)
--- request eval: [("GET /photos/elsewhere") x 2]
--- error_code: 301
--- response_headers eval: ["X-Cache: MISS", "X-Cache: HIT"]

=== TEST 4: a list is in no cache, whose next reader may call the bucket otherwise
--- origins eval: ::answers($::list)
--- more_headers eval: ["", "Host: photos.s3.lan", ""]
--- request eval: ["GET /photos?list-type=2", "GET /?list-type=2", "GET /photos?list-type=2"]
--- response_headers: X-Cache: MISS
--- response_body eval: $::own

=== TEST 5: nor is one that a HEAD was for, which nginx asks for as GET
--- origins eval: ::answers($::list)
--- request eval: ["HEAD /photos?list-type=2&prefix=h", "GET /photos?list-type=2&prefix=h"]
--- response_headers eval: ["!Content-Length", "X-Cache: MISS"]
--- response_body eval: ["", $::own]
--- origin_request_like
b: ^GET /acme-photos\?list-type=2&prefix=h HTTP

=== TEST 6: nor an error
--- origins eval: ::answers("<Error><Code>NoSuchKey</Code><BucketName>acme-photos</BucketName></Error>", '', 404)
--- request eval: ["HEAD /photos/none", "GET /photos/none", "GET /photos/none"]
--- error_code: 404
--- response_headers eval: ["!Content-Length", "X-Cache: MISS", "X-Cache: MISS"]
--- response_body eval: ["", ("<Error><Code>NoSuchKey</Code><BucketName>photos</BucketName></Error>") x 2]

=== TEST 7: an object is, for both styles
--- more_headers eval: ["", "Host: photos.s3.lan", ""]
--- request eval: ["GET /photos/o", "GET /o", "HEAD /photos/o"]
--- response_headers eval: ["X-Cache: MISS", "X-Cache: HIT", "X-Cache: HIT"]
--- origin_count: b=1

=== TEST 8: the region, from a cache too
--- origins eval: ::answers('', 'header="x-amz-bucket-region: eu-west-1"')
--- request eval: [("HEAD /photos") x 3]
--- response_headers: x-amz-bucket-region: local

=== TEST 9: the URL of an upload is that of each client, even where POST is cached
--- origins eval: ::answers($::complete)
--- more_headers eval: ["", "Host: photos.s3.lan", "Host: s3.lan"]
--- request eval: ["POST /photos/k?uploadId=u\nx", "POST /k?uploadId=u\nx", "POST /photos/k?uploadId=u\nx"]
--- response_body_like eval: ['http://localhost:\d+/photos/k<', 'http://photos.s3.lan/k<', 'http://s3.lan/photos/k<']

=== TEST 10: it is stored nowhere
--- config eval: ::config(location => 'proxy_store %%SERVROOT%%/stored;')
--- origins eval: ::answers($::list)
--- request eval: [("GET /photos?list-type=2") x 2]
--- response_body eval: $::own
--- code: ok(!-e $t->nginx->prefix . '/stored', 'no file');

=== TEST 11: compressed on its way out
--- config eval: ::config(location => 'gzip on; gzip_types application/xml; gzip_min_length 0; gzip_proxied any;')
--- origins eval: ::answers($::list, 'header="Content-Type: application/xml"')
--- more_headers: Accept-Encoding: gzip
--- code
for my $way ('in one piece', 'in chunks') {
    my $response = $t->send(request => 'GET /photos?list-type=2');
    like($response->{head}, qr/content-encoding: gzip/i, "$way: compressed");
    gunzip(\$response->{body} => \my $text);
    is($text, $::own, "$way: in the client's names");
}

=== TEST 12: in a page that includes it
--- config eval: ::config(server => 'location = /page { ssi on; ssi_types *; root %%SERVROOT%%/html; } location = /list { s3_verify off; s3_resign on; proxy_pass http://s3/photos?list-type=2; }')
--- files
>>> html/page
[<!--# include virtual="/list" -->|<!--# include virtual="/list" -->]
--- origins eval: ::answers($::list)
--- s3_sign
--- request: GET /page
--- response_body eval: "[$::own|$::own]\n"

=== TEST 13: beside auth_request and mirror, which are answered in the same way
--- config eval: ::config(server => 'location = /asked { internal; s3_verify apps; s3_resign on; proxy_pass_request_body off; proxy_pass http://s3/photos?list-type=2; }', location => 'auth_request /asked; mirror /asked;')
--- origins eval: ::answers($::list)
--- request eval: [("GET /photos?list-type=2") x 2]
--- response_body eval: $::own

=== TEST 14: an error page that is configured takes its place
--- config eval: ::config(server => 'location = /404 { internal; return 404 "page"; }', location => 'proxy_intercept_errors on; error_page 404 /404;')
--- origins eval: ::answers("<Error><Code>NoSuchKey</Code><BucketName>acme-photos</BucketName></Error>", '', 404)
--- request eval: [("GET /photos/k") x 2]
--- error_code: 404
--- response_body: page

=== TEST 15: nothing is buffered, over HTTP/2
--- config eval: ::config(location => 'proxy_request_buffering off; proxy_buffering off;')
--- http2
--- origins eval: ::answers($::complete)
--- request eval: [("POST /photos/k?uploadId=u\nx") x 2]
--- response_body_like: http://localhost:\d+/photos/k<

=== TEST 16: the bucket of a new bucket's ARN
--- origins eval: ::answers('', 'header="x-amz-bucket-arn: arn:aws:s3:::acme-photos"')
--- request eval: [("PUT /photos") x 2]
--- response_headers: x-amz-bucket-arn: arn:aws:s3:::photos

=== TEST 17: who names no host is told none
--- config eval: ::config() =~ s/s3_verify apps/s3_verify off/r
--- s3_sign
--- raw_request eval: "GET /photos/k HTTP/1.0\r\n\r\n"
--- origins eval: ::answers("<Error><Code>PermanentRedirect</Code><Endpoint>acme-photos.s3.eu.example.com</Endpoint><Bucket>acme-photos</Bucket></Error>", '', 301)
--- error_code: 301
--- response_body_like: <Endpoint></Endpoint><Bucket>photos</Bucket>
