# Tests for s3_status_zone and s3_status: what is counted, where it is told, and in which form.

use v5.36;
use lib 't/lib';
use JSON::PP ();
use S3Proxy::Children ();
use S3Proxy::Client ();
use S3Proxy::Http;
use S3Proxy::Metrics;
use S3Proxy::Nginx;
use S3Proxy::Probes;
use S3Proxy::Request;
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes qw(sleep);

our $client = $CLIENT;
our $zone   = "s3_status_zone s3:1m;\n";
our $status = 'location = /status { s3_status; }';
our $error  = 'header="Content-Type: application/xml" body="<Error><Code>%s</Code><Message>m</Message></Error>"';

default_sections(
    http_config => $zone . http_config(),
    config      => config(server => $status),
    origins     => $ORIGINS,
    s3_sign     => $CLIENT,
    fresh       => 1,
);

sub main::status_of ($t, $query = '?format=json', %more) {
    return $t->send(request => "GET /status$query", s3_sign => undef, more_headers => undef, %more);
}

# A client's answer is there before nginx has counted the request.
sub main::report ($t, $count = undef) {
    my $report = until_true(5, sub {
        my $report = JSON::PP::decode_json(status_of($t)->{body});
        my $all = 0;
        $all += $_->{count} for @{ $report->{requests} };
        return !defined $count || $all >= $count ? $report : undef;
    });
    return $report // JSON::PP::decode_json(status_of($t)->{body});
}

# Counts by labels: {"AKIDCLIENT GetObject 200" => 1}
sub main::requests ($report) {
    return { map { ("$_->{client} $_->{operation} $_->{status}" => $_->{count}) } @{ $report->{requests} } };
}

sub main::errors ($report) { return { map { ("$_->{source} $_->{code}" => $_->{count}) } @{ $report->{errors} } } }
sub main::refusals ($report) { return { map { ($_->{cause} => $_->{count}) } @{ $report->{refusals} } } }

# By name: attempts, failures, answers by status.
sub main::origins ($report) {
    return { map { ($_->{origin} => [$_->{attempts}, $_->{failures}, $_->{responses}]) } @{ $report->{origins} } };
}

run_tests();

__DATA__

=== TEST 1: requests and answers, and what came and went
--- request eval: ["GET /bucket/key", "GET /bucket/key", "PUT /bucket/key\nbody"]
--- error_code: 200
--- code
my $report = report($t, 3);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 2, 'AKIDCLIENT PutObject 200' => 1 }, 'requests');
my ($put) = grep { $_->{operation} eq 'PutObject' } @{ $report->{requests} };
is($put->{received_bytes}, length $t->{requests}[2]{wire} // 0, 'bytes of the request') if defined $t->{requests}[2]{wire};
is_deeply(origins($report), { a => [0, 0, {}], b => [3, 0, { 200 => 3 }] }, 'origins');
is_deeply([map { [@$_{qw(upstream origin state backup)}] } @{ $report->{origins} }],
    [['s3', 'b', 'unknown', JSON::PP::false], ['s3', 'a', 'unknown', JSON::PP::true]], 'and who they are');
is_deeply([@$report{qw(errors refusals buckets failovers workers)}], [[], [], [], 0, 1], 'nothing else');
is($report->{latency}{$_}{count}, 3, "$_ is timed") for qw(first_byte total verify sign);
cmp_ok($report->{latency}{verify}{sum}, '>', 0, 'in parts of a second');
for my $histogram (values %{ $report->{latency} }) {
    my @counts = @{ $histogram->{counts} };
    is_deeply(\@counts, [sort { $a <=> $b } @counts], 'cumulated');
}
is($report->{zone}{name}, 's3', 'the zone');
cmp_ok(abs($report->{time} - time), '<', 10, 'the time');
cmp_ok($report->{since}, '<=', $report->{time}, 'since when');

=== TEST 2: the bytes are those of the access log
--- http_config eval: $::zone . ::http_config(more => 'log_format bytes "$request_length $bytes_sent"; access_log %%SERVROOT%%/logs/bytes.log bytes;')
--- config eval: ::config(server => 'location = /status { s3_status; access_log off; }')
--- request eval: ["GET /bucket/key", "PUT /bucket/key\nsome bytes"]
--- error_code: 200
--- code
my $report = report($t, 2);
my ($received, $sent, $told_received, $told_sent) = (0, 0, 0, 0);
for (split /\n/, $t->nginx->read_text('logs/bytes.log')) {
    my ($in, $out) = split;
    ($received, $sent) = ($received + $in, $sent + $out);
}
($told_received, $told_sent) = ($told_received + $_->{received_bytes}, $told_sent + $_->{sent_bytes}) for @{ $report->{requests} };
is("$told_received $told_sent", "$received $sent", 'bytes');

=== TEST 3: an attempt that fails and the one after it
--- origins
b: refuse
a: s3=AKIDORIGINA:origin-a/Secret+Key=:us-east-1 200 body="from a"
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 200
--- code
my $report = report($t, 2);
is_deeply(origins($report), { a => [2, 0, { 200 => 2 }], b => [2, 2, {}] }, 'attempts and failures');
is($report->{failovers}, 2, 'failovers');
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 2 }, 'each request once');

=== TEST 4: an answer that another origin is asked after
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: (\S+) 200/b: $1 503/mr
--- request: GET /bucket/key
--- error_code: 200
--- code
my $report = report($t, 1);
is_deeply(origins($report), { a => [1, 0, { 200 => 1 }], b => [1, 1, { 503 => 1 }] }, 'attempts and answers');
is_deeply([$report->{failovers}, $report->{errors}], [1, []], 'a failover, and no error');

=== TEST 5: all origins fail
--- origins
a: refuse
b: refuse
--- request: GET /bucket/key
--- error_code: 503
--- code
my $report = report($t, 1);
is_deeply(origins($report), { a => [1, 1, {}], b => [1, 1, {}] }, 'attempts');
is_deeply([errors($report), refusals($report)], [{ 'proxy ServiceUnavailable' => 1 }, {}], 'our error, and no refusal');

=== TEST 6: requests that are refused, and nothing of a stranger's is a label
--- http_config eval: "$::zone s3_clients apps { file %%SERVROOT%%/clients.json; }\n" . ::origin_blocks() . ::upstream()
--- files
>>> clients.json
{"clients":[{"access_key":"AKIDCLIENT","secret_key":"client/Secret+Key=0123456789","grants":[{"allow":["read"],"buckets":["bucket"]}]}]}
--- s3_sign eval: [$::client, $::client =~ s/client/other/r, 'AKIDSTRANGER x', $::client, "$::client presign=1 date=-100", undef]
--- request eval: ["GET /bucket/key", "GET /bucket/key", "GET /bucket/key", "PUT /bucket/key", "GET /bucket/key", "GET /stranger/key"]
--- error_code eval: [200, 403, 403, 403, 403, 403]
--- origin_count: a=0 b=1
--- code
my $report = report($t, 6);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 1, 'AKIDCLIENT PutObject 403' => 1, '  403' => 4 }, 'requests');
is_deeply(refusals($report), { SignatureDoesNotMatch => 1, InvalidAccessKeyId => 1, NotGranted => 1, UrlExpired => 1, Unsigned => 1 }, 'by cause');
is_deeply(errors($report), { 'proxy AccessDenied' => 3, 'proxy SignatureDoesNotMatch' => 1, 'proxy InvalidAccessKeyId' => 1 }, 'by code');
unlike(status_of($t, $_)->{body}, qr/stranger/i, "nothing of a stranger's: $_") for '', '?format=json', '?format=openmetrics';
is_deeply($report->{files}[0]{fault}, undef, 'the file is good');
like($report->{files}[0]{file}, qr{/clients\.json$}, 'and named');

=== TEST 7: errors of an origin, by codes that are known
--- origins eval: 'b: ' . join ' | ', map { my ($s, $c) = split; "$s " . sprintf $::error, $c } '404 NoSuchKey', '404 NoSuchKey', '409 Invented', '412 PreconditionFailed', '403 AccessDenied', '404 x'
--- request eval: ["GET /bucket/1", "GET /bucket/2", "GET /bucket/3", "GET /bucket/4", "GET /bucket/5", "HEAD /bucket/6"]
--- error_code eval: [404, 404, 409, 412, 403, 404]
--- code
my $report = report($t, 6);
is_deeply(errors($report), { 'origin NoSuchKey' => 2, 'origin other' => 1, 'origin PreconditionFailed' => 1, 'origin AccessDenied' => 1, 'origin none' => 1 }, 'codes');
is_deeply(refusals($report), {}, 'no refusal of ours');
is(origins($report)->{b}[2]{404}, 3, 'answers by status');

=== TEST 8: anybody may come in
--- config eval: ::config(server => $::status) =~ s/s3_verify apps/s3_verify off/r
--- s3_sign
--- request: GET /bucket?list-type=2
--- error_code: 200
--- code: is_deeply(requests(report($t, 1)), { ' ListObjectsV2 200' => 1 }, 'by operation')

=== TEST 9: by bucket, where that is asked for
--- http_config eval: 's3_status_zone s3:1m bucket; ' . ::http_config()
--- s3_sign eval: [$::client, $::client, $::client, $::client =~ s/client/other/r]
--- request eval: ["GET /one/key", "PUT /one/key\nbody", "GET /two", "GET /stranger/key"]
--- error_code eval: [200, 200, 200, 403]
--- code
my $report = report($t, 4);
is_deeply({ map { ($_->{bucket} => $_->{count}) } @{ $report->{buckets} } }, { one => 2, two => 1 }, 'buckets of verified requests');
like(status_of($t, '')->{body}, qr/^s3_bucket_requests_total\{bucket="one"\} 2$/m, 'as a metric');

=== TEST 10: a mirror is no request of a client's, but an attempt
--- config eval: ::config(server => "$::status location = /copy { internal; proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length ''; s3_verify off; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }", location => 'mirror /copy;')
--- request: GET /bucket/key
--- error_code: 200
--- code
my $report = report($t, 1);
until_true(5, sub { $report = report($t); origins($report)->{a}[0] });
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 1 }, 'one request');
is_deeply(origins($report)->{a}[0], 1, 'the mirrored one was sent');
is($report->{failovers}, 0, 'no failover');

=== TEST 11: with log_subrequest, too
--- config eval: ::config(server => "log_subrequest on; $::status location = /ask { internal; return 204; }", location => 'auth_request /ask;')
--- request: GET /bucket/key
--- error_code: 200
--- code: is_deeply(requests(report($t, 1)), { 'AKIDCLIENT GetObject 200' => 1 }, 'one request')

=== TEST 11.1: nor is one that is refused
--- http_config eval: $::zone . ::http_config(more => 's3_clients others { key AKIDOTHER other/Secret; }')
--- config eval: ::config(server => "log_subrequest on; $::status location /copy { internal; s3_verify others; s3_resign a; proxy_pass http://%%ORIGIN_A%%; }", location => 'mirror /copy;')
--- request: GET /bucket/key
--- error_code: 200
--- error_log: a subrequest is refused
--- code
my $report = report($t, 1);
sleep 0.3;
$report = report($t, 1);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 1 }, 'one request');
is_deeply([errors($report), refusals($report)], [{}, {}], 'and no error');

=== TEST 12: an error page, at a named location that is not ours
--- config eval: ::config(server => "$::status location \@page { return 418 page; }", location => 'error_page 403 404 = @page; proxy_intercept_errors on;')
--- origins eval: 'b: 404 ' . sprintf $::error, 'NoSuchKey'
--- s3_sign eval: [$::client, $::client =~ s/client/other/r]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 418
--- code: is_deeply(requests(report($t, 2)), { 'AKIDCLIENT GetObject 418' => 1, '  418' => 1 }, 'each once, with what the client got')

=== TEST 13: locations that are none of ours, health checks, and s3_status itself are not counted
--- config eval: ::config(server => "$::status location = /other { return 204; } location = /healthz { s3_health b=/p; } location = /p { internal; s3_verify off; s3_resign b; proxy_pass http://%%ORIGIN_B%%/; }")
--- s3_sign
--- request eval: ["GET /other", "GET /healthz", "GET /status", "GET /bucket/key"]
--- error_code eval: [204, 200, 200, 403]
--- code: is_deeply(requests(report($t, 1)), { '  403' => 1 }, 'the S3 request alone')

=== TEST 14: a request that nginx itself refuses before anybody looks at it
--- config eval: ::config(server => $::status, location => 'client_max_body_size 2;')
--- request: PUT /bucket/key
--- request_body: body
--- error_code: 413
--- code
my $report = report($t, 1);
is_deeply([requests($report), refusals($report)], [{ '  413' => 1 }, { EntityTooLarge => 1 }], 'counted');

=== TEST 15: a reload keeps the counters, another size begins anew
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code: 200
--- code
my $before = report($t, 2);
ok($t->nginx->reload(wait_old => 1), 'reloaded');
my $after = report($t);
is_deeply($after->{requests}, $before->{requests}, 'kept');
is($after->{since}, $before->{since}, 'since the same time');
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'served');
is_deeply(requests(report($t, 3)), { 'AKIDCLIENT GetObject 200' => 3 }, 'counted on');
is(report($t)->{workers}, 1, 'the old worker is gone');
$t->nginx->edit_config(sub { s/s3:1m/s3:2m/ });
ok($t->nginx->reload(wait_old => 1), 'reloaded');
is_deeply(requests(report($t)), {}, 'anew');

=== TEST 16: several workers are one, and one that is killed takes nothing with it
--- http_config eval: $::zone . ::http_config()
--- fatal_log
--- request: GET /bucket/key
--- error_code: 200
--- code
$t->nginx->edit_config(sub { s/worker_processes 1/worker_processes 3/; s/listen (\S+)( reuseport)?;/listen $1 reuseport;/g });
ok($t->nginx->reload(wait_old => 1), 'reloaded');
my $report;
until_true(5, sub { $report = report($t); $report->{workers} == 3 });
is($report->{workers}, 3, 'three workers');
$t->send(request => 'GET /bucket/key') for 1 .. 30;
is_deeply(requests(report($t, 31)), { 'AKIDCLIENT GetObject 200' => 31 }, 'the sum');
my @before = $t->nginx->workers;
kill 'KILL', @before;
until_true(5, sub { my %old = map { ($_ => 1) } @before; my @new = grep { !$old{$_} } $t->nginx->workers; @new == 3 });
until_true(5, sub { $report = eval { report($t) }; $report && $report->{workers} == 3 });
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 31 }, 'kept');
is($report->{workers}, 3, 'the new ones alone');

=== TEST 17: what does not fit is counted under other
--- http_config eval: 's3_status_zone s3:128k bucket; ' . ::http_config()
--- request: GET /bucket/key
--- error_code: 200
--- code
my $count = 900;
my @requests = map { "GET /bucket-with-a-name-of-some-length-$_/key" } 1 .. $count;
my @responses = $t->send(request => \@requests, keepalive => 1, timeout => 60);
is(scalar(grep { $_->{status} == 200 } @responses), $count, 'all are served');
my $report = report($t, $count + 1);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => $count + 1 }, 'all are counted');
my %bucket = map { ($_->{bucket} => $_->{count}) } @{ $report->{buckets} };
my $sum = 0;
$sum += $_ for values %bucket;
is($sum, $count + 1, 'each under a bucket');
cmp_ok($bucket{other}, '>', 0, 'some as other');
cmp_ok(scalar(keys %bucket), '>', 300, 'and many by their names');
is($report->{zone}{other}, $bucket{other}, 'as the zone says');
cmp_ok($report->{zone}{series}, '<=', $report->{zone}{capacity}, 'of a capacity');
is($t->send(request => 'PUT /bucket/key', s3_sign => $::client)->{status}, 200, 'another');
$report = report($t, $count + 2);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => $count + 1, 'other other 200' => 1 }, 'no room for its series');

=== TEST 18: forms, by query and by Accept
--- code
my $json = qr{^application/json$};
my $text = qr{^text/plain; version=0\.0\.4};
my $open = qr{^application/openmetrics-text; version=1\.0\.0};
for (['', undef, $text], ['', '*/*', $text], ['', 'application/json', $json], ['?format=json', 'text/plain', $json],
    ['', 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', $open],
    ['?x=1&format=openmetrics', undef, $open], ['?format=prometheus', 'application/json', $text]) {
    my ($query, $accept, $type) = @$_;
    my $response = status_of($t, $query, more_headers => defined $accept ? "Accept: $accept" : undef);
    is($response->{status}, 200, "$query " . ($accept // ''));
    like(S3Proxy::Http::header($response, 'Content-Type'), $type, 'type');
}
is(status_of($t, '?format=yaml')->{status}, 400, 'an unknown one');
my $head = $t->send(request => 'HEAD /status', s3_sign => undef);
is_deeply([$head->{status}, $head->{body}], [200, ''], 'HEAD');
is(S3Proxy::Http::header($head, 'Cache-Control'), 'no-store', 'nobody keeps it');
is($t->send(request => "$_ /status", s3_sign => undef)->{status}, 405, $_) for qw(POST PUT DELETE);
like(status_of($t, '?format=openmetrics')->{body}, qr/\n# EOF\n\z/, 'OpenMetrics ends so');
unlike(status_of($t, '')->{body}, qr/# EOF/, 'the older format does not');

=== TEST 19: one form only
--- config eval: ::config(server => 'location = /status { s3_status json; }')
--- code: like(status_of($t, '?format=prometheus')->{body}, qr/^\{"version"/, 'whatever is asked for')

=== TEST 20: allow and deny hold, and s3_verify of the server does not
--- config eval: "s3_verify apps; s3_resign on; location = /status { s3_status; } location = /denied { s3_status; deny all; } location / { proxy_pass http://s3; }"
--- s3_sign
--- request eval: ["GET /status", "GET /denied", "GET /bucket/key"]
--- error_code eval: [200, 403, 403]
--- code: is_deeply(requests(report($t, 1)), { '  403' => 1 }, 'a look that is denied is no request of S3')

=== TEST 21: a zone, and nobody who looks
--- config eval: ::config()
--- request: GET /bucket/key
--- error_code: 200

=== TEST 22: no zone
--- http_config eval: ::http_config()
--- config eval: ::config(server => "location = /status { s3_status; # HERE\n }")
--- nginx_conf_fails: "s3_status" without "s3_status_zone" in .*nginx.conf:%%HERE%%

=== TEST 23: two zones
--- http_config eval: ::http_config() . "$::zone s3_status_zone b:1m; # HERE\n"
--- nginx_conf_fails: "s3_status_zone" directive is duplicate.*nginx.conf:%%HERE%%

=== TEST 24: a zone that is too small
--- http_config eval: ::http_config() . "s3_status_zone s3:64k; # HERE\n"
--- nginx_conf_fails: zone "s3" of "s3_status_zone" is too small: 128k at least.*nginx.conf:%%HERE%%

=== TEST 25: a zone without a size
--- http_config eval: ::http_config() . "s3_status_zone s3; # HERE\n"
--- nginx_conf_fails: invalid zone "s3" of "s3_status_zone".*nginx.conf:%%HERE%%

=== TEST 26: an unknown parameter
--- http_config eval: ::http_config() . "s3_status_zone s3:1m buckets; # HERE\n"
--- nginx_conf_fails: invalid parameter "buckets" of "s3_status_zone".*nginx.conf:%%HERE%%

=== TEST 27: an unknown form
--- config eval: ::config(server => "location = /status { s3_status xml; # HERE\n }")
--- nginx_conf_fails: invalid format "xml" of "s3_status".*nginx.conf:%%HERE%%

=== TEST 28: s3_status twice
--- config eval: ::config(server => "location = /status { s3_status; s3_status json; # HERE\n }")
--- nginx_conf_fails: "s3_status" directive is duplicate.*nginx.conf:%%HERE%%

=== TEST 29: the state of origins that are probed
--- http_config eval: $::zone . ::probed()
--- code
my $states = sub { return { map { ($_->{origin} => $_->{state}) } @{ report($t)->{origins} } } };
ok(until_true(20, sub { my $s = $states->(); $s->{a} eq 'up' && $s->{b} eq 'up' }), 'both are up');
$t->set_state('b', '403 InvalidAccessKeyId');
ok(until_true(20, sub { $states->()->{b} eq 'down' }), 'one is down');
my ($b) = grep { $_->{origin} eq 'b' } @{ report($t)->{origins} };
is($b->{reason}, '403 InvalidAccessKeyId', 'the reason');
cmp_ok(abs($b->{since} - time), '<', 30, 'since when');
is($b->{upstream}, 's3', 'of which upstream');
my $text = status_of($t, '')->{body};
like($text, qr/^s3_origin_up\{upstream="s3",origin="b",address="127\.0\.0\.1:\d+"\} 0$/m, 'as a metric');
like($text, qr/^s3_origin_up\{upstream="s3",origin="a",address="127\.0\.0\.1:\d+"\} 1$/m, 'and the other');

=== TEST 30: keys that end
--- http_config eval: $::zone . ::clients() . "s3_origin b { endpoint http://%%ORIGIN_B%%; credentials %%SERVROOT%%/credentials.json; }\n" . 'upstream s3 { server %%ORIGIN_B%%; }'
--- origins
b: 200 body="from b"
--- files eval: ">>> credentials.json\n" . '{"Version":1,"AccessKeyId":"AKIDTEMPORARY","SecretAccessKey":"x","SessionToken":"t","Expiration":"2100-01-01T00:00:00Z"}' . "\n"
--- request: GET /bucket/key
--- error_code: 200
--- code
my ($key) = grep { $_->{kind} eq 'origin' } @{ report($t)->{keys} };
is_deeply([@$key{qw(name access_key expires)}], ['b', 'AKIDTEMPORARY', 4102444800], 'when');
like(status_of($t, '')->{body}, qr/^s3_key_expiry_timestamp_seconds\{kind="origin",name="b"\} 4102444800\.0$/m, 'as a metric');

=== TEST 31: an upload that is under way, and what it takes in memory
--- config eval: ::config(server => $::status, location => 'client_body_buffer_size 1m;')
--- code
my $connection = $t->connect;
my ($request) = S3Proxy::Request::requests(sub ($name) { return { request => 'PUT /bucket/key', request_body_size => 200_000, s3_sign => "$::client payload=streaming" }->{$name} }, $t->host);
my $wire = S3Proxy::Http::serialize_head("PUT /bucket/key HTTP/1.1", $request->{headers}) . $request->{body};
# A chunk of 64 KiB whose end comes by itself: what came before has waited for it, in memory of ours.
$connection->put(substr $wire, 0, 60_000);
ok(until_true(10, sub { report($t)->{uploads}{active} == 1 }), 'begun');
sleep 0.5 * ($ENV{TEST_NGINX_PATIENCE} || 1);
$connection->put(substr $wire, 60_000, length($wire) / 2 - 60_000);
my $uploads;
ok(until_true(10, sub { $uploads = report($t)->{uploads}; $uploads->{active} == 1 && $uploads->{chunk_memory_bytes} > 50_000 }), 'one')
    or diag("$uploads->{active} $uploads->{chunk_memory_bytes}");
cmp_ok($uploads->{chunk_memory_bytes}, '<', 1_000_000, 'no more than it has sent, or little');
$connection->close;
ok(until_true(10, sub { my $u = report($t)->{uploads}; $u->{active} == 0 && $u->{chunk_memory_bytes} == 0 }), 'and none');

=== TEST 32: what is told of it can be read by whoever reads such
--- origins eval: 'b: ' . join ' | ', map { my ($s, $c) = split; "$s " . sprintf $::error, $c } '404 NoSuchKey', '200 x'
--- http_config eval: 's3_status_zone s3:1m bucket; ' . ::probed()
--- request eval: ["GET /bucket/1", "GET /bucket/2"]
--- error_code eval: [404, 200]
--- code
report($t, 2);
S3Proxy::Metrics::check($t, 'text', status_of($t, '')->{body});
S3Proxy::Metrics::check($t, 'openmetrics', status_of($t, '?format=openmetrics')->{body});

=== TEST 33: README.md has all of them, and no others
--- http_config eval: 's3_status_zone s3:1m bucket; ' . ::probed() . 's3_origin c { endpoint http://127.0.0.1:1; credentials %%SERVROOT%%/credentials.json; }'
--- files eval: ">>> credentials.json\n" . '{"Version":1,"AccessKeyId":"AKIDTEMPORARY","SecretAccessKey":"x","SessionToken":"t","Expiration":"2100-01-01T00:00:00Z"}' . "\n"
--- s3_sign eval: [$::client, $::client =~ s/client/other/r]
--- request eval: ["GET /bucket/key", "GET /bucket/key"]
--- error_code eval: [200, 403]
--- code
my $text;
until_true(20, sub { report($t, 2); $text = status_of($t, '')->{body}; $text =~ /^s3_origin_up\{.*origin="a".*1$/m && $text =~ /^s3_origin_up\{.*origin="b".*1$/m });
my %labels;
for (split /\n/, $text) {
    my ($name, $labels) = /^([a-z]\w+)(?:\{(.*)\})? / or next;
    $name =~ s/_(?:bucket|sum|count)$// if $name =~ /_seconds_/;
    $labels{$name} = join ', ', grep { $_ ne 'le' } ($labels // '') =~ /(\w+)="/g;
}
my $readme = S3Proxy::Children::slurp('README.md');
my ($section) = $readme =~ /^### s3_status\n(.*?)^### /ms;
my %told = $section =~ /^\| `(\w+)` \| ([^|]*?) ?\|/mg;
# Not each nginx has the module that counts them.
if ((S3Proxy::Client::run_command(S3Proxy::Nginx::binary(), '-V'))[0] !~ /stub_status/) {
    is(report($t)->{connections}, undef, 'no connections');
    delete $told{nginx_connections};
}
is_deeply(\%labels, { map { ($_ => $told{$_} =~ s/`//gr) } keys %told }, 'names and labels');

=== TEST 34: over HTTP/2
--- http2
--- request: GET /bucket/key
--- error_code: 200
--- code
my $report = report($t, 1);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 1 }, 'counted');
my ($request) = @{ $report->{requests} };
ok($request->{received_bytes} > 0 && $request->{sent_bytes} > 0, 'with its bytes');

=== TEST 35: slices, each an attempt and all of them one request
--- http_config eval: $::zone . ::http_config(more => 'proxy_cache_path %%SERVROOT%%/cache keys_zone=cache:1m;')
--- config eval: ::config(server => $::status, location => 'slice 10; proxy_set_header Range $slice_range; proxy_cache cache; proxy_cache_key $s3_cache_key$slice_range; proxy_cache_valid 200 206 1m;')
--- origins
b: 206 header="Content-Range: bytes 0-9/15" header="ETag: \"x\"" body="0123456789" | 206 header="Content-Range: bytes 10-14/15" header="ETag: \"x\"" body="abcde"
--- request: GET /bucket/key
--- error_code: 200
--- response_body: 0123456789abcde
--- code
my $report = report($t, 1);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 200' => 1 }, 'one request');
is_deeply(origins($report)->{b}, [2, 0, { 206 => 2 }], 'two attempts');
is($report->{failovers}, 0, 'and no failover');

=== TEST 36: a client that leaves
--- origins
b: 200 delay=3 body="late"
--- code
my $connection = $t->connect;
my ($request) = S3Proxy::Request::requests(sub ($name) { return { request => 'GET /bucket/key', s3_sign => $::client }->{$name} }, $t->host);
$connection->put(S3Proxy::Http::serialize_head('GET /bucket/key HTTP/1.1', $request->{headers}));
until_true(5, sub { report($t)->{origins}[0]{attempts} });
$connection->close;
my $report = report($t, 1);
is_deeply(requests($report), { 'AKIDCLIENT GetObject 499' => 1 }, 'is one');
is_deeply($report->{errors}, [], 'and no error of the origin\'s');
