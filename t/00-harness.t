# Tests for the harness itself, against nginx without the module. Each assertion
# is seen to pass, and to fail where it should: a test that cannot fail is
# worth nothing. Blocks that must fail run in a child (see fails()).

use lib 't/lib';
use v5.36;
use File::Temp ();
use S3Proxy::Client qw(run_command);
use S3Proxy::Test;

no_module();
our $port = server_port();
run_tests();

my $dir = File::Temp->newdir;

# Runs blocks as a test file of their own; returns TAP and exit status.
sub child ($blocks, $prologue = '') {
    state $number = 0;
    my $path = "$dir/child" . $number++ . '.t';
    open my $file, '>', $path or die $!;
    print {$file} "# Tests for a test.\nuse lib 't/lib';\nuse S3Proxy::Test;\nno_module();\n$prologue\nrun_tests();\n__DATA__\n\n$blocks";
    close $file;
    local $ENV{TEST_NGINX_SETTLE} = 0.3;    # it waits for what must not come
    return run_command($^X, $path);
}

# Asserts that the block fails at exactly the assertions named.
sub fails ($name, $block, @assertions) {
    my ($tap, $exit) = child("=== TEST 1: x\n$block");
    my @failed = $tap =~ /^not ok \d+ - TEST 1: x - (.*)$/mg;
    my $right = $exit != 0 && @failed == @assertions;
    for my $index (0 .. $#assertions) {
        $right &&= $failed[$index] =~ /$assertions[$index]/;
    }
    ok($right, "fails when it should: $name") or diag("exit $exit\n$tap");
    return;
}

my $hello = <<'EOF';
--- config
    location / { add_header X-A b; return 200 "hello\n"; }
    location /empty { return 204; }
    location /plain { default_type application/xml; return 403 "<Error>\n"; }
--- request
GET /
EOF

fails('error_code', "$hello--- error_code: 201\n", 'status code');
fails('response_body', "$hello--- response_body\nhallo\n", 'response body');
fails('response_body, shorter', "$hello--- response_body: hell\n", 'response body');
fails('response_body_like', "$hello--- response_body_like: ^H\n", 'response body');
fails('response_body_unlike', "$hello--- response_body_unlike: hel\n", 'response without');
fails('response_body_size', "$hello--- response_body_size: 5\n", 'size');
fails('response_headers, other value', "$hello--- response_headers\nX-A: c\n", 'header X-A');
fails('response_headers, missing', "$hello--- response_headers\nX-B: c\n", 'header X-B');
fails('response_headers, absent', "$hello--- response_headers\n!X-A\n", 'header X-A');
fails('response_headers_like', "$hello--- response_headers_like\nX-A: ^c\n", 'header X-A');
fails('error_log', "$hello--- error_log: no such text\n", 'error.log matches');
fails('no_error_log', "$hello--- no_error_log: notice\n", 'error.log does not match');
fails('access_log', "$hello--- access_log: POST\n", 'access.log matches');
fails('no_access_log', "$hello--- no_access_log: GET\n", 'access.log does not match');
fails('saw_100', "$hello--- saw_100: yes\n", '100 Continue');
fails('connection', "$hello--- connection: keep\n", 'connection');
fails('s3_error on a page that is none', "$hello--- s3_error: 200 AccessDenied\n",
    'x-amz-request-id', 'x-amz-id-2', 'Content-Type', 'error document', 'Code', 'Message', 'RequestId', 'HostId');
fails('s3_error without request', ($hello =~ s/--- request.*//sr) . "--- s3_error: 200 X\n", 'a request was sent');
fails('error_code without request', ($hello =~ s/--- request.*//sr) . "--- error_code: 200\n", 'a request was sent');
fails('code', "$hello--- code\nok(0, 'TEST 1: x - mine');\n", 'mine');
fails('code that dies', "$hello--- code\ndie 'gone';\n", 'code runs: gone');
fails('code that does not compile', "$hello--- code\nmy (;\n", 'code compiles');
fails('nginx -t that succeeds', "--- config\n--- nginx_conf_fails: no such\n", 'nginx -t exits with 0', 'prints');
fails('nginx -t that fails', "--- config\nbogus on;\n--- nginx_conf_ok\n", 'nginx -t exits with 1');
fails('nginx that does not start', "--- config\nbogus on;\n--- request\nGET /\n", 'runs: nginx did not start: .*bogus');
fails('a fatal line', "--- main_config\nerror_log logs/error.log info;\n--- config\nlocation / { proxy_pass http://\$host:0; resolver 127.0.0.1:1; return 200; }\n--- code\n"
    . "open my \$f, '>>', \$t->nginx->prefix . '/logs/error.log'; print \$f \"[alert] made up\\n\"; close \$f;\n", 'no fatal line.*made up');
fails('a worker that crashes', "$hello--- code\nkill 'SEGV', (\$t->nginx->workers)[0]; select undef, undef, undef, 0.3 * $S3Proxy::Nginx::PATIENCE;\n", 'no fatal line.*(?:exited on signal 11|AddressSanitizer)');
fails('a response that is cut', <<'EOF', 'response 0 is whole: cut in the body');
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_buffering off; }
--- origins
a: 200 body=hey truncate
--- request
GET /
EOF
fails('tamper that changes nothing', "$hello--- tamper: s/nothing/x/\n", 'changed nothing');

my $proxied = <<'EOF';
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_pass_request_headers on; proxy_set_header Host h; }
--- request
PUT /k
hello
EOF
fails('origin_count', "$proxied--- origins\na: 200\nb: 200\n--- origin_count: a=2 b=1\n", 'origin a', 'origin b');
fails('origin_count 0', "$proxied--- origins\na: 200\n--- origin_count: a=0\n", 'origin a');
fails('origin_request_like', "$proxied--- origins\na: 200\n--- origin_request_like\na: ^GET\n", 'origin a received /\^GET/');
fails('origin_request_like without request', "$proxied--- origins\na: 200\nb: 200\n--- origin_request_like\nb: ^PUT\n", 'origin b received a request');
fails('origin_request_unlike', "$proxied--- origins\na: 200\n--- origin_request_unlike\na: ^PUT\n", 'origin a received no');
fails('origin_request_unlike without request', "$proxied--- origins\na: 200\nb: 200\n--- origin_request_unlike\nb: ^PUT\n", 'origin b received a request');
fails('origin_body', "$proxied--- origins\na: 200\n--- origin_body\na: hallo\n", 'body that origin a');
fails('origin_body_sha256', "$proxied--- origins\na: 200\n--- origin_body_sha256\na: 00\n", 'SHA-256');
fails('an unsigned request to a judging origin', "$proxied--- origins\na: s3=K:S:r 200\n", 'origin a accepts the signature');
fails('a wrongly signed one', "$proxied--- origins\na: s3=K:S:r 200\n--- s3_sign: K T region=r host=h\n", 'origin a accepts the signature');
fails('origin_verdict', "$proxied--- origins\na: s3=K:S:r 200\n--- origin_verdict\na: ^ok\n", 'verdict of origin a');
fails('keepalive that is not kept', <<'EOF', 'response 0 is whole: the connection was not kept');
--- config
    keepalive_timeout 0;
    location / { return 200; }
--- keepalive
--- request eval
["GET /a", "GET /b"]
EOF

{
    my ($tap, $exit) = child("=== TEST 1: x\n--- confg\n--- request\nGET /\n");
    ok($exit && $tap =~ /unknown section 'confg'/, 'a misspelt section ends the file');
    ($tap, $exit) = child("=== TEST 1: x\n$hello--- error_code eval: no_such_function()\n");
    ok($exit && $tap =~ /no_such_function/, 'an eval section that dies ends the file');
    ($tap, $exit) = child('');
    ok($exit, 'a file without blocks fails');
    ($tap, $exit) = child("=== TEST 1: a\n$hello--- error_code: 1\n--- SKIP\n\n=== TEST 2: b\n$hello--- error_code: 200\n");
    ok(!$exit && $tap !~ /TEST 1/ && $tap =~ /TEST 2/, 'SKIP');
    ($tap, $exit) = child("=== TEST 1: a\n$hello--- error_code: 1\n\n=== TEST 2: b\n$hello--- ONLY\n--- error_code: 200\n");
    ok(!$exit && $tap !~ /TEST 1/ && $tap =~ /TEST 2/, 'ONLY');
    ($tap, $exit) = child("=== TEST 1: a\n$hello--- LAST\n--- error_code: 200\n\n=== TEST 2: b\n$hello--- error_code: 1\n");
    ok(!$exit && $tap !~ /TEST 2/, 'LAST');
    ($tap, $exit) = child("=== TEST 1: a\n$hello--- error_code: 1\n--- todo: later\n");
    ok(!$exit && $tap =~ /not ok .* # TODO later/, 'todo');
}

# Whatever happens, nginx and the origins are gone afterwards, and so is their directory.
for my $end ("die 'on purpose';", "kill 'INT', \$\$; sleep 5;", "kill 'TERM', \$\$; sleep 5;", "exit 3;") {
    my ($tap, $exit) = child(<<"EOF");
=== TEST 1: x
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; }
--- origins
a: 200
--- request
GET /
--- code eval
sub {
    my \$t = shift;
    print "PIDS ", join(' ', \$t->nginx->pid, \$t->nginx->workers, values %S3Proxy::Origin::running), "\\n";
    print "DIR ", \$t->nginx->prefix, "\\n";
    $end
}
EOF
    my ($pids) = $tap =~ /^PIDS (.*)/m;
    my ($prefix) = $tap =~ /^DIR (.*)/m;
    my @left = grep { kill 0, $_ } split ' ', $pids // '';
    ok($exit && split(' ', $pids // '') == 3 && !@left, "nothing runs on after: $end") or diag("$exit left @left\n$tap");
    ok(!-e $prefix, "no directory is left after: $end");
}
{
    my ($tap, $exit) = child("=== TEST 1: x\n$hello--- error_code: 200\n", 'plan tests => 2;');
    ok($exit, 'a wrong plan fails');
    my @files = map { "$dir/parallel$_.t" } 1 .. 4;
    for (@files) {
        open my $file, '>', $_ or die $!;
        print {$file} "# Tests for ports.\nuse lib 't/lib';\nuse S3Proxy::Test;\nno_module();\nrun_tests();\n__DATA__\n\n",
            map { "=== TEST $_: x\n--- config\n    location / { proxy_pass http://%%ORIGIN_A%%; }\n--- origins\na: 200\n--- fresh\n--- request\nGET /$_\n--- error_code: 200\n--- origin_count: a=1\n\n" } 1 .. 4;
    }
    ($tap, $exit) = run_command('prove', '-j4', @files);
    is($exit, 0, 'four files at once') or diag($tap);
}

# What scripts/test ends with when a step failed: which file, which assertion, and what that printed.
{
    my %file = (
        fails => "ok(1, 'good'); is('got this', 'wanted that', 'bad'); ok(0, 'known') for (local \$main::TODO = 'later');",
        dies  => "ok(1, 'reached'); die 'half-way';",
        works => "ok(1, 'good'); diag('a note');",
    );
    for my $name (sort keys %file) {
        open my $file, '>', "$dir/$name.t" or die $!;
        print {$file} "use Test::More;\n$file{$name}\ndone_testing();\n";
        close $file;
    }
    my $report = sub (@files) {
        local $ENV{PERL_TEST_HARNESS_DUMP_TAP} = "$dir/output.tap";
        my ($output) = run_command('prove', map { "$dir/$_.t" } @files);
        open my $file, '>', "$dir/output" or die $!;
        print {$file} $output;
        close $file;
        return (run_command('scripts/failures', "$dir/output"))[0];
    };
    my $said = $report->(qw(dies fails works));
    like($said, qr/^\Q$dir\E\/fails\.t +\(Wstat:/m, 'scripts/failures names the file');
    like($said, qr/^\Q$dir\E\/fails\.t: not ok 2 - bad$/m, 'and the assertion');
    like($said, qr/^# +Failed test 'bad'\n.*^# +got: 'got this'/ms, 'and what it printed');
    like($said, qr/^\Q$dir\E\/dies\.t +\(Wstat: (?!0)/m, 'a file that died is named');
    unlike($said, qr/works\.t|a note|known/, 'but nothing of what passed, or is known to fail');
    like($report->('works'), qr/^Result: PASS/m, 'of what is no failure of prove, the last lines');
}

__DATA__

=== TEST 1: request, status, headers, body
--- config
    location / { add_header X-Method $request_method; return 201 "$request_uri|$http_x_a|$http_host"; }
--- more_headers
X-A: b c
--- request
GET /a?b=c
--- error_code: 201
--- response_headers
X-Method: GET
!X-None
--- response_headers_like
X-Method: ^G.T$
--- response_body eval
"/a?b=c|b c|localhost:" . $main::port
--- response_body_like: ^/a.b=c
--- response_body_unlike: nothing
--- connection: close
--- no_error_log
[error]

=== TEST 2: a list of requests, and lists of expectations
--- config
    location / { return 200 "$request_uri|$connection_requests|$http_x_a"; }
    location /b { return 404 "no"; }
--- request eval
["GET /a", "GET /b", "HEAD /a"]
--- more_headers eval
["X-A: 1", "", "X-A: 2"]
--- error_code: 200 404 200
--- response_body eval
["/a|1|1", "no", ""]
--- response_body_size: 6 2 0

=== TEST 3: one connection
--- config
    location / { return 200 "$connection_requests"; }
--- keepalive
--- request eval
["GET /a", "GET /b", "GET /c"]
--- response_body eval
["1", "2", "3"]
--- connection: keep keep close

=== TEST 4: pipelined
--- config
    location / { return 200 "$connection_requests $request_uri"; }
--- pipelined_requests eval
["GET /a", "HEAD /b", "GET /c"]
--- response_body eval
["1 /a", "", "3 /c"]

=== TEST 5: raw request
--- config
    location / { return 200 "$request_uri $http_x_a"; }
--- raw_request
GET /raw HTTP/1.1\r\nHost: x\r\n
X-A: a\x41\tb\r\nConnection: close\r\n\r\n
--- error_code: 200
--- response_body eval
"/raw aA\tb"

=== TEST 6: raw request that is no HTTP
--- raw_request: GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n
--- config
--- error_code: 400

=== TEST 7: bodies: literal, sized, chunked, in pieces
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_http_version 1.1; proxy_request_buffering off; }
--- origins
a: 200 body=ok
--- request eval
["PUT /k\nhello", "PUT /k", "PUT /k", "PUT /k"]
--- request_body_size eval
[undef, '100k', undef, undef]
--- chunked_body eval
undef
--- write_size eval
[undef, 30000, undef, undef]
--- write_delay eval
[undef, 0.01, undef, undef]
--- origin_count: a=4
--- origin_body
a[0]: hello
--- code
is($t->{requests}[1]{body}, ($t->received('a'))[1]{body}, 'sized body arrives');
is(length $t->{requests}[1]{body}, 102400, 'its size');
is(($t->received('a'))[2]{body_length}, 0, 'empty PUT');
is(($t->received('a'))[2]{framing}, 'length', 'empty PUT has a length');

=== TEST 8: chunked upload
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_http_version 1.1; proxy_request_buffering off; }
--- origins
a: 200 body=ok
--- request
PUT /k
--- chunked_body eval
["hello ", "world"]
--- write_size: 8
--- write_delay: 0.05
--- origin_body
a: hello world
--- origin_request_like
a: ^Transfer-Encoding: chunked
--- origin_request_unlike
a: ^Content-Length

=== TEST 9: an upload that the client breaks off
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_http_version 1.1; proxy_request_buffering off; }
--- origins
a: 200
--- request
PUT /k
--- request_body_size: 50k
--- send_only: 20000
--- ignore_response
--- origin_count: a=1
--- code
ok(!($t->received('a'))[0]{complete}, 'the origin has no whole body');

=== TEST 10: 100-continue, asked for
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; }
--- origins
a: 200
--- request
PUT /k
hello
--- expect_100
--- error_code: 200
--- saw_100: yes
--- origin_body
a: hello

=== TEST 11: 100-continue, not asked for
--- config
    client_max_body_size 1;
--- request
PUT /k
hello
--- expect_100
--- error_code: 413
--- saw_100: no

=== TEST 12: origins: sequence, headers, chunked, keepalive
--- http_config
    upstream o { server %%ORIGIN_A%%; keepalive 2; }
--- config
    location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; }
--- origins
a: 404 body="not here" | 201*2 header="ETag: \"x\"" body="long enough for pieces" chunked | 200 echo
--- request eval
["GET /1", "GET /2", "GET /3", "GET /4", "GET /5"]
--- error_code: 404 201 201 200 200
--- response_body_like eval
["not here", "^long enough for pieces\$", "^long", "^GET /4 HTTP/1.1\r\n", "^GET /5"]
--- response_headers_like eval
["", "ETag: \"x\"", "", "", ""]
--- origin_count: a=5
--- code
is(join(' ', map { $_->{connection} } $t->received('a')), '1 1 1 1 1', 'one connection to the origin');

=== TEST 13: failover by nginx: refused, closed, reset, 503, cut accept
--- http_config
    upstream o { server %%ORIGIN_A%%; server %%ORIGIN_B%% backup; }
--- config
    location / { proxy_pass http://o; proxy_next_upstream error timeout http_503; }
--- origins
a: refuse
b: 200 body=b
--- request
GET /
--- response_body: b
--- origin_count: a=0 b=1
--- error_log
connect() failed
--- log_level: info

=== TEST 14: origin closes
--- http_config
    upstream o { server %%ORIGIN_A%% max_fails=0; server %%ORIGIN_B%% backup; }
--- config
    location / { proxy_pass http://o; proxy_next_upstream error timeout http_503; proxy_read_timeout 300ms; }
--- origins
a: close | reset | 503 | 200 delay=1 body=late | 200 body=a
b: 200 body=b
--- request eval
["GET /", "GET /", "GET /", "GET /", "GET /"]
--- response_body eval
["b", "b", "b", "b", "a"]
--- origin_count: a=5 b=4
--- error_log eval
[qr/prematurely closed connection/, qr/reset by peer/, qr/upstream timed out/]

=== TEST 15: accept and close
--- http_config
    upstream o { server %%ORIGIN_A%% max_fails=0; server %%ORIGIN_B%% backup; }
--- config
    location / { proxy_pass http://o; }
--- origins
a: accept_close
b: 200 body=b
--- request
GET /
--- response_body: b
--- origin_count: a=0 b=1

=== TEST 16: a judging origin accepts what is signed for it
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_set_header Host $http_host; }
--- origins
a: s3=KEY:SECRET:eu-west-1 200 body=ok
--- s3_sign: KEY SECRET region=eu-west-1
--- more_headers
x-amz-meta-a: b
--- request
PUT /bucket/a%20b?x=1
hello
--- error_code: 200
--- origin_verdict
a: ^ok$

=== TEST 17: a judging origin refuses what is tampered with
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_set_header Host $http_host; }
--- origins
a: s3=KEY:SECRET:eu-west-1 200 body=ok
--- s3_sign: KEY SECRET region=eu-west-1 tamper=s/meta-a:.b/meta-a:\ c/
--- more_headers
x-amz-meta-a: b
--- request
GET /bucket/a%20b?x=1
--- error_code: 403
--- response_body_like: <Code>SignatureDoesNotMatch</Code>
--- origin_verdict
a: ^SignatureDoesNotMatch

=== TEST 18: signed chunks through nginx
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_set_header Host $http_host; client_max_body_size 0; }
--- origins
a: s3=KEY:SECRET:us-east-1 200 body=ok
--- s3_sign eval
["KEY SECRET payload=streaming chunk=8192", "KEY SECRET payload=streaming-trailer trailer=x-amz-checksum-crc32c chunk=8192", "KEY SECRET payload=streaming-unsigned trailer=x-amz-checksum-sha256", "KEY SECRET payload=unsigned"]
--- request eval
["PUT /b/k", "PUT /b/k", "PUT /b/k", "PUT /b/k"]
--- request_body_size: 20000
--- error_code: 200

=== TEST 19: tampered chunk
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; proxy_set_header Host $http_host; client_max_body_size 0; }
--- origins
a: s3=KEY:SECRET:us-east-1 200 body=ok
--- s3_sign: KEY SECRET payload=streaming chunk=8192 tamper_body=s/0001000/0001001/
--- request
PUT /b/k
--- request_body_size: 20000
--- error_code: 400
--- origin_verdict
a: wrong chunk signature

=== TEST 20: presigned and V2 requests have the right shape
--- config
    location / { return 200 "$request_uri $http_authorization"; }
--- request eval
["GET /b/k?x=y", "GET /b/k", "GET /b/k?acl"]
--- s3_sign eval
["KEY SECRET presign=900 token=tok", "KEY SECRET v2=1", "KEY SECRET v2=1 presign=900"]
--- response_body_like eval
[qr{^/b/k\?x=y&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=KEY%2F\d{8}%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=\d{8}T\d{6}Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=tok&X-Amz-Signature=[0-9a-f]{64} $},
 qr{^/b/k AWS KEY:[\w+/]{27}=$}, qr{^/b/k\?acl&AWSAccessKeyId=KEY&Expires=\d{10}&Signature=}]

=== TEST 21: HTTPS to nginx
--- https
--- config
    location / { return 200 $scheme; }
--- request
GET /
--- response_body: https

=== TEST 22: TLS origins with a name each
--- http_config
    proxy_ssl_trusted_certificate %%CA%%;
    proxy_ssl_verify on;
    proxy_ssl_server_name on;
--- config
    location /right { proxy_pass https://%%ORIGIN_A%%; proxy_ssl_name a.example; }
    location /wrong { proxy_pass https://%%ORIGIN_A%%; proxy_ssl_name b.example; }
--- origins
a: tls=a.example 200 body=tls
--- request eval
["GET /right", "GET /wrong"]
--- error_code: 200 502
--- origin_count: a=1
--- error_log
upstream SSL certificate does not match "b.example"
--- code
is(($t->received('a'))[0]{sni}, 'a.example', 'SNI is recorded');

=== TEST 23: HTTP/2
--- http2
--- config
    location / { proxy_pass http://%%ORIGIN_A%%; add_header X-Protocol $server_protocol; }
--- origins
a: 200 body=ok
--- request
PUT /b/k%20k
hello
--- more_headers
X-A: b
--- error_code: 200
--- http_version: 2
--- response_headers
X-Protocol: HTTP/2.0
--- response_body: ok
--- origin_request_like
a: ^PUT /b/k%20k HTTP/1\.[01]$
a: (?i)^x-a: b$
--- origin_body
a: hello

=== TEST 24: nginx -t, the failing side with file and line
--- config
    location / {
        root /tmp;
        unknown_thing on; # HERE
    }
--- nginx_conf_fails
unknown directive "unknown_thing" in %%SERVROOT%%/conf/nginx.conf:%%HERE%%

=== TEST 25: nginx -t, the passing side
--- config
    location / { root /tmp; }
--- nginx_conf_ok
syntax is ok

=== TEST 26: files and environment
--- main_config
    env HELLO;
--- http_config
    include %%SERVROOT%%/extra.conf;
--- env
HELLO=world
--- files
>>> extra.conf
    map $uri $mapped { default "from the file"; }
>>> html/x.txt 0644
text
--- config
    location / { return 200 $mapped; }
    location /x.txt { }
--- request eval
["GET /", "GET /x.txt"]
--- response_body eval
["from the file", "text\n"]

=== TEST 27: reload
--- config
    location / { return 200 "$pid"; }
--- reload
--- request
GET /
--- error_code: 200
--- error_log
reconfiguring

=== TEST 28: more requests from code
--- config
    location / { return 200 "$request_uri $http_authorization"; }
--- s3_sign: KEY SECRET
--- code
my $response = $t->send(request => 'GET /one');
is($response->{status}, 200, 'sent');
like($response->{body}, qr{^/one AWS4-HMAC-SHA256 Credential=KEY/}, 'signed as the block says');
unlike($t->send(request => 'GET /two', s3_sign => undef)->{body}, qr/AWS4/, 'or not');

=== TEST 29: s3_error on a right document
--- config
    location / {
        add_header x-amz-request-id 0123456789ABCDEF always;
        add_header x-amz-id-2 aG9zdA== always;
        default_type application/xml;
        return 403 '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access &lt;Denied&gt;</Message><RequestId>0123456789ABCDEF</RequestId><HostId>aG9zdA==</HostId></Error>';
    }
--- request eval
["GET /", "HEAD /"]
--- s3_error: 403 AccessDenied
--- s3_error_like
Message: ^Access <Denied>$
!Resource

=== TEST 30: skip_nginx
--- skip_nginx: < 99.0.0
--- config
    bogus;
--- request
GET /

=== TEST 31: default Host and HTTP/1.0
--- config
    location / { return 200 "[$http_host]"; }
--- request eval
["GET / HTTP/1.0", "GET /"]
--- more_headers eval
["", "Host: mine"]
--- response_body eval
["[]", "[mine]"]
