# What tests of keys that change while nginx runs have in common.
package S3Proxy::LiveKeys;

use v5.36;
use Exporter qw(import);
use File::Basename qw(dirname);
use S3Proxy::Probes qw(until_true);
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw(clients_json credentials_json rename_to status takes_over until_true rss);

# A clients file with these keys and secrets; of a secret that is a list, both are good.
sub clients_json (%secret) {
    my $of = sub ($secret) {
        return ref $secret ? sprintf '"secret_keys": [%s]', join ', ', map { qq("$_") } @$secret : qq("secret_key": "$secret");
    };
    return sprintf '{"clients": [%s]}', join ', ', map { sprintf '{"access_key": "%s", %s}', $_, $of->($secret{$_}) } sort keys %secret;
}

# What credential_process writes; `end` is a text or seconds from now.
sub credentials_json ($key, $secret, %option) {
    my $end = $option{end};
    if (defined $end && $end =~ /^[+-]?\d+$/) {
        my @time = gmtime(time + $end);
        $end = sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $time[5] + 1900, $time[4] + 1, @time[3, 2, 1, 0];
    }
    my $members = join '', map { qq(, "$_->[0]": "$_->[1]") } grep { defined $_->[1] }
        ['SessionToken', $option{token}], ['Expiration', $end], ['Comment', $option{comment}];
    return qq({"Version": 1, "AccessKeyId": "$key", "SecretAccessKey": "$secret"$members});
}

# Writes a file beside and renames it to its name.
sub rename_to ($t, $name, $text) {
    my $new = $t->nginx->write_file("$name.new", $text);
    rename $new, $t->nginx->prefix . "/$name" or die "$name: $!\n";
    return;
}

# The status for a client's secret.
sub status ($t, $secret, %request) {
    return $t->send(request => 'GET /bucket/key', s3_sign => "AKIDCLIENT $secret", %request)->{status};
}

# Within two seconds, or as many times more as waiting takes here, the new secret is good and the old one is not. From the first
# answer on, no other changes it back.
sub takes_over ($t, $old, $new) {
    my $start = time;
    my $limit = 2 * ($ENV{TEST_NGINX_PATIENCE} || 1);
    ok(until_true(20, sub { status($t, $new) == 200 }), "$new is good");
    my $took = time - $start;
    # nginx counts whole milliseconds, and the machine may be busy: half a second for the requests themselves.
    cmp_ok($took, '<', $limit + 0.5, sprintf '%s is good after %.1f s', $new, $took);
    is(status($t, $old), 403, "$old is not");
    return;
}

# The memory of a process, in kB.
sub rss ($pid) {
    open my $file, '<', "/proc/$pid/status" or return 0;
    return join('', <$file>) =~ /VmRSS:\s+(\d+)/ ? $1 : 0;
}

1;
