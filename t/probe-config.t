# Tests for the directives s3_probe and s3_health as the configuration has them.

use v5.36;
use lib 't/lib';
use S3Proxy::Probes;
use S3Proxy::Setup;
use S3Proxy::Test;

default_sections(config => config(), origins => '');

# An upstream of b and a with these lines.
sub main::upstream_of ($text, %option) { return of_upstream("$text server %%ORIGIN_B%%; server %%ORIGIN_A%% backup;", %option) }

run_tests();

__DATA__

=== TEST 1: without parameters
--- http_config eval: ::upstream_of('s3_probe;')
--- nginx_conf_ok
successful

=== TEST 2: all parameters
--- http_config eval: ::upstream_of('s3_probe interval=1s timeout=700ms fall=3 rise=1 uri=/bucket?location all_down=503;')
--- nginx_conf_ok
successful

=== TEST 3: off
--- http_config eval: ::upstream_of('s3_probe off;')
--- nginx_conf_ok
successful

=== TEST 4: twice
--- http_config eval: ::upstream_of("s3_probe;\ns3_probe off; # HERE\n")
--- nginx_conf_fails
"s3_probe" directive is duplicate in .*:%%HERE%%

=== TEST 5: parameters that cannot be
--- http_config eval: ::upstream_of("s3_probe interval=10ms; # HERE\n")
--- nginx_conf_fails
invalid parameter "interval=10ms" of "s3_probe": it must be from 100ms to 1h in .*:%%HERE%%

=== TEST 6: an unknown one
--- http_config eval: ::upstream_of("s3_probe port=1; # HERE\n")
--- nginx_conf_fails
invalid parameter "port=1" of "s3_probe" in .*:%%HERE%%

=== TEST 6.1: all_down is 503 or try
--- http_config eval: ::upstream_of("s3_probe all_down=502; # HERE\n")
--- nginx_conf_fails
invalid parameter "all_down=502" of "s3_probe": it must be "try" or "503" in .*:%%HERE%%

=== TEST 6.2: more parameters than there are
--- http_config eval: ::upstream_of("s3_probe interval=1s timeout=1s fall=1 rise=1 uri=/ all_down=try fall=2; # HERE\n")
--- nginx_conf_fails
invalid number of arguments in "s3_probe" directive in .*:%%HERE%%

=== TEST 7: not outside of upstream{}
--- http_config eval: ::upstream_of('') . "s3_probe; # HERE\n"
--- nginx_conf_fails
"s3_probe" directive is not allowed here in .*:%%HERE%%

=== TEST 8: not in server{}
--- http_config eval: ::upstream_of('')
--- config eval: ::config(server => "s3_probe; # HERE\n")
--- nginx_conf_fails
"s3_probe" directive is not allowed here in .*:%%HERE%%

=== TEST 9: a server that is no origin
--- http_config eval: ::of_upstream("s3_probe; server %%ORIGIN_B%%; server 127.0.0.1:%%PORT_other%% backup;")
--- config eval: ::config() =~ s/s3_resign on/s3_resign \$http_x/r
--- nginx_conf_fails
"s3_probe" in upstream "s3" in .*: no s3_origin has the endpoint of server "127.0.0.1:\d+"

=== TEST 10: no location that shows how to reach the origins
--- http_config eval: ::upstream_of('s3_probe;')
--- config: return 204;
--- nginx_conf_ok
\[warn\] .*"s3_probe" in upstream "s3" in .*: s3_origin "b" is not probed: no location with "s3_resign" proxies there over http, as its endpoint says

=== TEST 11: one that goes there in another way
--- http_config eval: ::upstream_of('s3_probe;', scheme => 'https')
--- nginx_conf_ok
\[warn\] .*s3_origin "b" is not probed: no location with "s3_resign" proxies there over https, as its endpoint says

=== TEST 12: one with a variable is as good
--- http_config eval: ::upstream_of('s3_probe;')
--- config eval: ::config() =~ s{http://s3}{http://\$arg_upstream}r
--- nginx_conf_ok
successful

=== TEST 13: a client certificate that depends on the request
--- http_config eval: ::upstream_of('s3_probe;', scheme => 'https')
--- config eval: ::config(scheme => 'https', location => 'proxy_ssl_certificate $ssl_server_name.pem; proxy_ssl_certificate_key $ssl_server_name.key;')
--- nginx_conf_fails
"proxy_ssl_certificate" with a variable has no value without a request

=== TEST 14: not for what is not S3's
--- http_config eval: ::upstream_of('s3_probe uri=/minio/admin/v3/info;')
--- nginx_conf_fails
invalid "uri": it asks for what is not S3's

=== TEST 15: s3_health by names of probed origins
--- http_config eval: ::upstream_of('s3_probe;')
--- config eval: ::config(server => 'location = /healthz { s3_health b a; }')
--- nginx_conf_ok
successful

=== TEST 16: and of others
--- http_config eval: ::upstream_of('')
--- config eval: ::config(server => "location = /healthz { s3_health b; # HERE\n }")
--- nginx_conf_fails
no upstream with "s3_probe" has the origin "b" of "s3_health" in .*:%%HERE%%

=== TEST 17: s3_health's time
--- http_config eval: ::upstream_of('')
--- config eval: ::config(server => "location = /healthz { s3_health b=/b timeout=never; # HERE\n }")
--- nginx_conf_fails
invalid parameter "timeout=never" of "s3_health": a time from 1ms to 1h in .*:%%HERE%%

=== TEST 18: an origin may be called timeout
--- http_config eval: ::upstream_of('')
--- config eval: ::config(server => "location = /healthz { s3_health timeout=/b timeout=2s; }")
--- nginx_conf_ok
successful

=== TEST 19: s3_health of nobody
--- http_config eval: ::upstream_of('')
--- config eval: ::config(server => "location = /healthz { s3_health timeout=2s; # HERE\n }")
--- nginx_conf_fails
"s3_health" names no origin in .*:%%HERE%%

=== TEST 20: a name that JSON would have to escape
--- http_config eval: ::upstream_of('')
--- config eval: ::config(server => "location = /healthz { s3_health 'a\"b=/b'; # HERE\n }")
--- nginx_conf_fails
invalid parameter "a"b=/b" of "s3_health"

=== TEST 21: in a zone, with keepalive, before and behind the servers
--- http_config eval: ::of_upstream('zone s3 64k; server %%ORIGIN_B%%; s3_probe; server %%ORIGIN_A%% backup; keepalive 4;')
--- nginx_conf_ok
successful

=== TEST 22: several upstreams
--- http_config eval: ::upstream_of('s3_probe;') . 'upstream other { s3_probe fall=1; server %%ORIGIN_A%%; }'
--- config eval: ::config(server => 'location /other/ { s3_verify apps; s3_resign a; proxy_pass http://other; }')
--- nginx_conf_ok
successful
