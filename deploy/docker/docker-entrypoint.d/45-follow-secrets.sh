#!/bin/sh
# Has nginx read its configuration anew, which ends no request, when a file with a key has changed: a Secret of Kubernetes that was
# mounted, or a file in deploy/secrets. Looks every NGINX_SECRETS_INTERVAL seconds (10; 0 switches this off).
#
# What is looked at are the folders of the files that the configuration names, for clients.json names more of them. nginx keeps the old
# keys, and says so, while a file is wrong.
set -eu

interval=${NGINX_SECRETS_INTERVAL:-10}
configuration=${NGINX_ENVSUBST_OUTPUT_DIR:-/run/nginx/conf.d}
scripts=$(dirname "$0")
# The entry point becomes nginx.
nginx=$PPID

# shellcheck source=SCRIPTDIR/18-addresses.envsh
. "$scripts/18-addresses.envsh"

# "key" with file=PATH and old=file=PATH, and the line "file PATH;" of s3_clients.
folders=$(sed -n 's/[ ;]\(old=\)\{0,1\}file=/\n@/gp; s/.*[ ;]file  *\([^ ;]*\);.*/@\1/p' "$configuration"/*.conf |
    sed -n 's|^@\(/[^ ;]*\)/[^ ;/]*.*|\1|p' | sort -u)
if [ "$interval" = 0 ] || [ -z "$folders" ]; then exit 0; fi

# One line that is another whenever a file is.
sum() {
    # shellcheck disable=SC2086 # a word for each folder
    find -L $folders -maxdepth 1 -type f -exec sha256sum {} + 2>/dev/null | sort | sha256sum
}

follow() {
    while sleep "$interval" && runs "$nginx"; do
        found=$(sum)
        if [ "$found" != "$used" ]; then
            used=$found
            echo "follow-secrets: a file has changed, nginx reads its configuration anew" >&2
            read_anew "$scripts" "$nginx" || return 0
        fi
    done
}

used=$(sum)
follow </dev/null &
