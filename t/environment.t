# Tests for secrets in environment variables: they outlast reloads and binary
# upgrades, `nginx -s` works without them, and workers do not have them.

use v5.36;
use lib 't/lib';
use S3Proxy::Client ();
use S3Proxy::Nginx;
use S3Proxy::Setup;
use S3Proxy::Test;
use Time::HiRes ();

our $LUA = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
our $lua = -e $LUA && S3Proxy::Nginx::binary() eq '/usr/sbin/nginx'
    ? "load_module /usr/lib/nginx/modules/ndk_http_module.so;\nload_module $LUA;" : '';

default_sections(
    http_config => 's3_clients apps { key env=CLIENT_KEY env=CLIENT_SECRET; file %%SERVROOT%%/clients.json; }'
        . origin_blocks() =~ s/key AKIDORIGINB \S+;/key env=ORIGIN_KEY env=ORIGIN_SECRET;/r . upstream(),
    config  => config(server => 'location = /version { return 200 "one"; }'),
    files   => ">>> clients.json\n" . '{"clients": [{"access_key": "AKIDFILE", "secret_key": {"env": "FILE_SECRET"}}]}',
    env     => "CLIENT_KEY=AKIDCLIENT\nCLIENT_SECRET=client/Secret+Key=0123456789\nORIGIN_KEY=AKIDORIGINB\n"
        . "ORIGIN_SECRET=origin-b/Secret+Key=\nFILE_SECRET=file-secret\nSPARE_SECRET=spare-secret",
    origins => $ORIGINS,
    s3_sign => $CLIENT,
    request => 'GET /bucket/key',
    error_code => '200',
    fresh   => '',
);

sub main::edit ($t, $code) { return $t->nginx->edit_config($code) }

# `nginx ARGUMENTS` for this directory, with or without the block's variables. Returns its output and exit status.
sub main::command ($t, $with, @arguments) {
    local %ENV = %ENV;
    if ($with) { /^(\w+)=(.*)$/ and $ENV{$1} = $2 for split /\n/, $t->section('env') }
    return S3Proxy::Client::run_command(S3Proxy::Nginx::binary(), '-p', $t->nginx->prefix . '/', '-c', 'conf/nginx.conf', @arguments);
}

# Waits for something to become true; returns whether it did.
sub main::until_true ($code) {
    for (1 .. 1000 * ($ENV{TEST_NGINX_PATIENCE} || 1)) {
        return 1 if $code->();
        Time::HiRes::sleep(0.01);
    }
    return 0;
}

sub main::pid_in ($t, $name) {
    return $t->nginx->read_log($name) =~ /^(\d+)$/m ? $1 : 0;
}

# Both clients' requests reach an origin, which judges the signature made with the key from the environment.
sub main::serves ($t, $what) {
    main::is($t->send(request => 'GET /bucket/key')->{status}, 200, "$what: the block's key");
    main::is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDFILE file-secret')->{status}, 200, "$what: the clients file's key");
    main::is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDFILE FILE_SECRET')->{status}, 403, "$what: no other secret");
    return;
}

# nginx in the background, of this directory, for as long as `$code` runs. To nginx started in the foreground the test is the
# parent that does not go away, and it ignores USR2.
sub main::in_background ($t, $code) {
    $t->nginx->stop;
    edit($t, sub { s/daemon off;/daemon on;/ });
    my ($text, $exit) = command($t, 1);
    main::is($exit, 0, 'starts') or main::diag($text);
    # nginx in the background has opened its port, but not written its pid, when the command returns; and a USR2 that comes before
    # the master blocks its signals is remembered until the next signal, and lost where that is QUIT. A worker answers later than both.
    eval { $t->send(request => 'GET /version', s3_sign => undef)->{body} or die "no answer\n"; $code->(); 1 } or main::fail("runs: $@");
    my @pids = grep { $_ } map { pid_in($t, $_) } 'nginx.pid', 'nginx.pid.oldbin';
    kill 'TERM', @pids;
    main::ok(until_true(sub { !grep { kill 0, $_ } @pids }), 'and stops');
    return;
}

run_tests();

__DATA__

=== TEST 1: a binary upgrade, and one more
--- code
in_background($t, sub {
    serves($t, 'first');
    for my $round (1, 2) {
        my $old = pid_in($t, 'nginx.pid');
        kill 'USR2', $old;
        ok(until_true(sub { pid_in($t, 'nginx.pid.oldbin') == $old && pid_in($t, 'nginx.pid') }), "upgrade $round: a new master");
        kill 'QUIT', $old;
        ok(until_true(sub { !kill 0, $old }), "upgrade $round: the old one is gone");
        serves($t, "upgrade $round");
    }
    unlike($t->nginx->log, qr/\[emerg\]/, 'nothing is missing');
});

=== TEST 2: with master_process off, a reload finds the variables, also one that was not named before
--- code
$t->nginx->stop;
edit($t, sub { s/master_process on;/master_process off;/ });
$t->nginx->start({ map { split /=/, $_, 2 } split /\n/, $t->section('env') });
serves($t, 'first');
# Only the reading is asserted: nginx's own single process does not get over a reload, whatever its modules are.
for my $name ('CLIENT_SECRET', 'SPARE_SECRET') {
    edit($t, sub { s/key env=CLIENT_KEY env=\w+/key env=CLIENT_KEY env=$name/ });
    my $before = () = $t->nginx->log =~ /using the "\w+" event method/g;
    kill 'HUP', $t->nginx->pid;
    ok(until_true(sub { (() = $t->nginx->log =~ /using the "\w+" event method|\[emerg\]/g) > $before }), "$name: the configuration is read");
    unlike($t->nginx->log, qr/\[emerg\]/, "$name: and taken");
}
$t->nginx->stop('KILL');
--- fatal_log

=== TEST 3: a reload that names another variable of those nginx was started with
--- code
edit($t, sub { s/env=CLIENT_SECRET/env=SPARE_SECRET/ });
ok($t->nginx->reload(wait_old => 1), 'reload');
is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDCLIENT spare-secret')->{status}, 200, 'another variable');

=== TEST 4: a reload that names a variable that is not set says so, and changes nothing
--- code
edit($t, sub { s/env=CLIENT_SECRET/env=NOT_SET_ANYWHERE/ });
$t->nginx->reload(may_fail => 1);
like($t->nginx->log, qr/\[emerg\].*environment variable "NOT_SET_ANYWHERE" with secret key is not set in/, 'said');
serves($t, 'afterwards');
--- fatal_log

=== TEST 5: nginx -s reload and -s quit, where the variables are not set
--- code
edit($t, sub { s/return 200 "one"/return 200 "two"/ });
my ($text, $exit) = command($t, 0, '-s', 'reload');
is($exit, 0, 'reload') or diag($text);
like($text, qr/\[warn\] (?:\S+ )?environment variable "CLIENT_SECRET" with secret key is not set here: .* in \S+nginx\.conf:\d+/, 'a word of it');
unlike($text, qr/emerg/, 'no error');
ok(until_true(sub { $t->send(request => 'GET /version', s3_sign => undef)->{body} eq 'two' }), 'it is done');
serves($t, 'after it');
($text, $exit) = command($t, 1, '-s', 'reopen');
is($exit, 0, 'reopen, where they are set');
unlike($text, qr/warn|emerg/, 'no word of them');
($text, $exit) = command($t, 0, '-t');
isnt($exit, 0, 'nginx -t finds them missing');
like($text, qr/\[emerg\] (?:\S+ )?environment variable "\w+" with access key is not set/, 'and says so');
($text, $exit) = command($t, 0, '-s', 'quit');
is($exit, 0, 'quit') or diag($text);
ok(until_true(sub { !pid_in($t, 'nginx.pid') }), 'it ends');
--- fatal_log

=== TEST 6: an env directive with a value goes before
--- main_config: env CLIENT_SECRET=another-secret;
--- error_code: 403
--- code
is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDCLIENT another-secret')->{status}, 200, 'it is the secret');
$t->nginx->reload(wait_old => 1);
is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDCLIENT another-secret')->{status}, 200, 'after a reload');
in_background($t, sub {
    my $old = pid_in($t, 'nginx.pid');
    kill 'USR2', $old;
    ok(until_true(sub { pid_in($t, 'nginx.pid.oldbin') == $old && pid_in($t, 'nginx.pid') }), 'a new master');
    kill 'QUIT', $old;
    ok(until_true(sub { !kill 0, $old }), 'the old one is gone');
    is($t->send(request => 'GET /bucket/key', s3_sign => 'AKIDCLIENT another-secret')->{status}, 200, 'after an upgrade');
});

=== TEST 7: names that no variable can have
--- http_config eval: "s3_clients apps { key AKIDCLIENT env=CLIENT_KEY=AKID; # HERE\n }" . ::origin_blocks() . ::upstream()
--- nginx_conf_fails: environment variable "CLIENT_KEY=AKID" with secret key is not set.*nginx.conf:%%HERE%%

=== TEST 8: an empty variable
--- env
CLIENT_KEY=AKIDCLIENT
CLIENT_SECRET=
--- http_config eval: "s3_clients apps { key env=CLIENT_KEY env=CLIENT_SECRET; # HERE\n }" . ::origin_blocks() . ::upstream()
--- nginx_conf_fails: environment variable "CLIENT_SECRET" with secret key is empty.*nginx.conf:%%HERE%%

=== TEST 9: workers, and what they start, have only what env directives name
--- skip_eval: no Lua for this nginx: !$::lua
--- main_config eval: $::lua . "\nenv ORIGIN_KEY;"
--- config eval: ::config(server => 'location = /env { content_by_lua_block { for _, name in ipairs({"CLIENT_SECRET", "FILE_SECRET", "ORIGIN_SECRET", "ORIGIN_KEY"}) do ngx.say(name, "=", os.getenv(name) or "") end local pipe = io.popen("env") ngx.print(pipe:read("*a")) } }')
--- code
for my $round ('first', 'after a reload') {
    my $body = $t->send(request => 'GET /env', s3_sign => undef)->{body};
    like($body, qr/^CLIENT_SECRET=$/m, "$round: the block's secret");
    like($body, qr/^FILE_SECRET=$/m, "$round: the clients file's");
    like($body, qr/^ORIGIN_SECRET=$/m, "$round: the origin's");
    like($body, qr/^ORIGIN_KEY=AKIDORIGINB$/m, "$round: one that a directive names");
    unlike($body, qr/file-secret|Secret\+Key/, "$round: none under another name");
    like($body, qr/^PWD=/m, "$round: that was an environment");
    $t->nginx->reload(wait_old => 1);
}
