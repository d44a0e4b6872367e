# Tests for nginx's features x payload modes x request buffering x what the
# origin takes (`payload`). Of each request either a judging origin gets exactly
# the object that was sent, signed by us, or the client gets an error of S3's;
# never a hang, another object, or a request that is not ours.

use v5.36;
use lib 't/lib';
use JSON::PP ();
use MIME::Base64 ();
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;
use S3Proxy::Xml qw(parse_error);

my $LUA = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
our $lua = -e $LUA && S3Proxy::Nginx::binary() eq '/usr/sbin/nginx'
    ? "load_module /usr/lib/nginx/modules/ndk_http_module.so;\nload_module $LUA;" : '';

# Two origins that take bodies as sent, and two that want them without framing.
our $origins = join "\n", map { "$_: s3=AKIDORIGIN\U$_\E:origin-$_/Secret+Key=:us-east-1 200 body=\"answer\" header=\"ETag: x\"" } qw(a b c d);
our $blocks = clients() . join '', map {
    my $payload = /[cd]/ ? 'unsigned' : 'as_sent';
    "s3_origin $_ { endpoint http://%%ORIGIN_\U$_\E%%; key AKIDORIGIN\U$_\E origin-$_/Secret+Key=; payload $payload; }\n"
} qw(a b c d);
$blocks .= "upstream sent { server %%ORIGIN_B%% max_fails=0; server %%ORIGIN_A%% max_fails=0 backup; }\n"
    . "upstream unframed { server %%ORIGIN_D%% max_fails=0; server %%ORIGIN_C%% max_fails=0 backup; }\n";

# The four locations, named by their bucket, each with the feature's directives; `pass` is what follows the host in proxy_pass.
sub main::places ($inside = '', %option) {
    my $text = "client_max_body_size 0; client_body_buffer_size 4k;\n" . ($option{server} // '');
    for my $upstream (qw(sent unframed)) {
        for my $buffering (qw(on off)) {
            my $proxy = "s3_resign on; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_request_buffering $buffering;"
                . 'proxy_next_upstream error timeout http_503 non_idempotent;';
            my $pass = "proxy_pass http://$upstream" . ($option{pass} // '') =~ s/%B%/$upstream-$buffering/gr . ';';
            my $fill = sub ($part) { $part =~ s/%B%/$upstream-$buffering/gr =~ s/%PROXY%/$proxy $pass/gr };
            $text .= "location /$upstream-$buffering/ { s3_verify apps; " . $fill->($inside)
                . ($option{no_pass} ? '' : " $proxy $pass") . " }\n" . $fill->($option{beside} // '') . "\n";
        }
    }
    return $text;
}

# A location for subrequests, that asks origin b for an object of its own.
our $subrequest = 'location = /_sub { internal; s3_verify off; s3_resign b; proxy_method GET; proxy_pass_request_body off;'
    . " proxy_set_header Content-Length ''; proxy_set_header Transfer-Encoding ''; proxy_pass http://%%ORIGIN_B%%/own/subrequest; }\n";

# name => method and s3_sign. The bodies are larger than one buffer of nginx's and than one chunk.
our @modes = (
    ['no body', 'GET', ''], ['hex', 'PUT', 'payload=hex'], ['unsigned', 'PUT', 'payload=unsigned'],
    ['signed chunks', 'PUT', 'payload=streaming chunk=8192'],
    ['signed trailer', 'PUT', 'payload=streaming-trailer trailer=x-amz-checksum-crc32 chunk=8192'],
    ['unsigned trailer', 'PUT', 'payload=streaming-unsigned trailer=x-amz-checksum-crc32'],
    ['presigned', 'PUT', 'presign=900'], ['presigned, no body', 'GET', 'presign=900'],
);

# The object of what an origin received.
sub main::object ($received) {
    my $body = $received->{body} // return undef;
    return $body if $received->{head} !~ /^x-amz-content-sha256: STREAMING-/mi;
    my $data = '';
    while ($body =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $size = hex $1 or last;
        $data .= substr $body, 0, $size, '';
        $body =~ s/\A\r\n//;
    }
    return $data;
}

# What origins received since the last call: to read all of it anew after each request would be most of the time.
sub main::news ($t, $at) {
    open my $file, '<:raw', "$t->{origin}{dir}/received" or return;
    seek $file, $$at, 0;
    my @news = map { JSON::PP->new->latin1->decode($_) } <$file>;
    $$at = tell $file;
    $_->{body} = MIME::Base64::decode_base64($_->{body}) for grep { defined $_->{body} } @news;
    return @news;
}

# Sends each mode to each place. Options: `same` 0 where the feature changes the object or the target, `passes` a status and a regex of where an origin's own error may come, `each` code between two requests.
sub main::matrix ($t, %option) {
    my ($faults, $at) = (0, 0);
    for my $place (map { ("$_-on", "$_-off") } qw(sent unframed)) {
        for my $mode (@modes) {
            my ($name, $method, $sign) = @$mode;
            for my $size ($method eq 'GET' ? 0 : (0, 9_000)) {
                my $key = "/$place/" . join '-', $name =~ s/\W+//gr, $size;
                my $what = "$place, $name" . ($method eq 'GET' ? '' : ", $size bytes");
                $option{each}->() if $option{each};
                my $response = $t->send(request => "$method $key", s3_sign => "$S3Proxy::Setup::CLIENT $sign",
                    $method eq 'GET' ? () : (request_body_size => "$size"), timeout => 2);
                my @got = grep { $_->{target} =~ m{^\Q$key\E(?:\?|$)} && $_->{complete} } news($t, \$at);
                my $sent = $response->{request}{method} eq 'PUT' ? S3Proxy::Request::_pattern($size) : '';
                my $fault = $response->{error} ? "not whole: $response->{error}"
                    : $response->{status} == 200 ? undef
                    : $option{passes} && $response->{status} == $option{passes}[0] && $what =~ $option{passes}[1] ? undef
                    : $response->{status} < 400 ? "status $response->{status}"
                    : (parse_error($response->{body}))[1];
                if (!$fault && $response->{status} == 200) {
                    $fault = 'no origin has it' if !@got && ($option{same} // 1);
                } elsif (!$fault && !$option{passes}) {
                    $fault = "refused: $response->{status} " . ((parse_error($response->{body}))[0]{Code} // '');
                }
                if ($option{same} // 1) {
                    $fault //= 'another object' if grep { (object($_) // '') ne $sent } @got;
                }
                main::is($fault, undef, $t->name($what)) and next;
                main::diag("$response->{head}$response->{body}");
                # Each hang takes its time.
                return main::fail($t->name('gives up')) if ++$faults == 6;
            }
        }
    }
    return;
}

default_sections(http_config => $blocks, origins => $origins, fresh => '', code => 'matrix($t);');

run_tests();

__DATA__

=== nothing
--- config eval: ::places()

=== mirror
--- config eval: ::places('mirror /_sub;', server => $::subrequest)

=== mirror without its body
--- config eval: ::places('mirror /_sub; mirror_request_body off;', server => $::subrequest)

=== auth_request
--- config eval: ::places('auth_request /_sub;', server => $::subrequest)

=== error_page to a location: the origin is away
--- config eval: ::places('error_page 502 504 = /_fallback;', server => 'location = /_fallback { internal; return 200 "elsewhere"; }')
--- origins
a: refuse
b: refuse
c: refuse
d: refuse
--- code: matrix($t, same => 0);

=== error_page to a named location, which has the origin
--- config eval: ::places('error_page 418 = @%B%; return 418;', no_pass => 1, beside => 'location @%B% { s3_verify apps; %PROXY% }')

=== error_page to a named location, after an origin's 503
--- config eval: ::places('proxy_intercept_errors on; error_page 503 = @other; proxy_next_upstream off;', server => 'location @other { s3_verify apps; return 200 "elsewhere"; }') =~ s/proxy_next_upstream error[^;]*;//gr
--- origins eval: $::origins =~ s/ 200 body/ 503 body/gr
--- code: matrix($t);

=== proxy_cache
--- http_config eval: 'proxy_cache_path %%SERVROOT%%/cache keys_zone=c:1m;' . $::blocks
--- config eval: ::places('proxy_cache c; proxy_cache_key $s3_cache_key; proxy_cache_valid 1m;')

=== rewrite
--- config eval: ::places('rewrite ^/(.*)$ /$1 break;')

=== rewrite to another location
--- config eval: ::places('rewrite ^/%B%/(.*)$ /again/%B%/$1 last;', no_pass => 1, beside => 'location /again/%B%/ { s3_verify apps; rewrite ^/again(.*) $1 break; %PROXY% }')

=== proxy_pass with a URI
--- config eval: ::places('', pass => '/%B%/')

=== limit_req, limit_conn, limit_rate
--- http_config eval: 'limit_req_zone $binary_remote_addr zone=r:1m rate=1000r/s; limit_conn_zone $binary_remote_addr zone=n:1m;' . $::blocks
--- config eval: ::places('limit_req zone=r burst=1000; limit_conn n 100; limit_rate 1m;')

=== limit_req, delayed
--- http_config eval: 'limit_req_zone $binary_remote_addr zone=r:1m rate=200r/s;' . $::blocks
--- config eval: ::places('limit_req zone=r burst=1000;')

=== gzip
--- config eval: ::places('gzip on; gzip_min_length 1; gzip_types *; gzip_proxied any;')

=== sub_filter
--- skip_eval: no sub_filter in this nginx: S3Proxy::Client::run_command(S3Proxy::Nginx::binary(), '-V') !~ /http_sub_module/
--- config eval: ::places('sub_filter_types *; sub_filter answer other;')

=== slice
--- config eval: ::places('slice 1k;')

=== the next upstream, after a connection that fails
--- config eval: ::places()
--- origins eval: $::origins =~ s/^([bd]): .*$/$1: refuse/mgr

=== the next upstream, after 503 for what was buffered
--- config eval: ::places()
--- origins eval: $::origins =~ s/^([bd]: \S+) 200/$1 503/mgr
--- code: matrix($t, passes => [503, qr/-off, /]);

=== proxy_set_body: what the client stated about its body is not true of another, and does not go along
--- config eval: ::places('proxy_set_body "another object";')
--- code: matrix($t, same => 0);

=== proxy_method
--- config eval: ::places('proxy_method PUT;')
--- code: matrix($t);

=== satisfy any, by the signature
--- config eval: ::places('satisfy any; deny all;')

=== what changes the response: expires, add_header, chunked off
--- config eval: ::places('expires 1h; add_header X-More 1 always; chunked_transfer_encoding off; proxy_buffering off;')

=== HTTP/2
--- http2
--- config eval: ::places()

=== reloads in between
--- config eval: ::places()
--- code: my $number = 0; matrix($t, each => sub { $t->nginx->reload if $number++ % 10 == 0 });

=== access_by_lua
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: ::places('access_by_lua_block { ngx.var.args = ngx.var.args }')

=== rewrite_by_lua that reads the body: it is checked where it lies
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: ::places('rewrite_by_lua_block { ngx.req.read_body() }')

=== header_filter_by_lua and body_filter_by_lua
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua
--- config eval: ::places('header_filter_by_lua_block { ngx.header["X-Lua"] = "1" } body_filter_by_lua_block { ngx.arg[1] = ngx.arg[1] }')
