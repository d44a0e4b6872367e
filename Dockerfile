# The S3 signature proxy: Debian's own nginx with the module. No step knows the processor, so buildx builds it for any that Debian
# and Rust have:
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t s3-signature-proxy .

FROM debian:bookworm-slim AS build
WORKDIR /src
# Cargo's profile; `dev` is quicker to build, for tests of the deployment.
ARG PROFILE=release
# With profile-guided optimization, which `dev` has none of; empty for a module that is built once, in half of the time.
ARG PGO=yes
# What changes seldom comes first: this step takes the longest. Debian's rustc-web is a current Rust.
COPY scripts/common.sh scripts/install-packages scripts/pgo scripts/
COPY Cargo.toml ./
COPY crates/test-origin/Cargo.toml crates/test-origin/
RUN scripts/install-packages build run pgo
# By name, so that a change of a test builds nothing anew.
COPY scripts/build-module scripts/build-sign-s3 scripts/build-credentials scripts/nginx-headers scripts/
COPY Cargo.lock ./
COPY bench/train bench/
COPY bench/conf/ bench/conf/
COPY bench/harness/ bench/harness/
COPY bench/instructions/ bench/instructions/
COPY bench/load/ bench/load/
COPY nginx-conf/ nginx-conf/
COPY crates/ crates/
COPY src/ src/
RUN CI=true scripts/build-module \
    && CI=true scripts/build-sign-s3 \
    && strip --strip-debug build/*.so build/sign_s3

# For the demo of docker-compose.yml: an S3 server for trying things, and not for keeping anything.
FROM build AS build-origin
RUN cargo build --locked --profile "$PROFILE" --package test-origin \
    && mv "target/$(echo "$PROFILE" | sed s/^dev$/debug/)/test-origin" build/

FROM debian:bookworm-slim AS origin
COPY --from=build-origin /src/build/test-origin /usr/local/bin/
RUN install -d -o www-data -g www-data /data
VOLUME /data
USER 33:33
EXPOSE 9000
ENTRYPOINT ["test-origin"]

# Gets and renews temporary keys of an origin, beside the proxy.
FROM build AS build-credentials
RUN CI=true scripts/build-credentials

FROM debian:bookworm-slim AS credentials
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-credentials /src/build/s3_credentials /usr/local/bin/
USER 33:33
ENTRYPOINT ["s3_credentials"]

# `docker compose up`: Debian's HAProxy, the version that t/failover-haproxy.t tests.
FROM debian:bookworm-slim AS haproxy
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends haproxy \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/haproxy.cfg /etc/haproxy/
USER haproxy
EXPOSE 8080 8405
# HAProxy ends when the requests that it has are finished.
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=5s --timeout=4s --start-period=10s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8405 && printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q 200"]
ENTRYPOINT ["haproxy"]
CMD ["-db", "-f", "/etc/haproxy/haproxy.cfg"]

FROM debian:bookworm-slim AS proxy
LABEL org.opencontainers.image.title="s3-signature-proxy" \
    org.opencontainers.image.version="0.2.0" \
    org.opencontainers.image.licenses="MIT"
# hadolint ignore=DL3008 # Debian's security updates are wanted, whatever their version
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl gettext-base nginx \
    && rm -rf /var/lib/apt/lists/* \
    # The only places that are written to, the second by UNKNOWN_LENGTH=buffer alone.
    && install -d -o www-data -g www-data /run/nginx /var/lib/nginx/body
COPY --from=build /src/build/ngx_http_s3_signature_module.so /usr/lib/nginx/modules/
COPY --from=build /src/build/sign_s3 /usr/local/bin/
COPY nginx-conf/s3_audit_log_format nginx-conf/s3_log_format nginx-conf/s3_proxy_params nginx-conf/s3_server_params /etc/nginx/s3/
COPY nginx-conf/docker/nginx.conf /etc/nginx/
COPY nginx-conf/templates/ /etc/nginx/templates/
COPY deploy/docker/docker-entrypoint.sh /
COPY deploy/docker/docker-entrypoint.d/ /docker-entrypoint.d/

# www-data, by number for those who check that it is not root.
USER 33:33
EXPOSE 8080 8405
# nginx ends when the requests that it has are finished.
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=4s --start-period=10s \
    CMD ["sh", "-c", "exec curl -fsS -o /dev/null http://127.0.0.1:${PORT:-8080}/healthz"]
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-e", "stderr", "-g", "daemon off;"]
