# Tests for what the documentation prints: each block of nginx's configuration is accepted, a whole one is served and asked by the
# commands below it, the directives are those that the module knows, with its contexts and numbers of arguments, and every command
# is run here or by a `make` target that is named here. What needs a new machine is run by scripts/check-readme.
#
# nginx, which knows the module's command table, is asked what is in it; no source is read.

use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw(abs_path);
use Encode ();
use File::Path qw(make_path);
use S3Proxy::Children qw(slurp test_origin);
use S3Proxy::Client qw(connect_to exchange run_command);
use S3Proxy::Compose;
use S3Proxy::LiveKeys qw(credentials_json);
use S3Proxy::Nginx;
use S3Proxy::Ports;
use S3Proxy::Readme;
use Test::More;

binmode $_, ':encoding(UTF-8)' for Test::More->builder->output, Test::More->builder->failure_output;
my $ROOT = abs_path("$FindBin::Bin/..");
my @FILES = map { s{\Q$ROOT\E/}{}r } "$ROOT/README.md", "$ROOT/UPGRADING.md", "$ROOT/CONTRIBUTING.md", "$ROOT/RELEASING.md", "$ROOT/deploy/README.md", glob "$ROOT/docs/*.md";
my $README = "$ROOT/README.md";
# Pages of which nothing is run here but what they refer to.
my @OTHERS = map { s{\Q$ROOT\E/}{}r } map { glob "$ROOT/$_" } qw(ARCHITECTURE.md CHANGELOG.md SECURITY.md bench/README.md t/README.md crates/*/README.md);
my $PORT = S3Proxy::Ports::port('SERVER');

# Commands that this file does not run, and the target that does. `make` says no more than that the target is there to be run.
my %RUN_BY = (
    (map { $_ => 'check-readme' } 'scripts/run', 'scripts/test', 'apt-get update', 'apt-get install --yes curl make nginx', 'make install',
        'ln -sf /usr/share/nginx/modules-available/mod-http-s3-signature.conf /etc/nginx/modules-enabled/50-mod-http-s3-signature.conf',
        'systemctl restart nginx', './configure --with-compat --with-http_ssl_module --add-dynamic-module=/src/s3-signature-proxy && make modules',
        'NGINX_SOURCE_DIR=/src/nginx NGINX_BUILD_DIR=/src/nginx/objs make module'),
    'docker run -p 8080:8080 --read-only --tmpfs /run/nginx:mode=1777,size=64m -e CLIENT_ACCESS_KEY -e CLIENT_SECRET_KEY -e ORIGIN_ACCESS_KEY'
        . ' -e ORIGIN_SECRET_KEY -e ORIGIN_HOST=s3.example.com s3-signature-proxy' => 'check-image',
    '/etc/init.d/nginx upgrade' => 'check-deb',
    # Where each is run word for word, or fails the test: scripts/check-compose, t/guides.t.
    (map { $_ => 'check-compose' } S3Proxy::Readme::section_commands("$ROOT/deploy/README.md", 'Docker Compose')),
    (map { $_ => 'test' } map { S3Proxy::Readme::all_commands("$ROOT/docs/$_.md") } qw(cookbook coming-from signature-does-not-match)),
    'helm install s3 deploy/helm/s3-signature-proxy --values my-values.yaml' => 'check-helm',
);

# Debian's module, where this is Debian's nginx.
my $lua = join '', map { "load_module /usr/lib/nginx/modules/$_.so; " } qw(ndk_http_module ngx_http_lua_module);
$lua = '' if (run_command(S3Proxy::Nginx::binary(), '-t', '-e', 'stderr', '-c', '/dev/null', '-g', $lua))[0] =~ m{_http_(?:lua_)?module};

my $nginx = S3Proxy::Nginx->new;
my $dir = $nginx->prefix;
my $children = S3Proxy::Children->new("$dir/origins");
my %ran;
my @blocks = map { S3Proxy::Readme::blocks("$ROOT/$_") } @FILES;
my ($whole) = grep { (S3Proxy::Readme::path_of($_) // '') eq '/etc/nginx/conf.d/s3.conf' } @blocks;

subtest 'every block says what it is' => sub {
    is_deeply([S3Proxy::Readme::indented_code("$ROOT/$_")], [], "$_: no code by indentation") for @FILES;
    my %known = map { $_ => 1 } qw(sh nginx json ini python text yaml);
    is_deeply([map { at($_) } grep { !$known{ $_->{language} } } @blocks], [], 'languages');
    unlike(slurp("$ROOT/$_"), qr/^: /m, "$_: no definition lists, which GitHub does not render") for @FILES;
};

subtest 'links' => sub {
    for my $file (@FILES, @OTHERS) {
        my $text = slurp("$ROOT/$file");
        my $folder = $file =~ m{^(.*/)} ? $1 : '';
        for my $link ($text =~ /\]\(([^)\s]+)\)/g) {
            next if $link =~ m{^https?://};
            my ($path, $anchor) = split /#/, $link, 2;
            my $target = $path eq '' ? "$ROOT/$file" : "$ROOT/$folder$path";
            ok(-e $target, "$file: $link is there") or next;
            ok(anchors($target)->{$anchor}, "$file: $link has that heading") if defined $anchor;
        }
        # Files by their names. `t/x.t` is any test.
        my %named = map { $_ => 1 } $text =~ m{(?<![\w/.-])((?:t|bench|crates|nginx-conf|scripts|src)/[\w./-]*\w)}g;
        my @gone = grep { my $name = $_; !grep { -e } "$ROOT/$name", glob "$ROOT/$name*" } grep { $_ ne 't/x.t' } sort keys %named;
        is_deeply(\@gone, [], "$file: the files that it names");
    }
};

subtest 'directives' => sub {
    my %known = map { $_ => 1 } grep { knows($_, 'main') } names();
    my %documented = documented();
    is_deeply([sort keys %documented], [sort keys %known], 'those of the reference are those of the module');
    for my $name (sort keys %documented) {
        my $entry = $documented{$name};
        is_deeply([contexts($name)], [sort @{ $entry->{context} }], "$name: context");
        my $where = $entry->{context}[-1];
        my ($least, $most, $block) = arguments($name, $entry->{syntax});
        my $counts = sub ($count) { return nginx_says(in_context($where, join(' ', $name, ('x') x $count) . ($block ? ' {}' : ';'))) !~ /invalid number of arguments/ };
        ok($counts->($least), "$name: $least argument" . ($least == 1 ? '' : 's') . " will do");
        ok(!$counts->($least - 1), "$name: fewer will not") if $least > 0;
        ok($counts->($most // 7), "$name: " . ($most // 7) . ' are not too many');
        ok(!$counts->($most + 1), "$name: more are") if defined $most;
        if ($entry->{default} ne '—') {
            like($entry->{default}, qr/^$name /, "$name: the default is written as it would be set");
            # Lines of a server{} need not make sense for http{} to take them.
            unlike(nginx_says(in_context($where, "$entry->{default};")), qr/\[emerg\]/, "$name: its default can be set");
        }
        ok((grep { $_->{heading} eq $name && $_->{language} eq 'nginx' && $_->{text} =~ /\b$name\b/ } @blocks), "$name: an example");
    }
};

subtest 'lines of s3_clients and s3_origin' => sub {
    for my $block (qw(s3_clients s3_origin)) {
        # `include` is nginx's own, in every block.
        my %known = map { $_ => 1 } grep { $_ ne 'include' && block_knows($block, $_) } words();
        my %line = parameters($block);
        is_deeply([sort keys %line], [sort keys %known], "$block: those of the table are those that it knows");
        for my $name (sort keys %line) {
            my ($least) = arguments($name, $line{$name}{syntax});
            like(nginx_says("http { $block x { $name" . ' x' x ($least - 1) . '; } }'), qr/invalid number of arguments/, "$block, $name: $least at least");
            my $default = $line{$name}{default} =~ /^`([^`]+)`/ ? $1 : next;
            my $more = $block eq 's3_clients' ? 'key k s;' : 'endpoint http://127.0.0.1; key k s;';
            next if $name eq 'ignore_header';    # adds to what is there
            unlike(nginx_says("http { $block x { $more $name $default; } }"), qr/\[emerg\]/, "$block, $name: its default can be set");
        }
    }
};

subtest 'configuration' => sub {
    for my $block (grep { $_->{language} eq 'nginx' } @blocks) {
        if ($block->{text} =~ /_by_lua/ && !$lua) { note(at($block) . ': no Lua for this nginx'); next }
        my $said = nginx_says(configuration($block->{text}), environment($block->{text}));
        like($said, qr/test is successful/, at($block) . ': nginx takes it') or diag(slurp("$dir/conf/nginx.conf"));
        unlike($said, qr/\[warn\]/, at($block) . ': no warning');
        # What is whole and nobody asks anything would be a claim without a test.
        ok($block == $whole, at($block) . ': it is served below') if S3Proxy::Readme::path_of($block);
    }
    for my $block (grep { $_->{language} eq 'json' && $_->{heading} eq 'Clients file' } @blocks) {
        my $text = $block->{text} =~ s{"/run/secrets/([\w-]+)"}{'"' . secret_file($1) . '"'}ger;
        $nginx->write_file('conf/clients.json', Encode::encode('UTF-8', $text));
        like(nginx_says('http { s3_clients apps { file clients.json; } }', { map { $_ => 'x' } $text =~ /"env": *"(\w+)"/g }),
            qr/test is successful/, at($block) . ': clients are read');
    }
    for my $block (grep { $_->{language} eq 'ini' } @blocks) {
        like($block->{text}, qr{\A# /etc/systemd/system/nginx\.service\.d/s3\.conf\b.*\n\[Service\]\nEnvironmentFile=/\S+\n\z}, at($block) . ': a drop-in');
    }
};

subtest 'lines in comments of nginx-conf/' => sub {
    for my $path (glob "$ROOT/nginx-conf/*.conf") {
        my @lines = split /\n/, slurp($path);
        my $file = $path =~ s{.*/}{}r;
        for my $number (grep { $lines[$_] =~ /^\s*#\s*(?:\w+ +[^#;`"]*; *)+$/ } 0 .. $#lines) {
            my $line = $lines[$number] =~ s/^\s*#\s*//r;
            my @variant = @lines;
            $variant[$number] = $line;
            # It takes the place of its namesakes, of which some may stand beside each other.
            for my $name ($line =~ /(?:^|; *)(\w+) /g) {
                next if $name =~ /^(?:proxy_set_header|key|file|server)$/;
                $_ != $number && $variant[$_] =~ /^\s*\Q$name\E / and $variant[$_] = '' for 0 .. $#variant;
            }
            my $text = join "\n", @variant;
            like(nginx_says(configuration($text), environment($text)), qr/test is successful/, "$file:" . ($number + 1) . ": $line");
        }
    }
};

subtest 'Five minutes' => sub {
    run_block($_) for grep { $_->{heading} eq 'Five minutes' && $_->{language} eq 'sh' && $_->{text} =~ m{/secrets/} } @blocks;
    start_origin(b => 'ACCESS_KEY_OF_B', 'SECRET_KEY_OF_B', 'eu-west-1');
    start_origin(a => 'ACCESS_KEY_OF_A', 'SECRET_KEY_OF_A', 'us-east-1');
    $nginx->write_file('conf/nginx.conf', main_file(configuration($whole->{text})));
    my ($said, $failed) = $nginx->test_config;
    is($failed, 0, 'nginx -t') or diag($said);
    $ran{'nginx -t'} = 1;
    $nginx->mark_logs;
    $nginx->start;

    my ($block) = grep { $_->{heading} eq 'Five minutes' && $_->{text} =~ /healthz/ && $_->{language} eq 'sh' } @blocks;
    my ($comment) = $block->{text} =~ /healthz +# (.*)$/m;
    my ($command) = grep { /healthz/ } S3Proxy::Readme::commands($block->{text});
    # At once: nobody who follows the page waits for the first answers of the probes.
    my $health = run_command_line($command) =~ s/"since":\{[^}]*\}/"since":{...}/r;
    is($health, $comment, '/healthz says what is printed');
    is(connect_and_get('::1', '/healthz'), 200, 'over IPv6') if -s '/proc/net/if_inet6';

    my ($clients, $exit) = run_command("$ROOT/t/clients/setup");
    die "t/clients/setup: $clients" if $exit;
    local $ENV{PATH} = ($clients =~ /(\S+)\s*\z/)[0] . ":$ROOT/build:$ENV{PATH}";
    local @ENV{qw(HOME AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE)} = ($dir, "$dir/aws", "$dir/none");
    my ($export) = grep { $_->{heading} eq 'Clients' && $_->{text} =~ /^export / } @blocks;
    for my $line (S3Proxy::Readme::commands($export->{text})) {
        # What the shell would know from then on, and what comes after leans on.
        if ($line =~ /^export /) {
            my ($text) = run_command('bash', '-c', local_text($line) . q{; env | grep ^AWS_});
            $ENV{$1} = $2 while $text =~ /^(AWS_[ADS]\w+)=(.*)$/mg;
            is($ENV{AWS_ACCESS_KEY_ID}, 'AKIDAPP', 'the key');
            like($ENV{AWS_SECRET_ACCESS_KEY}, qr/^[0-9a-f]{40}$/, 'the secret');
            $ran{$line} = 1;
        } else {
            my $text = run_command_line($line);
            like($text, qr/key/, 'what was uploaded is listed') if $line =~ / s3 ls /;
            ok("$text\n" eq slurp($README), 'it comes back as it was') if $line =~ /^curl /;
        }
    }
    my ($python) = grep { $_->{language} eq 'python' } @blocks;
    my $program = $nginx->write_file('boto.py', local_text($python->{text}));
    my ($url, $status) = run_command('bash', '-c', "cd '$ROOT' && python '$program'");
    is($status, 0, 'the program in Python') or diag($url);
    chomp $url;
    my ($content) = run_command('curl', '-sS', $url);
    ok($content eq slurp($README), 'its presigned URL opens the object');
    for my $block (grep { $_->{heading} eq 'Clients' && $_->{text} =~ /presign/ && $_->{language} eq 'sh' } @blocks) {
        my ($presigned) = run_block($block) =~ /^(http\S+)$/m;
        ($content) = run_command('curl', '-sS', $presigned // 'none');
        ok($content eq slurp($README), 'the presigned URL of aws-cli opens the object');
    }
    my ($sign) = grep { $_->{heading} eq 'sign_s3' } @blocks;
    my $printed = run_lines(S3Proxy::Readme::commands($sign->{text}));
    like($printed, qr/^result: valid$/m, 'sign_s3 presigns and explains');
    like($printed, qr{^allowed: GetObject photos/2026/a\.jpg: grants\[0\]: allow list, read on photos}m, 'and checks clients');
    $children->end('b');
    ($content) = run_command('curl', '-sS', $url);
    ok($content eq slurp($README), 'origin B is down: origin A answers');
    my $log = $nginx->read_log('s3.log');
    like($log, qr/"access_key":"AKIDAPP"/, 'the access log');
    unlike($log, qr/X-Amz-Signature|[0-9a-f]{64}/, 'it has no signature');
    is(join('', $nginx->fatal_lines), '', 'no alert');
};

subtest 'commands' => sub {
    my @commands = map { S3Proxy::Readme::commands($_->{text}) } grep { $_->{language} eq 'sh' } @blocks;
    my %target = map { $_ => 1 } slurp("$ROOT/Makefile") =~ /^([a-z][a-z0-9-]*):.*##/mg;
    for my $command (@commands) {
        my $by = $RUN_BY{$command};
        if ($ran{$command}) { pass("$command: was run here") }
        elsif (defined $by) { ok($target{$by}, "$command: make $by runs it") }
        elsif ($command =~ /^(?:[A-Z_]+=\S+ )*make\b/) { make_knows($command) }
        elsif ($command =~ /^docker compose /) { compose_knows($command) }
        else { fail("nothing runs the command: $command") }
    }
    my %printed = map { $_ => 1 } @commands;
    is_deeply([grep { !$printed{$_} } sort keys %RUN_BY], [], 'no other commands are listed here');
};

$nginx->stop;
done_testing;

sub at ($block) { return $block->{file} =~ s{^\Q$ROOT\E/}{}r . ":$block->{line}" }

# GitHub's anchors of the headings of a file.
sub anchors ($path) {
    my $text = slurp($path) =~ s/^```.*?^```//msgr;
    return { map { lc($_) =~ s/[^\w\- ]//gr =~ s/ /-/gr => 1 } $text =~ /^#+ +(.*?)\s*$/mg };
}

# What could be a directive: C strings in the module's file that begin as ours do.
sub names () {
    my %seen;
    return grep { !$seen{$_}++ } slurp(S3Proxy::Nginx::module()) =~ /(?=(s3_[a-z0-9_]+)\0)/g;
}

# What could be a line of a block: the words in what reads the configuration. A word that is missing here is missed below, too.
sub words () {
    my %seen;
    my @files = split /\n/, (run_command('find', "$ROOT/src", '-path', '*conf*', '-name', '*.rs'))[0];
    return grep { !$seen{$_}++ } map { slurp($_) =~ /"([a-z][a-z0-9_]{2,})"/g } @files;
}

# The reference of README.md: syntax, default and contexts by name.
sub documented () {
    my %entry;
    my $text = slurp($README) =~ s/.*^## Directives$//msr =~ s/^## .*//msr;
    while ($text =~ /^### (s3_\w+)\n\n\| \| \|\n\|---\|---\|\n\| Syntax: \| (.*) \|\n\| Default: \| (.*) \|\n\| Context: \| (.*) \|\n/mg) {
        my ($name, $syntax, $default, $context) = ($1, map { s/\\\|/|/gr } $2, $3, $4);
        utf8::decode($default);
        $entry{$name} = { syntax => $syntax =~ s/[*`]//gr, default => $default =~ s/[`;]//gr, context => [$context =~ /`(\w+)`/g] };
    }
    is_deeply([sort keys %entry], [sort $text =~ /^### (s3_\w+)/mg], 'each heading has its table');
    return %entry;
}

# The table of lines in a block.
sub parameters ($block) {
    my ($section) = slurp($README) =~ /^### $block\n(.*?)^### /ms;
    my %line;
    for my $row (grep { /^\| `/ } split /\n/, $section) {
        my @cell = map { s/\\\|/|/gr =~ s/^\s+|\s+$//gr } split /(?<!\\)\|/, $row;
        my $syntax = $cell[1] =~ s/[*`]//gr;
        $line{ $syntax =~ /^(\w+)/ ? $1 : '' } = { syntax => $syntax, default => $cell[2] };
    }
    return %line;
}

# Least and most numbers of arguments by a line of syntax (undef: any number), and whether a block follows. "<br>" is between forms.
sub arguments ($name, $syntax) {
    my @forms = map { [arguments_of_form($name, $_)] } split /\s*<br>\s*/, $syntax;
    my ($least) = sort { $a <=> $b } map { $_->[0] } @forms;
    my ($most) = (grep { !defined $_->[1] } @forms) ? undef : sort { $b <=> $a } map { $_->[1] } @forms;
    return ($least, $most, $forms[0][2]);
}

sub arguments_of_form ($name, $syntax) {
    my $block = $syntax =~ s/\s*\{.*//r ne $syntax;
    my $text = $syntax =~ s/^\Q$name\E\s*//r =~ s/\s*\{.*//r;
    my $optional = () = $text =~ /\[[^\]]*\]/g;
    $text =~ s/\s*\[[^\]]*\]//g;
    my $any = $text =~ s/\s*\.\.\.//;
    $text =~ s/ *\| */|/g;
    my $count = () = $text =~ /\S+/g;
    return ($count, $any ? undef : $count + $optional, $block);
}

sub in_context ($context, $line) {
    my %text = (
        main => "$line\nhttp {}", http => "http { $line }", server => "http { server { $line } }", upstream => "http { upstream u { server 127.0.0.1; $line } }",
        location => "http { server { location / { $line } } }", limit_except => "http { server { location / { limit_except GET { $line } } } }",
    );
    return $text{$context};
}

sub knows ($name, $context) { return nginx_says(in_context($context, "$name;")) !~ /unknown directive/ }

# Where nginx does not say that a directive is not allowed.
sub contexts ($name) {
    return sort grep { nginx_says(in_context($_, "$name;")) !~ /directive is not allowed here/ } qw(main http server location limit_except upstream);
}

sub block_knows ($block, $word) {
    return nginx_says("http { $block x { $word; } }") !~ /unknown directive|unexpected|unknown parameter/;
}

# What `nginx -t` says of a configuration without the lines that the test's own machine decides.
sub nginx_says ($text, $environment = {}) {
    $nginx->write_file('conf/nginx.conf', main_file($text));
    my ($said) = $nginx->test_config($environment);
    return $said;
}

sub main_file ($text) {
    my $temp = join '', map { "${_}_temp_path $dir/temp/$_; " } qw(client_body proxy fastcgi uwsgi scgi);
    $text =~ s/^(\s*http \{)/$1 access_log $dir\/logs\/access.log; $temp/m;
    my @lines = ($> == 0 ? 'user root;' : (), 'daemon off;', "error_log $dir/logs/error.log notice;", "pid $dir/logs/nginx.pid;");
    push @lines, 'load_module ' . S3Proxy::Nginx::module() . ';' if $text !~ /^load_module/m;
    push @lines, $lua if $text =~ /_by_lua/;
    push @lines, 'events {}' if $text !~ /^events/m;
    return join "\n", @lines, $text, '';
}

# A printed piece put where it can stand, with what it refers to and does not have.
sub configuration ($text) {
    return local_text($text =~ s/^(?:user|pid|error_log)\b.*\n//mgr) if $text =~ /^http \{/m;
    my $level = 'http';
    if ($text =~ /^(?:location|limit_except)\b/m) { $level = 'server' }
    elsif ($text !~ /^(?:s3_clients|s3_origin|upstream|map|server|include)\b/m) { $level = 'location' }
    my $server = $text;
    $server = "location / {\n$server\n}" if $level eq 'location';
    $server = "server { listen 8080; include /etc/nginx/s3/s3_server_params; include /etc/nginx/s3/s3_proxy_params;\n$server\n}" if $level ne 'http';
    my $log = $text =~ /s3_log_format/ ? '' : 'include /etc/nginx/s3/s3_log_format;';
    $log .= " proxy_cache_path $dir/temp/$1 keys_zone=$1:1m;" if $text =~ /^\s*proxy_cache +(\w+);/m && $text !~ /^proxy_cache_path/m;
    # The rest of the whole configuration: its clients, origins and upstream.
    my @rest = grep { /^(\w+ \w+) \{/ && $text !~ /^\Q$1\E \{/m } $whole->{text} =~ /^((?:s3_clients|s3_origin|upstream) .*?\}\n)/msg;
    # Where requests go to what is probed.
    $server .= "\nserver { listen 8080; server_name proxied; include /etc/nginx/s3/s3_proxy_params;\n"
        . "location / { s3_verify apps; s3_resign on; proxy_pass https://s3; } }" if "@rest$text" =~ /s3_probe;/;
    return local_text("http {\n$log\n@rest\n$server\n}");
}

# A text with this machine's folders, ports and addresses.
sub local_text ($text) {
    my %port = (region2 => S3Proxy::Ports::port('b'), region1 => S3Proxy::Ports::port('a'));
    $text =~ s{/etc/nginx/s3/secrets/(\w+(?:\.json)?)}{secret_file($1)}ge;
    $text =~ s{/etc/nginx/s3/secrets}{$dir/secrets}g;
    $text =~ s{/etc/nginx/s3/clients\.json}{clients_file()}ge;
    $text =~ s{/etc/nginx/s3/(server\.\w+)}{certificate($1)}ge;
    $text =~ s{/etc/nginx/s3/}{$ROOT/nginx-conf/}g;
    $text =~ s{/var/log/nginx/}{$dir/logs/}g;
    $text =~ s{/var/lib/nginx/}{$dir/temp/}g;
    $text =~ s{^load_module .*}{'load_module ' . S3Proxy::Nginx::module() . ';'}mge;
    $text =~ s{listen(\s+)(?:8080|443)}{listen${1}127.0.0.1:$PORT}g;
    $text =~ s{listen(\s+)\[::\]:(?:8080|443)([^;]*);}{-s '/proc/net/if_inet6' ? "listen$1\[::1]:$PORT$2;" : ''}ge;
    $text =~ s{localhost:8080}{127.0.0.1:$PORT}g;
    $text =~ s{https?://s3-(\w+)\.example\.com(?::\d+)?}{http://127.0.0.1:$port{$1}}g;
    $text =~ s{s3-(\w+)\.example\.com:443}{127.0.0.1:$port{$1}}g;
    $text =~ s{proxy_pass(\s+)https://([\w\$]+)(?=[;\$])}{proxy_pass$1http://$2}g;
    $text =~ s{https://(primary|backup)\.example\.com}{http://$1.example.com:443}g;
    $text =~ s{(primary|backup)\.example\.com}{$1 eq 'primary' ? '127.0.0.2' : '127.0.0.3'}ge;
    return $text;
}

sub environment ($text) { return { map { $_ => "value-of-$_" } ($text . clients_file_text()) =~ /env=(\w+)/g, clients_file_text() =~ /"env": "(\w+)"/g } }

sub secret_file ($name) {
    make_path("$dir/secrets");
    return -e "$dir/secrets/$name" ? "$dir/secrets/$name" : $nginx->write_file("secrets/$name", $name =~ /\.json$/ ? credentials_json('AKID', 'secret') : "secret of $name\n");
}

sub clients_file_text () { return slurp("$ROOT/nginx-conf/clients.json.example") }

sub clients_file () {
    return $nginx->write_file('clients.json', clients_file_text() =~ s{/etc/nginx/s3/}{secret_file('backup') =~ s/backup$//r}er
        =~ s{backup\.secret}{backup}r);
}

sub certificate ($file) {
    require S3Proxy::Certs;
    S3Proxy::Certs::directory("$dir/certs");
    return (S3Proxy::Certs::certificate('127.0.0.1'))[$file =~ /key/ ? 1 : 0];
}

sub start_origin ($name, $key, $secret, $region) {
    make_path("$dir/data");
    $children->start($name, { TEST_ORIGIN_SECRET => $secret }, test_origin(), '--origin', "name=$name,listen=127.0.0.1:"
        . S3Proxy::Ports::port($name) . ",root=$dir/data,key=$key,secret=env:TEST_ORIGIN_SECRET,region=$region", '--create-bucket', 'bucket');
    return;
}

# Runs a printed command in the checkout, and notes that it was.
sub run_command_line ($command) { return run_lines($command) }

sub run_block ($block) { return run_lines(S3Proxy::Readme::commands($block->{text})) }

# Several in one shell, which ends where one of them fails.
sub run_lines (@commands) {
    my $script = $nginx->write_file('commands', join '', map { local_text($_) . "\n" } "cd '$ROOT'", @commands);
    my ($text, $exit) = run_command('bash', '-e', '-o', 'pipefail', '-c', "exec 2>'$dir/logs/commands.err'; . '$script'");
    is($exit, 0, "$_: runs") for @commands;
    diag($text, slurp("$dir/logs/commands.err")) if $exit;
    @ran{@commands} = (1) x @commands;
    return $text =~ s/\n\z//r;
}

sub connect_and_get ($address, $target) {
    my ($status) = run_command('curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '-g', "http://[$address]:$PORT$target");
    return $status;
}

# A target that make does not know is an error of `make -n`.
sub make_knows ($command) {
    for my $part (grep { /\bmake / } split / && /, $command) {
        my ($variables, $arguments) = $part =~ /^((?:[A-Z_]+=\S+ )*)make (.*)$/;
        my ($text, $exit) = run_command('make', '-n', '-C', $ROOT, grep { !/^[A-Z_]+=/ } split ' ', $arguments);
        is($exit, 0, "$part: make knows it") or diag($text);
    }
    return;
}

# No engine is needed to see whether docker-compose.yml has what a command names.
sub compose_knows ($command) {
    my $services = S3Proxy::Compose::services("$ROOT/docker-compose.yml");
    my ($options, $verb, $rest) = $command =~ /^docker compose ((?:--[\w-]+ \S+ )*)(\w+)\s*(.*)$/ or return fail("$command: not understood");
    my %profile = map { $_ => 1 } map { @{ $_->{profiles} // [] } } values %$services;
    ok($profile{$_}, "$command: profile $_") for $options =~ /--profile (\S+)/g;
    ok(-f "$ROOT/$_", "$command: $_ is there") for $options =~ /--env-file (\S+)/g;
    # What the profile brings up has keys that are in deploy/demo.env, which names the profile too: without them the proxies end at once.
    unlike($options, qr/--profile demo/, "$command: with the settings of the demo");
    my @words = grep { !/^-/ } split ' ', $rest =~ s/\|.*//r;
    @words = @words[0 .. 0] if $verb eq 'exec';
    ok($services->{$_}, "$command: service $_") for @words;
    like($verb, qr/^(?:up|down|ps|logs|exec)$/, "$command: a verb of compose");
    return;
}
