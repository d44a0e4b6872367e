# Tests for the page of s3_status: to whom it goes, and with which headers. What it shows is checked in a browser, by make check-page.

use v5.36;
use lib 't/lib';
use Digest::SHA qw(sha256_base64);
use S3Proxy::Setup;
use S3Proxy::Test;

# What Chromium sends.
our $browser = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8';

default_sections(
    http_config => 's3_status_zone s3:1m; ' . http_config(),
    config      => config(server => 'location = /status { s3_status; } location = /json { s3_status json; } location = /shut { s3_status; deny all; }'),
    origins     => $ORIGINS,
    request     => 'GET /status',
    more_headers => $browser,
);

run_tests();

__DATA__

=== TEST 1: browsers get the page, which may do nothing but ask here
--- response_headers
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
Vary: Accept
X-Content-Type-Options: nosniff
Referrer-Policy: no-referrer
--- response_body_like: ^<!doctype html>[\s\S]+</html>\s*$
--- code
my $response = $t->response;
my $policy = S3Proxy::Http::header($response, 'content-security-policy');
like($policy, qr/^default-src 'none'; /, 'all that is not allowed is forbidden');
unlike($policy, qr/unsafe|https?:|\*/, 'nothing from elsewhere');
for my $part (qw(style script)) {
    my ($text) = $response->{body} =~ m{<$part>(.*?)</$part>}s;
    my $hash = sha256_base64($text) . '=';
    like($policy, qr/$part-src 'sha256-\Q$hash\E'(?:;|$)/, "its own $part");
}
unlike($response->{body}, qr{<(?:link|script|img)[^>]+(?:src|href)="(?!data:,")}, 'it asks for no other file');
unlike($response->{body}, qr/\son\w+=|\sstyle=/, 'no attribute that the policy forbids');

=== TEST 2: others get what they want
--- request eval: ["GET /status", "GET /status", "GET /status?format=html", "HEAD /status"]
--- more_headers eval: ["Accept: */*", "Accept: application/json", "Accept: */*", $::browser]
--- code
is(join(' ', map { S3Proxy::Http::header($_, 'content-type') =~ s/;.*//r } @{ $t->{responses} }), 'text/plain application/json text/html text/html', 'types');
is(S3Proxy::Http::header($t->{responses}[1], 'vary'), 'Accept', 'one address has several');

=== TEST 3: where the directive names a form there is no page
--- request: GET /json
--- response_headers
Content-Type: application/json

=== TEST 4: nor can it name the page, which needs the JSON
--- config: location /s { s3_status html; } # HERE
--- nginx_conf_fails: invalid format "html" of "s3_status": prometheus, openmetrics or json

=== TEST 5: who may not have the numbers gets no page
--- request: GET /shut
--- error_code: 403
--- response_body_unlike: doctype html
