# Tests for clients with a root at an origin that keeps what it gets (test-origin): what two tenants of one bucket, and whoever has no
# root, see of one another.

use v5.36;
use lib 't/lib';
use File::Temp ();
use S3Proxy::Children qw(test_origin);
use S3Proxy::Ports;
use S3Proxy::Setup;
use S3Proxy::Test;

my $dir = File::Temp->newdir;
my $children = S3Proxy::Children->new("$dir");
my $port = S3Proxy::Ports::port('STORE');
my ($address) = $children->start('store', { TEST_ORIGIN_SECRET => 'origin-b/Secret+Key=' }, test_origin(), '--listen', "127.0.0.1:$port",
    '--access-key', 'AKIDORIGINB', '--secret-key', 'env:TEST_ORIGIN_SECRET', '--region', 'eu-west-1', '--create-bucket', 'shared-media',
    '--root', "$dir/store") =~ /(\S+)$/;

our $a = 'AKIDTENANTA tenant-a-secret';
our $b = 'AKIDTENANTB tenant-b-secret';

default_sections(
    http_config => <<"EOF2",
s3_clients apps { file %%SERVROOT%%/clients.json; key $CLIENT; domain s3.lan; }
s3_origin b { endpoint http://$address; region eu-west-1; key AKIDORIGINB origin-b/Secret+Key=; bucket media shared-media; }
upstream s3 { server $address; }
EOF2
    config  => config(),
    files   => <<'EOF2',
>>> clients.json 0600
{"clients": [
  {"access_key": "AKIDTENANTA", "secret_key": "tenant-a-secret", "root": "tenants/a/"},
  {"access_key": "AKIDTENANTB", "secret_key": "tenant-b-secret", "root": "tenants/b/"}
]}
EOF2
    more_headers => 'Host: s3.lan',
);

# Sends as a client, and gives status and body.
sub main::ask ($t, $client, $request, %more) {
    my $response = $t->send(request => $request, s3_sign => $client, %more);
    return ($response->{status}, $response->{body});
}

# The keys, and the common prefixes, of a list.
sub main::keys_of ($t, $client, $query = '', %more) {
    my ($status, $body) = ask($t, $client, "GET /media?$query", %more);
    return $status == 200 ? join ' ', $body =~ m{<(?:Key|CommonPrefixes><Prefix)>([^<]*)<}g : "$status $body";
}

run_tests();

__DATA__

=== TEST 1: two tenants of one bucket
--- code
for my $client ($::a, $::b, $S3Proxy::Setup::CLIENT) {
    my ($name) = $client =~ /(\w+)/;
    is((::ask($t, $client, "PUT /media/$_\nof $name"))[0], 200, "$name: PUT $_") for 'k', 'dir/one%20k', 'dir/two';
}
is((::ask($t, $S3Proxy::Setup::CLIENT, "PUT /media/tenants/c/k\nof another"))[0], 200, 'a third, by hand');
is((::ask($t, $_, 'GET /media/k'))[1], 'of ' . s/ .*//r, "$_: its own") for $::a, $::b, $S3Proxy::Setup::CLIENT;
is((::ask($t, $S3Proxy::Setup::CLIENT, 'GET /media/tenants/a/dir/two'))[1], 'of AKIDTENANTA', 'where it lies');
is((::ask($t, $::a, 'GET /media/tenants/a/k'))[0], 404, 'not by that name');
is((::ask($t, $::a, 'GET /media/k', more_headers => "Host: s3.lan\nRange: bytes=3-6"))[1], 'AKID', 'a range');
is((::ask($t, $::a, 'HEAD /media/k'))[0], 200, 'HEAD');
is((::ask($t, "$::a presign=900", 'GET /media/k'))[1], 'of AKIDTENANTA', 'presigned');
is((::ask($t, $::a, 'GET /k', more_headers => 'Host: media.s3.lan'))[1], 'of AKIDTENANTA', 'with the bucket in the host');

is(::keys_of($t, $::a), 'dir/one k dir/two k', 'a list');
is(::keys_of($t, $::b, 'list-type=2&prefix=dir%2F'), 'dir/one k dir/two', 'with a prefix');
is(::keys_of($t, $::a, 'delimiter=%2F&list-type=2'), 'k dir/', 'with a delimiter');
is(::keys_of($t, $::a, 'list-type=2&start-after=dir%2Fone%20k'), 'dir/two k', 'after a key');
is(::keys_of($t, $::a, 'list-type=2&encoding-type=url'), 'dir/one%20k dir/two k', 'encoded');
is(::keys_of($t, $::a, 'prefix=tenants%2F'), '', 'of what others have');
is(::keys_of($t, $::a, 'marker=dir%2Ftwo'), 'k', 'after a marker');
unlike((::ask($t, $::a, 'GET /media?list-type=2'))[1], qr/tenants|shared/, 'nothing of the root, nor of the bucket');
like(::keys_of($t, $S3Proxy::Setup::CLIENT), qr{^dir/one k dir/two k tenants/a/dir/one k .* tenants/c/k$}, 'whoever has no root sees all');

=== TEST 2: copies, uploads in parts, deletion
--- code
my $copy = sub ($client, $source) {
    return (::ask($t, $client, "PUT /media/copy\n", more_headers => "Host: s3.lan\nx-amz-copy-source: $source"))[0];
};
is($copy->($::a, '/media/dir/one%20k'), 200, 'a copy of its own');
is((::ask($t, $::a, 'GET /media/copy'))[1], 'of AKIDTENANTA', 'which it can read');
is($copy->($::b, '/media/tenants/a/k'), 404, "not of another's");
is($copy->($::b, '/media/../a/k'), 403, 'by no way');

my ($status, $began) = ::ask($t, $::a, "POST /media/large?uploads\n");
is($status, 200, 'an upload is begun');
like($began, qr{<Key>large</Key>}, 'by its own name');
my ($id) = $began =~ m{<UploadId>([^<]+)};
my $part = $t->send(request => "PUT /media/large?partNumber=1&uploadId=$id\npart one", s3_sign => $::a);
is($part->{status}, 200, 'a part');
my ($etag) = $part->{head} =~ /^ETag: "?([^"\r]+)/mi;
like((::ask($t, $::a, "GET /media/large?uploadId=$id"))[1], qr{<Key>large</Key>}, 'ListParts');
my ($completed, $result) = ::ask($t, $::a, "POST /media/large?uploadId=$id\n<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;$etag&quot;</ETag></Part></CompleteMultipartUpload>");
is($completed, 200, 'completed') or diag($result);
like($result, qr{<Key>large</Key>}, 'by its own name');
is((::ask($t, $::a, 'GET /media/large'))[1], 'part one', 'the object');

my $delete = "POST /media?delete\n<Delete><Object><Key>k</Key></Object><Object><Key>dir/one k</Key></Object></Delete>";
my ($deleted, $list) = ::ask($t, $::a, $delete);
is($deleted, 200, 'DeleteObjects') or diag($list);
like($list, qr{<Key>k</Key>.*<Key>dir/one k</Key>}s, 'in its own words');
is(::keys_of($t, $::a), 'copy dir/two large', 'what is left');
is(::keys_of($t, $::b), 'dir/one k dir/two k', 'of another, all');
is((::ask($t, $::b, 'DELETE /media/k'))[0], 204, 'DELETE');
is((::ask($t, $S3Proxy::Setup::CLIENT, 'GET /media/k'))[1], 'of AKIDCLIENT', 'of whoever has no root, all');
