#!/bin/sh
# Has nginx look up its upstream servers again when their addresses have changed: nginx itself does so only when it reads its
# configuration, and S3 endpoints move. Looks every NGINX_DNS_INTERVAL seconds (300; 0 switches this off), and every two seconds
# while there is a name that did not resolve when nginx started.
#
# A large service answers each question with a few of its many addresses, so that an address is absent from an answer says little.
# nginx reads its configuration anew, which ends no request, only when an address that it uses is gone.
set -eu

interval=${NGINX_DNS_INTERVAL:-300}
configuration=${NGINX_ENVSUBST_OUTPUT_DIR:-/run/nginx/conf.d}
scripts=$(dirname "$0")
# The entry point becomes nginx.
nginx=$PPID

# shellcheck source=SCRIPTDIR/18-addresses.envsh
. "$scripts/18-addresses.envsh"

# servers: NAME:PORT of each "server" line of the configuration that is a name.
servers() {
    sed -n 's/^ *server  *\([A-Za-z0-9][A-Za-z0-9.-]*:[0-9][0-9]*\)[ ;].*/\1/p' "$configuration"/*.conf
    for prefix in ${S3_ORIGINS:-}; do
        eval "printf '%s:%s\n' \"\$${prefix}_HOST\" \"\$${prefix}_PORT\""
    done
}

# certified NAME:PORT: whether that origin proves by a certificate who it is. Prints the name that it goes by.
certified() {
    [ "${ORIGIN_TLS_VERIFY:-on}" = on ] || return 1
    for prefix in ${S3_ORIGINS:-}; do
        host='' port='' scheme='' domain=''
        eval "host=\$${prefix}_HOST port=\$${prefix}_PORT scheme=\$${prefix}_SCHEME domain=\$${prefix}_DOMAIN"
        if [ "$host:$port" = "$1" ] && [ "$scheme" = https ]; then
            echo "${domain%:*}"
            return 0
        fi
    done
    return 1
}

# there NAME:PORT ADDRESS: whether the server is still at that address. Any answer of its will do, if the certificate is right; where
# there is none, that the port is open.
there() {
    address=$2
    case $address in *:*) address="[$address]" ;; esac
    if domain=$(certified "$1"); then
        curl -s -o /dev/null --connect-timeout 2 --max-time 4 --noproxy '*' --cacert "${ORIGIN_CA_FILE:-/etc/ssl/certs/ca-certificates.crt}" \
            --connect-to "::$address:${1##*:}" "https://$domain/" </dev/null
    else
        # 7 and 28: refused, and no answer. What is said over the connection does not matter.
        status=0
        curl -s -o /dev/null --connect-timeout 2 --max-time 2 --noproxy '*' "http://$address:${1##*:}/" </dev/null || status=$?
        [ "$status" != 7 ] && [ "$status" != 28 ]
    fi
}

# moved NAME:PORT FOUND: whether nginx has to look it up again.
moved() {
    used=$(cat "$S3_ADDRESSES/${1%:*}")
    # The first time that it resolves.
    [ -n "$used" ] || return 0
    gone=$(printf '%s\n' "$used" | grep -vxF "$2" || true)
    [ -n "$gone" ] || return 1
    # Without a certificate, whoever has got its last address may be another.
    if [ "$gone" = "$used" ] && ! certified "$1" >/dev/null; then return 0; fi
    for one in $gone; do
        there "$1" "$one" || return 0
    done
    return 1
}

# look: at each name, those that never resolved (`pending`) alone, or all. Succeeds if nginx has to read its configuration anew.
look() {
    changed=1
    for server in $servers; do
        name=${server%:*}
        if [ "$1" = pending ] && [ -s "$S3_ADDRESSES/$name" ]; then continue; fi
        found=$(addresses "$name")
        # No answer says nothing about the origin.
        [ -n "$found" ] || continue
        if moved "$server" "$found"; then
            echo "follow-dns: $name has moved, nginx looks it up again" >&2
            # For names that no template of ours has.
            printf '%s\n' "$found" >"$S3_ADDRESSES/$name"
            changed=0
        fi
    done
    return $changed
}

pending() {
    for server in $servers; do
        if ! [ -s "$S3_ADDRESSES/${server%:*}" ]; then return 0; fi
    done
    return 1
}

# seconds: the time. The interval may have a fraction, which arithmetic does not take.
seconds() {
    date +%s
}

follow() {
    whole=${interval%%.*}
    next=$(($(seconds) + ${whole:-0}))
    while :; do
        kind=all
        if pending; then
            sleep 2
            if [ "$interval" = 0 ] || [ "$(seconds)" -lt "$next" ]; then kind=pending; fi
        else
            [ "$interval" != 0 ] || return 0
            sleep "$interval"
        fi
        runs "$nginx" || return 0
        [ $kind = pending ] || next=$(($(seconds) + ${whole:-0}))
        if look $kind; then
            read_anew "$scripts" "$nginx" || return 0
        fi
    done
}

servers=$(servers | grep '^[^:]*[A-Za-z]' | grep -v '^\[' | sort -u) || exit 0
mkdir -p "$S3_ADDRESSES"
for server in $servers; do
    name=${server%:*}
    [ -e "$S3_ADDRESSES/$name" ] || addresses "$name" >"$S3_ADDRESSES/$name"
done
follow </dev/null &
