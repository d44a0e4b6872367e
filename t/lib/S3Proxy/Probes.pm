# What the tests of s3_probe share: an upstream that is probed, and waiting for what probes bring about.
package S3Proxy::Probes;

use v5.36;
use Exporter qw(import);
use S3Proxy::Setup;
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw($FAST probed of_upstream until_true both_are_up established);

# Quick probes: the bounds of what is asserted lie far above, for machines that are busy.
our $FAST = 's3_probe interval=100ms timeout=1s;';

# http{} with the upstream of S3Proxy::Setup, probed; `upstream` for more in it, `more` behind it.
sub probed (%option) {
    return http_config(%option, upstream => ($option{probe} // $FAST) . ($option{upstream} // ''));
}

# http{} with an upstream s3 of these lines.
sub of_upstream ($text, %option) {
    return clients() . origin_blocks(%option) . "upstream s3 { $text }\n" . ($option{more} // '');
}

# Asks until the answer is true; returns it.
sub until_true ($seconds, $code) {
    my $deadline = time + $seconds * ($ENV{TEST_NGINX_PATIENCE} || 1);
    while (1) {
        my $answer = $code->();
        return $answer if $answer || time > $deadline;
        sleep 0.02;
    }
}

# Waits until s3_health at /healthz, of b and a, knows both to be up.
sub both_are_up ($t) {
    my $health = sub { $t->send(request => 'GET /healthz', s3_sign => undef)->{body} };
    return Test::More::ok(until_true(20, sub { $health->() =~ /"b":"ok","a":"ok"/ }), 'both are up');
}

# Established connections to a port of this machine's loopback, by the kernel's list.
sub established ($port) {
    open my $file, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    my $remote = sprintf '0100007F:%04X', $port;
    my $count = grep { (split)[2] eq $remote && (split)[3] eq '01' } <$file>;
    return $count;
}

1;
