# Tests for keys that break signatures: blanks, plus signs, escapes, dots,
# slashes, other alphabets, long ones. Verifier and origin must agree on one
# key, and the origin gets its canonical spelling.

use v5.36;
use lib 't/lib';
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(http_config => http_config(), config => config(), origins => $ORIGINS, s3_sign => $CLIENT);

our $client = $CLIENT;

# [what the client sends, what the origin gets] (the same if only one).
our @keys = (
    ['/bucket/plain'], ['/bucket/a%20b'], ['/bucket/a%2Bb'], ['/bucket/a+b', '/bucket/a%20b'],
    ['/bucket/dir%2Ffile', '/bucket/dir/file'], ['/bucket/dir%2ffile', '/bucket/dir/file'],
    ['/bucket/%E2%82%AC'], ['/bucket/%e2%82%ac', '/bucket/%E2%82%AC'], ["/bucket/\xe2\x82\xac", '/bucket/%E2%82%AC'],
    ['/bucket/%FF%FE'],
    ['/bucket//x'], ['/bucket///x//'], ['/bucket//'],
    ['/bucket/./x'], ['/bucket/a/../b'], ['/bucket/a/..'], ['/bucket/a/.'], ['/bucket/...'],
    ['/bucket/%2E%2E/x', '/bucket/../x'], ['/bucket/%2e/x', '/bucket/./x'],
    ['/bucket/~x'], ['/bucket/%7Ex', '/bucket/~x'], ['/bucket/%41', '/bucket/A'],
    ['/bucket/a=b', '/bucket/a%3Db'], ['/bucket/a@b', '/bucket/a%40b'], ['/bucket/$x', '/bucket/%24x'],
    ['/bucket/a:b,c;d&e', '/bucket/a%3Ab%2Cc%3Bd%26e'], ["/bucket/(a)!*'", '/bucket/%28a%29%21%2A%27'],
    ['/bucket/a%3Fb'], ['/bucket/a%23b'], ['/bucket/100%25'], ['/bucket/%2525'], ['/bucket/a%5Cb'],
    ['/bucket/a\\b', '/bucket/a%5Cb'], ['/bucket/a"b', '/bucket/a%22b'], ['/bucket/<x>', '/bucket/%3Cx%3E'],
    ['/bucket/[x]{y}|^`', '/bucket/%5Bx%5D%7By%7D%7C%5E%60'], ['/bucket/%0A%0D%09'],
    ['/bucket/_-.'], ['/bucket/dir/'], ['/bucket'], ['/bucket/'], ['/'],
    ['/bucket/' . 'k' x 1024], ['/bucket/' . '%E2%82%AC' x 341],
);

# The same for queries.
our @queries = (
    ['/b?list-type=2&prefix=a%2Fb&delimiter=%2F', '/b?delimiter=%2F&list-type=2&prefix=a%2Fb'],
    ['/b?prefix=a+b', '/b?prefix=a%20b'], ['/b?prefix=a%20b'], ['/b?prefix=a%2Bb'],
    ['/b?prefix=/x:y@', '/b?prefix=%2Fx%3Ay%40'], ['/b?prefix=%e2%82%ac', '/b?prefix=%E2%82%AC'],
    ['/b/k?acl', '/b/k?acl='], ['/b/k?acl=', '/b/k?acl='], ['/b/k?uploads&', '/b/k?uploads='],
    ['/b?a=b=c', '/b?a=b%3Dc'], ['/b?a=b;c', '/b?a=b%3Bc'], ['/b?a=?', '/b?a=%3F'], ['/b/k?', '/b/k'],
    ['/b?%70refix=x', '/b?prefix=x'], ['/b?b=1&a=2&C=3', '/b?C=3&a=2&b=1'], ["/b?prefix=\xc3\xa9", '/b?prefix=%C3%A9'],
);

sub main::requests_of ($method, @list) { return [map { "$method $_->[0]" } @list] }

sub main::check_targets ($t, @list) {
    my @received = $t->received('b');
    is(scalar @received, scalar @list, 'all arrive');
    for my $index (0 .. $#list) {
        my ($sent, $expected) = @{ $list[$index] };
        is($received[$index]{target}, $expected // $sent, "$sent arrives as it should");
    }
    return;
}

run_tests();

__DATA__

=== TEST 1: GET
--- request eval: ::requests_of('GET', @::keys)
--- error_code: 200
--- code: check_targets($t, @::keys)

=== TEST 2: PUT
--- request eval: ::requests_of('PUT', @::keys)
--- error_code: 200
--- code: check_targets($t, @::keys)

=== TEST 3: presigned
--- s3_sign eval: "$::client presign=900"
--- request eval: ::requests_of('GET', @::keys)
--- error_code: 200
--- code: check_targets($t, @::keys)

=== TEST 4: queries
--- request eval: ::requests_of('GET', @::queries)
--- error_code: 200
--- code: check_targets($t, @::queries)

=== TEST 5: merge_slashes on makes no difference
--- config eval: ::config(server => 'merge_slashes on;')
--- request eval: ["GET /bucket//x", "GET /bucket/a//../b"]
--- error_code: 200
--- code: check_targets($t, ['/bucket//x'], ['/bucket/a//../b'])

=== TEST 6: a failover signs the same key for the other origin
--- origins eval: $S3Proxy::Setup::ORIGINS =~ s/^b: .*/b: refuse/mr
--- request eval: ::requests_of('GET', @::keys[0 .. 12])
--- error_code: 200
--- origin_count: a=13

=== TEST 7: a client that signed what S3 does not mean
--- request eval: ["GET /bucket/a+b", "GET /bucket/a=b", "GET /bucket/%e2%82%ac", "GET /bucket/a%20b"]
--- s3_sign eval: [map { "$::client canonical_path=$_" } '/bucket/a%2Bb', '/bucket/a=b', '/bucket/%e2%82%ac', '/bucket/a%2520b']
--- s3_error: 403 SignatureDoesNotMatch
--- origin_count: b=0

=== TEST 8: a path tidied on the way
--- request eval: ["GET /bucket//x", "GET /bucket/a/../b", "GET /bucket/./x"]
--- tamper eval: ['s!//x!/x!', 's!/a/..!!', 's!/\./x!/x!']
--- s3_error: 403 SignatureDoesNotMatch
--- origin_count: b=0

=== TEST 9: 1025 bytes, also as escapes
--- request eval: ["GET /bucket/" . 'k' x 1025, "PUT /bucket/" . '%E2%82%AC' x 342]
--- s3_error: 400 KeyTooLongError
--- origin_count: b=0

=== TEST 10: NUL and broken escapes are nobody's key
--- request eval: ["GET /bucket/a%00b", "GET /bucket/a%zz", "GET /bucket/a%4"]
--- error_code: 400
--- origin_count: b=0

=== TEST 11: an escaped slash cannot move the end of the bucket
--- request: GET /bucket%2Fkey/x
--- s3_error: 400 InvalidURI
--- origin_count: b=0

=== TEST 12: dots that would leave the root
--- request eval: ["GET /bucket/../../x", "GET /../x"]
--- error_code: 400
--- origin_count: b=0
