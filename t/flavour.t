# Tests for a module that the wrong nginx has loaded: version and signature are equal, OpenResty's structures are not.

use v5.36;
use lib 't/lib';
use S3Proxy::Client qw(run_command);
use S3Proxy::Setup;
use S3Proxy::Test;

# What tells OpenResty's nginx at run time is a symbol that it exports; here a library brings it.
our $library;

BEGIN {
    require File::Temp;
    my $folder = File::Temp::tempdir(CLEANUP => 1);
    $library = "$folder/openresty.so";
    open my $source, '>', "$folder/openresty.c" or die "$folder: $!\n";
    print {$source} "void *ngx_posted_delayed_events[2];\n";
    close $source or die "$folder: $!\n";
    my ($said, $status) = run_command('cc', '-shared', '-fPIC', '-o', $library, "$folder/openresty.c");
    die "cc: $said\n" if !-e $library;
}

default_sections(http_config => http_config(), config => config(), origins => $ORIGINS);

run_tests();

__DATA__

=== TEST 1: the nginx that it was built for
--- nginx_conf_ok: syntax is ok

=== TEST 2: OpenResty
--- skip_eval: it is OpenResty: S3Proxy::Nginx::is_openresty()
--- env eval: "LD_PRELOAD=$::library\n"
--- nginx_conf_fails: built for nginx and cannot run in OpenResty, whose structures differ
