# Tests for `credentials` of s3_origin: temporary keys in the form of credential_process, renewed while nginx runs, and what
# happens past their end.

use v5.36;
use lib 't/lib';
use S3Proxy::LiveKeys;
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes qw(sleep time);

our $client = $CLIENT;
# Origin b has its key in a file, a does not; options: `b`, more for its block, `upstream`.
sub main::http (%option) {
    my ($clients, $upstream) = (clients(), $option{upstream} // upstream());
    return <<"EOF2";
    s3_watch 100ms;
    $clients
    s3_origin b { endpoint http://%%ORIGIN_B%%; region eu-west-1; credentials %%SERVROOT%%/b.json; @{[ $option{b} // '' ]} }
    s3_origin a { endpoint http://%%ORIGIN_A%%; region us-east-1; key AKIDORIGINA origin-a/Secret+Key=; }
    $upstream
EOF2
}

sub main::key (%option) { return credentials_json('AKIDORIGINB', 'origin-b/Secret+Key=', %option) }
sub main::file (%option) { return ">>> b.json\n" . main::key(%option) . "\n" }

default_sections(
    http_config => main::http(),
    config      => config(server => 'location = /healthz { s3_health b=/health-b a=/health-a; }
        location = /health-b { internal; s3_verify off; s3_resign b; proxy_method GET; proxy_pass http://%%ORIGIN_B%%/; }
        location = /health-a { internal; s3_verify off; s3_resign a; proxy_method GET; proxy_pass http://%%ORIGIN_A%%/; }'),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    files       => main::file(),
    fresh       => '',
);

run_tests();

__DATA__

=== TEST 1: a key without an end
--- request: GET /bucket/key
--- error_code: 200
--- response_body: from b
--- origin_request_like
b: Credential=AKIDORIGINB/\d+/eu-west-1/

=== TEST 2: a temporary key, with its token
--- files eval: main::file(token => 'the/token==', end => 3600)
--- request: GET /bucket/key
--- error_code: 200
--- origin_request_like
b: ^x-amz-security-token: the/token==
--- no_error_log: ends soon

=== TEST 3: another key takes its place
--- request: GET /bucket/key
--- response_body: from b
--- code
rename_to($t, 'b.json', credentials_json('AKIDLATER', 'later', token => 'second', end => 3600));
ok($t->wait_for_log(qr/\[notice\] .*s3: s3_origin "b" was read again: a key that ends at 20\S+Z/), 'said') or diag($t->nginx->log);
is($t->send(request => 'GET /bucket/key')->{body}, 'from a', 'b does not know it');
like(($t->received('b'))[1]{head}, qr/Credential=AKIDLATER/, 'but was asked with it');
rename_to($t, 'b.json', main::key(end => 3600));
ok(until_true(20, sub { $t->send(request => 'GET /bucket/key')->{body} eq 'from b' }), 'the first one again');
--- origin_verdict

=== TEST 4: a warning five minutes before the end, once, and none when a later key is there
--- files eval: main::file(end => 302)
--- code
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'it is good');
ok($t->wait_for_log(qr/\[warn\] .*s3: the key of s3_origin "b" ends soon, at 20\S+Z, and no later one is there/), 'a warning') or diag($t->nginx->log);
sleep 1;
my @warnings = $t->nginx->log =~ /ends soon/g;
is(scalar @warnings, 1, 'once');
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'it is still good');
rename_to($t, 'b.json', main::key(end => 3600));
ok($t->wait_for_log(qr/was read again/), 'a later key');
sleep 1;
@warnings = $t->nginx->log =~ /ends soon/g;
is(scalar @warnings, 1, 'no warning for that');

=== TEST 5: past its end nothing is sent to the origin, the next one is asked, and a later key ends that
--- files eval: main::file(end => 4)
--- code
ok($t->wait_for_log(qr/\[error\] .*s3: the key of s3_origin "b" ended at 20\S+Z: it counts as down until there is another/), 'said') or diag($t->nginx->log);
my $before = () = $t->received('b');
is($t->send(request => 'GET /bucket/key')->{body}, 'from a', 'a read');
is($t->send(request => "PUT /bucket/key\nhello", s3_sign => "$::client payload=streaming")->{body}, 'from a', 'an upload');
is(scalar(() = $t->received('b')), $before, 'the origin hears nothing');
like($t->nginx->log, qr/s3: the request is not sent, it could not be signed: s3_origin "b": key ended 20\S+Z/, 'why');
like($t->send(request => 'GET /healthz', s3_sign => undef)->{body}, qr/"b":"nok: key ended 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ","a":"ok"/, 's3_health');
rename_to($t, 'b.json', main::key(end => 3600));
ok(until_true(20, sub { $t->send(request => 'GET /bucket/key')->{body} eq 'from b' }), 'a later key');
ok(until_true(20, sub { $t->send(request => 'GET /healthz', s3_sign => undef)->{body} =~ /"b":"ok"/ }), 's3_health');

=== TEST 6: the only origin: an answer that says it, nothing hangs
--- http_config eval: main::http(upstream => 'upstream s3 { server %%ORIGIN_B%%; keepalive 4; }')
--- files eval: main::file(end => -5)
--- request eval: ['GET /bucket/key', "PUT /bucket/key\nhello", 'HEAD /bucket/key']
--- error_code: 502 502 502
--- origin_count: b=0
--- error_log: "b": key ended 20
--- code
like($t->response->{body}, qr{<Code>ServiceUnavailable</Code><Message>The proxy has no valid credentials for the origin at present\.</Message>}, 'S3 words')
    or diag($t->response->{body});
unlike($t->response->{body}, qr/AKID/, 'no key');

=== TEST 7: connections that are kept alive do not keep a key alive
--- http_config eval: main::http(upstream => 'upstream s3 { server %%ORIGIN_B%%; server %%ORIGIN_A%% backup; keepalive 4; }')
--- files eval: main::file(end => 5)
--- code
my $end = time + 20;
my @bodies;
while (time < $end) {
    push @bodies, $t->send(request => 'GET /bucket/key')->{body};
    last if $bodies[-1] eq 'from a' && @bodies > 3 && $bodies[-2] eq 'from a';
    sleep 0.1;
}
like(join(' ', @bodies), qr/^(from b ?)*(from a ?)+$/, 'each request is answered');
my ($ended) = $t->nginx->log =~ /key ended (\S+)/;
ok($ended, 'it has ended');

=== TEST 8: unbuffered uploads, and non-idempotent requests, go to the next as well: nothing was sent
--- config eval: main::config(location => 'proxy_request_buffering off; proxy_next_upstream error;')
--- files eval: main::file(end => -5)
--- request eval: ["PUT /bucket/key\nhello", 'POST /bucket/key?uploads']
--- error_code: 200 200
--- origin_count: a=2 b=0

=== TEST 9: where proxy_next_upstream is off nobody else is asked
--- config eval: main::config(location => 'proxy_next_upstream off;')
--- files eval: main::file(end => -5)
--- request: GET /bucket/key
--- error_code: 502
--- origin_count: a=0 b=0

=== TEST 10: max_fails: a peer without a key is left alone after its failures
--- http_config eval: main::http(upstream => 'upstream s3 { server %%ORIGIN_B%% max_fails=2 fail_timeout=60s; server %%ORIGIN_A%% backup; }')
--- files eval: main::file(end => -5)
--- request eval: [('GET /bucket/key') x 5]
--- error_code: 200 200 200 200 200
--- origin_count: a=5 b=0
--- code
my @refused = $t->nginx->log =~ /could not be signed: s3_origin "b": key ended/g;
is(scalar @refused, 2, 'two tries');

=== TEST 11: probes: down with the reason, and up again with a later key
--- http_config eval: main::http(upstream => main::upstream('s3_probe interval=200ms timeout=2s rise=1;'))
--- config eval: main::config(server => 'location = /healthz { s3_health b a; }')
--- files eval: main::file(end => 3)
--- code
ok($t->wait_for_log(qr/\[error\] .*s3: origin b is down: key ended 20\S+Z$/m), 'down') or diag($t->nginx->log);
my $tried = () = $t->nginx->log =~ /could not be signed/g;
is($t->send(request => 'GET /bucket/key')->{body}, 'from a', 'it is not picked');
is(scalar(() = $t->nginx->log =~ /could not be signed/g), $tried, 'and not tried');
like($t->send(request => 'GET /healthz', s3_sign => undef)->{body}, qr/"b":"nok: key ended 20\S+Z","a":"ok"/, 's3_health says why');
my $probes = () = $t->probes('b');
sleep 1;
is(scalar(() = $t->probes('b')), $probes, 'it gets no probe with a dead key');
rename_to($t, 'b.json', main::key(end => 3600));
ok($t->wait_for_log(qr/s3: origin b is up again/), 'up again') or diag($t->nginx->log);
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'it is picked');

=== TEST 12: nginx -t warns of a key that has ended
--- http_config eval: main::http(b => "# HERE\n")
--- files eval: main::file(end => -5)
--- nginx_conf_ok: \[warn\] .*the key ended 20\S+Z: requests wait for another one.*nginx.conf:%%HERE%%

=== TEST 13: a credentials file that is wrong
--- http_config eval: main::http(b => "# HERE\n")
--- files
>>> b.json
{"Version": 1, "AccessKeyId": "AKIDORIGINB",
 "SecretAccessKey": ""}
--- nginx_conf_fails: credentials file "\S+/b.json": line 2, column \d+: "SecretAccessKey": must be visible ASCII characters.*nginx.conf:%%HERE%%

=== TEST 14: a credentials file that is not there
--- http_config eval: main::http(b => "# HERE\n") =~ s/b\.json/c.json/r
--- nginx_conf_fails: credentials file "\S+/c.json": No such file.*nginx.conf:%%HERE%%

=== TEST 15: credentials and key exclude each other
--- http_config eval: main::http(b => "key K S; # HERE\n")
--- nginx_conf_fails: "key" and "credentials" exclude each other.*nginx.conf:%%HERE%%

=== TEST 16: a file that becomes wrong keeps the key, and says why
--- code
$t->nginx->write_file('b.json', '{"Version": 2}');
ok($t->wait_for_log(qr/s3_origin "b" keeps the keys that were read at \S+Z: credentials file "\S+b\.json": line 1, column 14: "Version": must be 1/), 'said')
    or diag($t->nginx->log);
is($t->send(request => 'GET /bucket/key')->{body}, 'from b', 'the key is good');

=== TEST 17: a subrequest of another location, and a mirror, do without the origin too
--- config eval: main::config(server => 'location = /mirror { internal; s3_resign b; proxy_pass http://%%ORIGIN_B%%$request_uri; }', location => 'mirror /mirror; ')
--- files eval: main::file(end => -5)
--- request: GET /bucket/key
--- error_code: 200
--- response_body: from a
--- origin_count: a=1 b=0
