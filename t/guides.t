# Tests for the guides in docs/: each recipe of the cookbook, each example of who comes from elsewhere, and each cause of a
# SignatureDoesNotMatch is taken out of its page and tried.

use v5.36;
use lib 't/lib';
use FindBin;
use S3Proxy::Children ();
use S3Proxy::Client qw(run_command);
use S3Proxy::Nginx;
use S3Proxy::Readme;
use S3Proxy::Recipe;
use S3Proxy::Setup;
use S3Proxy::Test;

our ($app, $bulk, $admin, $wrong) = ('AKIDAPP app/Secret+Key=', 'AKIDBULK bulk/Secret+Key=', 'AKIDADMIN admin/Secret+Key=', 'AKIDAPP wrong');
for (map { [split / /] } $app, $bulk, $admin) {
    $S3Proxy::Check::NEVER_SENT{ $_->[0] } = 'a client key id';
    $S3Proxy::Check::NEVER_SHOWN{ $_->[1] } = 'a secret';
}

# What "Five minutes" has beside the recipe.
sub whole ($more) {
    my $keys = join '', map { "key $_; " } $app, $bulk, $admin;
    my $origins = join '', grep { !/^(s3_origin \w+ \{)/ || $more !~ /^\Q$1\E/m } split /^/, S3Proxy::Setup::origin_blocks();
    return "include $FindBin::Bin/../nginx-conf/s3_log_format; s3_clients apps { $keys}\n"
        . $origins . S3Proxy::Setup::upstream() . $more;
}

# A recipe that brings its own port: %%PORT_recipe%%.
sub on_its_port ($guide, $heading) { return whole(recipe_text($guide, $heading)) }

our $lua = join '', map { "load_module /usr/lib/nginx/modules/$_.so; " } qw(ndk_http_module ngx_http_lua_module);
our $has_lua = (run_command(S3Proxy::Nginx::binary(), '-t', '-e', 'stderr', '-c', '/dev/null', '-g', $lua))[0] !~ m{_http_(?:lua_)?module};

default_sections(
    origins => $ORIGINS,
    s3_sign => $app,
    request => 'GET /bucket/key',
);

sub slurped ($path) { return S3Proxy::Children::slurp("$FindBin::Bin/../$path") }

# Runs printed commands in the checkout, against this test's nginx, and returns the lines that they print.
sub run_printed ($t, @blocks) {
    local @ENV{qw(AWS_SECRET_ACCESS_KEY PATH)} = ('app/Secret+Key=', "$FindBin::Bin/../build:$ENV{PATH}");
    my $script = join "\n", map { s/localhost:8080/'127.0.0.1:' . $t->port/ger } map { S3Proxy::Readme::commands($_) } @blocks;
    my ($text, $exit) = run_command('bash', '-e', '-o', 'pipefail', '-c', "cd '$FindBin::Bin/..'; $script");
    Test::More::is($exit, 0, 'the commands run') or Test::More::diag($text);
    return split /\n/, $text;
}

# The causes of signature-does-not-match.md: the key that is asked for, how it is signed, how it is asked for.
our @causes = (
    [1, 'Another Host', 'key', [], []], [2, 'Another path', 'a+b', [], []], [3, 'GET for HEAD', 'key', ['--method', 'HEAD'], ['--head']],
    [4, 'Another parameter', 'key', [], []], [5, 'Another header', 'key', ['--header', 'Content-Type: text/plain'], ['--header', 'Content-Type: text/plain']],
);

# The proxies in front: each as it is wrong, as it is right, and as it is wrong where one sees what arrives.
sub fronts () {
    return join '', map {
        my ($number, $heading) = @$_;
        my ($wrong, $right) = map { s/127\.0\.0\.1:8080/127.0.0.1:%%PORT%%/r } guide_blocks('signature-does-not-match', $heading, 'nginx');
        my $seen = $wrong =~ s/127\.0\.0\.1:%%PORT%%/%%ORIGIN_C%%/r;
        map { "server { listen 127.0.0.1:%%PORT_$_->[0]$number%%; $_->[1] }\n" } ['wrong', $wrong], ['right', $right], ['seen', $seen];
    } @causes;
}

# With another answer of an origin.
sub origins ($name, $answer) { return $ORIGINS =~ s/^\Q$name\E: (s3=\S+) .*/$name: $1 $answer/mr }

run_tests();

__DATA__

=== TEST 1: Reads from the old store
--- http_config eval: ::whole(recipe_http('cookbook', 'Reads from the old store'))
--- config eval: recipe_server('cookbook', 'Reads from the old store')
--- origins eval: ::origins(b => '404 body="<Error><Code>NoSuchKey</Code></Error>"')
--- request eval: ["GET /bucket/key", "HEAD /bucket/key", "PUT /bucket/key\nhello", "DELETE /bucket/key"]
--- error_code eval: [200, 200, 404, 404]
--- response_body_like eval: ["from a", "", "NoSuchKey", "NoSuchKey"]
--- origin_count: b=4 a=2

=== TEST 2: Reads from the old store: neither has it, and b has it
--- http_config eval: ::whole(recipe_http('cookbook', 'Reads from the old store'))
--- config eval: recipe_server('cookbook', 'Reads from the old store')
--- origins eval: ::origins(b => '404 | 200 body="from b"') =~ s/^(a: \S+) .*/$1 404 body="<Error><Code>NoSuchKey<\/Code><\/Error>"/mr
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code eval: [404, 200]
--- response_body_like eval: ["NoSuchKey", "from b"]
--- origin_count: b=2 a=1

=== TEST 3: Writes to two stores
--- http_config eval: ::whole(recipe_http('cookbook', 'Writes to two stores'))
--- config eval: recipe_server('cookbook', 'Writes to two stores')
--- s3_sign eval: [$::app, "$::app payload=streaming", "$::app payload=unsigned", "$::app presign=60", $::app]
--- request eval: [("PUT /bucket/dir/a%20b%2Bc\nhello") x 3, "DELETE /bucket/key?versionId=1", "GET /bucket/key"]
--- error_code: 200
--- response_body_like: from b
--- code
my %got;
for (1 .. 100) {
    %got = map { $_ => [$t->received($_)] } qw(a b);
    last if @{ $got{a} } >= 4;
    select undef, undef, undef, 0.02;
}
is(scalar @{ $got{b} }, 5, 'all of them at b');
is(scalar @{ $got{a} }, 4, 'the writes at a');
like($got{a}[$_]{head}, qr{^PUT /bucket/dir/a%20b%2Bc HTTP}, "copy $_: the same key") for 0 .. 2;
like($got{a}[3]{head}, qr{^DELETE /bucket/key\?versionId=1 HTTP}, 'deletions, too');
is($got{a}[$_]{body} =~ /hello/ ? 1 : 0, 1, "copy $_: the body") for 0 .. 2;
my $log = '';
for (1 .. 100) { $log = $t->nginx->log('s3.log'); last if (() = $log =~ /"origin":"a"/g) >= 4; select undef, undef, undef, 0.02 }
is(scalar(() = $log =~ /"operation":"PutObject".*"origin":"a"/g), 3, 'each copy has a line');

=== TEST 4: Writes to two stores: b answers, though a is away
--- http_config eval: ::whole(recipe_http('cookbook', 'Writes to two stores'))
--- config eval: recipe_server('cookbook', 'Writes to two stores')
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^a: .*/a: refuse/mr
--- s3_sign eval: [$::app, $::wrong]
--- request eval: [("PUT /bucket/key\nhello") x 2]
--- error_code eval: [200, 403]
--- origin_count: b=1

=== TEST 5: A service decides
--- http_config eval: ::whole(recipe_http('cookbook', 'A service decides'))
--- config eval: recipe_server('cookbook', 'A service decides')
--- origins eval: "$S3Proxy::Setup::ORIGINS\np: 200 | 403 | 500 | 200"
--- s3_sign eval: [$::app, $::app, $::app, "$::bulk presign=60", $::wrong]
--- request eval: ["PUT /bucket/dir/a%2bb\nhello", "DELETE /bucket/key", "GET /bucket/key", "GET /bucket/key?versionId=1", "GET /bucket/key"]
--- error_code eval: [200, 403, 500, 200, 403]
--- response_body_like eval: ["from b", "<Code>AccessDenied<", "<Code>InternalError<", "from b", "<Code>SignatureDoesNotMatch<"]
--- origin_count: p=4 b=2
--- client_key_sent
--- code
my @asked = map { $_->{head} } $t->received('p');
my $said = sub ($head) { return join ' ', map { $head =~ /^X-S3-$_: (.*?)\r?$/mi ? $1 : '-' } qw(Access-Key Operation Bucket Key) };
is_deeply([map { $said->($_) } @asked], ['AKIDAPP PutObject bucket dir/a%2Bb', 'AKIDAPP DeleteObject bucket key', 'AKIDAPP GetObject bucket key', 'AKIDBULK GetObject bucket key'], 'what it is asked');
unlike($_, qr/authorization|signature|x-amz/i, 'nothing of the signature') for @asked;
like($asked[0], qr{^GET /s3 }, 'where it is asked');

=== TEST 6: A script decides
--- skip_eval: no lua module for this nginx: !$::has_lua
--- main_config eval: $::lua
--- http_config eval: ::whole(recipe_http('cookbook', 'A script decides') . 'lua_load_resty_core on;')
--- config eval: recipe_server('cookbook', 'A script decides') =~ s/hour >= 20 or hour < 6/true/r
--- s3_sign eval: [$::app, $::app, $::admin, $::app, $::wrong]
--- request eval: ["GET /bucket/key", "DELETE /bucket/key", "DELETE /bucket/key", "POST /bucket/key?uploads", "DELETE /bucket/key"]
--- error_code eval: [200, 403, 200, 403, 403]
--- response_body_like eval: ["from b", "<Code>AccessDenied<", "from b", "<Code>AccessDenied<", "<Code>SignatureDoesNotMatch<"]
--- origin_count: b=2

=== TEST 7: A key and an address
--- http_config eval: ::whole(recipe_http('cookbook', 'A key and an address'))
--- config eval: recipe_server('cookbook', 'A key and an address')
--- s3_sign eval: [$::app, $::wrong, '']
--- request eval: [("GET /bucket/key") x 3]
--- error_code eval: [200, 403, 403]

=== TEST 8: A key and an address: another address
--- http_config eval: ::whole(recipe_http('cookbook', 'A key and an address'))
--- config eval: recipe_server('cookbook', 'A key and an address') =~ s/127\.0\.0\.0/192.0.2.0/r
--- s3_sign eval: [$::app, $::wrong]
--- request eval: [("GET /bucket/key") x 2]
--- error_code: 403
--- response_body_like eval: ["<Code>AccessDenied<", "<Code>SignatureDoesNotMatch<"]
--- origin_count: b=0

=== TEST 9: A key and an address: satisfy any gives no permit
--- http_config eval: ::whole(recipe_http('cookbook', 'A key and an address'))
--- config eval: recipe_server('cookbook', 'A key and an address') =~ s/allow/satisfy any; allow/r
--- s3_sign eval: [$::app, $::wrong]
--- request eval: [("GET /bucket/key") x 2]
--- error_code eval: [200, 502]

=== TEST 10: Addresses that read without a key
--- http_config eval: ::whole(recipe_http('cookbook', 'Addresses that read without a key'))
--- config eval: recipe_server('cookbook', 'Addresses that read without a key')
--- s3_sign eval: ['', '', $::app, '', '', $::app]
--- request eval: ["GET /bucket/dir/a%20b", "HEAD /bucket/key", "GET /bucket/key", "PUT /bucket/key\nhello", "DELETE /bucket/key", "PUT /bucket/key\nhello"]
--- error_code eval: [200, 200, 200, 403, 403, 200]
--- origin_count: b=4
--- origin_request_like
b[0]: ^GET /bucket/dir/a%20b HTTP

=== TEST 11: Addresses that read without a key: other addresses
--- http_config eval: ::whole(recipe_http('cookbook', 'Addresses that read without a key') =~ s/127\.0\.0\.1 1;//r)
--- config eval: recipe_server('cookbook', 'Addresses that read without a key')
--- s3_sign eval: ['', $::app]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code eval: [403, 200]

=== TEST 12: Rate, connections and bandwidth of each client
--- http_config eval: ::whole(recipe_http('cookbook', 'Rate, connections and bandwidth of each client') =~ s{rate=100r/s}{rate=1r/m}r)
--- config eval: recipe_server('cookbook', 'Rate, connections and bandwidth of each client') =~ s/burst=200/burst=1/r
--- fresh
--- s3_sign eval: [$::app, $::app, $::app, $::admin, $::wrong, $::wrong, $::wrong]
--- request eval: [("GET /bucket/key") x 7]
--- error_code eval: [200, 200, 503, 200, 403, 403, 503]
--- response_body_like eval: ["from b", "from b", "<Code>SlowDown<", "from b", "<Code>SignatureDoesNotMatch<", "<Code>SignatureDoesNotMatch<", "<Code>SlowDown<"]

=== TEST 13: Rate, connections and bandwidth of each client: the address comes first
--- http_config eval: ::whole(recipe_http('cookbook', 'Rate, connections and bandwidth of each client') =~ s{rate=1000r/s}{rate=1r/m}r)
--- config eval: recipe_server('cookbook', 'Rate, connections and bandwidth of each client') =~ s/burst=1000/burst=1/r
--- fresh
--- s3_sign eval: [$::wrong, $::wrong, $::wrong, $::app]
--- request eval: [("GET /bucket/key") x 4]
--- error_code eval: [403, 403, 503, 503]
--- code
is(scalar(() = $t->nginx->log =~ /s3: refused: /g), 2, 'what the address limit refuses is not verified');

=== TEST 14: Rate, connections and bandwidth of each client: bandwidth
--- http_config eval: ::whole(recipe_http('cookbook', 'Rate, connections and bandwidth of each client') =~ s{AKIDBULK 1m}{AKIDBULK 20k}r)
--- config eval: recipe_server('cookbook', 'Rate, connections and bandwidth of each client')
--- origins eval: ::origins(b => '200 body_bytes=80000')
--- fresh
--- code
require Time::HiRes;
my $start = Time::HiRes::time();
$t->send(request => 'GET /bucket/key', s3_sign => $::bulk);
cmp_ok(Time::HiRes::time() - $start, '>', 1.5, 'the bulk client waits');

=== TEST 15: TLS
--- http_config eval: ::on_its_port('cookbook', 'TLS')
--- config: location / { return 404; }
--- fresh
--- code
for my $case ([$::app, 200], [$::wrong, 403], ["$::app payload=unsigned", 200]) {
    my ($sign, $expect) = @$case;
    my ($request) = S3Proxy::Request::requests(sub ($name) { return { request => "PUT /bucket/key\nhello", s3_sign => $sign }->{$name} }, 's3.example.com');
    my $stream = S3Proxy::Client::connect_to($t->port('recipe'), timeout => 5, tls => { SSL_ca_file => S3Proxy::Certs::ca(), SSL_verifycn_name => 'localhost', SSL_hostname => 'localhost' });
    is(S3Proxy::Client::exchange($stream, $request)->{status}, $expect, "$sign: $expect");
}

=== TEST 16: CloudFront or another proxy
--- config eval: 'access_log logs/who.log who; add_header X-Who $s3_client/$remote_addr always;' . recipe_server('cookbook', 'CloudFront or another proxy')
--- http_config eval: ::whole(recipe_http('cookbook', 'CloudFront or another proxy') . q(log_format who $remote_addr;))
--- s3_sign eval: [$::app, $::wrong]
--- unsigned_headers
X-Forwarded-For: 198.51.100.7, 203.0.113.9, 10.1.2.3
X-Forwarded-Proto: https
X-Amz-Cf-Id: abcdef
Via: 2.0 cloudfront
CloudFront-Viewer-Country: DE
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code eval: [200, 403]
--- response_headers eval: ["X-Who: AKIDAPP/203.0.113.9", "X-Who: 203.0.113.9/203.0.113.9"]
--- origin_request_unlike
b: (?i)^(x-forwarded|x-amz-cf-id|via)

=== TEST 17: A balancer that speaks the PROXY protocol
--- http_config eval: ::on_its_port('cookbook', 'A balancer that speaks the PROXY protocol') . 'add_header X-Who $s3_client/$remote_addr always;'
--- config: location / { return 404; }
--- fresh
--- code
for my $case ([$::app, 200, 'AKIDAPP/203.0.113.9'], [$::wrong, 403, '203.0.113.9/203.0.113.9']) {
    my ($sign, $expect, $who) = @$case;
    my ($request) = S3Proxy::Request::requests(sub ($name) { return { request => "PUT /bucket/key\nhello", s3_sign => $sign }->{$name} }, 'localhost');
    my $stream = S3Proxy::Client::connect_to($t->port('recipe'), timeout => 5);
    $stream->put("PROXY TCP4 203.0.113.9 198.51.100.1 4711 8080\r\n");
    my $response = S3Proxy::Client::exchange($stream, $request);
    is($response->{status}, $expect, "$sign: $expect");
    is(S3Proxy::Http::header($response, 'X-Who'), $who, 'who it was');
}

=== TEST 18: The Lua proxy behind HAProxy: its settings
--- config: location / { return 200 x; }
--- s3_sign
--- code
my ($command) = map { S3Proxy::Readme::commands($_) } (guide_blocks('coming-from', 'The Lua proxy behind HAProxy', 'sh'))[0];
my %known = map { $_ => 1 } ::slurped('.env.example') =~ /^#?(\w+)=/mg;
my @old = ('CLIENT_ACCESS_KEY=k', 'CLIENT_SECRET_KEY=s', map { my $x = $_; map { "SERVER${x}_ORIGIN_$_=$_" } qw(ACCESS_KEY SECRET_KEY DOMAIN HOST PORT SCHEME HEALTH_PATH) } qw(A B));
$t->nginx->write_file('old.env', join '', map { "$_\n" } @old);
my ($text, $exit) = run_command('bash', '-c', 'cd ' . $t->nginx->prefix . " && $command && cat .env");
is($exit, 0, 'it runs');
my @new = $text =~ /^(\w+=.*)$/mg;
is(scalar @new, @old, 'no line is lost');
is_deeply([grep { !$known{$_} } map { /^(\w+)=/ } grep { !/UNUSED/ } @new], [], 'each setting is known, but for the path of health checks');
is(scalar(grep { $_ eq 'SERVERA_ENDPOINT=HOST' || $_ eq 'SERVERB_DOMAIN=DOMAIN' } @new), 2, 'what was there is there');

=== TEST 19: The Lua proxy behind HAProxy: its links
--- http_config eval: S3Proxy::Setup::origin_blocks() . S3Proxy::Setup::upstream() . recipe_text('coming-from', 'The Lua proxy behind HAProxy')
--- config eval: ::config()
--- code
my @urls = ::run_printed($t, (guide_blocks('coming-from', 'The Lua proxy behind HAProxy', 'sh'))[1]);
is(scalar @urls, 2, 'a link for each version');
like($urls[0], qr/X-Amz-Signature=/, 'Version 4');
like($urls[1], qr/[?&]Signature=/, 'Version 2');
is((run_command('curl', '-sS', $_))[0], 'from b', 'it opens the object') for @urls;

=== TEST 20: nginx-s3-gateway
--- http_config eval: ::whole(recipe_http('coming-from', 'nginx-s3-gateway'))
--- config eval: recipe_server('coming-from', 'nginx-s3-gateway')
--- fresh
--- s3_sign eval: ['', '', '', '', '', '', '', ($::app) x 3, '', $::wrong]
--- request eval: ["GET /dir/a%20b%2Bc", "GET /dir/a%20b%2Bc", "HEAD /other", "GET /", "GET /?list-type=2", "PUT /key\nhello", "DELETE /key", "PUT /site/key\nhello", "GET /site/key", "GET /site?list-type=2", "PUT /site/key\nhello", "GET /site/key"]
--- error_code eval: [200, 200, 200, 200, 403, 403, 403, 200, 200, 200, 403, 403]
--- code
is_deeply([map { $_->{head} =~ /^(\S+ \S+)/ } $t->received('b')], ['GET /site/dir/a%20b%2Bc', 'GET /site/other', 'GET /site/index.html', 'PUT /site/key', 'GET /site/key', 'GET /site?list-type=2'], 'what the store is asked: the second read was in the cache');

=== TEST 21: aws-sigv4-proxy
--- http_config eval: ::whole(recipe_http('coming-from', 'aws-sigv4-proxy'))
--- config eval: recipe_server('coming-from', 'aws-sigv4-proxy')
--- s3_sign eval: ['', '', '', $::wrong]
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /health", "GET /bucket/key"]
--- more_headers
User-Agent: curl
--- error_code: 200
--- origin_count: b=3
--- origin_request_unlike
b: (?i)^user-agent

=== TEST 22: aws-s3-reverse-proxy
--- http_config eval: ::whole(recipe_http('coming-from', 'aws-s3-reverse-proxy') =~ s/localhost:8080/localhost:%%PORT%%/r)
--- config eval: recipe_server('coming-from', 'aws-s3-reverse-proxy')
--- s3_sign eval: [$::app, "$::app payload=streaming", $::bulk, '']
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nhello", "GET /bucket/key", "GET /bucket/key"]
--- error_code eval: [200, 200, 403, 403]
--- origin_count: b=2

=== TEST 23: aws-s3-reverse-proxy: an endpoint that is not of the list, and an address
--- http_config eval: ::whole(recipe_http('coming-from', 'aws-s3-reverse-proxy'))
--- config eval: recipe_server('coming-from', 'aws-s3-reverse-proxy')
--- error_code: 403
--- response_body_unlike: from b

=== TEST 24: Plain nginx and presigned links
--- http_config eval: ::whole(recipe_http('coming-from', 'Plain nginx and presigned links'))
--- config eval: recipe_server('coming-from', 'Plain nginx and presigned links')
--- code
my @said = ::run_printed($t, guide_blocks('coming-from', 'Plain nginx and presigned links', 'sh'));
is("@said", 'from bfrom b', 'a link to read, and one to write');
is_deeply([map { $_->{head} =~ /^(\S+ \S+)/ } ($t->received('b'))[-2, -1]], ['GET /bucket/key', 'PUT /bucket/new'], 'what the store is asked');

=== TEST 25: See what arrives
--- http_config eval: ::whole('server { listen 127.0.0.1:%%PORT_front%%; location / { proxy_set_header Host localhost; proxy_pass http://127.0.0.1:%%PORT_listen%%; } }')
--- config eval: ::config()
--- code
my ($left, $arrives, $differs) = guide_blocks('signature-does-not-match', 'See what arrives', 'sh');
like(join("\n", ::run_printed($t, $left)), qr/^result: valid$/m, 'what left');
local $ENV{AWS_SECRET_ACCESS_KEY} = 'app/Secret+Key=';
my $folder = $t->nginx->prefix;
my $front = 'localhost:' . $t->port('front');
my $command = join "\n", map { s/9000/$t->port('listen')/er } S3Proxy::Readme::commands($arrives);
my $sign = "'$FindBin::Bin/../build/sign_s3'";
my ($said, $exit) = run_command('bash', '-c', <<~"END");
    cd '$folder'
    timeout 30 $command &
    until [ -s head ] || ! kill -0 \$!; do curl --silent --output answer --max-time 5 "\$($sign $front AKIDAPP env:AWS_SECRET_ACCESS_KEY bucket key)"; sleep 0.1; done
    wait
    ${\ join "\n", map { s/localhost:8080/$front/r =~ s/^sign_s3/$sign/r } S3Proxy::Readme::commands($differs) }
    END
is_deeply([$said =~ /^(result: \w+)/mg], ['result: refused', 'result: valid'], 'what arrived') or diag($said);

=== TEST 26: the causes: what each does, how it shows, and what mends it
--- http_config eval: ::whole('proxy_cache_path %%SERVROOT%%/front keys_zone=front:1m;' . ::fronts())
--- config eval: ::config()
--- origins eval: "$S3Proxy::Setup::ORIGINS\nc: 200"
--- origin_verdict:
--- client_key_sent
--- code
local $ENV{SECRET} = 'app/Secret+Key=';
my $sign = "$FindBin::Bin/../build/sign_s3";
for my $case (@::causes) {
    my ($number, $heading, $key, $signed, $curl) = @$case;
    my $send = sub ($name) {
        my $host = 'localhost:' . $t->port("$name$number");
        my ($url) = run_command($sign, @$signed, $host, 'AKIDAPP', 'env:SECRET', 'bucket', $key);
        my ($text) = run_command('curl', '--silent', '--output', '/dev/null', '--write-out', '%{http_code}', @$curl, $url =~ s/\n//r);
        return ($text, $host);
    };
    is(($send->('wrong'))[0], 403, "$heading: what does it");
    is(($send->('right'))[0], 200, "$heading: what mends it");
    my (undef, $host) = $send->('seen');
    my $head = $t->nginx->write_file('head', ($t->received('c'))[-1]{head});
    my @said = map { my ($text) = run_command($sign, 'explain', '--secret', 'env:SECRET', @$_, $head); $text =~ /^((?:result|hint|difference): .*)$/mg } [], $heading eq 'Another Host' ? ['--host', $host] : ();
    my ($printed) = guide_blocks('signature-does-not-match', $heading, 'text');
    is(join("\n", @said) . "\n", $printed, "$heading: how it shows");
}
local $ENV{SECRET} = "app/Secret+Key=\n";
my ($url) = run_command($sign, 'localhost', 'AKIDAPP', 'app/Secret+Key=', 'bucket', 'key');
my ($text) = run_command($sign, 'explain', '--secret', 'env:SECRET', $url =~ s/\n//r);
is(join('', map { "$_\n" } $text =~ /^((?:result|hint|difference): .*)$/mg), (guide_blocks('signature-does-not-match', 'Another secret', 'text'))[0], 'Another secret: how it shows');
