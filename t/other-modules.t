# Tests beside Debian's other modules (TEST_NGINX_MODULES names their folder): filters that withhold a header until they have seen a
# body, headers that are put into a request before it is verified, scripts in JavaScript.

use v5.36;
use lib 't/lib';
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;

my $folder = $ENV{TEST_NGINX_MODULES} || '/usr/lib/nginx/modules';
our $modules = join '', map { "load_module $folder/ngx_http_${_}_module.so; " } qw(xslt_filter headers_more_filter js);
my ($answer) = run_command(S3Proxy::Nginx::binary(), '-t', '-e', 'stderr', '-c', '/dev/null', '-g', $modules);
my $is_missing = scalar($answer =~ m{ngx_http_\w+_module});
# Where everything is installed by scripts/install-packages a missing one would go unnoticed.
die "Debian's modules are not installed: $answer\n" if $is_missing && $ENV{CI} && !$ENV{TEST_NGINX_BINARY};
skip_all_if($is_missing, 'not all of these modules for this nginx (Debian: libnginx-mod-http-xslt-filter, -headers-more-filter, -js)');

our $settings = 'client_max_body_size 0; proxy_http_version 1.1; proxy_set_header Connection ""; s3_verify apps; s3_resign on;';
our $xslt = 'xslt_stylesheet %%SERVROOT%%/all.xslt; xslt_types application/xml;';
our $script = 'js_import script from %%SERVROOT%%/script.js; js_set $who script.who;';

default_sections(
    main_config => $modules,
    http_config => http_config(more => $script),
    config      => "$settings location / { $xslt proxy_pass http://s3; }",
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    files       => <<'EOF2');
>>> all.xslt
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/><xsl:template match="/">all: <xsl:value-of select="."/></xsl:template></xsl:stylesheet>
>>> script.js
function who(r) { return r.variables.s3_access_key || 'nobody'; }
function content(r) { r.return(200, who(r) + ' ' + (r.requestText || 'nothing')); }
async function both(r) {
    let put = await r.subrequest('/sub/put', { method: 'PUT', body: 'made by a script' });
    let get = await r.subrequest('/sub/get');
    r.return(200, put.status + ' ' + get.status);
}
function away(r) { r.internalRedirect('/sub/away'); }
function header(r) { r.headersOut['X-Error'] = r.variables.s3_error_code || 'none'; delete r.headersOut['Content-Length']; }
function body(r, data, flags) { r.sendBuffer(data.toUpperCase(), flags); }
export default { who, content, both, away, header, body };
EOF2

run_tests();

__DATA__

=== TEST 1: a refusal through a filter that withholds the header: GET, and HEAD, which has no body to wait for
--- s3_sign:
--- request eval: ["GET /bucket/key", "HEAD /bucket/key", "PUT /bucket/key\nhello"]
--- error_code: 403
--- response_body_like eval: [qr/^all: AccessDenied/, qr/^$/, qr/^all: AccessDenied/]

=== TEST 2: likewise, of an origin that refuses our key
--- origins
b: 403 header="Content-Type: application/xml" body="<Error><Code>InvalidAccessKeyId</Code></Error>"
a: refuse
--- request eval: ["GET /bucket/key", "HEAD /bucket/key"]
--- ignore_response
--- code
like($_->{status}, qr/^50[023]$/, 'it is answered') for @{ $t->{responses} };

=== TEST 3: over HTTP/2
--- http2
--- s3_sign:
--- request eval: ["GET /bucket/key", "HEAD /bucket/key"]
--- error_code: 403

=== TEST 4: an answer that is put into the client's words goes through it
--- origins
b: 200 header="Content-Type: application/xml" body="<ListAllMyBucketsResult><Owner><ID>x</ID></Owner><Buckets></Buckets></ListAllMyBucketsResult>"
a: 200
--- request eval: ["GET /", "GET /bucket?list-type=2"]
--- error_code: 200
--- response_body_like: ^all: x

=== TEST 5: headers that are put in before verification are judged as the client's, and those of the answer are the user's
--- config eval
"$::settings location / { more_set_headers 'X-Amz-Id-2: mine'; proxy_pass http://s3; } location /meta/ { more_set_input_headers 'x-amz-meta-a: 1'; proxy_pass http://s3; }
 location /key/ { more_clear_input_headers Authorization; proxy_pass http://s3; } location /host/ { more_set_input_headers 'Host: other'; proxy_pass http://s3; }
 location /range/ { more_set_input_headers 'Range: bytes=0-1'; proxy_pass http://s3; }"
--- request eval: ["GET /bucket/key", "GET /meta/key", "GET /key/key", "GET /host/key", "GET /range/key"]
--- error_code eval: [200, 403, 403, 403, 200]
--- response_headers_like eval: ['X-Amz-Id-2: ^mine$', '', '', '', '']
--- origin_request_like
b[1]: ^Range: bytes=0-1$
--- origin_count: b=2

=== TEST 6: JavaScript: who calls, the body, subrequests with a body, a redirect
--- config eval
"$::settings location / { js_content script.content; } location /both/ { js_content script.both; } location /away/ { js_content script.away; }
 location /sub/ { internal; proxy_pass http://s3; }"
--- request eval: ["PUT /bucket/key\nhello", "GET /bucket/key", "GET /both/key", "PUT /away/key\nhello"]
--- error_code: 200
--- response_body eval: ['AKIDCLIENT hello', 'AKIDCLIENT nothing', '200 200', 'from b']
--- origin_body
b[0]: made by a script
b[2]: hello

=== TEST 7: likewise, nobody
--- config eval: "$::settings location / { js_content script.content; }"
--- s3_sign:
--- request eval: ["PUT /bucket/key\nhello", "GET /bucket/key"]
--- s3_error: 403 AccessDenied
--- no_error_log: TypeError

=== TEST 8: its filters see the answer that the client gets
--- config eval: "$::settings location / { js_header_filter script.header; js_body_filter script.body; proxy_pass http://s3; }"
--- s3_sign eval: [$S3Proxy::Setup::CLIENT, '', '']
--- request eval: ["GET /bucket/key", "GET /bucket/key", "HEAD /bucket/key"]
--- error_code eval: [200, 403, 403]
--- response_headers eval: ['X-Error: none', 'X-Error: AccessDenied', 'X-Error: AccessDenied']
--- response_body_like eval: [qr/^FROM B$/, qr/<CODE>ACCESSDENIED/, qr/^$/]
