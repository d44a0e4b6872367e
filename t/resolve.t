# Tests for servers of an upstream whose addresses nginx looks up while it runs (`server ... resolve`, nginx 1.27.3 and later): requests
# for them are signed for the s3_origin that s3_resign names, and refused where it would have to be known by its address.

use v5.36;
use lib 't/lib';
use IO::Socket::INET;
use S3Proxy::Ports;
use S3Proxy::Setup;
use S3Proxy::Test;

# A name server that knows no name but origin.test, which is 127.0.0.1.
my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => S3Proxy::Ports::port('DNS'), Proto => 'udp') or die "DNS: $!\n";
my $parent = $$;
my $child = fork // die "fork: $!\n";
if (!$child) {
    $SIG{ALRM} = sub { POSIX::_exit(0) if !kill 0, $parent; alarm 2 };
    require POSIX;
    alarm 2;
    while (1) {
        defined $socket->recv(my $query, 512) or next;
        my ($id, $question) = (substr($query, 0, 2), substr $query, 12);
        # Name, type and class; what may follow is EDNS's.
        my ($name) = $question =~ /\A((?:[^\0]+)\0.{4})/s or next;
        my $known = $name eq "\6origin\4test\0\0\1\0\1";
        $socket->send($id . pack('n5', $known ? 0x8180 : 0x8183, 1, $known ? 1 : 0, 0, 0) . $name
            . ($known ? pack('nnnNnC4', 0xc00c, 1, 1, 60, 4, 127, 0, 0, 1) : ''));
    }
}

END { if ($child && $$ == $parent) { local $?; kill 'KILL', $child; waitpid $child, 0 } }

our $upstream = 'resolver 127.0.0.1:%%PORT_DNS%% ipv6=off; upstream found { zone found 64k; server origin.test:%%ORIGIN_A_PORT%% resolve; }';

# The first look-up takes a moment, in which there is no peer.
sub until_known ($t) {
    for (1 .. 100) {
        last if $t->send(request => 'GET /bucket/key', s3_sign => $S3Proxy::Setup::CLIENT)->{status} == 200;
        select undef, undef, undef, 0.05;
    }
    return;
}

default_sections(http_config => http_config(more => $upstream), origins => $ORIGINS, s3_sign => $CLIENT, skip_nginx => '< 1.27.3');

run_tests();

__DATA__

=== TEST 1: s3_resign by name
--- config eval: S3Proxy::Setup::config() =~ s/s3_resign on/s3_resign a/r =~ s{http://s3;}{http://found;}r
--- request: GET /bucket/none
--- ignore_response
--- code
main::until_known($t);
my $response = $t->send(request => "PUT /bucket/key\nhello", s3_sign => $S3Proxy::Setup::CLIENT);
is($response->{status}, 200, 'signed for the origin that is named');
is($response->{body}, 'from a', 'and sent to the address that was looked up');

=== TEST 2: s3_resign on: such an address is no s3_origin's
--- config eval: S3Proxy::Setup::config() =~ s{http://s3;}{http://found;}r
--- nginx_conf_fails: resolve|no s3_origin
