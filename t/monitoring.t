# Tests for deploy/monitoring/: every metric that the alerts and the dashboard ask for is one that s3_status tells of, every one that it
# tells of is asked for, and promtool takes the alerts, whose own tests it runs.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use JSON::PP qw(decode_json encode_json);
use S3Proxy::Client qw(run_command);
use Test::More;
use YAML::PP;

my $folder = "$FindBin::Bin/../deploy/monitoring";

# The source, which t/status.t holds against what a running nginx tells: README.md's table.
my %told = map { ($_ => 1) } read_file("$FindBin::Bin/../README.md") =~ /^\| `(s3_\w+)` \|.*\|.*\|$/mg;
cmp_ok(scalar keys %told, '>=', 25, 'README.md lists the metrics');

my $dashboard = decode_json(read_file("$folder/grafana/s3-proxy.json"));
my @panels = grep { $_->{type} ne 'row' } @{ $dashboard->{panels} };
my @asked = map { map { $_->{expr} } @{ $_->{targets} } } @panels;
push @asked, map { $_->{expr} } @{ $dashboard->{annotations}{list} };
push @asked, map { $_->{query}{query} } grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} };
my %in_dashboard = metrics(@asked);
is_deeply([grep { !$told{$_} } sort keys %in_dashboard], [], 'the dashboard asks for what there is');
# Two of the bucket's three are one panel's business.
is_deeply([grep { !$in_dashboard{$_} && !/^s3_bucket_/ } sort keys %told], [], '... and for all of it');

subtest 'panels' => sub {
    my (%id, @fields);
    for my $panel (@{ $dashboard->{panels} }) {
        ok(!$id{ $panel->{id} }++, "$panel->{title}: an id of its own");
        my ($x, $y, $w, $h) = @{ $panel->{gridPos} }{qw(x y w h)};
        cmp_ok($x + $w, '<=', 24, '... within the page');
        my @over = grep { $x < $_->[0] + $_->[2] && $_->[0] < $x + $w && $y < $_->[1] + $_->[3] && $_->[1] < $y + $h } @fields;
        is(scalar @over, 0, '... on no other');
        push @fields, [$x, $y, $w, $h];
    }
};

my $rules = YAML::PP->new->load_file("$folder/s3-proxy.rules.yml");
my @rules = map { @{ $_->{rules} } } @{ $rules->{groups} };
my %in_rules = metrics(map { $_->{expr} } @rules);
is_deeply([grep { !$told{$_} } sort keys %in_rules], [], 'alerts ask for what there is');
for my $rule (@rules) {
    my @said = map { $_ // '' } @{ $rule->{annotations} }{qw(summary description)};
    ok(!(grep { $_ eq '' } @said), "$rule->{alert} says what it is");
}
my $tests = YAML::PP->new->load_file("$folder/s3-proxy.test.yml");
my %tested = map { ($_->{alertname} => 1) } grep { @{ $_->{exp_alerts} } } map { @{ $_->{alert_rule_test} } } @{ $tests->{tests} };
is_deeply([sort keys %tested], [sort map { $_->{alert} } @rules], 'each alert is seen to fire');

SKIP: {
    skip 'promtool is not installed (Debian: prometheus)', 4 if !-x '/usr/bin/promtool';
    for my $command ([qw(check config prometheus.yml)], [qw(check rules s3-proxy.rules.yml)], [qw(test rules s3-proxy.test.yml)]) {
        my ($output, $status) = run_command('sh', '-c', 'cd "$0" && exec promtool "$@" 2>&1', $folder, @$command);
        is($status, 0, "promtool @$command") or diag($output);
    }
    # As rules, since promtool parses those; Grafana's own variables stand for durations.
    my @expressions = map { s/\$__(?:rate_)?interval/5m/gr } grep { !/^label_values/ } @asked;
    my $number = 0;
    my $file = File::Temp->new(SUFFIX => '.yml');
    print {$file} encode_json({ groups => [{ name => 'dashboard', rules => [map { { record => 'a:' . $number++, expr => $_ } } @expressions] }] });
    close $file;
    my ($output, $status) = run_command('sh', '-c', 'exec promtool check rules "$0" 2>&1', "$file");
    is($status, 0, 'expressions of the dashboard') or diag($output);
}

done_testing;

sub read_file ($name) {
    open my $file, '<', $name or die "$name: $!";
    local $/;
    return <$file>;
}

# Names of metrics in expressions; those of a histogram's parts are its own.
sub metrics (@expressions) {
    return map { (s/_(?:bucket|sum|count)\z//r => 1) } map { /\b(s3_\w+)(?=[\{\[ ,)]|\z)/g } map { s/"[^"]*"//gr } @expressions;
}
