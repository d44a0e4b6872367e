#!/bin/sh
# Where nginx listens: ports PORT and METRICS_PORT of all addresses, IPv6 ones where the container has any (opening one fails where the
# kernel has no IPv6), or only at the address that they name.
set -eu

folder=$(dirname "${NGINX_WORKERS_FILE:-/run/nginx/workers.conf}")

# listen FILE PORT
listen() {
    echo "listen $2;" >"$folder/$1"
    case $2 in
    *[!0-9]*) ;;
    *) [ ! -s /proc/net/if_inet6 ] || echo "listen [::]:$2;" >>"$folder/$1" ;;
    esac
}

listen listen.conf "${PORT:-8080}"
listen listen-metrics.conf "${METRICS_PORT:-8405}"
