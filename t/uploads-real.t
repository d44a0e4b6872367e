# Tests for multipart uploads of real clients, boto3 and aws-cli, that are under way when requests fail over to the other origin, and
# when they come back: through one nginx with both origins, and through HAProxy before two proxies with one each. No upload is lost,
# and none ends with NoSuchUpload. The origins are the embedded ones, each with storage of its own.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use IPC::Open2 qw(open2);
use S3Proxy::Children qw(slurp);
use S3Proxy::Client qw(curl run_command);
use S3Proxy::Deployment;
use S3Proxy::Nginx;
use Test::More;
use Time::HiRes qw(sleep);

die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();
my ($installed, $exit) = run_command("$FindBin::Bin/clients/setup");
die "t/clients/setup: $installed" if $exit;
my ($bin) = $installed =~ /(\S+)\s*\z/;
my ($haproxy) = run_command('sh', '-c', 'haproxy -v || true');
die "haproxy is missing: apt-get install haproxy\n" if $haproxy !~ /HAProxy version/ && $ENV{CI};

my ($deployment, $entry, @proxies);
my %tag = map { $_ => substr Digest::SHA::sha256_hex($_), 0, 8 } qw(a b);

for (['single', 'single'], ['haproxy', qw(serverb servera)]) {
    ($entry, @proxies) = @$_;
    next if $entry eq 'haproxy' && $haproxy !~ /HAProxy version/;
    $deployment = S3Proxy::Deployment->new;
    $deployment->start_origin($_) for qw(a b);
    $deployment->start_proxy($_) for @proxies;
    $deployment->start_haproxy if $entry eq 'haproxy';
    is_in_use('b');
    subtest "$entry: boto3" => \&boto3;
    subtest "$entry: aws-cli" => \&aws_cli;
    for my $name (@proxies) {
        unlike($deployment->log($name), qr/$S3Proxy::Nginx::FATAL/, "$entry: no fatal line in the log of $name");
        unlike($deployment->log($name), qr/secret-[ab]|client-secret|upload-key/, "$entry: no secret in it");
    }
    $deployment->stop($_) for @proxies, qw(a b), $entry eq 'haproxy' ? 'haproxy' : ();
}
done_testing;

sub boto3 () {
    my $ask = client(12);
    like($ask->('begin at-b'), qr/^s3u1\.$tag{b}\./, 'an upload is begun at the primary');
    is($ask->('part at-b 1'), 'ok', 'its first part');

    kill 'STOP', $deployment->pid('b');
    is_in_use('a');
    like($ask->('begin at-a'), qr/^s3u1\.$tag{a}\./, 'the primary hangs: another is begun at the backup');
    is($ask->('part at-a 1'), 'ok', 'its first part');
    $ask->('part at-b 2', sub {
        sleep 1;
        kill 'CONT', $deployment->pid('b');
    }, 'ok', 'the primary goes on: so does its upload, which boto3 has tried again');

    is_in_use('b');
    is($ask->('part at-a 2'), 'ok', 'that of the backup goes on there');
    for my $name (@proxies) {
        $deployment->stop($name);
        $deployment->start_proxy($name);
    }
    is_in_use('b');
    is($ask->('parts at-a'), '1 2', 'the proxies were started anew: its parts');
    is($ask->('parts at-b'), '1 2', 'those of the other');
    is($ask->("complete $_"), 'ok', "$_ is completed") for qw(at-a at-b);
    # What the embedded origin says of an upload that it does not have.
    my $unknown = 'error AccessDenied';
    is($ask->('complete at-b'), $unknown, 'and then is no upload any more');
    like($ask->('begin given-up'), qr/^s3u1\.$tag{b}\./, 'one that is given up');
    is($ask->('abort given-up'), 'ok', 'it is');
    is($ask->('part given-up 1'), $unknown, 'it takes no part');

    my $whole = Digest::SHA::sha256_hex(join '', map { $_ x (5 << 20) } 1, 2);
    is(stored($_, "at-$_"), $whole, "the object is whole at $_") for qw(a b);
    ok(!-e "$deployment->{dir}/data-a/demo/at-b" && !-e "$deployment->{dir}/data-b/demo/at-a", 'and nowhere else');
    return;
}

sub aws_cli () {
    my $dir = $deployment->dir;
    my $text = join '', map { sprintf "%063d\n", $_ } 1 .. (40 << 20) / 64;
    S3Proxy::Deployment::write_file("$dir/file", $text);
    S3Proxy::Deployment::write_file("$dir/aws-config", "[default]\ns3 =\n  max_concurrent_requests = 2\n  multipart_chunksize = 5MB\n"
        . "  multipart_threshold = 5MB\n  max_bandwidth = 8MB/s\n  signature_version = s3v4\n");
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        environment(AWS_CONFIG_FILE => "$dir/aws-config", AWS_MAX_ATTEMPTS => 20, AWS_RETRY_MODE => 'standard');
        open STDOUT, '>', "$dir/log/aws";
        open STDERR, '>&', \*STDOUT;
        exec "$bin/python", "$bin/aws", '--endpoint-url', 'http://127.0.0.1:' . $deployment->port($entry), 's3', 'cp', '--no-progress', "$dir/file",
            's3://demo/copied' or die;
    }
    my $has_part = sub ($number) { $deployment->log('origin-b.json') =~ m{/demo/copied\?partNumber=$number&} };
    ok(defined $deployment->wait_until(40, sub { $has_part->(1) }), 'the first part is at the primary');
    kill 'STOP', $deployment->pid('b');
    is_in_use('a');
    sleep 1;
    kill 'CONT', $deployment->pid('b');
    is_in_use('b');
    waitpid $pid, 0;
    is($? >> 8, 0, 'the upload ends well') or diag($deployment->log('aws'));
    is(stored('b', 'copied'), Digest::SHA::sha256_hex($text), 'the object is whole at the primary');
    return;
}

# A boto3 that tries so often. The answer is code that has a line done; with more arguments, code that runs meanwhile, and what is
# expected.
sub client ($attempts) {
    my ($out, $in);
    {
        local %ENV = %ENV;
        environment(TEST_ENDPOINT => 'http://127.0.0.1:' . $deployment->port($entry), TEST_ATTEMPTS => $attempts);
        open2($out, $in, "$bin/python", "$FindBin::Bin/clients/uploads.py");
    }
    return sub ($line, $meanwhile = undef, $expected = undef, $name = undef) {
        print {$in} "$line\n";
        $in->flush;
        $meanwhile->() if $meanwhile;
        my $answer = readline($out) // 'the client has ended';
        chomp $answer;
        is($answer, $expected, $name) if defined $expected;
        return $answer;
    };
}

sub environment (%more) {
    delete @ENV{ grep { /^AWS_/ } keys %ENV };
    %ENV = (%ENV, AWS_ACCESS_KEY_ID => $S3Proxy::Deployment::ENV_FILE{CLIENT_ACCESS_KEY}, AWS_SECRET_ACCESS_KEY => $S3Proxy::Deployment::ENV_FILE{CLIENT_SECRET_KEY},
        AWS_DEFAULT_REGION => 'us-east-1', AWS_EC2_METADATA_DISABLED => 'true', AWS_CONFIG_FILE => '/dev/null', AWS_SHARED_CREDENTIALS_FILE => '/dev/null', %more);
    return;
}

# Waits until requests go to that origin, for good.
sub is_in_use ($origin) {
    my $state = sub { curl('http://127.0.0.1:' . $deployment->port($entry) . '/healthz')->{body} // '' };
    my $other = $origin eq 'a' ? qr/"b":"nok/ : qr/"b":"ok"/;
    my $wanted = $entry eq 'haproxy' ? qr/"$origin":"ok"/ : $other;
    ok(defined $deployment->wait_until(20, sub { $state->() =~ $wanted }), "origin $origin is in use");
    return;
}

# The hash of an object, as it lies at the origin.
sub stored ($origin, $name) {
    my $path = "$deployment->{dir}/data-$origin/demo/$name";
    return -e $path ? Digest::SHA->new(256)->addfile($path)->hexdigest : 'nothing';
}
