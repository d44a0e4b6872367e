# Tests for the numbers that README.md's reference prints: what a directive takes from one end of its range to the other, and not beyond;
# and for what it does where it does not stand. Each line here quotes the words that it holds README.md to.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use S3Proxy::Children qw(slurp);
use S3Proxy::Nginx;
use Test::More;

my $README = slurp("$FindBin::Bin/../README.md") =~ s/\s+/ /gr;
my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;

# What README.md says, where it stands, a line with %s for a value, what it takes, what it does not, and what nginx calls that.
for (
    ['How far a request\'s date may be from the clock, up to `1d`', clients => 'clock_skew %s;', '1s 86400s 1d', '0 86401s 25h', '"clock_skew" must be'],
    ['An access key with all rights, of up to 128 visible ASCII characters', clients => 'key %s x;', 'a ' . '~' x 128, 'a/b a,b ' . 'a' x 129, 'must be 1 to 128 visible'],
    ['The largest object or part; 0 for no limit', clients => 'max_object_size %s;', '0 1 5g 9000g', '-1 5t', 'invalid "max_object_size"'],
    ['from 8k to 1g', location => 's3_max_chunk_size %s;', '8k 8192 1g', '8191 1025m', '"s3_max_chunk_size" must be'],
    ['from 1 to 20', location => 's3_explain_mismatch rate=%sr/s;', '1 20', '0 21 -1', '"s3_explain_mismatch" takes'],
    ['Times are from 100ms to 1h', upstream => 's3_probe interval=%s;', '100ms 1h', '99ms 3600001ms', 'invalid parameter "interval='],
    ['Times are from 100ms to 1h', upstream => 's3_probe timeout=%s;', '100ms 1h', '99ms 3600001ms', 'invalid parameter "timeout='],
    ['numbers from 1 to 10', upstream => 's3_probe fall=%s;', '1 10', '0 11', 'invalid parameter "fall='],
    ['numbers from 1 to 10', upstream => 's3_probe rise=%s;', '1 10', '0 11', 'invalid parameter "rise='],
    ['from 10ms to 1h, each worker looks', http => 's3_watch %s;', '10ms 1h off', '9ms 3601s 0', '"s3_watch" must be'],
    ['(1s; from 1ms to 1h)', location => 's3_health b=/x timeout=%s;', '1ms 1h', '0 3601s', 'invalid parameter "timeout='],
    ['128k is the least', http => 's3_status_zone s3:%s;', '128k 1m', '127k 64k', 'too small: 128k at least'],
    ['Letters, digits, `-`, `.`, `_`, `~` and slashes, 256 bytes at most', root => '%s', 'a/ A-0._~/b/ ' . 'x' x 255 . '/', 'x/y /x/ x//y/ ../ a%b/ ' . 'x' x 256 . '/', 'root'],
) {
    my ($words, $place, $line, $taken, $refused, $fault) = @$_;
    ok(index($README, $words) >= 0, "README.md says \"$words\"");
    my $of = sub ($value) { $line =~ s/%s/$value/r };
    for my $value (split ' ', $taken) {
        like(said($place, $of->($value)), qr/test is successful/, short($of->($value)));
    }
    for my $value (split ' ', $refused) {
        like(said($place, $of->($value)), qr/\[emerg\].*\Q$fault\E/, short($of->($value)) . ' is refused');
    }
}

subtest 'sizes of files' => sub {
    my $file = sub ($length) {
        my $client = '{"access_key":"AKID","secret_key":"x"}';
        $nginx->write_file('conf/clients.json', '{"clients":[' . $client . ']' . ' ' x ($length - length($client) - 14) . '}');
        is(-s "$dir/conf/clients.json", $length, "a clients file of $length bytes");
        return said(http => 's3_clients file { file clients.json; }');
    };
    ok(index($README, 'Up to 16 MiB') >= 0, 'README.md says up to 16 MiB');
    like($file->(16 << 20), qr/test is successful/, 'is taken');
    like($file->((16 << 20) + 1), qr/\[emerg\].*clients file .*too large/, 'is refused');
    $nginx->write_file('conf/secret', 'x' x (16 * 1024 + 1));
    ok(index($README, '`file=`*PATH*, up to 16 KiB') >= 0, 'README.md says up to 16 KiB');
    like(said(clients => 'key AKIDFILE file=secret;'), qr/\[emerg\].*"\S*secret" is too large for/, 'one byte more is refused');
    $nginx->write_file('conf/secret', 'x' x (16 * 1024));
    like(said(clients => 'key AKIDFILE file=secret;'), qr/test is successful/, 'that is taken');
};

subtest 'names that are taken' => sub {
    # "No name that authenticates a request or frames its body can be one."
    for (qw(host Authorization date x-amz-date x-amz-content-sha256 x_amz_content_sha256 x-amz-security-token content-length content-md5
        content-encoding transfer-encoding x-amz-decoded-content-length x-amz-trailer expect te connection upgrade)) {
        like(said(clients => "ignore_header $_;"), qr/\[emerg\].*"ignore_header" cannot name "\Q$_\E"/i, "ignore_header $_");
    }
    like(said(clients => 'ignore_header x-amz-acl x-trace;'), qr/test is successful/, 'others');
};

subtest 'mistakes' => sub {
    my $origin = 'endpoint http://h:9; key K S;';
    for (
        [http => "s3_origin o { $origin style dns; }", 'invalid "style" "dns": path or virtual'],
        [http => 's3_origin o { endpoint http://192.0.2.1; key K S; style virtual; }', '"style virtual" needs a name that buckets can stand in front of'],
        [http => "s3_origin o { $origin bucket a* b**; }", 'invalid "bucket" "a*" "b**"'],
        [http => "s3_origin o { $origin bucket A b; bucket a b; }", 'invalid "bucket" "a" "b"'],
        [http => "s3_origin \xff { $origin }", 'name of s3_origin "\\xff" is not UTF-8'],
        [http => 's3_origin o { endpoint ftp://h; key K S; }', 'it must begin with http:// or https://'],
        [clients => 'domain s3.lan; host media.s3.lan;', '"host" "media.s3.lan" is below a "domain", where it is a bucket\'s name'],
        [location => 's3_health b=/x b=/y;', 'duplicate name "b" in "s3_health"'],
        [location => 's3_health b=x;', 'a name, "=" and a URI, or the name of a probed s3_origin'],
        [location => 's3_resign;', 'invalid number of arguments in "s3_resign"'],
        [upstream => 's3_sticky_uploads key new=key;', 'invalid parameter "new=key" of "s3_sticky_uploads"'],
        [upstream => 's3_sticky_uploads key; s3_sticky_uploads key;', '"s3_sticky_uploads" directive is duplicate'],
    ) {
        my ($place, $line, $fault) = @$_;
        like(said($place, $line), qr/\[emerg\].*\Q$fault\E.* in \S+nginx\.conf:\d+/, $line =~ s/[^ -~]/?/gr);
    }
};

done_testing;

sub short ($text) { return length $text > 70 ? substr($text, 0, 67) . '...' : $text }

# What `nginx -t` says of a line in its place.
sub said ($place, $line) {
    my %at = map { $_ => '' } qw(clients http upstream location);
    if ($place eq 'root') {
        $nginx->write_file('conf/root.json', qq({"clients":[{"access_key":"AKIDROOT","secret_key":"x","root":"$line"}]}));
        ($place, $line) = (clients => 'file root.json;');
    }
    $at{$place} = $line;
    my $temp = join '', map { "${_}_temp_path $dir/temp/$_; " } qw(client_body proxy fastcgi uwsgi scgi);
    $nginx->write_file('conf/nginx.conf', join "\n", 'load_module ' . S3Proxy::Nginx::module() . ';', "error_log $dir/logs/error.log;",
        "pid $dir/logs/nginx.pid;", 'events {}', "http { access_log off; $temp", $at{http}, "s3_clients apps { key AKIDAPP x; $at{clients} }",
        's3_origin b { endpoint http://127.0.0.1:9; key K S; }', "upstream s3 { server 127.0.0.1:9; $at{upstream} }",
        'server { listen 127.0.0.1:9999; location / { s3_verify apps; s3_resign on; proxy_pass http://s3; }', "location /other { $at{location} } } }", '');
    my ($text) = $nginx->test_config;
    return $text;
}
