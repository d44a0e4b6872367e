package S3Proxy::Children;

# The processes that a test of real clients starts: servers that say "listening …" when they do, and commands that print TAP,
# several at once, whose lines become tests of the file that runs them. All of them end with the test.
#
#     my $children = S3Proxy::Children->new($dir);
#     my $address = $children->start('s3s', { TEST_ORIGIN_SECRET => … }, @command);
#     $children->run_tap({ name => 'boto3-http', command => [@command], env => { … } }, …);

use v5.36;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use POSIX qw(WNOHANG);
use S3Proxy::Client qw(run_command);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(chosen last_lines slurp test_origin);

my $ROOT = abs_path(dirname(__FILE__) . '/../../..');

# Output of the children goes to files in $dir.
sub new ($class, $dir) {
    return bless { dir => $dir, owner => $$, running => {}, servers => {} }, $class;
}

# Starts a server and waits for its line; returns what follows "listening".
sub start ($self, $name, $env, @command) {
    my $errors = "$self->{dir}/$name.err";
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        @ENV{ keys %$env } = values %$env;
        open STDERR, '>', $errors;
        exec @command or POSIX::_exit(127);
    }
    # The end of its output stays open: closing it would wait for the process.
    $self->{servers}{$name} = [$pid, $out];
    local $SIG{ALRM} = sub { die "$name did not start within 30 s\n" };
    alarm 30;
    my $line = <$out> // '';
    alarm 0;
    $line =~ /^listening\b ?(.*)/ or die "$name did not start: $line" . slurp($errors) . "\n";
    return $1;
}

# Ends a server, if it runs.
sub end ($self, $name) {
    my ($pid, $out) = @{ delete $self->{servers}{$name} // return };
    kill 'TERM', $pid;
    close $out;
    return;
}

# Runs commands, TEST_JOBS (2) at once, and reports each as it ends. A run has a name, a command and its environment; `where`
# stands before the labels of its tests; `failed` is called with the run after one that did not pass.
sub run_tap ($self, @runs) {
    my ($jobs, $running) = ($ENV{TEST_JOBS} || 2, $self->{running});
    while (@runs || %$running) {
        while (@runs && keys %$running < $jobs) {
            my $run = shift @runs;
            $running->{ $self->fork_tap($run) } = $run;
        }
        sleep 0.02;
        for my $pid (sort { $a <=> $b } keys %$running) {
            next if waitpid($pid, WNOHANG) != $pid;
            $self->report(delete $running->{$pid}, $? >> 8 || $? & 127);
        }
    }
    return;
}

sub fork_tap ($self, $run) {
    @$run{qw(at file)} = (time, "$self->{dir}/$run->{name}.tap");
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        @ENV{ keys %{ $run->{env} } } = values %{ $run->{env} };
        open STDOUT, '>', $run->{file};
        open STDERR, '>&', \*STDOUT;
        exec @{ $run->{command} } or POSIX::_exit(127);
    }
    return $pid;
}

# Turns what a command printed into tests.
sub report ($self, $run, $exit) {
    my ($planned, $seen, $failed) = (-1, 0, 0);
    my $where = $run->{where} ? "$run->{where}, " : '';
    my $say = \&diag;    # where comments belong that follow a line
    for my $line (split /\n/, slurp($run->{file})) {
        if ($line =~ /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO) (.*))?$/) {
            my ($bad, $label, $directive, $reason) = ($1, "$where$2", $3 // '', $4);
            $seen++;
            $say = $directive ? \&note : \&diag;
            if ($directive eq 'SKIP') {
                SKIP: { skip "$label: $reason", 1 }
                next;
            }
            local our $TODO = $directive eq 'TODO' ? $reason : undef;
            ok !$bad, $label;
            $failed++ if $bad && !$TODO;
        } elsif ($line =~ /^1\.\.(\d+)$/) {
            $planned = $1;
        } else {
            $say->($line =~ s/^# //r);
        }
    }
    is $seen, $planned, "$where$run->{name}: everything was tried" or $failed++;
    note sprintf '%s took %.1f s, exit status %d', $run->{name}, time - $run->{at}, $exit;
    $run->{failed}->($run) if $failed && $run->{failed};
    return;
}

# Ends what still runs.
sub stop ($self) {
    return if $$ != $self->{owner};
    local $?;
    my @pids = keys %{ $self->{running} };
    kill 'TERM', @pids;
    waitpid $_, 0 for @pids;
    $self->{running} = {};
    $self->end($_) for keys %{ $self->{servers} };
    return;
}

sub DESTROY ($self) {
    $self->stop;
    return;
}

# Path of the embedded origin, built if need be.
sub test_origin () {
    return $ENV{TEST_ORIGIN_BINARY} if $ENV{TEST_ORIGIN_BINARY};
    # Limited, since another cargo may hold the lock of the target directory for as long as it builds.
    my ($text, $exit) = run_command('timeout', 1200, 'cargo', 'build', '--quiet', '--manifest-path',
        "$ROOT/Cargo.toml", '-p', 'test-origin');
    die "cargo build -p test-origin: exit status $exit $text\n" if $exit;
    return ($ENV{CARGO_TARGET_DIR} // "$ROOT/target") . '/debug/test-origin';
}

# The words of an environment variable, each of which must be one of those given; without it, all of them.
sub chosen ($name, @all) {
    my @words = split ' ', $ENV{$name} // '' or return @all;
    for my $word (@words) {
        die "$name: no \"$word\" among @all\n" if !grep { $_ eq $word } @all;
    }
    return @words;
}

sub last_lines ($count, @lines) {
    return @lines > $count ? @lines[-$count .. -1] : @lines;
}

# What is in a file; nothing if there is none.
sub slurp ($path) {
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

1;
