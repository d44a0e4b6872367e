//! Passes on what nginx-sys found out about the nginx that the module is built for, and compiles what only C knows of it.
//!
//! nginx-sys has `links = "nginx"`, so Cargo hands its findings to direct dependents as DEP_NGINX_* variables.

fn main() {
    println!("cargo:rerun-if-env-changed=DEP_NGINX_FEATURES");
    println!("cargo:rerun-if-env-changed=DEP_NGINX_FEATURES_CHECK");
    println!("cargo:rerun-if-env-changed=DEP_NGINX_VERSION_NUMBER");

    // `cfg(nginx_resolves)`: an nginx that knows `server … resolve`.
    println!("cargo::rustc-check-cfg=cfg(nginx_resolves)");
    let version = std::env::var("DEP_NGINX_VERSION_NUMBER").ok();
    if version
        .and_then(|version| version.trim().parse().ok())
        .is_some_and(|version: u64| version >= 1_027_003)
    {
        println!("cargo::rustc-cfg=nginx_resolves");
    }

    // `cfg(ngx_feature = "…")` for the module, exactly as nginx-sys has it for its own bindings.
    if let Ok(values) = std::env::var("DEP_NGINX_FEATURES_CHECK") {
        println!("cargo::rustc-check-cfg=cfg(ngx_feature, values({values}))");
    }
    let features = std::env::var("DEP_NGINX_FEATURES").unwrap_or_default();
    for feature in features.split(',').filter(|feature| !feature.is_empty()) {
        println!("cargo::rustc-cfg=ngx_feature=\"{feature}\"");
    }
    // Without it nginx's structures for TLS have no members, and nothing goes to an origin of https.
    if !features.split(',').any(|feature| feature == "http_ssl") {
        println!(
            "cargo::error=nginx is configured without --with-http_ssl_module, which this module needs"
        );
    }
    compile_request_bits();
}

/// src/request/bits.c, with the headers and the flags of that nginx.
fn compile_request_bits() {
    const SOURCE: &str = "src/request/bits.c";
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-env-changed=DEP_NGINX_INCLUDE");
    println!("cargo:rerun-if-env-changed=DEP_NGINX_CFLAGS");
    let mut build = cc::Build::new();
    build.file(SOURCE).warnings(false);
    let include = std::env::var_os("DEP_NGINX_INCLUDE").unwrap_or_default();
    build.includes(std::env::split_paths(&include));
    for flag in std::env::var("DEP_NGINX_CFLAGS").unwrap_or_default().split_whitespace() {
        build.flag(flag);
    }
    build.compile("nginx_request_bits");
}
