# A server that plays the metadata of an EC2 machine (IMDSv2), with keys of a role that change with each question.
package S3Proxy::Imds;

use v5.36;
use IO::Socket::INET;
use JSON::PP qw(encode_json);
use POSIX qw(_exit strftime);

my @servers;

# Starts one; returns its URL, for AWS_EC2_METADATA_SERVICE_ENDPOINT. The keys are `key`1, `key`2 ..., good for `life` seconds (3600).
sub start ($class, %option) {
    my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16, ReuseAddr => 1) or die "IMDS: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        my $count = 0;
        while (my $client = $server->accept) {
            _serve($client, \$count, %option);
            close $client;
        }
        _exit(0);
    }
    push @servers, $pid;
    return 'http://127.0.0.1:' . $server->sockport;
}

sub _serve ($client, $count, %option) {
    my $line = <$client> // return;
    my $token = '';
    while (defined(my $header = <$client>)) {
        last if $header =~ /^\r?\n/;
        $token = $1 if $header =~ /^x-aws-ec2-metadata-token:\s*(\S+)/i;
    }
    my $answer = sub ($status, $body = '', @headers) {
        print {$client} join "\r\n", "HTTP/1.1 $status -", @headers, 'Content-Length: ' . length $body, 'Connection: close', '', $body;
    };
    return $answer->(200, 'THE-TOKEN', 'x-aws-ec2-metadata-token-ttl-seconds: 21600') if $line =~ m{^PUT /latest/api/token };
    return $answer->(401) if $token ne 'THE-TOKEN';
    return $answer->(200, 'the-role') if $line =~ m{/security-credentials/? };
    return $answer->(404) if $line !~ m{/security-credentials/the-role };
    return $answer->(200, encode_json({ Code => 'Success', Type => 'AWS-HMAC', LastUpdated => '2026-01-01T00:00:00Z',
        AccessKeyId => ($option{key} // 'ASIAMACHINE') . ++$$count, SecretAccessKey => $option{secret} // 'secret', Token => 'a token',
        Expiration => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + ($option{life} // 3600))) }));
}

END { my $status = $?; kill 'TERM', @servers; waitpid $_, 0 for @servers; $? = $status }

1;
