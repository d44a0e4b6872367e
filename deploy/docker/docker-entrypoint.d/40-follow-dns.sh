#!/bin/sh
# Has nginx look up its upstream servers again when their addresses have changed: nginx itself does so only when it reads its
# configuration, and S3 endpoints move. Looks every NGINX_DNS_INTERVAL seconds (300; 0 switches this off).
set -eu

interval=${NGINX_DNS_INTERVAL:-300}
configuration=${NGINX_ENVSUBST_OUTPUT_DIR:-/run/nginx/conf.d}
# The entry point becomes nginx.
nginx=$PPID

names=$(sed -n 's/^ *server  *\([A-Za-z][A-Za-z0-9.-]*\):[0-9].*/\1/p' "$configuration"/*.conf | sort -u)
if [ "$interval" = 0 ] || [ -z "$names" ]; then exit 0; fi

addresses() {
    getent ahosts "$1" | awk '{ print $1 }' | sort -u
}

# follow NAME: reloads when none of the addresses that nginx uses is valid any more. A few of many may come and go.
follow() {
    used=$(addresses "$1" || true)
    while sleep "$interval" && kill -0 "$nginx" 2>/dev/null; do
        found=$(addresses "$1" || true)
        # No answer says nothing about the origin.
        [ -n "$found" ] || continue
        used=${used:-$found}
        if ! printf '%s\n' "$found" | grep -qxF "$used"; then
            echo "follow-dns: $1 has moved, nginx looks it up again" >&2
            kill -HUP "$nginx" || return 0
            used=$found
        fi
    done
}

for name in $names; do
    follow "$name" </dev/null &
done
