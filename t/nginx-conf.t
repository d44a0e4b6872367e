# Tests for the files in nginx-conf/: each runs as it is installed, but for ports, paths and the origins' addresses (which
# scripts/render-conf puts in), in front of embedded origins (s3s) that verify what they get.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use S3Proxy::Children qw(test_origin);
use S3Proxy::Client qw(connect_to exchange run_command);
use S3Proxy::Http qw(header);
use S3Proxy::Nginx;
use S3Proxy::Ports;
use S3Proxy::Sign qw(sign);
use Test::More;
use Time::HiRes qw(sleep time);

my $ROOT = "$FindBin::Bin/..";
my $PORT = S3Proxy::Ports::port('SERVER');
my %SECRETS = (
    CLIENT_ACCESS_KEY => 'AKIDCLIENT', CLIENT_SECRET_KEY => 'client/Secret+Key=',
    PRIMARY_ACCESS_KEY => 'AKIDPRIMARY', PRIMARY_SECRET_KEY => 'primary/Secret+Key=',
    BACKUP_ACCESS_KEY => 'AKIDBACKUP', BACKUP_SECRET_KEY => 'backup/Secret+Key=',
);
my %REGION = ('nginx.conf' => 'us-east-1', 'primary-backup.conf' => 'eu-west-1', 'public-bucket.conf' => 'us-east-1',
    'cache.conf' => 'us-east-1');
my @CLIENT = (key => 'AKIDCLIENT', secret => 'client/Secret+Key=');

my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;
my $origins = S3Proxy::Children->new("$dir/origins");

is_deeply([sort map { s{.*/}{}r } glob "$ROOT/nginx-conf/*.conf"], [sort keys %REGION], 'each file is tested here');

subtest 'nginx.conf' => sub {
    start('nginx.conf');
    put_and_get();
    is(get('/demo/key', secret => 'wrong')->{status}, 403, 'a wrong secret is refused');
    like(get('/demo/key', secret => 'wrong')->{body}, qr{<Code>SignatureDoesNotMatch</Code>}, '... in the words of S3');
    is(anonymous('GET', '/demo/key')->{status}, 403, 'no signature is refused');
    my $presigned = get('/demo/key', presign => 60);
    is($presigned->{body}, 'the text', 'a presigned URL');
    like(anonymous('GET', '/s3_status')->{body}, qr/^s3_requests_total\{client="AKIDCLIENT",operation="PutObject",status="200"\} 1$/m, 'what was counted');
    log_is_clean();
};

subtest 'nginx.conf with clients.json' => sub {
    my $clients = read_file("$ROOT/nginx-conf/clients.json.example");
    $nginx->write_file('conf/backup.secret', "backup-secret\n");
    $clients =~ s{/etc/nginx/s3/}{$dir/conf/};
    my $path = $nginx->write_file('conf/clients.json', $clients, 0600);
    my %more = (OPERATOR_SECRET_KEY => 'operator', WEB_SECRET_KEY => 'web-new', WEB_SECRET_KEY_OLD => 'web-old');
    start('nginx.conf', sub ($text) { $text =~ s{#file /etc/nginx/s3/clients.json;}{file $path;}r }, %more);
    is(send_signed('PUT', '/demo/photo', 'x', key => 'AKIDOPERATOR', secret => 'operator')->{status}, 200, 'operators may all');
    is(get('/demo/photo', key => 'AKIDWEB', secret => 'web-new')->{status}, 403, 'a bucket that is not granted');
    is(get('/photos/2026/x', key => 'AKIDWEB', secret => $_)->{status}, 404, "granted, with the secret $_") for qw(web-new web-old);
    is(get('/backups/x', key => 'AKIDBACKUP', secret => 'backup-secret')->{status}, 404, 'a secret in a file');
};

subtest 'primary-backup.conf' => sub {
    start('primary-backup.conf');
    put_and_get();
    is(last_line()->{origin}, 'primary', 'the primary answers');
    is_deeply(health(sub ($health) { $health->{status} eq 'ok' && !grep { /^nok/ } values %{ $health->{origins} } }),
        { status => 'ok', origins => { primary => 'ok', backup => 'ok' } }, 'both are healthy');
    $origins->end('primary');
    is(get('/demo/key')->{body}, 'the text', 'the primary is down: the backup answers');
    is(last_line()->{origin}, 'backup', '... and the log says so');
    my $health = health(sub ($health) { $health->{origins}{primary} =~ /^nok/ });
    is($health->{status}, 'ok', 'one healthy origin will do');
    like($health->{origins}{primary}, qr/^nok/, '... and the other is named');
    $origins->end('backup');
    is(get('/demo/key')->{status}, 502, 'both are down');
    start_origin('backup', 'us-east-1');
    is(get('/demo/key')->{body}, 'the text', 'a backup that failed is asked again at once');
    log_is_clean();
};

subtest 'public-bucket.conf' => sub {
    start('public-bucket.conf');
    put_file('public/dir/key', 'public content');
    put_file('private/key', 'private content');
    is(anonymous('GET', '/public/dir/key')->{body}, 'public content', 'anybody may read');
    is(anonymous('HEAD', '/public/dir/key')->{status}, 200, 'HEAD');
    is(anonymous('GET', '/public/dir/none')->{status}, 404, 'what is not there');
    my $refused = anonymous('PUT', '/public/dir/key', 'other');
    is($refused->{status}, 403, 'PUT is refused');
    like($refused->{body}, qr{<Code>AccessDenied</Code>}, '... in the words of S3');
    is(anonymous('DELETE', '/public/dir/key')->{status}, 403, 'DELETE is refused');
    is(anonymous('POST', '/public?delete', '<Delete/>')->{status}, 403, 'POST is refused');
    is(anonymous('GET', $_)->{status}, 403, "$_ is refused") for qw(/ /public /public/ /public/?list-type=2
        /public/dir/key?acl /public?policy /private/key /private/../public/dir/key
        //public/dir/key /private%2f../public/dir/key /public/./dir/key /public/dir/..);
    unlike(anonymous('GET', $_)->{body}, qr/private content/, "$_ shows nothing") for qw(/public/../private/key
        /public/%2e%2e/private/key /public%2f..%2fprivate/key /public/..%2fprivate/key /public//../../private/key /public/%2e%2e/../private/key);
    is(anonymous('GET', '/public/dir/key', undef, ['X-Http-Method-Override' => 'DELETE'])->{status}, 200, 'no other method by header');
    is(anonymous('GET', '/public/dir/key')->{body}, 'public content', 'and the object is still there');
    log_is_clean();
};

subtest 'cache.conf' => sub {
    start('cache.conf');
    is(send_signed('PUT', '/demo/key', 'the text')->{status}, 200, 'signed PUT');
    cached('/demo/key', MISS => 'the first GET');
    cached('/demo/key', HIT => 'the second');
    cached('/demo/key', HIT => 'a presigned one', presign => 60);
    cached('/demo/key', HIT => 'another region', region => 'eu-west-1');
    is(header(send_signed('HEAD', '/demo/key'), 'x-cache-status'), 'HIT', 'HEAD');
    my $part = send_signed('GET', '/demo/key', undef, headers => [[Range => 'bytes=2-4']]);
    is("$part->{status} $part->{body} " . header($part, 'x-cache-status'), '206 e t HIT', 'a range');
    for my $refused (get('/demo/key', secret => 'wrong'), get('/demo/key', date => '-3600'), anonymous('GET', '/demo/key')) {
        is($refused->{status}, 403, 'cached or not, it is refused without a good signature');
        unlike($refused->{body}, qr/the text/, '... and shows nothing');
    }
    is(header(get('/demo/key?response-content-type=text%2Fx'), 'content-type'), 'text/x', 'another query, another answer');
    is(header(get('/demo?list-type=2'), 'x-cache-status'), undef, 'listings are not kept') for 1 .. 2;
    is(header(get('/demo/key', headers => [['x-amz-expected-bucket-owner' => '1']]), 'x-cache-status'), undef, 'nor conditions') for 1 .. 2;
    is(send_signed('HEAD', '/demo')->{status}, 200, 'HeadBucket');
    is(get('/demo/none')->{status}, 404, 'an object that is not there');
    is(send_signed('PUT', '/demo/none', 'now')->{status}, 200, '... and then is');
    is(get('/demo/none')->{body}, 'now', '... is found at once');
    $origins->end('primary');
    is(get('/demo/key')->{body}, 'the text', 'the origin is down: a hit');
    log_is_clean();
};

subtest 'cache.conf with slices' => sub {
    my $slices = sub ($text) {
        $text =~ s/^( *)#   (?=slice|proxy_)/$1/mg == 4 or die "no slice lines in cache.conf\n";
        $text =~ s/slice  *8m;/slice 100k;/;
        $text =~ s/^ *proxy_cache_key +\$s3_cache_key;//m;
        $text =~ s/^ *proxy_cache_valid +200 10s;//m;
        return $text;
    };
    start('cache.conf', $slices);
    my $content = join '', map { sprintf "%07d\n", $_ } 1 .. 50_000;
    is(send_signed('PUT', '/demo/large', $content)->{status}, 200, 'signed PUT');
    ok(get('/demo/large')->{body} eq $content, 'all slices');
    my $part = send_signed('GET', '/demo/large', undef, headers => [[Range => 'bytes=204800-204807']]);
    is("$part->{status} $part->{body} " . header($part, 'x-cache-status'), '206 ' . substr($content, 204800, 8) . ' HIT', 'a range');
    is(get('/demo/large', secret => 'wrong')->{status}, 403, 'a wrong secret is refused');
};

$nginx->stop;
done_testing;

# Starts nginx with a file of nginx-conf/, and the origins with an empty folder. `$edit` changes the text.
sub start ($file, $edit = sub ($text) { $text }, %environment) {
    $nginx->stop;
    $origins->stop;
    run_command('rm', '-rf', "$dir/data", "$dir/cache", "$dir/temp", "$dir/logs");
    mkdir "$dir/$_" for qw(logs data);
    start_origin('primary', $REGION{$file});
    start_origin('backup', 'us-east-1');
    my ($text, $exit) = run_command("$ROOT/scripts/render-conf", "nginx-conf/$file", '--dir', $dir,
        '--module', S3Proxy::Nginx::module(), '--listen', "127.0.0.1:$PORT",
        map { ('--origin', "$_=127.0.0.1:" . S3Proxy::Ports::port($_)) } qw(primary backup));
    die "render-conf: $text" if $exit;
    unlike($text, qr{^[^#]*(?:example\.com|/etc/|/var/|/run/)(?!ssl/certs)}m, 'nothing is left to put in');
    $nginx->write_file('conf/nginx.conf', "daemon off;\n" . $edit->($text));
    my %all = (%SECRETS, %environment);
    my ($said, $failed) = $nginx->test_config(\%all);
    is($failed, 0, "$file: nginx -t") or diag($said);
    unlike($said, qr/\[warn\]/, "$file: no warning");
    my ($limited) = run_command('bash', '-c', "ulimit -Sn 1024; exec \"\$@\"", 'bash', 'env', map({ "$_=$all{$_}" } keys %all),
        S3Proxy::Nginx::binary(), '-t', '-p', "$dir/", '-c', 'conf/nginx.conf');
    unlike($limited, qr/\[warn\]/, "$file: nor where a process may open 1024 files");
    $nginx->start(\%all);
    my $limit = '';
    # The master opens the sockets first; a worker sets its limits when it begins.
    for (1 .. 200) {
        my ($worker) = $nginx->workers;
        ($limit) = run_command('grep', '^Max open files ', "/proc/$worker/limits") if $worker;
        last if $limit =~ / 8192 /;
        sleep 0.05;
    }
    like($limit, qr/ 8192 +8192 /, "$file: workers may open two for each connection");
    if (-s '/proc/net/if_inet6') {
        my ($status) = run_command('curl', '-sS', '-g', '-o', '/dev/null', '-w', '%{http_code}', "http://[::1]:$PORT/");
        is($status, 403, "$file: IPv6");
    }
    return;
}

sub start_origin ($name, $region) {
    my $spec = "name=$name,listen=127.0.0.1:" . S3Proxy::Ports::port($name)
        . ",root=$dir/data,key=$SECRETS{uc($name) . '_ACCESS_KEY'},secret=env:TEST_ORIGIN_SECRET,region=$region";
    $origins->start($name, { TEST_ORIGIN_SECRET => $SECRETS{ uc($name) . '_SECRET_KEY' } }, test_origin(),
        '--origin', $spec, map { ('--create-bucket', $_) } qw(demo public private photos backups));
    return;
}

# Sends a request; `headers`, and options of S3Proxy::Sign::sign.
sub send_signed ($method, $target, $body = undef, %option) {
    my %request = (method => $method, target => $target, body => $body,
        headers => [[Host => "127.0.0.1:$PORT"], [Connection => 'close'], @{ delete $option{headers} // [] },
            (defined $body ? ['Content-Length' => length $body] : ())]);
    sign(\%request, @CLIENT, %option);
    return exchange(connect_to($PORT), \%request);
}

sub get ($target, %option) { return send_signed('GET', $target, undef, %option) }

sub anonymous ($method, $target, $body = undef, @headers) {
    return exchange(connect_to($PORT), { method => $method, target => $target, body => $body,
        headers => [[Host => 'x'], [Connection => 'close'], @headers, (defined $body ? ['Content-Length' => length $body] : ())] });
}

sub put_and_get () {
    is(send_signed('PUT', '/demo/key', 'the text')->{status}, 200, 'signed PUT');
    is(get('/demo/key')->{body}, 'the text', 'signed GET');
    return;
}

sub cached ($target, $status, $name, %option) {
    my $response = get($target, %option);
    is("$response->{status} $response->{body} " . (header($response, 'x-cache-status') // ''), "200 the text $status", $name);
    return;
}

# An object that is there without an upload.
sub put_file ($name, $content) {
    run_command('mkdir', '-p', "$dir/data/$name" =~ s{/[^/]*\z}{}r);
    return $nginx->write_file("data/$name", $content);
}

# What /healthz says, once it is what `$wanted` waits for; without times.
sub health ($wanted) {
    my $health;
    for (1 .. 200) {
        my $response = anonymous('GET', '/healthz');
        $health = eval { decode_json($response->{body}) } // { status => $response->{status} };
        delete $health->{since};
        last if $wanted->($health);
        sleep 0.05;
    }
    return $health;
}

# nginx writes the line when the answer has gone out.
sub last_line () {
    sleep 0.1;
    my @lines = split /\n/, $nginx->read_log('s3.log');
    return decode_json($lines[-1]);
}

# Each line is JSON, and neither signatures nor secrets are in any log.
sub log_is_clean () {
    sleep 0.1;
    my @lines = split /\n/, $nginx->read_log('s3.log');
    ok(@lines && !(grep { !eval { decode_json($_); 1 } } @lines), 'the access log is JSON');
    my $logs = join '', map { $nginx->read_log($_) } qw(s3.log error.log stderr);
    unlike($logs, qr/[^0-9a-f][0-9a-f]{64}[^0-9a-f]/, 'no signature in the logs');
    unlike($logs, qr/Secret\+Key/, 'no secret in the logs');
    unlike($logs, $S3Proxy::Nginx::FATAL, 'no alert');
    return;
}

sub read_file ($path) {
    open my $file, '<:raw', $path or return "$path: $!\n";
    local $/;
    return scalar(<$file>) // '';
}
