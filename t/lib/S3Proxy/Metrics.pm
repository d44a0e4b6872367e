# Metrics as those read them who collect such: the parsers of Prometheus's client for Python, and promtool where it is installed.
package S3Proxy::Metrics;

use v5.36;
use Exporter qw(import);
use File::Temp ();
use S3Proxy::Client qw(run_command);
use Test::More;

our @EXPORT_OK = qw(check names);

# Debian's Python, which has Debian's package. Prints the families, and fails where the text is not of the form.
my $READ = <<'EOF';
import sys
if sys.argv[1] == "openmetrics":
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
else:
    from prometheus_client.parser import text_string_to_metric_families as families
for family in families(open(sys.argv[2]).read()):
    seen = set()
    for sample in family.samples:
        series = (sample.name, tuple(sorted(sample.labels.items())))
        if series in seen:
            sys.exit(f"twice: {series}")
        seen.add(series)
    print(family.name, family.type, family.unit or "-")
EOF

# Asserts that the text is of that form, "text" or "openmetrics". Returns the families, "NAME TYPE UNIT".
sub check ($t, $form, $text) {
    my $file = File::Temp->new;
    print {$file} $text;
    close $file;
    my ($output, $status) = run_command('/usr/bin/python3', '-c', $READ, $form, "$file");
    is($status, 0, "$form can be read") or diag($output);
    if ($form eq 'text' && -x '/usr/bin/promtool') {
        my ($lint, $found) = run_command('sh', '-c', 'exec promtool check metrics <"$0"', "$file");
        is("$found $lint", '0 ', 'promtool has nothing to say');
    }
    return split /\n/, $output;
}

# The metrics in a text of either form, by the names that its samples have; those of a histogram by its own.
sub names ($text) {
    my %name = map { (s/_(?:bucket|sum|count)$//r => 1) } $text =~ /^(\w+)(?=[{ ])/mg;
    return sort keys %name;
}

1;
