# Tests for an origin whose address changes under an nginx that looks names up only when it reads its configuration (before 1.27.3, and
# without `resolve`): the image's 40-follow-dns has it read that again. With the image's own entry point and templates, and an /etc/hosts
# of its own.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use S3Proxy::Client qw(connect_to exchange);
use S3Proxy::Deployment;
use S3Proxy::Namespaces;
use S3Proxy::Nginx;
use S3Proxy::Sign qw(sign);
use Test::More;

plan(skip_all => 'no namespaces here, and so no /etc/hosts of its own') if !S3Proxy::Namespaces::enter();
die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n" if !-e S3Proxy::Nginx::module();

S3Proxy::Namespaces::hosts('b.test' => '127.0.0.1');
my $deployment = S3Proxy::Deployment->new;
$deployment->start_origin('b');
$deployment->put_object('object', 'content');
$deployment->start_proxy('serverb', SERVERB_ENDPOINT => 'b.test', NGINX_DNS_INTERVAL => 0.5);
is(get(), '200 content', 'the origin is found by its name');

$deployment->stop('b', 'KILL');
$deployment->{address}{b} = '127.0.0.2';
$deployment->start_origin('b');
# 503 once a probe has found that out.
like(get(), qr/^50[23] /, 'it has moved, and DNS does not say so yet');

S3Proxy::Namespaces::hosts('b.test' => '127.0.0.2');
ok(defined $deployment->wait_until(20, sub { get() eq '200 content' }), 'nginx follows');
like($deployment->log('serverb'), qr/follow-dns: b\.test has moved, nginx looks it up again/, 'and the log says why');

S3Proxy::Namespaces::hosts('b.test' => '127.0.0.3');
ok(defined $deployment->wait_until(20, sub { get() =~ /^50[23] / }), 'it follows wrong words as well');
S3Proxy::Namespaces::hosts('b.test' => '127.0.0.2');
ok(defined $deployment->wait_until(20, sub { get() eq '200 content' }), 'and right ones again');
done_testing;

sub request () {
    my %request = (method => 'GET', target => '/demo/object', version => 'HTTP/1.1', headers => [[Host => 'x']]);
    sign(\%request, key => $S3Proxy::Deployment::ENV_FILE{CLIENT_ACCESS_KEY}, secret => $S3Proxy::Deployment::ENV_FILE{CLIENT_SECRET_KEY});
    return \%request;
}

sub get () {
    my $response = eval { exchange(connect_to($deployment->port('serverb')), request()) } // { status => 0, body => $@ };
    return "$response->{status} $response->{body}";
}
