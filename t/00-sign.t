# Tests for the tests' own signer, S3Proxy::Sign, against the published vectors:
# what it makes and refuses is the measure for the module in all other files.

use v5.36;
use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use S3Proxy::Http qw(parse_head);
use S3Proxy::Sign qw(canonical_path canonical_query canonical_request sign signing_key string_to_sign);
use S3Proxy::Sign::Chunked qw(checksum decode encode);
use S3Proxy::Sign::V2;
use S3Proxy::Sign::Verify qw(verify);
use Test::More;

my $vectors = do {
    open my $file, '<:raw', 'crates/sigv4/tests/vectors.json' or die "vectors.json: $!";
    local $/;
    JSON::PP->new->latin1->decode(<$file>);
};
my %vector = map { $_->{id} => $_ } @{ $vectors->{vectors} };
is(scalar keys %vector, 41, 'all vectors are read');

for my $v (grep { !$_->{kind} } @{ $vectors->{vectors} }) {
    my ($path, $query) = split /\?/, $v->{target}, 2;
    my $canonical = canonical_request(
        method => $v->{method}, path => canonical_path($path), query => canonical_query($query),
        headers => $v->{headers}, signed => $v->{signed_headers}, payload => $v->{payload_hash},
    );
    is($canonical, $v->{canonical_request}, "$v->{id}: canonical request");
    is(string_to_sign('AWS4-HMAC-SHA256', $v->{timestamp}, $v->{scope}, $canonical),
        $v->{string_to_sign}, "$v->{id}: string to sign");
    is(unpack('H*', signing_key($v->{secret_key}, split m{/}, $v->{scope})),
        $v->{signing_key_hex}, "$v->{id}: signing key");

    # The whole signer, with its own choice of what to sign where that agrees.
    my $presigned = $v->{target} =~ /X-Amz-Algorithm/;
    my %option = (
        key => $v->{access_key}, secret => $v->{secret_key}, region => $v->{region}, service => $v->{service},
        date => $v->{timestamp}, signed_headers => $v->{signed_headers}, payload_line => $v->{payload_hash},
    );
    my %request = (method => $v->{method}, target => $v->{target},
        headers => [grep { $_->[0] !~ /^x-amz-date$/i } @{ $v->{headers} }]);
    if ($presigned) {
        my ($plain, %auth) = _split_presigned($v->{target});
        @request{qw(target)} = ($plain);
        $option{presign} = $auth{'X-Amz-Expires'};
        $option{token} = $auth{'X-Amz-Security-Token'};
    }
    my $made = sign(\%request, %option);
    is($made->{signature}, $v->{signature}, "$v->{id}: signature");
    is($request{target}, $v->{signed_target}, "$v->{id}: target") if $presigned;
    is($request{headers}[-1][1], $v->{authorization}, "$v->{id}: Authorization") if $v->{authorization};
}

for my $v (grep { ($_->{kind} // '') eq 'sigv2' } @{ $vectors->{vectors} }) {
    is(S3Proxy::Sign::V2::signature($v->{secret_key}, $v->{string_to_sign}), $v->{signature}, "$v->{id}: V2 signature");
}
my %v2 = (
    V2a => [GET => '/photos/puppy.jpg', 'awsexamplebucket1', 'Tue, 27 Mar 2007 19:36:42 +0000'],
    V2c => [GET => '/?prefix=photos&max-keys=50&marker=puppy', 'awsexamplebucket1', 'Tue, 27 Mar 2007 19:42:41 +0000'],
    V2d => [GET => '/?acl', 'awsexamplebucket1', 'Tue, 27 Mar 2007 19:44:46 +0000'],
    V2e => [GET => '/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re', undef, 'Wed, 28 Mar 2007 01:49:49 +0000'],
);
for my $id (sort keys %v2) {
    my ($method, $target, $bucket, $date) = @{ $v2{$id} };
    my %request = (method => $method, target => $target, headers => [[Host => 'x']]);
    my $made = sign(\%request, v2 => 1, key => $vector{$id}{access_key}, secret => $vector{$id}{secret_key},
        bucket => $bucket, date => $date);
    is($made->{string_to_sign}, $vector{$id}{string_to_sign}, "$id: V2 string to sign");
    like($request{headers}[-1][1], qr/:\Q$vector{$id}{signature}\E\z/, "$id: V2 Authorization");
}
{
    my $v = $vector{V2f};
    my %request = (method => 'GET', target => '/photos/puppy.jpg', headers => []);
    sign(\%request, v2 => 1, key => $v->{access_key}, secret => $v->{secret_key}, bucket => 'johnsmith',
        presign => '@1175139620');
    like($request{target}, qr{\A/photos/puppy\.jpg\?AWSAccessKeyId=\w+&Expires=1175139620&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D\z},
        'V2f: presigned target');
}

# aws-chunked, both ways.
my %data = (A6 => 'a' x 66560, A7 => 'a' x 66560, B11 => 'A' x 8192 . 'B' x 8192 . 'tail');
$data{B12} = $data{R5} = $data{R6} = $data{B11};
for my $id (sort keys %data) {
    my $v = $vector{$id};
    my %signed = (signature => $v->{signature}, date => $v->{timestamp}, scope => $v->{scope},
        signing_key => pack 'H*', $v->{signing_key_hex});
    my $chunk = hex $v->{chunks}[0]{size_hex};
    my $body = encode($data{$id}, chunk => $chunk, signed => \%signed, trailers => $v->{trailers});
    is(sha256_hex($body), $v->{encoded_sha256}, "$id: chunked body");
    my @decode = (signed => \%signed, announced => join(',', map { $_->[0] } @{ $v->{trailers} // [] }));
    my ($data, $fault) = decode($body, @decode, length => length $data{$id});
    is($fault, undef, "$id: decode accepts it");
    is($data, $data{$id}, "$id: decode gives the data back");
    my @signatures = $body =~ /signature[=:]([0-9a-f]{64})/g;
    for (@signatures) {
        my $wrong = $body =~ s/$_/reverse $_/er;
        isnt((decode($wrong, @decode))[1], undef, "$id: decode refuses another signature");
    }
    isnt((decode($body =~ s/\r\n0;.*//sr, @decode))[1], undef, "$id: decode refuses a missing last chunk");
    isnt((decode($body, @decode, length => 1))[1], undef, "$id: decode refuses another length");
}
is(checksum('x-amz-checksum-crc64nvme', $data{B11}), '8/XvYlvISr4=', 'crc64nvme');
is(checksum('x-amz-checksum-crc32c', $data{A7}), 'sOO8/Q==', 'crc32c');
is(checksum('x-amz-checksum-crc32', 'The quick brown fox jumps over the lazy dog'), 'QU+jOQ==', 'crc32');
is(encode('The quick brown fox jumps over the lazy dog', trailers => [['x-amz-checksum-crc32', 'QU+jOQ==']]),
    decode_base64($vector{B10}{body_base64}), 'B10: unsigned trailer');

# The judge of the origins: a right request, and each nearest wrong one.
my @origin = (key => 'KEY', secret => 'SECRET', region => 'eu-west-1');
sub request (%change) {
    my %request = (method => 'PUT', target => '/b/k%20y?a=1&b', body => 'hello',
        headers => [[Host => 'h:1'], ['x-amz-acl' => 'private'], ['Content-Type' => 'text/plain']]);
    sign(\%request, key => 'KEY', secret => 'SECRET', region => 'eu-west-1', %change);
    return \%request;
}
sub verdict ($request) { return (verify($request, @origin, body => $request->{body}) // { code => 'ok' })->{code} }
is(verdict(request()), 'ok', 'judge: a right request');
is(verdict(request(payload => 'unsigned')), 'ok', 'judge: unsigned payload');
is(verdict(request(secret => 'OTHER')), 'SignatureDoesNotMatch', 'judge: wrong secret');
is(verdict(request(key => 'OTHER')), 'InvalidAccessKeyId', 'judge: another key');
is(verdict(request(region => 'us-east-1')), 'AuthorizationHeaderMalformed', 'judge: another region');
is(verdict(request(service => 'sts')), 'AuthorizationHeaderMalformed', 'judge: another service');
is(verdict(request(date => -905)), 'RequestTimeTooSkewed', 'judge: old');
is(verdict(request(unsigned => 'x-amz-acl')), 'AccessDenied', 'judge: an unsigned x-amz- header');
is(verdict(request(unsigned => 'host')), 'AccessDenied', 'judge: unsigned Host');
is(verdict(request(scope_date => '20200101')), 'AuthorizationHeaderMalformed', 'judge: another day in the scope');
my %edit = (
    'another method' => sub ($r) { $r->{method} = 'POST' },
    'another path' => sub ($r) { $r->{target} =~ s/k/K/ },
    'another query' => sub ($r) { $r->{target} .= '&c' },
    'another Host' => sub ($r) { $r->{headers}[0][1] = 'h:2' },
    'a signed header changed' => sub ($r) { $r->{headers}[2][1] = 'x' },
    'a signed header gone' => sub ($r) { splice @{ $r->{headers} }, 2, 1 },
);
for (sort keys %edit) {
    my $request = request();
    $edit{$_}->($request);
    is(verdict($request), 'SignatureDoesNotMatch', "judge: $_");
}
{
    my $request = request();
    $request->{body} = 'hellO';
    is(verdict($request), 'XAmzContentSHA256Mismatch', 'judge: another body');
    $request = request();
    push @{ $request->{headers} }, ['x-amz-tagging' => 'a=b'];
    is(verdict($request), 'AccessDenied', 'judge: a header added');
    $request = request();
    push @{ $request->{headers} }, [Authorization => 'AWS4-HMAC-SHA256 x'];
    is(verdict($request), 'InvalidArgument', 'judge: two Authorization headers');
    pop @{ $request->{headers} } for 1 .. 2;
    is(verdict($request), 'InvalidArgument', 'judge: no Authorization header');
    $request = request();
    $request->{target} .= '&X-Amz-Signature=00';
    is(verdict($request), 'InvalidArgument', 'judge: two mechanisms');
}

# Every case of vectors.json whose decision is the head's alone: the judge and
# the cases agree about what a signature covers (in the cases' own time).
{
    my %agree;
    for my $case (@{ $vectors->{cases} }) {
        my ($authorization) = S3Proxy::Sign::header_values($case->{headers}, 'authorization');
        next if ($authorization // '') !~ /^AWS4-HMAC-SHA256 Credential=CLIENTKEY1EXAMPLE00\/20260315\/us-east-1\/s3\//;
        next if $case->{now} ne '20260315T120000Z' || ($case->{expect}{code} // '') !~ /^(?:|SignatureDoesNotMatch)$/;
        next if defined $case->{body_base64};
        my %client = (%{ $vectors->{credentials}{client} }, region => 'us-east-1');
        my $fault = _at_case_time(sub {
            verify($case, key => $client{access_key}, secret => $client{secret_key}, region => 'us-east-1');
        });
        next if $fault && $fault->{code} eq 'InvalidArgument';
        my $expected = $case->{expect}{code} // 'ok';
        # Stricter or laxer on purpose: these forms never leave a re-signing proxy.
        next if $case->{id} =~ /^T00[34]$|^T048$/ || $fault && $fault->{code} eq 'AuthorizationHeaderMalformed';
        $agree{$expected}++;
        is($fault ? $fault->{code} : 'ok', $expected, "$case->{id}: $case->{title}");
    }
    cmp_ok($agree{ok}, '>=', 15, 'accepted cases were judged');
    cmp_ok($agree{SignatureDoesNotMatch}, '>=', 12, 'refused cases were judged');
}

done_testing();

# Verify reads the clock; the cases stand still at 20260315T120000Z.
sub _at_case_time ($code) {
    local $S3Proxy::Sign::Verify::NOW = 1773576000;
    return $code->();
}

sub _split_presigned ($target) {
    my ($path, $query) = split /\?/, $target, 2;
    my (%auth, @plain);
    for (split /&/, $query) {
        my ($name, $value) = split /=/, $_, 2;
        $name =~ /^X-Amz-(?:Algorithm|Credential|Date|Expires|SignedHeaders|Security-Token)$/
            ? $auth{$name} = S3Proxy::Sign::uri_decode($value)
            : push @plain, $_;
    }
    return ($path . (@plain ? '?' . join('&', @plain) : ''), %auth);
}
