# Tests for failover, fault by fault: what callers see who ask 20 times a second, and what becomes of uploads that were half way,
# before one nginx with both origins and before HAProxy with two. Origins are reached by https, each on a machine of its own where
# this one allows network namespaces.
#
# By itself it is short: four faults, one nginx, small uploads, no TLS. FAILOVER=all is everything (six minutes or more), FAILOVER='stopped,cut
# off' those; FAILOVER_WAYS='one nginx' only that; FAILOVER_MIB=4 has smaller uploads; FAILOVER_TABLE names a file for the table.
# Requests that fail where the proxy could have helped fail the test, unless requests failed or took long before there was any fault:
# on a machine with so much else to do, probes and time limits are right to call an origin dead. Times are measured and not asserted.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(first max min);
use S3Proxy::Certs;
use S3Proxy::Client qw(curl run_command);
use S3Proxy::Deployment;
use S3Proxy::HeldUpload;
use S3Proxy::Namespaces;
use S3Proxy::Nginx;
use S3Proxy::OpenLoad;
use Test::More;
use Time::HiRes qw(sleep time);

my $has_machines = S3Proxy::Namespaces::enter();
my $is_short = !$ENV{FAILOVER};
# Seconds that a fault lasts, and the longest that the way back is watched.
my ($FAULT, $BACK) = $is_short ? (4, 8) : (10, 15);
my $SIZE = ($ENV{FAILOVER_MIB} // ($is_short ? 1 : 64)) << 20;
# Seconds that no request may take before the fault.
my $CALM = 0.5;
# Seconds after which a read is worth a word.
my $LONG = 1.5;
# Seconds that the head of an answer may take from the origin to the client.
my $ON_ITS_WAY = 0.05;

my $deployment;
my $primary = 'b';

# `loses`: whether the origin forgets the uploads that it had, as the embedded one does when it starts, or ends them.
# `reads`: whether a read may fail: none, or some. `begin` and `end` are called when the fault does; `while` each second in between.
my @FAULTS = (
    { name => 'killed', loses => 1, reads => 'none', begin => sub { $deployment->stop($primary, 'KILL') }, end => \&start },
    { name => 'stopped', reads => 'none', begin => sub { pause('STOP') }, end => sub { pause('CONT') } },
    { name => 'cut off', reads => 'none', machines => 1, begin => sub { S3Proxy::Namespaces::cut($primary) },
        end => sub { S3Proxy::Namespaces::heal($primary) } },
    { name => 'slow by 5 s', reads => 'none', begin => fault('slow 5'), end => fault() },
    # A download whose first bytes are out is cut, whoever stands in between.
    { name => 'reset in mid-answer', reads => 'some', begin => fault('reset 20000'), end => fault() },
    { name => 'certificate expired', loses => 1, reads => 'none', begin => sub { start(S3Proxy::Certs::expired("$primary.test")) }, end => \&start },
    { name => 'key refused', reads => 'none', begin => fault('answer 403 InvalidAccessKeyId'), end => fault() },
    { name => '503', reads => 'none', begin => fault('answer 503 ServiceUnavailable'), end => fault() },
    # Answers, for the client: to back off, and that there is no such bucket.
    { name => '503 SlowDown', reads => 'some', begin => fault('answer 503 SlowDown'), end => fault() },
    { name => 'bucket gone', loses => 1, reads => 'some', begin => fault('answer 404 NoSuchBucket'), end => fault() },
    { name => 'both down', loses => 1, reads => 'some', begin => sub { $deployment->stop($_, 'KILL') for qw(a b) },
        end => sub { $deployment->start_origin($_) for qw(a b) } },
    { name => 'flapping', reads => 'none', begin => sub { pause('STOP') }, while => sub ($second) { pause($second % 2 ? 'CONT' : 'STOP') },
        end => sub { pause('CONT') } },
);

die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();
my ($haproxy) = run_command('sh', '-c', 'haproxy -v || true');
my @ways = split /,\s*/, $ENV{FAILOVER_WAYS} // ($is_short ? 'one nginx' : 'one nginx,HAProxy and two');
my %wanted = map { $_ => 1 } split /,\s*/, $is_short ? 'killed,stopped,cut off,key refused' : $ENV{FAILOVER};
my @faults = grep { $wanted{all} || $wanted{ $_->{name} } } @FAULTS;
plan(skip_all => "no fault is called $ENV{FAILOVER}") if !@faults;
diag('no network namespaces here: all on one machine, nothing is cut off') if !$has_machines;

my @table = ('| fault | before | GET, HEAD failed | slowest | PUT 64 KiB failed | slowest | half a PUT failed | answered after | in parts | '
        . 'backup answers after | primary again after | /healthz slowest |', '|' . '---|' x 12);
for my $way (@ways) {
    if ($way ne 'one nginx' && $haproxy !~ /HAProxy version/) {
        die "haproxy is missing: apt-get install haproxy\n" if $ENV{CI};
        diag('haproxy is missing: apt-get install haproxy');
        next;
    }
    begin($way);
    for my $fault (@faults) {
        next if $fault->{machines} && !$has_machines;
        subtest "$fault->{name}, $way" => sub { try($way, $fault) };
    }
    $deployment->stop($_, 'KILL') for qw(haproxy single servera serverb a b);
}
if ($ENV{FAILOVER_TABLE}) {
    open my $out, '>', $ENV{FAILOVER_TABLE} or die "$ENV{FAILOVER_TABLE}: $!\n";
    print {$out} map { "$_\n" } @table;
}
diag($_) for @table;
done_testing;

sub begin ($way) {
    # Machines and their addresses are made once.
    $deployment = S3Proxy::Deployment->new(machines => $has_machines, tls => !$is_short);
    $deployment->start_origin($_) for qw(a b);
    # Each origin says in its copies which one it is.
    for my $origin (qw(a b)) {
        mkdir "$deployment->{dir}/data-$origin/demo";
        S3Proxy::Deployment::write_file("$deployment->{dir}/data-$origin/demo/object", "from $origin " . '.' x 65536);
    }
    $deployment->start_proxy($_) for $way eq 'one nginx' ? 'single' : qw(serverb servera);
    $deployment->start_haproxy if $way ne 'one nginx';
    return;
}

# One fault: load, half an upload of each kind, the fault, the other half, and back.
sub try ($way, $fault) {
    my $port = $deployment->port($way eq 'one nginx' ? 'single' : 'haproxy');
    my %client = (port => $port, key => $S3Proxy::Deployment::ENV_FILE{CLIENT_ACCESS_KEY},
        secret => $S3Proxy::Deployment::ENV_FILE{CLIENT_SECRET_KEY});
    my $load = S3Proxy::OpenLoad->start(%client, object => 'object', origin_of => sub ($body) { $body =~ /\Afrom (\w)/ ? $1 : '' });
    ok($deployment->wait_until(20, sub { answered_by($load, time - 1) eq $primary }), 'before it, the primary answers');
    my %upload = map { $_ => S3Proxy::HeldUpload->start(%client, bytes => $SIZE, mode => $_) } @S3Proxy::HeldUpload::MODES;
    $upload{parts} = S3Proxy::HeldUpload->start(%client, parts => 1);
    $_->wait_until_half for values %upload;

    my $began = time;
    $fault->{begin}->();
    # Under load it takes a moment to do it.
    my $begun = time;
    $_->go_on for values %upload;
    for my $second (1 .. $FAULT) {
        sleep max(0, $began + $second - time);
        $fault->{while}->($second) if $fault->{while} && $second < $FAULT;
    }
    my $ended = time;
    $fault->{end}->();
    $deployment->wait_until($BACK, sub { time > $ended + 2 && answered_by($load, time - 1) eq $primary });
    my %result = map { $_ => [$upload{$_}->result] } keys %upload;
    report($way, $fault, [$began, $begun, $ended], \%result, $load->stop);
    return;
}

sub report ($way, $fault, $times, $uploads, @requests) {
    my ($began, $begun, $ended) = @$times;
    my @during = grep { $_->{start} + $_->{seconds} > $began } @requests;
    my @reads = grep { $_->{method} =~ /^(?:GET|HEAD)$/ } @during;
    my @writes = grep { $_->{method} eq 'PUT' } @during;
    my @asked = grep { $_->{method} eq 'HEALTH' } @during;
    my @gets = grep { $_->{origin} ne '' } @reads;
    my $backup = first { $_->{origin} eq 'a' } sort { $a->{start} + $a->{seconds} <=> $b->{start} + $b->{seconds} } grep { $_->{start} > $began } @gets;
    my $last = max($ended, map { $_->{start} } grep { $_->{origin} eq 'a' } @gets);
    my $back = first { $_->{start} > $last && $_->{origin} eq $primary } @gets;

    my ($parts) = @{ delete $uploads->{parts} };
    my @held = values %$uploads;
    my %word = map { $_->[0] => 1 } grep { $_->[0] ne '' } @held;
    # Of whom had the beginning of an answer when the fault had begun, the rest is the origin's alone to send.
    my @waited = grep { !$_->{first} || $_->{start} + $_->{first} > $begun + $ON_ITS_WAY } @reads;
    my @failed = grep { $_->{fault} ne '' } @reads;
    my ($worst) = sort { ($b->{fault} ne '') <=> ($a->{fault} ne '') || $b->{seconds} <=> $a->{seconds} }
        grep { $_->{start} + $_->{seconds} <= $began } @requests;
    my $is_calm = $worst && $worst->{fault} eq '' && $worst->{seconds} < $CALM;
  SKIP: {
        skip(sprintf('this machine has other things to do: %.2f s %s before the fault', $worst ? @$worst{qw(seconds fault)} : (0, 'nothing')), 2 + ($fault->{reads} ne 'some')) if !$is_calm;
        my @wrong = grep { $_->{fault} ne '' } @waited;
        is(scalar @wrong, 0, 'no read failed that must not') if $fault->{reads} ne 'some';
        ok($back, 'after it, the primary answers again');
        is(join(', ', grep { !/^503 / } sort keys %word), '', 'an upload that cannot go on is asked for again');
    }
    diag(sprintf '%s %.2f s after its beginning, for %.2f s: %s', $_->{method}, $_->{start} - $began, $_->{seconds}, $_->{fault})
        for grep { defined } (grep { $_->{fault} ne '' } @during)[0 .. 4];

    is($parts, '', 'the upload in parts waits for its origin, and ends well') if !$fault->{loses};
    diag(sprintf '%s %.2f s after its beginning, for %.2f s, the first byte after %.2f s', $_->{method}, $_->{start} - $began, $_->{seconds}, $_->{first})
        for grep { defined } (grep { $_->{seconds} > $LONG } @waited)[0 .. 4];
    my $seconds = sub (@times) { @times ? sprintf '%.1f s', max(@times) : '-' };
    push @table, '| ' . join(' | ', $fault->{name}, $way,
        scalar(@failed) . ' of ' . @reads, $seconds->(map { $_->{seconds} } @waited),
        scalar(grep { $_->{fault} ne '' } @writes) . ' of ' . @writes, $seconds->(map { $_->{seconds} } @writes),
        join(': ', scalar(grep { $_->[0] ne '' } @held) . ' of ' . @held, join(', ', sort keys %word) || ()),
        $seconds->(map { $_->[1] } @held), $parts || 'ok',
        $seconds->($backup ? $backup->{start} + $backup->{seconds} - $began : ()),
        $back ? $seconds->(max(0, $last - $ended)) : 'never',
        (first { $_->{fault} =~ /^no answer/ } @asked) ? 'none' : $seconds->(map { $_->{seconds} } @asked)) . ' |';
    diag($table[-1]);
    return;
}

# The origin that answered all GETs begun since then; empty if several did, or none.
sub answered_by ($load, $since) {
    my %origin = map { $_->{origin} => 1 } grep { $_->{method} eq 'GET' && $_->{start} > $since } $load->so_far;
    return keys %origin == 1 ? (keys %origin)[0] : '';
}

# What is done to the primary.
sub start (@certificate) {
    $deployment->stop($primary, 'KILL');
    return $deployment->start_origin($primary, @certificate);
}
sub pause ($signal) { return kill $signal, $deployment->pid($primary) }
sub fault ($line = undef) { return sub { $deployment->fault($primary, $line) } }
