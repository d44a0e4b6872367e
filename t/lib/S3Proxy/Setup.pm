# The proxy that most test files put under test: one client, two origins with a
# key each, primary and backup. Files change what they are about.
#
# What must never be seen is registered here, and asserted for every block.
package S3Proxy::Setup;

use v5.36;
use Exporter qw(import);
use S3Proxy::Check;

our @EXPORT = qw($CLIENT $ORIGINS clients origin_blocks upstream http_config config tls_blocks tls_upstream tls_origins);

# For `--- s3_sign`.
our $CLIENT = 'AKIDCLIENT client/Secret+Key=0123456789';

my %SECRET = (a => 'origin-a/Secret+Key=', b => 'origin-b/Secret+Key=');
my %REGION = (a => 'us-east-1', b => 'eu-west-1');

# Two origins that judge every signature, each with its own key and region.
our $ORIGINS = join "\n", map { sprintf '%s: s3=AKIDORIGIN%s:%s:%s 200 body="from %s"', $_, uc $_, $SECRET{$_}, $REGION{$_}, $_ } qw(a b);

$S3Proxy::Check::NEVER_SHOWN{$_} = 'a secret' for 'client/Secret+Key=', values %SECRET;
$S3Proxy::Check::NEVER_SENT{AKIDCLIENT} = 'the client key id';

# s3_clients apps; `$more` is added to the block.
sub clients ($more = '') {
    my ($key, $secret) = split ' ', $CLIENT;
    return "s3_clients apps { key $key $secret; $more }\n";
}

# s3_origin a and b; `scheme`, and text to add to the block of each (`a`, `b`).
sub origin_blocks (%option) {
    return join '', map {
        sprintf "s3_origin %s { endpoint %s://%%%%ORIGIN_%s%%%%; region %s; key AKIDORIGIN%s %s; %s }\n",
            $_, $option{scheme} // 'http', uc $_, $REGION{$_}, uc $_, $SECRET{$_}, $option{$_} // ''
    } qw(a b);
}

# upstream s3: b, and a as its backup; `$more` for keepalive and the like.
sub upstream ($more = '') {
    return "upstream s3 { server %%ORIGIN_B%% max_fails=0; server %%ORIGIN_A%% backup; $more }\n";
}

# Both behind TLS, under two names of one machine that nginx takes for host names ("127.1" is no dotted quad), so that SNI is sent.
sub tls_blocks () {
    my %host = (b => 'localhost', a => '127.1');
    return clients() . join('', map {
        sprintf "s3_origin %s { endpoint https://%s:%%%%ORIGIN_%s_PORT%%%%; region %s; key AKIDORIGIN%s %s; }\n",
            $_, $host{$_}, uc $_, $REGION{$_}, uc $_, $SECRET{$_}
    } qw(b a)) . <<'EOF';
    proxy_ssl_trusted_certificate %%CA%%;
    proxy_ssl_verify on;
    proxy_ssl_server_name on;
    proxy_ssl_name $s3_origin_host;
EOF
}

sub tls_upstream ($more = '') {
    return "upstream s3 { server localhost:%%ORIGIN_B_PORT%% max_fails=0; server 127.1:%%ORIGIN_A_PORT%% backup; $more }\n";
}

# The scripted origins with certificates for these names; b does something first.
sub tls_origins ($b, $a, $first = '') {
    return $ORIGINS =~ s/^a: /a: tls=$a /mr =~ s/^b: (\S+) /b: tls=$b $1 $first /mr;
}

sub http_config (%option) {
    return join '', clients($option{clients} // ''), origin_blocks(%option), upstream($option{upstream} // ''),
        $option{more} // '';
}

# Inside of server{}; `location` is added to location /, `server` beside it.
sub config (%option) {
    my $scheme = $option{scheme} // 'http';
    return <<"EOF";
        underscores_in_headers on;
        ignore_invalid_headers off;
        client_max_body_size 0;
        @{[ $option{server} // '' ]}
        location / {
            s3_verify apps;
            s3_resign on;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream error timeout http_503 non_idempotent;
            proxy_next_upstream_tries 3;
            @{[ $option{location} // '' ]}
            proxy_pass $scheme://s3;
        }
EOF
}

1;
