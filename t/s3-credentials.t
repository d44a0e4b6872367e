# Tests for s3_credentials beside nginx: a container's endpoint gives an origin's key for a few seconds each time, the command keeps
# it in a file, and nginx signs with it. No request fails, and none is signed with a key that has ended.
#
# `make credentials` builds the command, which `make test` does not: without it these tests are left out.
# TEST_CREDENTIALS_SECONDS: how long requests are sent (20); TEST_CREDENTIALS_LIFE: how long each key lives (8).

use v5.36;
use lib 't/lib';
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use POSIX qw(_exit strftime);
use S3Proxy::Setup;
use S3Proxy::Test;
use Test::More ();
use Time::HiRes qw(sleep time);

our $command = $ENV{TEST_S3_CREDENTIALS} || 'build/s3_credentials';
Test::More::plan(skip_all => "no $command") if !-x $command;
our $life = $ENV{TEST_CREDENTIALS_LIFE} || 8;
our $seconds = $ENV{TEST_CREDENTIALS_SECONDS} || 20;
our @children;

# A container's endpoint. The token says when the key ends, so that each request shows which key has signed it.
sub main::endpoint () {
    my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16, ReuseAddr => 1) or die "endpoint: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        while (my $client = $server->accept) {
            while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n/ }
            my $end = int(time) + $life;
            my $body = encode_json({ AccessKeyId => 'AKIDORIGINB', SecretAccessKey => 'origin-b/Secret+Key=', Token => "until-$end",
                Expiration => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $end) });
            print {$client} "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ", length $body, "\r\nConnection: close\r\n\r\n$body";
            close $client;
        }
        _exit(0);
    }
    push @children, $pid;
    return $server->sockport;
}

# Starts the command; what it says goes to a file.
sub main::start ($t, @arguments) {
    my $file = $t->nginx->prefix . '/b.json';
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>>', $t->nginx->prefix . '/said';
        delete $ENV{$_} for grep { /^AWS_/ } keys %ENV;
        $ENV{AWS_EC2_METADATA_DISABLED} = 'true';
        $ENV{HOME} = $t->nginx->prefix;
        $ENV{AWS_CONTAINER_CREDENTIALS_FULL_URI} = "http://127.0.0.1:$t->{endpoint}/";
        exec $command, '--group', scalar(getgrgid((split ' ', $))[0])), @arguments, $file or _exit(127);
    }
    push @children, $pid;
    return $pid;
}

END { my $status = $?; kill 'TERM', @children; waitpid $_, 0 for @children; $? = $status }

default_sections(
    http_config => <<"END",
    s3_watch 200ms;
    @{[ clients() ]}
    s3_origin b { endpoint http://%%ORIGIN_B%%; region eu-west-1; credentials %%SERVROOT%%/b.json; }
    upstream s3 { server %%ORIGIN_B%% max_fails=0; }
END
    config  => config(),
    origins => (grep { /^b/ } split /\n/, $ORIGINS)[0],
    s3_sign => $CLIENT,
    files   => qq{>>> b.json\n{"Version": 1, "AccessKeyId": "AKIDORIGINB", "SecretAccessKey": "origin-b/Secret+Key="}\n},
);

run_tests();

__DATA__

=== TEST 1: keys that live for seconds
--- code
$t->{endpoint} = main::endpoint();
my $file = $t->nginx->prefix . '/b.json';
my $pid = main::start($t);
my $start = time;
sleep 0.05 until time > $start + 10 * ($ENV{TEST_NGINX_PATIENCE} || 1) || $t->nginx->read_text('b.json') =~ /until-/;
like($t->nginx->read_text('b.json'), qr/"SessionToken": "until-\d+"/, 'the file is written');
is((stat $file)[2] & 07777, 0640, 'for a group');
# nginx has two looks at it.
sleep 1;
my ($sent, %status) = (0);
for ($start = time; time < $start + $main::seconds; sleep 0.05) {
    my $response = $t->send(request => $sent++ % 3 ? 'GET /bucket/key' : "PUT /bucket/key\nhello");
    $status{ $response->{status} }++;
}
is_deeply([keys %status], [200], "$sent requests, none failed") or diag(join ' ', %status);
my %tokens;
for my $request ($t->received('b')) {
    my ($until) = $request->{head} =~ /^x-amz-security-token: until-(\d+)/mi or next;
    $tokens{$until}++;
}
cmp_ok(scalar keys %tokens, '>', $main::seconds / $main::life, 'keys: ' . join ' ', map { "$_ ($tokens{$_})" } sort keys %tokens);
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'it ends when told to');
my $said = $t->nginx->read_text('said');
unlike($said, qr/origin-b|until-\d/, 'no secret is said');
like($said, qr/access key AKIDORIGINB, good until .*SIGTERM: ends; the file stays\n\z/s, 'what is said');

=== TEST 2: an endpoint that is away: the old key stays, as long as it lives
--- code
$t->{endpoint} = main::endpoint();
my $endpoint = $main::children[-1];
my $pid = main::start($t);
my $start = time;
sleep 0.05 until time > $start + 10 * ($ENV{TEST_NGINX_PATIENCE} || 1) || $t->nginx->read_text('b.json') =~ /until-/;
kill 'TERM', $endpoint;
waitpid $endpoint, 0;
sleep 1;
is($t->send(request => 'GET /bucket/key')->{status}, 200, 'the key works');
$start = time;
sleep 0.2 until time > $start + 20 * ($ENV{TEST_NGINX_PATIENCE} || 1) || $t->nginx->read_text('said') =~ /no credentials/;
like($t->nginx->read_text('said'), qr/no credentials \(attempt 1\): .*; the file's key is good until .*; asks again in \d+ s/, 'said, and tried again');
like($t->nginx->read_text('b.json'), qr/"SessionToken": "until-\d+"/, 'the file is as it was');
kill 'TERM', $pid;
waitpid $pid, 0;
