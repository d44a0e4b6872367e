# Tests for what an origin's store holds after an upload: of a sound body every byte, of one with a fault nothing. The origin is
# the embedded one, which keeps objects as files; each payload mode goes there buffered, unbuffered and unwrapped.

use v5.36;
use lib 't/lib';
use File::Temp;
use S3Proxy::Children qw(test_origin);
use S3Proxy::Ports;
use S3Proxy::Setup;
use S3Proxy::Test;

our $store = File::Temp::tempdir('s3proxy-store-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $children = S3Proxy::Children->new($store);
$children->start('store', {}, test_origin(), '--listen', '127.0.0.1:' . S3Proxy::Ports::port('store'),
    '--root', $store, '--access-key', 'AKIDSTORE', '--secret-key', 'store-secret', '--create-bucket', 'demo');

# An object's content; undef where there is none.
sub main::stored ($key) {
    open(my $file, '<:raw', "$store/demo/$key") or return undef;
    local $/;
    return scalar <$file>;
}

sub main::config_of ($mode, $name) {
    return config(location => "$mode; s3_resign $name;") =~ s/s3_resign on;//r;
}

# The ways a body can take, and the payload modes; each pair of them is tried with the same cases.
our @WAYS = (
    ['s3_verify_payload on', 'store'],
    ['s3_verify_payload on; proxy_request_buffering off', 'store'],
    ['proxy_request_buffering off', 'plain'],
    ['proxy_request_buffering on', 'plain'],
);

default_sections(
    http_config => clients() . <<'CONF',
        s3_origin store { endpoint http://127.0.0.1:%%PORT_store%%; key AKIDSTORE store-secret; }
        s3_origin plain { endpoint http://localhost:%%PORT_store%%; key AKIDSTORE store-secret; payload unsigned; }
        upstream s3 { server 127.0.0.1:%%PORT_store%%; keepalive 8; }
CONF
    request_body_size => 70000,
);

our $signed = "$CLIENT payload=streaming chunk=16384";
our $trailer = "$CLIENT payload=streaming-trailer chunk=16384 trailer=x-amz-checksum-crc32";
our $unsigned = "$CLIENT payload=streaming-unsigned chunk=16384 trailer=x-amz-checksum-crc32";

our @SOUND = ($CLIENT, "$CLIENT payload=unsigned", $signed, $trailer, $unsigned);
our @FAULTS = (
    "$signed tamper_body=s/0001000/0001001/",
    "$signed 'tamper_body=s/.(?=\\r\\n0;chunk)/X/s'",
    "$signed tamper_body=s/0;chunk-signature=.{8}/0;chunk-signature=00000000/",
    "$signed 'tamper_body=s/\\r\\n0;chunk-signature.*/\\r\\n/s'",
    "$trailer tamper_body=s/0001000/0001001/",
    "$trailer 'tamper_body=s/trailer-signature:.{8}/trailer-signature:00000000/'",
    "$trailer 'tamper_body=s/x-amz-trailer-signature:\\w+\\r\\n//'",
    "$CLIENT payload=streaming-trailer chunk=16384 trailer=x-amz-checksum-crc32:AAAAAA==",
    "$CLIENT payload=streaming-unsigned chunk=16384 trailer=x-amz-checksum-crc32:AAAAAA==",
    "$unsigned 'tamper_body=s/x-amz-checksum-crc32:\\S+\\r\\n//'",
    "$unsigned tamper_body=s/0001000/000100/",
    "$unsigned decoded=70001",
);

sub main::faults ($t) {
    for my $index (0 .. $#FAULTS) {
        like($t->response($index)->{status}, qr/^40[03]$/, $t->name("fault $index: refused"));
        is(main::stored("fault-$index"), undef, $t->name("fault $index: nothing stored"));
    }
    return;
}

sub main::sound ($t) {
    for my $index (0 .. $#SOUND) {
        is($t->response($index)->{status}, 200, $t->name("sound $index: taken"));
        my $stored = main::stored("sound-$index") // '';
        is(length $stored, 70000, $t->name("sound $index: whole"));
        unlike($stored, qr/chunk-signature|x-amz-checksum/, $t->name("sound $index: without frames"));
        unlink "$store/demo/sound-$index";
    }
    return;
}

run_tests();

__DATA__

=== TEST 1: sound bodies, buffered
--- config eval: ::config_of(@{$::WAYS[0]})
--- s3_sign eval: \@::SOUND
--- request eval: [map { "PUT /demo/sound-$_" } 0 .. $#::SOUND]
--- code: sound($t)

=== TEST 2: sound bodies, unbuffered
--- config eval: ::config_of(@{$::WAYS[1]})
--- s3_sign eval: \@::SOUND
--- request eval: [map { "PUT /demo/sound-$_" } 0 .. $#::SOUND]
--- code: sound($t)

=== TEST 3: sound bodies, unwrapped while they stream
--- config eval: ::config_of(@{$::WAYS[2]})
--- s3_sign eval: \@::SOUND
--- request eval: [map { "PUT /demo/sound-$_" } 0 .. $#::SOUND]
--- code: sound($t)

=== TEST 4: sound bodies, unwrapped and buffered
--- config eval: ::config_of(@{$::WAYS[3]})
--- s3_sign eval: \@::SOUND
--- request eval: [map { "PUT /demo/sound-$_" } 0 .. $#::SOUND]
--- code: sound($t)

=== TEST 5: bodies with a fault, buffered
--- config eval: ::config_of(@{$::WAYS[0]})
--- s3_sign eval: \@::FAULTS
--- request eval: [map { "PUT /demo/fault-$_" } 0 .. $#::FAULTS]
--- code: faults($t)

=== TEST 6: bodies with a fault, unbuffered
--- config eval: ::config_of(@{$::WAYS[1]})
--- s3_sign eval: \@::FAULTS
--- request eval: [map { "PUT /demo/fault-$_" } 0 .. $#::FAULTS]
--- code: faults($t)

=== TEST 7: bodies with a fault, unwrapped while they stream
--- config eval: ::config_of(@{$::WAYS[2]})
--- s3_sign eval: \@::FAULTS
--- request eval: [map { "PUT /demo/fault-$_" } 0 .. $#::FAULTS]
--- code: faults($t)

=== TEST 8: bodies with a fault, unwrapped and buffered
--- config eval: ::config_of(@{$::WAYS[3]})
--- s3_sign eval: \@::FAULTS
--- request eval: [map { "PUT /demo/fault-$_" } 0 .. $#::FAULTS]
--- code: faults($t)

=== TEST 9: a client that leaves in mid-body, unbuffered
--- config eval: ::config_of(@{$::WAYS[1]})
--- s3_sign eval: $::signed
--- request: PUT /demo/left
--- send_only: 40000
--- ignore_response
--- code
select undef, undef, undef, 0.3;
is(stored('left'), undef, 'nothing stored');
