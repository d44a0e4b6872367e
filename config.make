# Read by nginx's auto/make: the rules of the module, in the Makefile that configure writes.
ngx_s3_source=`pwd`
ngx_s3_dir=`cd "$ngx_addon_dir" && pwd`
mkdir -p $NGX_OBJS
ngx_s3_objs=`cd $NGX_OBJS && pwd`
# As auto/install will have it, which comes later.
case "$NGX_MODULES_PATH" in
/*) ngx_s3_modules=$NGX_MODULES_PATH ;;
*)  ngx_s3_modules=$NGX_PREFIX/$NGX_MODULES_PATH ;;
esac
ngx_s3_so=ngx_http_s3_signature_module.so

cat << END                                                    >> $NGX_MAKEFILE

build modules:	$NGX_OBJS/$ngx_s3_so

# Cargo knows what is up to date. The bindings are made from this source, as it is configured here.
.PHONY: $NGX_OBJS/$ngx_s3_so
$NGX_OBJS/$ngx_s3_so: $NGX_OBJS/ngx_auto_config.h
	NGINX_SOURCE_DIR='$ngx_s3_source' NGINX_BUILD_DIR='$ngx_s3_objs' cargo build --release --locked \\
		--manifest-path '$ngx_s3_dir/Cargo.toml' --package ngx-http-s3-signature --target-dir '$ngx_s3_objs/cargo'
	cp '$ngx_s3_objs/cargo/release/libngx_http_s3_signature_module.so' '\$@'

.PHONY: install-$ngx_s3_so
install: install-$ngx_s3_so
install-$ngx_s3_so: $NGX_OBJS/$ngx_s3_so
	mkdir -p '\$(DESTDIR)$ngx_s3_modules'
	cp $NGX_OBJS/$ngx_s3_so '\$(DESTDIR)$ngx_s3_modules/'

END
