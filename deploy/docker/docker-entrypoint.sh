#!/bin/sh
# Prepares nginx's configuration, then becomes the command that it was given, so that nginx gets the container's signals.
#
# In the manner of nginx's official image: before nginx starts, what lies in /docker-entrypoint.d is run in the order of names,
# *.envsh in this shell (they set variables) and *.sh as programs.
set -eu

if [ "${1:-}" = nginx ]; then
    for script in "$(dirname "$0")"/docker-entrypoint.d/*; do
        case $script in
        *.envsh)
            # shellcheck disable=SC1090
            . "$script"
            ;;
        *.sh) "$script" ;;
        esac
    done
fi
exec "$@"
