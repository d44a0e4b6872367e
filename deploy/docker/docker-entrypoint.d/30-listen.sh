#!/bin/sh
# Where nginx listens: port PORT of all addresses, IPv6 ones where the container has any (opening one fails where the kernel has no
# IPv6), or only at the address that PORT names.
set -eu

port=${PORT:-8080}
file=$(dirname "${NGINX_WORKERS_FILE:-/run/nginx/workers.conf}")/listen.conf
echo "listen $port;" >"$file"
case $port in
*[!0-9]*) ;;
*) [ ! -s /proc/net/if_inet6 ] || echo "listen [::]:$port;" >>"$file" ;;
esac
