# Declarative tests of nginx as an S3 proxy, in the dialect of OpenResty's
# Test::Nginx::Socket, with sections of our own for signatures and origins.
#
#     use lib 't/lib';
#     use S3Proxy::Test;
#     run_tests();
#     __DATA__
#     === TEST 1: a signed request
#     --- config
#         location / { ... }
#     --- s3_sign: KEY SECRET
#     --- request
#     GET /bucket/key
#     --- error_code: 200
#
# t/README.md has all sections. This file is the dialect itself: what a block
# starts, sends and asserts. S3Proxy::Run is one block in progress.
package S3Proxy::Test;

use Test::Base -base;
use Test::Base::Filter ();
use v5.36;
use S3Proxy::Check qw(check_all check_unasked);
use S3Proxy::Client ();
use S3Proxy::Nginx;
use S3Proxy::Origin;
use S3Proxy::Origin::Script qw(is_faulty parse_origins);
use S3Proxy::Certs;
use S3Proxy::Run;

our @EXPORT = qw(run_tests repeat_each no_module default_sections add_block_preprocessor workers
    log_level server_port curl skip_all_if);

# Every section; another name is a misspelling.
my %KNOWN = map { $_ => 1 } qw(ONLY SKIP LAST
    main_config http_config config files user_files env log_level
    origins request pipelined_requests raw_request request_body request_body_size chunked_body
    more_headers unsigned_headers s3_sign tamper expect_100 write_size write_delay send_only
    keepalive https http2 timeout reload fresh code nginx_conf_fails nginx_conf_ok
    error_code s3_error s3_error_like response_headers response_headers_like response_body
    response_body_like response_body_unlike response_body_size saw_100 connection http_version
    ignore_response origin_count origin_request_like origin_request_unlike origin_body
    origin_body_sha256 origin_verdict error_log no_error_log access_log no_access_log fatal_log
    client_key_sent    skip_nginx skip_eval todo);

my ($repeat, $no_module, $workers, $log_level) = (1, 0, 1, undef);
my (%default, @preprocessors);
my ($nginx, $running_as, $grudge);

sub repeat_each (@count) { $repeat = $count[0] if @count; return $repeat }
sub workers ($count) { $workers = $count; return }
sub log_level ($level) { $log_level = $level; return }
sub server_port () { return S3Proxy::Ports::port('SERVER') }
sub curl (@arguments) { return S3Proxy::Client::curl(@arguments) }

# Runs against nginx without the module.
sub no_module () { $no_module = 1; return }

# Sections for the blocks that do not have them.
sub default_sections (%section) { %default = (%default, %section); return }

# As in Test::Nginx: code that is called with each block before it runs.
sub add_block_preprocessor ($code) { push @preprocessors, $code; return }

# Skips the whole file.
sub skip_all_if ($condition, $reason) {
    Test::More::plan(skip_all => $reason) if $condition;
    return;
}

sub run_tests () {
    my $builder = Test::More->builder;
    Test::More::plan('no_plan') if !$builder->has_plan;
    die 'no module at ' . S3Proxy::Nginx::module() . ": build it first (make module)\n"
        if !$no_module && !-e S3Proxy::Nginx::module();
    $nginx = S3Proxy::Nginx->new;
    S3Proxy::Certs::directory($nginx->prefix . '/certs');
    for my $block (Test::Base::blocks()) {
        for my $section (@{ $block->_section_order }) {
            die $block->name . ": unknown section '$section'\n" if !$KNOWN{$section};
        }
        $_->($block) for @preprocessors;
        for (grep { !exists $block->{$_} } keys %default) { $block->set_value($_, $default{$_}) }
        _run_block($block) for 1 .. $repeat;
    }
    _stop_nginx(undef);
    return;
}

sub _run_block ($block) {
    my $run = S3Proxy::Run->new($block, $nginx);
    if (my $reason = _reason_to_skip($run)) {
        SKIP: { Test::More::skip($run->name($reason), 1) }
        return;
    }
    my $todo = $run->section('todo');
    Test::More->builder->todo_start($todo) if defined $todo;
    eval { _perform($run); 1 } or Test::More::fail($run->name("runs: $@"));
    Test::More->builder->todo_end if defined $todo;
    $grudge = 1 if grep { is_faulty($_) } values %{ $run->{origins} };
    S3Proxy::Origin::stop_all();
    return;
}

sub _perform ($run) {
    my $part = _config_parts($run);
    my ($environment, $files) = (_environment($run), $run->files);
    return _test_config($run, $part, $environment, $files)
        if grep { defined $run->section($_) } qw(nginx_conf_fails nginx_conf_ok);

    # nginx is kept from block to block while nothing about it changes.
    my $identity = join "\0", (map { $_ // '' } %$part{ sort keys %$part }), (map { @$_ } @$files),
        (map { "$_=$environment->{$_}" } sort keys %$environment);
    $identity .= join "\0", @{ $part->{listen} };
    $run->{origins} = parse_origins($run->section('origins') // '');
    my $faulty = grep { is_faulty($_) } values %{ $run->{origins} };
    if ($nginx->pid && ($identity ne ($running_as // '') || $grudge || $faulty || defined $run->section('fresh'))) {
        _stop_nginx($run);
    }
    $run->start_origins;
    $nginx->mark_logs;
    if (!$nginx->pid) {
        $nginx->write_file(@$_) for @$files;
        $nginx->write_config(%$part);
        $nginx->start($environment);
        ($running_as, $grudge) = ($identity, 0);
    }
    if (defined $run->section('reload')) {
        $nginx->reload or Test::More::fail($run->name('reload'));
    }
    $run->send_all;
    check_all($run);
    _run_code($run);
    check_unasked($run);
    return;
}

sub _config_parts ($run) {
    my %part = (no_module => $no_module, workers => $workers, log_level => $run->section('log_level') // $log_level);
    $part{$_} = $run->section($_) for qw(main_config http_config config);
    $part{listen} = ['127.0.0.1:' . server_port()];
    if (defined $run->section('https')) {
        push @{ $part{listen} }, '127.0.0.1:' . S3Proxy::Ports::port('TLS') . ' ssl';
        my ($certificate, $key) = S3Proxy::Certs::certificate('localhost');
        $part{config} = "ssl_certificate $certificate; ssl_certificate_key $key;\n" . ($part{config} // '');
    }
    push @{ $part{listen} }, '127.0.0.1:' . S3Proxy::Ports::port('H2') . ' http2'
        if defined $run->section('http2');
    return \%part;
}

# --- nginx_conf_fails / nginx_conf_ok: regexes on what `nginx -t` prints; %%HERE%% in them
# is the number of the configuration line that holds `# HERE`.
sub _test_config ($run, $part, $environment, $files) {
    $nginx->mark_logs;
    $nginx->write_file(@$_) for @$files;
    my @lines = split /\n/, $nginx->write_config(%$part);
    undef $running_as;    # the configuration of the running nginx is overwritten
    $grudge = 1;
    my ($here) = grep { $lines[$_ - 1] =~ /# HERE\b/ } 1 .. @lines;
    my ($text, $exit) = $nginx->test_config($environment);
    my $fails = $run->section('nginx_conf_fails');
    my $wanted = $fails // $run->section('nginx_conf_ok');
    (defined $fails ? $exit != 0 : $exit == 0)
        ? Test::More::pass($run->name('nginx -t ' . (defined $fails ? 'fails' : 'succeeds')))
        : Test::More::fail($run->name("nginx -t exits with $exit"));
    for my $regex (grep { /\S/ } split /\n/, $wanted) {
        $regex =~ s/%%HERE%%/$here/g if defined $here;
        Test::More::like($text, qr/$regex/, $run->name('nginx -t prints it'));
    }
    Test::More::unlike($text, qr/panicked|AddressSanitizer/, $run->name('nginx -t does not crash'));
    return;
}

sub _run_code ($run) {
    my $code = $run->section('code') // return;
    my $sub = ref $code ? $code : eval "package main; use v5.36; sub (\$t) {\n#line 1 \"code of $run->{block}{name}[0]\"\n$code\n}";
    if (!$sub) {
        Test::More::fail($run->name("code compiles: $@"));
        return;
    }
    eval { $sub->($run); 1 } or Test::More::fail($run->name("code runs: $@"));
    return;
}

sub _environment ($run) {
    return { map { /^\s*(\w+)=(.*)$/ ? ($1, $2) : () } split /\n/, $run->section('env') // '' };
}

# "< 1.25.1" in skip_nginx, "reason: perl" in skip_eval.
sub _reason_to_skip ($run) {
    if (defined(my $condition = $run->section('skip_nginx'))) {
        my ($operator, @version) = $condition =~ /(<=?|>=?|==)\s*(\d+)\.(\d+)\.(\d+)/
            or die "skip_nginx: cannot read '$condition'\n";
        my ($is, $limit) = (S3Proxy::Nginx::version(), $version[0] * 1_000_000 + $version[1] * 1000 + $version[2]);
        return "nginx $condition" if eval "$is $operator $limit";
    }
    if (defined(my $condition = $run->section('skip_eval'))) {
        my ($reason, $code) = split /:\s*/, $condition, 2;
        return $reason if eval "package main; $code";
    }
    return undef;
}

# Stops nginx and judges how it went; `$run` is the next block, for the name.
sub _stop_nginx ($run) {
    return if !$nginx->pid;
    $nginx->mark_logs;
    my $killed = $nginx->stop;
    my @fatal = $nginx->fatal_lines;
    my $name = $run ? $run->name('nginx before it stops cleanly') : 'nginx stops cleanly';
    Test::More::fail("$name: killed") if $killed;
    Test::More::fail("$name: $_") for @fatal;
    return;
}

# Test::Base's own `eval` gives the text of an error as the section's value.
package S3Proxy::Test::Filter;

our @ISA = ('Test::Base::Filter');

sub eval ($self, $code) {
    my @value = CORE::eval("package main; no strict 'vars'; $code");
    die "eval section: $@$code" if $@;
    return @value;
}

1;
