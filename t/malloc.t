# Tests for s3_malloc_keep: workers keep free memory from request to request, or give it back.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(
    http_config => clients() . origin_blocks() . upstream(),
    # Some 164k come and go with each upload at the end of the heap; blocks of 128k and more would be the kernel's anyway.
    config  => config(location => 'client_body_buffer_size 100k; proxy_buffer_size 64k; proxy_buffers 8 64k;'),
    origins => $ORIGINS,
    s3_sign => $CLIENT,
    request => 'GET /bucket/key',
    fresh   => '',
);

# Valgrind and sanitizers bring a malloc of their own.
our $plain = !$ENV{TEST_NGINX_WRAPPER} && !$ENV{ASAN_OPTIONS};

# Pages that the kernel gave the worker anew in 20 uploads, after others that filled its caches.
sub main::faults ($t) {
    my ($worker) = $t->nginx->workers;
    my $count = sub () {
        open my $file, '<', "/proc/$worker/stat" or die "/proc/$worker/stat: $!\n";
        return (split / /, <$file> =~ s/^.*\) //r)[7];
    };
    $t->send(request => 'PUT /bucket/key', request_body_size => 99000) for 1 .. 10;
    my $before = $count->();
    main::is($t->send(request => 'PUT /bucket/key', request_body_size => 99000)->{status}, 200, 'served') for 1 .. 20;
    return $count->() - $before;
}

run_tests();

__DATA__

=== TEST 1: on, which is the default
--- error_code: 200
--- code
cmp_ok(::faults($t), '<', 10, 'memory stays') if $::plain;

=== TEST 2: off
--- http_config eval: 's3_malloc_keep off; ' . ::clients() . ::origin_blocks() . ::upstream()
--- error_code: 200
--- code
cmp_ok(::faults($t), '>=', 20, 'memory goes and comes') if $::plain;
